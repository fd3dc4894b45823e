"""Errors of the domain. Each knows its HTTP status and leaves the service as an RFC 9457 problem document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

__all__ = [
    "Busy",
    "Conflict",
    "DependencyUnavailable",
    "DomainError",
    "FieldProblem",
    "Forbidden",
    "IdempotencyKeyReused",
    "InsufficientStock",
    "InternalError",
    "Invalid",
    "MethodNotAllowed",
    "NotFound",
    "PreconditionFailed",
    "PreconditionRequired",
    "ProblemDocument",
    "TooLarge",
    "TooManyRequests",
    "Unauthenticated",
]


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing wrong with what was sent: where, what, and what to do about it.

    ``field`` is a dotted path into the body (``movements.3.quantity``), or the name of a header or query parameter.
    """

    field: str
    detail: str
    remedy: str


class ProblemDocument(BaseModel):
    """What an error looks like to a client (RFC 9457), as ``application/problem+json``; some kinds have further members."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="Leads to an explanation of this kind of problem: the end of it is `code`.")
    code: str = Field(description="The short name of this kind of problem.")
    title: str
    status: int
    detail: str = Field(description="What failed.")
    remedy: str | None = Field(None, description="What to do next.")
    errors: list[FieldProblem] = Field([], description="Every field at fault.")


class DomainError(Exception):
    """Something the caller asked for cannot be done, and the caller can be told why.

    A class with a ``slug`` of its own is a kind of problem: the first line of its docstring and its ``advice`` explain it to clients.

    Args:
        detail: One sentence: what failed.
        remedy: One sentence: what to do next. Empty only where ``errors`` carry the remedies.
        errors: Every field at fault, not only the first.
        extra: Further members of the problem document.
    """

    status: ClassVar[int] = 400
    slug: ClassVar[str] = "bad-request"
    title: ClassVar[str] = "The request cannot be carried out"
    advice: ClassVar[str] = "Correct what the detail names."

    def __init__(self, detail: str, *, remedy: str = "", errors: Sequence[FieldProblem] = (), extra: dict[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy
        self.errors = tuple(errors)
        self.extra = extra or {}


class Invalid(DomainError):
    """What was sent is understood and is wrong."""

    status = 422
    slug = "invalid"
    title = "Some fields are not right"
    advice = "Correct every field under `errors`, and send the request again. Nothing was changed."


class IdempotencyKeyReused(Invalid):
    """The Idempotency-Key stands for another request already."""

    slug = "idempotency-key-reused"
    title = "The key was used before"
    advice = "Send a new key for something new, and the same key only with the same body."


class NotFound(DomainError):
    """Nothing stands under that name."""

    status = 404
    slug = "not-found"
    title = "Not found"
    advice = "Correct the address or the code in it."


class MethodNotAllowed(DomainError):
    """The address exists and does not take that method."""

    status = 405
    slug = "method-not-allowed"
    title = "Method not allowed"
    advice = "Use a method that the header `Allow` or the description of the API names."


class Conflict(DomainError):
    """The request contradicts what is there now."""

    status = 409
    slug = "conflict"
    title = "In conflict with what is there"
    advice = "Read what is there now, and decide again."


class InsufficientStock(Conflict):
    """There is less on hand than that, and stock must not fall below zero there."""

    slug = "insufficient_stock"  # The one with an underscore: clients know it so.
    title = "Not enough stock"
    advice = "Take less, or count the shelf first. To sell below zero, set `allow_oversell` on the product or the store."


class Busy(Conflict):
    """Somebody else is changing the same thing right now. ``retry_after`` is in seconds."""

    slug = "busy"
    title = "Somebody else is changing this right now"
    advice = "Send the same request again after the seconds in `Retry-After`."

    def __init__(self, detail: str, *, remedy: str = "", retry_after: int = 2) -> None:
        super().__init__(detail, remedy=remedy or f"Send the same request again in {retry_after} s.")
        self.retry_after = retry_after


class PreconditionFailed(DomainError):
    """A condition in a header of the request does not hold."""

    status = 412
    slug = "precondition-failed"
    title = "Changed meanwhile"
    advice = "Read it again, and send the request with its present `ETag`."


class PreconditionRequired(DomainError):
    """An edit did not say which version it edits."""

    status = 428
    slug = "precondition-required"
    title = "Say which version you are editing"
    advice = "Send `If-Match` with the `ETag`, or `version` in the body."


class TooLarge(DomainError):
    """The body is larger than what is taken here."""

    status = 413
    slug = "too-large"
    title = "Too large"
    advice = "Send it in smaller parts."


class Unauthenticated(DomainError):
    """No valid key or session. Never says which part was wrong."""

    status = 401
    slug = "unauthenticated"
    title = "A key or a login is needed"
    advice = "Send a key in `X-API-Key`, or as `Authorization: Bearer`."


class Forbidden(DomainError):
    """The key or the person may not do this."""

    status = 403
    slug = "forbidden"
    title = "Not allowed"
    advice = "Use a key that has the scope which the detail names."


class TooManyRequests(DomainError):
    """The caller has to slow down. ``retry_after`` is in seconds."""

    status = 429
    slug = "too-many-requests"
    title = "Too many attempts"
    advice = "Try again after the seconds in `Retry-After`."

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail, remedy=f"Try again in {retry_after} s.")
        self.retry_after = retry_after


class DependencyUnavailable(DomainError):
    """A server we depend on does not answer. ``service`` names it, ``retry_after`` is in seconds."""

    status = 503
    slug = "dependency-unavailable"
    title = "A part of the service is down"
    advice = "Send the same request again after the seconds in `Retry-After`, with the same Idempotency-Key."

    def __init__(self, service: str, detail: str, *, remedy: str = "", retry_after: int = 2) -> None:
        super().__init__(detail, remedy=remedy or f"Try again in {retry_after} s.", extra={"service": service})
        self.service = service
        self.retry_after = retry_after


class InternalError(DomainError):
    """Something broke on our side; it may or may not have taken effect."""

    status = 500
    slug = "internal-error"
    title = "Something broke on our side"
    advice = "Repeat it with the same Idempotency-Key: what was already applied is not applied again."
