"""What is wrong with a file, and where."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CellProblem", "split_message"]


@dataclass(frozen=True, slots=True)
class CellProblem:
    """One thing wrong in a file.

    ``line`` counts from 1, as an editor and a spreadsheet do; a record that spans several lines has the number of its first. ``column`` is the
    header as the file writes it, empty where the whole line is meant. ``value`` is what stands there.
    """

    line: int
    column: str
    value: str
    detail: str
    remedy: str


def split_message(error: ValueError) -> tuple[str, str]:
    """Take the text "what is wrong; what to do" apart into two sentences. The first keeps its small letter: it may begin with a value."""
    detail, _, remedy = str(error).partition("; ")
    remedy = remedy or "correct the value"
    return f"{detail}.", f"{remedy[0].upper()}{remedy[1:]}."
