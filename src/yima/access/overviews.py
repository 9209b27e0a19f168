"""A whole record as people and programs see it at once: the home page, lists, timeline, stages of life, quality.

Decided, read within sight, logged, as `disclose` says. What a resource says was digested when it was first read after
its last change (`records.home`); here only what is within sight is put together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from yima import consent, mpi, records
from yima.access.context import Context
from yima.access.decision import (
    Asking,
    check_allowed,
    decide,
    log,
    nothing_there,
    refusal_of,
    sight_of,
    spoken,
)
from yima.access.emergency_set import counted, reduced
from yima.access.naming import person_meant
from yima.runtime.civil import civil_day
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId, person_text


@dataclass(frozen=True, slots=True)
class Withheld:
    """A class of resources that exists in the record but is closed to this caller: named, never shown."""

    code: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class RecordView:
    """A whole record as a page shows it, with the reason why it may be shown."""

    person: PersonId
    identity: mpi.Identity
    overview: records.Overview
    withheld: tuple[Withheld, ...]
    decision: consent.Decision
    event_id: str
    at: datetime
    visit: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What of a record is within sight, before anything of it was shown: the log line is still to be written."""

    whole: mpi.Whole
    identity: mpi.Identity
    decision: consent.Decision
    overview: records.Overview
    counts: dict[str, int]
    withheld: tuple[Withheld, ...]

    @property
    def person(self) -> PersonId:
        """Whose record it is."""
        return self.whole.person


async def open_record(cx: Context, asking: Asking, person: PersonId) -> RecordView:
    """The whole record for a page. Refusals of the decision (`visit-needed`, `consent-denied`, ..) and `not-found`."""
    seen = await within_sight(cx, asking, person)
    event = await tell(cx, asking, seen)
    return RecordView(
        person, seen.identity, seen.overview, seen.withheld, seen.decision, event, asking.now, asking.visit
    )


async def open_patient(cx: Context, asking: Asking, patient: str) -> RecordView:
    """The same for a program, which names a Patient. Refusals as `open_record`, and `scope-insufficient`."""
    return await open_record(cx, asking, await person_of(cx, asking, patient))


async def person_of(cx: Context, asking: Asking, patient: str, operation: str = "record") -> PersonId:
    """Whose record a program asks for that names a Patient: it must be allowed to read everything of it.

    Refusals `scope-insufficient`, `not-found`.
    """
    check_allowed(asking, "Patient", operation)
    person = await person_meant(cx, asking, patient)
    if person is None:
        raise await nothing_there(cx, asking)
    return person


async def within_sight(
    cx: Context, asking: Asking, person: PersonId, operation: str = "record", *, emergency_set: bool = False
) -> Seen:
    """Decide, and put together what may be seen; a denial is logged. The caller logs what it shows with `tell`.

    `emergency_set`: that suffices the caller. Only then does the first step of a break-glass give it.
    """
    whole = await cx.lookups.whole(person)
    person = whole.person
    decision = await decide(cx, asking, whole, "Patient", operation, emergency_set=emergency_set)
    identity = await mpi.identity(cx.database, cx.vault, person)
    if not decision.permit or identity is None:
        await log(cx, asking, person, "read", "denied", decision, {})
        raise Refusal(spoken(decision)) if asking.caller.kind == "app" else refusal_of(decision, asking)
    may = None
    if decision.only_types is not None or asking.caller.kind == "app":
        may = frozenset(t for t in decision.only_types or records.OVERVIEW_TYPES if asking.caller.may(t, "r"))
    opened = await cx.overviews.open(whole.homes, sight_of(decision, whole), today(asking), may)
    if not opened.counts and decision.only_institution is not None:
        await log(cx, asking, person, "read", "denied", decision, {})
        raise Refusal("not-found")  # who wrote nothing about a person learns nothing of them, not even a name
    overview, counts = opened.overview, opened.counts
    if decision.basis == "break-glass" and not await _is_wide(cx, asking.visit):
        overview = reduced(overview, today(asking))
        counts = counted(overview)
    return Seen(whole, identity, decision, overview, counts, _named(opened.held & decision.closed, opened.held_back))


async def _is_wide(cx: Context, handle: str) -> bool:
    """Whether the second step of an emergency access was taken."""
    visit = await consent.emergency_visit(cx.database, handle)
    return visit is not None and visit.assurance == "break-glass"


def today(asking: Asking) -> date:
    """The reader's calendar day."""
    return civil_day(asking.now)


async def tell(cx: Context, asking: Asking, seen: Seen, detail: dict[str, object] | None = None) -> str:
    """The line in the log of the person, and in the reader's own when they acted for another."""
    action = "break-glass" if seen.decision.basis == "break-glass" else "read"
    said = {"types": seen.counts} | (detail or {})
    by = {"by": asking.caller.agent_id} if seen.decision.mandate else {}
    event = await log(cx, asking, seen.person, action, "ok", seen.decision, said | by)
    if seen.decision.mandate:
        name = seen.identity.name or seen.identity.latin_name
        done = said | {"for": person_text(seen.person), "for_name": name}
        await log(cx, asking, asking.caller.person, "read", "ok", seen.decision, done)
    return event


def _named(held: frozenset[str], held_back: bool) -> tuple[Withheld, ...]:
    named = tuple(Withheld(row.code, row.zh, row.en) for code, row in consent.CLASSES.items() if code in held)
    return (*named, Withheld(consent.ITEM, "个别内容", "Single items")) if held_back else named
