"""A search request compiled: what the index can answer, and a predicate for the rest (R4 search.html).

`compile_query` decides nothing about who may search; it names the patients that a request names, so that others can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from yima.fhir import values
from yima.fhir.clauses import Dated, Predicate, UnknownModifierError, clause, is_chain_known
from yima.fhir.control import Control
from yima.fhir.dates import matches_dated
from yima.fhir.index import Indexed, token
from yima.fhir.parameters import SEARCH, SearchParam
from yima.fhir.tables import TYPES
from yima.runtime.errors import Refusal

MAX_PARAMS: Final = 100


@dataclass(frozen=True)
class Query:
    """One search on one type. Everything in it must hold (AND); inside a list of values one must (OR)."""

    type: str
    tokens: list[list[int]]
    """AND of ORs against `Indexed.tokens`."""
    dated: list[Dated]
    """Against `Indexed.dated`, each to hold; a resource without a date matches none."""
    predicate: Predicate | None
    """What the index cannot answer, evaluated on the parsed resource."""
    patients: list[str]
    """The patients named by the parameter that says whose record it is (`Patient/x` or `x`, any of them). They are NOT
    among the tokens: the record of a person is wider than one Patient, and the caller resolves them to it."""
    patient_identifiers: list[tuple[str | None, str]]
    """(system, value) of patients named by identifier; system None = any, '' = none. Not among the tokens either."""
    ids: list[str] | None
    last_updated: list[Dated]
    sort: list[tuple[str, bool]]
    """(`date` | `_lastUpdated` | `_id`, descending), in order of importance; `date` is `Indexed.dated`."""
    count: int | None
    include: list[str]
    """As sent: `Type:param[:target]` or `*`; `:iterate` is kept in `iterate`."""
    revinclude: list[str]
    iterate: list[str]
    """Those of `include` and `revinclude` that are to be repeated on what they find."""
    summary: str | None
    elements: list[str]
    total: str | None
    cursor: str | None
    ignored: list[str]
    """Parameters left out because the caller asked for lenient handling."""

    def accepts(self, indexed: Indexed, resource: dict[str, Any]) -> bool:
        """Whether a resource meets tokens, dates, ids and predicate. Patients and last_updated are the caller's."""
        held = set(indexed.tokens)
        return (
            all(not held.isdisjoint(any_of) for any_of in self.tokens)
            and all(indexed.dated is not None and matches_dated(*dated, *indexed.dated) for dated in self.dated)
            and (self.ids is None or resource.get("id") in self.ids)
            and (self.predicate is None or self.predicate(resource))
        )


def compile_query(
    type: str,  # noqa: A002  FHIR's word for it
    params: Sequence[tuple[str, str]],
    *,
    lenient: bool = False,
    key: bytes = b"",
    now: datetime | None = None,
) -> Query:
    """Compile the (already percent-decoded) parameters of a search. `key` as for `index`; `now` serves `ap` on dates.

    Refusals: resource-type-unknown, search-parameter-unknown (left out in `ignored` when lenient; an unknown modifier
    is always refused, as R4 demands), search-value-invalid, too-costly.
    """
    if type not in TYPES:
        raise Refusal("resource-type-unknown", field="type", type=type[:64])
    if len(params) > MAX_PARAMS:
        raise Refusal("too-costly", limit=f"{MAX_PARAMS} parameters")
    building = _Building(type, key, now)
    for name, value in params:
        building.add(name, value, lenient)
    return building.query()


class _Building:
    """The parts of a Query while its parameters are read one by one."""

    def __init__(self, type_name: str, key: bytes, now: datetime | None) -> None:
        self.type = type_name
        self.key = key
        self.now = now
        self.control = Control(type_name)
        self.tokens: list[list[int]] = []
        self.dated: list[Dated] = []
        self.tests: list[Predicate] = []
        self.patients: list[str] = []
        self.patient_identifiers: list[tuple[str | None, str]] = []
        self.ids: list[str] | None = None
        self.last_updated: list[Dated] = []
        self.ignored: list[str] = []

    def add(self, name: str, text: str, lenient: bool) -> None:
        """Read one parameter."""
        stem, chained, chain = name.partition(".")
        stem, _, modifier = stem.partition(":")
        if self.control.add(stem, modifier, text) or self._column(stem, modifier, text):
            return
        param = SEARCH[self.type].get(stem)
        if param is None or (chained and not is_chain_known(self.type, param, modifier, chain)):
            if not lenient:
                raise Refusal("search-parameter-unknown", field=name[:64], type=self.type)
            self.ignored.append(name)
            return
        if chained and self._has_patients():  # a chain is only answered by naming the record, and it has been named
            raise values.invalid(name, "one parameter that names the patient")
        try:
            self._clause(param, name, "identifier" if chained else modifier, text)
        except UnknownModifierError:
            raise Refusal("search-parameter-unknown", field=name[:64], type=self.type) from None

    def _column(self, name: str, modifier: str, text: str) -> bool:
        """`_id` and `_lastUpdated`, which are columns of the store rather than tokens."""
        if modifier or name not in ("_id", "_lastUpdated"):
            return False
        found = values.pieces(name, text)
        if name == "_id":
            ids = list(dict.fromkeys(map(values.unescape, found)))
            self.ids = ids if self.ids is None else [i for i in self.ids if i in ids]
        elif len(found) == 1:
            self.last_updated.append(values.date_value(name, found[0], self.now))
        else:
            raise values.invalid(name, "one date; send the parameter twice for a range")
        return True

    def _has_patients(self) -> bool:
        return bool(self.patients or self.patient_identifiers)

    def _clause(self, param: SearchParam, name: str, modifier: str, text: str) -> None:
        found = clause(self.type, param, name, modifier, text, self.now, name_patients=not self._has_patients())
        if found.forms:
            self.tokens.append([token(form, self.key) for form in found.forms])
        if found.dated:
            self.dated.append(found.dated)
        if found.test:
            self.tests.append(found.test)
        self.patients.extend(found.patients)
        self.patient_identifiers.extend(found.patient_identifiers)

    def query(self) -> Query:
        """The finished query."""
        tests = tuple(self.tests)
        control = self.control
        return Query(
            type=self.type,
            tokens=self.tokens,
            dated=self.dated,
            predicate=(lambda resource: all(test(resource) for test in tests)) if tests else None,
            patients=self.patients,
            patient_identifiers=self.patient_identifiers,
            ids=self.ids,
            last_updated=self.last_updated,
            sort=control.sort,
            count=control.count,
            include=control.include,
            revinclude=control.revinclude,
            iterate=control.iterate,
            summary=control.summary,
            elements=control.elements,
            total=control.total,
            cursor=control.cursor,
            ignored=self.ignored,
        )
