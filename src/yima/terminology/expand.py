"""Value sets as lists of codes (R4 ValueSet.compose): the one algorithm behind expansion, membership and search."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from yima.runtime.errors import Refusal
from yima.terminology.catalogue import Catalogue
from yima.terminology.concept import MOST, Concept, Filter, Wanted, check_filter, too_costly
from yima.terminology.tree import has_words

_DEEPEST: Final = 10
"""Value sets that import value sets."""
_ROW: Final = 40
"""What an exclude counts besides its codes: as long as it takes."""
Resource = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Member:
    """A code in a value set."""

    system: str
    version: str
    concept: Concept


@dataclass(frozen=True, slots=True)
class Narrow:
    """What of a value set is looked for; nothing set = all of it."""

    text: str = ""
    active: bool = False
    system: str = ""
    codes: tuple[str, ...] | None = None


Key = tuple[str, str]
"""(system, code)."""


async def members(catalogue: Catalogue, value_set: Resource, narrow: Narrow) -> dict[Key, Member]:
    """The codes of a value set, each once, in its order.

    Refusals: `too-costly`, `code-system-unknown`, `value-set-unknown`, `field-invalid` (what cannot be computed).
    """
    return await _Composing(catalogue).members(value_set, narrow, ())


class _Composing:
    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._touched = 0

    async def members(self, value_set: Resource, narrow: Narrow, through: tuple[str, ...]) -> dict[Key, Member]:
        """The members of one value set; `through` are the addresses of those that import it."""
        url = str(value_set.get("url", ""))
        if url in through or len(through) >= _DEEPEST:
            raise Refusal(
                "field-invalid", field="ValueSet.compose", expected="value sets that do not import themselves"
            )
        through = (*through, url) if url else through
        compose = value_set.get("compose")
        if not isinstance(compose, dict):
            return self._listed(value_set, narrow)
        if compose.get("inactive") is False:
            narrow = replace(narrow, active=True)
        found: dict[Key, Member] = {}
        for row in _rows(compose, "include"):
            for key, member in (await self._part(row, narrow, through)).items():
                found.setdefault(key, member)
            self._count(len(found))
        bare = replace(narrow, text="", active=False)
        for row in _rows(compose, "exclude") if found else ():
            for key in await self._part(row, bare, through):
                found.pop(key, None)
            self._count(_ROW)
        return found

    def _count(self, held: int) -> None:
        self._touched += held
        if held > MOST or self._touched > 10 * MOST:
            raise too_costly()

    def _listed(self, value_set: Resource, narrow: Narrow) -> dict[Key, Member]:
        """A value set that comes expanded, without its definition."""
        expansion = value_set.get("expansion")
        if not isinstance(expansion, dict):
            return {}
        found = {}
        waiting = _rows(expansion, "contains")[::-1]
        while waiting:
            row = waiting.pop()
            waiting += _rows(row, "contains")[::-1]
            concept = Concept(str(row.get("code", "")), str(row.get("display", "")), inactive=bool(row.get("inactive")))
            member = Member(str(row.get("system", "")), str(row.get("version", "")), concept)
            if concept.code and not row.get("abstract") and _is_wanted(member.system, concept, narrow, lambda c: c):
                found[member.system, concept.code] = member
            self._count(1)
        return found

    async def _part(self, row: Resource, narrow: Narrow, through: tuple[str, ...]) -> dict[Key, Member]:
        """One include or exclude: what its system says and all of its value sets have."""
        url = row.get("system")
        imported = [str(one) for one in row.get("valueSet", ())]
        if not url and not imported:
            raise Refusal("field-missing", field="ValueSet.compose.include", expected="a system or valueSet")
        found: dict[Key, Member] | None = None
        if url:
            if narrow.system and narrow.system != url:
                return {}
            found = await self._of_system(str(url), row, narrow)
        for canonical in imported:
            if found is not None and not found:
                break
            inner = await self.members(await self._catalogue.value_set(canonical), narrow, through)
            found = inner if found is None else {key: one for key, one in found.items() if key in inner}
        return found or {}

    async def _of_system(self, url: str, row: Resource, narrow: Narrow) -> dict[Key, Member]:
        version = str(row.get("version", ""))
        if "concept" in row:
            return await self._enumerated(url, version, row, narrow)
        system = await self._catalogue.system(url, version)
        filters = tuple(
            Filter(str(one.get("property", "")), str(one.get("op", "")), str(one.get("value", "")))
            for one in _rows(row, "filter")
        )
        for one in filters:
            check_filter(one)
        found = await system.select(Wanted(narrow.codes, filters, narrow.text, narrow.active))
        self._count(len(found))
        return {(url, concept.code): Member(url, system.version, concept) for concept in found}

    async def _enumerated(self, url: str, version: str, row: Resource, narrow: Narrow) -> dict[Key, Member]:
        """Codes one by one: what the value set says of them goes before what the system says, which may not be here."""
        system = await self._catalogue.system_if_known(url, version)
        key = system.key if system else str
        wanted = None if narrow.codes is None else {key(code) for code in narrow.codes}
        said = {
            str(one["code"]): one
            for one in _rows(row, "concept")
            if one.get("code") and (wanted is None or key(str(one["code"])) in wanted)
        }
        self._count(len(said))
        known = {c.code: c for c in await system.select(Wanted(codes=tuple(said)))} if system and said else {}
        found: dict[Key, Member] = {}
        for code, one in said.items():
            held = known.get(code, Concept(code))
            concept = replace(
                held,
                display=str(one.get("display", "")) or held.display,
                designations=(*_rows(one, "designation"), *held.designations),
            )
            if _is_wanted(url, concept, narrow, key):
                found[url, code] = Member(url, system.version if system else version, concept)
        return found


def _is_wanted(system: str, concept: Concept, narrow: Narrow, key: Any) -> bool:
    return (
        narrow.system in ("", system)
        and not (narrow.active and concept.inactive)
        and (narrow.codes is None or key(concept.code) in {key(code) for code in narrow.codes})
        and (not narrow.text or has_words(concept.words(), Wanted(text=narrow.text).words()))
    )


def _rows(held: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    rows = held.get(name, [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Refusal("field-invalid", field=f"ValueSet.{name}", expected="a list of objects")
    return rows


async def codes_for_search(catalogue: Catalogue, value_set: Resource) -> list[Key]:
    """The codes of a value set for a search; a system of which all belongs to it stands as (system, `*`)."""
    compose = value_set.get("compose")
    whole: list[str] = []
    if isinstance(compose, dict) and not compose.get("exclude") and compose.get("inactive") is not False:
        rows = _rows(compose, "include")
        whole = [str(row["system"]) for row in rows if set(row) <= {"system"} and row]
        rest = [row for row in rows if not (set(row) <= {"system"} and row)]
        value_set = {**value_set, "compose": {**compose, "include": rest}}
    found: Iterable[Key] = await members(catalogue, value_set, Narrow())
    return [*((system, "*") for system in whole), *found]
