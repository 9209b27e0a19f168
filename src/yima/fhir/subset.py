"""Parts of a resource: `_summary`, `_elements` (R4 search.html#summary, #elements); the rest is tagged SUBSETTED."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any, Final

from yima.fhir.tables import KINDS, TYPES, choice_key, elements_of

SUBSETTED: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "SUBSETTED",
}
_ALWAYS: Final = ("resourceType", "id", "meta", "implicitRules")


def summary(resource: dict[str, Any], mode: str) -> dict[str, Any]:
    """The resource as `_summary=true|text|data` asks for it; the whole of it for any other mode."""
    match mode:
        case "true":
            return _tagged(_summarised(resource, str(resource["resourceType"])), resource)
        case "text":
            return elements(resource, ("text",))
        case "data":
            return _tagged({key: value for key, value in resource.items() if key != "text"}, resource)
    return resource


def elements(resource: dict[str, Any], wanted: Collection[str]) -> dict[str, Any]:
    """The resource with only these top-level elements and those that R4 demands (`value` means any `value[x]`)."""
    keep = {*_ALWAYS, *wanted, *_demanded(str(resource["resourceType"]))}
    names = _names(str(resource["resourceType"]))
    kept = {
        key: value
        for key, value in resource.items()
        if (bare := key.removeprefix("_")) in keep or names.get(bare) in keep
    }
    return _tagged(kept, resource)


def _tagged(kept: dict[str, Any], resource: dict[str, Any]) -> dict[str, Any]:
    meta = dict(resource.get("meta") or {})
    meta["tag"] = [*meta.get("tag", ()), SUBSETTED]
    head = {key: resource[key] for key in ("resourceType", "id") if key in resource}
    return head | {"meta": meta} | {key: value for key, value in kept.items() if key not in (*head, "meta")}


def _summarised(node: dict[str, Any], type_name: str) -> dict[str, Any]:
    """An object with the elements marked as summary, all the way down; data types without marks stay whole."""
    marked = _marked(type_name)
    kept = {}
    for key, value in node.items():
        kind = marked.get(key.removeprefix("_"))
        if key in _ALWAYS or kind == "":
            kept[key] = value
        elif kind is not None:
            kept[key] = [_inner(item, kind) for item in value] if isinstance(value, list) else _inner(value, kind)
    return kept


def _inner(value: Any, kind: str) -> Any:
    return _summarised(value, kind) if isinstance(value, dict) else value


@cache
def _marked(type_name: str) -> dict[str, str]:
    """JSON key -> the backbone element to go down into, or '' for what is kept whole; absent keys are left out."""
    found = {}
    for element in elements_of(type_name).values():
        for kind in element.types:
            key = choice_key(element.name, kind) if element.choice else element.name
            if element.summary or element.minimum:
                found[key] = kind if "." in kind and kind in KINDS else ""
    return found


@cache
def _demanded(type_name: str) -> frozenset[str]:
    return (
        frozenset(e.name for e in elements_of(type_name).values() if e.minimum) if type_name in TYPES else frozenset()
    )


@cache
def _names(type_name: str) -> dict[str, str]:
    """JSON key of a choice element -> its name: valueQuantity -> value."""
    return {
        choice_key(element.name, kind): element.name
        for element in elements_of(type_name).values()
        if element.choice
        for kind in element.types
    }
