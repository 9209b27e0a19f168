"""Total accessors over parsed FHIR: whatever the shape, they answer something sensible and never raise.

Resources come from many institutions over many years, some converted, some broken. One odd field must not cost a
clinician the page, so the absence of a value and a value of the wrong type are the same thing here.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, tzinfo
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any, NamedTuple

from yima.runtime.civil import CIVIL

_CJK = re.compile(r"[\u3400-\u9fff]")
_FOUR_DIGITS = Context(prec=4, rounding=ROUND_HALF_EVEN, traps=[])
_MAX_TEXT = 400  # a name or remark longer than this is a document, not a line of a list
_NOTHING: Mapping[str, Any] = {}


class Moment(NamedTuple):
    """A point in time as a reader sees it: ``at`` naive in the reader's zone (for ordering), ``text`` in known
    precision.
    """

    at: datetime
    text: str

    @property
    def day(self) -> date:
        """The calendar day in the reader's zone."""
        return self.at.date()


def mapping(value: object) -> Mapping[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, dict) else _NOTHING


def items(value: object) -> list[Mapping[str, Any]]:
    """The JSON objects of an array; a bare object counts as an array of one (a frequent conversion slip)."""
    if isinstance(value, list):
        return [one for one in value if isinstance(one, dict)]
    return [value] if isinstance(value, dict) else []


def first(value: object) -> Mapping[str, Any]:
    """The first JSON object of an array, or an empty one."""
    if isinstance(value, list):
        for one in value:
            if isinstance(one, dict):
                return one
        return _NOTHING
    return value if isinstance(value, dict) else _NOTHING


def string(value: object) -> str:
    """The stripped text if it is one, else an empty string; cut at 400 characters."""
    if not isinstance(value, str):
        return ""
    return value.strip() if len(value) <= _MAX_TEXT else value[:_MAX_TEXT].strip()


def has_chinese(text: str) -> bool:
    """Whether any Han character occurs."""
    return _CJK.search(text) is not None


def codes(value: object) -> Iterator[str]:
    """All codes of a CodeableConcept or of an array of them, lower case."""
    for concept in items(value):
        for coding in items(concept.get("coding")):
            code = coding.get("code")
            if isinstance(code, str):
                yield code.lower()


def status_code(value: object) -> str:
    """The first code of a status given as code or as CodeableConcept, lower case, or an empty string."""
    if isinstance(value, str):
        return value.lower()
    return next(codes(value), "") or string(mapping(value).get("text")).lower()


def concept_text(value: object) -> str:
    """The words of a CodeableConcept (text, else the first display) or of a plain string."""
    if isinstance(value, str):
        return string(value)
    concept = first(value)
    text = string(concept.get("text"))
    if text:
        return text
    for coding in items(concept.get("coding")):
        if shown := string(coding.get("display")):
            return shown
    return string(concept.get("display"))  # a Coding where a CodeableConcept was meant


def decimal(value: object) -> Decimal | None:
    """A finite number, exact; None for anything else (booleans are not numbers)."""
    if isinstance(value, bool):
        return None
    if isinstance(value, Decimal):
        return value if value.is_finite() else None
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, float):
        number = Decimal(repr(value))
        return number if number.is_finite() else None
    return None


def number_text(value: Decimal) -> str:
    """Digits as reported up to six significant ones; longer tails (computed values) rounded to four."""
    if len(plain := str(value)) <= 6 and "E" not in plain:
        return plain  # nearly every measured value
    _, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int) or exponent > 9 or exponent < -30 or len(digits) > 40:
        return str(
            _FOUR_DIGITS.plus(value)
        )  # stays scientific: an exponent of a million must not become a million zeros
    if exponent < 0 and len(digits) > 6:
        whole = len(digits) + exponent  # digits before the point stay exact, however many
        value = (_FOUR_DIGITS.plus(value) if whole < 4 else Decimal(round(value))).normalize()
    return format(value, "f")


def quantity(value: object) -> tuple[Decimal | None, str]:
    """Number and unit as shown (``unit``, else the UCUM ``code``) of a Quantity."""
    found = mapping(value)
    value = decimal(found.get("value"))
    return value, "" if value is None else string(found.get("unit")) or string(found.get("code"))


def moment(value: object, zone: tzinfo = CIVIL) -> Moment | None:
    """A FHIR date, dateTime or instant of any precision as a :class:`Moment`; None when it is none."""
    if not isinstance(value, str) or len(value) < 4:
        return None
    try:
        if len(value) == 4:
            return Moment(datetime(int(value), 1, 1), value)  # noqa: DTZ001 -- naive in the reader's zone by design
        if len(value) == 7:
            return Moment(datetime(int(value[:4]), int(value[5:]), 1), value)  # noqa: DTZ001 -- as above
        at = datetime.fromisoformat(value)
        if at.tzinfo is not None:
            at = at.astimezone(zone).replace(tzinfo=None)
    except (ValueError, OverflowError):
        return moment(value[:10], zone) if len(value) > 10 else None  # a broken time still has its day
    return Moment(at, at.date().isoformat())


def first_time(
    clock: Callable[[object], Moment | None], body: Mapping[str, Any], names: Iterable[str]
) -> Moment | None:
    """The first of the named elements that holds a time; a Period counts with its start, else its end."""
    for name in names:
        value = body.get(name)
        if isinstance(value, dict):
            value = value.get("start") or value.get("end")
        if value is not None and (found := clock(value)):
            return found
    return None


def reference_key(value: object) -> str:
    """``Type/id`` of a literal reference (absolute, relative, versioned), the bare id of a ``urn:uuid:``, else
    empty.
    """
    text = mapping(value).get("reference")
    if not isinstance(text, str):
        return ""
    if text.startswith("urn:uuid:"):
        return text[9:]
    if text.count("/") == 1:
        return text
    parts = text.split("/_history", 1)[0].rsplit("/", 2)
    return "/".join(parts[-2:]) if len(parts) > 1 else ""
