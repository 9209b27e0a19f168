"""Dates, times and quantities as FHIRPath compares and adds them (FHIRPath N1, sections 4.1.6 to 4.1.8, 6.2, 6.6)."""

from __future__ import annotations

import calendar as months
import re
from dataclasses import dataclass, replace
from datetime import MAXYEAR, datetime, timedelta
from decimal import Decimal
from typing import Final

_DATE: Final = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")
_CLOCK: Final = re.compile(r"([0-9]{2})(?::([0-9]{2})(?::([0-9]{2}(?:\.[0-9]+)?))?)?")
_ZONE: Final = re.compile(r"(Z|[+-][0-9]{2}:[0-9]{2})$")
_LOW: Final = (1, 1, 1, 0, 0, Decimal(0))
_LATEST: Final = (9999, 12, 31, 23, 59, Decimal("59.999"))


@dataclass(frozen=True, slots=True)
class Temporal:
    """A date, a dateTime or a time of any precision: as many `parts` (year .. second) as were written."""

    kind: str
    """Date, DateTime or Time."""
    parts: tuple[int | Decimal, ...]
    """From the year, or for a Time from the hour; seconds are decimal."""
    zone: int | None = None
    """Minutes east of UTC, None when not said."""
    text: str = ""

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with a unit: UCUM code, or a calendar word (`year`)."""

    value: Decimal
    unit: str = "1"
    calendar: bool = False

    def __str__(self) -> str:
        return f"{self.value} {self.unit}" if self.calendar else f"{self.value} '{self.unit}'"


def temporal(text: str, kind: str = "") -> Temporal | None:
    """Read a date, dateTime or time (with a leading T in literals); None when it is none."""
    if text[:1] == "T" or kind == "Time":
        clock = _CLOCK.fullmatch(text.removeprefix("T"))
        return Temporal("Time", _numbers(clock), None, text.removeprefix("T")) if clock and _sane(clock, 0) else None
    day, mark, rest = text.partition("T")
    date = _DATE.fullmatch(day)
    if date is None or not _sane(date, 3):
        return None
    parts = _numbers(date)
    if not rest:
        return Temporal(kind or ("DateTime" if mark else "Date"), parts, None, text)
    zone = _ZONE.search(rest)
    clock = _CLOCK.fullmatch(rest[: zone.start()] if zone else rest)
    if clock is None or len(parts) < 3 or not _sane(clock, 0):
        return None
    return Temporal(kind or "DateTime", parts + _numbers(clock), _minutes(zone[1]) if zone else None, text)


def _sane(match: re.Match[str], date: int) -> bool:
    """Whether every part is one that a clock or calendar shows."""
    top = (9999, 12, 31) if date else (24, 59, 60)
    low = 1 if date else 0
    return all(part is None or low <= Decimal(part) <= most for part, most in zip(match.groups(), top, strict=True))


def _numbers(match: re.Match[str]) -> tuple[int | Decimal, ...]:
    seconds = match.re is _CLOCK
    found = [part for part in match.groups() if part is not None]
    return tuple(Decimal(part) if seconds and at == 2 else int(part) for at, part in enumerate(found))


def _minutes(zone: str) -> int:
    if zone == "Z":
        return 0
    size = int(zone[1:3]) * 60 + int(zone[4:6])
    return -size if zone[0] == "-" else size


def compare(one: Temporal, other: Temporal) -> int | None:
    """-1, 0 or 1; None when their precisions or zones leave it open (FHIRPath N1, 6.2)."""
    if (one.kind == "Time") != (other.kind == "Time"):
        return None
    if one.kind != "Time" and min(len(one.parts), len(other.parts)) > 3:
        if (one.zone is None) != (other.zone is None):
            return None
        one, other = _in_utc(one), _in_utc(other)
    for a, b in zip(one.parts, other.parts, strict=False):
        if a != b:
            return -1 if a < b else 1
    return 0 if len(one.parts) == len(other.parts) else None


def _in_utc(value: Temporal) -> Temporal:
    if not value.zone:
        return value
    moved = _shifted(value.parts, timedelta(minutes=-value.zone))
    return replace(value, parts=moved, zone=0) if moved else value


def _shifted(parts: tuple[int | Decimal, ...], by: timedelta) -> tuple[int | Decimal, ...] | None:
    """As many parts of the moved time as were given; None beyond the calendar."""
    full = (*parts, *_LOW[len(parts) :])
    seconds = full[5]
    whole = int(seconds)
    try:
        year, month, day, hour, minute = map(int, full[:5])
        at = datetime(year, month, day, hour, minute, min(whole, 59)) + by  # noqa: DTZ001  zones are ours
    except (ValueError, OverflowError):
        return None
    found = (
        at.year,
        at.month,
        at.day,
        at.hour,
        at.minute,
        at.second + (seconds - whole) + at.microsecond * Decimal("0.000001"),
    )
    return found[: len(parts)]


_SECONDS: Final = {
    "week": Decimal(604800), "day": Decimal(86400), "hour": Decimal(3600), "minute": Decimal(60), "second": Decimal(1),
    "millisecond": Decimal("0.001"),
}  # fmt: skip
_WORDS: Final = {"wk": "week", "d": "day", "h": "hour", "min": "minute", "s": "second", "ms": "millisecond"}
_PRECISION: Final = {"year": 1, "month": 2, "week": 3, "day": 3, "hour": 4, "minute": 5, "second": 6, "millisecond": 6}


def add(value: Temporal, quantity: Quantity, sign: int) -> Temporal | None:
    """A date moved by a time-valued quantity (FHIRPath N1, 6.6.7); None when the unit is none of time."""
    word = quantity.unit if quantity.unit in _PRECISION else _WORDS.get(quantity.unit, "")
    if word not in _PRECISION or abs(quantity.value) > 10**12:
        return None
    if value.kind == "Time":
        return _time_moved(value, word, quantity.value * sign)
    amount = quantity.value * sign
    if word in ("year", "month"):
        return _written(value, _months_moved(value.parts, int(amount) * (12 if word == "year" else 1)))
    held = len(value.parts)
    if held < 3 and _PRECISION[word] > held:  # a partial date moves by whole units of its own precision
        days = int(amount * _SECONDS[word]) / 86400
        return _written(value, _months_moved(value.parts, int(days / 365) * 12 if held == 1 else int(days / 30)))
    step = amount if word in ("second", "millisecond") else int(amount)
    moved = Decimal(_SECONDS[word]) * step
    if held == 3:
        moved = Decimal(int(moved / 86400) * 86400)
    return _written(value, _shifted(value.parts, timedelta(microseconds=int(moved * 1_000_000))))


def _months_moved(parts: tuple[int | Decimal, ...], by: int) -> tuple[int | Decimal, ...] | None:
    month = int(parts[0]) * 12 + (int(parts[1]) - 1 if len(parts) > 1 else 0) + by
    year, month = divmod(month, 12)
    if not 1 <= year <= MAXYEAR:
        return None
    day = min(int(parts[2]), months.monthrange(year, month + 1)[1]) if len(parts) > 2 else 1
    return (year, month + 1, day, *parts[3:])[: len(parts)]


def _time_moved(value: Temporal, word: str, amount: Decimal) -> Temporal | None:
    if word not in ("hour", "minute", "second", "millisecond"):
        return None
    moved = _shifted(
        (2000, 1, 15, *value.parts), timedelta(microseconds=int(amount * _SECONDS[word] * 1_000_000) % (86400 * 10**6))
    )
    return _written(value, moved[3:] if moved else None)


def _written(value: Temporal, parts: tuple[int | Decimal, ...] | None) -> Temporal | None:
    if parts is None:
        return None
    at = replace(value, parts=parts)
    return replace(at, text=_text(at))


def _text(value: Temporal) -> str:
    date = [] if value.kind == "Time" else value.parts[:3]
    clock = value.parts if value.kind == "Time" else value.parts[3:]
    day = "-".join(f"{part:0{4 if at == 0 else 2}d}" for at, part in enumerate(map(int, date)))
    time = ":".join(
        f"{int(p):02d}" if isinstance(p, int) or (p == int(p) and "." not in str(p)) else f"{p:06.3f}" for p in clock
    )
    if not clock:
        return day
    zone = (
        ""
        if value.zone is None
        else "Z"
        if value.zone == 0
        else f"{'-' if value.zone < 0 else '+'}{abs(value.zone) // 60:02d}:{abs(value.zone) % 60:02d}"
    )
    return f"{day}T{time}{zone}" if day else time


def boundary(value: Temporal, *, high: bool) -> Temporal:
    """The first or the last moment a partial date may mean (FHIRPath N2, lowBoundary and highBoundary)."""
    start = 3 if value.kind == "Time" else 0
    most = _LATEST if high else _LOW
    parts = (*value.parts, *most[start + len(value.parts) :])
    if high and start == 0 and len(value.parts) < 3:
        parts = (*parts[:2], months.monthrange(int(parts[0]), int(parts[1]))[1], *parts[3:])
    if value.kind == "Date":
        parts = parts[:3]
    zone = value.zone if value.zone is not None or value.kind != "DateTime" else (-720 if high else 840)
    at = replace(value, parts=parts, zone=zone)
    return replace(at, text=_text(at))


_UNITS: Final[dict[str, tuple[str, Decimal]]] = {
    **{p + "g": ("g", Decimal(s)) for p, s in (("", "1"), ("k", "1000"), ("m", "0.001"), ("u", "0.000001"))},
    **{p + "m": ("m", Decimal(s)) for p, s in (("", "1"), ("k", "1000"), ("c", "0.01"), ("m", "0.001"), ("d", "0.1"))},
    **{p + "L": ("L", Decimal(s)) for p, s in (("", "1"), ("m", "0.001"), ("d", "0.1"))},
    "[in_i]": ("m", Decimal("0.0254")), "[lb_av]": ("g", Decimal("453.59237")),
    **{code: ("s", Decimal(_SECONDS[word])) for code, word in _WORDS.items()},
}  # fmt: skip


def in_base_units(quantity: Quantity) -> tuple[str, Decimal]:
    """A quantity in the unit that its kind is compared in. A calendar year is not 'a', a month not 'mo' (N1, 6.1.1)."""
    if quantity.calendar:
        known = _SECONDS.get(quantity.unit)
        if known is not None:
            return "s", quantity.value * known
        return "calendar month", quantity.value * (12 if quantity.unit == "year" else 1)
    base, size = _UNITS.get(quantity.unit, (quantity.unit, Decimal(1)))
    return base, quantity.value * size
