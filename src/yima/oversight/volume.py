"""How many different persons each reader looks at in an hour, beside the reader's own habit; marks and alarms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal

import msgspec

from yima.oversight.findings import SQL, Verdict
from yima.oversight.usual import KNOWN_FROM, Usual, busiest_weeks, monday, taken_in
from yima.runtime.civil import civil_day
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

AlarmKind = Literal["bulk", "canary", "unlogged", "no-line", "no-answer", "guesses"]
MARKS: Final = ("vip", "canary")
_WEEK: Final = timedelta(days=7)
_SEEN: Final = timedelta(days=1)
_HABIT: Final = timedelta(days=28)
_GONE: Final = timedelta(days=365)
_TOLD: Final = timedelta(days=7)
_SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Hour:
    """Whom one reader saw within one hour, counted so far."""

    reader: str
    hour: datetime
    persons: int


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something the operator's people must look at now."""

    alarm_id: int
    kind: AlarmKind
    reader: str
    institution: int
    at: datetime
    hour: datetime
    persons: int
    usual: int
    line: str
    stopped: bool
    officer: str | None = None
    decided: datetime | None = None
    decision: str | None = None
    reason: str | None = None
    follows: str | None = None


async def saw(
    c: Connection, seen: Iterable[tuple[str, datetime, PersonId]], days: Mapping[datetime, date]
) -> list[Hour]:
    """Note who saw whom in which hour; how many persons each of these readers has seen in each of these hours.

    `days` gives the day of each hour, by which habits are kept.
    """
    rows = sorted(set(seen))
    if not rows:
        return []
    await c.execute(SQL.saw, *map(list, zip(*rows, strict=True)))
    hours = sorted({(reader, hour) for reader, hour, _ in rows})
    counted = await c.fetch(SQL.persons_seen, [reader for reader, _ in hours], [hour for _, hour in hours])
    found = [Hour(row["reader"], row["hour"], row["persons"]) for row in counted]
    await c.execute(
        SQL.put_habits, [h.reader for h in found], [days[h.hour] for h in found], [h.persons for h in found]
    )
    return found


async def habits(c: Connection, readers: Iterable[str], today: date) -> dict[str, Usual]:
    """The habit of each reader, with every week that is over taken in; none for who began this week."""
    asked, this_week = sorted(set(readers)), monday(today)
    known = {row["reader"]: Usual(row["week"], row["level"], row["weeks"]) for row in await c.fetch(SQL.usual, asked)}
    rows = await c.fetch(SQL.busiest_weeks, asked, this_week)
    weeks = busiest_weeks((row["reader"], row["week"], row["busiest"]) for row in rows)
    found = {reader: taken_in(known.get(reader), over) for reader, over in weeks.items()}
    changed = [
        (reader, *msgspec.structs.astuple(usual))
        for reader, usual in found.items()
        if usual and usual != known.get(reader)
    ]
    if changed:
        await c.execute(SQL.put_usual, *map(list, zip(*changed, strict=True)))
    return known | {reader: usual for reader, usual in found.items() if usual}


async def forget(c: Connection, now: datetime) -> None:
    """Let go of whom readers saw (a day), of days (four weeks), of habits of who is gone (a year) and of what was said
    (a week)."""
    await c.execute(SQL.forget, now - _SEEN, civil_day(now - _HABIT), now - _TOLD, civil_day(now - _GONE))


async def raise_alarm(c: Connection, alarm: Alarm) -> bool:
    """Raise an alarm; False when this very one was raised before, or one of the same reader waits that says nearly as
    much, and nothing follows by itself."""
    made = await c.fetchval(
        SQL.raise_alarm, alarm.kind, alarm.reader, alarm.institution, alarm.at, alarm.hour, alarm.persons, alarm.usual,
        alarm.line, alarm.stopped,
    )  # fmt: skip
    return made is not None


async def alarms(db: Database, since: datetime) -> list[Alarm]:
    """Undecided ones, newest first, then those decided since then."""
    return [Alarm(**dict(row)) for row in await db.fetch(SQL.alarms, since, _SHOWN)]


async def decide_alarm(c: Connection, alarm: int, verdict: Verdict, now: datetime) -> str:
    """Decide on an alarm; the line it names. What is explained is usual from then on. Refusal `not-found` when nothing
    waits under that number."""
    row: Any = await c.fetchrow(
        SQL.decide_alarm, alarm, verdict.officer, now, verdict.decision, verdict.reason, verdict.follows
    )
    if row is None:
        raise Refusal("not-found", field="alarm")
    if row["kind"] == "bulk" and verdict.decision == "explained":
        week = monday(civil_day(row["hour"]))
        await c.execute(SQL.explained, row["reader"], week - _WEEK, float(row["persons"]), KNOWN_FROM)
    return str(row["line"])


async def mark(c: Connection, person: PersonId, kind: str, actor: str, now: datetime) -> None:
    """Mark a person `vip` or `canary`. Refusal `field-invalid`."""
    if kind not in MARKS:
        raise Refusal("field-invalid", field="kind", expected=", ".join(MARKS))
    await c.execute(SQL.put_marked, person, kind, now, actor)


async def unmark(c: Connection, person: PersonId, kind: str) -> None:
    """Take a mark away. Refusal `not-found`."""
    if not await c.fetchval(SQL.drop_marked, person, kind):
        raise Refusal("not-found", field="person")


async def marks(source: Connection | Database, persons: Sequence[PersonId] | None = None) -> set[tuple[PersonId, str]]:
    """The marks of these persons, or all there are."""
    rows = await (source.fetch(SQL.every_mark) if persons is None else source.fetch(SQL.marked, list(persons)))
    return {(row["person_id"], row["kind"]) for row in rows}


async def say_who(c: Connection, practitioner: int, person: PersonId) -> None:
    """Write down which resident a member of staff is."""
    await c.execute(SQL.put_staff_self, person, practitioner)


async def staff_selves(
    c: Connection, practitioners: Iterable[int], persons: Iterable[PersonId]
) -> list[tuple[int, PersonId]]:
    """Which of these staff, and which of these persons, are known to be one: (practitioner, person)."""
    rows = await c.fetch(SQL.staff_selves, sorted(set(practitioners)), sorted(set(persons)))
    return [(row["practitioner"], row["person_id"]) for row in rows]


async def horizon(c: Connection) -> int:
    """Up to which transaction the log was watched; the row is locked until the caller's transaction ends."""
    return int(await c.fetchval(SQL.mark))


async def set_horizon(c: Connection, reached: int) -> None:
    """Watched up to here."""
    await c.execute(SQL.set_mark, reached)
