"""The paths of the search parameters, compiled to functions that pick values out of a resource.

A path is a row of search.json: `component.valueQuantity Quantity`, `telecom[system=phone] ContactPoint`,
`status code observation-status`. Picking yields raw JSON values; what they mean depends on the type in the row.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

Pick = Callable[[dict[str, Any], dict[str, Any]], list[Any]]
"""(the object the path starts at, the resource) -> the values found."""

_STEP: Final = re.compile(r"([\w^@]+)(?:\[(.+)\])?")
_TYPE_IN_REFERENCE: Final = re.compile(r"(?:^|/)([A-Z][A-Za-z]+)(?:/[A-Za-z0-9\-.]{1,64}(?:/_history/[^/]+)?$|\?)")


@dataclass(frozen=True, slots=True)
class Path:
    """One place a search parameter looks at."""

    text: str
    type: str
    """FHIR type of the values, e.g. CodeableConcept."""
    valueset: str
    """The value set whose systems a `code` implicitly has, or ''."""
    pick: Pick


@cache
def path_of(row: str) -> Path:
    """Compile a row of search.json."""
    text, type_name, *valueset = row.split(" ")
    return Path(text, type_name, "".join(valueset), _compile(text))


def steps_of(text: str) -> list[tuple[str, str]]:
    """`telecom[system=phone].value` -> [(telecom, system=phone), (value, '')]."""
    return [(m[1], m[2] or "") for m in _STEP.finditer(text)] if text else []


def _compile(text: str) -> Pick:
    if text == "@deceased":
        return _deceased
    steps = [(name, filter_of(mark)) for name, mark in steps_of(text)]
    if len(steps) == 1 and steps[0][1] is None:
        return _one_step(steps[0][0])
    from_root = bool(steps) and steps[0][0] == "^"

    def pick(node: dict[str, Any], root: dict[str, Any]) -> list[Any]:
        found: list[Any] = [root if from_root else node]
        for name, keep in steps[1:] if from_root else steps:
            found = _children(found, name)
            if keep is not None:
                found = keep(found)
            if not found:
                return found
        return found

    return pick


def _one_step(name: str) -> Pick:
    """The commonest path of all, without the ceremony."""

    def pick(node: dict[str, Any], _: dict[str, Any]) -> list[Any]:
        value = node.get(name)
        if value is None:
            return []
        if type(value) is list:
            return value if None not in value else [item for item in value if item is not None]
        return [value]

    return pick


def _children(nodes: list[Any], name: str) -> list[Any]:
    found: list[Any] = []
    for node in nodes:
        value = node.get(name) if type(node) is dict else None
        if type(value) is list:
            found += [item for item in value if item is not None]
        elif value is not None:
            found.append(value)
    return found


def filter_of(mark: str) -> Callable[[list[Any]], list[Any]] | None:
    """The filter written in brackets: `is:Patient`, `system=phone` or an index."""
    if not mark:
        return None
    if mark.startswith("is:"):
        wanted = mark[3:]
        return lambda found: [item for item in found if reference_type(item) == wanted]
    if mark.isdigit():
        at = int(mark)
        return lambda found: found[at : at + 1]
    name, _, value = mark.partition("=")
    return lambda found: [item for item in found if type(item) is dict and item.get(name) == value]


def reference_type(reference: Any) -> str:
    """The type a Reference names: from its address, else its `type`; '' when neither tells."""
    if type(reference) is not dict:
        return ""
    text = reference.get("reference", "")
    if type(text) is str and text[:8] == "Patient/" and "/" not in text[8:]:
        return "Patient"  # by far the commonest, spared the pattern
    match = _TYPE_IN_REFERENCE.search(str(text))
    return match[1] if match else str(reference.get("type", "")).rsplit("/", 1)[-1]


def _deceased(node: dict[str, Any], _root: dict[str, Any]) -> list[Any]:
    """Patient.deceased.exists() and Patient.deceased != false."""
    return ["deceasedDateTime" in node or node.get("deceasedBoolean") is True]
