"""References inside one resource: `#id` and what is contained (R4 references.html#contained; rules ref-1 and dom-3)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from yima.fhir.wire import encode

DANGLING: Final = "ref-1: SHALL have a contained resource if a local reference is provided"
_UNUSED: Final = (
    "dom-3: If the resource is contained in another resource, it SHALL be referred to from elsewhere in the resource "
    "or SHALL refer to the containing resource"
)


_MENTION: Final = re.compile(rb'"#([^"\\\\]*)"').findall
_REFERENCE: Final = re.compile(rb'"reference":"#([^"\\\\]+)"').findall


def local_mistakes(resource: dict[str, Any]) -> list[tuple[str, str]]:
    """(path, rule) of each local reference to nothing, and of each contained resource that nothing refers to."""
    contained = [inner for inner in resource["contained"] if type(inner) is dict]
    ids = {inner.get("id") for inner in contained if "id" in inner}
    # The bytes are searched faster than the tree is walked; the tree says where, once there is a mistake.
    written = encode(resource)
    mentioned = {name.decode() for name in _MENTION(written)}
    if ids <= mentioned and all(name.decode() in ids for name in _REFERENCE(written)):
        return []
    return _dangling(resource, ids) + _unused(contained, mentioned)


def _dangling(resource: dict[str, Any], ids: set[Any]) -> list[tuple[str, str]]:
    return [
        (path, DANGLING)
        for path, key, text in _local("", resource)
        if key == "reference" and text != "#" and text[1:] not in ids
    ]


def _unused(contained: list[dict[str, Any]], mentioned: set[str]) -> list[tuple[str, str]]:
    return [
        (f".contained[{at}]", _UNUSED)
        for at, inner in enumerate(contained)
        if "id" in inner and inner["id"] not in mentioned and not any(text == "#" for _, _, text in _local("", inner))
    ]


def _local(path: str, node: Any) -> Iterator[tuple[str, str, str]]:
    """(path, key, text) of every string that starts with `#`. Nesting is bounded by the parser."""
    for key, value in node.items():
        items = value if type(value) is list else (value,)
        for at, item in enumerate(items):
            if type(item) is str:
                if item[:1] == "#":
                    yield f"{path}.{key}", key, item
            elif type(item) is dict:
                yield from _local(f"{path}.{key}[{at}]" if items is value else f"{path}.{key}", item)
