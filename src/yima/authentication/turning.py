"""This room's hashes under a new key: in steps, while people sign in. See `yima.runtime.blinding`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from yima.runtime.database import Connection, Database, Queries
from yima.runtime.layers import Turn

TURN_SQL: Final = Queries(__package__, "turning.sql")


async def turn_sign_in(db: Database, turn: Turn, limit: int) -> AsyncIterator[int]:
    """Turn tries, codes and confirmed phones, so many rows in each step; how many each step had."""
    for step in (_attempts, _codes, _proofs):
        done = 1
        while done:
            done = await db.retry(lambda c, step=step: step(c, turn, limit))  # type: ignore[misc]
            yield done


async def unturned_sign_in(db: Database, turn: Turn) -> dict[str, int]:
    """How many rows of each table of this room have hashes of the old key."""
    return dict(await db.fetchrow(TURN_SQL.left, *turn.old.range))


async def _attempts(c: Connection, turn: Turn, limit: int) -> int:
    old = [bytes(row["bucket"]) for row in await c.fetch(TURN_SQL.attempts, *turn.old.range, limit)]
    await c.execute(TURN_SQL.turn_attempts, old, [turn.long(one) for one in old])
    return len(old)


async def _codes(c: Connection, turn: Turn, limit: int) -> int:
    rows = await c.fetch(TURN_SQL.codes, *turn.old.range, limit)
    new = [[turn.long(bytes(row[name])) for row in rows] for name in ("phone", "code")]
    await c.execute(TURN_SQL.turn_codes, [row["challenge"] for row in rows], *new)
    return len(rows)


async def _proofs(c: Connection, turn: Turn, limit: int) -> int:
    old = sorted({bytes(row["phone"]) for row in await c.fetch(TURN_SQL.proofs, *turn.old.range, limit)})
    await c.execute(TURN_SQL.turn_proofs, old, [turn.long(one) for one in old])
    return len(old)
