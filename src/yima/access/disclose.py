"""Disclose: consent is decided, the record is read, the log line is committed, and only then do bytes leave.

The half of the product's sentence that ends "the access is audited". Every read of person data in the platform comes through
the functions here; a denial is logged like a read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from yima import audit, consent, fhir, healthcode, mpi, records
from yima.access.context import Context
from yima.directory import Caller
from yima.runtime import logs, metrics
from yima.runtime.errors import Refusal
from yima.runtime.ids import SHELF, PersonId

SHARED_TYPES = frozenset({"Organization", "Practitioner", "PractitionerRole", "Location", "Medication", "HealthcareService"})
"""Types of the shelf that every institution may read; what else lies there only its author sees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who asks, for what purpose, and with which visit handle (empty = none)."""

    caller: Caller
    now: datetime
    purpose: str = "treatment"
    visit: str = ""


@dataclass(frozen=True, slots=True)
class Withheld:
    """A class of resources that exists in the record but is closed to this caller: named, never shown."""

    code: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a search or an `$everything`."""

    rows: tuple[records.Stored, ...]
    total: int
    decision: consent.Decision


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


async def read(cx: Context, asking: Asking, resource_type: str, resource_id: str) -> records.Stored:
    """One resource. Refusals: `not-found` (also for what others may see), `gone`, `scope-insufficient`, visit refusals."""
    row, decision = await _current(cx, asking, resource_type, resource_id)
    await _log(cx, asking, row.home, "read", "ok", decision, {"types": {resource_type: 1}, "id": resource_id})
    if row.deleted:
        raise Refusal("gone")
    return row


async def version(cx: Context, asking: Asking, resource_type: str, resource_id: str, number: int) -> records.Stored:
    """One version of a resource whose present version is within sight too. Refusals as `read`."""
    current, decision = await _current(cx, asking, resource_type, resource_id)
    row = current
    if number != current.version:
        row = await records.version(cx.database, resource_type, resource_id, number) or current
    if row.version != number or not _sight(decision).covers(row):
        raise Refusal("not-found")
    detail = {"types": {resource_type: 1}, "id": resource_id, "version": number}
    await _log(cx, asking, row.home, "read", "ok", decision, detail)
    if row.deleted:
        raise Refusal("gone")
    return row


async def versions(cx: Context, asking: Asking, resource_type: str, resource_id: str, limit: int) -> list[records.Stored]:
    """All versions within sight, newest first; none when the present one is not. Refusals as `read`."""
    current, decision = await _current(cx, asking, resource_type, resource_id)
    sight = _sight(decision)
    rows = [row for row in await records.history(cx.database, resource_type, resource_id, limit) if sight.covers(row)]
    await _log(cx, asking, current.home, "read", "ok", decision, {"types": {resource_type: len(rows)}, "id": resource_id})
    return rows


async def _current(
    cx: Context, asking: Asking, resource_type: str, resource_id: str
) -> tuple[records.Stored, consent.Decision]:
    """The present version, deleted or not, if it is within sight; a denial is logged. What is closed now was never there:
    a class that was put on a resource later covers its earlier versions too."""
    _check_scope(asking.caller, resource_type, "r")
    row = await cx.reader.read(resource_type, resource_id)
    if row is None:
        raise Refusal("not-found")
    decision = await _decide(cx, asking, row.home, resource_type)
    if not decision.permit or not _sight(decision).covers(row):
        await _log(cx, asking, row.home, "read", "denied", decision, {"types": {resource_type: 1}})
        raise Refusal(_spoken(decision))
    return row, decision


_SAID_ALOUD = frozenset({"code-assurance-too-low", "consent-denied"})
"""Refusals that a caller hears in place of `not-found`: only who holds a visit of that very person can get them."""


def _spoken(decision: consent.Decision) -> str:
    return decision.refusal if decision.refusal in _SAID_ALOUD else "not-found"


