"""Search: whose record, what of it may be seen, what is found, and what comes along with it.

A search stays inside one scope: the record of the one person it names and the shared directory, or, for a sandbox, what
the sandbox itself wrote. Chains, `_has` and includes look nowhere else, so none of them can tell anything of others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Final

from yima import consent, fhir, mpi, records
from yima.access.context import Context
from yima.access.decision import (
    NOBODY,
    SHARED_TYPES,
    Asking,
    check_allowed,
    decide,
    log,
    open_visit,
    refusal_of,
    sight_of,
)
from yima.access.naming import named_person
from yima.access.through import Scope, included, narrowed
from yima.runtime.errors import Refusal
from yima.runtime.ids import SHELF, PersonId


@dataclass(frozen=True, slots=True)
class Found:
    """The answer to a search. `total` counts the matches, `included` came along with them."""

    rows: tuple[records.Stored, ...]
    total: int
    decision: consent.Decision
    included: tuple[records.Stored, ...] = ()
    previous: records.Spot | None = None
    next: records.Spot | None = None
    """Where the pages beside this one are."""


async def search(cx: Context, asking: Asking, resource_type: str, query: fhir.Query, wanted: records.Wanted) -> Found:
    """Search in the record of the one patient that the query names, on the shared shelf, or in a sandbox.

    Refusals: `person-not-named`, `scope-insufficient`, `too-costly`, and those of the decision.
    """
    check_allowed(asking, resource_type, "search")
    parts = [([resource_type], query)]
    if asking.caller.sandbox and not query.patients:
        return await _answer(cx, asking, NOBODY, None, parts, wanted)
    if resource_type in SHARED_TYPES:
        return await _answer(cx, asking, NOBODY, [SHELF], parts, wanted)
    person, patients = await named_person(cx, asking, resource_type, query)
    if person is None:
        return await _nothing(cx, asking)
    if resource_type == "Patient":
        parts = [([resource_type], replace(query, ids=patients))]
    whole = await cx.lookups.whole(person)
    return await _answer(cx, asking, whole, whole.homes, parts, wanted)


async def search_types(cx: Context, asking: Asking, parts: Sequence[records.Part], wanted: records.Wanted) -> Found:
    """Search several types at once: in the record of the one patient that the queries name, in the shared directory if
    all types are of it, or across a sandbox. Refusals as `search`."""
    query = parts[0][1]
    if asking.caller.sandbox and not query.patients:
        return await _answer(cx, asking, NOBODY, None, parts, wanted)
    if all(name in SHARED_TYPES for names, _ in parts for name in names):
        return await _answer(cx, asking, NOBODY, [SHELF], parts, wanted)
    person, _ = await named_person(cx, asking, "Resource", query)
    if person is None:
        return await _nothing(cx, asking)
    whole = await cx.lookups.whole(person)
    return await _answer(cx, asking, whole, whole.homes, parts, wanted)


_COMMON: Final = ("_id", "_lastUpdated", "_profile", "_security", "_source", "_tag")
"""What every type has; besides, whose record it is may be said."""


def parts_of(
    cx: Context, asking: Asking, types: Sequence[str], params: Sequence[tuple[str, str]], *, lenient: bool
) -> list[records.Part]:
    """The parts of a search over several types, or (`types` empty) over all that the caller may search.

    Over several, what all of them have may be asked; over all, what every resource has. Refusals of `compile_query`,
    `scope-insufficient`.
    """
    stems = {name.partition(":")[0].partition(".")[0] for name, _ in params}
    across, keys = asking.caller.sandbox and not stems & {"patient", "subject"}, cx.vault.hashes.asked_tokens
    for name in types:
        check_allowed(asking, name, "search")

    def compiled(name: str, said: Sequence[tuple[str, str]]) -> fhir.Query:
        if name == "Patient":  # has no such parameter: it is the patient
            whose = [value for key, value in said if key == "patient"]
            query = compiled_plainly(name, [pair for pair in said if pair[0] != "patient"])
            return replace(query, patients=[*query.patients, *whose])
        return compiled_plainly(name, said)

    def compiled_plainly(name: str, said: Sequence[tuple[str, str]]) -> fhir.Query:
        return fhir.compile_query(name, said, lenient=lenient, key=keys, now=asking.now, across=across)

    if types:
        return [([name], compiled(name, params)) for name in types]
    control = compiled(_ANY, [pair for pair in params if _is_common(pair[0])])
    unknown = [name for name, _ in params if not _is_common(name)]
    if unknown and not lenient:
        raise Refusal("search-parameter-unknown", field=unknown[0][:64], type="Resource")
    every = fhir.TYPES if asking.caller.sandbox else {"Patient", *fhir.COMPARTMENT_TYPES}
    may = sorted(name for name in every if asking.caller.may(name, "s"))
    if not may:
        check_allowed(asking, "*", "search")
    return [(may, replace(control, ignored=[*control.ignored, *unknown]))]


_ANY: Final = "Basic"
"""A type of patients' records that has hardly any parameters of its own: what is common to all is read as its."""
_SHAPING: Final = (
    "_sort", "_count", "_include", "_revinclude", "_summary", "_elements", "_total", "_cursor", "_format", "_pretty",
)  # fmt: skip


def _is_common(name: str) -> bool:
    return name.partition(":")[0].partition(".")[0] in (*_COMMON, *_SHAPING, "patient")


async def _nothing(cx: Context, asking: Asking) -> Found:
    """The answer about nobody. In a visit it is that of a visit of somebody else: that there is nobody is not told."""
    if asking.visit:
        await open_visit(cx, asking.visit, asking.now)
        raise Refusal("visit-needed")
    return Found((), 0, consent.Decision(True, "none", "", ()))


async def _answer(
    cx: Context,
    asking: Asking,
    whole: mpi.Whole,
    homes: Sequence[PersonId] | None,
    parts: Sequence[records.Part],
    wanted: records.Wanted,
) -> Found:
    named = {name: 0 for names, _ in parts for name in names} if len(parts) > 1 or len(parts[0][0]) == 1 else {}
    person, decision = whole.person, await decide(cx, asking, whole, parts[0][0][0], "search")
    if not decision.permit:
        await log(cx, asking, person, "search", "denied", decision, {"types": named})
        raise refusal_of(decision, asking)
    scope = Scope(homes, sight_of(decision, whole), asking.caller, cx.vault.hashes.asked_tokens, cx.vault, asking.now)
    parts = [
        ([name for name in names if scope.sight.reaches(name)], await narrowed(cx.database, scope, query))
        for names, query in parts
    ]
    page = await records.search_parts(cx.database, cx.vault, homes, parts, scope.sight, wanted)
    along = await included(cx.database, cx.reader, scope, parts[0][1], page.rows)
    await log(cx, asking, person, "search", "ok", decision, {"types": named | counts([*page.rows, *along])})
    return Found(page.rows, page.total, decision, tuple(along), page.previous, page.next)


_type_of: Final = attrgetter("type")


def counts(rows: Sequence[records.Stored]) -> dict[str, int]:
    """How many of each type: what the log says of an answer."""
    return dict(Counter(map(_type_of, rows)))
