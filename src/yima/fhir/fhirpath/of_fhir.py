"""The functions FHIR adds to FHIRPath (R4 fhirpath.html#functions)."""

from __future__ import annotations

from typing import Any, Final

from yima.fhir.fhirpath.context import Context, Eval, Function, Items, single
from yima.fhir.fhirpath.nodes import Node, is_kind
from yima.fhir.fhirpath.values import Item, plain
from yima.runtime.errors import Refusal


def _extension(it: Context, items: Items, arguments: tuple[Eval, ...]) -> Items:
    url = single(arguments[0](it, it.this))
    wanted = plain(url) if url is not None else None
    found: Items = [
        child
        for item in items
        if isinstance(item, Node)
        for child in item.child("extension")
        if isinstance(child.value, dict) and child.value.get("url") == wanted
    ]
    it.spend(len(items) + len(found))
    return found


def _has_value(_: Context, items: Items, __: tuple[Eval, ...]) -> Items:
    return [len(items) == 1 and not isinstance(_scalar_value(items[0]), (dict, type(None)))]


def _scalar_value(item: Item) -> Any:
    return item.value if isinstance(item, Node) else item


def _get_value(_: Context, items: Items, __: tuple[Eval, ...]) -> Items:
    return [found for item in items if not isinstance(found := plain(item), Node)]


def _resolve(it: Context, items: Items, _: tuple[Eval, ...]) -> Items:
    found: Items = []
    it.spend(len(items) * 4)
    for item in items:
        address = (
            item.value.get("reference") if isinstance(item, Node) and isinstance(item.value, dict) else plain(item)
        )
        if isinstance(address, str):
            found += _at(it, address)
    return found


def _at(it: Context, address: str) -> Items:
    if address.startswith("#"):
        inside: Items = [
            c for c in it.container.child("contained") if isinstance(c.value, dict) and c.value.get("id") == address[1:]
        ]
        return inside if address != "#" else [it.container]
    tree = it.find(address) if it.find else None
    return [Node(tree, str(tree.get("resourceType")))] if tree else []


def _member_of(it: Context, items: Items, arguments: tuple[Eval, ...]) -> Items:
    item, url = single(items), single(arguments[0](it, it.this))
    if item is None or url is None or it.in_value_set is None:
        return []
    value = item.value if isinstance(item, Node) else item
    codings = (
        [{"code": value}] if isinstance(value, str) else value.get("coding", [value]) if isinstance(value, dict) else []
    )
    said = [it.in_value_set(str(plain(url)), str(c.get("system", "")), str(c.get("code", ""))) for c in codings]
    return [True] if True in said else [] if None in said else [False]


def _conforms(it: Context, items: Items, arguments: tuple[Eval, ...]) -> Items:
    item, url = single(items), single(arguments[0](it, it.this))
    if not isinstance(item, Node) or url is None:
        return []
    profile = str(plain(url))
    name = profile.removeprefix("http://hl7.org/fhir/StructureDefinition/")
    if name != profile and name[:1].isupper() and "/" not in name and is_kind(name, "Resource"):
        return [is_kind(item.type, name)]
    if it.conforms is None:
        raise Refusal("expression-failed", reason="conformsTo() is not available here")
    return [it.conforms(item, profile)]


OF_FHIR: Final[dict[str, tuple[int, int, Function]]] = {
    "extension": (1, 1, _extension),
    "hasValue": (0, 0, _has_value),
    "getValue": (0, 0, _get_value),
    "resolve": (0, 0, _resolve),
    "memberOf": (1, 1, _member_of),
    "conformsTo": (1, 1, _conforms),
    "htmlChecks": (0, 0, lambda _, __, ___: [True]),  # the text itself is checked with its type, `primitives.py`
}
