"""Charts as plain geometry: the server computes points, a template draws them, a table beside says the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import floor, log10
from typing import Final

_LEFT, _RIGHT, _TOP, _BOTTOM = 36.0, 40.0, 8.0, 22.0
_STEPS: Final = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Dot:
    """One value at its place."""

    x: float
    y: float
    day: str
    value: str
    out: bool
    """Outside the reference range."""


@dataclass(frozen=True, slots=True)
class Series:
    """One line: an SVG polyline and its dots."""

    name: str
    line: str
    dots: tuple[Dot, ...]


@dataclass(frozen=True, slots=True)
class Tick:
    """One label of the value axis."""

    y: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything a template draws; all numbers are user units of the view box."""

    width: float
    height: float
    series: tuple[Series, ...]
    ticks: tuple[Tick, ...]
    bands: tuple[tuple[float, float], ...]
    """Reference ranges as (y, height)."""
    left: float
    right: float
    first: str
    last: str
    """Days of the first and the last value."""


def number(value: float) -> str:
    """Up to four significant digits, no trailing zeros."""
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:,.0f}"


Line = tuple[str, Sequence[tuple[str, float]], float | None, float | None]
"""Name, points (ISO day, value) oldest first, low and high of the reference range."""


def line_chart(lines: Sequence[Line], *, width: float = 340, height: float = 150) -> Chart | None:
    """A chart of values over time with their reference ranges; None when there is nothing to draw."""
    days = [date.fromisoformat(day[:10]).toordinal() for _, points, _, _ in lines for day, _ in points]
    values = [value for _, points, _, _ in lines for _, value in points]
    if not values:
        return None
    low, high, step = _scale([*values, *_limits(lines)])
    first, span = min(days), max(max(days) - min(days), 1)

    def x(day: str) -> float:
        return round(_LEFT + (date.fromisoformat(day[:10]).toordinal() - first) / span * (width - _LEFT - _RIGHT), 1)

    def y(value: float) -> float:
        return round(height - _BOTTOM - (value - low) / (high - low) * (height - _TOP - _BOTTOM), 1)

    def series(name: str, points: Sequence[tuple[str, float]], least: float | None, most: float | None) -> Series:
        dots = tuple(Dot(x(d), y(v), d, number(v), _outside(v, least, most)) for d, v in points)
        return Series(name, " ".join(f"{dot.x},{dot.y}" for dot in dots), dots)

    bands = tuple(
        (
            y(high if most is None else most),
            round(y(low if least is None else least) - y(high if most is None else most), 1),
        )
        for _, _, least, most in lines
        if least is not None or most is not None
    )
    count = round((high - low) / step)
    ticks = tuple(Tick(y(low + i * step), number(low + i * step)) for i in range(count + 1))
    ends = (date.fromordinal(first).isoformat(), date.fromordinal(max(days)).isoformat())
    return Chart(width, height, tuple(series(*one) for one in lines), ticks, bands, _LEFT, width - _RIGHT, *ends)


def _limits(lines: Sequence[Line]) -> list[float]:
    return [limit for _, _, low, high in lines for limit in (low, high) if limit is not None]


def _outside(value: float, low: float | None, high: float | None) -> bool:
    return (low is not None and value < low) or (high is not None and value > high)


def _scale(values: Sequence[float]) -> tuple[float, float, float]:
    """Round ends and a round step that give three to five ticks."""
    low, high = min(values), max(values)
    if high == low:
        low, high = low - (abs(low) or 1) * 0.1, high + (abs(high) or 1) * 0.1
    rough = (high - low) / 3
    size = 10 ** floor(log10(rough))
    step = next(size * factor for factor in _STEPS if size * factor >= rough)
    return floor(low / step) * step, -floor(-high / step) * step, step


@dataclass(frozen=True, slots=True)
class Bar:
    """One minute: accepted below, failed above."""

    x: float
    width: float
    ok_y: float
    ok_height: float
    failed_y: float
    failed_height: float
    minute: str
    ok: int
    failed: int


def rate_chart(
    rates: Sequence[tuple[str, int, int]], *, width: float = 720, height: float = 120
) -> tuple[tuple[Bar, ...], int]:
    """Bars for (minute, ok, failed) and the number at the top of the axis (at least 1)."""
    top = max([ok + failed for _, ok, failed in rates] + [1])
    slot = width / max(len(rates), 1)
    bars = []
    for i, (minute, ok, failed) in enumerate(rates):
        ok_height, failed_height = height * ok / top, height * failed / top
        bars.append(
            Bar(
                round(i * slot + slot * 0.12, 2),
                round(slot * 0.76, 2),
                round(height - ok_height, 2),
                round(ok_height, 2),
                round(height - ok_height - failed_height, 2),
                round(failed_height, 2),
                minute,
                ok,
                failed,
            )
        )
    return tuple(bars), top
