"""The operators of FHIRPath (N1, section 6) over compiled operands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from yima.fhir.fhirpath.context import MAX_TEXT, TEMPORAL_STEPS, Context, Eval, Items, distinct, single, truth, weight
from yima.fhir.fhirpath.nodes import is_known, is_type
from yima.fhir.fhirpath.temporal import Quantity, Temporal
from yima.fhir.fhirpath.values import calculate, equal, equivalent, order, plain, to_string
from yima.runtime.errors import Refusal


def index(before: Eval, at: Eval) -> Eval:
    """`before[at]`."""

    def pick(it: Context, items: Items) -> Items:
        place = single(at(it, it.this))
        found = before(it, items)
        value = plain(place) if place is not None else None
        return found[value : value + 1] if type(value) is int and value >= 0 else []

    return pick


def minus(operand: Eval) -> Eval:
    """`-operand`."""

    def negate(it: Context, items: Items) -> Items:
        found = single(operand(it, items))
        value = plain(found) if found is not None else None
        if value is None:
            return []
        if isinstance(value, Quantity):
            return [Quantity(-value.value, value.unit, value.calendar)]
        result = calculate("-", 0, value)
        return [] if result is None else [result]

    return negate


def of_type(operator: str, operand: Eval, type_name: str) -> Eval:
    """`operand is type`, `operand as type`. Refusal `expression-invalid` for an unknown type."""
    if not is_known(type_name):
        raise Refusal("expression-invalid", reason="unknown type", at=type_name[:64])

    def test(it: Context, items: Items) -> Items:
        item = single(operand(it, items))
        if item is None:
            return []
        return [is_type(item, type_name)] if operator == "is" else [item] if is_type(item, type_name) else []

    return test


def binary(operator: str, left: Eval, right: Eval) -> Eval:
    """`left operator right`."""
    if operator in _LOGIC:
        return _logic(operator, left, right)
    if operator in ("=", "!=", "~", "!~"):
        return _equality(operator, left, right)
    if operator in _ORDER:
        return _ordered(operator, left, right)
    if operator in ("in", "contains"):
        return _membership(left, right) if operator == "in" else _membership(right, left)
    if operator == "|":
        return lambda it, items: distinct(it, left(it, items) + right(it, items))
    if operator == "&":
        return _joined(left, right)
    return _arithmetic(operator, left, right)


_LOGIC: Final[dict[str, Callable[[bool | None, bool | None], bool | None]]] = {
    "and": lambda a, b: False if a is False or b is False else None if a is None or b is None else True,
    "or": lambda a, b: True if a or b else None if a is None or b is None else False,
    "xor": lambda a, b: None if a is None or b is None else a != b,
    "implies": lambda a, b: True if a is False or b else None if a is None or b is None else False,
}
_DECIDED: Final = {"and": False, "or": True, "implies": False}
"""What the left side says that makes the right side superfluous."""
_ORDER: Final[dict[str, Callable[[int], bool]]] = {
    "<": lambda c: c < 0,
    "<=": lambda c: c <= 0,
    ">": lambda c: c > 0,
    ">=": lambda c: c >= 0,
}


def _logic(operator: str, left: Eval, right: Eval) -> Eval:
    decide, decided = _LOGIC[operator], _DECIDED.get(operator)

    def logic(it: Context, items: Items) -> Items:
        one = truth(left(it, items))
        if one is not None and one is decided:
            return [operator != "and"]
        result = decide(one, truth(right(it, items)))
        return [] if result is None else [result]

    return logic


def _equality(operator: str, left: Eval, right: Eval) -> Eval:
    wanted = operator[0] != "!"

    def exact(it: Context, items: Items) -> Items:
        one, other = left(it, items), right(it, items)
        if not one or not other:
            return []
        if len(one) != len(other):
            return [not wanted]
        it.spend(weight(one))
        known = [equal(a, b) for a, b in zip(one, other, strict=True)]
        return [not wanted] if False in known else [] if None in known else [wanted]

    def loose(it: Context, items: Items) -> Items:
        one, other = left(it, items), right(it, items)
        it.spend(weight(one) * (1 + len(other)) + weight(other) * (1 + len(one)))
        rest = list(other)
        for a in one:
            at = next((n for n, b in enumerate(rest) if equivalent(a, b)), None)
            if at is None:
                return [not wanted]
            del rest[at]
        return [wanted is (not rest)]

    return loose if operator[-1] == "~" else exact


def _ordered(operator: str, left: Eval, right: Eval) -> Eval:
    decide = _ORDER[operator]

    def ordered(it: Context, items: Items) -> Items:
        one, other = single(left(it, items)), single(right(it, items))
        if one is None or other is None:
            return []
        found = order(one, other)
        return [] if found is None else [decide(found)]

    return ordered


def _membership(one: Eval, many: Eval) -> Eval:
    def member(it: Context, items: Items) -> Items:
        item, among = single(one(it, items)), many(it, items)
        it.spend(1 + weight(among) + (weight([item]) * len(among) if item is not None else 0))
        return [] if item is None else [any(equal(item, other) for other in among)]

    return member


def _arithmetic(operator: str, left: Eval, right: Eval) -> Eval:
    def reckon(it: Context, items: Items) -> Items:
        one, other = single(left(it, items)), single(right(it, items))
        result = None if one is None or other is None else calculate(operator, one, other)
        it.spend(TEMPORAL_STEPS if isinstance(result, Temporal) else 4)
        if isinstance(result, str):
            _bounded(it, result)
        return [] if result is None else [result]

    return reckon


def _joined(left: Eval, right: Eval) -> Eval:
    def joined(it: Context, items: Items) -> Items:
        found = _text(left(it, items)) + _text(right(it, items))
        _bounded(it, found)
        return [found]

    return joined


def _bounded(it: Context, text: str) -> None:
    """A text twice as long as those it is made of is the most that one step makes, so it is looked at afterwards."""
    it.spend(1 + len(text) // 64)
    if len(text) > MAX_TEXT:
        raise Refusal("too-costly", limit="1 MiB of text")


def _text(items: Items) -> str:
    item = single(items)
    return "" if item is None else to_string(item) or ""
