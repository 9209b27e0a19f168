"""Which code systems, value sets and concept maps there are: what was loaded goes before what R4 brings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from yima.fhir import parse
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.terminology.bundled import all_bundled, bundled, bundled_by_id, bundled_system
from yima.terminology.concept import System
from yima.terminology.grammar import GRAMMARS
from yima.terminology.stored import SQL, Table, stored, stored_by_id

Resource = Mapping[str, Any]
TYPES: Final = ("CodeSystem", "ValueSet", "ConceptMap")
_IMPLICIT: Final = "?fhir_vs"
_LOINC: Final = "http://loinc.org"


class Catalogue:
    """Finding by canonical address or by id."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def system(self, url: str, version: str = "") -> System:
        """A code system with its concepts. Refusal `code-system-unknown`."""
        found = await self.system_if_known(url, version)
        if found is None:
            raise Refusal("code-system-unknown", field="system", system=_shown(url, version))
        return found

    async def system_if_known(self, url: str, version: str = "") -> System | None:
        """The same, None where it is not here."""
        if not url or "\x00" in url + version:
            return None
        row = await stored(self._db, "CodeSystem", url, version)
        if row is not None and row.concepts:
            return Table(self._db, row)
        held: System | None = bundled_system(url) or GRAMMARS.get(url)
        return held if held and version in ("", held.version) else None

    async def value_set(self, canonical: str, version: str = "") -> Resource:
        """A value set, also one that a code system implies (`[system]?fhir_vs`, `..=isa/[code]`). Refusal
        `value-set-unknown`."""
        url, _, named = canonical.partition("|")
        version = named or version
        found = await self._resource("ValueSet", url, version) or await self._implied(url, version)
        if found is None:
            raise Refusal("value-set-unknown", field="url", url=_shown(url, version))
        return found

    async def concept_map(self, canonical: str, version: str = "") -> Resource:
        """A concept map. Refusal `concept-map-unknown`."""
        url, _, named = canonical.partition("|")
        found = await self._resource("ConceptMap", url, named or version)
        if found is None:
            raise Refusal("concept-map-unknown", field="url", url=_shown(url, named or version))
        return found

    async def _resource(self, kind: str, url: str, version: str) -> Resource | None:
        if "\x00" in url + version:
            return None
        row = await stored(self._db, kind, url, version)
        if row is not None:
            return row.resource()
        held = bundled(kind, url)
        return held if held and version in ("", held.get("version", "")) else None

    async def _implied(self, url: str, version: str) -> Resource | None:
        """R4 valueset.html, snomedct.html, loinc.html: the value sets that a system has without anybody saying so."""
        system, mark, rest = url.partition(_IMPLICIT)
        if url.startswith(f"{_LOINC}/vs"):
            system, mark, rest = _LOINC, _IMPLICIT, url.removeprefix(f"{_LOINC}/vs")
            rest = f"=isa/{rest[1:]}" if rest.startswith("/") else rest
        include: dict[str, Any] = {"system": system}
        if rest.startswith("=isa/"):
            include["filter"] = [{"property": "concept", "op": "is-a", "value": rest.removeprefix("=isa/")}]
        elif rest:
            return None
        if not mark or await self.system_if_known(system, version) is None:
            return None
        return {"resourceType": "ValueSet", "url": url, "status": "active", "compose": {"include": [include]}}

    async def by_id(self, kind: str, wanted: str) -> dict[str, Any] | None:
        """A resource by its FHIR id."""
        held = bundled_by_id(kind, wanted)
        return await stored_by_id(self._db, kind, wanted) or (dict(held) if held else None)

    async def all_of(self, kind: str) -> list[Resource]:
        """Every resource of a type; a loaded one covers R4's of the same address."""
        loaded = [parse(row["content"]) for row in await self._db.fetch(SQL.resources, kind)]
        urls = {row["url"] for row in loaded}
        return [*loaded, *(row for row in all_bundled(kind) if row["url"] not in urls)]

    async def systems(self) -> AsyncIterator[tuple[str, str]]:
        """(address, version) of every code system whose codes are known."""
        for row in await self._db.fetch(SQL.resources, "CodeSystem"):
            if row["concepts"]:
                yield row["url"], row["version"]
        for resource in all_bundled("CodeSystem"):
            if resource.get("concept"):
                yield resource["url"], str(resource.get("version", ""))
        for grammar in GRAMMARS.values():
            yield grammar.url, grammar.version


def _shown(url: str, version: str) -> str:
    """An address in a refusal: bounded, without control characters."""
    text = f"{url}|{version}" if version else url
    return "".join(c for c in text[:200] if c.isprintable()) or "''"
