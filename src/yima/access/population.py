"""The population register at the door: rows of a base become persons with cards, and coverage is counted.

A row is a registration without a Patient: the person index decides who it is, nothing is written into a record. What it
says of a death reaches the card on the same way as a death in a submission. Many rows are one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, Literal

from yima import audit, healthcode, mpi
from yima.access.cards import actor_of
from yima.access.context import Context
from yima.access.decision import Asking, event_of
from yima.access.submit import follow_card
from yima.directory import Caller
from yima.runtime.civil import civil_day
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

_PAGE: Final = 5_000
_FORMER: Final = ("name", "number")
"""Changes that say whom the row means by what was so before."""
_BASIS: Final = "population-register"
_LEVELS: Final = {0: 2, 2: 4, 4: 6, 6: 6}
"""Digits of an area (everywhere, province, city, county) -> digits of the areas it is shown by."""

Fate = Literal["new", "found", "review", "unchanged", "refused"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """One row of a population base. Numbers are in the clear here."""

    key: str
    """The source's own name for the row: the same key is the same person's row."""
    content: str
    """Everything the row says; the same content again changes nothing."""
    said: mpi.Registration
    status: mpi.LifeStatus = "alive"
    as_of: date | None = None
    """The day of what the row speaks of."""
    household: str = ""
    relation: str = ""
    since: date | None = None
    change: str = ""
    """One of `mpi.CHANGE_KINDS`, or empty."""
    former_name: str = ""
    former_number: mpi.Identifier | None = None


@dataclass(frozen=True, slots=True)
class Admitted:
    """What became of a row."""

    fate: Fate
    card: bool = False
    """A card was made in advance."""
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Lacking:
    """How many residents of a group there are, and how many lack what; rounded, None where small (see `Figures`)."""

    key: str
    persons: int | None
    no_card: int | None
    no_record: int | None
    neither: int | None


@dataclass(frozen=True, slots=True)
class Figures:
    """Coverage of an area ('' = everywhere). Numbers are rounded to multiples of `least` and None below it, so that
    no sum or difference of them tells of a few people; `least` is the setting `public_least`."""

    area: str
    counted: datetime | None
    least: int
    total: Lacking
    by_area: tuple[Lacking, ...]
    by_age: tuple[Lacking, ...]
    by_sex: tuple[Lacking, ...]


@dataclass(slots=True)
class _Batch:
    """One transaction on its way."""

    held: dict[bytes, mpi.HeldEntry]
    kept: dict[bytes, mpi.Kept] = field(default_factory=dict)
    rows: dict[PersonId, int] = field(default_factory=dict)
    """Rows by person, for the log."""
    living: set[PersonId] = field(default_factory=set)
    fates: list[tuple[Fate, PersonId | None, Refusal | None]] = field(default_factory=list)
    """Of each row, in order."""

    def knows(self, row: mpi.RowHash) -> bool:
        """Whether the row was loaded before and says nothing new."""
        held = self.held.get(row.entry)
        return held is not None and held.content == row.content

    def took(self, fate: Fate, person: PersonId, status: mpi.LifeStatus) -> None:
        """A row that is this person's."""
        self.fates.append((fate, person, None))
        if fate != "unchanged":
            self.rows[person] = self.rows.get(person, 0) + 1
        elif status != "alive":
            return
        self.living = self.living | {person} if status == "alive" else self.living - {person}


_Row = tuple[Arrival, mpi.RowHash]


def _runs(rows: Sequence[_Row]) -> list[list[_Row]]:
    """The rows in stretches in which none speaks of what another may have said: a row that comes twice, or one that
    says what somebody was called before, begins a new one."""
    runs, seen = [list[_Row]()], set[bytes]()
    for row in rows:
        if row[1].entry in seen or row[0].change in _FORMER:
            runs.append([])
            seen = set()
        runs[-1].append(row)
        seen.add(row[1].entry)
    return runs


