"""Disclose: consent is decided, the record is read, the log line is committed, and only then do bytes leave.

The half of the product's sentence that ends "the access is audited". Every read of person data in the platform comes
through
the functions here; a denial is logged like a read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from yima import consent, fhir, records
from yima.access import chosen
from yima.access.context import Context
from yima.access.decision import (
    NOBODY,
    Asking,
    check_allowed,
    decide,
    decide_on,
    log,
    nothing_there,
    refusal_of,
    sight_of,
    spoken,
)
from yima.access.naming import person_meant
from yima.access.search import counts
from yima.directory import Caller
from yima.runtime import ids
from yima.runtime.errors import Refusal
from yima.runtime.ids import SHELF


async def read(cx: Context, asking: Asking, resource_type: str, resource_id: str) -> records.Stored:
    """One resource. Refusals: `not-found` (also for what others may see), `gone`, `scope-insufficient`, visit
    refusals."""
    row, decision, _ = await _current(cx, asking, resource_type, resource_id)
    await _log(cx, asking, row, "ok", decision, {"types": {resource_type: 1}, "id": resource_id})
    if row.deleted:
        raise Refusal("gone" if row.content else "erased")
    return row


async def version(cx: Context, asking: Asking, resource_type: str, resource_id: str, number: int) -> records.Stored:
    """One version of a resource whose present version is within sight too. Refusals as `read`."""
    current, decision, sight = await _current(cx, asking, resource_type, resource_id)
    row = current
    if number != current.version:
        row = await records.version(cx.database, cx.vault, resource_type, resource_id, number, current.home) or current
    if row.version != number or not sight.covers(row):
        raise Refusal("not-found")
    detail = {"types": {resource_type: 1}, "id": resource_id, "version": number}
    await _log(cx, asking, row, "ok", decision, detail)
    if row.deleted:
        raise Refusal("gone" if row.content else "erased")
    return row


async def versions(
    cx: Context, asking: Asking, resource_type: str, resource_id: str, limit: int
) -> list[records.Stored]:
    """All versions within sight, newest first; none when the present one is not. Refusals as `read`."""
    current, decision, sight = await _current(cx, asking, resource_type, resource_id, "history")
    held = await records.history(cx.database, cx.vault, resource_type, resource_id, limit, current.home)
    rows = [row for row in held if sight.covers(row)]
    await _log(cx, asking, current, "ok", decision, {"types": {resource_type: len(rows)}, "id": resource_id})
    return rows


async def sandbox_versions(
    cx: Context, asking: Asking, resource_type: str | None, times: records.Times, wanted: records.Wanted
) -> records.Page:
    """A page of the versions of a type, or of all types, that a sandbox wrote; nobody else may range over people.

    Refusals `person-not-named`, `scope-insufficient`.
    """
    if not asking.caller.sandbox:
        raise Refusal("person-not-named", field=resource_type or "_history")
    check_allowed(asking, resource_type or "*", "history")
    page = await records.sandbox_history(cx.database, cx.vault, asking.caller.institution, resource_type, times, wanted)
    decision = await decide(cx, asking, NOBODY, resource_type or "*")
    await log(cx, asking, SHELF, "read", "ok", decision, {"types": counts(page.rows)})
    return page


async def _current(
    cx: Context, asking: Asking, resource_type: str, resource_id: str, operation: str = "read"
) -> tuple[records.Stored, consent.Decision, records.Sight]:
    """The present version, deleted or not, if it is within sight; a denial is logged. What is closed now was never
    there:
    a class that was put on a resource later covers its earlier versions too."""
    check_allowed(asking, resource_type, operation)
    home = ids.home_of(resource_id)
    if home is None:
        home = await chosen.home_of(cx.database, asking.caller, resource_type, resource_id)
    row = await cx.reader.read(resource_type, resource_id, home)
    if row is None:
        raise await nothing_there(cx, asking)
    decision, sight = await decide_on(cx, asking, row, operation)
    if not decision.permit or not sight.covers(row):
        await _log(cx, asking, row, "denied", decision, {"types": {resource_type: 1}})
        raise Refusal(spoken(decision))
    return row, decision, sight


async def _log(
    cx: Context, asking: Asking, row: records.Stored, outcome: str, decision: consent.Decision, detail: dict[str, Any]
) -> None:
    """The line of one resource lies where the resource does, and names its Patient: it is read by whose that is."""
    about = {"patient": row.patient} if row.patient else {}
    await log(cx, asking, row.home, "read", outcome, decision, detail | about)


async def everything(
    cx: Context, asking: Asking, patient: str, *, types: Sequence[str] | None, since: datetime | None, limit: int
) -> list[records.Content]:
    """All resources of the person to whom this Patient is linked, within sight and scope (FHIR Patient/$everything).

    Refusals: `not-found`, `too-costly` beyond `limit`, those that `read` has.
    """
    check_allowed(asking, "Patient", "everything")
    person = await person_meant(cx, asking, patient)
    if person is None:
        raise await nothing_there(cx, asking)
    whole = await cx.lookups.whole(person)
    decision = await decide(cx, asking, whole, "Patient", "everything")
    rows: list[records.Content] = []
    if decision.permit:
        sight, may = sight_of(decision, whole), _readable(asking.caller, types, decision.only_types)
        rows = await records.contents(
            cx.database, cx.vault, whole.homes, sight, types=may, since=since, limit=limit + 1
        )
        if len(rows) > limit:
            raise Refusal("too-costly", limit=f"{limit} resources")
    number = dict(Counter(row[0] for row in rows))
    await log(cx, asking, person, "search", "ok" if rows else "denied", decision, {"types": number})
    if not rows:
        raise Refusal(spoken(decision))
    return rows


def _readable(caller: Caller, types: Sequence[str] | None, only: frozenset[str] | None) -> Sequence[str] | None:
    """Those of the types (None: of all) that the scopes and the decision cover; None when that is all."""
    if types is None and only is None and caller.may("*", "r"):
        return None
    named = fhir.TYPES if types is None else types
    return [name for name in named if caller.may(name, "r") and (only is None or name in only)]


async def own_resources(cx: Context, asking: Asking) -> list[records.Stored]:
    """Everything of the resident who asks, for download."""
    person = asking.caller.person
    whole = await cx.lookups.whole(person)
    decision = await decide(cx, asking, whole, "Patient", "everything")
    if not decision.permit:
        raise refusal_of(decision, asking)
    rows = await records.everything(cx.database, cx.vault, whole.homes, sight_of(decision, whole))
    await log(cx, asking, person, "search", "ok", decision, {"types": counts(rows), "download": True})
    return rows
