"""The token modifiers `:in`, `:not-in`, `:above`, `:below`: terminology finds the codes before the record is searched
(R4 search.html#token)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from yima import fhir
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.terminology import Terminology

_MOST: Final = 10_000
"""Most codes that one search may look for."""
_REFERENCE: Final = re.compile(r"(?:https?://[^?#\s]+/)?ValueSet/([A-Za-z0-9\-.]{1,64})").fullmatch
Own = Callable[[str, str], Awaitable[Mapping[str, Any] | None]]
"""(search parameter, its value) -> a ValueSet within the caller's own scope, or None."""


async def with_codes(db: Database, index_key: tuple[bytes, ...], query: fhir.Query, own: Own) -> fhir.Query:
    """The query with its coded conditions as tokens, those of `:not-in` as a predicate.

    Refusals: `value-set-unknown`, `code-system-unknown`, `concept-unknown`, `too-costly`.
    """
    terminology = Terminology(db)
    tokens, tests = list(query.tokens), [query.predicate] if query.predicate else []
    for coded in query.coded:
        forms = fhir.forms_among(coded, await _codes(terminology, coded, own))
        if len(forms) > _MOST:
            raise Refusal("too-costly", field=coded.field[:64], limit=f"{_MOST} codes")
        if coded.modifier == "not-in":
            tests.append(fhir.not_among(coded, forms))
        else:
            tokens.append(fhir.tokens(forms, index_key))
    predicate = (lambda resource: all(test(resource) for test in tests)) if tests else None
    return replace(query, tokens=tokens, predicate=predicate, coded=[])


async def _codes(terminology: Terminology, coded: fhir.Coded, own: Own) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for address in coded.value_sets:
        found += await terminology.codes_of(await _value_set(terminology, address, own))
    for system, code in coded.codes:
        found += await (
            terminology.codes_below(system, code)
            if coded.modifier == "below"
            else terminology.codes_above(system, code)
        )
    return list(dict.fromkeys(found))


async def _value_set(terminology: Terminology, address: str, own: Own) -> Mapping[str, Any]:
    """By canonical address, or by reference; one that this caller stored itself counts where terminology has none."""
    named = _REFERENCE(address)
    if named and not address.startswith("http://hl7.org/fhir/"):  # R4's own canonical addresses look like references
        found = await terminology.read("ValueSet", named[1]) or await own("_id", named[1])
        if found is None:
            raise Refusal("value-set-unknown", field="ValueSet", url=address[:200])
        return found
    try:
        return await terminology.value_set(address)
    except Refusal as refusal:
        found = await own("url", address.partition("|")[0]) if refusal.code == "value-set-unknown" else None
        if found is None:
            raise
        return found
