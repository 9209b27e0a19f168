"""A StructureDefinition as rules: a tree of elements, each with what a profile asks of it (R4 profiling.html).

A profile only narrows its base, so a tree made of the base's and of the differential says the same as a snapshot; where
there is a snapshot, it is taken. What R4 asks of every resource is not repeated here: `validation.py` has checked it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from yima.fhir.primitives import CHECKS
from yima.fhir.tables import KINDS
from yima.runtime.errors import Refusal

CORE: Final = "http://hl7.org/fhir/StructureDefinition/"
_MAX_ELEMENTS: Final = 5_000
_MAX_BASES: Final = 12
_ELEMENT: Final = ("id", "path", "sliceName", "min", "max", "type", "slicing", "binding", "constraint")
_HEAD: Final = (
    "resourceType",
    "url",
    "version",
    "name",
    "title",
    "kind",
    "type",
    "derivation",
    "baseDefinition",
    "abstract",
)

_SYSTEM: Final = "http://hl7.org/fhirpath/"
"""The types of ids and of an extension's url, which are no FHIR types."""
_ABSTRACT: Final = ("Resource", "DomainResource", "Element", "BackboneElement")

Find = Callable[[str], dict[str, Any] | None]
"""The StructureDefinition at a canonical address, if it is loaded."""


@dataclass(slots=True)
class Type:
    """One type an element may have, the profiles its value must meet one of, and what a reference may point to."""

    code: str
    profiles: list[str]
    targets: list[str]


