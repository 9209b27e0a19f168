"""Reindexing online: the searchable side of stored resources by the present rules, home by home, without versions.

Needed when search parameters or the forms of tokens change: what is stored was hashed by the rules of its day.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from yima import fhir
from yima.records.content import content_of
from yima.runtime.database import Database, Queries
from yima.runtime.errors import Refusal
from yima.runtime.keys import Vault

SQL = Queries(__package__)


@dataclass(frozen=True, slots=True)
class Position:
    """The last resource that was looked at; the next batch starts after it."""

    home: int = -1
    type: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What a batch did."""

    position: Position
    seen: int
    """0: there is nothing after the position."""
    written: int
    """Rows whose tokens or date were not those of the present rules."""
    unreadable: tuple[str, ...]
    """`Type/id` of content that the present rules cannot read; left as it is."""


async def reindex(
    database: Database, vault: Vault, after: Position, *, index_key: bytes, most: int, bare: bool = False
) -> Batch:
    """Compute the tokens and dates of the next `most` resources anew; rows that differ are written, others are not.

    A row that is written by somebody else meanwhile was indexed by that writer: it is recognised by its version and
    left alone. Searches see the old or the new tokens of a row, never none. `bare`: what cannot be read loses its
    tokens, because their key is about to go: it is read by its id, and by no search.
    """
    rows = await database.fetch(SQL.to_reindex, after.home, after.type, after.id, most)
    wrong, unreadable = list[tuple[object, ...]](), list[str]()
    for row in rows:
        try:
            found = fhir.index(fhir.parse(content_of(vault, row)), key=index_key)
        except (Refusal, TypeError, AttributeError, KeyError, ValueError):
            unreadable.append(f"{row['type']}/{row['id']}")
            if bare:
                place = (row["home"], row["type"], row["id"], row["version"])
                wrong.append((*place, _aware(row["low"]), _aware(row["high"]), []))
            continue
        low, high = found.dated or (None, None)
        if (_aware(row["low"]), _aware(row["high"]), row["tokens"]) != (low, high, found.tokens):
            wrong.append((row["home"], row["type"], row["id"], row["version"], low, high, found.tokens))
    if wrong:
        async with database.transaction() as c:
            await c.executemany(SQL.write_index, wrong)
    last = rows[-1] if rows else None
    position = Position(last["home"], last["type"], last["id"]) if last else after
    return Batch(position, len(rows), len(wrong), tuple(unreadable))


def _aware(moment: datetime | None) -> datetime | None:
    # An open end is `infinity` in PostgreSQL, which asyncpg gives back as the last moment there is, without a zone.
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
