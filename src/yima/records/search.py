"""Search within one record, or across the test records of a sandbox: hashed tokens and the clinical date in SQL, the
rarer parameters and orders on the parsed resource."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

from yima import fhir
from yima.records.read import Sight, Stored, stored
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

_COLUMNS = "home, type, id, version, updated, institution_id, class, deleted, content"
_KEYS = {"date": "low", "_lastUpdated": "updated", "_id": "id"}
_INSIDE = "({a} >= :from and {b} <= :to)"
_PREFIXES = {
    "eq": _INSIDE,
    "ne": f"not {_INSIDE}",
    "gt": "({b} > :to and :from::timestamptz is not null)",
    "lt": "({a} < :from and :to::timestamptz is not null)",
    "ge": f"({_INSIDE} or {{b}} > :to)",
    "le": f"({_INSIDE} or {{a}} < :from)",
    "sa": "({a} > :to and :from::timestamptz is not null)",
    "eb": "({b} < :from and :to::timestamptz is not null)",
    "ap": "({a} <= :to and {b} >= :from)",
}
"""FHIR R4 search 3.1.1.4.6 prefixes: the range `[a, b]` of a row against the range `[:from, :to]` asked for."""
_SCAN = 20_000
"""At most this many rows of one type of one record are looked at for a rare parameter; more is too costly."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of matches, and how many there are in all."""

    rows: tuple[Stored, ...]
    total: int


async def search(
    db: Database | Connection,
    homes: Sequence[PersonId] | None,
    resource_type: str,
    query: fhir.Query,
    sight: Sight,
    *,
    offset: int,
    count: int,
) -> Page:
    """The matches within sight, `count` of them from `offset` on, in a stable order.

    `homes` None searches across all records of a sandbox: what `sight.only_institution` wrote there itself.
    Chains of the query must have been made tokens before. Refusal `too-costly` when a rare parameter or order would
    have to be looked for in more than 20,000 resources.
    """
    where, args = _conditions(homes, resource_type, query, sight)
    if query.predicate is None and not query.order:
        return await _by_index(db, where, args, query, offset, count)
    sql = f"select {_COLUMNS} from records.resource where {where} order by {_order(query)} limit {_SCAN + 1}"
    rows = await db.fetch(sql, *args)
    if len(rows) > _SCAN:
        raise Refusal("too-costly", limit=f"{_SCAN} {resource_type}")
    matches = _looked_at(rows, query)
    return Page(tuple(stored(row) for row in matches[offset : offset + count]), len(matches))


async def _by_index(
    db: Database | Connection, where: str, args: list[Any], query: fhir.Query, offset: int, count: int
) -> Page:
    """One question where the page holds the end of what is found, which is by far the usual case; else a second one
    for the total, unless nobody wants it."""
    rows: list[Any] = []
    if count:
        sql = (
            f"select {_COLUMNS} from records.resource where {where} order by {_order(query)} "
            f"limit ${len(args) + 1} offset ${len(args) + 2}"
        )
        rows = await db.fetch(sql, *args, count + 1, offset)
    found = tuple(stored(row) for row in rows[:count])
    if len(rows) <= count and (rows or (count and not offset)):
        return Page(found, offset + len(rows))
    if query.total == "none":
        return Page(found, offset + len(rows))  # at least so many: there is a next page
    counted = await db.fetchrow(f"select count(*) from records.resource where {where}", *args)
    return Page(found, int(counted[0]))


def _looked_at(rows: Sequence[Any], query: fhir.Query) -> list[Any]:
    """The rows whose resources pass, in the order that the resources say."""
    parsed = [(fhir.parse(row["content"]), row) for row in rows]
    kept = [pair for pair in parsed if query.predicate is None or query.predicate(pair[0])]
    for key, descending in reversed(query.order):
        keyed = [(key(pair[0]), pair) for pair in kept]
        having = sorted((k for k in keyed if k[0] is not None), key=itemgetter(0), reverse=descending)
        kept = [pair for _, pair in having] + [pair for value, pair in keyed if value is None]
    return [row for _, row in kept]


def _conditions(
    homes: Sequence[PersonId] | None, resource_type: str, query: fhir.Query, sight: Sight
) -> tuple[str, list[Any]]:
    # One home is by far the usual case, and an equality finds the index's order that an array does not.
    if homes is None:
        args: list[Any] = [sight.only_institution, resource_type]
        clauses = ["sandbox and institution_id = $1", "type = $2", "not deleted"]
    else:
        alone = len(homes) == 1
        args = [homes[0] if alone else list(homes), resource_type]
        clauses = ["home = $1" if alone else "home = any($1)", "type = $2", "not deleted"]

    def also(clause: str, value: Any) -> None:
        args.append(value)
        clauses.append(clause.replace("?", f"${len(args)}"))

    if sight.only_institution is not None and homes is not None:
        also("institution_id = ?", sight.only_institution)
    elif sight.closed and homes is not None:
        args.append(sight.author)
        also(f"(class <> all(?::text[]) or institution_id = ${len(args)})", list(sight.closed))
    if query.ids is not None:
        also("id = any(?::text[])", query.ids)
    for alternatives in query.tokens:
        also("tokens && ?::bigint[]", alternatives)
    for clause, low, high in _ranges(query):
        args += [low, high]
        clauses.append(clause.replace(":from", f"${len(args) - 1}").replace(":to", f"${len(args)}"))
    return " and ".join(clauses), args


def _ranges(query: fhir.Query) -> list[tuple[str, datetime, datetime]]:
    """Date conditions as SQL over the range `[low, high]` of a row, and the range asked for; bounds are inclusive."""
    clinical = [(_PREFIXES[prefix].format(a="low", b="high"), low, high) for prefix, low, high in query.dated]
    updated = [
        (_PREFIXES[prefix].format(a="updated", b="updated"), low, high) for prefix, low, high in query.last_updated
    ]
    return clinical + updated


def _order(query: fhir.Query) -> str:
    if query.order:
        return "id"
    keys = [f"{_KEYS[key]} {'desc' if descending else 'asc'} nulls last" for key, descending in query.sort]
    return ", ".join([*(keys or ["low desc nulls last"]), "id"])
