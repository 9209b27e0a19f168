"""Following references within a scope: chains and `_has` before a search, `_include` and `_revinclude` after it.

R4 search.html#chaining, #has, #include, #revinclude. Every look is a search in the same scope as the main one, with the
same sight; a chain that leads to nothing matches nothing.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, Final

from yima import fhir, records
from yima.access import chosen
from yima.access.coded import with_codes
from yima.access.decision import SHARED_TYPES, check_scope
from yima.directory import Caller
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import SHELF, PersonId
from yima.runtime.keys import Vault

_MOST_TARGETS: Final = 1000
"""Most resources that one link of a chain may lead to."""
_MOST_CHAINS: Final = 5
_MOST_INCLUDED: Final = 2000
_ROUNDS: Final = 4
"""How often `:iterate` goes on from what it found."""
_LOCAL: Final = re.compile(r"([A-Z][A-Za-z]+)/([A-Za-z0-9\-.]{1,64})(?:/_history/[A-Za-z0-9\-.]{1,64})?").fullmatch
_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Scope:
    """Where one search may look: the homes of one record (None: all that a sandbox wrote), and what of it is open."""

    homes: Sequence[PersonId] | None
    sight: records.Sight
    caller: Caller
    index_key: tuple[bytes, ...]
    """The keys of the search tokens that are asked for."""
    vault: Vault
    now: datetime

    def place(self, resource_type: str) -> tuple[Sequence[PersonId] | None, records.Sight]:
        """Homes and sight for one type: what is not about a patient lies on the shelf, shared or its author's own."""
        if self.caller.sandbox and resource_type not in fhir.COMPARTMENT_TYPES:
            return None, self.sight  # its shelf is its own, and may be anywhere
        if self.homes is None or resource_type == "Patient" or resource_type in fhir.COMPARTMENT_TYPES:
            return self.homes, self.sight
        if resource_type in SHARED_TYPES:
            return [SHELF], records.Sight(patients=None)
        return [SHELF], records.Sight(only_institution=self.caller.institution, patients=None)

    def holds(self, row: records.Stored | None) -> bool:
        """Whether a resource found by its id is within the scope."""
        if row is None or row.deleted or not self.caller.may(row.type, "r") or not self.sight.reaches(row.type):
            return False
        homes, sight = self.place(row.type)
        return (homes is None or row.home in homes) and sight.covers(row)


# --- before: chains and _has -----------------------------------------------------------------------------------------
async def narrowed(db: Database, scope: Scope, query: fhir.Query) -> fhir.Query:
    """The query with its codes and chains as tokens and its `_has` as ids. Refusals `too-costly`, `scope-insufficient`,
    and those of terminology."""
    if query.coded:
        query = await with_codes(db, scope.index_key, query, partial(_own_value_set, db, scope))
    if not query.chains and not query.has:
        return query
    if len(query.chains) + len(query.has) > _MOST_CHAINS:
        raise Refusal("too-costly", limit=f"{_MOST_CHAINS} chains")
    tokens = [*query.tokens, *[await _targets(db, scope, chain) for chain in query.chains]]
    ids = query.ids
    for has in query.has:
        pointed = await _pointed_at(db, scope, has, query.type)
        ids = sorted(pointed if ids is None else pointed & set(ids))
    return replace(query, tokens=tokens, ids=ids, chains=[], has=[])


async def _own_value_set(db: Database, scope: Scope, name: str, value: str) -> dict[str, Any] | None:
    """A ValueSet that the caller stored, for a search by its codes."""
    if not scope.caller.may("ValueSet", "r"):
        return None
    escaped = re.sub(r"([\\\\,|$])", r"\\\1", value)
    query = fhir.compile_query("ValueSet", [(name, escaped)], key=scope.index_key, across=True)
    homes, sight = scope.place("ValueSet")
    page = await records.search(db, scope.vault, homes, "ValueSet", query, sight, records.Wanted(count=1, total=False))
    return fhir.parse(page.rows[0].content) if page.rows else None


async def _targets(db: Database, scope: Scope, chain: fhir.Chain) -> list[int]:
    """The tokens of references to whatever a chain leads to; none match nothing."""
    found = []
    for target in chain.targets:
        rows = await _look(db, scope, target, chain.rest, chain.value)
        found += fhir.tokens([f"{chain.param}|{row.type}/{row.id}" for row in rows], scope.index_key)
    return found


async def _pointed_at(db: Database, scope: Scope, has: fhir.Has, wanted: str) -> set[str]:
    rows = await _look(db, scope, has.type, has.rest, has.value)
    return {i for t, i in _references(rows, has.type, has.param) if t == wanted}


