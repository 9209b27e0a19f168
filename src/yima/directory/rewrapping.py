"""Data keys of the gateway's apps go over to a new master key."""

from __future__ import annotations

from typing import Final

from yima.runtime.database import Database, Queries
from yima.runtime.keys import Vault

_SQL: Final = Queries(__package__, "rewrapping.sql")


async def rewrap_apps(db: Database, vault: Vault) -> int:
    """Wrap the data keys of all gateway apps by the newest master key; how many there are. They are few."""
    async with db.transaction() as c:
        rows = await c.fetch(_SQL.apps)
        await c.executemany(_SQL.rewrap, [(row["app_id"], row["wrap"], vault.rewrapped(row["wrap"])) for row in rows])
    return len(rows)
