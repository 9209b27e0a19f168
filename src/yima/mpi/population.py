"""The population register: which row of a base is whom, who lives together, what happened; and coverage by area.

Rows reach a person by `resolve` like any registration; this keeps what a base says beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime
from typing import Any, Final, Literal

from yima.mpi.sealed import words_of
from yima.runtime.database import Connection, Database, Queries
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

POPULATION: Final = Queries(__package__, "population.sql")
CHANGE_KINDS: Final = ("birth", "death", "moved-in", "moved-out", "name", "number")
AGE_BANDS: Final = (0, 1, 7, 18, 45, 60, 80)
"""Where the bands of coverage begin, in years."""
UNKNOWN_AGE: Final = -1
_FULL: Final = 10
_CONTENT: Final = 8
LifeStatus = Literal["alive", "deceased", "moved"]


@dataclass(frozen=True, slots=True)
class RowHash:
    """A row of a base as the register keeps it: keyed hashes, nothing that names anybody."""

    entry: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class HeldEntry:
    """What the register holds of a row: whom it is read as, its content, and whether it says that they live there."""

    person: PersonId
    content: bytes
    status: LifeStatus


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of one row once its person is known."""

    entry: RowHash
    person: PersonId
    area: str
    status: LifeStatus
    as_of: date | None
    household: int | None
    relation: str
    since: date | None
    change: str
    """One of `CHANGE_KINDS`, or empty."""


@dataclass(frozen=True, slots=True)
class Membership:
    """Somebody in a household."""

    household: int
    person: PersonId
    relation: str
    since: date | None
    until: date | None


@dataclass(frozen=True, slots=True)
class LifeChange:
    """What a base said had happened; `dated` False: it gave no day, `happened` is that of the loading."""

    kind: str
    institution: int
    happened: date
    dated: bool
    recorded: datetime


@dataclass(frozen=True, slots=True)
class Living:
    """A resident as coverage counts them."""

    person: PersonId
    sex: str
    birth_date: str
    area: str
    record: bool
    """Whether any institution has a Patient of theirs."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Residents of an area, sex and age band, and who of them lacks what."""

    area: str
    sex: str
    age: int
    """Where the band begins; `UNKNOWN_AGE`."""
    persons: int
    no_card: int
    no_record: int
    neither: int


def entry_of(vault: Vault, institution: int, key: str, content: str) -> RowHash:
    """The hashes of a row, from the source's own name for it and everything it says."""
    return RowHash(
        vault.blind(f"population/entry/{institution}", key),
        vault.blind("population/content", content)[:_CONTENT],
    )


def household_key(vault: Vault, institution: int, number: str) -> int:
    """A household by the number of its register: 64 bits of a keyed hash."""
    return int.from_bytes(vault.blind(f"population/household/{institution}", number)[:8], "big", signed=True)


async def held_entries(c: Connection, entries: Iterable[RowHash]) -> dict[bytes, HeldEntry]:
    """What is known of these rows, by `RowHash.entry`; unknown ones are absent."""
    rows = await c.fetch(POPULATION.entries, [one.entry for one in entries])
    return {bytes(r["entry"]): HeldEntry(r["person_id"], bytes(r["content"]), r["status"]) for r in rows}


async def keep_entries(c: Connection, institution: int, kept: Sequence[Kept], now: datetime) -> None:
    """Keep rows, each once; households follow, and what happened is written down."""
    columns = [[k.entry.entry for k in kept], [k.person for k in kept], [k.entry.content for k in kept],
               [k.area for k in kept], [k.status for k in kept], [k.as_of for k in kept]]  # fmt: skip
    await c.execute(POPULATION.keep_entries, institution, now, *columns)
    # A person twice in one statement would be two updates of one row: the last row of the file counts.
    homes = {k.person: k for k in kept if k.household is not None}.values()
    if homes:
        persons, places = [k.person for k in homes], [k.household for k in homes]
        days = [k.as_of or k.since or now.date() for k in homes]
        await c.execute(POPULATION.leave_households, persons, places, days)
        until = [None if k.status == "alive" else day for k, day in zip(homes, days, strict=True)]
        relations, since = [k.relation for k in homes], [k.since for k in homes]
        await c.execute(POPULATION.join_households, persons, places, relations, since, until)
    told = [k for k in kept if k.change]
    if told:
        days = [k.as_of or now.date() for k in told]
        row = ([k.person for k in told], [k.change for k in told], days, [k.as_of is not None for k in told])
        await c.execute(POPULATION.keep_changes, institution, now, *row)


async def households_of(source: Database | Connection, person: PersonId) -> list[Membership]:
    """The person's households with everybody who is or was in them; those who live there first."""
    rows = await source.fetch(POPULATION.households_of, person)
    return [Membership(*row.values()) for row in rows]


async def changes_of(source: Database | Connection, person: PersonId) -> list[LifeChange]:
    """What bases said had happened to a person, oldest first."""
    return [LifeChange(*row.values()) for row in await source.fetch(POPULATION.changes_of, person)]


async def living(source: Database | Connection, vault: Vault, after: PersonId, limit: int) -> list[Living]:
    """A page of the residents to be counted, in the order of their ids."""
    return [
        Living(row["person_id"], row["sex"], words_of(vault, row).birth_date, row["area"], row["record"])
        for row in await source.fetch(POPULATION.living, after, limit)
    ]


def age_band(birth_date: str, today: date) -> int:
    """Where the band of an age begins; a year alone counts as born in its middle."""
    try:
        born = date.fromisoformat(birth_date if len(birth_date) == _FULL else f"{birth_date[:4]}-07-01")
    except ValueError:
        return UNKNOWN_AGE
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return max((band for band in AGE_BANDS if band <= years), default=0)


async def keep_coverage(c: Connection, cells: Sequence[Coverage], now: datetime) -> None:
    """The new count takes the place of the last."""
    await c.execute(POPULATION.forget_coverage)
    columns = list(zip(*map(astuple, cells), strict=True)) or [()] * 7
    await c.execute(POPULATION.keep_coverage, now, *map(list, columns))


async def coverage(source: Database, area: str, digits: int) -> tuple[list[Coverage], datetime | None]:
    """The last count of what begins with `area`, by areas of so many digits, sex and age; and when it was made."""
    rows: list[Mapping[str, Any]] = await source.fetch(POPULATION.coverage, area, digits)
    cells = [Coverage(*list(row.values())[:7]) for row in rows]
    return cells, max((row["counted"] for row in rows), default=None)
