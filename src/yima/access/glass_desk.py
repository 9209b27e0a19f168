"""The privacy officer's side of broken glass: each is looked at with what explains it, asked about, and judged once.

Nobody judges the institution they work for. Access that was stopped is begun again by two people.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from yima import audit, consent, directory, oversight
from yima.access.caring import cares
from yima.access.context import Context
from yima.access.decision import Asking, event_of
from yima.access.glass import GlassRules, explanations, stop
from yima.access.own_cause import STAFF, check_not_own, check_not_own_house, own_houses
from yima.access.rights import check_right
from yima.access.words import Pen, opened, opened_one, pen_of
from yima.directory import Caller
from yima.oversight import Care, Explanation, GlassReview, Stop
from yima.runtime import words
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.ids import SHELF

_SHOWN: Final = timedelta(days=30)
_YEAR: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class GlassCase:
    """One break-glass with everything that helps to judge it, and nothing of the record."""

    review: GlassReview
    opened: consent.Opened
    lines: tuple[audit.Event, ...]
    """Its lines in the log, oldest first: who read what under it."""
    care: tuple[tuple[Care, Explanation], ...]
    """What the same institution did for the person that explains it, the nearest before and after; empty: nothing."""
    lately: int
    """Break-glasses of the same member of staff in thirty days, this one included."""
    unjustified: int
    """Of theirs in a year, those found not justified."""
    own: bool
    """Of the institution for which who looks works: another must judge it."""

    @property
    def read(self) -> dict[str, int]:
        """How many resources of each type were shown under it."""
        found: Counter[str] = Counter()
        for line in self.lines:
            found.update(line.detail.get("types") or {})
        return dict(found)


@dataclass(frozen=True, slots=True)
class GlassBoard:
    """What waits, what was decided in thirty days, and whose access is stopped."""

    cases: tuple[GlassCase, ...]
    stops: tuple[Stop, ...]
    staff: Mapping[int, directory.Practitioner]
    institutions: Mapping[int, directory.Institution]


@dataclass(frozen=True, slots=True)
class OwnStops:
    """What an institution hears of what was stopped at it."""

    stops: tuple[Stop, ...]
    """Access of its staff that a review stopped: those that stand, then those lifted in thirty days."""
    staff: Mapping[int, directory.Practitioner]
    """Everybody who works there, by number."""
    terminals: tuple[directory.RegisteredTerminal, ...]
    """Those that are suspended."""

    @property
    def suspended(self) -> list[directory.Practitioner]:
        """Staff whom the operator suspended, without a review."""
        return [one for one in self.staff.values() if one.status == "suspended"]


class GlassDesk:
    """The door's part for reviews of break-glass; `Access.glass_desk`. Callers: operators with the right `privacy`."""

    def __init__(self, cx: Context, rules: GlassRules) -> None:
        self._cx = cx
        self._rules = rules

    async def board(self, caller: Caller, now: datetime) -> GlassBoard:
        """Everything to look at, what is overdue first. Refusal `right-needed`."""
        _right(caller)
        db, since = self._cx.database, now - _SHOWN
        reviews = await opened(db, self._cx.vault, await oversight.glass_reviews(db, since))
        stops = await opened(db, self._cx.vault, await oversight.stops(db, since))
        staff = await directory.staff_by_number(
            db, {one.practitioner for one in reviews} | {one.practitioner for one in stops}
        )
        places = {one.institution_id: one for one in await directory.institutions(db)}
        own = await own_houses(db, caller, places.values())
        return GlassBoard(tuple(await self._cases(reviews, own, now)), tuple(stops), staff, places)

    async def _cases(self, reviews: Sequence[GlassReview], own: frozenset[int], now: datetime) -> list[GlassCase]:
        async with self._cx.database.transaction() as c:
            handles = [one.handle for one in reviews]
            given = await opened(c, self._cx.vault, (await consent.emergencies(c, handles)).values())
            lines = await audit.of_visits(c, {one.person for one in reviews}, handles)
            oldest = min((one.opened for one in reviews), default=now) - oversight.CARE_BEFORE
            known = await cares(c, {one.person for one in reviews}, oldest)
            theirs = await oversight.glasses_of(c, sorted({one.practitioner for one in reviews}), now - _YEAR)
        known_as = {one.handle: one for one in given}
        lately = Counter(one.practitioner for one in theirs if one.opened > now - _SHOWN)
        wrong = Counter(one.practitioner for one in theirs if one.state == "unjustified")
        return [
            GlassCase(
                one, known_as[one.handle], tuple(lines.get(one.handle, ())),
                _nearest(one, explanations(one, known.get((one.person, one.institution), ()), now)),
                lately[one.practitioner], wrong[one.practitioner], one.institution in own,
            )
            for one in reviews
            if one.handle in known_as
        ]  # fmt: skip

    async def ask(self, caller: Caller, handle: str, question: str, now: datetime) -> None:
        """Ask who opened it; an answer given before stands in the new question, so that none is lost. Refusals
        `right-needed`, `field-invalid`, `not-found`, `review-own-institution`, and those of `check_not_own`."""
        officer, question = _right(caller), words.checked(question, "question")
        async with self._cx.database.transaction() as c:
            found = await self._mine(c, caller, handle)
            await oversight.hold(c, found.practitioner)  # who answers just now is heard first
            before = await opened_one(c, self._cx.vault, await oversight.glass_review(c, handle))
            if before.answer:
                question = f"{before.question} “{before.answer}” · {question}"
            pen = await pen_of(c, self._cx.vault, found.person)
            sealed = pen.seal("oversight.glass.question", (handle,), question)
            await oversight.ask_about(c, handle, officer, sealed, now)
            await _tell(c, caller, found, {"event": "glass-asked"}, now)

    async def judge(self, caller: Caller, handle: str, verdict: str, reason: str, now: datetime) -> bool:
        """The verdict: `justified` or `unjustified`, with words that the resident reads on the own log. Whether access
        of who opened it ended with it (`glass_unjustified`, setting). Refusals as `ask`."""
        officer = _right(caller)
        async with self._cx.database.transaction() as c:
            found = await self._mine(c, caller, handle)
            await oversight.hold(c, found.practitioner)
            reason, pen = words.checked(reason), await pen_of(c, self._cx.vault, found.person)
            sealed = pen.seal("oversight.glass.reason", (handle,), reason)
            await oversight.judge_glass(c, handle, officer, verdict, sealed, now)
            number = await oversight.unjustified(c, found.practitioner, now - _YEAR)
            ends = verdict == "unjustified" and 0 < self._rules.most_unjustified <= number
            if ends:
                await stop(c, found.practitioner, found.institution, "glass-unjustified", number, officer, now)
            detail = {"event": f"glass-{verdict}", "reason": reason}
            await _tell(c, caller, found, detail | ({"follows": "access-stopped"} if ends else {}), now, pen)
        return ends

    async def _mine(self, c: Connection, caller: Caller, handle: str) -> GlassReview:
        """A case that the caller may judge."""
        found = await oversight.glass_review(c, handle)
        await check_not_own_house(c, caller, found.institution)
        await check_not_own(c, self._cx.vault, caller, f"{STAFF}{found.practitioner}", found.person)
        return found

    async def propose_lifting(self, caller: Caller, number: int, reason: str, now: datetime) -> None:
        """Propose that stopped access begins again. Refusals `right-needed`, `field-invalid`, `not-found`."""
        officer = _right(caller)
        async with self._cx.database.transaction() as c:
            reason, pen = words.checked(reason), await pen_of(c, self._cx.vault)
            sealed = pen.seal("oversight.stop.proposal", (number,), reason)
            await oversight.propose_lifting(c, number, officer, sealed, now)
            await _note(c, caller, {"event": "lifting-proposed", "stop": number, "reason": reason}, now, pen)

    async def lift(self, caller: Caller, number: int, now: datetime) -> None:
        """Begin it again, by somebody else than who proposed it; who was suspended besides stays so. Refusals
        `right-needed`, `step-up-needed`, `second-person-needed`, `human-unknown`, `not-found`,
        `review-own-institution`."""
        officer = _right(caller)
        caller.check_fresh(now)
        async with self._cx.database.transaction() as c:
            found = await oversight.stop_to_lift(c, number)
            await directory.check_two_people(c, found.proposed_by or "", officer)
            await check_not_own_house(c, caller, found.institution)
            await check_not_own(c, self._cx.vault, caller, f"{STAFF}{found.practitioner}")
            if await oversight.lift(c, found, officer, now):
                await directory.unstop_practitioner(c, found.practitioner)
            await _note(c, caller, {"event": "lifted", "stop": number, "proposed_by": found.proposed_by}, now)

    async def stops_here(self, caller: Caller, now: datetime) -> OwnStops:
        """What was stopped at the caller's own institution. Refusal `right-needed` for staff who are not its data
        protection officer, `scope-insufficient` for all others but its system."""
        if not consent.may_work(caller, "own-stops"):
            if caller.kind == "practitioner":
                raise Refusal("right-needed", expected="data protection officer of the institution")
            raise Refusal("scope-insufficient", expected="an institution's app")
        db, here = self._cx.database, caller.institution
        found = await oversight.stops(db, now - _SHOWN, here)
        staff = {one.practitioner_id: one for one in await directory.staff_of(db, here)}
        terminals = [one for one in await directory.terminals_of(db, here) if one.status != "active"]
        return OwnStops(tuple(one for one in found if one.practitioner in staff), staff, tuple(terminals))


