"""Values against what a profile fixes (R4 elementdefinition.html, fixed[x] and pattern[x])."""

from __future__ import annotations

from typing import Any

from yima.fhir.fhirpath import Node


def fits(value: Any, pattern: Any) -> bool:
    """Whether a value holds all that a pattern holds."""
    if isinstance(pattern, dict):
        return isinstance(value, dict) and all(key in value and fits(value[key], pattern[key]) for key in pattern)
    if isinstance(pattern, list):
        return isinstance(value, list) and all(any(fits(item, wanted) for item in value) for wanted in pattern)
    return bool(value == pattern)


def codings(node: Node) -> list[tuple[str, str]]:
    """The (system, code) of a code, Coding, CodeableConcept or Quantity."""
    value = node.value
    if isinstance(value, str):
        return [("", value)]
    if not isinstance(value, dict):
        return []
    rows = value.get("coding", []) if node.type == "CodeableConcept" else [value]
    return [(str(c.get("system", "")), str(c["code"])) for c in rows if isinstance(c, dict) and "code" in c]
