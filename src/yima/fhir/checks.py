"""What each type of R4 allows, as checks that tell what is wrong; compiled type by type on first use.

The unit of work is an object of a known type. Everything that depends only on *which keys* it has (unknown, missing
and doubled elements) is decided once for each distinct tuple of keys and remembered; for an object with known keys
only its values are looked at. A check returns None or a list of mistakes with paths relative to itself, so no path
is built while all is well. `accept.py` says yes to most of what is valid before anything is asked here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import Any, Final, NamedTuple

from yima.fhir.contained import DANGLING, local_mistakes
from yima.fhir.primitives import CHECKS, one_of
from yima.fhir.rules import Rule, rules_of
from yima.fhir.tables import TYPES, VALUESETS, Element, choice_key, elements_of

MAX_MISTAKES: Final = 20
_MAX_SHAPES: Final = 64  # remembered key tuples per type; what comes often becomes a function of `accept.py`

Mistake = tuple[str, str, str]
"""(path relative to the checked value, refusal code, what was expected)."""
Found = str | list[Mistake] | None
"""What a check answers: nothing, what was expected of the value itself, or mistakes inside it."""
Check = Callable[[Any], Found]


@cache
def checker(type_name: str, *, local: bool = False) -> Check:
    """The check of a complex type, backbone element or resource. Its rules are compiled when it first meets a value.

    `local`: inside a resource that contains others, where references of the form `#id` may lead somewhere.
    """
    shapes: dict[tuple[str, ...], Shape] = {}

    def check(value: Any) -> Found:
        if type(value) is not dict:
            return f"an object ({type_name})"
        keys = tuple(value)
        shape = shapes.get(keys)
        if shape is None:
            shape = known_of(type_name, local).shape(keys)
            if not shape.mistakes and len(shapes) < _MAX_SHAPES:
                shapes[keys] = shape
        flaws, plan, pairs, rules = shape
        steps = zip(plan, value.values(), keys)  # noqa: B905  of one length, and strict costs a tenth
        if flaws or pairs:
            return _collect(flaws + [m for pair in pairs for m in _pair_mistakes(pair, value)], steps)
        for test, item, key in steps:
            found = test(item)
            if found is not None:
                return _collect(mistakes_at("." + key[:64], found), steps)
        return _broken(rules, value, type_name) if rules else None

    return check


def _collect(mistakes: list[Mistake], steps: Iterable[tuple[Check, Any, str]]) -> Found:
    """Go on with the steps that are left, so that all mistakes are told, as many as are; no value is looked at
    twice."""
    for test, item, key in steps:
        if len(mistakes) >= MAX_MISTAKES:
            break
        found = test(item)
        if found is not None:
            mistakes = mistakes + mistakes_at("." + key[:64], found)
    return mistakes or None


def _broken(rules: tuple[Rule, ...], value: dict[str, Any], type_name: str) -> Found:
    """The rules that these values break; asked only of an object without other mistakes."""
    return [_of_rule(rule) for rule in rules if not rule.holds(value, type_name)] or None


def _of_rule(rule: Rule) -> Mistake:
    return "", "rule-broken", f"{rule.key}: {rule.human}"


def mistakes_at(path: str, found: str | list[Mistake]) -> list[Mistake]:
    """What a check found, with the path of the value it looked at."""
    if isinstance(found, str):
        return [(path, "field-invalid", found)]
    return [(path + inner, code, expected) for inner, code, expected in found]


class Place(NamedTuple):
    """What may stand at one key."""

    type_name: str
    many: bool
    check: Check
    """Of one value, not of an array."""
    codes: frozenset[Any] = frozenset()
    """The codes, or (system, code), that a required binding allows."""


class Shape(NamedTuple):
    """What a tuple of keys says: its mistakes, the check for each key, the arrays that come with a `_` twin, and the
    rules that the keys leave open."""

    mistakes: list[Mistake]
    plan: tuple[Check, ...]
    pairs: tuple[str, ...]
    rules: tuple[Rule, ...]


@cache
def known_of(type_name: str, local: bool) -> Known:
    """What is known of a type; `local` as in `checker`."""
    return Known(type_name, local)


class Known:
    """What is known of a type before any object is seen: a check per key, and the rules over keys."""

    def __init__(self, type_name: str, local: bool) -> None:
        self.name = type_name
        self.local = local
        self.rules = [rule for rule in rules_of(type_name) if rule.severity == "error"]
        self.names: dict[str, str] = {}
        """Key -> name of the element, `valueString` -> `value`."""
        self.checks: dict[str, Check] = {}
        self.places: dict[str, Place] = {}
        """Of all keys but resourceType and the `_` twins of arrays."""
        self.gapped: dict[str, Check] = {}
        """For arrays of primitives that come with a `_` twin: nulls are allowed (R4 json.html#primitive)."""
        self.required: list[tuple[str, frozenset[str]]] = []
        self.choices: list[tuple[str, frozenset[str]]] = []
        if type_name in TYPES:
            self.checks["resourceType"] = one_of(frozenset((type_name,)))
        for element in elements_of(type_name).values():
            self._add(element)
        if type_name == "Reference":
            check = self.checks["reference"] = CHECKS["string"] if local else _no_local
            self.places["reference"] = Place("reference", many=False, check=check)
        elif local:
            self.places.pop("reference", None)  # a uri that `contained.py` takes for a Reference's

    def _add(self, element: Element) -> None:
        keys = [choice_key(element.name, t) if element.choice else element.name for t in element.types]
        for key, type_name in zip(keys, element.types, strict=True):
            self.names[key] = element.name
            place = self.places[key] = _place(element, type_name, self.local)
            self.checks[key] = _many(place.check) if place.many else place.check
            if type_name in CHECKS:
                self._add_twin(key, place)
        if element.choice:
            self.choices.append((element.name, frozenset(keys)))
        if element.minimum:
            self.required.append((element.name, frozenset(keys)))

    def _add_twin(self, key: str, place: Place) -> None:
        twin = checker("Element", local=self.local)
        if place.many:
            self.checks["_" + key] = _many(_or_null(twin))
            self.gapped[key] = _many(_or_null(place.check))
        else:
            self.checks["_" + key] = twin
            self.places["_" + key] = Place("Element", many=False, check=twin)

    def shape(self, keys: tuple[str, ...]) -> Shape:
        """The plan for objects with these keys."""
        pairs = tuple(key for key in keys if key in self.gapped and "_" + key in keys)
        plan = tuple(self.gapped[key] if key in pairs else self.checks.get(key, _anything) for key in keys)
        mistakes = self._key_mistakes(keys)
        present = frozenset(self.names.get(key.removeprefix("_"), key) for key in keys)
        decided = [(rule, rule.decided(present)) for rule in self.rules]
        mistakes += [_of_rule(rule) for rule, said in decided if said is False]
        return Shape(mistakes, plan, pairs, tuple(rule for rule, said in decided if said is None))

    def _key_mistakes(self, keys: tuple[str, ...]) -> list[Mistake]:
        present = {key.removeprefix("_") for key in keys}
        mistakes = [(f".{key[:64]}", "field-unknown", "an element of R4") for key in keys if key not in self.checks]
        for name, allowed in self.required:
            if present.isdisjoint(allowed):
                mistakes.append((f".{name}", "field-missing", "a value"))
        for name, allowed in self.choices:
            if len(both := sorted(allowed & present)) > 1:
                mistakes.append((f".{name}[x]", "field-invalid", f"only one of {', '.join(both)}"))
        if not keys or (keys == ("id",) and self.name != "Element" and self.name not in TYPES):
            mistakes.append(("", "field-invalid", "an object that is not empty (ele-1)"))
        if self.name == "Extension" and ("extension" in present) == any(key.startswith("value") for key in present):
            mistakes.append(("", "field-invalid", "either a value or nested extensions (ext-1)"))
        return mistakes


def _pair_mistakes(key: str, value: dict[str, Any]) -> list[Mistake]:
    """Arrays of primitives and of their extensions run in parallel; a place may be null in one of them only."""
    values, twins = value[key], value["_" + key]
    if not isinstance(values, list) or not isinstance(twins, list):
        return []  # said by the checks of the two keys
    if len(values) != len(twins):
        return [(f"._{key}", "field-invalid", f"as many places as {key}")]
    both = [at for at, pair in enumerate(zip(values, twins, strict=True)) if pair == (None, None)]
    return [(f".{key}[{at}]", "field-invalid", "a value or an extension") for at in both[:MAX_MISTAKES]]


def _anything(_: Any) -> Found:
    return None  # the key itself is the mistake


def _many(check: Check) -> Check:
    def check_all(value: Any) -> Found:
        if type(value) is not list or not value:
            return "an array that is not empty"
        mistakes: list[Mistake] = []
        for at, item in enumerate(value):
            found = check(item)
            if found is not None:
                mistakes += mistakes_at(f"[{at}]", found)
                if len(mistakes) >= MAX_MISTAKES:  # a body full of mistakes is looked at no further
                    break
        return mistakes or None

    return check_all


def _or_null(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


def _no_local(value: Any) -> Found:
    if type(value) is str and value[:1] == "#":
        return [("", "rule-broken", DANGLING)]
    return CHECKS["string"](value)


def _place(element: Element, type_name: str, local: bool) -> Place:
    codes: frozenset[Any] = frozenset()
    if element.valueset and type_name in ("code", "CodeableConcept"):
        pairs = {(system, code) for system, all_codes in VALUESETS[element.valueset].items() for code in all_codes}
        codes = frozenset(pairs) if type_name == "CodeableConcept" else frozenset(code for _, code in pairs)
        check = _bound_concept(codes, local) if type_name == "CodeableConcept" else one_of(codes)
    elif type_name in CHECKS:
        check = CHECKS[type_name]
    elif type_name == "Resource":
        check = contained_resource if element.name == "contained" else any_resource
    else:
        check = checker(type_name, local=local)
    return Place(type_name, element.many, check, codes)


def _bound_concept(codes: frozenset[tuple[str, str]], local: bool) -> Check:
    """A CodeableConcept with a required binding: one of its codings must be in the value set (R4 terminologies)."""
    inner = checker("CodeableConcept", local=local)
    expected = f"a coding with one of: {', '.join(sorted(code for _, code in codes)[:12])}"

    def check(value: Any) -> Found:
        if (found := inner(value)) is not None:
            return found
        return None if is_bound(value, codes) else [(".coding", "field-invalid", expected)]

    return check


def is_bound(value: dict[str, Any], codes: frozenset[tuple[str, str]]) -> bool:
    """Whether a CodeableConcept without mistakes meets a required binding, or says by an extension why not."""
    return any((c.get("system"), c.get("code")) in codes for c in value.get("coding", ())) or "extension" in value


def any_resource(value: Any) -> Found:
    """The check of a resource of any type."""
    name = value.get("resourceType") if type(value) is dict else None
    if type(name) is not str or name not in TYPES:
        return "a FHIR R4 resource"
    if "contained" not in value:
        return checker(name)(value)
    found = checker(name, local=True)(value)
    if found is not None:
        return found
    return [(path, "rule-broken", rule) for path, rule in local_mistakes(value)] or None


def contained_resource(value: Any) -> Found:
    """The check of a resource inside another."""
    name = value.get("resourceType") if type(value) is dict else None
    if type(name) is not str or name not in TYPES:
        return "a FHIR R4 resource"
    if "contained" in value:
        return [(".contained", "field-invalid", "no contained resource inside a contained resource (dom-2)")]
    return checker(name, local=True)(value)
