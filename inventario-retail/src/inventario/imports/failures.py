"""A file that cannot be imported, with all that is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence

from inventario.errors import Conflict, FieldProblem, Invalid
from inventario.imports.rules.problems import CellProblem
from inventario.imports.schemas import Import, ImportProblem

__all__ = ["AlreadyImported", "ImportFailed", "refused"]


class AlreadyImported(Conflict):
    """The same content was imported before. ``import`` is the id of that import."""

    slug = "already-imported"
    title = "Imported before"
    advice = "Take that import back first, or give `again=true`."


class ImportFailed(Invalid):
    """The file has errors; nothing was changed. ``report`` is None where it is no table at all."""

    slug = "import-failed"
    title = "The file has errors"
    advice = "Correct what `errors` names, line by line, and import the file again."

    def __init__(self, report: Import) -> None:
        more = report.error_total - len(report.errors)
        super().__init__(
            f"{report.file_name} has {report.error_total:,} error(s); nothing was changed.",
            remedy="Correct them and import the file again." + (f" The first {len(report.errors):,} are shown." if more > 0 else ""),
            errors=_fields(report.errors),
            extra={"import": str(report.id), "error_total": report.error_total, "errors": _documents(report.errors)},
        )
        self.report: Import | None = report


class FileRefused(ImportFailed):
    """The file is no table that could be imported."""

    def __init__(self, file_name: str, problems: Sequence[ImportProblem]) -> None:
        Invalid.__init__(
            self,
            f"{file_name} cannot be imported: {problems[0].detail}",
            remedy=problems[0].remedy,
            errors=_fields(problems),
            extra={"error_total": len(problems), "errors": _documents(problems)},
        )
        self.report = None


def refused(file_name: str, problems: Sequence[CellProblem]) -> FileRefused:
    """Return the error for a file of which no row was read."""
    return FileRefused(file_name, [ImportProblem.model_validate(problem) for problem in problems])


def _fields(problems: Sequence[ImportProblem]) -> list[FieldProblem]:
    return [FieldProblem(place(problem), problem.detail, problem.remedy) for problem in problems]


def _documents(problems: Sequence[ImportProblem]) -> list[dict[str, object]]:
    return [{"field": place(problem), **problem.model_dump()} for problem in problems]


def place(problem: ImportProblem) -> str:
    """Return where a problem is, as people say it."""
    return f"line {problem.line}, {problem.column}" if problem.column else f"line {problem.line}"
