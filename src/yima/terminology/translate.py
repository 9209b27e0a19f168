"""ConceptMap/$translate (R4 operation-conceptmap-translate.html)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from yima.runtime.errors import Refusal
from yima.terminology.answers import Coding
from yima.terminology.catalogue import Catalogue

Resource = Mapping[str, Any]
_NO_MATCH: Final = frozenset({"unmatched", "disjoint"})
_TURNED: Final = {"wider": "narrower", "narrower": "wider", "subsumes": "specializes", "specializes": "subsumes"}
"""What an equivalence means read from the target (R4 valueset-concept-map-equivalence)."""
_DEEPEST: Final = 3
"""Maps that hand on what they do not know (`unmapped.mode` other-map)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Translating:
    """What is asked of a map, or of all maps when none is named."""

    codings: tuple[Coding, ...]
    source: str = ""
    """Value set the code comes from."""
    target: str = ""
    """Value set to translate into."""
    target_system: str = ""
    reverse: bool = False
    dependencies: tuple[tuple[str, str], ...] = ()
    """(element, code) of what else is known: a mapping that depends on more than the code asks for it."""


@dataclass(frozen=True, slots=True)
class _Match:
    equivalence: str
    system: str
    code: str
    display: str
    products: tuple[Mapping[str, Any], ...]


async def translated(catalogue: Catalogue, concept_map: Resource | None, asked: Translating) -> dict[str, Any]:
    """All matches; without a map those of every map that fits. Refusal `concept-map-unknown`."""
    if concept_map is not None:
        maps: list[Resource] = [concept_map]
    else:
        maps = [one for one in await catalogue.all_of("ConceptMap") if _fits(one, asked)]
        if not maps:
            raise Refusal("concept-map-unknown", field="url", url="for these value sets or systems")
    parameters = []
    found = False
    for one in maps:
        for match in await _matches(catalogue, one, asked, 0):
            found = found or match.equivalence not in _NO_MATCH
            parameters.append({"name": "match", "part": _parts(match, str(one.get("url", "")))})
    result: list[dict[str, Any]] = [{"name": "result", "valueBoolean": found}]
    if not found:
        result.append({"name": "message", "valueString": "no mapping was found"})
    return {"resourceType": "Parameters", "parameter": [*result, *parameters]}


def _fits(one: Resource, asked: Translating) -> bool:
    """Whether a map is about what was asked, where the request names no map."""
    ends = _ends(one, "source"), _ends(one, "target")
    sources, targets = reversed(ends) if asked.reverse else ends
    groups = [(str(g.get("source", "")), str(g.get("target", ""))) for g in one.get("group", ())]
    groups = [(b, a) for a, b in groups] if asked.reverse else groups
    return (
        (not asked.source or asked.source in sources)
        and (not asked.target or asked.target in targets)
        and any(
            any(not c.system or c.system == source for c in asked.codings)
            and (not asked.target_system or asked.target_system == target)
            for source, target in groups
        )
    )


def _ends(one: Resource, end: str) -> list[str]:
    return [str(one[key]).partition("|")[0] for key in (f"{end}Canonical", f"{end}Uri") if one.get(key)]


async def _matches(catalogue: Catalogue, one: Resource, asked: Translating, depth: int) -> list[_Match]:
    found: list[_Match] = []
    for group in one.get("group", ()):
        source, target = str(group.get("source", "")), str(group.get("target", ""))
        if asked.reverse:
            source, target = target, source
        if asked.target_system and asked.target_system != target:
            continue
        for coding in asked.codings:
            if coding.system and source and coding.system != source:
                continue
            if asked.reverse:
                found += _backward(group, coding.code)
                continue
            here = list(_forward(group, coding.code, asked.dependencies))
            known = here or any(row.get("code") == coding.code for row in group.get("element", ()))
            found += here if known else await _unmapped(catalogue, group, coding, asked, depth)
    return found


def _forward(group: Resource, code: str, dependencies: Sequence[tuple[str, str]]) -> Iterator[_Match]:
    for element in group.get("element", ()):
        if element.get("code") != code:
            continue
        for row in element.get("target", ()):
            if all((str(d.get("property")), str(d.get("value"))) in dependencies for d in row.get("dependsOn", ())):
                yield _Match(
                    str(row.get("equivalence", "equivalent")),
                    str(group.get("target", "")),
                    str(row.get("code", "")),
                    str(row.get("display", "")),
                    tuple(row.get("product", ())),
                )


def _backward(group: Resource, code: str) -> Iterable[_Match]:
    for element in group.get("element", ()):
        for row in element.get("target", ()):
            if row.get("code") == code:
                said = str(row.get("equivalence", "equivalent"))
                display = str(element.get("display", ""))
                yield _Match(
                    _TURNED.get(said, said), str(group.get("source", "")), str(element.get("code", "")), display, ()
                )


async def _unmapped(
    catalogue: Catalogue, group: Resource, coding: Coding, asked: Translating, depth: int
) -> list[_Match]:
    """What a group says of codes that it does not have."""
    rule = group.get("unmapped") or {}
    match rule.get("mode"):
        case "provided":
            return [_Match("equal", str(group.get("target", "")), coding.code, coding.display, ())]
        case "fixed":
            code, display = str(rule.get("code", "")), str(rule.get("display", ""))
            return [_Match("inexact", str(group.get("target", "")), code, display, ())]
        case "other-map" if depth < _DEEPEST:
            other = await catalogue.concept_map(str(rule.get("url", "")))
            return await _matches(catalogue, other, asked, depth + 1)
    return []


def _parts(match: _Match, url: str) -> list[dict[str, Any]]:
    coding = {"system": match.system, "code": match.code, "display": match.display}
    parts: list[dict[str, Any]] = [{"name": "equivalence", "valueCode": match.equivalence}]
    if match.code:
        parts.append({"name": "concept", "valueCoding": {key: value for key, value in coding.items() if value}})
    for product in match.products:
        inner = {"system": product.get("system"), "code": product.get("value"), "display": product.get("display")}
        held = {key: value for key, value in inner.items() if value}
        rows = [{"name": "element", "valueUri": product.get("property", "")}, {"name": "concept", "valueCoding": held}]
        parts.append({"name": "product", "part": rows})
    return [*parts, {"name": "source", "valueUri": url}] if url else parts
