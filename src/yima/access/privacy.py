"""What the privacy officer may do, and what residents say to them: objections, findings, alarms, marks, notices.

An officer sees lines of the log and scores, never a record. Each decision is a line on the log of the person concerned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Final

from yima import audit, directory, healthcode, oversight
from yima.access.context import Context
from yima.access.decision import Asking, event_of
from yima.access.glass import stop
from yima.access.notifying import deliver
from yima.access.own_cause import STAFF, check_not_own, check_not_own_house, staff_number
from yima.access.reconciling import reconcile
from yima.access.residents import everybody, own, own_line
from yima.access.rights import check_right
from yima.access.verifying import Mismatch, verify_cards, verify_glass
from yima.access.watching import Rules, Watched, watch
from yima.access.words import Pen, finding_row, opened, opened_lines, pen_of
from yima.directory import Caller
from yima.oversight import Alarm, Finding, Objection, Verdict
from yima.runtime import ids, words
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import SHELF, PersonId
from yima.runtime.messages import sender_of
from yima.runtime.settings import Settings

_SHOWN: Final = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Board:
    """Everything on the privacy officer's desk: what waits first, then what was decided in thirty days."""

    objections: tuple[Objection, ...]
    findings: tuple[Finding, ...]
    alarms: tuple[Alarm, ...]
    staff: Mapping[str, directory.Practitioner]
    """Readers of the staff that occur, by kind/id."""
    lines: Mapping[str, audit.Event]
    """The lines that objections are about, by id."""