class Population:
    """What may be done with the population register; `Access.population`."""

    def __init__(self, cx: Context, least: int) -> None:
        self._cx = cx
        self._least = least

    async def admit(
        self, caller: Caller, arrivals: Sequence[Arrival], *, issue_cards: bool, now: datetime
    ) -> list[Admitted]:
        """Resolve rows in their order, keep what they say, make cards; one transaction, one log line a person.

        `caller`: the command line, for the institution whose base it is. Refusal `right-needed`; what is refused of a
        row stands in its answer and stops no other.
        """
        if caller.kind != "system" or not caller.institution:
            raise Refusal("right-needed", expected="the command line")

        async def work(c: Connection) -> list[Admitted]:
            entries = [mpi.entry_of(self._cx.vault, caller.institution, a.key, a.content) for a in arrivals]
            batch = _Batch(await mpi.held_entries(c, self._cx.vault, entries))
            for rows in _runs(list(zip(arrivals, entries, strict=True))):
                await self._admit(c, caller, batch, rows, now)
            made = await self._finish(c, caller, batch, issue_cards, now)
            return [Admitted(fate, person in made, refusal) for fate, person, refusal in batch.fates]

        return await self._cx.database.retry(work) if arrivals else []

    async def _admit(self, c: Connection, caller: Caller, batch: _Batch, rows: Sequence[_Row], now: datetime) -> None:
        """Rows that do not speak of one another, resolved together. One that was loaded before, and says something new,
        speaks of the person of then unless it contradicts that."""
        new = [row for row in rows if not batch.knows(row[1])]
        known = [batch.held.get(entry.entry) for _, entry in new]
        before = [k.own if k else await self._former(c, arrival) for k, (arrival, _) in zip(known, new, strict=True)]
        asked = [mpi.Asked(arrival.said, scanned=person) for (arrival, _), person in zip(new, before, strict=True)]
        source = mpi.Source(caller.institution)
        resolved = await mpi.resolve_many(c, self._cx.vault, asked, source, now=now)
        found = {row[1].entry: (one, person) for row, one, person in zip(new, resolved, before, strict=True)}
        for arrival, entry in rows:
            if entry.entry not in found:
                same = batch.held[entry.entry]
                batch.took("unchanged", same.person, same.status)
                continue
            resolution, former = found[entry.entry]
            if isinstance(resolution, Refusal):
                batch.fates.append(("refused", None, resolution))
                continue
            held, person = batch.held.get(entry.entry), resolution.person
            own = held.own if held and held.person == person else person
            fate = await self._follow(c, caller, arrival, resolution, held.person if held else former, now)
            batch.held[entry.entry] = mpi.HeldEntry(person, own, entry.content, arrival.status)
            batch.kept[entry.entry] = self._kept(caller, arrival, entry, own)
            batch.took(fate, person, arrival.status)

    async def _follow(
        self,
        c: Connection,
        caller: Caller,
        arrival: Arrival,
        found: mpi.Resolution,
        before: PersonId | None,
        now: datetime,
    ) -> Fate:
        """What else a row means for the person it was found to be: doubts are asked about, the card follows."""
        doubts = {*found.review, *([before] if before else [])} - {found.person}
        for other in sorted(doubts):
            await mpi.ask(c, found.person, other, caller.institution, "possible-duplicate", now)
        if not found.created and (arrival.said.deceased or found.new_numbers):
            await follow_card(c, caller, found.person, arrival.said, now)
        return "review" if doubts else "new" if found.created else "found"

    async def _former(self, c: Connection, arrival: Arrival) -> PersonId | None:
        """Who a row means that says what somebody was called, or which number they had, before: the holder of that
        number, under that name; nobody, while it is in dispute."""
        if arrival.change not in _FORMER:
            return None
        number = arrival.former_number or next((n for n in arrival.said.identifiers if n.national), None)
        person = await mpi.undisputed_holder(c, self._cx.vault, number) if number else None
        identity = await mpi.identity(c, self._cx.vault, person) if person is not None else None
        called = mpi.name_key(arrival.former_name or arrival.said.name)
        return person if identity and mpi.name_key(identity.name) == called else None

    def _kept(self, caller: Caller, arrival: Arrival, entry: mpi.RowHash, person: PersonId) -> mpi.Kept:
        vault, number = self._cx.vault, arrival.household
        return mpi.Kept(
            entry=entry,
            person=person,
            area=mpi.fields(area=arrival.said.area).area,
            status=arrival.status,
            as_of=arrival.as_of,
            household=mpi.household_key(vault, caller.institution, number) if number else None,
            relation=arrival.relation,
            since=arrival.since,
            change=arrival.change,
        )

    async def _finish(
        self, c: Connection, caller: Caller, batch: _Batch, issue_cards: bool, now: datetime
    ) -> set[PersonId]:
        """What is kept, cards for the living, the log; the persons who got a card.

        A row that says nothing new gets its card as well: a base may have been loaded before without any.
        """
        made = set[PersonId]()
        if issue_cards and batch.living:
            act = healthcode.Act(actor=actor_of(caller), at=now)
            known = await mpi.identities(c, self._cx.vault, sorted(batch.living))
            wanted = sorted(person for person, one in known.items() if not one.deceased)
            opened = await healthcode.open_cards(c, self._cx.keys, wanted, "pre-issue", act, profile=self._cx.profile)
            made = set(opened)
        if batch.kept:
            await mpi.keep_entries(c, self._cx.vault, caller.institution, list(batch.kept.values()), now)
        asking = Asking(caller=caller, now=now, purpose="public-health")
        events = []
        for person in sorted(batch.rows.keys() | made):
            detail = {"event": "population", "types": {"Person": batch.rows.get(person, 0)}, "card": person in made}
            events.append(event_of(asking, person, "submit", "ok", _BASIS, detail))
        await audit.append(c, events)
        return made

    # --- reading -----------------------------------------------------------------------------------------------------

    async def of_person(
        self, caller: Caller, person: PersonId, now: datetime
    ) -> tuple[list[mpi.Membership], list[mpi.LifeChange]]:
        """Households and changes of a person, for the command line; on the person's log. Refusal `right-needed`."""
        if caller.kind != "system":
            raise Refusal("right-needed", expected="the command line")
        async with self._cx.database.transaction() as c:
            asking = Asking(caller=caller, now=now, purpose="public-health")
            await audit.append(c, [event_of(asking, person, "read", "ok", _BASIS, {"types": {"household": 1}})])
            vault = self._cx.vault
            return await mpi.households_of(c, vault, person), await mpi.changes_of(c, vault, person)

    async def count(self, caller: Caller, now: datetime) -> int:
        """Count coverage anew; how many residents there are. Reads every person once, a page at a time."""
        _may_see(caller)
        cells: dict[tuple[str, str, int], list[int]] = {}
        after, total, today = 0, 0, civil_day(now)
        while page := await mpi.living(self._cx.database, self._cx.vault, after, _PAGE):
            after, here = page[-1].person, [one for one in page if one.here]
            carded, total = await healthcode.with_card(self._cx.database, [p.person for p in here]), total + len(here)
            for one in here:
                cell = cells.setdefault((one.area, one.sex, mpi.age_band(one.birth_date, today)), [0, 0, 0, 0])
                lacks = (one.person not in carded, not one.record)
                for place, counts in enumerate((True, *lacks, all(lacks))):
                    cell[place] += counts
        async with self._cx.database.transaction() as c:
            await mpi.keep_coverage(c, [mpi.Coverage(*where, *counts) for where, counts in cells.items()], now)
        return total

    async def coverage(self, caller: Caller, area: str) -> Figures:
        """Who has no card, no record: by area below `area` (two digits for a province, four for a city, six for a
        county, '' for everywhere), age band and sex. Refusals: `right-needed`, `field-invalid`."""
        _may_see(caller)
        if area and (len(area) not in _LEVELS or not (area.isascii() and area.isdecimal())):
            raise Refusal("field-invalid", field="area", expected="a GB/T 2260 code of two, four or six digits")
        cells, counted = await mpi.coverage(self._cx.database, area, _LEVELS[len(area)])
        return Figures(
            area,
            counted,
            self._least,
            self._lacking(area, cells),
            self._by(cells, "area"),
            self._by(cells, "age"),
            self._by(cells, "sex"),
        )

    def _by(self, cells: Sequence[mpi.Coverage], column: Literal["area", "age", "sex"]) -> tuple[Lacking, ...]:
        groups: dict[str | int, list[mpi.Coverage]] = {}
        for cell in cells:
            groups.setdefault(getattr(cell, column), []).append(cell)
        return tuple(self._lacking(str(key), group) for key, group in sorted(groups.items()))

    def _lacking(self, key: str, cells: Sequence[mpi.Coverage]) -> Lacking:
        """Sums, rounded: with exact ones, the few of one county would be the city's without the other counties'."""
        persons = sum(cell.persons for cell in cells)
        if 0 < persons < self._least:
            return Lacking(key, None, None, None, None)
        lacks = (sum(getattr(cell, name) for cell in cells) for name in ("no_card", "no_record", "neither"))
        return Lacking(key, *(rounded(number, self._least) for number in (persons, *lacks)))


def rounded(number: int, least: int) -> int | None:
    """The nearest multiple of `least`; None for a number above 0 and below it."""
    if 0 < number < least:
        return None
    return (number + least // 2) // least * least


def _may_see(caller: Caller) -> None:
    if caller.kind not in ("system", "operator"):
        raise Refusal("right-needed", expected="the operator")
