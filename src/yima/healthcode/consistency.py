"""Is every card as its history says? What only the owner of the database could have done otherwise.

The application moves cards by functions that write the history with the move. Whoever goes past them leaves a card that
its history does not explain: that is what is looked for here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from yima.healthcode.card import Source
from yima.runtime.database import Queries
from yima.runtime.ids import PersonId

_SQL = Queries(__package__, "consistency.sql")
_TOLD: Final = 1000


@dataclass(frozen=True, slots=True)
class Oddity:
    """One card that is not as it should be."""

    person: PersonId
    kind: Literal["moved", "alone", "generation", "look-up", "unlogged"]
    """`moved`: another standing than its history ends with. `alone`: suspended, but not by two people.

    `generation`: its codes were killed without a reissue. `look-up`: its printed code leads nowhere. `unlogged`:
    suspended, and the log of the holder does not say so."""


async def oddities(source: Source) -> list[Oddity]:
    """All cards against their history, the suspensions and the look-up; at most a thousand of a kind."""
    found: list[Oddity] = []
    kinds: tuple[tuple[Literal["moved", "alone", "generation", "look-up"], str], ...] = (
        ("moved", _SQL.moved), ("alone", _SQL.alone), ("generation", _SQL.generations), ("look-up", _SQL.lost_look_up),
    )  # fmt: skip
    for kind, sql in kinds:
        found += [Oddity(row["person_id"], kind) for row in await source.fetch(sql, _TOLD)]
    return found


async def approved_since(source: Source, since: datetime) -> list[tuple[PersonId, datetime]]:
    """Whose cards were suspended since then, and when exactly: each must be on that person's log."""
    return [(row["person_id"], row["approved"]) for row in await source.fetch(_SQL.approved, since)]