class Privacy:
    """The door's part for the privacy officer; `Access.privacy`."""

    def __init__(self, cx: Context, settings: Settings) -> None:
        self._cx = cx
        self._days = timedelta(days=settings.objection_days)
        self._sender = sender_of(settings)
        tells = self._sender is not None
        self._rules = Rules(
            settings.bulk_read_ceiling, dict(settings.institution_read_ceilings), settings.bulk_read_stop, tells,
            settings.notice_queue,
        )  # fmt: skip

    async def watch(self, now: datetime) -> Watched:
        """Look at what is new in the log: see `access.watching`. Every worker does so about once a minute."""
        return await watch(self._cx, self._rules, now)

    async def deliver(self, now: datetime) -> int:
        """Send the notices that are due: see `access.notifying`. How many were sent."""
        return 0 if self._sender is None else await deliver(self._cx, self._sender, now)

    async def reconcile(self, now: datetime) -> audit.Reconciled:
        """Compare what left with what was logged: see `access.reconciling`. Every worker does so each minute."""
        return await reconcile(self._cx, now)

    async def verify_cards(self, now: datetime) -> list[healthcode.Oddity]:
        """Check every card against its history and the log: see `access.verifying`. Every hour, and by command."""
        return await verify_cards(self._cx, now)

    async def verify_glass(self, now: datetime) -> list[Mismatch]:
        """Check every emergency access against its review and the log: see `access.verifying`. Hourly, by command."""
        return await verify_glass(self._cx, now)

    # --- residents ---------------------------------------------------------------------------------------------------

    async def object_to(self, caller: Caller, line: str, said: str, now: datetime) -> str:
        """Open a case about a line of the own log that looks wrong; its id. The answer is owed within `objection_days`
        (setting).

        Refusals: `sign-in-needed`, `not-found` for another person's line, `case-open` for a second time.
        """
        if await self.my_line(caller, line) is None:
            raise Refusal("not-found", field="line")
        person = own(caller)
        async with self._cx.database.transaction() as c:
            pen = await pen_of(c, self._cx.vault, person)
            sealed = pen.seal("oversight.objection.said", (line,), words.kept(said, oversight.LONGEST_SAID))
            made = await oversight.object_to(c, person, line, sealed, now, now + self._days)
            await _tell(c, caller, person, {"event": "objection", "line": line}, now)
        return made

    async def my_line(self, caller: Caller, line: str) -> audit.Event | None:
        """A line of the resident's own log; None for any other. Refusal `sign-in-needed`."""
        return await own_line(self._cx, caller, line)

    async def my_objections(self, caller: Caller) -> list[Objection]:
        """What the resident said, and the answers. Refusal `sign-in-needed`."""
        found = await oversight.objections_of(self._cx.database, await everybody(self._cx, caller))
        return await opened(self._cx.database, self._cx.vault, found)

    async def wants_notices(self, caller: Caller) -> bool:
        """Whether the resident is told of each visit and emergency. Refusal `sign-in-needed`."""
        return await oversight.wants_notices(self._cx.database, own(caller))

    async def choose_notices(self, caller: Caller, *, wanted: bool, now: datetime) -> None:
        """The resident's choice; it counts from the next watch on. Refusal `sign-in-needed`."""
        async with self._cx.database.transaction() as c:
            await oversight.choose_notices(c, own(caller), wanted, now)

    # --- the officer -------------------------------------------------------------------------------------------------

    async def board(self, caller: Caller, now: datetime) -> Board:
        """Objections by deadline, findings by score, alarms. Refusal `right-needed`."""
        check_right(caller, "review")
        db, vault, since = self._cx.database, self._cx.vault, now - _SHOWN
        objections = await opened(db, vault, await oversight.objections(db, since))
        findings = await opened(db, vault, await oversight.findings(db, since))
        alarms = await opened(db, vault, await oversight.alarms(db, since))
        lines = {one.line: line for one in objections if (line := await self._line(db, one.line))}
        readers = (
            {f.reader for f in findings}
            | {a.reader for a in alarms}
            | {f"{e.agent}/{e.agent_id}" for e in lines.values()}
        )
        numbers = {number for reader in readers if (number := staff_number(reader))}
        staff = await directory.staff_by_number(db, numbers)
        named = {f"{STAFF}{number}": one for number, one in staff.items()}
        return Board(tuple(objections), tuple(findings), tuple(alarms), named, lines)

    async def answer(self, caller: Caller, objection: str, verdict: Mapping[str, str], now: datetime) -> None:
        """Answer a resident: `decision` (explained, misconduct), `reason` (the answer, in plain words), `follows`.

        Refusals: `right-needed`, `field-invalid`, `not-found`, `review-own-institution`, and those of `check_not_own`.
        """
        said = _verdict(caller, verdict)
        async with self._cx.database.transaction() as c:
            pen = await pen_of(c, self._cx.vault, ids.home_of(objection) or SHELF)
            sealed = pen.seal("oversight.objection.answer", (objection,), said.reason)
            person, line = await oversight.answer(c, objection, replace(said, reason=sealed), now)
            event = await self._line(c, line)
            await check_not_own_house(c, caller, event.institution if event else 0)
            await check_not_own(c, self._cx.vault, caller, f"{event.agent}/{event.agent_id}" if event else "", person)
            if event is not None:
                await _follow(c, f"{event.agent}/{event.agent_id}", said, now)
            await _tell(c, caller, person, {"event": "answer", "line": line, **_told(said)}, now, pen)

    async def decide_finding(
        self, caller: Caller, person: PersonId, reader: str, day: date, verdict: Mapping[str, str], now: datetime
    ) -> None:
        """Decide on a finding; words and refusals as `answer`. The person concerned reads it on the own log."""
        said = _verdict(caller, verdict)
        async with self._cx.database.transaction() as c:
            pen = await pen_of(c, self._cx.vault, person)
            found = await oversight.open_finding(c, person, reader, day)
            await check_not_own_house(c, caller, found.institution)
            await check_not_own(c, self._cx.vault, caller, reader, person)
            sealed = pen.seal("oversight.finding.reason", finding_row(found), said.reason)
            await oversight.decide_finding(c, found, replace(said, reason=sealed), now)
            await _follow(c, reader, said, now)
            await _tell(c, caller, person, {"event": "review", "line": found.line, **_told(said)}, now, pen)

    async def decide_alarm(self, caller: Caller, alarm: int, verdict: Mapping[str, str], now: datetime) -> None:
        """Decide on an alarm; words and refusals as `answer`. It concerns many persons, or none."""
        said = _verdict(caller, verdict)
        found = next((a for a in await oversight.alarms(self._cx.database, now) if a.alarm_id == alarm), None)
        if found is None:
            raise Refusal("not-found", field="alarm")
        async with self._cx.database.transaction() as c:
            await check_not_own_house(c, caller, found.institution)
            await check_not_own(c, self._cx.vault, caller, found.reader)
            pen = await pen_of(c, self._cx.vault)
            sealed = pen.seal("oversight.alarm.reason", (alarm,), said.reason)
            await oversight.decide_alarm(c, alarm, replace(said, reason=sealed), now)
            await _follow(c, found.reader, said, now)
            await _tell(c, caller, SHELF, {"event": "alarm", "alarm": alarm, **_told(said)}, now, pen)

    async def mark(self, caller: Caller, card_number: str, kind: str, now: datetime, *, off: bool = False) -> None:
        """Mark the person behind a card `vip` or `canary`, or take the mark away; the command line may as well. On the
        log, where it is about no resident: who takes a canary away does not do so unseen.

        Refusals: `right-needed`, `card-not-found`, `field-invalid`, `not-found`.
        """
        check_right(caller, "mark")
        card = await healthcode.card_by_number(self._cx.database, card_number)
        async with self._cx.database.transaction() as c:
            if off:
                await oversight.unmark(c, card.person, kind)
            else:
                await oversight.mark(c, card.person, kind, f"{caller.kind}/{caller.agent_id}", now)
            await _tell(c, caller, SHELF, {"event": "unmark" if off else "mark", "mark": kind}, now)

    async def say_who(self, practitioner: int, card_number: str) -> None:
        """Write down which resident a member of staff is, by command. Refusals `card-not-found`, `not-found`."""
        card = await healthcode.card_by_number(self._cx.database, card_number)
        if await directory.practitioner(self._cx.database, practitioner) is None:
            raise Refusal("not-found", field="practitioner")
        async with self._cx.database.transaction() as c:
            await oversight.say_who(c, practitioner, card.person)

    async def _line(self, source: Database | Connection, line: str) -> audit.Event | None:
        home = ids.home_of(line)
        found = await audit.one_line(source, home, line) if home else None
        return (await opened_lines(source, self._cx.vault, [found]))[0] if found else None


async def _follow(c: Connection, reader: str, said: Verdict, now: datetime) -> None:
    """What a decision does by itself: access that is to stop, stops with it."""
    number = staff_number(reader)
    found = await directory.practitioner(c, number) if number else None
    if said.follows == "access-stopped" and found is not None:
        await stop(c, number, found.institution_id, "decision", 1, said.officer, now)


def _verdict(caller: Caller, said: Mapping[str, str]) -> Verdict:
    check_right(caller, "review")
    follows = said.get("follows") or "nothing"
    return oversight.checked(f"operator/{caller.agent_id}", said.get("decision", ""), said.get("reason", ""), follows)


def _told(said: Verdict) -> dict[str, Any]:
    return {"decision": said.decision, "reason": said.reason, "follows": said.follows}


async def _tell(
    c: Connection, caller: Caller, person: PersonId, detail: dict[str, Any], now: datetime, pen: Pen | None = None
) -> None:
    basis = "own-record" if caller.kind == "resident" else "privacy-officer"
    line = event_of(Asking(caller=caller, now=now, purpose=""), person, "review", "ok", basis, detail)
    await audit.append(c, [pen.line(line) if pen else line])
