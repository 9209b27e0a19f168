"""References inside a resource: finding them, and rewriting them when ids are given out (R4 http.html#trules)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from yima.fhir.tables import KINDS, TYPES, choice_key, elements_of

ADDRESS_TYPES: Final = frozenset(("uri", "url", "oid", "uuid", "canonical"))
"""Primitive types that may hold the address of a resource."""
_LEAVES: Final = ADDRESS_TYPES | {"Narrative", "xhtml"}
_HREF: Final = re.compile(r"""(\b(?:href|src)\s*=\s*)(["'])([^"']*)\2""")
_CONDITIONAL: Final = re.compile(r"([A-Z][A-Za-z]+)\?")


@cache
def interesting(type_name: str) -> dict[str, str]:
    """JSON key -> element type, for the keys of a type below which a reference, address or narrative may stand.

    What stands in the entries of a stored Bundle refers to that Bundle (R4 bundle.html#references): `is_closed`.
    """
    found = {}
    for element in elements_of(type_name).values():
        for kind in element.types:
            key = choice_key(element.name, kind) if element.choice else element.name
            if kind in KINDS or kind in ADDRESS_TYPES or kind == "xhtml":
                found[key] = kind
            else:
                found["_" + key] = "Element"
            if kind in ADDRESS_TYPES:
                found["_" + key] = "Element"
    return found


def is_closed(type_name: str, key: str) -> bool:
    """Whether what stands below is a world of its own, whose references are left as they are."""
    return key == "entry" and type_name == "Bundle"


def references(resource: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str, str]]:
    """Every (Reference object, its FHIRPath-like path, its `reference` string), contained resources included.

    The object is the one in the tree: a caller may set its `reference` while iterating.
    """
    name = resource.get("resourceType", "")
    if name in TYPES:
        yield from _references(resource, name, name)


def _references(node: dict[str, Any], type_name: str, path: str) -> Iterator[tuple[dict[str, Any], str, str]]:
    for child, kind, where in _objects(node, type_name, path):
        if kind == "Reference" and isinstance(text := child.get("reference"), str):
            yield child, where, text
        yield from _references(child, kind, where)


def _objects(node: dict[str, Any], type_name: str, path: str) -> Iterator[tuple[dict[str, Any], str, str]]:
    """The child objects that may hold references, with their types and paths."""
    known = interesting(type_name)
    for key, value in node.items():
        kind = known.get(key)
        if kind is None or kind in _LEAVES or is_closed(type_name, key):
            continue
        many = type(value) is list
        for at, item in enumerate(value if many else (value,)):
            if type(item) is dict:
                inner = item.get("resourceType", "") if kind == "Resource" else kind
                if inner in KINDS:
                    yield item, inner, f"{path}.{key}[{at}]" if many else f"{path}.{key}"


def conditional_references(resource: dict[str, Any]) -> list[tuple[dict[str, Any], str, str]]:
    """The references of the form `Type?query`, which a transaction must resolve first (R4 http.html#trules)."""
    return [found for found in references(resource) if (match := _CONDITIONAL.match(found[2])) and match[1] in TYPES]


def rewrite(resource: dict[str, Any], mapping: Mapping[str, str]) -> None:
    """Replace, in place, every address that is a key of `mapping` (`urn:uuid:..` -> `Observation/..`).

    Looked at are Reference.reference, elements of type uri, url, oid, uuid and canonical, and `href` and `src` in
    narrative; a `#fragment` after the address is kept. Identifier.value is a string and is left alone.
    """
    name = resource.get("resourceType", "")
    if mapping and name in TYPES:
        _rewrite(resource, name, mapping)


def _rewrite(node: dict[str, Any], type_name: str, mapping: Mapping[str, str]) -> None:
    known = interesting(type_name)
    if type_name == "Reference" and isinstance(text := node.get("reference"), str):
        node["reference"] = mapped(text, mapping)
    for key, value in node.items():
        kind = known.get(key)
        if kind is None or is_closed(type_name, key):
            continue
        if kind in ADDRESS_TYPES:
            node[key] = [mapped(v, mapping) for v in value] if type(value) is list else mapped(value, mapping)
        elif kind == "xhtml":
            node[key] = _rewrite_narrative(value, mapping)
        else:
            for item in value if type(value) is list else (value,):
                if type(item) is dict:
                    inner = item.get("resourceType", "") if kind == "Resource" else kind
                    if inner in KINDS:
                        _rewrite(item, inner, mapping)


def mapped(value: Any, mapping: Mapping[str, str]) -> Any:
    """An address as the mapping has it, a fragment kept; the same object when it does not have it."""
    if not isinstance(value, str):
        return value
    address, mark, fragment = value.partition("#")
    found = mapping.get(address)
    return value if found is None else found + mark + fragment


def _rewrite_narrative(value: Any, mapping: Mapping[str, str]) -> Any:
    if not isinstance(value, str) or "urn:" not in value:
        return value
    return _HREF.sub(lambda m: f"{m[1]}{m[2]}{mapped(m[3], mapping)}{m[2]}", value)
