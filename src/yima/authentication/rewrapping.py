"""Data keys of accounts and invitations go over to a new master key."""

from __future__ import annotations

from typing import Final

from yima.runtime.database import Database, Queries
from yima.runtime.keys import Vault

_SQL: Final = Queries(__package__, "rewrapping.sql")


async def rewrap_accounts(db: Database, vault: Vault) -> int:
    """Wrap the data keys of all accounts and invitations by the newest master key; how many there are."""
    async with db.transaction() as c:
        accounts, invitations = await c.fetch(_SQL.accounts), await c.fetch(_SQL.invitations)
        for sql, rows in ((_SQL.rewrap_account, accounts), (_SQL.rewrap_invitation, invitations)):
            await c.executemany(sql, [(row[0], row["wrap"], vault.rewrapped(row["wrap"])) for row in rows])
    return len(accounts) + len(invitations)
