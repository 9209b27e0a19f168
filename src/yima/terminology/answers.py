"""The operations, each from plain arguments to a FHIR resource (R4 terminology-service.html)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from yima.fhir import fold
from yima.runtime.errors import Refusal
from yima.terminology.catalogue import Catalogue
from yima.terminology.concept import Concept, Filter, System, Wanted
from yima.terminology.expand import Member, Narrow, members

Resource = Mapping[str, Any]
_MOST_CODINGS: Final = 100


@dataclass(frozen=True, slots=True)
class Coding:
    """A code that is asked about."""

    code: str
    system: str = ""
    version: str = ""
    display: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expanding:
    """How a value set is to be expanded (R4 operation-valueset-expand.html)."""

    text: str = ""
    offset: int = 0
    count: int | None = None
    designations: bool = False
    languages: tuple[str, ...] = ()
    """Only designations in these."""
    active: bool = False
    selectable: bool = False
    """Leave out what is only there to group (`excludeNotForUI`)."""
    language: str = ""
    """Of the displays."""


async def expanded(catalogue: Catalogue, value_set: Resource, how: Expanding, now: datetime) -> dict[str, Any]:
    """The value set with its expansion, flat, the page asked for."""
    found = list((await members(catalogue, value_set, Narrow(how.text, how.active))).values())
    if how.selectable:
        found = [one for one in found if not one.concept.abstract]
    end = None if how.count is None else how.offset + how.count
    versions = sorted({f"{one.system}|{one.version}" for one in found if one.version})
    expansion: dict[str, Any] = {
        "timestamp": now.isoformat(timespec="seconds"),
        "total": len(found),
        "offset": how.offset,
        "parameter": _said(how) + [{"name": "version", "valueUri": one} for one in versions],
        "contains": [_row(one, how) for one in found[how.offset : end]],
    }
    if how.offset == 0 and how.count is None:
        del expansion["offset"]
    kept = {key: value for key, value in value_set.items() if key not in ("compose", "expansion", "text")}
    return {**kept, "expansion": {key: value for key, value in expansion.items() if value != []}}


def _said(how: Expanding) -> list[dict[str, Any]]:
    rows: list[tuple[str, str, Any]] = [
        ("filter", "valueString", how.text),
        ("activeOnly", "valueBoolean", how.active),
        ("includeDesignations", "valueBoolean", how.designations),
        ("excludeNotForUI", "valueBoolean", how.selectable),
        ("displayLanguage", "valueCode", how.language),
    ]
    found = [{"name": name, key: value} for name, key, value in rows if value]
    return found if how.count is None else [*found, {"name": "count", "valueInteger": how.count}]


def _row(member: Member, how: Expanding) -> dict[str, Any]:
    concept = member.concept
    row: dict[str, Any] = {"system": member.system, "code": concept.code}
    if concept.abstract:
        row["abstract"] = True
    if concept.inactive:
        row["inactive"] = True
    if display := concept.named(how.language):
        row["display"] = display
    if how.designations:
        row["designation"] = [
            dict(one) for one in concept.designations if not how.languages or one.get("language") in how.languages
        ]
    return {key: value for key, value in row.items() if value != []}


# --- $lookup ---------------------------------------------------------------------------------------------------------
async def looked_up(catalogue: Catalogue, coding: Coding, wanted: Sequence[str], language: str) -> dict[str, Any]:
    """Name, display, designations and properties of a code. Refusals `code-system-unknown`, `concept-unknown`."""
    system = await catalogue.system(coding.system, coding.version)
    concept = await concept_of(system, coding)
    children: list[Concept] = []
    if not wanted or {"child", "*"} & set(wanted):
        children = await _children(system, concept)
    rows = [("name", system.name), ("version", system.version), ("display", concept.named(language) or concept.code)]
    parameters: list[dict[str, Any]] = [{"name": name, "valueString": value} for name, value in rows if value]
    if not wanted or {"designation", "*"} & set(wanted):
        parameters += [{"name": "designation", "part": _designation(one)} for one in concept.designations]
    properties = [*_own_properties(concept), *[("child", {"valueCode": one.code}) for one in children]]
    for code, value in properties:
        if not wanted or {code, "*"} & set(wanted):
            parts = [{"name": "code", "valueCode": code}, {"name": "value", **value}]
            parameters.append({"name": "property", "part": parts})
    return {"resourceType": "Parameters", "parameter": parameters}


async def _children(system: System, concept: Concept) -> list[Concept]:
    try:
        return await system.select(Wanted(filters=(Filter("parent", "=", concept.code),)))
    except Refusal:
        return []  # a grammar has none, and a code with more than twenty thousand below it is not looked up for them


def _own_properties(concept: Concept) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = [("inactive", {"valueBoolean": concept.inactive})]
    if concept.definition:
        found.append(("definition", {"valueString": concept.definition}))
    for row in concept.properties:
        value = {key: one for key, one in row.items() if key.startswith("value")}
        if row.get("code") not in ("inactive", None) and value:
            found.append((str(row["code"]), value))
    return [*found, *(("parent", {"valueCode": parent}) for parent in concept.parents)]


def _designation(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    keys = (("language", "valueCode"), ("use", "valueCoding"), ("value", "valueString"))
    return [{"name": name, key: row[name]} for name, key in keys if row.get(name)]


async def concept_of(system: System, coding: Coding) -> Concept:
    """A concept by its code. Refusal `concept-unknown`."""
    found = await system.select(Wanted(codes=(coding.code,)))
    if not found:
        raise Refusal("concept-unknown", field="code", system=system.url, value=_shown(coding.code))
    return found[0]


def _shown(text: str) -> str:
    return "".join(c for c in text[:64] if c.isprintable())


# --- $subsumes -------------------------------------------------------------------------------------------------------
async def subsumed(catalogue: Catalogue, url: str, version: str, codes: tuple[str, str]) -> dict[str, Any]:
    """How two codes of one system stand to each other. Refusals `code-system-unknown`, `concept-unknown`."""
    system = await catalogue.system(url, version)
    one, other = [await concept_of(system, Coding(code, url)) for code in codes]
    if one.code == other.code:
        outcome = "equivalent"
    elif one.code in other.ancestors:
        outcome = "subsumes"
    else:
        outcome = "subsumed-by" if other.code in one.ancestors else "not-subsumed"
    return {"resourceType": "Parameters", "parameter": [{"name": "outcome", "valueCode": outcome}]}


# --- $validate-code --------------------------------------------------------------------------------------------------
async def in_value_set(
    catalogue: Catalogue, value_set: Resource, codings: Sequence[Coding], language: str
) -> dict[str, Any]:
    """Whether any of the codings is in a value set, and whether its display is one of the code's."""
    check_codings(codings)
    shown = str(value_set.get("url", "the value set"))
    for coding in codings:
        narrow = Narrow(system=coding.system, codes=(coding.code,))
        found = list((await members(catalogue, value_set, narrow)).values())
        if len(found) > 1 and not coding.system:
            raise Refusal("field-missing", field="system", expected="the code system: several have this code")
        if found:
            return _verdict(coding, found[0].system, found[0].version, found[0].concept, language)
    named = ", ".join(f"{_shown(one.system)}|{_shown(one.code)}" for one in codings[:5])
    return _result(valid=False, message=f"{named} is not in {_shown_url(shown)}")


