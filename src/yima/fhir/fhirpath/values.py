"""Equality, order, arithmetic and conversion of FHIRPath values (FHIRPath N1, sections 5.5 and 6)."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal, DivisionByZero, InvalidOperation, Overflow, localcontext
from typing import Any, Final

from yima.fhir.fhirpath.nodes import Node, Plain
from yima.fhir.fhirpath.temporal import Quantity, Temporal, add, compare, in_base_units, temporal
from yima.runtime.errors import Refusal

Item = Plain | Node
_LARGEST: Final = Decimal(10) ** 28
_QUANTITY: Final = re.compile(r"([+-]?[0-9]+(?:\.[0-9]+)?)(?:\s*(?:'([^']+)'|([a-zA-Z]+)))?")
_WORD: Final = re.compile(r"(year|month|week|day|hour|minute|second|millisecond)s?")
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,60}(?:\.[0-9]{1,60})?")


def plain(item: Item) -> Item:
    """A value to compute with: an element's own, if it is a primitive or a Quantity."""
    return item.plain() if isinstance(item, Node) else item


def number(item: Item) -> int | Decimal | None:
    """The item as a number, if it is one (true is none)."""
    found = plain(item)
    return found if isinstance(found, (int, Decimal)) and not isinstance(found, bool) else None


def equal(one: Item, other: Item) -> bool | None:
    """`=` of two items; None where precision or unit leaves it open (N1, 6.1.1)."""
    a, b = plain(one), plain(other)
    if isinstance(a, Temporal) and isinstance(b, Temporal):
        found = compare(a, b)
        if (a.kind == "Time") != (b.kind == "Time"):
            return False
        return None if found is None else found == 0
    if isinstance(a, Quantity) or isinstance(b, Quantity):
        return _same_quantity(a, b)
    if isinstance(a, Temporal) and isinstance(b, str):
        return str(a) == b
    if isinstance(b, Temporal) and isinstance(a, str):
        return str(b) == a
    if isinstance(a, Node) or isinstance(b, Node):
        return isinstance(a, Node) and isinstance(b, Node) and bool(a.value == b.value and a.twin == b.twin)
    return isinstance(a, bool) == isinstance(b, bool) and a == b


def _same_quantity(a: Item, b: Item) -> bool | None:
    x, y = _quantity(a), _quantity(b)
    if x is None or y is None:
        return False
    (unit, size), (other_unit, other) = in_base_units(x), in_base_units(y)
    return size == other if unit == other_unit else None


def _quantity(item: Item) -> Quantity | None:
    if isinstance(item, Quantity):
        return item
    found = number(item)
    return None if found is None else Quantity(Decimal(found))


def equivalent(one: Item, other: Item) -> bool:
    """`~` of two items: case, white space, order and surplus digits do not matter (N1, 6.1.2)."""
    a, b = plain(one), plain(other)
    if isinstance(a, str) and isinstance(b, str):
        return " ".join(a.lower().split()) == " ".join(b.lower().split())
    if isinstance(a, Temporal) and isinstance(b, Temporal):
        return compare(a, b) == 0
    x, y = number(a), number(b)
    if x is not None and y is not None:
        return _coarse(Decimal(x), Decimal(y))
    if isinstance(a, Quantity) and isinstance(b, Quantity):
        (unit, size), (other_unit, other) = in_base_units(a), in_base_units(b)
        return unit == other_unit and _coarse(size, other)
    if isinstance(a, Node) and isinstance(b, Node):
        return bool(_folded(a.value) == _folded(b.value))
    return equal(a, b) is True


def _coarse(a: Decimal, b: Decimal) -> bool:
    places = min(_places(a), _places(b))
    return round(a, places) == round(b, places)


def _places(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _folded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _folded(inner) for key, inner in value.items() if key != "id"}
    if isinstance(value, list):
        return sorted((_folded(inner) for inner in value), key=repr)
    return " ".join(value.lower().split()) if isinstance(value, str) else value


def key_of(item: Item) -> Any:
    """What is the same for equal items, so that a set can find them."""
    value = plain(item)
    if isinstance(value, Node):
        return _hashed(value.value), _hashed(value.twin)
    if isinstance(value, Temporal):
        return value.kind, value.text
    if isinstance(value, Quantity):
        return ("Quantity", *in_base_units(value))
    return isinstance(value, bool), value


def _hashed(value: Any) -> Any:
    if isinstance(value, dict):
        return tuple(sorted((key, _hashed(inner)) for key, inner in value.items()))
    if isinstance(value, list):
        return tuple(map(_hashed, value))
    return type(value) is bool, value if type(value) is not Decimal else value.normalize()


def order(one: Item, other: Item) -> int | None:
    """-1, 0 or 1; None where the order is open. Refusal `expression-failed` for kinds without an order between them."""
    a, b = plain(one), plain(other)
    if isinstance(a, Temporal) and isinstance(b, str):
        b = temporal(b) or b
    if isinstance(b, Temporal) and isinstance(a, str):
        a = temporal(a) or a
    if isinstance(a, Temporal) and isinstance(b, Temporal):
        return compare(a, b)
    if isinstance(a, str) and isinstance(b, str):
        return (a > b) - (a < b)
    x, y = number(a), number(b)
    if x is not None and y is not None:
        return (x > y) - (x < y)
    p, q = _quantity(a), _quantity(b)
    if p is None or q is None:
        raise Refusal("expression-failed", reason="there is no order between these kinds of values")
    (unit, size), (other_unit, other_size) = in_base_units(p), in_base_units(q)
    return (size > other_size) - (size < other_size) if unit == other_unit else None


