"""The population register: which row of a base is whom, who lives together, what happened; and coverage by area.

Rows reach a person by `resolve` like any registration; this keeps what a base says beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, TypeAlias

from yima.mpi.lives import Happened, Place, Residence, happened_of, place_of, residence_of, seal_life
from yima.mpi.sealed import words_of
from yima.mpi.turning import turn_entries, turn_households
from yima.runtime.civil import civil_day
from yima.runtime.database import Connection, Database, Queries
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

POPULATION: Final = Queries(__package__, "population.sql")
CHANGE_KINDS: Final = ("birth", "death", "moved-in", "moved-out", "name", "number")
AGE_BANDS: Final = (0, 1, 7, 18, 45, 60, 80)
"""Where the bands of coverage begin, in years."""
UNKNOWN_AGE: Final = -1
_FULL: Final = 10
LifeStatus = Literal["alive", "deceased", "moved"]
_Wraps: TypeAlias = Mapping[PersonId, bytes]


@dataclass(frozen=True, slots=True)
class RowHash:
    """A row of a base as the register keeps it: keyed hashes, nothing that names anybody."""

    entry: bytes
    content: bytes


@dataclass(frozen=True, slots=True)
class HeldEntry:
    """What the register holds of a row: whom it is read as, its content, and whether it says that they live there."""

    person: PersonId
    own: PersonId
    """Whose it is, who may have been merged since: it stays with that side, for the day when the merge is undone."""
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
    here: bool = True
    """Whether the newest word of them says that they live where they are registered."""


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
        vault.blind("population/content", content),
    )


def household_key(vault: Vault, institution: int, number: str) -> int:
    """A household by the number of its register: 64 bits of a keyed hash."""
    inner = int.from_bytes(vault.steady(f"population/household/{institution}", number)[:8], signed=True)
    return vault.hashes.shorts([inner])[0]


async def held_entries(c: Connection, vault: Vault, entries: Iterable[RowHash]) -> dict[bytes, HeldEntry]:
    """What is known of these rows, by `RowHash.entry`; unknown ones are absent."""
    now = vault.hashes.now
    asked = [form for one in entries for form in vault.hashes.forms(one.entry)]
    await turn_entries(c, vault, asked)
    rows = await c.fetch(POPULATION.entries, asked)
    return {
        now(bytes(r["entry"])): HeldEntry(r["person_id"], r["own"], now(bytes(r["content"])), r["status"]) for r in rows
    }


async def keep_entries(c: Connection, vault: Vault, institution: int, kept: Sequence[Kept], now: datetime) -> None:
    """Keep rows, each once; households follow, and what happened is written down."""
    found = await c.fetch(POPULATION.wraps, sorted({k.person for k in kept}))
    wraps = {row["person_id"]: row["wrap"] for row in found if row["wrap"]}
    there = [k for k in kept if k.person in wraps]  # nothing is kept of somebody whose data key is gone
    await _keep_residences(c, vault, institution, there, wraps, now)
    await _keep_homes(c, vault, [k for k in there if k.household is not None], wraps, now)
    await _keep_changes(c, vault, institution, [k for k in there if k.change], wraps, now)


async def _keep_residences(
    c: Connection, vault: Vault, institution: int, kept: Sequence[Kept], wraps: _Wraps, now: datetime
) -> None:
    rows = await c.fetch(POPULATION.before, [k.entry.entry for k in kept])
    before = {bytes(row["entry"]): residence_of(vault, row).as_of for row in rows}
    new = list[tuple[object, ...]]()
    for k in kept:
        held = before.get(k.entry.entry)
        if held is None or k.as_of is None or k.as_of >= held:
            said = seal_life(vault, wraps[k.person], k.person, Residence(k.area, k.as_of or held))
            new.append((k.entry.entry, k.person, k.entry.content, k.status, said))
    if new:
        await c.execute(POPULATION.keep_entries, institution, now, *map(list, zip(*new, strict=True)))


async def _keep_homes(c: Connection, vault: Vault, kept: Sequence[Kept], wraps: _Wraps, now: datetime) -> None:
    # A person twice in one statement would be two updates of one row: the last row of the file counts.
    homes = {k.person: k for k in kept}
    if not homes:
        return
    forms = [form for k in kept if k.household is not None for form in vault.hashes.short_forms(k.household)]
    await turn_households(c, vault, list(homes), forms)
    places: dict[tuple[PersonId, int | None], Place] = {}
    for row in await c.fetch(POPULATION.homes, list(homes)):
        k, place = homes[row["person_id"]], place_of(vault, row)
        if row["household"] == k.household:
            places[k.person, k.household] = place
        elif place.until is None:  # left for the other one
            left = k.as_of or k.since or civil_day(now)
            places[k.person, row["household"]] = Place(place.relation, place.since, left)
    for k in homes.values():
        held = places.get((k.person, k.household), Place())
        until = None if k.status == "alive" else k.as_of or k.since or civil_day(now)
        places[k.person, k.household] = Place(k.relation or held.relation, k.since or held.since, until)
    sealed = [seal_life(vault, wraps[person], person, place) for (person, _), place in places.items()]
    await c.execute(POPULATION.keep_homes, [p for p, _ in places], [h for _, h in places], sealed)


async def _keep_changes(
    c: Connection, vault: Vault, institution: int, told: Sequence[Kept], wraps: _Wraps, now: datetime
) -> None:
    """Each once: what a base says again changes nothing."""
    if not told:
        return
    rows = await c.fetch(POPULATION.changes, sorted({k.person for k in told}))
    known = {(row["person_id"], said.kind, said.day) for row in rows
             if row["institution_id"] == institution and (said := happened_of(vault, row))}  # fmt: skip
    new = list[tuple[PersonId, bytes]]()
    for k in told:
        said = Happened(k.change, k.as_of or civil_day(now), k.as_of is not None)
        if (k.person, said.kind, said.day) not in known:
            known.add((k.person, said.kind, said.day))
            new.append((k.person, seal_life(vault, wraps[k.person], k.person, said)))
    await c.execute(POPULATION.keep_changes, institution, now, [p for p, _ in new], [s for _, s in new])


async def households_of(source: Database | Connection, vault: Vault, person: PersonId) -> list[Membership]:
    """The person's households with everybody who is or was in them; those who live there first."""
    found = [(row["household"], row["person_id"], place_of(vault, row)) for row in
             await source.fetch(POPULATION.households_of, person)]  # fmt: skip
    members = [Membership(household, who, place.relation, place.since, place.until) for household, who, place in found]
    return sorted(members, key=lambda one: (one.household, one.until or date.min, one.since or date.min, one.person))


