"""Breaking the glass: the emergency set at once, the whole record by a second act, and questions about it answered.

Each opening is put before the privacy officer in the transaction that opens it (`access.glass_review`). Who opens more
that nothing explains than the settings allow is stopped with the attempt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from yima import audit, consent, directory, fhir, mpi, oversight, records
from yima.access.caring import STAFF, cares
from yima.access.carried import contacts_of
from yima.access.context import Context
from yima.access.decision import Asking, event_of, open_visit, role_refused, sight_of
from yima.access.emergency_set import counted, reduced
from yima.access.overviews import RecordView, tell, today, within_sight
from yima.access.words import opened, opened_one, pen_of
from yima.directory import Caller
from yima.oversight import GlassReview
from yima.runtime import logs, words
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.ids import SHELF, PersonId
from yima.runtime.settings import Settings

_log = logs.get("glass")
_MOST_CONTACTS: Final = 3


@dataclass(frozen=True, slots=True)
class GlassRules:
    """What the settings say: when a verdict is due, and what is too much. 0: never."""

    review: timedelta
    most_unexplained: int
    within: timedelta
    most_unjustified: int


@dataclass(frozen=True, slots=True)
class EmergencySet:
    """The set, of whom, why it may be shown, and until when."""

    view: RecordView
    """Its overview holds the set and nothing besides."""
    contacts: tuple[str, ...]
    """Name and phone of whom to call."""
    opened: consent.Opened


@dataclass(frozen=True, slots=True)
class Own:
    """One of somebody's own break-glasses that the privacy officer asked about."""

    review: GlassReview
    opened: consent.Opened


def glass_rules(settings: Settings) -> GlassRules:
    """From the settings of this deployment."""
    return GlassRules(
        timedelta(days=settings.glass_review_days), settings.glass_unexplained,
        timedelta(hours=settings.glass_unexplained_hours), settings.glass_unjustified,
    )  # fmt: skip