@dataclass(slots=True)
class Rule:
    """What a profile asks of one element."""

    name: str
    minimum: int = 0
    maximum: int | None = None
    types: list[Type] = field(default_factory=list)
    fixed: Any = None
    pattern: Any = None
    binding: tuple[str, str] | None = None
    """(strength, value set)."""
    constraints: list[tuple[str, str, str, str]] = field(default_factory=list)
    """(key, severity, FHIRPath expression, words)."""
    slicing: dict[str, Any] | None = None
    slices: dict[str, Rule] = field(default_factory=dict)
    children: dict[str, Rule] = field(default_factory=dict)

    def copy(self) -> Rule:
        """A tree of its own."""
        return Rule(
            self.name, self.minimum, self.maximum, self.types, self.fixed, self.pattern, self.binding,
            list(self.constraints), self.slicing, {name: s.copy() for name, s in self.slices.items()},
            {name: child.copy() for name, child in self.children.items()},
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Profile:
    """A profile ready to check with."""

    url: str
    type: str
    rule: Rule


def trimmed(definition: dict[str, Any]) -> dict[str, Any]:
    """What of a StructureDefinition checking needs: a tenth of it. Refusal `profile-unusable` when it is none."""
    kept: dict[str, Any] = {key: definition[key] for key in _HEAD if key in definition}
    if kept.get("resourceType") != "StructureDefinition" or not isinstance(kept.get("url"), str):
        raise Refusal(
            "profile-unusable", profile=str(kept.get("url"))[:200], reason="not a StructureDefinition with a url"
        )
    for part in ("snapshot", "differential"):
        holder = definition.get(part)
        elements = holder.get("element") if isinstance(holder, dict) else None
        if isinstance(elements, list) and (part == "snapshot" or "snapshot" not in kept):
            if len(elements) > _MAX_ELEMENTS:
                raise Refusal("profile-unusable", profile=kept["url"], reason=f"more than {_MAX_ELEMENTS} elements")
            kept[part] = {"element": [_trimmed_element(element) for element in elements]}
    return kept


def _trimmed_element(element: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in element.items() if key in _ELEMENT or key.startswith(("fixed", "pattern"))}


def referred(definition: dict[str, Any]) -> Iterator[str]:
    """The addresses of other profiles that checking against this one may need."""
    if "snapshot" not in definition and definition.get("baseDefinition"):
        yield definition["baseDefinition"]
    for element in _elements(definition):
        for row in element.get("type", ()):
            yield from row.get("profile", ())
            yield from row.get("targetProfile", ())


def core_type(url: str) -> str:
    """The type of R4 that an address is of, '' for a profile. A version says nothing: all is R4 here."""
    name = url.partition("|")[0].removeprefix(CORE)
    return name if url.startswith(CORE) and (name in KINDS or name in CHECKS or name in _ABSTRACT) else ""


def compile_profile(definition: dict[str, Any], find: Find, depth: int = 0) -> Profile:
    """The rules of a profile. Refusal `profile-unusable` when its base is not loaded or its elements make no tree."""
    url, type_name = str(definition["url"]), str(definition.get("type", ""))
    base = str(definition.get("baseDefinition", ""))
    tree = Rule(type_name)
    if "snapshot" not in definition and base and not core_type(base):
        found = find(base)
        if found is None or depth > _MAX_BASES:
            raise Refusal(
                "profile-unusable", profile=url, reason=f"it has no snapshot, and its base {base} is not loaded"
            )
        tree = compile_profile(found, find, depth + 1).rule.copy()
    for element in _elements(definition):
        _overlay(_place(tree, element, url), element, type_name)
    return Profile(url, type_name, tree)


def _elements(definition: dict[str, Any]) -> list[dict[str, Any]]:
    part = definition.get("snapshot") or definition.get("differential") or {}
    elements: list[dict[str, Any]] = part.get("element", [])
    return elements


def _place(tree: Rule, element: dict[str, Any], url: str) -> Rule:
    """The rule an element definition is about, made where it is not there yet."""
    path = str(element.get("path", ""))
    text = str(element.get("id") or path + (f":{element['sliceName']}" if element.get("sliceName") else ""))
    steps = text.split(".")[1:]
    rule = tree
    for step in steps:
        name, _, slice_name = step.partition(":")
        name, slice_name = _choice(rule, name, slice_name)
        rule = rule.children.setdefault(name, Rule(name))
        if slice_name:
            if slice_name not in rule.slices:
                parent = rule.slices.get(slice_name.rpartition("/")[0])
                rule.slices[slice_name] = parent.copy() if parent else _slice(name, slice_name, rule)
            rule = rule.slices[slice_name]
    if len(steps) > 64:
        raise Refusal("profile-unusable", profile=url, reason="elements nested more than 64 deep")
    return rule


def _slice(name: str, slice_name: str, rule: Rule) -> Rule:
    """A new slice; one of a choice is named for its type, as `valueQuantity`."""
    kind = slice_name.removeprefix(name)
    kind = kind if kind in KINDS else kind[:1].lower() + kind[1:]
    of_choice = slice_name.startswith(name) and (kind in KINDS or kind in CHECKS)
    return Rule(name, maximum=rule.maximum, types=[Type(kind, [], [])] if of_choice else [])


def _choice(rule: Rule, name: str, slice_name: str) -> tuple[str, str]:
    """`value[x]` as `value`; the short form `valueQuantity` as a slice of it."""
    if name.endswith("[x]"):
        return name[:-3], slice_name
    for known in rule.children:
        rest = name.removeprefix(known)
        if rest != name and rest[:1].isupper() and rule.children[known].slices.get(name) is not None:
            return known, name
    return name, slice_name


def _overlay(rule: Rule, element: dict[str, Any], type_name: str) -> None:
    """Put what an element definition says on top of what is there."""
    rule.minimum = max(rule.minimum, int(element.get("min", 0)))
    if (most := element.get("max")) is not None and most != "*":
        rule.maximum = int(most) if rule.maximum is None else min(int(most), rule.maximum)
    if "type" in element:
        rule.types = [
            Type(str(t.get("code", "")).rsplit("/", 1)[-1], t.get("profile", []), t.get("targetProfile", []))
            for t in element["type"]
            if not str(t.get("code")).startswith(_SYSTEM)
        ]
    for key, value in element.items():
        if key.startswith("fixed"):
            rule.fixed = value
        elif key.startswith("pattern"):
            rule.pattern = value
    binding = element.get("binding")
    if binding and binding.get("valueSet"):
        rule.binding = (str(binding.get("strength")), str(binding["valueSet"]))
    rule.slicing = element.get("slicing", rule.slicing)
    known = {constraint[0] for constraint in rule.constraints}
    for row in element.get("constraint", ()):
        if row.get("key") not in known and row.get("expression") and not _is_of_r4(row, type_name):
            rule.constraints.append((row["key"], row.get("severity", "error"), row["expression"], row.get("human", "")))


def _is_of_r4(constraint: dict[str, Any], type_name: str) -> bool:
    """Whether `validation.py` has checked it already: rules of R4's own types are repeated in every snapshot."""
    key, source = str(constraint["key"]), str(constraint.get("source", ""))
    if key.startswith(("ele-", "ext-", "dom-", "ref-", "txt-")):
        return True
    return bool(core_type(source)) if source else key.startswith(type_name[:3].lower())
