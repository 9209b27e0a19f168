"""Kept answers of before they were sealed, or under an older master key, sealed by the newest; in steps, online."""

from __future__ import annotations

from collections.abc import AsyncIterator

from yima.access import Access
from yima.exchange.receipts import SQL, resealed_answer


async def reseal_answers(access: Access, most: int) -> AsyncIterator[int]:
    """All of them once, so many at a time; how many each step looked at."""
    vault, at = access.vault, (0, b"")
    while rows := await access.database.fetch(SQL.answers_after, *at, most):
        done = []
        for row in rows:
            where, key, held = row["institution_id"], row["key"], row["answer"]
            done.append((where, key, held, resealed_answer(vault, where, key, key, held)))
        async with access.database.transaction() as c:
            await c.executemany(SQL.replace_answer, done)
        at = (rows[-1]["institution_id"], rows[-1]["key"])
        yield len(rows)