class Glass:
    """The door's part for emergencies; `Access.glass`. Staff only: a person must answer for it, not a program."""

    def __init__(self, cx: Context, rules: GlassRules) -> None:
        self._cx = cx
        self._rules = rules

    async def open(
        self, caller: Caller, person: PersonId, *, ground: str, reason: str, terminal: str, now: datetime
    ) -> str:
        """Open the emergency set without consent; the handle stands where a visit's would. The holder is told.

        Refusals: `break-glass-ground-unknown`, `break-glass-reason-missing`, `scope-insufficient`,
        `role-not-permitted`, `step-up-needed`, `not-found`, and `break-glass-stopped` for one too many that nothing
        explains: access ends with it.
        """
        number, reason = _staff(caller), consent.emergency_words(reason)
        _check_may(caller, now)
        if await mpi.identity(self._cx.database, self._cx.vault, person) is None:
            raise Refusal("not-found")
        said = consent.Emergency(
            person=person, institution=caller.institution, practitioner=number, terminal=terminal, ground=ground,
            reason=reason,
        )  # fmt: skip
        async with self._cx.database.transaction() as c:
            await oversight.hold(c, number)
            unexplained = len(await unexplained_of(c, number, now - self._rules.within, now))
            if await _is_out(c, number, caller.institution):
                handle = await self._denied(c, caller, person, now)
            elif 0 < self._rules.most_unexplained <= unexplained:
                handle = await self._stopped(c, caller, person, unexplained, now)
            else:
                handle = await self._opened(c, caller, said, now)
        if not handle:
            raise Refusal("break-glass-stopped")
        return handle

    async def _opened(self, c: Connection, caller: Caller, said: consent.Emergency, now: datetime) -> str:
        pen = await pen_of(c, self._cx.vault, said.person)
        sealed = pen.seal("consent.emergency.reason", (said.practitioner, now), said.reason)
        handle = await consent.open_emergency(c, replace(said, reason=sealed), now=now, lasts=self._cx.emergency)
        due = now + self._rules.review
        await oversight.review_glass(
            c, handle, institution=said.institution, practitioner=said.practitioner, now=now, due=due
        )
        detail = {"reason": said.reason, "ground": said.ground}
        asking = Asking(caller=caller, now=now, purpose="emergency-treatment", visit=handle)
        await audit.append(c, [pen.line(event_of(asking, said.person, "break-glass", "ok", "break-glass", detail))])
        return handle

    async def _stopped(self, c: Connection, caller: Caller, person: PersonId, number: int, now: datetime) -> str:
        practitioner = int(caller.agent_id)
        await stop(c, practitioner, caller.institution, "glass-unexplained", number, "platform", now)
        return await self._denied(c, caller, person, now)

    async def _denied(self, c: Connection, caller: Caller, person: PersonId, now: datetime) -> str:
        asking = Asking(caller=caller, now=now, purpose="emergency-treatment")
        await audit.append(c, [event_of(asking, person, "break-glass", "denied", "break-glass-stopped", {})])
        return ""

    async def widen(self, caller: Caller, handle: str, *, ground: str, reason: str, now: datetime) -> None:
        """Open the whole record to one's own emergency access that still stands. Refusals as `open`, `visit-needed`,
        `visit-expired`."""
        number, reason = _staff(caller), consent.emergency_words(reason)
        _check_may(caller, now)
        opened = (await consent.emergencies(self._cx.database, [handle])).get(handle)
        if opened is None or (opened.practitioner, opened.institution) != (number, caller.institution):
            raise Refusal("visit-needed")
        if opened.expires <= now:
            raise Refusal("visit-expired")
        person = (await open_visit(self._cx, handle, now)).person
        asking = Asking(caller=caller, now=now, purpose="emergency-treatment", visit=handle)
        async with self._cx.database.transaction() as c:
            pen = await pen_of(c, self._cx.vault, person)
            sealed = pen.seal("consent.emergency_widened.reason", (handle,), reason)
            await consent.widen_emergency(c, opened.person, handle, ground, sealed, now)
            detail = {"reason": reason, "ground": ground, "whole": True}
            line = event_of(asking, person, "break-glass", "ok", "break-glass", detail)
            await audit.append(c, [pen.line(line)])

    async def opened(self, caller: Caller, handle: str) -> consent.Opened:
        """What was opened under a handle at the caller's institution. Refusal `visit-needed`."""
        found = (await consent.emergencies(self._cx.database, [handle])).get(handle)
        if found is None or found.institution != caller.institution:
            raise Refusal("visit-needed")
        return await opened_one(self._cx.database, self._cx.vault, found)

    async def emergency_set(self, caller: Caller, handle: str, now: datetime) -> EmergencySet:
        """What an emergency needs first: see `access.emergency_set`. Refusals `visit-needed`, those of the decision."""
        cx, opened = self._cx, await self.opened(caller, handle)
        asking = Asking(caller=caller, now=now, purpose="emergency-treatment", visit=handle)
        seen = await within_sight(cx, asking, opened.person, emergency_set=True)
        overview = reduced(seen.overview, today(asking))
        registered = [f"Patient/{one}" for one, _ in await mpi.patients_of(cx.database, seen.person)]
        rows = await records.these(
            cx.database, cx.vault, seen.whole.homes, registered, sight_of(seen.decision, seen.whole)
        )
        contacts = dict.fromkeys(said for row in rows for said in contacts_of(fhir.parse(row.content)))
        event = await tell(cx, asking, replace(seen, counts=counted(overview)), {"set": True})
        view = RecordView(seen.person, seen.identity, overview, seen.withheld, seen.decision, event, now, handle)
        return EmergencySet(view, tuple(contacts)[:_MOST_CONTACTS], opened)

    async def close_at(self, c: Connection, institution: int, now: datetime) -> None:
        """Close what was opened at an institution, in the transaction that suspends it: see `close`."""
        await close(c, "institution", institution, now)

    async def questions(self, caller: Caller) -> list[Own]:
        """What the privacy officer asked the caller, open questions first. Refusal `scope-insufficient`."""
        db, vault = self._cx.database, self._cx.vault
        found = await opened(db, vault, await oversight.questions_to(db, _staff(caller)))
        given = await consent.emergencies(db, [one.handle for one in found])
        known = {one.handle: one for one in await opened(db, vault, given.values())}
        return [Own(one, known[one.handle]) for one in found if one.handle in known]

    async def answer(self, caller: Caller, handle: str, answer: str, now: datetime) -> None:
        """Answer about one's own. Refusals `scope-insufficient`, `field-invalid`, `not-found`."""
        number = _staff(caller)
        async with self._cx.database.transaction() as c:
            await oversight.hold(c, number)
            person = (await oversight.glass_review(c, handle)).person
            pen = await pen_of(c, self._cx.vault, person)
            sealed = pen.seal("oversight.glass.answer", (handle,), words.checked(answer, "answer"))
            await oversight.answer_about(c, handle, number, sealed, now)
            asking = Asking(caller=caller, now=now, purpose="emergency-treatment", visit=handle)
            detail = {"event": "glass-answered"}
            await audit.append(c, [event_of(asking, person, "review", "ok", "break-glass", detail)])


