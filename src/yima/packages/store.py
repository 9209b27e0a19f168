"""The profiles that were loaded, in PostgreSQL, and those a check needs at hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from weakref import WeakKeyDictionary

from yima.fhir import encode, parse
from yima.fhir.profiles import Library, core_type, referred
from yima.packages.reading import Package
from yima.runtime.database import Database, Queries

_SQL: Final = Queries("yima.packages")
_MOST_ROUNDS: Final = 40
_MOST_PROFILES: Final = 2_000


@dataclass(frozen=True, slots=True)
class Listed:
    """One package that was loaded."""

    name: str
    version: str
    definitions: int
    loaded: datetime


@dataclass(slots=True)
class _Held:
    """What a worker has read: good as long as nothing was loaded since."""

    stamp: tuple[int, int]
    definitions: dict[str, dict[str, Any]]
    absent: set[str]
    library: Library


_held: Final[WeakKeyDictionary[Database, _Held]] = WeakKeyDictionary()


class Packages:
    """The profiles of a deployment."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def load(self, package: Package, now: datetime) -> int:
        """Keep the profiles of a package, in place of those with the same address and version; how many there are."""
        rows = {(p["url"], str(p.get("version", ""))): encode(p) for p in package.profiles}
        urls, versions = [url for url, _ in rows], [version for _, version in rows]

        async def work(c: Any) -> None:
            for url, version in rows:
                await c.execute(_SQL.take_out, [url], [version])
            await c.execute(_SQL.put_in, urls, versions, list(rows.values()), package.name, package.version, now)

        if rows:
            await self._db.retry(work)
        return len(rows)

    async def listed(self) -> list[Listed]:
        """The packages, by name and version."""
        rows = await self._db.fetch(_SQL.packages)
        return [Listed(r["package"], r["package_version"], r["definitions"], r["loaded"]) for r in rows]

    async def library(self, urls: Iterable[str]) -> Library:
        """The profiles at these addresses and all they refer to."""
        row = await self._db.fetchrow(_SQL.stamp)
        stamp = (row["newest"], row["many"]) if row else (0, 0)
        held = _held.get(self._db)
        if held is None or held.stamp != stamp:
            definitions: dict[str, dict[str, Any]] = {}
            held = _held[self._db] = _Held(stamp, definitions, set(), Library(definitions))
        wanted = {url for url in urls if not core_type(url)}
        for _ in range(_MOST_ROUNDS):
            missing = {url for url in wanted if url not in held.definitions and url not in held.absent}
            if not missing or len(held.definitions) > _MOST_PROFILES:
                break
            wanted = await self._read(held, missing)
        return held.library

    async def _read(self, held: _Held, missing: set[str]) -> set[str]:
        """Take these in; what they refer to."""
        rows = await self._db.fetch(_SQL.definitions, list({url.partition("|")[0] for url in missing}))
        fresh: list[dict[str, Any]] = []
        for row in rows:
            definition = parse(row["content"])
            held.definitions[f"{row['url']}|{row['version']}"] = definition
            held.definitions[row["url"]] = definition
            fresh.append(definition)
        held.absent |= {url for url in missing if url not in held.definitions}
        return {url for definition in fresh for url in referred(definition) if not core_type(url)}
