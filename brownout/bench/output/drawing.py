"""Line charts as SVG, with the standard library alone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

__all__ = ["lines"]

# Okabe and Ito's colours, which differ for colour-blind readers too.
_COLOURS = ("#999999", "#e69f00", "#cc79a7", "#56b4e9", "#009e73", "#0072b2", "#d55e00", "#000000", "#b2a000")
_WIDTH, _HEIGHT = 960, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 240, 44, 48

Points = Sequence[tuple[float, float]]


def lines(
    path: Path, *, title: str, across: str, up: str, series: Mapping[str, Points], shaded: Sequence[tuple[float, float]] = ()
) -> None:
    """Write a chart of *series*, each a line of (x, y); the spans of x in *shaded* are grey."""
    xs = [x for points in series.values() for x, _ in points]
    top = max([y for points in series.values() for _, y in points], default=1.0)
    chart = _Chart(min(xs), max(xs), _round_up(top))
    parts = [_text(_LEFT, 22, title, size=16, weight="bold")]
    parts += [chart.shade(begin, end) for begin, end in shaded]
    parts += chart.axes(across, up)
    for number, (name, points) in enumerate(series.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        # What is drawn later is thinner, so that lines on top of one another can all be seen.
        width = 1.5 + 4.5 * (1 - number / len(series))
        parts += [chart.line(points, colour, width), *_key(number, name, colour)]
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" role="img">'
    body = "\n".join([head, f"<title>{escape(title)}</title>", '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>"])
    path.write_text(body + "\n", encoding="utf-8")


class _Chart:
    def __init__(self, left: float, right: float, top: float) -> None:
        self.left, self.right, self.top = left, right, top

    def x(self, value: float) -> float:
        return _LEFT + (value - self.left) / (self.right - self.left) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        return _HEIGHT - _BOTTOM - value / self.top * (_HEIGHT - _TOP - _BOTTOM)

    def line(self, points: Points, colour: str, width: float) -> str:
        places = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        return f'<polyline points="{places}" fill="none" stroke="{colour}" stroke-width="{width:.1f}" stroke-linejoin="round"/>'

    def shade(self, begin: float, end: float) -> str:
        width = self.x(end) - self.x(begin)
        return f'<rect x="{self.x(begin):.1f}" y="{_TOP}" width="{width:.1f}" height="{_HEIGHT - _TOP - _BOTTOM}" fill="#eeeeee"/>'

    def axes(self, across: str, up: str) -> list[str]:
        parts = []
        for value in _ticks(0, self.top):
            parts.append(_rule(_LEFT, self.y(value), _WIDTH - _RIGHT, self.y(value)))
            parts.append(_text(_LEFT - 8, self.y(value) + 4, f"{value:g}", anchor="end"))
        for value in _ticks(self.left, self.right):
            parts.append(_rule(self.x(value), _HEIGHT - _BOTTOM, self.x(value), _HEIGHT - _BOTTOM + 5))
            parts.append(_text(self.x(value), _HEIGHT - _BOTTOM + 18, f"{value:g}", anchor="middle"))
        middle = (_LEFT + _WIDTH - _RIGHT) / 2
        return [*parts, _text(middle, _HEIGHT - 10, across, anchor="middle"), _text(_LEFT - 40, _TOP - 8, up)]


def _key(number: int, name: str, colour: str) -> list[str]:
    y, x = _TOP + 12 + 22 * number, _WIDTH - _RIGHT + 16
    return [f'<rect x="{x}" y="{y - 4}" width="22" height="4" fill="{colour}"/>', _text(x + 30, y + 3, name)]


def _ticks(low: float, high: float) -> list[float]:
    step = _step(high - low)
    first = math.ceil(low / step)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _step(span: float) -> float:
    """Return 1, 2 or 5 times a power of ten that divides *span* into some six parts."""
    power: float = 10 ** math.floor(math.log10(span / 6))
    return next(factor * power for factor in (1, 2, 5, 10) if span / (factor * power) <= 8)


def _round_up(value: float) -> float:
    step = _step(value or 1.0)
    return math.ceil(value / step) * step or 1.0


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#cccccc"/>'


def _text(x: float, y: float, text: str, *, size: int = 12, anchor: str = "start", weight: str = "normal") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}">{escape(text)}</text>'
