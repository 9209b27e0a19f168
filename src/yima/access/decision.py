"""Deciding on one request, and writing the line that says so: what every disclosure begins and ends with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

import msgspec

from yima import audit, consent, healthcode, mpi, records
from yima.access.acting import acting, check_shower
from yima.access.context import Context
from yima.access.telling import check_telling
from yima.directory import Caller
from yima.runtime import logs, metrics
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.ids import SHELF, PersonId

SHARED_TYPES = frozenset(
    {"Organization", "Practitioner", "PractitionerRole", "Location", "Medication", "HealthcareService"}
)
"""Types of the shelf that every institution may read; what else lies there only its author sees."""


class Asking(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks, for what purpose, and with which visit handle (empty = none)."""

    caller: Caller
    now: datetime
    purpose: str = "treatment"
    """Empty, with a visit: what the code was scanned for."""
    visit: str = ""


async def decide(
    cx: Context, asking: Asking, whole: mpi.Whole, resource_type: str, operation: str = "read", *,
    emergency_set: bool = False,
) -> consent.Decision:  # fmt: skip
    """May this caller do this (of `consent.OPERATIONS`) with that person's now? `emergency_set`: nothing but
    `access.emergency_set` will be shown. Refusals `visit-needed`, `visit-expired` for a bad handle."""
    check_telling()
    person = whole.person
    if person == SHELF:
        return _on_the_shelf(asking, resource_type)
    visit = await _opened(cx, asking.visit, asking.now) if asking.visit else None
    # Who was merged is one: whomever of them a visit of before names.
    visit = replace(visit, person=person) if visit and visit.person in whole.members else visit
    may = None
    # What a resident may do for family was granted to the resident, not to an app the resident uses.
    if asking.caller.kind == "resident" and asking.caller.person not in (0, person) and not asking.caller.app:
        may = await acting(cx, asking.caller.person, person, "see-record", asking.now)
        may = None if may.basis == "none" and may.reasons[0].code == "no-mandate" else may  # a stranger learns nothing
    standing = await cx.lookups.standing_of_all(whole.members, asking.now) if visit or may else []
    ask = consent.Ask(asking.caller, person, asking.purpose, visit, may, operation, emergency_set)
    decision = consent.decide(ask, standing, asking.now)
    if decision.only_types is not None and resource_type not in decision.only_types:
        refusal = "mandate-needed" if asking.caller.kind == "resident" else "role-not-permitted"
        decision = replace(decision, permit=False, refusal=refusal)
    if asking.caller.app and not asking.caller.app_sees_sensitive:
        decision = replace(decision, closed=decision.closed | frozenset(consent.CLASSES))
    metrics.decided("ok" if decision.permit else "denied", decision.basis)
    return decision


async def decide_on(
    cx: Context, asking: Asking, row: records.Stored, operation: str = "read"
) -> tuple[consent.Decision, records.Sight]:
    """The same of one resource, and what of it is within sight. Whose it is now is asked where the decision hangs on
    it: an institution reads back what it wrote itself, of whomever."""
    hangs = row.home != SHELF and (asking.visit or asking.caller.kind == "resident")
    whole = await cx.lookups.whole_of_row(row) if hangs else _alone(row.home)
    decision = await decide(cx, asking, whole, row.type, operation)
    return decision, sight_of(decision, whole)


def _alone(person: PersonId) -> mpi.Whole:
    return mpi.Whole(person, frozenset({person}), (person,))


NOBODY: Final = _alone(SHELF)
"""In place of a person: what lies on the shelf, or everywhere in a sandbox."""


