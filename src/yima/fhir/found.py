"""What a resource names, in one walk: its references, its codes, its addresses (rewriting, sensitive classes).

As in `validation`, what depends only on the keys of an object is decided once for each distinct tuple of keys, so the
walk looks at nothing that can hold none of these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, NamedTuple

from yima.fhir.references import ADDRESS_TYPES, interesting, is_closed, mapped, rewrite
from yima.fhir.tables import KINDS, TYPES

_MAX_SHAPES: Final = 512  # per type; beyond it a hostile client only slows itself down


class Found(NamedTuple):
    """What a resource names, contained resources included."""

    references: list[dict[str, Any]]
    """The Reference objects that have a `reference`, as they stand in the tree."""
    codings: set[tuple[str, str]]
    """(system, code) wherever both stand together."""
    addresses: set[str]
    """Values of type uri, url, canonical, oid and uuid but those systems; narratives that hold an address."""


def find(resource: dict[str, Any]) -> Found:
    """Walk through a validated resource."""
    found = Found([], set(), set())
    name = resource.get("resourceType", "")
    if name in TYPES:
        _walker(name)(resource, found)
    return found


def relink(resource: dict[str, Any], mapping: Mapping[str, str], found: Found) -> None:
    """`rewrite`, for a resource whose names have been found already."""
    if not mapping:
        return
    elsewhere = any("<" in text or mapped(text, mapping) is not text for text in found.addresses)
    if elsewhere or any(mapping.get(system) for system, _ in found.codings):
        rewrite(resource, mapping)
        return
    for reference in found.references:
        reference["reference"] = mapped(reference["reference"], mapping)


_Walk = Callable[[dict[str, Any], Found], None]
_Step = tuple[str, Callable[[Any, Found], None]]


class _Shape(NamedTuple):
    coded: bool
    refers: bool
    steps: tuple[_Step, ...]


@cache
def _walker(type_name: str) -> _Walk:
    shapes: dict[tuple[str, ...], _Shape] = {}

    def walk(node: dict[str, Any], found: Found) -> None:
        keys = tuple(node)
        shape = shapes.get(keys)
        if shape is None:
            shape = _shape(type_name, keys)
            if len(shapes) < _MAX_SHAPES:
                shapes[keys] = shape
        coded, refers, steps = shape
        if coded:
            system, code = node["system"], node["code"]
            if type(system) is str and type(code) is str:
                found.codings.add((system, code))
        if refers and type(node["reference"]) is str:
            found.references.append(node)
        for key, step in steps:
            step(node[key], found)

    return walk


def _shape(type_name: str, keys: tuple[str, ...]) -> _Shape:
    known = interesting(type_name)
    coded = "system" in keys and "code" in keys
    steps = [
        (key, _codes_only if is_closed(type_name, key) else _step(known[key]))
        for key in keys
        if key in known and not (coded and key == "system")
    ]
    return _Shape(coded, type_name == "Reference" and "reference" in keys, tuple(steps))


@cache
def _step(kind: str) -> Callable[[Any, Found], None]:
    if kind in ADDRESS_TYPES:
        return _address
    if kind == "xhtml":
        return _narrative
    if kind == "Resource":
        return _resources
    if kind == "Coding":
        return _codings
    walk: _Walk | None = None

    def step(value: Any, found: Found) -> None:
        nonlocal walk
        if walk is None:  # types name one another: made when first needed
            walk = _walker(kind)
        if type(value) is dict:
            walk(value, found)
        elif type(value) is list:
            for item in value:
                if type(item) is dict:
                    walk(item, found)

    return step


def _codings(value: Any, found: Found) -> None:
    """Codings are a third of all objects; most have these keys and no others."""
    for item in value if type(value) is list else (value,):
        if type(item) is not dict:
            continue
        plain = len(item) == 2 or (len(item) == 3 and "display" in item)
        if plain and "system" in item and "code" in item:
            found.codings.add((item["system"], item["code"]))
        else:
            _walker("Coding")(item, found)


def _codes_only(value: Any, found: Found) -> None:
    """Of the entries of a stored Bundle: what is sensitive in them makes the Bundle so, their references are theirs."""
    inner = Found([], set(), set())
    _step("Bundle.entry")(value, inner)
    found.codings.update(inner.codings)


def _address(value: Any, found: Found) -> None:
    if type(value) is str:
        found.addresses.add(value)
    elif type(value) is list:
        found.addresses.update(item for item in value if type(item) is str)


def _narrative(value: Any, found: Found) -> None:
    if type(value) is str and "urn:" in value:
        found.addresses.add(value)


def _resources(value: Any, found: Found) -> None:
    for item in value if type(value) is list else (value,):
        if type(item) is dict and (name := item.get("resourceType")) in KINDS:
            _walker(name)(item, found)
