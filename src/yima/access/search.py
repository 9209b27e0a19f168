"""Search: whose record, what of it may be seen, what is found, and what comes along with it.

A search stays inside one scope: the record of the one person it names and the shared directory, or, for a sandbox, what
the sandbox itself wrote. Chains, `_has` and includes look nowhere else, so none of them can tell anything of others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from yima import consent, fhir, mpi, records
from yima.access.context import Context
from yima.access.decision import SHARED_TYPES, Asking, check_scope, decide, log, refusal_of, sight_of
from yima.access.naming import named_person
from yima.access.through import Scope, included, narrowed
from yima.runtime.ids import SHELF, PersonId


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a search or an `$everything`. `total` counts the matches, `included` came along with them."""

    rows: tuple[records.Stored, ...]
    total: int
    decision: consent.Decision
    included: tuple[records.Stored, ...] = ()


async def search(
    cx: Context, asking: Asking, resource_type: str, query: fhir.Query, *, offset: int, count: int
) -> Found:
    """Search in the record of the one patient that the query names, on the shared shelf, or in a sandbox.

    Refusals: `person-not-named`, `scope-insufficient`, `too-costly`, and those of the decision.
    """
    check_scope(asking.caller, resource_type, "s")
    if asking.caller.sandbox and not query.patients:
        return await _answer(cx, asking, SHELF, None, query, offset, count)
    if resource_type in SHARED_TYPES:
        return await _answer(cx, asking, SHELF, [SHELF], query, offset, count)
    person, patients = await named_person(cx, asking, resource_type, query)
    if person is None:
        return Found((), 0, consent.Decision(True, "none", "", ()))
    if resource_type == "Patient":
        query = replace(query, ids=patients)
    return await _answer(cx, asking, person, await mpi.homes(cx.database, person), query, offset, count)


async def _answer(
    cx: Context,
    asking: Asking,
    person: PersonId,
    homes: Sequence[PersonId] | None,
    query: fhir.Query,
    offset: int,
    count: int,
) -> Found:
    decision = await decide(cx, asking, person, query.type)
    if not decision.permit:
        await log(cx, asking, person, "search", "denied", decision, {"types": {query.type: 0}})
        raise refusal_of(decision, asking)
    scope = Scope(homes, sight_of(decision), asking.caller, cx.index_key, asking.now)
    query = await narrowed(cx.database, scope, query)
    page = await records.search(cx.database, homes, query.type, query, scope.sight, offset=offset, count=count)
    along = await included(cx.database, cx.reader, scope, query, page.rows)
    await log(cx, asking, person, "search", "ok", decision, {"types": {query.type: 0} | counts([*page.rows, *along])})
    return Found(page.rows, page.total, decision, tuple(along))


def counts(rows: Sequence[records.Stored]) -> dict[str, int]:
    """How many of each type: what the log says of an answer."""
    found: dict[str, int] = {}
    for row in rows:
        found[row.type] = found.get(row.type, 0) + 1
    return found
