"""Barcodes to print on a sheet beside the till."""

from __future__ import annotations

__all__ = ["code39"]

# Nine elements a sign, bars and spaces in turn; w is a wide one (ISO/IEC 16388).
_SIGNS = {
    "A": "wnnnnwnnw", "B": "nnwnnwnnw", "C": "wnwnnwnnn", "D": "nnnnwwnnw", "E": "wnnnwwnnn", "F": "nnwnwwnnn", "G": "nnnnnwwnw",
    "H": "wnnnnwwnn", "I": "nnwnnwwnn", "J": "nnnnwwwnn", "K": "wnnnnnnww", "L": "nnwnnnnww", "M": "wnwnnnnwn", "N": "nnnnwnnww",
    "O": "wnnnwnnwn", "P": "nnwnwnnwn", "Q": "nnnnnnwww", "R": "wnnnnnwwn", "S": "nnwnnnwwn", "T": "nnnnwnwwn", "U": "wwnnnnnnw",
    "V": "nwwnnnnnw", "W": "wwwnnnnnn", "X": "nwnnwnnnw", "Y": "wwnnwnnnn", "Z": "nwwnwnnnn", "*": "nwnnwnwnn",
}  # fmt: skip
_WIDE, _NARROW, _GAP = 3, 1, 1


def code39(text: str) -> tuple[str, int]:
    """Return the bars of *text* as the path of an SVG one unit high, and its width.

    Raises:
        KeyError: A sign is not a capital letter.
    """
    path, at = [], 0
    for sign in f"*{text}*":
        for index, element in enumerate(_SIGNS[sign]):
            width = _WIDE if element == "w" else _NARROW
            if index % 2 == 0:
                path.append(f"M{at} 0h{width}v1h-{width}z")
            at += width
        at += _GAP
    return "".join(path), at