def _on_the_shelf(asking: Asking, resource_type: str) -> consent.Decision:
    """What is about nobody: the shared directory, and what somebody put there themselves."""
    shared, purpose = resource_type in SHARED_TYPES, asking.purpose or "treatment"
    if asking.caller.kind == "resident" and not shared:
        return consent.Decision(
            False, "none", "not-found", (consent.Step("no-care-role", "resident"),), purpose=purpose
        )
    held = consent.reach(consent.role_of(asking.caller), "read", purpose)
    if held is None or not held.holds(resource_type):
        step = consent.Step("role-not-permitted", consent.role_of(asking.caller))
        return consent.Decision(False, "none", "role-not-permitted", (step,), purpose=purpose)
    step = consent.Step("shared-directory" if shared else "own-submission")
    only = None if shared else asking.caller.institution
    return consent.Decision(True, "own-submission", "", (step,), only_institution=only, purpose=purpose)


async def open_visit(cx: Context, handle: str, now: datetime) -> consent.Visit:
    """The visit or emergency access behind a handle, of the person as they are read now. Refusals `visit-needed`,
    `visit-expired`."""
    visit = await _opened(cx, handle, now)
    return replace(visit, person=(await cx.lookups.whole(visit.person)).person)


async def open_visit_within(cx: Context, c: Connection, handle: str, now: datetime) -> consent.Visit:
    """The same on the connection of a transaction: who holds one connection and waits for another can wait for
    somebody who does so too."""
    visit = await consent.emergency_visit(c, handle)
    if visit is None:
        found = healthcode.still_open((await healthcode.visits_behind(c, [handle])).get(handle), now)
        await check_shower(c, cx.vault, found, now)
        visit = consent.Visit(found.person, found.institution, found.assurance, found.expires, found.purpose)
    return replace(visit, person=await mpi.root_of(c, visit.person))


async def _opened(cx: Context, handle: str, now: datetime) -> consent.Visit:
    """The same, of the person whose code it was."""
    emergency = await consent.emergency_visit(cx.database, handle)
    if emergency:
        return emergency
    visit = await cx.lookups.visit(handle, now)
    await check_shower(cx.database, cx.vault, visit, now)
    return consent.Visit(visit.person, visit.institution, visit.assurance, visit.expires, visit.purpose)


def check_scope(caller: Caller, resource_type: str, verb: str) -> None:
    """Refusal `scope-insufficient` unless the caller's scopes cover the verb."""
    if not caller.may(resource_type, verb):
        context = "patient" if caller.app else "system"
        raise Refusal("scope-insufficient", field=resource_type, expected=f"{context}/{resource_type}.{verb}")


_VERBS: Final = {"search": "s", "identify": "s", "decide": "c"}


def check_allowed(asking: Asking, resource_type: str, operation: str, verb: str = "") -> None:
    """What can be said before anybody is looked up, so that the answer tells nothing of anybody: scope, registered
    purpose, and whether the table has a row for this operation on this type for the purpose that was named.

    Refusals `scope-insufficient`, `purpose-not-allowed`, `role-not-permitted`.
    """
    check_telling()
    check_scope(asking.caller, resource_type, verb or _VERBS.get(operation, "r"))
    if asking.purpose or operation == "identify":  # else that of the visit: `decide` says
        check_table(asking.caller, resource_type, operation, asking.purpose or "treatment")


def check_table(caller: Caller, resource_type: str, operation: str, purpose: str) -> None:
    """The table and an app's registered purposes alone. Refusals `purpose-not-allowed`, `role-not-permitted`."""
    role = consent.role_of(caller)
    held = consent.reach(role, operation, purpose)
    if held is not None and held.holds(resource_type) and (caller.kind != "app" or purpose in caller.purposes):
        return
    if held is None and not consent.may_for(role, operation):
        raise role_refused(caller, operation, resource_type, purpose)
    if held is None or (caller.kind == "app" and purpose not in caller.purposes):
        raise _purpose_refused(caller, purpose)
    raise role_refused(caller, operation, resource_type, purpose)


def check_write(asking: Asking) -> None:
    """Whether a program may write at all for its purpose; what it may write, scopes and `submit` say."""
    check_table(asking.caller, "Bundle", "write", asking.purpose or "treatment")


