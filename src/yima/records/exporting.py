"""Reading records person by person, in the order of their homes: for exports that were approved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from yima.records.read import Stored, stored
from yima.runtime.database import Connection, Queries
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

SQL = Queries(__package__, "exporting.sql")


async def homes_after(c: Connection, after: PersonId, institution: int | None, limit: int) -> list[PersonId]:
    """The next homes that hold anything, or anything that the institution wrote; no sandbox's."""
    return [row["home"] for row in await c.fetch(SQL.homes_after, after, institution, limit)]


async def rows_of(
    c: Connection,
    vault: Vault,
    homes: Sequence[PersonId],
    types: Sequence[str],
    institution: int | None,
    since: datetime | None,
) -> list[Stored]:
    """Current resources of these homes; without an institution none of a sensitive class."""
    return [stored(vault, row) for row in await c.fetch(SQL.rows_of, list(homes), list(types), institution, since)]
