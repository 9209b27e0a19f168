"""The hashes of documents that were sent to the national gateway, under a new key: in steps, while it works. See
`yima.runtime.blinding`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from yima.runtime.database import Database, Queries
from yima.runtime.layers import Turn

_SQL: Final = Queries(__package__, "turning.sql")


async def turn_applicants(db: Database, turn: Turn, limit: int) -> AsyncIterator[int]:
    """All of them once, so many in each step; how many each step had."""
    at = (-1, b"")
    while rows := await db.fetch(_SQL.applicants, *at, *turn.old.range, limit):
        old = [bytes(row["document"]) for row in rows]
        where = [row["institution"] for row in rows]
        await db.execute(_SQL.turn_applicants, where, old, [turn.long(one) for one in old])
        at = (where[-1], old[-1])
        yield len(rows)


async def unturned_applicants(db: Database, turn: Turn) -> dict[str, int]:
    """How many have hashes of the old key."""
    return dict(await db.fetchrow(_SQL.left, *turn.old.range))