def role_refused(caller: Caller, operation: str, resource_type: str, purpose: str) -> Refusal:
    """The refusal of what no row of the table permits."""
    role = consent.role_of(caller)
    return Refusal("role-not-permitted", field=resource_type, role=role, operation=operation, purpose=purpose)


def _purpose_refused(caller: Caller, purpose: str) -> Refusal:
    expected = ", ".join(sorted(caller.purposes) if caller.kind == "app" else consent.PURPOSES)
    return Refusal("purpose-not-allowed", field="purpose", purpose=purpose[:40], expected=expected)


def refusal_of(decision: consent.Decision, asking: Asking) -> Refusal:
    """What a denied caller hears."""
    if decision.refusal == "purpose-not-allowed":
        return _purpose_refused(asking.caller, asking.purpose or decision.purpose)
    if decision.refusal == "purpose-not-of-visit":
        return Refusal("purpose-not-of-visit", field="purpose", purpose=asking.purpose[:40])
    if decision.refusal == "role-not-permitted":
        return role_refused(asking.caller, "read", "Resource", decision.purpose)
    return Refusal(decision.refusal or "not-found")


_SAID_ALOUD: Final = frozenset(
    {
        "code-assurance-too-low",
        "consent-denied",
        "emergency-set-only",
        "purpose-not-of-visit",
        "purpose-not-allowed",
        "role-not-permitted",
    }
)
"""Refusals that a program hears in place of `not-found`: only who holds a visit of that very person can get them."""


def spoken(decision: consent.Decision) -> str:
    """What a program hears that named somebody: of whom it may not know, as of nobody."""
    return decision.refusal if decision.refusal in _SAID_ALOUD else "not-found"


async def nothing_there(cx: Context, asking: Asking) -> Refusal:
    """What is said of what does not exist. A visit that is none or has ended is refused first, as it is where there is
    something: else the order of the two would tell whether there is."""
    if asking.visit:
        await open_visit(cx, asking.visit, asking.now)
    return Refusal("not-found")


def sight_of(decision: consent.Decision, whole: mpi.Whole) -> records.Sight:
    """Which rows a decision about that person lets through."""
    return _sight(
        decision.closed, decision.only_institution, decision.author, decision.withheld, decision.only_types,
        whole.patients,
    )  # fmt: skip


@lru_cache(4096)  # a few per institution
def _sight(
    closed: frozenset[str], only_institution: int | None, author: int, withheld: frozenset[str],
    types: frozenset[str] | None, patients: frozenset[str] | None,
) -> records.Sight:  # fmt: skip
    return records.Sight(closed, only_institution, author, withheld, types, patients=patients)


async def log(
    cx: Context,
    asking: Asking,
    person: PersonId,
    action: str,
    outcome: str,
    decision: consent.Decision,
    detail: Mapping[str, Any],
) -> str:
    """Write the line, durably. An answer leaves only after this has returned."""
    return await cx.appender.append(event_of(asking, person, action, outcome, decision.basis, detail, decision.purpose))


def event_of(
    asking: Asking, person: PersonId, action: str, outcome: str, basis: str, detail: Mapping[str, Any],
    purpose: str = "",
) -> audit.Event:  # fmt: skip
    """A log line for something this caller did or tried. `purpose`: that of the visit, where none was named."""
    caller = asking.caller
    if caller.kind == "practitioner":
        detail = {**detail, "role": caller.role}
    if caller.app:
        detail = {**detail, "app": caller.app, "app_name": caller.app_name}
    return audit.Event(
        person=person,
        recorded=asking.now,
        action=action,
        outcome=outcome,
        purpose=asking.purpose or purpose or ("treatment" if asking.visit else ""),
        basis=basis,
        agent=caller.kind,
        institution=caller.institution,
        institution_name=caller.institution_zh,
        agent_id=caller.agent_id,
        agent_name=caller.name_zh,
        department=caller.department,
        visit=asking.visit,
        detail=detail,
        request_id=logs.request_id.get(),
    )
