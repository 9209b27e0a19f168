"""Last results by code, and series of numbers over time."""

from datetime import date, datetime
from typing import NamedTuple

from . import words
from .gather import Case, Fact
from .model import Result, ResultGroup, Text, Trend
from .values import Value, filed_under, is_adult, range_text, ranged, shown_unit, summary, worst
from .words_loinc import DIASTOLIC, LOINC, PANELS, PRESSURE, SYSTOLIC

_EARLIER = 4
_ORDER = {code: order for order, code in enumerate(LOINC)}
_MOST_POINTS = 400  # a chart needs no more; intensive care can send thousands


class Reading(NamedTuple):
    """An observation, the values read from it, the code it is filed under and its line in lists."""

    fact: Fact
    values: list[Value]
    code: str
    result: Result


def readings(case: Case, born: date | None) -> list[Reading]:
    """All observations that carry a value, newest first, each read once for lists, trends and episodes."""
    return [_reading(fact, born) for fact in case.of("Observation") if fact.values]


def _reading(fact: Fact, born: date | None) -> Reading:
    found = ranged(fact.values, adult=is_adult(born, fact.day))
    return Reading(fact, found, filed_under(fact.concept), _result(fact, found))


def groups(read: list[Reading]) -> tuple[ResultGroup, ...]:
    """The last result of each code with a few earlier ones, ordered by panel."""
    by_code: dict[str, list[Reading]] = {}
    for one in read:
        by_code.setdefault(one.code, []).append(one)
    made = [(_place(code), _group(code, found)) for code, found in by_code.items()]
    made.sort(key=lambda item: item[0])
    return tuple(group for _, group in made)


def _place(code: str) -> tuple[int, int, str]:
    return words.panel_of(code)[0], _ORDER.get(code, len(_ORDER)), code


def _group(code: str, found: list[Reading]) -> ResultGroup:
    last = found[0].result
    return ResultGroup(
        code=code,
        label=words.loinc_words(code) or found[0].fact.concept.title,
        panel=Text(*PANELS[words.panel_of(code)[1]]),
        value=last.value,
        unit=last.unit,
        reference=last.reference,
        flag=last.flag,
        when=last.when,
        author=last.author,
        source=last.source,
        earlier=tuple(one.result for one in found[1 : 1 + _EARLIER]),
        count=len(found),
    )


def _result(fact: Fact, found: list[Value]) -> Result:
    """One observation as a line: blood pressure as ``132/84``, several values joined, the worst flag leading."""
    text, unit = summary(found)
    return Result(
        value=text,
        unit=unit,
        reference=_reference(found),
        flag=found[0].flag if len(found) == 1 else worst(value.flag for value in found),
        when=fact.day,
        author=fact.author,
        source=fact.source,
    )


def _reference(found: list[Value]) -> str:
    if len(found) == 1:
        return found[0].reference
    by_code = {value.code: value for value in found}
    upper, lower = by_code.get(SYSTOLIC), by_code.get(DIASTOLIC)
    if not upper or not lower:
        return ""
    edges = (range_text(upper.low, upper.high), range_text(lower.low, lower.high))
    return " / ".join(edges) if all(edges) else ""


def trends(read: list[Reading]) -> tuple[Trend, ...]:
    """Series of at least two numbers of the same code in the same unit; the same reading from two institutions
    counts once.
    """
    series: dict[tuple[str, str], dict[tuple[datetime, float], Value]] = {}
    for fact, found, _, _ in read:
        if fact.at is None or len(fact.at.text) < 10:  # a year or a month is no place on a time axis
            continue
        stamp = fact.at.at
        for value in found:
            if value.number is None:
                continue
            number = float(value.number)
            if abs(number) < 1e15:
                series.setdefault((value.code, value.ucum), {}).setdefault((stamp, number), value)
    made = [_trend(code, points) for (code, _), points in series.items() if len(points) > 1]
    made.sort(key=lambda trend: (*_place(trend.group)[:2], _place(trend.code), trend.unit))
    return tuple(made)


def _trend(code: str, points: dict[tuple[datetime, float], Value]) -> Trend:
    newest = next(iter(points.values()))  # facts come newest first
    places = sorted(points)[-_MOST_POINTS:]
    return Trend(
        code=code,
        group=PRESSURE if code in (SYSTOLIC, DIASTOLIC) else code,
        label=words.loinc_words(code) or newest.label,
        unit=shown_unit(newest.unit),
        low=None if newest.low is None else float(newest.low),
        high=None if newest.high is None else float(newest.high),
        points=tuple((stamp.date().isoformat(), number) for stamp, number in places),
    )
