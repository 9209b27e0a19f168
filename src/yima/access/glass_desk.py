"""The privacy officer's side of broken glass: each is looked at with what explains it, asked about, and judged once.

Nobody judges the institution they work for. Access that was stopped is begun again by two people.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from yima import audit, consent, directory, oversight
from yima.access.caring import cares
from yima.access.context import Context
from yima.access.decision import Asking, event_of
from yima.access.glass import GlassRules, explanations, stop
from yima.directory import Caller
from yima.oversight import Care, Explanation, GlassReview, Stop
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.ids import SHELF

RIGHT: Final = "privacy"
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


class GlassDesk:
    """The door's part for reviews of break-glass; `Access.glass_desk`. Callers: operators with the right `privacy`."""

    def __init__(self, cx: Context, rules: GlassRules) -> None:
        self._cx = cx
        self._rules = rules

    async def board(self, caller: Caller, now: datetime) -> GlassBoard:
        """Everything to look at, what is overdue first. Refusal `right-needed`."""
        _right(caller)
        db, since = self._cx.database, now - _SHOWN
        reviews, stops = await oversight.glass_reviews(db, since), await oversight.stops(db, since)
        staff = await directory.staff_by_number(
            db, {one.practitioner for one in reviews} | {one.practitioner for one in stops}
        )
        places = {one.institution_id: one for one in await directory.institutions(db)}
        own = await self._own(caller, places.values())
        return GlassBoard(tuple(await self._cases(reviews, own, now)), tuple(stops), staff, places)

    async def _cases(self, reviews: Sequence[GlassReview], own: frozenset[int], now: datetime) -> list[GlassCase]:
        async with self._cx.database.transaction() as c:
            handles = [one.handle for one in reviews]
            opened = await consent.emergencies(c, handles)
            lines = await audit.of_visits(c, {one.person for one in reviews}, handles)
            oldest = min((one.opened for one in reviews), default=now) - oversight.CARE_BEFORE
            known = await cares(c, {one.person for one in reviews}, oldest)
            theirs = await oversight.glasses_of(c, sorted({one.practitioner for one in reviews}), now - _YEAR)
        lately = Counter(one.practitioner for one in theirs if one.opened > now - _SHOWN)
        wrong = Counter(one.practitioner for one in theirs if one.state == "unjustified")
        return [
            GlassCase(
                one, opened[one.handle], tuple(lines.get(one.handle, ())),
                _nearest(one, explanations(one, known.get((one.person, one.institution), ()), now)),
                lately[one.practitioner], wrong[one.practitioner], one.institution in own,
            )
            for one in reviews
            if one.handle in opened
        ]  # fmt: skip

    async def ask(self, caller: Caller, handle: str, question: str, now: datetime) -> None:
        """Ask who opened it. Refusals `right-needed`, `field-invalid`, `not-found`, `review-own-institution`."""
        officer = _right(caller)
        async with self._cx.database.transaction() as c:
            found = await self._mine(c, caller, handle)
            await oversight.ask_about(c, handle, officer, question, now)
            await _tell(c, caller, found, {"event": "glass-asked"}, now)

    async def judge(self, caller: Caller, handle: str, verdict: str, reason: str, now: datetime) -> bool:
        """The verdict: `justified` or `unjustified`, with words that the resident reads on the own log. Whether access
        of who opened it ended with it (`glass_unjustified`, setting). Refusals as `ask`."""
        officer = _right(caller)
        async with self._cx.database.transaction() as c:
            found = await self._mine(c, caller, handle)
            await oversight.hold(c, found.practitioner)
            await oversight.judge_glass(c, handle, officer, verdict, reason, now)
            number = await oversight.unjustified(c, found.practitioner, now - _YEAR)
            ends = verdict == "unjustified" and 0 < self._rules.most_unjustified <= number
            if ends:
                await stop(c, found.practitioner, found.institution, "glass-unjustified", number, officer, now)
            detail = {"event": f"glass-{verdict}", "reason": " ".join(reason.split())[:500]}
            await _tell(c, caller, found, detail | ({"follows": "access-stopped"} if ends else {}), now)
        return ends

    async def propose_lifting(self, caller: Caller, number: int, reason: str, now: datetime) -> None:
        """Propose that stopped access begins again. Refusals `right-needed`, `field-invalid`, `not-found`."""
        officer = _right(caller)
        async with self._cx.database.transaction() as c:
            await oversight.propose_lifting(c, number, officer, reason, now)
            await _note(c, caller, {"event": "lifting-proposed", "stop": number, "reason": reason[:500]}, now)

    async def lift(self, caller: Caller, number: int, now: datetime) -> None:
        """Begin it again, by somebody else than who proposed it. Refusals `right-needed`, `step-up-needed`,
        `second-person-needed`, `not-found`."""
        officer = _right(caller)
        caller.check_fresh(now)
        async with self._cx.database.transaction() as c:
            found, last = await oversight.lift(c, number, officer, now)
            if last:
                await directory.set_practitioner_status(c, found.practitioner, "active")
            await _note(c, caller, {"event": "lifted", "stop": number, "proposed_by": found.proposed_by}, now)

    async def stops_here(
        self, caller: Caller, now: datetime
    ) -> tuple[list[Stop], Mapping[int, directory.Practitioner]]:
        """Whose access was stopped at the caller's own institution, and who they are. Refusal `scope-insufficient`."""
        if caller.kind != "app" or not caller.institution:
            raise Refusal("scope-insufficient", expected="an institution's app")
        found = await oversight.stops(self._cx.database, now - _SHOWN, caller.institution)
        return found, await directory.staff_by_number(self._cx.database, {one.practitioner for one in found})

    async def _mine(self, c: Connection, caller: Caller, handle: str) -> GlassReview:
        """A case that the caller may judge."""
        found = await oversight.glass_review(c, handle)
        place = await directory.institution(self._cx.database, found.institution)
        if place is not None and await self._own(caller, [place]):
            raise Refusal("review-own-institution")
        return found

    async def _own(self, caller: Caller, places: Iterable[directory.Institution]) -> frozenset[int]:
        """Those of these institutions for which an operator works, by what their registration says in words."""
        me = await directory.operator(self._cx.database, caller.agent_id)
        works = me.organisation.strip().casefold() if me else ""
        return frozenset(
            one.institution_id
            for one in places
            if works and works in {one.code.casefold(), one.name_zh.casefold(), one.name_en.casefold()}
        )


