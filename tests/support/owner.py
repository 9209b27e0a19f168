"""Changing rows that the application may not change: what only the owner of the database could do."""

from __future__ import annotations

from yima.runtime.database import Database


async def as_owner(db: Database, sql: str, *args: object) -> None:
    """One statement in the owner's role, on a connection that is the application's again afterwards."""
    async with db.transaction() as c:
        await c.execute("set local role none")
        await c.execute(sql, *args)
