"""Words that were stored before they were sealed: which a room still has, and sealing them in place.

Each room that keeps words has a view `readable_words` and a function `seal_words` in its schema: the one way in which
such a column changes, and only from readable to sealed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from yima.runtime.database import Connection, Database
from yima.runtime.ids import PersonId


class Readable(NamedTuple):
    """Words that lie readable."""

    field: str
    """Table and column."""
    place: str
    """Of the row version (ctid): whoever changes the row meanwhile is not overwritten."""
    home: PersonId
    named: str
    """With `at`, if there is one: what names the row among all."""
    at: datetime | None
    said: str

    @property
    def row(self) -> tuple[object, ...]:
        """What names the row, as who seals words names it."""
        return (self.named,) if self.at is None else (self.named, self.at)


class WordsBefore:
    """Those of one room. `room` is the name of its schema."""

    def __init__(self, room: str) -> None:
        self.room: Final = room

    async def count(self, source: Connection | Database) -> int:
        """How many are readable."""
        return int((await source.fetchrow(f"select count(*) from {self.room}.readable_words"))[0])

    async def some(self, source: Connection | Database, limit: int) -> list[Readable]:
        """Up to so many of them."""
        rows = await source.fetch(
            f"select field, place::text, home, named, at, said from {self.room}.readable_words limit $1", limit
        )
        return [Readable(*row.values()) for row in rows]

    async def seal(self, c: Connection, found: Sequence[Readable], sealed: Callable[[Readable], str]) -> int:
        """Put the sealed form in place of each; how many there were still."""
        done = 0
        for field in sorted({one.field for one in found}):
            these = [one for one in found if one.field == field]
            row = (field, [one.place for one in these], [sealed(one) for one in these])
            done += int(await c.fetchval(f"select {self.room}.seal_words($1, $2::text[]::tid[], $3)", *row))
        return done
