"""Trends as both portals show them: a chart, and a table that says the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from yima.portals.layout.chart import Chart, line_chart, number
from yima.portals.layout.messages import Words


@dataclass(frozen=True, slots=True)
class Row:
    """One day of the table."""

    day: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrendView:
    """One measurement over time; blood pressure has two lines."""

    code: str
    title: str
    unit: str
    reference: str
    latest: str
    out: bool
    names: tuple[str, ...]
    rows: tuple[Row, ...]
    chart: Chart
    count: int


def trend_views(
    trends: Sequence[Any], results: Sequence[Any], words: Words, *, height: float = 150
) -> tuple[TrendView, ...]:
    """Charts for every group of series (`Overview.trends`), titled by the group's own result where there is one."""
    titles = {result.code: result.label.get(words.lang) for result in results}
    made = []
    for group, found in groupby(trends, key=lambda trend: trend.group):
        series = list(found)
        if view := _view(group, series, titles, words, height):
            made.append(view)
    return tuple(sorted(made, key=_calm))


def _calm(view: TrendView) -> int:
    """What lies outside its reference range is shown first: now, then at some time, then never."""
    return 0 if view.out else 1 if any(dot.out for line in view.chart.series for dot in line.dots) else 2


def _view(group: str, series: Sequence[Any], titles: dict[str, str], words: Words, height: float) -> TrendView | None:
    chart = line_chart([(s.label.get(words.lang), s.points, s.low, s.high) for s in series], height=height)
    days = sorted({day for s in series for day, _ in s.points}, reverse=True)
    if chart is None or len(days) < 2:  # one day is a result, not a trend
        return None
    values = [dict(s.points) for s in series]
    title = titles.get(group) or series[0].label.get(words.lang)
    if len(series) > 1 and group not in titles:
        title = words("trend.pressure")
    return TrendView(
        code=group,
        title=title,
        unit=series[0].unit,
        reference=" / ".join(_range(s.low, s.high) for s in series if s.low is not None or s.high is not None),
        latest="/".join(number(s.points[-1][1]) for s in series),
        out=any(line.dots[-1].out for line in chart.series),
        names=tuple(s.label.get(words.lang) for s in series),
        rows=tuple(Row(day, tuple(number(v[day]) if day in v else "" for v in values)) for day in days),
        chart=chart,
        count=len(days),
    )


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return f"≤ {number(high or 0)}"
    return f"≥ {number(low)}" if high is None else f"{number(low)}–{number(high)}"
