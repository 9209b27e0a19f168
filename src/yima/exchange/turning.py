"""The hashes of receipts under a new key: in steps, while submissions come. See `yima.runtime.blinding`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from yima.access import Access
from yima.exchange.receipts import resealed_answer
from yima.runtime.database import Queries
from yima.runtime.layers import Turn

_SQL: Final = Queries(__package__, "turning.sql")


async def turn_receipts(access: Access, turn: Turn, most: int) -> AsyncIterator[int]:
    """All receipts once, so many at a time; how many each step had."""
    vault, at = access.vault, (0, b"")
    while rows := await access.database.fetch(_SQL.receipts, *at, *turn.old.range, most):
        done = []
        for row in rows:
            where, key, held = row["institution_id"], bytes(row["key"]), row["answer"]
            new = turn.long(key)
            answer = resealed_answer(vault, where, key, new, held)
            done.append((where, key, new, turn.long(bytes(row["body_digest"])), held, answer))
        async with access.database.transaction() as c:
            await c.executemany(_SQL.turn_receipt, done)
        at = (rows[-1]["institution_id"], bytes(rows[-1]["key"]))
        yield len(rows)


async def unturned_receipts(access: Access, turn: Turn) -> dict[str, int]:
    """How many receipts have hashes of the old key."""
    return dict(await access.database.fetchrow(_SQL.left, *turn.old.range))
