"""The R4 primitive types: one check each, for the JSON value as `parse` gives it (R4 datatypes.html#primitive).

A check returns None when the value is good, else what was expected. Checks are the hot path: plain functions, no
classes. The regular expressions mean what those of the StructureDefinitions mean, except where a comment says why not;
those of times are written with look-aheads instead of alternatives, which takes half as long.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any, Final

from yima.fhir.narrative import narrative_flaw

Check = Callable[[Any], str | None]

MAX_TEXT: Final = 1_048_576  # R4: strings SHALL NOT exceed 1 MB

_YEAR = r"(?!0000)[0-9]{4}"
_DAY = r"-(?!00|1[3-9])[01][0-9]-(?!00|3[2-9])[0-3][0-9]"
_TIME = r"(?!2[4-9])[0-2][0-9]:[0-5][0-9]:(?!6[1-9])[0-6][0-9](?:\.[0-9]+)?"
_ZONE = r"(?:Z|[+-](?!1[5-9]|14:(?!00))[01][0-9]:[0-5][0-9])"

DATE: Final = re.compile(rf"{_YEAR}{_DAY}").fullmatch
INSTANT: Final = re.compile(rf"{_YEAR}{_DAY}T{_TIME}{_ZONE}").fullmatch
_PART_DATE: Final = re.compile(rf"{_YEAR}(?:-(?!00|1[3-9])[01][0-9])?").fullmatch
_CLOCK: Final = re.compile(_TIME).fullmatch
_NO_SPACE: Final = re.compile(r"[^ \t\r\n]+").fullmatch
_CODE: Final = re.compile(r"[^ \t\r\n]+(?: [^ \t\r\n]+)*").fullmatch
ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}").fullmatch
_OID: Final = re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9][0-9]*))+").fullmatch
_UUID: Final = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").fullmatch


def _string(value: Any) -> str | None:
    if type(value) is str and value and len(value) <= MAX_TEXT:
        return None
    return "a non-empty string"


def _boolean(value: Any) -> str | None:
    return None if value is True or value is False else "true or false"


def _decimal(value: Any) -> str | None:
    kind = type(value)
    return None if kind is Decimal or kind is int else "a number"


def _whole(low: int, high: int, expected: str) -> Check:
    def check(value: Any) -> str | None:
        return None if type(value) is int and low <= value <= high else expected

    return check


def _pattern(match: Callable[[str], object], expected: str) -> Check:
    def check(value: Any) -> str | None:
        return None if type(value) is str and match(value) is not None else expected

    return check


def _calendar(expected: str, *forms: Callable[[str], object]) -> Check:
    """One of the forms, and a day that exists (no 30 February)."""

    def check(value: Any) -> str | None:
        if type(value) is str:
            for match in forms:
                if match(value) is not None:
                    return None if value[8:10] <= "28" or day_exists(value) else expected
        return expected

    return check


def day_exists(value: str) -> bool:
    """Whether a date that is well formed is one of the calendar."""
    try:
        date.fromisoformat(value[:10])
    except ValueError:
        return False
    return True


def _base64(value: Any) -> str | None:
    if type(value) is str and value:
        try:
            binascii.a2b_base64("".join(value.split()).encode("ascii"), strict_mode=True)
        except (ValueError, UnicodeEncodeError):
            return "base64 text"
        return None
    return "base64 text"


def _xhtml(value: Any) -> str | None:
    flaw = narrative_flaw(value) if type(value) is str else "form"
    if flaw == "active":
        return "XHTML without active content"
    return "a well-formed XHTML <div>" if flaw else None


_uri = _pattern(_NO_SPACE, "a URI without spaces")
_code = _pattern(_CODE, "a code without leading, trailing or double spaces")

CHECKS: Final[dict[str, Check]] = {
    "base64Binary": _base64,
    "boolean": _boolean,
    "canonical": _uri,
    "code": _code,
    "date": _calendar("a date: YYYY, YYYY-MM or YYYY-MM-DD", DATE, _PART_DATE),
    "dateTime": _calendar("a date, or YYYY-MM-DDThh:mm:ss with a time zone", INSTANT, DATE, _PART_DATE),
    "decimal": _decimal,
    "id": _pattern(ID, "1 to 64 letters, digits, '-' or '.'"),
    "instant": _calendar("YYYY-MM-DDThh:mm:ss with a time zone", INSTANT),
    "integer": _whole(-(2**31), 2**31 - 1, "a whole number of 32 bits"),
    "markdown": _string,
    "oid": _pattern(_OID, "urn:oid:..."),
    "positiveInt": _whole(1, 2**31 - 1, "a whole number from 1"),
    "string": _string,
    "time": _pattern(_CLOCK, "hh:mm:ss"),
    "unsignedInt": _whole(0, 2**31 - 1, "a whole number from 0"),
    "uri": _uri,
    "url": _uri,
    "uuid": _pattern(_UUID, "urn:uuid:... in lower case"),
    "xhtml": _xhtml,
}
"""Primitive type -> check."""


def one_of(codes: frozenset[str]) -> Check:
    """A code bound to an enumerable value set with strength `required`."""
    shown = ", ".join(sorted(codes)[:12]) + (", ..." if len(codes) > 12 else "")
    expected = f"one of: {shown}"

    def check(value: Any) -> str | None:
        return None if type(value) is str and value in codes else expected

    return check
