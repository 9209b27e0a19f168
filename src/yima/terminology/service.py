"""The operations of this room behind one object, for the rooms above."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.terminology import answers, expand, loading, translate
from yima.terminology.answers import Coding, Expanding
from yima.terminology.catalogue import Catalogue
from yima.terminology.concept import Filter, Wanted
from yima.terminology.stored import SQL
from yima.terminology.translate import Translating

Resource = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of `yima terminology list`."""

    type: str
    url: str
    version: str
    name: str
    concepts: int
    loaded: datetime


class Terminology:
    """Questions about codes. Holds no state but the database: what is loaded counts at once, on every worker."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._catalogue = Catalogue(database)

    # --- resources ---------------------------------------------------------------------------------------------------
    async def read(self, kind: str, wanted: str) -> dict[str, Any] | None:
        """A CodeSystem, ValueSet or ConceptMap by its FHIR id; None when this room has none of that id."""
        return await self._catalogue.by_id(kind, wanted)

    async def find(self, kind: str, accepts: Callable[[Resource], bool]) -> list[Resource]:
        """All of a type that a predicate accepts."""
        return [one for one in await self._catalogue.all_of(kind) if accepts(one)]

    async def value_set(self, url: str, version: str = "") -> Resource:
        """A value set by its canonical address. Refusal `value-set-unknown`."""
        return await self._catalogue.value_set(url, version)

    async def concept_map(self, url: str, version: str = "") -> Resource:
        """A concept map by its canonical address. Refusal `concept-map-unknown`."""
        return await self._catalogue.concept_map(url, version)

    async def systems(self) -> list[tuple[str, str]]:
        """(address, version) of every code system whose codes are known."""
        return [one async for one in self._catalogue.systems()]

    # --- operations --------------------------------------------------------------------------------------------------
    async def expand(self, value_set: Resource, how: Expanding, now: datetime) -> dict[str, Any]:
        """ValueSet/$expand. Refusals `too-costly`, `code-system-unknown`, `value-set-unknown`, `field-invalid`."""
        return await answers.expanded(self._catalogue, value_set, how, now)

    async def lookup(self, coding: Coding, properties: Sequence[str], language: str) -> dict[str, Any]:
        """CodeSystem/$lookup. Refusals `code-system-unknown`, `concept-unknown`."""
        return await answers.looked_up(self._catalogue, coding, properties, language)

    async def subsumes(self, system: str, version: str, codes: tuple[str, str]) -> dict[str, Any]:
        """CodeSystem/$subsumes. Refusals `code-system-unknown`, `concept-unknown`."""
        return await answers.subsumed(self._catalogue, system, version, codes)

    async def validate_in_value_set(
        self, value_set: Resource, codings: Sequence[Coding], language: str
    ) -> dict[str, Any]:
        """ValueSet/$validate-code: valid when any of the codings is a member."""
        return await answers.in_value_set(self._catalogue, value_set, codings, language)

    async def validate_in_system(
        self, system: str, version: str, codings: Sequence[Coding], language: str
    ) -> dict[str, Any]:
        """CodeSystem/$validate-code. Refusal `code-system-unknown`."""
        return await answers.in_system(self._catalogue, system, version, codings, language)

    async def translate(self, concept_map: Resource | None, asked: Translating) -> dict[str, Any]:
        """ConceptMap/$translate; without a map, by every map that fits. Refusal `concept-map-unknown`."""
        return await translate.translated(self._catalogue, concept_map, asked)

    # --- searching ---------------------------------------------------------------------------------------------------
    async def codes_of(self, value_set: Resource) -> list[tuple[str, str]]:
        """(system, code) of a value set's members; code `*` stands for all of a system. Refusal `too-costly`."""
        return await expand.codes_for_search(self._catalogue, value_set)

    async def codes_below(self, system: str, code: str) -> list[tuple[str, str]]:
        """A code and all below it. Refusals `code-system-unknown`, `concept-unknown`, `too-costly`."""
        held = await self._catalogue.system(system)
        concept = await answers.concept_of(held, Coding(code, system))
        rows = await held.select(Wanted(filters=(Filter("concept", "is-a", concept.code),)))
        return [(system, one.code) for one in rows]

    async def codes_above(self, system: str, code: str) -> list[tuple[str, str]]:
        """A code and all above it. Refusals `code-system-unknown`, `concept-unknown`."""
        held = await self._catalogue.system(system)
        concept = await answers.concept_of(held, Coding(code, system))
        return [(system, one) for one in (concept.code, *sorted(concept.ancestors))]

    # --- loading -----------------------------------------------------------------------------------------------------
    async def load(
        self, one: loading.Loading, now: datetime, advance: Callable[[int], None] = lambda _: None
    ) -> loading.Loaded:
        """Put a resource with its concepts in, in one transaction; the same address and version is replaced."""
        return await loading.store(self._db, one, now, advance)

    async def loaded(self) -> list[Listed]:
        """What was loaded, R4's own not among it."""
        rows = await self._db.fetch(SQL.resources, "")
        names = ("type", "url", "version", "name", "concepts", "loaded")
        return [Listed(*(row[name] for name in names)) for row in rows]

    async def unload(self, url: str, version: str = "") -> int:
        """Take out what was loaded under an address; how many resources. Refusal `code-system-unknown`."""
        async with self._db.transaction() as c:
            gone = await c.fetch(SQL.unload, url, version)
            await c.execute(SQL.take_out_concepts, [row["number"] for row in gone])
        if not gone:
            raise Refusal("code-system-unknown", field="URL", system=url[:200])
        return len(gone)
