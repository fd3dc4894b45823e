"""Every kind of problem that an answer can be, for the page that explains them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from inventario.errors import DomainError

__all__ = ["ProblemKind", "problem_kinds"]


@dataclass(frozen=True, slots=True)
class ProblemKind:
    """A kind of problem. ``slug`` is the end of its ``type``, ``statuses`` are the HTTP statuses it comes with, lowest first."""

    slug: str
    statuses: tuple[int, ...]
    title: str
    meaning: str
    advice: str


def problem_kinds() -> list[ProblemKind]:
    """Return all kinds, by status and name. A class without a slug of its own is of the kind of its parent."""
    found: dict[str, list[type[DomainError]]] = {}
    for error in _errors(DomainError):
        if "slug" in vars(error):
            found.setdefault(error.slug, []).append(error)
    return sorted((_kind(errors) for errors in found.values()), key=lambda kind: (kind.statuses, kind.slug))


def _kind(errors: list[type[DomainError]]) -> ProblemKind:
    first = errors[0]
    meaning = (first.__doc__ or "").partition("\n")[0]
    return ProblemKind(first.slug, tuple(sorted({error.status for error in errors})), first.title, meaning, first.advice)


def _errors(error: type[DomainError]) -> Iterator[type[DomainError]]:
    yield error
    for kind in error.__subclasses__():
        yield from _errors(kind)
