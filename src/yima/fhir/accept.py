"""The same checks as `checks.py`, written out as Python for each type and set of keys that comes often.

What is valid is nearly everything that comes, so it has a way of its own: a function that only says yes or no, made
for objects of one type with exactly these keys in this order. In it the tests of simple values stand inline, and each
object inside is one look-up of its keys and one call. A no, or an exception, says nothing: `checks.py` then finds what
is wrong, or that nothing is. So a function here may refuse too much, never too little.

Until a set of keys has come `_OFTEN` times, `checks.py` is asked about such objects; all functions are forgotten once
there are `_MAX_FUNCTIONS`. Odd sets of keys, sent on purpose, therefore cost little more than without any of this.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import cache, partial
from typing import Any, Final

from yima.fhir.checks import Place, checker, contained_resource, is_bound, known_of
from yima.fhir.contained import local_mistakes
from yima.fhir.primitives import CHECKS, DATE, ID, INSTANT, MAX_TEXT, day_exists
from yima.fhir.tables import TYPES

Local = list[str | None] | None
"""The references `#id` met so far inside a resource that contains others, None among them where some may be missing;
None instead of a list inside any other resource."""
Accept = Callable[[Any, Local], bool]

_OFTEN: Final = 16
_MAX_FUNCTIONS: Final = 4096
_MAX_CODINGS: Final = 8192

_SPACED: Final = '" " in {0} or "\\n" in {0} or "\\t" in {0} or "\\r" in {0}'
_NO_STRING: Final = "type({0}) is not str or not {0} or "
_NO_DAY: Final = '{0}[8:10] > "28" and not day_exists({0})'
_WRONG: Final = {
    "boolean": "{0} is not True and {0} is not False",
    "decimal": "type({0}) is not Decimal and type({0}) is not int",
    "string": _NO_STRING + "len({0}) > MAX_TEXT",
    "markdown": _NO_STRING + "len({0}) > MAX_TEXT",
    "reference": _NO_STRING + 'len({0}) > MAX_TEXT or {0}[0] == "#" and (local is None or local.append({0}))',
    "code": f"type({{0}}) is not str or not {{0}} or ({_SPACED}) and check({{0}}) is not None",
    "id": "ID({0}) is None",
    "date": f"(DATE({{0}}) is None or {_NO_DAY}) and check({{0}}) is not None",
    **dict.fromkeys(("dateTime", "instant"), f"(INSTANT({{0}}) is None or {_NO_DAY}) and check({{0}}) is not None"),
    **dict.fromkeys(("uri", "url", "canonical"), _NO_STRING + _SPACED),
}
"""Type -> when a value is not of it; {0} stands for the value. `reference`: the text of a Reference."""


def accepted(resource: dict[str, Any]) -> bool:
    """Whether a resource is certainly valid. Without a yes it may still be, and `checks.py` tells."""
    try:
        return _resource(resource, None)
    except (AttributeError, KeyError, TypeError, RecursionError):
        return False  # something of another JSON type than the inline tests take for granted


class _Functions(dict[tuple[str, ...], Accept]):
    """Keys -> the function for objects of one type with these keys."""

    def __init__(self, type_name: str, local: bool) -> None:
        super().__init__()
        self.type_name = type_name
        self.local = local
        self.seen: dict[tuple[str, ...], int] = {}

    def __missing__(self, keys: tuple[str, ...]) -> Accept:
        seen = self.seen[keys] = self.seen.get(keys, 0) + 1
        if seen < _OFTEN:
            _bounded(self.seen)
            return partial(_slowly, checker(self.type_name, local=self.local))
        self.seen.pop(keys, None)  # another thread may have been quicker
        _bounded_functions()
        made = self[keys] = _function(self.type_name, self.local, keys)
        return made


_TABLES: Final[list[_Functions]] = []


@cache
def _functions(type_name: str, local: bool) -> _Functions:
    _TABLES.append(made := _Functions(type_name, local))
    return made


def _bounded(seen: dict[tuple[str, ...], int]) -> None:
    if len(seen) > _MAX_FUNCTIONS // 8:
        seen.clear()


def _bounded_functions() -> None:
    if sum(map(len, _TABLES)) >= _MAX_FUNCTIONS:
        for table in _TABLES:
            table.clear()


def _slowly(check: Callable[[Any], object], value: Any, local: Local) -> bool:
    if local is not None:
        local.append(None)
    return check(value) is None


# --- one function ----------------------------------------------------------------------------------------------------
def _function(type_name: str, local: bool, keys: tuple[str, ...]) -> Accept:
    """The function for these keys. Its text holds numbered names only, nothing that was sent."""
    known = known_of(type_name, local)
    shape, places = known.shape(keys), [known.places.get(key) for key in keys]
    if shape.mistakes or shape.pairs or any(p is None for p, key in zip(places, keys, strict=True) if key != _CHOSEN):
        return partial(_slowly, checker(type_name, local=local))
    names = _NAMES | {f"rule{at}": rule.test(type_name) for at, rule in enumerate(shape.rules)}
    lines = [f"{', '.join(f'v{at}' for at in range(len(keys)))}, = value.values()"]
    for at, place in enumerate(places):
        if place is not None:  # the resourceType has chosen the function
            lines += _lines(at, place, local, names)
    lines += [f"if not rule{at}(value): return False" for at in range(len(shape.rules))]
    exec("\n  ".join(("def accept(value, local):", *lines, "return True")), names)  # noqa: S102  see the docstring
    made: Accept = names["accept"]
    return made


_CHOSEN: Final = "resourceType"


def _lines(at: int, place: Place, local: bool, names: dict[str, Any]) -> list[str]:
    """The tests of the value of one key; what they need is added to the names."""
    wrong = _wrong(at, place, local, names)
    if not place.many:
        return [f"if {wrong.format(f'v{at}')}: return False"]
    return [
        f"if type(v{at}) is not list or not v{at}: return False",
        f"for item in v{at}:",
        f"  if {wrong.format('item')}: return False",
    ]


def _wrong(at: int, place: Place, local: bool, names: dict[str, Any]) -> str:
    """When a value is not what the place wants; {0} stands for the value."""
    names[f"check{at}"], names[f"codes{at}"] = place.check, place.codes
    kind = place.type_name
    if kind in _WRONG and not place.codes:
        return _WRONG[kind].replace("check", f"check{at}")
    if kind == "code":
        return f"{{0}} not in codes{at}"
    if kind in CHECKS:
        return f"check{at}({{0}}) is not None"
    if kind == "Resource":
        return f"not {'contained' if place.check is contained_resource else 'resource'}({{0}}, local)"
    if kind == "Coding":
        return "not coding({0}, local)"
    names[f"of{at}"] = _functions(kind, local)
    wrong = f"not of{at}[tuple({{0}})]({{0}}, local)"
    return f"{wrong} or not is_bound({{0}}, codes{at})" if place.codes else wrong


def _coding(value: Any, local: Local) -> bool:
    """Coding is a third of all objects, and the same few thousand come again and again."""
    contents = (*value, *value.values())
    try:
        if contents in _CODINGS:
            return True
    except TypeError:  # an extension in it: nothing to remember
        pass
    if not _functions("Coding", local is not None)[tuple(value)](value, local):
        return False
    if _OF_CODING.issuperset(value):
        if len(_CODINGS) >= _MAX_CODINGS:
            _CODINGS.clear()
        _CODINGS.add(contents)
    return True


_OF_CODING: Final = frozenset(("system", "version", "code", "display"))
"""Texts only: among them no two values are equal but of different types, as 1 and true are."""
_CODINGS: Final[set[tuple[str, ...]]] = set()


# --- resources -------------------------------------------------------------------------------------------------------
def _resource(value: Any, _: Local) -> bool:
    name = value["resourceType"]
    if name not in TYPES:
        return False
    if "contained" not in value:
        return _functions(name, False)[tuple(value)](value, None)
    local: list[str | None] = []
    if not _functions(name, True)[tuple(value)](value, local):
        return False
    ids = {"#" + inner["id"] for inner in value["contained"] if "id" in inner}
    return ids == set(local) or not local_mistakes(value)


def _contained(value: Any, local: Local) -> bool:
    name = value["resourceType"]
    return name in TYPES and "contained" not in value and _functions(name, True)[tuple(value)](value, local)


_NAMES: Final[dict[str, Any]] = {
    "DATE": DATE,
    "Decimal": Decimal,
    "ID": ID,
    "INSTANT": INSTANT,
    "MAX_TEXT": MAX_TEXT,
    "coding": _coding,
    "contained": _contained,
    "day_exists": day_exists,
    "is_bound": is_bound,
    "resource": _resource,
}