def _nearest(one: GlassReview, found: Sequence[tuple[Care, Explanation]]) -> tuple[tuple[Care, Explanation], ...]:
    """The nearest before and the nearest after it of each kind: a day in hospital is a hundred submissions."""
    kept: dict[tuple[Explanation, bool], tuple[Care, Explanation]] = {}
    for care, how in sorted(found, key=lambda pair: abs(pair[0].at - one.opened)):
        kept.setdefault((how, care.at > one.opened), (care, how))
    return tuple(kept.values())


def _right(caller: Caller) -> str:
    if caller.kind != "operator" or RIGHT not in caller.rights:
        raise Refusal("right-needed", expected=RIGHT)
    return f"operator/{caller.agent_id}"


async def _tell(c: Connection, caller: Caller, found: GlassReview, detail: Mapping[str, str], now: datetime) -> None:
    """On the log of whose record it was."""
    asking = Asking(caller=caller, now=now, purpose="")
    said = event_of(asking, found.person, "review", "ok", "privacy-officer", {**detail, "glass": found.handle})
    await audit.append(c, [said])


async def _note(c: Connection, caller: Caller, detail: Mapping[str, object], now: datetime) -> None:
    """On the log, where it is about no resident."""
    asking = Asking(caller=caller, now=now, purpose="")
    await audit.append(c, [event_of(asking, SHELF, "review", "ok", "privacy-officer", dict(detail))])