def calculate(sign: str, one: Item, other: Item) -> Item | None:
    """`+ - * / div mod` (N1, 6.6); None when there is no result. Refusal `expression-failed` for other kinds."""
    a, b = plain(one), plain(other)
    if isinstance(a, str) and isinstance(b, str) and sign == "+":
        return a + b
    if isinstance(a, Temporal) and isinstance(b, Quantity) and sign in "+-":
        moved = add(a, b, 1 if sign == "+" else -1)
        if moved is None:
            raise Refusal("expression-failed", reason="that unit or that time cannot be added to a date")
        return moved
    x, y = number(a), number(b)
    if x is not None and y is not None:
        return _reckoned(sign, x, y)
    p, q = _quantity(a), _quantity(b)
    if p is None or q is None or sign in ("div", "mod"):
        raise Refusal("expression-failed", reason=f"'{sign}' does not go with these kinds of values")
    return _with_units(sign, p, q)


def _with_units(sign: str, p: Quantity, q: Quantity) -> Item | None:
    if sign in "+-":
        unit, size = in_base_units(p)
        other_unit, other = in_base_units(q)
        if unit != other_unit:
            return None
        if p.unit == q.unit:
            return Quantity(p.value + q.value if sign == "+" else p.value - q.value, p.unit, p.calendar)
        return Quantity(size + other if sign == "+" else size - other, unit)
    (unit, size), (other_unit, other) = in_base_units(p), in_base_units(q)
    if p.unit != q.unit and unit == other_unit:
        p, q = Quantity(size, unit), Quantity(other, unit)
    found = _reckoned(sign, p.value, q.value)
    if found is None:
        return None
    if q.unit == "1":
        return Quantity(Decimal(found), p.unit)
    if sign == "/":
        return Quantity(Decimal(found), "1" if p.unit == q.unit else f"{p.unit}/{q.unit}")
    return Quantity(
        Decimal(found), q.unit if p.unit == "1" else f"{p.unit}2" if p.unit == q.unit else f"{p.unit}.{q.unit}"
    )


def _reckoned(sign: str, x: int | Decimal, y: int | Decimal) -> int | Decimal | None:
    try:
        with localcontext() as exact:
            exact.prec = 40
            match sign:
                case "+":
                    return _bounded(x + y)
                case "-":
                    return _bounded(x - y)
                case "*":
                    return _bounded(x * y)
                case "/":
                    return Decimal(_bounded(Decimal(x) / Decimal(y))).normalize() + 0 if y else None
                case "div":
                    return int(Decimal(x) / Decimal(y)) if y else None
            found = Decimal(x) % Decimal(y) if y else None
            return found if found is None or isinstance(x, Decimal) or isinstance(y, Decimal) else int(found)
    except (InvalidOperation, Overflow, DivisionByZero):
        return None


def _bounded(value: int | Decimal) -> int | Decimal:
    if not -_LARGEST <= value <= _LARGEST:
        raise Refusal("expression-failed", reason="a number beyond 28 digits")
    return value


def rounded(value: Decimal, places: int) -> Decimal:
    """Half away from zero."""
    return value.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


# --- conversions (N1, 5.5) -------------------------------------------------------------------------------------------
def to_string(item: Item) -> str | None:
    """The text of a value, None for what has none."""
    value = plain(item)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Node):
        return None
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def to_boolean(item: Item) -> bool | None:
    """`true`, `t`, `yes`, `y`, `1`, `1.0` and their opposites."""
    value = plain(item)
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        low = value.lower()
        return (
            True
            if low in ("true", "t", "yes", "y", "1", "1.0")
            else False
            if low in ("false", "f", "no", "n", "0", "0.0")
            else None
        )
    return bool(value) if isinstance(value, (int, Decimal)) and value in (0, 1) else None


def to_integer(item: Item) -> int | None:
    """Whole numbers, their text, true and false."""
    value = plain(item)
    if isinstance(value, (bool, int)):
        return int(value)
    return int(value) if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,60}", value) else None


def to_decimal(item: Item) -> Decimal | None:
    """Numbers, their text, true and false."""
    value = plain(item)
    if isinstance(value, (bool, int, Decimal)):
        return Decimal(value)
    return Decimal(value) if isinstance(value, str) and _NUMBER.fullmatch(value) else None


def to_temporal(item: Item, kind: str) -> Temporal | None:
    """A Date, DateTime or Time from its text or from one of the others."""
    value = plain(item)
    if isinstance(value, str):
        found = temporal(value, kind)
        return found if found and not (kind == "Date" and "T" in value) else None
    if not isinstance(value, Temporal) or (value.kind == "Time") != (kind == "Time"):
        return None
    if kind == "Date":
        return temporal(value.text.partition("T")[0], "Date")
    return value if kind == value.kind else temporal(value.text, kind)


def to_quantity(item: Item) -> Quantity | None:
    """Numbers and texts such as `4 days` or `1.5 'mg'`."""
    value = plain(item)
    if isinstance(value, Quantity):
        return value
    if isinstance(value, (bool, int, Decimal)):
        return Quantity(Decimal(value))
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) and len(value) < 100 else None
    if match is None:
        return None
    word = _WORD.fullmatch(match[3]) if match[3] else None
    if match[3] and not word:
        return None
    return Quantity(Decimal(match[1]), word[1] if word else match[2] or "1", word is not None)
