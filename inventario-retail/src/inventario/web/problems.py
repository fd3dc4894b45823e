"""Every error leaves as an RFC 9457 problem document that names the field and the remedy; a person's browser gets the same as a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response
from starlette.types import Scope

from inventario.errors import DomainError, FieldProblem, InternalError, Invalid, MethodNotAllowed, NotFound, TooLarge
from inventario.web.languages import language_of
from inventario.web.words import N_

__all__ = ["answer_error", "field_problems", "from_domain_error", "install", "problem_document"]

log = structlog.get_logger(__name__)

_KINDS: dict[int, type[DomainError]] = {kind.status: kind for kind in (NotFound, MethodNotAllowed, TooLarge, InternalError)}
_DETAILS = {404: N_("Nothing stands at this address."), 405: N_("This address does not take that method.")}


def _problem(
    kind: type[DomainError],
    *,
    status: int | None = None,
    title: str = "",
    detail: str,
    remedy: str = "",
    errors: Sequence[FieldProblem] = (),
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    # A stable relative reference to a line of the page of problems.
    body: dict[str, Any] = {"type": f"/docs/problems#{kind.slug}", "code": kind.slug, "title": title or kind.title}
    body |= {"status": status or kind.status, "detail": detail}
    if remedy:
        body["remedy"] = remedy
    if errors:
        body["errors"] = [{"field": error.field, "detail": error.detail, "remedy": error.remedy} for error in errors]
    body.update(extra or {})
    return Response(orjson.dumps(body), body["status"], headers, media_type="application/problem+json")


def problem_document(error: DomainError, scope: Scope | None = None) -> dict[str, Any]:
    """Return the members of the problem document of *error*, for an answer that carries several; in the language of the person who asks in *scope*."""
    response = _for_script(scope, error) if scope is not None and _has_session(scope) else from_domain_error(error)
    document: dict[str, Any] = orjson.loads(bytes(response.body))
    return document


def from_domain_error(error: DomainError) -> Response:
    """Turn a domain error into its answer for a machine."""
    return _problem(
        type(error),
        detail=error.detail,
        remedy=error.remedy,
        errors=error.errors,
        extra=error.extra,
        headers=_retry_after(error),
    )


def answer_error(scope: Scope, error: DomainError) -> Response:
    """Turn a domain error into what the asker understands: a page for a browser, words in the person's language for our scripts, English for machines."""
    if not _wants_page(scope):
        return _for_script(scope, error) if _has_session(scope) else from_domain_error(error)
    return _page(
        scope, error.status, title=error.title, detail=error.detail, remedy=error.remedy, errors=error.errors, headers=_retry_after(error)
    )


# What pydantic found wrong, and what the sender can do about it. Anything else falls back on pydantic's own words.
_REMEDIES = {
    "missing": N_("Add the field."),
    "extra_forbidden": N_("Remove the field, or correct its spelling."),
    "json_invalid": N_("Send one JSON object with Content-Type: application/json."),
    "decimal_parsing": N_('Send a decimal as a string with a point, e.g. "12.50".'),
    "decimal_type": N_('Send a decimal as a string with a point, e.g. "12.50".'),
    "decimal_max_places": N_("Send fewer decimal places."),
    "decimal_max_digits": N_("Send a smaller number."),
    "decimal_whole_digits": N_("Send a smaller number."),
    "datetime_from_date_parsing": N_('Send a time with its zone, e.g. "2026-03-01T10:30:00-03:00".'),
    "datetime_parsing": N_('Send a time with its zone, e.g. "2026-03-01T10:30:00-03:00".'),
    "timezone_aware": N_('Add the zone to the time, e.g. "2026-03-01T10:30:00-03:00".'),
    "uuid_parsing": N_('Send an identifier as this API gave it, e.g. "01890a5d-ac96-774b-bcce-b302099a8057".'),
}


