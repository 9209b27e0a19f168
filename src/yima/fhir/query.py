"""A search request compiled: what the index can answer, and a predicate for the rest (R4 search.html).

`compile_query` decides nothing about who may search; it names the patients that a request names, so that others can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from yima.fhir import values
from yima.fhir.chains import Chain, Has, chain_of, has_of
from yima.fhir.clauses import Dated, Predicate, UnknownModifierError, clause, is_chain_known
from yima.fhir.coded import Coded, coded_of
from yima.fhir.control import Control
from yima.fhir.dates import matches_dated
from yima.fhir.index import Indexed, tokens
from yima.fhir.order import SortKey
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
    """(key, descending), in order of importance; where all are `date`, `_lastUpdated` or `_id`, columns say it."""
    order: list[tuple[SortKey, bool]]
    """The same for a sort by other parameters, which takes the parsed resources; empty when columns say it."""
    chains: list[Chain]
    """Each to hold; whoever decides what may be seen looks for what they point to, and makes them tokens."""
    has: list[Has]
    """Each to hold, likewise."""
    coded: list[Coded]
    """Each to hold; whoever knows terminology finds the codes, and makes them tokens (`in`, `above`, `below`) or a part
    of the predicate (`not-in`)."""
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

    @property
    def asks(self) -> bool:
        """Whether it has a criterion; without one it means every resource of the type."""
        parts = (
            self.tokens,
            self.dated,
            self.patients,
            self.patient_identifiers,
            self.last_updated,
            self.chains,
            self.has,
        )
        return any(parts) or self.predicate is not None or self.ids is not None or bool(self.coded)

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
    key: bytes | tuple[bytes, ...] = b"",
    now: datetime | None = None,
    across: bool = False,
) -> Query:
    """Compile the (already percent-decoded) parameters of a search. `key` as for `index`; `now` serves `ap` on dates.

    `across`: the search is not about one named person; what names a patient is a condition like any other.

    Refusals: resource-type-unknown, search-parameter-unknown (left out in `ignored` when lenient; an unknown modifier
    is always refused, as R4 demands), search-value-invalid, too-costly.
    """
    if type not in TYPES:
        raise Refusal("resource-type-unknown", field="type", type=type[:64])
    if len(params) > MAX_PARAMS:
        raise Refusal("too-costly", limit=f"{MAX_PARAMS} parameters")
    building = _Building(type, key, now, across)
    for name, value in params:
        building.add(name, value, lenient)
    return building.query()


class _Building:
    """The parts of a Query while its parameters are read one by one."""

    def __init__(self, type_name: str, key: bytes | tuple[bytes, ...], now: datetime | None, across: bool) -> None:
        self.type = type_name
        self.key = key
        self.now = now
        self.across = across
        self.control = Control(type_name)
        self.tokens: list[list[int]] = []
        self.dated: list[Dated] = []
        self.tests: list[Predicate] = []
        self.patients: list[str] = []
        self.patient_identifiers: list[tuple[str | None, str]] = []
        self.ids: list[str] | None = None
        self.last_updated: list[Dated] = []
        self.ignored: list[str] = []
        self.chains: list[Chain] = []
        self.has: list[Has] = []
        self.coded: list[Coded] = []

    def add(self, name: str, text: str, lenient: bool) -> None:
        """Read one parameter."""
        if name.startswith("_has:"):
            if found := has_of(self.type, name, text):
                self.has.append(found)
            else:
                self._unknown(name, lenient)
            return
        stem, chained, rest = name.partition(".")
        stem, _, modifier = stem.partition(":")
        if self.control.add(stem, modifier, text) or self._column(stem, modifier, text):
            return
        param = SEARCH[self.type].get(stem)
        if param is None:
            self._unknown(name, lenient)
            return
        # One chain is not looked for but names the record that is searched: patient.identifier.
        names_record = chained and not self._is_settled() and is_chain_known(self.type, param, modifier, rest)
        if chained and not names_record:
            if chain := chain_of(param, modifier, rest, text):
                self.chains.append(chain)
            else:
                self._unknown(name, lenient)
            return
        if not chained and (coded := coded_of(param, name, modifier, text)):
            self.coded.append(coded)
            return
        try:
            self._clause(param, name, "identifier" if chained else modifier, text)
        except UnknownModifierError:
            raise Refusal("search-parameter-unknown", field=name[:64], type=self.type) from None

    def _unknown(self, name: str, lenient: bool) -> None:
        if not lenient:
            raise Refusal("search-parameter-unknown", field=name[:64], type=self.type)
        self.ignored.append(name)

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

    def _is_settled(self) -> bool:
        """Whether it is said whose record is searched, or that it is nobody's in particular."""
        return bool(self.across or self.patients or self.patient_identifiers)

    def _clause(self, param: SearchParam, name: str, modifier: str, text: str) -> None:
        found = clause(self.type, param, name, modifier, text, self.now, name_patients=not self._is_settled())
        if found.forms:
            self.tokens.append(tokens(found.forms, self.key))
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
            order=control.order,
            chains=self.chains,
            has=self.has,
            coded=self.coded,
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
