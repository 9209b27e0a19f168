"""The watch over the readers: once a minute, what is new in the log is counted, judged, and told to whom it concerns.

One transaction takes the lines of all transactions that finished since the last time, together with what is concluded
from them. It reads lines of the log, registrations and marks, and never a record.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from yima import audit, directory, mpi, oversight
from yima.access import notifying
from yima.access.caring import STAFF, cares
from yima.access.context import Context
from yima.access.glass import stop
from yima.runtime import logs
from yima.runtime.civil import civil_day
from yima.runtime.database import Connection
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

_log = logs.get("watching")
_OLDEST: Final = timedelta(days=1)
_TOLD_EVENTS: Final = frozenset(
    {"suspend", "end-suspension", "report-lost", "reissue", "cancel", "report-death", "changed-outside"}
)


@dataclass(frozen=True, slots=True)
class Rules:
    """What the settings say: persons an hour that are too many for anybody of the staff, and for programs and whole
    institutions by class; whether such a member of the staff is stopped; whether notices leave and how many may wait.
    """

    ceiling: int
    ceilings: Mapping[str, int]
    stops: bool
    tells: bool
    queue: int


@dataclass(frozen=True, slots=True)
class Watched:
    """What one watch found."""

    looks: int = 0
    findings: int = 0
    alarms: int = 0
    notices: int = 0


async def watch(cx: Context, rules: Rules, now: datetime) -> Watched:
    """Look at what is new in the log since the last watch. Workers wait for each other; nothing is taken twice."""
    found = await cx.database.retry(lambda c: _watch(c, cx.vault, rules, now))
    if found.alarms:
        _log.warning("alarms", count=found.alarms)
    return found


async def _watch(c: Connection, vault: Vault, rules: Rules, now: datetime) -> Watched:
    since = await oversight.horizon(c)
    span = audit.Span(since, await audit.finished(c), now - _OLDEST)
    if span.until <= since:
        # Another cluster counts transactions anew: a database that was dumped and restored.
        await oversight.set_horizon(c, span.until)
        return Watched()
    looks = await _looks(c, span)
    seen = [(who, one.hour, one.person) for one in looks for who in (one.reader, _house(one))]
    hours = await oversight.saw(c, seen, {x.hour: civil_day(x.hour) for x in looks})
    alarms = [*await _bulk(c, hours, looks, rules, now), *await _canaries(c, span, now)]
    raised = 0
    for alarm in alarms:
        if await oversight.raise_alarm(c, alarm):
            raised += 1
            await _stop(c, alarm)
    busy = {(hour.reader, hour.hour): hour.persons for hour in hours}
    judged = await _judge(c, vault, [_look(x, busy) for x in looks if x.reader.startswith(STAFF)], frozenset())
    found = [(look, civil_day(look.first), said) for look, said in judged if said.state != "withdrawn"]
    await oversight.put_findings(c, found)
    await _again(c, vault, now)
    reviewed = sum(said.reviewed for _, _, said in found)
    told = await notifying.put(c, await _news(c, span, now), rules.queue, now) if rules.tells else 0
    await oversight.forget(c, now)
    await oversight.set_horizon(c, span.until)
    return Watched(len(looks), reviewed, raised, told)


async def _looks(c: Connection, span: audit.Span) -> list[audit.Looks]:
    """Who looked at whom; a line that names a Patient is about whose that is now."""
    found = await audit.looks(c, span, await mpi.shared_homes(c))
    persons = await mpi.persons_of_patients(c, sorted({one.patient for one in found if one.patient}))
    return [one._replace(person=persons.get(one.patient, one.person)) for one in found]


# --- how many ---------------------------------------------------------------------------------------------------------


async def _bulk(
    c: Connection, hours: Sequence[oversight.Hour], looks: Sequence[audit.Looks], rules: Rules, now: datetime
) -> list[oversight.Alarm]:
    """Readers who saw unusually many persons within an hour: staff, programs, and institutions with all of theirs."""
    where = {reader: one.institution for one in looks for reader in (one.reader, _house(one))}
    usual = await oversight.habits(c, where, civil_day(now))
    kinds = await directory.institution_kinds(c, set(where.values()))
    found = []
    for one in hours:
        place, own = where[one.reader], usual.get(one.reader)
        room = oversight.room_of(one.reader, kinds.get(place, ""), rules.ceiling, rules.ceilings)
        if oversight.is_unusual(one.persons, own, room):
            stops = rules.stops and one.reader.startswith(STAFF) and one.persons > rules.ceiling
            level = round(own.level) if own else 0
            found.append(oversight.Alarm(0, "bulk", one.reader, place, now, one.hour, one.persons, level, "", stops))
    return found


def _house(look: audit.Looks) -> str:
    """The institution as a reader: its programs and all its staff together."""
    return f"{oversight.HOUSE}{look.institution}"


async def _canaries(c: Connection, span: audit.Span, now: datetime) -> list[oversight.Alarm]:
    """Whoever touched a person who does not exist."""
    canaries = {person for person, kind in await oversight.marks(c) if kind == "canary"}
    lines = await audit.of_marked(c, span, canaries)
    return [
        oversight.Alarm(
            0, "canary", f"{e.agent}/{e.agent_id}", e.institution, now,
            e.recorded.replace(minute=0, second=0, microsecond=0), 1, 0, e.event_id, False,
        )
        for e in lines
    ]  # fmt: skip


async def _stop(c: Connection, alarm: oversight.Alarm) -> None:
    """Suspend a reader of the staff, where the deployment wants that."""
    if alarm.stopped:
        number = int(alarm.reader.removeprefix(STAFF))
        await stop(c, number, alarm.institution, "bulk", alarm.persons, "platform", alarm.at)


# --- why --------------------------------------------------------------------------------------------------------------


def _look(one: audit.Looks, busy: dict[tuple[str, datetime], int]) -> oversight.Look:
    return oversight.Look(
        person=one.person, reader=one.reader, institution=one.institution, department=one.department, first=one.first,
        last=one.last, lines=one.lines, bases=tuple(one.bases), line=one.line,
        persons=busy.get((one.reader, one.hour), 1), visits=tuple(one.visits),
    )  # fmt: skip


async def _judge(
    c: Connection, vault: Vault, looks: Sequence[oversight.Look], repeaters: Collection[str]
) -> list[tuple[oversight.Look, oversight.Judged]]:
    """Each look with what explains it and what is odd about it. `repeaters`: readers who do it again and again."""
    if not looks:
        return []
    persons = {look.person for look in looks}
    known_cares = await cares(c, persons, min(look.first for look in looks) - oversight.CARE_BEFORE - _OLDEST)
    known = await _known(c, vault, looks, persons)
    return [
        (look, oversight.judge(look, known_cares.get((look.person, look.institution), []), known.of(look, repeaters)))
        for look in looks
    ]


@dataclass(frozen=True, slots=True)
class _Known:
    """What is known of readers and persons, besides care."""

    surnames: dict[str, str]
    """By reader."""
    names: dict[PersonId, str]
    selves: dict[str, PersonId]
    """Which resident a reader is."""
    workplaces: dict[PersonId, set[int]]
    """Where a person works, who is of the staff."""
    phones: dict[PersonId, bytes]
    marked: set[tuple[PersonId, str]]

    def of(self, look: oversight.Look, repeaters: Collection[str]) -> oversight.Circumstances:
        own = self.selves.get(look.reader, 0)
        phone = self.phones.get(look.person)
        surname = self.surnames.get(look.reader, "")
        return oversight.Circumstances(
            same_surname=bool(surname) and mpi.surname_of(self.names.get(look.person, "")) == surname,
            household=own not in (0, look.person) and phone is not None and self.phones.get(own) == phone,
            colleague=own != look.person and look.institution in self.workplaces.get(look.person, ()),
            self=own == look.person,
            vip=(look.person, "vip") in self.marked,
            repeated=look.reader in repeaters,
        )


async def _known(c: Connection, vault: Vault, looks: Sequence[oversight.Look], persons: set[PersonId]) -> _Known:
    readers = {look.reader for look in looks}
    numbers = {int(reader.removeprefix(STAFF)) for reader in readers}
    pairs = await oversight.staff_selves(c, numbers, persons)
    staff = await directory.staff_by_number(c, numbers | {number for number, _ in pairs})
    selves = {f"{STAFF}{number}": person for number, person in pairs}
    workplaces: dict[PersonId, set[int]] = defaultdict(set)
    for number, person in pairs:
        if number in staff:
            workplaces[person].add(staff[number].institution_id)
    return _Known(
        {f"{STAFF}{number}": mpi.surname_of(one.name_zh) for number, one in staff.items()},
        {person: one.name for person, one in (await mpi.identities(c, vault, persons)).items()},
        {reader: person for reader, person in selves.items() if reader in readers},
        workplaces,
        await mpi.phone_keys(c, vault, persons | set(selves.values())),
        await oversight.marks(c, sorted(persons)),
    )


async def _again(c: Connection, vault: Vault, now: datetime) -> None:
    """Judge what is open once more: care that was submitted since may explain it."""
    waiting = await oversight.open_findings(c, now - oversight.CARE_AFTER - _OLDEST)
    if not waiting:
        return
    repeaters = await _repeaters(c, waiting, now)
    judged = await _judge(c, vault, [one.look() for one in waiting], repeaters)
    changed = [(f, j) for f, (_, j) in zip(waiting, judged, strict=True) if (f.score, f.why) != (j.score, j.why)]
    await oversight.rescore(c, changed)


async def _repeaters(c: Connection, waiting: Sequence[oversight.Finding], now: datetime) -> set[str]:
    """Readers who looked at more persons without any care within a day than chance brings; once seen to be, for as long
    as their looks wait."""
    counted = await oversight.unexplained_by(c, {one.reader for one in waiting}, now - _OLDEST)
    rate = await oversight.unexplained_share(c, now - _OLDEST, STAFF)
    found = {
        reader for reader, (unexplained, seen) in counted.items() if oversight.is_repeated(unexplained, seen, rate)
    }
    return found | {one.reader for one in waiting if "repeated" in one.why}


# --- telling ----------------------------------------------------------------------------------------------------------


async def _news(c: Connection, span: audit.Span, now: datetime) -> list[tuple[PersonId, str]]:
    """Who is to hear that something was done, and what about: once for a visit, an emergency, an act on the card."""
    news = [(e.person, e.visit or e.event_id) for e in await audit.told(c, span) if _is_news(e)]
    return await oversight.to_tell(c, news, now)


def _is_news(e: audit.Event) -> bool:
    return e.action != "card" or e.detail.get("event") in _TOLD_EVENTS