async def search(
    cx: Context, asking: Asking, resource_type: str, query: fhir.Query, *, offset: int, count: int
) -> Found:
    """Search in the record of the one patient that the query names.

    Refusals: `person-not-named`, `scope-insufficient`, and those of the decision.
    """
    _check_scope(asking.caller, resource_type, "s")
    if resource_type in SHARED_TYPES:
        return await _search_homes(cx, asking, SHELF, [SHELF], resource_type, query, offset, count)
    person, patients = await _named_person(cx, asking, resource_type, query)
    if person is None:
        return Found((), 0, consent.Decision(True, "none", "", ()))
    if resource_type == "Patient" and patients is not None:
        query = replace(query, ids=[p for p in patients if query.ids is None or p in query.ids])
    homes = await mpi.homes(cx.database, person)
    return await _search_homes(cx, asking, person, homes, resource_type, query, offset, count)


async def everything(
    cx: Context, asking: Asking, patient: str, *, types: Sequence[str] | None, since: datetime | None, limit: int
) -> Found:
    """All resources of the person to whom this Patient is linked, within sight and scope (FHIR Patient/$everything).

    Refusals: `not-found`, `too-costly` beyond `limit`, those that `read` has.
    """
    _check_scope(asking.caller, "Patient", "r")
    person = await mpi.person_of_patient(cx.database, patient)
    if person is None:
        raise Refusal("not-found")
    decision = await _decide(cx, asking, person, "Patient")
    rows: list[records.Stored] = []
    if decision.permit:
        homes = await mpi.homes(cx.database, person)
        found = await records.everything(cx.database, homes, _sight(decision), types=types, since=since, limit=limit + 1)
        if len(found) > limit:
            raise Refusal("too-costly", limit=f"{limit} resources")
        rows = [row for row in found if asking.caller.may(row.type, "r")]
    await _log(cx, asking, person, "search", "ok" if rows else "denied", decision, {"types": _counts(rows)})
    if not rows:
        raise Refusal(_spoken(decision))
    return Found(tuple(rows), len(rows), decision)


async def open_record(cx: Context, asking: Asking, person: PersonId) -> RecordView:
    """The whole record for a page. Refusals of the decision (`visit-needed`, `consent-denied`, ..) and `not-found`."""
    decision = await _decide(cx, asking, person, "Patient")
    identity = await mpi.identity(cx.database, person)
    if not decision.permit or identity is None:
        await _log(cx, asking, person, "read", "denied", decision, {})
        raise Refusal(decision.refusal or "not-found")
    homes = await mpi.homes(cx.database, person)
    sight = _sight(decision)
    rows = await records.everything(cx.database, homes, sight)
    held = await records.classes_present(cx.database, homes) & decision.closed
    event = await _log(cx, asking, person, "break-glass" if decision.basis == "break-glass" else "read", "ok", decision, {"types": _counts(rows)})
    overview = records.overview([fhir.parse(row.content) for row in rows], asking.now.date())
    return RecordView(person, identity, overview, _named(held), decision, event, asking.now, asking.visit)


async def own_resources(cx: Context, asking: Asking) -> list[records.Stored]:
    """Everything of the resident who asks, for download."""
    person = asking.caller.person
    decision = await _decide(cx, asking, person, "Patient")
    if not decision.permit:
        raise Refusal(decision.refusal)
    rows = await records.everything(cx.database, await mpi.homes(cx.database, person), _sight(decision))
    await _log(cx, asking, person, "search", "ok", decision, {"types": _counts(rows), "download": True})
    return rows


# --- deciding and logging --------------------------------------------------------------------------------------------


async def _decide(cx: Context, asking: Asking, person: PersonId, resource_type: str) -> consent.Decision:
    if person == SHELF:
        shared = resource_type in SHARED_TYPES
        step = consent.Step("shared-directory" if shared else "own-submission")
        return consent.Decision(True, "own-submission", "", (step,), only_institution=None if shared else asking.caller.institution)
    visit = await open_visit(cx, asking.visit, asking.now) if asking.visit else None
    standing = await consent.standing_of(cx.database, [person], asking.now) if visit else []
    ask = consent.Ask(asking.caller, person, asking.purpose, visit)
    decision = consent.decide(ask, standing, asking.now)
    metrics.disclosures.labels("ok" if decision.permit else "denied", decision.basis).inc()
    return decision


