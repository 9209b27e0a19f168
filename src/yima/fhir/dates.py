"""Dates as the ranges they stand for, and how R4 compares ranges (search.html#prefix, #date).

`2020` is the whole year, `2020-03-01` the whole day, a time with seconds the whole second. A date without a time, and
a time without a zone (allowed in searches only), are taken in UTC, so that an index does not depend on where it was
built. All bounds are aware UTC datetimes, both inclusive; an open end is `BEGINNING` or `END`.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, Final

Range = tuple[datetime, datetime]

BEGINNING: Final = datetime(1, 1, 1, tzinfo=UTC)
END: Final = datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
PREFIXES: Final = ("eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap")

_DATE: Final = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|[+-]\d\d:\d\d)?)?)?)?"
).fullmatch
_MICROSECOND: Final = timedelta(microseconds=1)
_SECOND: Final = timedelta(seconds=1) - _MICROSECOND
_COMMON: Final = len("2020-01-01T00:00:00+08:00")


def date_range(text: str) -> Range | None:
    """The range of a date, dateTime or instant; None when the text is not one."""
    if len(text) == _COMMON and text[10] == "T" and text[19] in "+-" and text[5] != "W":
        try:
            low = datetime.fromisoformat(text).astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # a leap second, the edge of time, or not a date: the long way tells
        else:
            return low, _add(low, _SECOND)
    match = _DATE(text)
    if match is None:
        return None
    year, month, day, hour = match.groups()[:4]
    try:
        if month is None:
            low, width = datetime(int(year), 1, 1, tzinfo=UTC), timedelta(366 if _leap(int(year)) else 365)
        elif day is None:
            low = datetime(int(year), int(month), 1, tzinfo=UTC)
            width = timedelta(monthrange(low.year, low.month)[1])
        elif hour is None:
            low, width = datetime(int(year), int(month), int(day), tzinfo=UTC), timedelta(1)
        else:
            return _time_range(match.groups())
    except (ValueError, OverflowError):
        return None
    return low, _add(low, width - _MICROSECOND)


def _time_range(parts: tuple[Any, ...]) -> Range:
    year, month, day, hour, minute, second, fraction, zone = parts
    width = timedelta(seconds=1) if second else timedelta(minutes=1)
    micro = 0
    if fraction:
        micro = int(fraction[:6].ljust(6, "0"))
        width = timedelta(microseconds=10 ** (6 - min(len(fraction), 6)))
    leap = second == "60"  # a leap second counts as the last one before it
    seconds = 59 if leap else int(second or 0)
    low = datetime(int(year), int(month), int(day), int(hour), int(minute), seconds, micro, tzinfo=_zone(zone))
    try:
        low = low.astimezone(UTC)
    except OverflowError:
        low = BEGINNING if low.year == 1 else END
    return low, _add(low, width - _MICROSECOND)


def _zone(text: str | None) -> timezone:
    if text is None or text == "Z":
        return UTC
    sign = -1 if text[0] == "-" else 1
    return timezone(sign * timedelta(hours=int(text[1:3]), minutes=int(text[4:6])))


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def _add(moment: datetime, width: timedelta) -> datetime:
    try:
        return moment + width
    except OverflowError:
        return END


def value_range(value: Any, type_name: str) -> Range | None:
    """The range of a JSON value of a FHIR date type, Period or Timing; None when it has none."""
    if type(value) is str:
        return date_range(value)
    if type(value) is not dict:
        return None
    if type_name == "Period":
        low, high = date_range(value.get("start", "")), date_range(value.get("end", ""))
        if low is None and high is None:
            return None
        return (low[0] if low else BEGINNING, high[1] if high else END)
    if type_name == "Timing":
        repeat = value.get("repeat")
        bounds = value_range(repeat.get("boundsPeriod"), "Period") if isinstance(repeat, dict) else None
        events = [r for event in value.get("event", ()) if isinstance(event, str) and (r := date_range(event))]
        return span([*events, *([bounds] if bounds else [])])
    return None


def span(ranges: Iterable[Range]) -> Range | None:
    """The range from the first beginning to the last end."""
    found = list(ranges)
    return (min(low for low, _ in found), max(high for _, high in found)) if found else None


def matches_dated(prefix: str, low: Any, high: Any, found_low: Any, found_high: Any) -> bool:
    """Whether a value's range meets a search range under a prefix (R4 search.html#prefix).

    Works for datetimes and, as numbers and quantities compare the same way, for Decimals. For `ap` the caller has
    already widened the search range.
    """
    inside = bool(low <= found_low and found_high <= high)
    answers: dict[str, bool] = {
        "eq": inside,
        "ne": not inside,
        "gt": found_high > high,
        "lt": found_low < low,
        "ge": inside or found_high > high,
        "le": inside or found_low < low,
        "sa": found_low > high,
        "eb": found_high < low,
        "ap": found_low <= high and low <= found_high,
    }
    return answers[prefix]


def widen(found: Range, now: datetime | None) -> Range:
    """The range for `ap`: a tenth of the way to `now` on both sides (R4), or the range's own width without a clock."""
    low, high = found
    margin = abs(now - low) / 10 if now else high - low
    try:
        return low - margin, high + margin
    except OverflowError:
        return BEGINNING, END


def number_range(text: str) -> tuple[Decimal, Decimal] | None:
    """The range of a number by its precision: 100 is [99.5, 100.5), 1e2 is [50, 150) (R4 search.html#number)."""
    if not re.fullmatch(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,3})?", text):
        return None
    value = Decimal(text)
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int)  # noqa: S101  the pattern lets no NaN or Infinity through
    half = Decimal(5).scaleb(exponent - 1)
    return value - half, value + half
