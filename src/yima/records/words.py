"""Data keys for words about a record: that of its home, so that they go with it; the shelf's for what is nobody's."""

from __future__ import annotations

from collections.abc import Iterable

from yima.records.content import SQL, wraps_in, wraps_of
from yima.runtime.database import Connection, Database
from yima.runtime.ids import SHELF, PersonId
from yima.runtime.keys import Vault


async def word_key(c: Connection | Database, vault: Vault, home: PersonId) -> bytes:
    """The wrap to seal words about a home by; a home without one gets it.

    The database is asked each time but for the shelf, whose key stays: words are few, and a key that is gone since
    would leave them unreadable.
    """
    known = await (wraps_of(vault).of(c, vault, [SHELF]) if home == SHELF else wraps_in(c, vault, {home}))
    return known[home]


async def word_keys(source: Connection | Database, homes: Iterable[PersonId]) -> dict[PersonId, bytes]:
    """The wraps of these homes, to open words by; of an erased home there is none."""
    return {row["home"]: row["wrap"] for row in await source.fetch(SQL.wraps, sorted(set(homes)))}