async def _look(db: Database, scope: Scope, resource_type: str, name: str, value: str) -> Sequence[records.Stored]:
    check_scope(scope.caller, resource_type, "s")
    if not scope.sight.reaches(resource_type):
        return []
    query = fhir.compile_query(resource_type, [(name, value)], key=scope.index_key, now=scope.now, across=True)
    query = await narrowed(db, scope, query)
    homes, sight = scope.place(resource_type)
    page = await records.search(
        db, scope.vault, homes, resource_type, query, sight, records.Wanted(count=_MOST_TARGETS, total=False)
    )
    if page.next:
        raise Refusal("too-costly", field=name[:64], limit=f"{_MOST_TARGETS} {resource_type}")
    return page.rows


# --- after: _include and _revinclude ---------------------------------------------------------------------------------
async def included(
    db: Database, reader: records.Reader, scope: Scope, query: fhir.Query, matches: Sequence[records.Stored]
) -> list[records.Stored]:
    """What the query asks to come along, each resource once and none that is among the matches.

    Refusal `too-costly` beyond 2,000 resources.
    """
    if not query.include and not query.revinclude:
        return []
    known: dict[_Key, records.Stored] = {(row.type, row.id): row for row in matches}
    fresh: Sequence[records.Stored] = matches
    for turn in range(_ROUNDS):
        wanted = [text for text in query.include if turn == 0 or text in query.iterate]
        reverse = [text for text in query.revinclude if turn == 0 or text in query.iterate]
        found = [
            *await _included(db, reader, scope, wanted, fresh, known),
            *[row for text in reverse for row in await _revincluded(db, scope, text, fresh)],
        ]
        fresh = [row for row in {(r.type, r.id): r for r in found}.values() if (row.type, row.id) not in known]
        if not fresh:
            break
        known |= {(row.type, row.id): row for row in fresh}
        if len(known) - len(matches) > _MOST_INCLUDED:
            raise Refusal("too-costly", field="_include", limit=f"{_MOST_INCLUDED} included resources")
    return list(known.values())[len(matches) :]


async def _included(
    db: Database,
    reader: records.Reader,
    scope: Scope,
    wanted: Sequence[str],
    rows: Sequence[records.Stored],
    known: Iterable[_Key],
) -> list[records.Stored]:
    keys: set[_Key] = set()
    for text in wanted:
        source, _, rest = text.partition(":")
        param, _, target = rest.partition(":")
        found = _references([row for row in rows if source in ("*", row.type)], source, param or "*")
        keys.update((t, i) for t, i in found if target in ("", t))
    keys.difference_update(known)
    if len(keys) > _MOST_INCLUDED:
        raise Refusal("too-costly", field="_include", limit=f"{_MOST_INCLUDED} included resources")
    places = await records.located(db, chosen.scope_of(scope.caller), sorted(keys))
    read = await asyncio.gather(*(reader.read(*key, home) for key, home in places.items()))
    return [row for row in read if row is not None and scope.holds(row)]


async def _revincluded(
    db: Database, scope: Scope, text: str, rows: Sequence[records.Stored]
) -> Sequence[records.Stored]:
    source, _, rest = text.partition(":")
    param, _, target = rest.partition(":")
    pointed = [row for row in rows if target in ("", row.type)]
    if not pointed or not scope.caller.may(source, "s") or not scope.sight.reaches(source):
        return []
    params = [param] if param != "*" else [p.name for p in fhir.SEARCH[source].values() if p.type == "reference"]
    tokens = fhir.tokens([f"{p}|{row.type}/{row.id}" for p in params for row in pointed], scope.index_key)
    query = replace(fhir.compile_query(source, [], across=True), tokens=[tokens])
    homes, sight = scope.place(source)
    page = await records.search(
        db, scope.vault, homes, source, query, sight, records.Wanted(count=_MOST_INCLUDED, total=False)
    )
    if page.next:
        raise Refusal("too-costly", field="_revinclude", limit=f"{_MOST_INCLUDED} included resources")
    return page.rows


def _references(rows: Sequence[records.Stored], resource_type: str, param: str) -> Iterable[_Key]:
    """(type, id) of everything that these resources point to by a search parameter, or by any reference (`*`)."""
    for row in rows:
        resource = fhir.parse(row.content)
        if param == "*":
            found: Iterable[Any] = (text for _, _, text in fhir.references(resource))
        else:
            paths = fhir.SEARCH[resource_type][param].paths
            picked = (value for path in paths for value in path.pick(resource, resource))
            found = (value.get("reference", "") if isinstance(value, dict) else value for value in picked)
        yield from ((match[1], match[2]) for text in found if (match := _LOCAL(str(text))))
