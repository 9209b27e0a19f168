"""Are cards and emergency accesses as they should be, and does each person know? For what is done past the platform's
functions, by who holds an account of the database: found hourly and by `yima card verify` and `yima privacy verify`,
told to the person and to the privacy officer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from yima import audit, consent, directory, healthcode, oversight
from yima.access.context import Context
from yima.access.decision import Asking, event_of
from yima.directory import Caller
from yima.healthcode import Oddity
from yima.runtime.civil import civil_day
from yima.runtime.database import Connection
from yima.runtime.ids import SHELF, PersonId

_SINCE: Final = timedelta(days=120)
_GLASS_SINCE: Final = timedelta(days=30)
_CALLER: Final = Caller(kind="system", agent_id="card-verification", name_zh="平台自查", name_en="Platform's own check")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Something about an emergency access that is not as it should be; `person` 0 where it is about staff."""

    person: PersonId
    kind: Literal["unreviewed", "unlogged", "let-in"]


async def verify_cards(cx: Context, now: datetime) -> list[Oddity]:
    """Check every card; a line on the log of each holder concerned, once a day, and one alarm an hour for all."""
    async with cx.database.transaction() as c:
        await c.execute("set transaction isolation level repeatable read")
        found = await healthcode.oddities(c)
        approved = await healthcode.approved_since(c, now - _SINCE)
        logged = await audit.logged_at(c, "card", approved)
        found += [Oddity(person, "unlogged") for person, at in approved if (person, at) not in logged]
        await _tell(c, found, now)
    return found


async def verify_glass(cx: Context, now: datetime) -> list[Mismatch]:
    """Check every emergency access of thirty days: that it is reviewed (`unreviewed`), that its opening and its verdict
    stand on the log (`unlogged`), and that staff whose access was stopped are out (`let-in`, of nobody's record)."""
    async with cx.database.transaction() as c:
        since = now - _GLASS_SINCE
        opened = await consent.opened_since(c, since)
        reviews = await oversight.decided_since(c, since)
        known = {one.handle for one in reviews}
        said = await audit.logged_at(c, "break-glass", [(person, at) for person, _, at in opened])
        verdicts = [(one.person, one.decided) for one in reviews if one.decided]
        judged = await audit.logged_at(c, "review", verdicts)
        found = [Mismatch(person, "unreviewed") for person, handle, _ in opened if handle not in known]
        found += [Mismatch(person, "unlogged") for person, _, at in opened if (person, at) not in said]
        found += [Mismatch(person, "unlogged") for person, at in verdicts if (person, at) not in judged]
        found += [Mismatch(SHELF, "let-in") for _ in await _let_in(c, now)]
        await _tell(c, found, now, "glass-verification")
    return found


async def _let_in(c: Connection, now: datetime) -> list[int]:
    """Staff who are in although a stop stands, or whose stop was lifted without a line on the log."""
    stops = await oversight.stops(c, now - _GLASS_SINCE)
    standing = {one.practitioner for one in stops if one.lifted is None}
    staff = await directory.staff_by_number(c, standing)
    lifted = [(SHELF, one.lifted) for one in stops if one.lifted]
    logged = await audit.logged_at(c, "review", lifted)
    wrongly = [one.practitioner for one in stops if one.lifted and (SHELF, one.lifted) not in logged]
    return [number for number, one in staff.items() if one.status == "active"] + wrongly


async def _tell(
    c: Connection, found: Sequence[Oddity | Mismatch], now: datetime, check: str = "card-verification"
) -> None:
    """The persons, who know nothing of it yet, and the desk of the privacy officer."""
    if not found:
        return
    today = f"{check}/{civil_day(now)}"
    told = await oversight.to_tell(c, [(one.person, today) for one in found if one.person], now, even_unwanted=True)
    asking, card = Asking(caller=_CALLER, now=now, purpose=""), check == "card-verification"
    action, detail = ("card", {"event": "changed-outside"}) if card else ("review", {"event": "glass-changed-outside"})
    await audit.append(c, [event_of(asking, person, action, "ok", "verification", detail) for person, _ in told])
    hour = now.replace(minute=0, second=0, microsecond=0)
    persons = len({one.person for one in found})
    alarm = oversight.Alarm(0, "unlogged", "database/owner", 0, now, hour, persons, 0, "" if card else check, False)
    await oversight.raise_alarm(c, alarm)
