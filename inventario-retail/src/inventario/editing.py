"""Edits name the version they start from, so that two people never overwrite each other unseen."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from inventario.errors import Conflict, FieldProblem, Invalid, PreconditionFailed, PreconditionRequired

__all__ = ["StalePrecondition", "StaleVersion", "etag", "expected_version", "stale"]

_TAG = re.compile(r'^(?:W/)?"([0-9]{1,9})"$')


class StaleVersion(Conflict):
    """The edit starts from a version that is no longer the current one: 412 where `If-Match` said so, 409 where the body did."""

    slug = "stale-version"
    title = "Changed meanwhile"
    advice = "Compare `differences`, then send the edit again with `current_version`."


class StalePrecondition(PreconditionFailed):
    """The same, for an edit whose `If-Match` says so."""

    slug = StaleVersion.slug
    title = StaleVersion.title
    advice = StaleVersion.advice


def etag(version: int) -> str:
    """Return the entity tag of a resource that stands at *version*."""
    return f'"{version}"'


def expected_version(if_match: str | None, body: int | None) -> int:
    """Return the version that an edit starts from, as the header ``If-Match`` or the body's ``version`` says it.

    Raises:
        PreconditionRequired: Neither says it.
        Invalid: The header is no entity tag of ours, or the two contradict each other.
    """
    header = _version_of(if_match) if if_match and if_match.strip() != "*" else None
    if header is None and body is None:
        raise PreconditionRequired(
            "The edit does not say which version it starts from.",
            remedy='Read the resource and send its ETag as If-Match, e.g. If-Match: "3", or its version in the body, e.g. "version": 3.',
        )
    if header is not None and body is not None and header != body:
        problem = FieldProblem(
            "version", f"If-Match says version {header}, and the body says version {body}.", "Send one of the two, or the same in both."
        )
        raise Invalid("The edit names two versions to start from; nothing was changed.", errors=[problem])
    return header if header is not None else int(body or 0)


def _version_of(if_match: str) -> int:
    # A weak tag is taken as well: proxies that compress answers weaken every tag they pass on.
    found = _TAG.match(if_match.strip())
    if found is None:
        problem = FieldProblem(
            "If-Match",
            f"{if_match[:100]} is not one entity tag of this API.",
            'Send the ETag as it came with the answer, quotes included: "3".',
        )
        raise Invalid("The header If-Match is not right; nothing was changed.", errors=[problem])
    return int(found[1])


def stale(
    what: str, *, current: int, sent: int, by_header: bool, differences: Sequence[Mapping[str, Any]]
) -> StaleVersion | StalePrecondition:
    """Return the error for an edit of *what* that starts from a version which is no longer the current one.

    RFC 9110 gives 412 for a condition in a header that turned out false (13.1.1, 15.5.13), and 409 for a request whose content contradicts
    the state of the resource (15.5.10): so the one is for ``If-Match``, the other for ``version`` in the body.

    Args:
        what: How the resource is called in the sentence, e.g. ``product "COLA-225"``.
        current: The version it stands at.
        sent: The version the edit starts from.
        by_header: Whether ``If-Match`` said so.
        differences: ``field``, ``current``, ``yours`` of every field of the edit that does not stand as the edit would have it.
    """
    kind = StalePrecondition if by_header else StaleVersion
    fields = ", ".join(str(difference["field"]) for difference in differences)
    told = StaleVersion(
        f"The {what} is at version {current}, and the edit starts from version {sent}: it has been changed meanwhile.",
        remedy=f"Compare the fields that differ ({fields}), then send the edit again with version {current}."
        if fields
        else "Everything you sent stands there already; read it again.",
    )
    return kind(
        told.detail,
        remedy=told.remedy,
        errors=[_difference(difference, current) for difference in differences],
        extra={"current_version": current, "differences": list(differences)},
    )


def _difference(difference: Mapping[str, Any], version: int) -> FieldProblem:
    return FieldProblem(
        str(difference["field"]),
        f"It is {_show(difference['current'])} now, and the edit would make it {_show(difference['yours'])}.",
        f"Leave the field out to keep what is there, or send it again with version {version}.",
    )


def _show(value: Any) -> str:
    return "empty" if value is None or value == [] else f'"{value}"'
