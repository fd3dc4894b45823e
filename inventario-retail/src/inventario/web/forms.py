"""Reads what people type into forms: texts as they are, numbers as their language writes them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from inventario.errors import DomainError, FieldProblem, Invalid
from inventario.web.languages import Language
from inventario.web.problems import field_problems

__all__ = ["by_field", "checked", "plain_number"]

M = TypeVar("M", bound=BaseModel)


def plain_number(text: str, language: Language) -> str | None:
    """Return the number that *text* means, with a point: ``1.234,56`` is 1234.56 in Spanish. None where it is none.

    A point or comma alone is the decimal sign, unless exactly three digits follow as the language would group thousands.
    """
    typed = re.sub(r"[\s$]", "", text).replace("\N{MINUS SIGN}", "-")
    thousands, decimal = (".", ",") if language.tag.startswith("es") else (",", ".")
    if re.fullmatch(rf"-?\d{{1,3}}(\{thousands}\d{{3}})+(\{decimal}\d+)?", typed):
        typed = typed.replace(thousands, "")
    typed = typed.replace(",", ".")
    return typed if re.fullmatch(r"-?[0-9]{1,14}(\.[0-9]{1,6})?", typed) else None


def checked(model: type[M], values: Mapping[str, Any], *, numbers: Collection[str], language: Language) -> M:
    """Make a *model* of a form's *values*; the ones in *numbers* are written as *language* does.

    Raises:
        Invalid: Some fields are wrong; the error names all of them.
    """
    read, wrong = dict(values), []
    for name in numbers:
        typed = read.get(name)
        if isinstance(typed, str):
            plain = plain_number(typed, language)
            if plain is None:
                wrong.append(
                    FieldProblem(name, f"“{typed[:40]}” is not a number.", "Write digits, with the decimal sign where it is needed.")
                )
                del read[name]
            else:
                read[name] = plain
    try:
        made = model.model_validate(read)
    except ValidationError as error:
        missing = {problem.field for problem in wrong}
        found = [problem for problem in field_problems(error.errors()) if problem.field not in missing]
        raise Invalid("Some fields are not right; nothing was changed.", errors=[*wrong, *found]) from error
    if wrong:
        raise Invalid("Some fields are not right; nothing was changed.", errors=wrong)
    return made


def by_field(error: DomainError | None, fields: Sequence[str] = ()) -> dict[str, FieldProblem]:
    """Return the problems of *error* by the form's field. What belongs to none of *fields* stands under the empty name."""
    found: dict[str, FieldProblem] = {}
    for problem in error.errors if error is not None else ():
        name = problem.field.split(".")[0]
        found.setdefault(name if not fields or name in fields else "", problem)
    if error is not None and not found:
        found[""] = FieldProblem("", error.detail, error.remedy)
    return found
