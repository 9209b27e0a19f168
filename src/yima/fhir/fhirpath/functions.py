"""The functions of FHIRPath (N1, section 5) and those FHIR adds (R4 fhirpath.html#functions), on lists of items.

A row of `_TABLE` says how many arguments a function takes and what it does. Arguments arrive compiled: a function that
takes a criterion runs it once per item, with `$this` on that item.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from yima.fhir.fhirpath.context import (
    MAX_TEXT,
    TEMPORAL_STEPS,
    Context,
    Eval,
    Function,
    Items,
    distinct,
    single,
    truth,
    weight,
)
from yima.fhir.fhirpath.nodes import TYPE_INFO, Node, is_exactly, is_type, system_type
from yima.fhir.fhirpath.of_fhir import OF_FHIR
from yima.fhir.fhirpath.scalars import SCALARS
from yima.fhir.fhirpath.temporal import Temporal, temporal
from yima.fhir.fhirpath.values import Item, calculate, key_of, order, plain, to_string
from yima.runtime.errors import Refusal


def function(name: str, arguments: tuple[Eval, ...]) -> Eval:
    """The function of that name with its arguments. Refusal `expression-invalid` for an unknown one."""
    scalar = SCALARS.get(name)
    least, most, run = (
        _TABLE[name] if name in _TABLE else (*scalar[:2], _scalar(*scalar[2:])) if scalar else (0, -1, _all)
    )
    if not least <= len(arguments) <= most:
        reason = "unknown function" if most < 0 else f"{least} to {most} arguments expected"
        raise Refusal("expression-invalid", reason=reason, at=f"{name[:64]}()")
    return lambda it, items: run(it, items, arguments)


def _scalar(run: Callable[..., Any], strict: bool) -> Function:
    """A function of one value: nothing for nothing, a refusal for several. `strict`: nothing for an empty argument."""

    def scalar(it: Context, items: Items, arguments: tuple[Eval, ...]) -> Items:
        item = single(items)
        if item is None:
            return []
        given: list[Any] = []
        for argument in arguments:
            found = single(argument(it, it.this))
            if found is None and strict:
                return []
            given.append(plain(found) if found is not None else None)
        value = plain(item)
        it.spend(1 + len(value) // 64 if isinstance(value, str) else 1)
        result = run(item if isinstance(value, Node) else value, *given)
        if isinstance(result, Temporal):
            it.spend(TEMPORAL_STEPS)
        if isinstance(result, list):
            it.spend(len(result))
            return result
        return [] if result is None else [result]

    return scalar


def _each(it: Context, items: Items, criterion: Eval) -> list[tuple[Item, Items]]:
    """Every item with what the criterion yields for it."""
    this, index = it.this, it.index
    found = []
    it.spend(len(items))
    for at, item in enumerate(items):
        it.this, it.index = one, _ = [item], at
        found.append((item, criterion(it, one)))
    it.this, it.index = this, index
    return found


def _where(it: Context, items: Items, arguments: tuple[Eval, ...]) -> Items:
    return [item for item, found in _each(it, items, arguments[0]) if truth(found)]


def _select(it: Context, items: Items, arguments: tuple[Eval, ...]) -> Items:
    return [one for _, found in _each(it, items, arguments[0]) for one in found]


def _exists(it: Context, items: Items, arguments: tuple[Eval, ...]) -> Items:
    return [bool(_where(it, items, arguments) if arguments else items)]


def _all(it: Context, items: Items, arguments: tuple[Eval, ...]) -> Items:
    return [all(truth(found) for _, found in _each(it, items, arguments[0]))]


def _of_truths(test: Callable[[list[bool]], bool]) -> Function:
    def truths(it: Context, items: Items, _: tuple[Eval, ...]) -> Items:
        it.spend(len(items))
        found = [plain(item) for item in items]
        if not all(isinstance(value, bool) for value in found):
            raise Refusal("expression-failed", reason="true or false expected")
        return [test([value is True for value in found])]

    return truths


def _repeat(it: Context, items: Items, arguments: tuple[Eval, ...]) -> Items:
    found: Items = []
    seen: set[Any] = set()
    left = items
    while left:
        fresh = []
        for item in _select(it, left, arguments):
            key = (id(item.value), item.path) if isinstance(item, Node) else key_of(item)
            if key not in seen:
                seen.add(key)
                fresh.append(item)
        found += fresh
        left = fresh
    return found


def _of_type(it: Context, items: Items, arguments: tuple[Eval, ...]) -> Items:
    wanted = str(arguments[0](it, [])[0])
    it.spend(len(items))
    return [item for item in items if is_exactly(item, wanted)]


def _is(it: Context, items: Items, arguments: tuple[Eval, ...]) -> Items:
    item = single(items)
    return [] if item is None else [is_type(item, str(arguments[0](it, [])[0]))]


def _part(pick: Callable[[Items, int], Items]) -> Function:
    def part(it: Context, items: Items, arguments: tuple[Eval, ...]) -> Items:
        given = single(arguments[0](it, it.this)) if arguments else 0
        size = plain(given) if given is not None else None
        return pick(items, size) if type(size) is int else []

    return part


def _keys(it: Context, items: Items) -> set[Any]:
    it.spend(weight(items))
    return {key_of(item) for item in items}


def _in_other(keep: bool) -> Function:
    def compared(it: Context, items: Items, arguments: tuple[Eval, ...]) -> Items:
        other = _keys(it, arguments[0](it, it.this))
        it.spend(weight(items))
        found = [item for item in items if (key_of(item) in other) is keep]
        return distinct(it, found) if keep else found

    return compared


def _iif(it: Context, items: Items, arguments: tuple[Eval, ...]) -> Items:
    single(items)
    this, it.this = it.this, items or it.this
    decided = truth(arguments[0](it, items))
    branch = arguments[1] if decided else arguments[2] if len(arguments) > 2 else None
    found = branch(it, items) if branch else []
    it.this = this
    return found


def _children(it: Context, items: Items, _: tuple[Eval, ...]) -> Items:
    found: Items = [child for item in items if isinstance(item, Node) for child in item.children()]
    it.spend(len(items) + len(found))
    return found


def _descendants(it: Context, items: Items, _: tuple[Eval, ...]) -> Items:
    found: Items = []
    left = items
    while left := _children(it, left, ()):
        found += left
    return found


def _aggregate(it: Context, items: Items, arguments: tuple[Eval, ...]) -> Items:
    this, index, total = it.this, it.index, it.total
    it.total = arguments[1](it, it.this) if len(arguments) > 1 else []
    it.spend(len(items))
    for at, item in enumerate(items):
        it.this, it.index = [item], at
        it.total = arguments[0](it, it.this)
    found, it.this, it.index, it.total = it.total, this, index, total
    return found


def _combine(it: Context, items: Items, arguments: tuple[Eval, ...]) -> Items:
    found = items + arguments[0](it, it.this)
    it.spend(len(found))
    return found


def _combined(fold: Callable[[Items], Item | None]) -> Function:
    def combined(it: Context, items: Items, _: tuple[Eval, ...]) -> Items:
        it.spend(len(items))
        found = fold(items) if items else None
        return [] if found is None else [found]

    return combined


def _sum(items: Items) -> Item | None:
    found: Item | None = items[0]
    for item in items[1:]:
        found = None if found is None else calculate("+", found, item)
    return None if found is None else plain(found)


def _extreme(sign: int) -> Callable[[Items], Item | None]:
    def extreme(items: Items) -> Item | None:
        found = items[0]
        for item in items[1:]:
            way = order(item, found)
            if way is None:
                return None
            found = item if way == sign else found
        return found

    return extreme


def _join(it: Context, items: Items, arguments: tuple[Eval, ...]) -> Items:
    found = single(arguments[0](it, it.this)) if arguments else ""
    between = str(plain(found or ""))
    texts = []
    left = MAX_TEXT
    it.spend(len(items))
    for item in items:
        text = to_string(item)
        if text is not None:
            texts.append(text)
            left -= len(text) + len(between)
            if left < 0:
                raise Refusal("too-costly", limit="1 MiB of text")
    it.spend((MAX_TEXT - left) // 64)
    return [between.join(texts)]


def _type(_: Context, items: Items, __: tuple[Eval, ...]) -> Items:
    return [Node({"namespace": space, "name": name}, TYPE_INFO) for space, name in map(_names, items)]


def _names(item: Item) -> tuple[str, str]:
    return ("FHIR", item.type) if isinstance(item, Node) else ("System", system_type(item))


def _now(form: Callable[[datetime], str], kind: str) -> Function:
    def clock(it: Context, _: Items, __: tuple[Eval, ...]) -> Items:
        found = temporal(form(it.now), kind) if it.now else None
        if found is None:
            raise Refusal("expression-failed", reason="there is no clock here")
        return [found]

    return clock


_TABLE: Final[dict[str, tuple[int, int, Function]]] = {
    "empty": (0, 0, lambda _, items, __: [not items]),
    "exists": (0, 1, _exists),
    "all": (1, 1, _all),
    "allTrue": (0, 0, _of_truths(lambda found: all(f is True for f in found))),
    "anyTrue": (0, 0, _of_truths(lambda found: True in found)),
    "allFalse": (0, 0, _of_truths(lambda found: all(f is False for f in found))),
    "anyFalse": (0, 0, _of_truths(lambda found: False in found)),
    "subsetOf": (1, 1, lambda it, items, a: [_keys(it, items) <= _keys(it, a[0](it, it.this))]),
    "supersetOf": (1, 1, lambda it, items, a: [_keys(it, items) >= _keys(it, a[0](it, it.this))]),
    "count": (0, 0, lambda _, items, __: [len(items)]),
    "distinct": (0, 0, lambda it, items, _: distinct(it, items)),
    "isDistinct": (0, 0, lambda it, items, _: [len(distinct(it, items)) == len(items)]),
    "where": (1, 1, _where),
    "select": (1, 1, _select),
    "repeat": (1, 1, _repeat),
    "ofType": (1, 1, _of_type),
    "as": (1, 1, _of_type),
    "is": (1, 1, _is),
    "single": (0, 0, lambda _, items, __: [] if single(items) is None else items),
    "first": (0, 0, _part(lambda items, _: items[:1])),
    "last": (0, 0, _part(lambda items, _: items[-1:])),
    "tail": (0, 0, _part(lambda items, _: items[1:])),
    "skip": (1, 1, _part(lambda items, size: items[max(size, 0) :])),
    "take": (1, 1, _part(lambda items, size: items[: max(size, 0)])),
    "intersect": (1, 1, _in_other(keep=True)),
    "exclude": (1, 1, _in_other(keep=False)),
    "union": (1, 1, lambda it, items, a: distinct(it, items + a[0](it, it.this))),
    "combine": (1, 1, _combine),
    "not": (0, 0, lambda _, items, __: [] if truth(items) is None else [not truth(items)]),
    "iif": (2, 3, _iif),
    "children": (0, 0, _children),
    "descendants": (0, 0, _descendants),
    "aggregate": (1, 2, _aggregate),
    "sum": (0, 0, _combined(_sum)),
    "min": (0, 0, _combined(_extreme(-1))),
    "max": (0, 0, _combined(_extreme(1))),
    "join": (0, 1, _join),
    "trace": (1, 2, lambda _, items, __: items),
    "now": (0, 0, _now(lambda now: now.isoformat(timespec="milliseconds"), "DateTime")),
    "today": (0, 0, _now(lambda now: now.date().isoformat(), "Date")),
    "timeOfDay": (0, 0, _now(lambda now: now.time().isoformat(timespec="milliseconds"), "Time")),
    "type": (0, 0, _type),
    **OF_FHIR,
}