# Pydantic speaks of inputs and constraints; this speaks of the field, and can be translated.
_SENTENCES = {
    "missing": N_("The field is missing."),
    "extra_forbidden": N_("There is no such field here."),
    "greater_than": N_("It must be more than {gt}."),
    "greater_than_equal": N_("It must be {ge} or more."),
    "less_than": N_("It must be less than {lt}."),
    "less_than_equal": N_("It must be {le} or less."),
    "decimal_parsing": N_("It is not a number."),
    "decimal_type": N_("It is not a number."),
    "decimal_max_digits": N_("It has more than {max_digits} digits."),
    "decimal_whole_digits": N_("It has more than {whole_digits} digits before the decimal sign."),
    "decimal_max_places": N_("It has more than {decimal_places} decimal places."),
    "int_parsing": N_("It is not a whole number."),
    "string_type": N_("It is not a text."),
    "string_too_short": N_("It must have at least {min_length} characters."),
    "string_too_long": N_("It must have at most {max_length} characters."),
    "too_long": N_("It must have at most {max_length} items."),
    "literal_error": N_("It must be {expected}."),
    "bool_parsing": N_("It must be true or false."),
}


def field_problems(errors: Sequence[Mapping[str, Any]]) -> list[FieldProblem]:
    """Translate pydantic's error list. The first part of a location (body, query, header) is dropped: the names alone are unambiguous here."""
    problems = []
    for error in errors:
        location = [str(part) for part in error["loc"]]
        if location[:1] and location[0] in {"body", "query", "path", "header"}:
            del location[0]
        if error["type"] == "json_invalid":  # there the rest is a position in the text
            location = []
        sentence = _SENTENCES.get(error["type"])
        message = sentence.format(**error.get("ctx", {})) if sentence else str(error["msg"]).removeprefix("Value error, ")
        # Our own validators say "what is wrong; what to do".
        detail, _, remedy = message.partition("; ")
        problems.append(
            FieldProblem(".".join(location) or "body", detail, remedy or _REMEDIES.get(error["type"], N_("Correct the value.")))
        )
    return problems


async def _on_domain_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, DomainError)  # noqa: S101 - registered for this class alone
    return answer_error(request.scope, error)


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this class alone
    problems = field_problems(error.errors())
    return answer_error(request.scope, Invalid(f"{len(problems)} field(s) to correct; nothing was changed.", errors=problems))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    kind = _KINDS.get(error.status_code, DomainError)
    detail = _DETAILS.get(error.status_code, str(error.detail))
    if _wants_page(request.scope):
        return _page(request.scope, error.status_code, title=kind.title, detail=detail, headers=error.headers)
    return _problem(
        kind,
        status=error.status_code,
        detail=detail,
        remedy="See /docs for what the API offers.",
        headers=error.headers,
    )


async def _on_crash(request: Request, error: Exception) -> Response:
    log.error("unhandled_error", path=request.url.path, request_id=request.scope.get("request_id"), exc_info=error)
    if _wants_page(request.scope):
        told = InternalError("It may or may not have taken effect.", remedy="Look at the last movements before you repeat it.")
    else:
        told = InternalError(
            "The request was not understood by our own code. It may or may not have taken effect.",
            remedy="Repeat it with the same Idempotency-Key: what was already applied is not applied again.",
        )
    return answer_error(request.scope, told)


def install(app: FastAPI) -> None:
    """Register the handlers."""
    app.add_exception_handler(DomainError, _on_domain_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)
    app.add_exception_handler(Exception, _on_crash)


def _wants_page(scope: Scope) -> bool:
    if scope["path"].startswith("/api/") or "app" not in scope or not hasattr(scope["app"].state, "pages"):
        return False
    return any(name == b"accept" and b"text/html" in value for name, value in scope["headers"])


def _has_session(scope: Scope) -> bool:
    principal = scope.get("principal")
    return principal is not None and principal.session


def _page(
    scope: Scope,
    status: int,
    *,
    title: str,
    detail: str,
    remedy: str = "",
    errors: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    context = {"status": status, "title": title, "detail": detail, "remedy": remedy, "errors": errors}
    return HTMLResponse(scope["app"].state.pages.render(scope, "web/error.html", context), status, headers)


def _for_script(scope: Scope, error: DomainError) -> Response:
    say = language_of(scope).sentence
    return _problem(
        type(error),
        title=say(error.title),
        detail=say(error.detail),
        remedy=say(error.remedy),
        errors=[FieldProblem(problem.field, say(problem.detail), say(problem.remedy)) for problem in error.errors],
        extra=error.extra,
        headers=_retry_after(error),
    )


def _retry_after(error: DomainError) -> dict[str, str] | None:
    seconds = getattr(error, "retry_after", None)
    return None if seconds is None else {"Retry-After": str(seconds)}