async def in_system(
    catalogue: Catalogue, url: str, version: str, codings: Sequence[Coding], language: str
) -> dict[str, Any]:
    """Whether any of the codings is a code of a system. Refusal `code-system-unknown`."""
    check_codings(codings)
    system = await catalogue.system(url, version)
    for coding in codings:
        found = await system.select(Wanted(codes=(coding.code,))) if coding.system in ("", url) else []
        if found:
            return _verdict(coding, url, system.version, found[0], language)
    named = ", ".join(_shown(one.code) for one in codings[:5])
    return _result(valid=False, message=f"{named} is not a code of {_shown_url(url)}")


def check_codings(codings: Sequence[Coding]) -> None:
    """Refusal `too-costly` for more than may be asked about at once."""
    if len(codings) > _MOST_CODINGS:
        raise Refusal("too-costly", field="codeableConcept", limit=f"{_MOST_CODINGS} codings")


def _shown_url(text: str) -> str:
    return "".join(c for c in text[:200] if c.isprintable())


def _verdict(coding: Coding, system: str, version: str, concept: Concept, language: str) -> dict[str, Any]:
    names = {concept.display, concept.code if not concept.display else "", *_named(concept)}
    right = not coding.display or _folded(coding.display) in {_folded(name) for name in names if name}
    display = concept.named(language)
    message = "" if right else f"the display of {_shown(concept.code)} is '{display or concept.code}'"
    return _result(valid=right, message=message, display=display, code=concept.code, system=system, version=version)


def _named(concept: Concept) -> list[str]:
    return [str(one.get("value", "")) for one in concept.designations]


def _folded(text: str) -> str:
    return " ".join(fold(text).split())


def _result(*, valid: bool, message: str = "", display: str = "", **more: str) -> dict[str, Any]:
    rows: list[tuple[str, str, Any]] = [("message", "valueString", message), ("display", "valueString", display)]
    kinds = {"code": "valueCode", "system": "valueUri", "version": "valueString"}
    rows += [(name, kinds[name], value) for name, value in more.items()]
    parameters: list[dict[str, Any]] = [{"name": "result", "valueBoolean": valid}]
    parameters += [{"name": name, key: value} for name, key, value in rows if value]
    return {"resourceType": "Parameters", "parameter": parameters}
