"""Search within one record, or across the test records of a sandbox: hashed tokens and the clinical date in SQL, the
rarer parameters and orders on the parsed resource."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from yima import fhir
from yima.records.content import Allowance, content_of
from yima.records.pages import Page, page_of
from yima.records.read import Sight
from yima.records.spots import START, Keys, Spot, Wanted, beyond, edge_of, keys_of, order_by
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

_COLUMNS = (
    "home, type, id, version, updated, institution_id, class, deleted, content, patient, low, "
    "(select k.wrap from records.key k where k.home = r.home) as wrap"
)
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
"""At most this many rows of one record are looked at for a rare parameter or order; more is too costly."""
Part = tuple[Sequence[str], fhir.Query]
"""Types, and what is asked of resources of these."""


async def search(
    db: Database | Connection,
    vault: Vault,
    homes: Sequence[PersonId] | None,
    resource_type: str,
    query: fhir.Query,
    sight: Sight,
    wanted: Wanted,
) -> Page:
    """The matches of one type within sight: see `search_parts`."""
    return await search_parts(db, vault, homes, [([resource_type], query)], sight, wanted)


async def search_parts(
    db: Database | Connection,
    vault: Vault,
    homes: Sequence[PersonId] | None,
    parts: Sequence[Part],
    sight: Sight,
    wanted: Wanted,
) -> Page:
    """A page of what any part matches within sight, in a stable order: what is written between two pages neither
    repeats nor hides what was there.

    `homes` None searches across all records of a sandbox: what `sight.only_institution` wrote there itself. The order
    is that of the first part. Chains must have been made tokens before. Without a wish for a total it is the page's.
    Refusal `too-costly` when a rare parameter or order would have to be looked for in more than 20,000 resources.
    """
    where, args = _conditions(homes, parts, sight)
    keys = keys_of(parts[0][1], many=len(parts) > 1 or len(parts[0][0]) > 1)
    rare = parts[0][1].order or any(query.predicate for _, query in parts)
    if rare:
        return await _by_looking(db, vault, (where, args), keys, parts, wanted)
    return await _by_index(db, vault, (where, args), keys, wanted)


async def _by_index(
    db: Database | Connection, vault: Vault, condition: tuple[str, list[Any]], keys: Keys, wanted: Wanted
) -> Page:
    """One question where the first page holds all that is found, which is by far the usual case; else a second one for
    the total, if it is wanted."""
    (where, args), spot, count = condition, wanted.spot, wanted.spot.take or wanted.count
    rows: list[Any] = []
    if count:
        further = list(args)
        there = beyond(keys, spot, further)
        sql = (
            f"select {_COLUMNS} from records.resource r where {where} and {there} order by {order_by(keys, spot.back)} "
            f"limit ${len(further) + 1}"
        )
        rows = await db.fetch(sql, *further, count + 1)
    more, rows = len(rows) > count, rows[:count]
    if spot.back:
        rows.reverse()
    if wanted.total and (more or not count or spot != START):
        found = int((await db.fetchrow(f"select count(*) from records.resource r where {where}", *args))[0])
    else:
        found = len(rows)
    return page_of(vault, rows, found, keys, spot, more)


async def _by_looking(
    db: Database | Connection,
    vault: Vault,
    condition: tuple[str, list[Any]],
    keys: Keys,
    parts: Sequence[Part],
    wanted: Wanted,
) -> Page:
    """All that the index lets through is looked at."""
    (where, args), spot, count = condition, wanted.spot, wanted.spot.take or wanted.count
    further = list(args)
    there = beyond(keys, spot, further)
    sql = (
        f"select {_COLUMNS}, {there} as there from records.resource r where {where} "
        f"order by {order_by(keys, back=False)} limit {_SCAN + 1}"
    )
    rows = await db.fetch(sql, *further)
    if len(rows) > _SCAN:
        raise Refusal("too-costly", limit=f"{_SCAN} resources")
    matches = _looked_at(vault, rows, parts)
    ordered = bool(parts[0][1].order)
    rest = _after_row(matches, keys, spot) if ordered else [row for row in matches if row["there"]]
    chosen = (rest[-count:] if count else []) if spot.back else rest[:count]
    return page_of(vault, chosen, len(matches), keys, spot, len(rest) > count)


def _after_row(matches: Sequence[Any], keys: Keys, spot: Spot) -> list[Any]:
    """What stands beyond the row of a spot in an order that the resources say; where that row has gone, beyond the
    place it had."""
    if not spot.edge:
        return list(matches)
    at = next((n for n, row in enumerate(matches) if edge_of(keys, row) == spot.edge), None)
    if spot.back:
        return list(matches[: spot.seen if at is None else at])
    return list(matches[spot.seen if at is None else at + 1 :])


def _looked_at(vault: Vault, rows: Sequence[Any], parts: Sequence[Part]) -> list[Any]:
    """The rows whose resources pass, in the order that the resources say."""
    tests = {name: query.predicate for names, query in parts for name in names}
    take = Allowance().take
    parsed = [(fhir.parse(take(content_of(vault, row))), row) for row in rows]
    kept = [pair for pair in parsed if (test := tests[pair[1]["type"]]) is None or test(pair[0])]
    for key, descending in reversed(parts[0][1].order):
        keyed = [(key(pair[0]), pair) for pair in kept]
        having = sorted((k for k in keyed if k[0] is not None), key=itemgetter(0), reverse=descending)
        kept = [pair for _, pair in having] + [pair for value, pair in keyed if value is None]
    return [row for _, row in kept]


def _conditions(homes: Sequence[PersonId] | None, parts: Sequence[Part], sight: Sight) -> tuple[str, list[Any]]:
    # One home is by far the usual case, and an equality finds the index's order that an array does not.
    if homes is None:
        args: list[Any] = [sight.only_institution]
        clauses = ["sandbox and institution_id = $1", "not deleted"]
    else:
        alone = len(homes) == 1
        args = [homes[0] if alone else list(homes)]
        clauses = ["home = $1" if alone else "home = any($1)", "not deleted"]
    if sight.patients is not None:
        args.append(sight.named)
        clauses.append(f"patient = any(${len(args)}::text[])")
    if sight.only_institution is not None and homes is not None:
        args.append(sight.only_institution)
        clauses.append(f"institution_id = ${len(args)}")
    if sight.closed and homes is not None:
        args += [list(sight.closed), sight.author]
        clauses.append(f"(class <> all(${len(args) - 1}::text[]) or institution_id = ${len(args)})")
    if sight.withheld and homes is not None:
        args += [list(sight.withheld), sight.author]
        clauses.append(f"((type || '/' || id) <> all(${len(args) - 1}::text[]) or institution_id = ${len(args)})")
    said = [_part(part, args) for part in parts]
    clauses.append(said[0] if len(said) == 1 else "(" + " or ".join(f"({text})" for text in said) + ")")
    return " and ".join(clauses), args


def _part(part: Part, args: list[Any]) -> str:
    names, query = part
    clauses: list[str] = []

    def also(clause: str, value: Any) -> None:
        args.append(value)
        clauses.append(clause.replace("?", f"${len(args)}"))

    if len(names) == 1:
        also("type = ?", names[0])
    else:
        also("type = any(?::text[])", list(names))
    if query.ids is not None:
        also("id = any(?::text[])", query.ids)
    for alternatives in query.tokens:
        if len(alternatives) == 1:
            also("? = any(tokens)", alternatives[0])  # a sixth less for each row than the overlap of two arrays
        else:
            also("tokens && ?::bigint[]", alternatives)
    for clause, low, high in _ranges(query):
        args += [low, high]
        clauses.append(clause.replace(":from", f"${len(args) - 1}").replace(":to", f"${len(args)}"))
    return " and ".join(clauses)


def _ranges(query: fhir.Query) -> list[tuple[str, datetime, datetime]]:
    """Date conditions as SQL over the range `[low, high]` of a row, and the range asked for; bounds are inclusive."""
    clinical = [(_PREFIXES[prefix].format(a="low", b="high"), low, high) for prefix, low, high in query.dated]
    updated = [
        (_PREFIXES[prefix].format(a="updated", b="updated"), low, high) for prefix, low, high in query.last_updated
    ]
    return clinical + updated