async def changes_of(source: Database | Connection, vault: Vault, person: PersonId) -> list[LifeChange]:
    """What bases said had happened to a person, oldest first."""
    rows = await source.fetch(POPULATION.changes_of, person)
    found = [
        LifeChange(said.kind, row["institution_id"], said.day, said.dated, row["recorded"])
        for row in rows
        if (said := happened_of(vault, row))
    ]
    return sorted(found, key=lambda one: (one.happened, one.recorded, one.kind))


async def living(source: Database | Connection, vault: Vault, after: PersonId, limit: int) -> list[Living]:
    """A page of those who have not died, in the order of their ids; who moved away is not `here`."""
    return [_living(vault, row) for row in await source.fetch(POPULATION.living, after, limit)]


def _living(vault: Vault, row: Mapping[str, Any]) -> Living:
    area, status, newest = "", "alive", date.min
    columns = [row[name] or () for name in ("persons", "wraps", "lives", "areas", "days", "statuses")]
    for number, (person, wrap, said, county, day, state) in enumerate(zip(*columns, strict=True)):
        found = residence_of(vault, {"person_id": person, "wrap": wrap, "said": said, "area": county, "as_of": day})
        if number == 0 or (found.as_of or date.min) > newest:  # of one day, what was loaded last
            area, status, newest = found.area, state, found.as_of or date.min
    born = words_of(vault, row).birth_date
    return Living(row["person_id"], row["sex"], born, area, row["record"], here=status == "alive")


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