def _nearest(one: GlassReview, found: Sequence[tuple[Care, Explanation]]) -> tuple[tuple[Care, Explanation], ...]:
    """The nearest before and the nearest after it of each kind: a day in hospital is a hundred submissions."""
    kept: dict[tuple[Explanation, bool], tuple[Care, Explanation]] = {}
    for care, how in sorted(found, key=lambda pair: abs(pair[0].at - one.opened)):
        kept.setdefault((how, care.at > one.opened), (care, how))
    return tuple(kept.values())


def _right(caller: Caller) -> str:
    check_right(caller, "review")
    return f"operator/{caller.agent_id}"


async def _tell(
    c: Connection, caller: Caller, found: GlassReview, detail: Mapping[str, str], now: datetime, pen: Pen | None = None
) -> None:
    """On the log of whose record it was; with a pen where there is a reason."""
    asking = Asking(caller=caller, now=now, purpose="")
    said = event_of(asking, found.person, "review", "ok", "privacy-officer", {**detail, "glass": found.handle})
    await audit.append(c, [pen.line(said) if pen else said])


async def _note(
    c: Connection, caller: Caller, detail: Mapping[str, object], now: datetime, pen: Pen | None = None
) -> None:
    """On the log, where it is about no resident."""
    asking = Asking(caller=caller, now=now, purpose="")
    said = event_of(asking, SHELF, "review", "ok", "privacy-officer", dict(detail))
    await audit.append(c, [pen.line(said) if pen else said])
