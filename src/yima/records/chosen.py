"""Ids that clients chose (update as create): a look-up from such an id to the home that it does not carry.

An id is good within a scope: a sandbox's own (its institution's number), or 0 for all others, for whom an address means
one resource and belongs to who came first.
"""

from __future__ import annotations

from collections.abc import Iterable

from yima.records.write import SQL
from yima.runtime import ids
from yima.runtime.database import Connection, Database
from yima.runtime.ids import PersonId

Key = tuple[str, str]
"""(type, id)."""


async def located(source: Database | Connection, scope: int, keys: Iterable[Key]) -> dict[Key, PersonId]:
    """(type, id) -> home, of those whose id carries one or was chosen in this scope. The database is asked only for
    ids that the platform did not make."""
    homes = {key: ids.home_of(key[1]) for key in keys}
    found = {key: home for key, home in homes.items() if home is not None}
    if asked := [key for key, home in homes.items() if home is None and "\x00" not in key[1]]:
        rows = await source.fetch(SQL.chosen, scope, *map(list, zip(*asked, strict=True)))
        found |= {(row["type"], row["id"]): row["home"] for row in rows}
    return found


async def choose(c: Connection, scope: int, resource_type: str, resource_id: str, home: PersonId) -> None:
    """Remember where a resource with a chosen id lies. The caller holds a lock on that id."""
    await c.execute(SQL.choose, scope, resource_type, resource_id, home)


async def clear_sandbox(db: Database, institution: int, most: int) -> int:
    """Remove up to `most` resources that a sandbox wrote, with all their versions; how many. When none is left, the ids
    it chose are free again."""
    gone = int((await db.fetchrow(SQL.clear_sandbox, institution, most))["gone"])
    if not gone:
        await db.execute(SQL.forget_chosen, institution)
    return gone
