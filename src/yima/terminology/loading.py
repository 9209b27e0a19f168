"""`yima terminology load`: code systems, value sets and maps from files into the database, a file a transaction."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import orjson

from yima.fhir import encode
from yima.runtime.database import Database
from yima.terminology.concept import Concept
from yima.terminology.stored import SQL
from yima.terminology.tree import closed, flattened

_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}").fullmatch
_CHUNK: Final = 5_000
LONGEST_CODE: Final = 500
"""Characters: codes stand in an index."""
_COLUMNS: Final = ("system", "key", "place", "code", "display", "definition", "words", "parents", "ancestors",
                   "inactive", "abstract", "designations", "properties")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was not loaded: where it stands, and why."""

    place: str
    reason: str


@dataclass(slots=True)
class Loading:
    """A CodeSystem, ValueSet or ConceptMap on its way in."""

    resource: dict[str, Any]
    """As FHIR; a CodeSystem without its concepts."""
    concepts: list[Concept] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one resource became."""

    type: str
    url: str
    version: str
    concepts: int


def of_resource(resource: dict[str, Any]) -> Loading:
    """A FHIR resource to be loaded; a CodeSystem's concepts become rows."""
    if resource["resourceType"] != "CodeSystem":
        return Loading(resource)
    bare = {key: value for key, value in resource.items() if key != "concept"}
    return finished(Loading(bare, flattened(resource.get("concept", ()))))


def finished(loading: Loading) -> Loading:
    """The concepts with their ancestors; those in a circle of parents, and codes that are too long, become rejects."""
    long = [one.code for one in loading.concepts if len(one.code) > LONGEST_CODE]
    loading.rejects += [Reject(f"code {code[:40]}..", f"it has more than {LONGEST_CODE} characters") for code in long]
    loading.concepts = [one for one in loading.concepts if len(one.code) <= LONGEST_CODE]
    loading.concepts, circular = closed(loading.concepts)
    loading.rejects += [Reject(f"code {code}", "its parents lead back to itself") for code in circular]
    return loading


async def store(
    db: Database, loading: Loading, now: datetime, advance: Callable[[int], None] = lambda _: None
) -> Loaded:
    """Put one resource in the place of what was loaded before under the same address and version.

    All or nothing; `advance` is told how many concepts were written.
    """
    resource = loading.resource
    kind, url, version = resource["resourceType"], str(resource["url"]), str(resource.get("version", ""))
    sensitive = resource.get("caseSensitive") is not False
    wanted = str(resource.get("id", ""))
    # One id per address and version, so that the second load finds the first, and no client's id is another's.
    made = hashlib.sha256(f"{url}|{version}".encode()).hexdigest()[:24]
    resource = {**resource, "id": wanted if _ID(wanted) else made}
    if loading.concepts:
        resource |= {"content": "not-present", "count": len(loading.concepts)}
    name = str(resource.get("name") or resource.get("title") or url)
    async with db.transaction() as c:
        gone = await c.fetch(SQL.take_out, kind, url, version, resource["id"])
        await c.execute(SQL.take_out_concepts, [row["number"] for row in gone])
        number = await c.fetchval(
            SQL.put_in,
            kind,
            url,
            version,
            resource["id"],
            name,
            sensitive,
            len(loading.concepts),
            now,
            encode(resource),
        )
        for start in range(0, len(loading.concepts), _CHUNK):
            chunk = loading.concepts[start : start + _CHUNK]
            rows = list(_rows(number, start, chunk, sensitive))
            await c.copy_records_to_table("concept", schema_name="terminology", columns=_COLUMNS, records=rows)
            advance(len(chunk))
    return Loaded(kind, url, version, len(loading.concepts))


def _rows(number: int, start: int, chunk: Sequence[Concept], sensitive: bool) -> Iterator[tuple[Any, ...]]:
    for place, one in enumerate(chunk, start):
        yield (
            number, one.code if sensitive else one.code.lower(), place, one.code, one.display, one.definition,
            one.words(), list(one.parents), sorted(one.ancestors), one.inactive, one.abstract,
            orjson.dumps(list(one.designations)).decode(), orjson.dumps(list(one.properties)).decode(),
        )  # fmt: skip
