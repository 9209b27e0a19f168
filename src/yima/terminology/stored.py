"""What was loaded: resources and concepts in PostgreSQL, asked for each time, so that every worker sees a new table at
once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from yima.fhir import parse
from yima.runtime.database import Database, Queries
from yima.terminology.concept import MOST, Concept, Filter, Wanted, passes, too_costly

SQL: Final = Queries("yima.terminology")
_COLUMNS: Final = "code, display, definition, parents, ancestors, inactive, abstract, designations, properties"


@dataclass(frozen=True, slots=True)
class Stored:
    """A resource that was loaded."""

    number: int
    url: str
    version: str
    name: str
    case_sensitive: bool
    concepts: int
    content: bytes

    def resource(self) -> dict[str, Any]:
        """It as FHIR."""
        return parse(self.content)


async def stored(db: Database, kind: str, url: str, version: str) -> Stored | None:
    """A loaded resource by its address; without a version the one loaded last."""
    row = await db.fetchrow(SQL.resource, kind, url, version)
    if row is None:
        return None
    words = (row[name] for name in ("number", "url", "version", "name", "case_sensitive", "concepts", "content"))
    return Stored(*words)


async def stored_by_id(db: Database, kind: str, wanted: str) -> dict[str, Any] | None:
    """A loaded resource by its id."""
    row = await db.fetchrow(SQL.resource_by_id, kind, wanted) if "\x00" not in wanted else None
    return parse(row["content"]) if row else None


class Table:
    """A code system that was loaded."""

    def __init__(self, db: Database, row: Stored) -> None:
        self._db = db
        self._row = row
        self.url, self.version, self.name = row.url, row.version, row.name

    def key(self, code: str) -> str:
        """See `System.key`."""
        return code if self._row.case_sensitive else code.lower()

    async def select(self, wanted: Wanted) -> list[Concept]:
        """See `System.select`: what an index answers is asked in SQL, the rest of the filters are looked at here."""
        args: list[Any] = [self._row.number]
        clauses = ["system = $1"]

        def also(clause: str, value: Any) -> None:
            args.append(value)
            clauses.append(clause.replace("?", f"${len(args)}"))

        if wanted.codes is not None:
            also("key = any(?::text[])", [self.key(code) for code in wanted.codes])
        for row in wanted.filters:
            narrow = await self._narrowed(row)
            if narrow:
                also(*narrow)
        for word in wanted.words():
            also("strpos(words, ?) > 0", word)
        if wanted.active:
            clauses.append("not inactive")
        args.append(MOST + 1)
        where = " and ".join(clauses)
        sql = f"select {_COLUMNS} from terminology.concept where {where} order by place limit ${len(args)}"
        rows = await self._db.fetch(sql, *args)
        if len(rows) > MOST:
            raise too_costly()
        return await self._passing([_concept(row) for row in rows], wanted.filters)

    async def _narrowed(self, row: Filter) -> tuple[str, Any] | None:
        """A filter as SQL, where an index or a short look answers it."""
        match row.op, row.property:
            case "is-a", _:
                key = "(?::text[])[1]" if self._row.case_sensitive else "lower((?::text[])[1])"
                return f"(ancestors @> ?::text[] or key = {key})", [row.value]
            case "descendent-of", _:
                return "ancestors @> ?::text[]", [row.value]
            case "generalizes", _:
                return "key = any(?::text[])", [self.key(c) for c in (*await self._above(row.value), row.value)]
            case "=", "parent":
                return "parents @> ?::text[]", [row.value]
            case "=", "concept" | "code":
                return "key = ?", self.key(row.value)
            case "in", "concept" | "code":
                return "key = any(?::text[])", [self.key(piece.strip()) for piece in row.value.split(",")]
            case "=", name if name not in ("display", "definition", "inactive"):
                return "strpos(properties::text, ?) > 0", orjson.dumps(row.value).decode()[1:-1]
        return None

    async def _above(self, code: str) -> Sequence[str]:
        row = await self._db.fetchrow(SQL.ancestors, self._row.number, self.key(code))
        return list(row["ancestors"]) if row else []

    async def _passing(self, concepts: list[Concept], filters: Sequence[Filter]) -> list[Concept]:
        for row in filters:
            above = frozenset(await self._above(row.value)) if row.op == "generalizes" else frozenset()
            concepts = [concept for concept in concepts if passes(concept, row, above)]
        return concepts


def _concept(row: Any) -> Concept:
    return Concept(
        code=row["code"],
        display=row["display"],
        definition=row["definition"],
        parents=tuple(row["parents"]),
        ancestors=frozenset(row["ancestors"]),
        inactive=row["inactive"],
        abstract=row["abstract"],
        designations=tuple(orjson.loads(row["designations"])),
        properties=tuple(orjson.loads(row["properties"])),
    )
