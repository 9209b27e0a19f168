"""Data keys of accounts, invitations and providers go over to a new master key."""

from __future__ import annotations

from typing import Final

from yima.runtime.database import Database, Queries
from yima.runtime.keys import Vault

_SQL: Final = Queries(__package__, "rewrapping.sql")


async def rewrap_accounts(db: Database, vault: Vault) -> int:
    """Wrap the data keys of all accounts, invitations and providers by the newest master key; how many there are."""
    async with db.transaction() as c:
        kinds = [
            (_SQL.rewrap_account, await c.fetch(_SQL.accounts)),
            (_SQL.rewrap_invitation, await c.fetch(_SQL.invitations)),
            (_SQL.rewrap_provider, await c.fetch(_SQL.providers)),
        ]
        for sql, rows in kinds:
            await c.executemany(sql, [(row[0], row["wrap"], vault.rewrapped(row["wrap"])) for row in rows])
    return sum(len(rows) for _, rows in kinds)
