"""ConceptMap/$translate (R4 operation-conceptmap-translate.html)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Final

from yima.runtime.errors import Refusal
from yima.terminology.answers import Coding, check_codings
from yima.terminology.catalogue import Catalogue
from yima.terminology.concept import MOST

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
    """All matches; without a map those of every map that fits. Refusals `concept-map-unknown`, `too-costly`."""
    check_codings(asked.codings)
    if concept_map is not None:
        maps: list[Resource] = [concept_map]
    else:
        maps = [one for one in await catalogue.all_of("ConceptMap") if _fits(one, asked)]
        if not maps:
            raise Refusal("concept-map-unknown", field="url", url="for these value sets or systems")
    parameters = []
    found = False
    for one in maps:
        for match in await _Matching(catalogue, asked).matches(one):
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


class _Matching:
    """One question to one map, and to those it hands on to."""

    def __init__(self, catalogue: Catalogue, asked: Translating) -> None:
        self._catalogue = catalogue
        self._asked = asked
        self._dependencies = frozenset(asked.dependencies)
        self._left = MOST

    async def matches(self, one: Resource, depth: int = 0) -> list[_Match]:
        """What a map says of the codings, group by group. Refusal `too-costly`."""
        found: list[_Match] = []
        asked = self._asked
        for group in one.get("group", ()):
            source, target = str(group.get("source", "")), str(group.get("target", ""))
            if asked.reverse:
                source, target = target, source
            if asked.target_system and asked.target_system != target:
                continue
            codings = [c for c in asked.codings if not c.system or not source or c.system == source]
            held = (_backward if asked.reverse else _forward)(group, {coding.code for coding in codings})
            for coding in codings:
                said = held.get(coding.code)
                here = _allowed(said, self._dependencies) if said is not None else []
                if said is None and not asked.reverse:
                    here = await self._unmapped(group, coding, depth)
                self._left -= 1 + len(here)
                if self._left < 0:
                    raise Refusal("too-costly", field="ConceptMap", limit=f"{MOST} mappings")
                found += here
        return found

    async def _unmapped(self, group: Resource, coding: Coding, depth: int) -> list[_Match]:
        """What a group says of codes that it does not have."""
        rule = group.get("unmapped") or {}
        match rule.get("mode"):
            case "provided":
                return [_Match("equal", str(group.get("target", "")), coding.code, coding.display, ())]
            case "fixed":
                code, display = str(rule.get("code", "")), str(rule.get("display", ""))
                return [_Match("inexact", str(group.get("target", "")), code, display, ())]
            case "other-map" if depth < _DEEPEST:
                other = await self._catalogue.concept_map(str(rule.get("url", "")))
                return await self.matches(other, depth + 1)
        return []


_Said = tuple[Resource, _Match]
"""A row of a map and what it means."""


def _forward(group: Resource, codes: Set[str]) -> dict[str, list[_Said]]:
    """Of each of these codes that a group has, its rows."""
    found: dict[str, list[_Said]] = {}
    for element in group.get("element", ()):
        if (code := element.get("code")) in codes:
            found.setdefault(code, []).extend(
                (row, _Match(
                    str(row.get("equivalence", "equivalent")),
                    str(group.get("target", "")),
                    str(row.get("code", "")),
                    str(row.get("display", "")),
                    tuple(row.get("product", ())),
                ))
                for row in element.get("target", ())
            )  # fmt: skip
    return found


def _backward(group: Resource, codes: Set[str]) -> dict[str, list[_Said]]:
    """The same of codes that a group maps to; what a row depends on is not asked of the other end."""
    found: dict[str, list[_Said]] = {}
    for element in group.get("element", ()):
        code, display = str(element.get("code", "")), str(element.get("display", ""))
        for row in element.get("target", ()):
            if row.get("code") in codes:
                said = str(row.get("equivalence", "equivalent"))
                match = _Match(_TURNED.get(said, said), str(group.get("source", "")), code, display, ())
                found.setdefault(row["code"], []).append(({}, match))
    return found


def _allowed(said: Sequence[_Said], dependencies: Set[tuple[str, str]]) -> list[_Match]:
    """Those whose further conditions are met."""
    return [
        match
        for row, match in said
        if all((str(d.get("property")), str(d.get("value"))) in dependencies for d in row.get("dependsOn", ()))
    ]


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