async def unexplained_of(c: Connection, practitioner: int, since: datetime, now: datetime) -> list[GlassReview]:
    """The break-glasses of a member of staff since then that no care explains, and no verdict."""
    found = [one for one in await oversight.glasses_of(c, [practitioner], since) if one.state != "justified"]
    known = await cares(c, {one.person for one in found}, since - oversight.CARE_BEFORE)
    return [one for one in found if not explanations(one, known.get((one.person, one.institution), ()), now)]


def explanations(
    one: GlassReview, known: Sequence[oversight.Care], now: datetime
) -> list[tuple[oversight.Care, oversight.Explanation]]:
    """The care at the same institution, before or after, that explains a break-glass."""
    look = oversight.Look(
        person=one.person, reader=f"{STAFF}{one.practitioner}", institution=one.institution, department="",
        first=one.opened, last=min(now, one.opened), lines=1, bases=("break-glass",), line="",
    )  # fmt: skip
    return [pair for pair in oversight.explanations(look, known) if pair[1] in oversight.STRONG]


async def stop(
    c: Connection, practitioner: int, institution: int, cause: oversight.Cause, number: int, by: str, now: datetime
) -> None:
    """Stop the access of a member of staff, at once and everywhere; begun again by two people only."""
    await oversight.hold(c, practitioner)  # who lifts another stop just now must not miss this one
    if await oversight.put_stop(c, practitioner, institution, cause, number, by, now):
        _log.warning("access of staff stopped", cause=cause, institution=institution)
        detail = {"event": "access-stopped", "cause": cause, "practitioner": practitioner, "by": by, "number": number}
        line = audit.Event(
            person=SHELF, recorded=now, action="review", outcome="ok", basis=cause, institution=institution,
            detail=detail,
        )  # fmt: skip
        await audit.append(c, [line])
    await directory.stop_practitioner(c, practitioner)
    await close(c, "practitioner", practitioner, now)


async def close(c: Connection, kind: Literal["practitioner", "institution"], number: int, now: datetime) -> None:
    """Close what a member of staff, or an institution, opened in emergencies and still stands: with who is stopped, or
    suspended, it ends for everybody there, and does not come back with them. Each holder's log says so."""
    if kind == "practitioner":
        await oversight.hold(c, number)  # an opening that is under way is seen, or sees that nobody may any more
    closed = await consent.close_emergencies(c, kind, number, now)
    caller = Caller(kind="system", agent_id="platform")
    lines = [
        event_of(
            Asking(caller=caller, now=now, purpose="", visit=handle), person, "review", "ok", f"{kind}-stopped",
            {"event": "glass-closed", "glass": handle},
        )
        for person, handle in closed
    ]  # fmt: skip
    await audit.append(c, lines)


async def _is_out(c: Connection, practitioner: int, institution: int) -> bool:
    """Whether who asks, or the institution, was stopped since the request came in."""
    staff = (await directory.staff_by_number(c, [practitioner])).get(practitioner)
    place = await directory.institution(c, institution)
    return staff is None or place is None or (staff.status, place.status) != ("active", "active")


def _check_may(caller: Caller, now: datetime) -> None:
    """The role may, and whoever it is proved it just now: not whoever found a desk left open."""
    if not consent.permitted(consent.role_of(caller), "break-glass", "identity", "emergency-treatment"):
        raise role_refused(caller, "break-glass", "Patient", "emergency-treatment")
    caller.check_fresh(now)


def _staff(caller: Caller) -> int:
    if caller.kind != "practitioner":
        raise Refusal("scope-insufficient", expected="staff of an institution")
    return int(caller.agent_id)
