"""The functions of one value: conversions, text and numbers (FHIRPath N1, sections 5.5 to 5.7)."""

from __future__ import annotations

import math
from base64 import b64decode, b64encode
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Decimal
from typing import Any, Final

from yima.fhir.fhirpath import patterns, values
from yima.fhir.fhirpath.temporal import Quantity, Temporal, boundary, in_base_units
from yima.runtime.errors import Refusal

_MAX_TEXT: Final = 1_048_576


def _converted(convert: Callable[[Any], Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    return (lambda value, *_: convert(value)), (lambda value, *_: convert(value) is not None)


def _text(run: Callable[..., Any]) -> Callable[..., Any]:
    """A function of texts; every argument that is text where text is due. Refusal `expression-failed` for others."""

    def of_text(value: Any, *given: Any) -> Any:
        if isinstance(value, Temporal):
            value = value.text
        if not isinstance(value, str):
            raise Refusal("expression-failed", reason="text expected")
        return run(value, *(g.text if isinstance(g, Temporal) else g for g in given))

    return of_text


def _number(run: Callable[..., Any]) -> Callable[..., Any]:
    def of_number(value: Any, *given: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            raise Refusal("expression-failed", reason="a number expected")
        try:
            return run(value, *given)
        except (ValueError, ArithmeticError):
            return None

    return of_number


def _substring(text: str, start: Any, size: Any = None) -> str | None:
    if not isinstance(start, int) or not 0 <= start < len(text):
        return None
    return text[start:] if size is None else text[start : start + max(int(size), 0)]


def _replace(text: str, pattern: str, by: str) -> str:
    if (text.count(pattern) + 1) * (len(by) + 1) + len(text) > _MAX_TEXT:
        raise Refusal("too-costly", limit="1 MiB of text")
    return text.replace(pattern, by)


def _abs(value: Any) -> Any:
    if isinstance(value, Quantity):
        return Quantity(abs(value.value), value.unit, value.calendar)
    return _number(abs)(value)


def _power(value: Any, exponent: Any) -> Any:
    if isinstance(exponent, bool) or not isinstance(exponent, (int, Decimal)):
        return None
    if not -200 <= exponent <= 200 or not -(10**28) <= value <= 10**28:
        return None
    if isinstance(value, int) and isinstance(exponent, int) and exponent >= 0:
        found = value**exponent
        return found if abs(int(found)) < 10**60 else None
    result = float(value) ** float(exponent)
    return None if isinstance(result, complex) else Decimal(repr(result))


def _float(run: Callable[..., float]) -> Callable[..., Any]:
    return _number(lambda value, *given: Decimal(repr(run(float(value), *map(float, given)))))


def _round(value: Any, places: Any = 0) -> Any:
    if not isinstance(places, int) or not 0 <= places <= 30:
        return None
    return values.rounded(Decimal(value), places)


def _whole(rounding: str) -> Callable[..., Any]:
    return _number(lambda value: int(Decimal(value).to_integral_value(rounding)))


def _encode(text: str, form: str) -> str | None:
    data = text.encode()
    if form == "hex":
        return data.hex()
    found = b64encode(data, b"-_" if form == "urlbase64" else b"+/").decode()
    return found if form in ("base64", "urlbase64") else None


def _decode(text: str, form: str) -> str | None:
    try:
        if form == "hex":
            return bytes.fromhex(text).decode()
        return (
            b64decode(text, b"-_" if form == "urlbase64" else b"+/").decode()
            if form in ("base64", "urlbase64")
            else None
        )
    except ValueError:
        return None


_ESCAPES: Final = {
    "html": (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")),
    "json": (("\\", "\\\\"), ('"', '\\"')),
}


def _escape(text: str, form: str) -> str | None:
    for one, other in _ESCAPES.get(form, ()):
        text = text.replace(one, other)
    return text if form in _ESCAPES else None


def _unescape(text: str, form: str) -> str | None:
    for one, other in reversed(_ESCAPES.get(form, ())):
        text = text.replace(other, one)
    return text if form in _ESCAPES else None


def _boundary(high: bool) -> Callable[..., Any]:
    def of_value(value: Any) -> Any:
        if isinstance(value, Temporal):
            return boundary(value, high=high)
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
            return None
        exponent = Decimal(value).as_tuple().exponent
        half = Decimal("0.5").scaleb(exponent if isinstance(exponent, int) else 0)
        return Decimal(value) + (half if high else -half)

    return of_value


def _precision(value: Any) -> int | None:
    if isinstance(value, Temporal):
        return sum(c.isdigit() for c in value.text.partition("+")[0].rstrip("Z"))
    if isinstance(value, Decimal):
        return values._places(value) if value == value.to_integral() else max(0, -int(value.as_tuple().exponent))
    return None


def _comparable(value: Any, other: Any) -> bool:
    if not isinstance(value, Quantity) or not isinstance(other, Quantity):
        return False
    return in_base_units(value)[0] == in_base_units(other)[0]


_CONVERSIONS: Final[dict[str, Callable[[Any], Any]]] = {
    "Boolean": values.to_boolean,
    "Integer": values.to_integer,
    "Decimal": values.to_decimal,
    "String": values.to_string,
    "Quantity": values.to_quantity,
    "Date": lambda value: values.to_temporal(value, "Date"),
    "DateTime": lambda value: values.to_temporal(value, "DateTime"),
    "Time": lambda value: values.to_temporal(value, "Time"),
}

SCALARS: Final[dict[str, tuple[int, int, Callable[..., Any], bool]]] = {
    **{f"to{name}": (0, int(name == "Quantity"), _converted(run)[0], False) for name, run in _CONVERSIONS.items()},
    **{
        f"convertsTo{name}": (0, int(name == "Quantity"), _converted(run)[1], False)
        for name, run in _CONVERSIONS.items()
    },
    "indexOf": (1, 1, _text(str.find), True),
    "lastIndexOf": (1, 1, _text(str.rfind), True),
    "substring": (1, 2, _text(_substring), True),
    "startsWith": (1, 1, _text(str.startswith), True),
    "endsWith": (1, 1, _text(str.endswith), True),
    "contains": (1, 1, _text(str.__contains__), True),
    "upper": (0, 0, _text(str.upper), True),
    "lower": (0, 0, _text(str.lower), True),
    "trim": (0, 0, _text(str.strip), True),
    "length": (0, 0, _text(len), True),
    "toChars": (0, 0, _text(list), True),
    "replace": (2, 2, _text(_replace), True),
    "split": (1, 1, _text(str.split), True),
    "matches": (1, 1, _text(patterns.matches), True),
    "matchesFull": (1, 1, _text(patterns.matches_full), True),
    "replaceMatches": (2, 2, _text(patterns.replace_matches), True),
    "encode": (1, 1, _text(_encode), True),
    "decode": (1, 1, _text(_decode), True),
    "escape": (1, 1, _text(_escape), True),
    "unescape": (1, 1, _text(_unescape), True),
    "abs": (0, 0, _abs, True),
    "ceiling": (0, 0, _whole(ROUND_CEILING), True),
    "floor": (0, 0, _whole(ROUND_FLOOR), True),
    "truncate": (0, 0, _whole(ROUND_DOWN), True),
    "round": (0, 1, _number(_round), True),
    "exp": (0, 0, _float(math.exp), True),
    "ln": (0, 0, _float(math.log), True),
    "log": (1, 1, _float(math.log), True),
    "sqrt": (0, 0, _float(math.sqrt), True),
    "power": (1, 1, _number(_power), True),
    "lowBoundary": (0, 0, _boundary(high=False), False),
    "highBoundary": (0, 0, _boundary(high=True), False),
    "precision": (0, 0, _precision, True),
    "comparable": (1, 1, _comparable, True),
}
"""Name -> (fewest arguments, most, what it does, whether an empty argument means an empty result)."""