async def open_visit(cx: Context, handle: str, now: datetime) -> consent.Visit:
    """The visit or emergency access behind a handle. Refusals `visit-needed`, `visit-expired`."""
    emergency = await consent.emergency_visit(cx.database, handle)
    if emergency:
        return emergency
    visit = await healthcode.open_visit(cx.database, handle, now)
    return consent.Visit(visit.person, visit.institution, visit.assurance, visit.expires, visit.purpose)


async def _search_homes(
    cx: Context, asking: Asking, person: PersonId, homes: Sequence[PersonId], resource_type: str, query: fhir.Query,
    offset: int, count: int,
) -> Found:  # fmt: skip
    decision = await _decide(cx, asking, person, resource_type)
    if not decision.permit:
        await _log(cx, asking, person, "search", "denied", decision, {"types": {resource_type: 0}})
        raise Refusal(decision.refusal)
    page = await records.search(cx.database, homes, resource_type, query, _sight(decision), offset=offset, count=count)
    await _log(cx, asking, person, "search", "ok", decision, {"types": {resource_type: len(page.rows)}})
    return Found(page.rows, page.total, decision)


async def _named_person(
    cx: Context, asking: Asking, resource_type: str, query: fhir.Query
) -> tuple[PersonId | None, list[str] | None]:
    """The one person whose record is searched, None when the name means nobody this caller may know of; and, where it was
    named by identifiers, the Patients that carry them."""
    named: set[PersonId] = set()
    unknown = False
    patients = list(query.patients) + (list(query.ids or ()) if resource_type == "Patient" else [])
    for patient in patients:
        person = await mpi.person_of_patient(cx.database, patient.removeprefix("Patient/"))
        unknown |= person is None
        named |= {person} if person is not None else set()
    carriers: list[str] | None = None
    for system, value in query.patient_identifiers:
        if system is None:
            raise Refusal("search-value-invalid", field="identifier", expected="[system]|[value]")
        found = await mpi.find_patients(cx.database, cx.vault, system, value, asking.caller.institution)
        unknown |= not found
        named |= {person for _, person in found}
        carriers = [patient for patient, _ in found if carriers is None or patient in carriers]
    if len(named) > 1 or (not named and not unknown):
        raise Refusal("person-not-named", field=resource_type)
    return next(iter(named), None), carriers


def _check_scope(caller: Caller, resource_type: str, verb: str) -> None:
    if not caller.may(resource_type, verb):
        raise Refusal("scope-insufficient", field=resource_type, expected=f"system/{resource_type}.{verb}")


def _sight(decision: consent.Decision) -> records.Sight:
    return records.Sight(decision.closed, decision.only_institution)


def _named(held: frozenset[str]) -> tuple[Withheld, ...]:
    return tuple(Withheld(row.code, row.zh, row.en) for code, row in consent.CLASSES.items() if code in held)


def _counts(rows: Sequence[records.Stored]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row.type] = counts.get(row.type, 0) + 1
    return counts


async def _log(
    cx: Context, asking: Asking, person: PersonId, action: str, outcome: str, decision: consent.Decision, detail: Mapping[str, Any]
) -> str:  # fmt: skip
    """Write the line, durably. An answer leaves only after this has returned."""
    return await cx.appender.append(event_of(asking, person, action, outcome, decision.basis, detail))


def event_of(
    asking: Asking, person: PersonId, action: str, outcome: str, basis: str, detail: Mapping[str, Any]
) -> audit.Event:  # fmt: skip
    """A log line for something this caller did or tried."""
    caller = asking.caller
    return audit.Event(
        person=person, recorded=asking.now, action=action, outcome=outcome, purpose=asking.purpose, basis=basis, agent=caller.kind,
        institution=caller.institution, institution_name=caller.institution_zh, agent_id=caller.agent_id, agent_name=caller.name_zh,
        department=caller.department, visit=asking.visit, detail=detail, request_id=logs.request_id.get(),
    )  # fmt: skip
