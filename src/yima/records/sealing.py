"""Content of before it was sealed, sealed now; data keys that go over to a new master key. Both in steps, online."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from yima.records.content import sealed, wraps_of
from yima.runtime.database import Connection, Database, Queries
from yima.runtime.keys import Vault

_SQL: Final = Queries(__package__, "sealing.sql")


async def unsealed(db: Database) -> int:
    """How many rows are readable: current and earlier versions."""
    return int((await db.fetchrow(_SQL.unsealed))["rows"])


async def seal_rows(db: Database, vault: Vault, limit: int) -> int:
    """Seal up to so many readable rows; how many there were. 0: all are sealed.

    A row that is written meanwhile is sealed by its writer, and left alone.
    """

    async def work(c: Connection) -> int:
        done = await _seal(c, vault, _SQL.readable, _SQL.write, limit)
        return done or await _seal(c, vault, _SQL.readable_history, _SQL.write_history, limit)

    return await db.retry(work)


async def _seal(c: Connection, vault: Vault, read: str, write: str, limit: int) -> int:
    rows = await c.fetch(read, limit)
    homes = {row["home"] for row in rows}
    await c.execute(_SQL.forget_readable_homes, list(homes))
    wraps = await wraps_of(vault).of(c, vault, homes)
    if rows and await wraps_of(vault).held(c, wraps) < wraps.keys():
        return len(rows)  # an erasure came between: once more
    done = [
        (
            *key,
            row["version"],
            sealed(vault, wraps[row["home"]], (*key, row["version"] - row["deleted"]), row["content"]),
        )
        for row in rows
        for key in [(row["home"], row["type"], row["id"])]
    ]
    if done:
        await c.execute(write, *_columns(done))
    return len(done)


async def rewrap_keys(db: Database, vault: Vault, after: int, limit: int) -> int | None:
    """Wrap the data keys of the next homes by the newest master key; the last home looked at, None at the end."""
    rows = await db.fetch(_SQL.keys_after, after, limit)
    await db.execute(
        _SQL.rewrap, [r["home"] for r in rows], [r["wrap"] for r in rows], [vault.rewrapped(r["wrap"]) for r in rows]
    )
    return rows[-1]["home"] if rows else None


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
