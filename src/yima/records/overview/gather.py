"""The digests of a person put together: what is about whom, when, where and by whom.

Everything later reads :class:`Case`: facts with their day, encounter and institution resolved, newest first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Any

import msgspec

from .concepts import Concept, Concepts
from .digest import Digest, Kept, Meeting, Named, Statement
from .model import Text
from .reading import Moment, first, first_time, moment, reference_key, string
from .values import Value

DAWN = datetime.min  # noqa: DTZ901 -- naive in the reader's zone by design; sorts undated facts last


class Fact(msgspec.Struct, eq=False):
    """One clinical statement. ``encounter`` is the key of an encounter of this record, or empty."""

    type: str
    source: str
    body: Mapping[str, Any]
    status: str
    concept: Concept
    at: Moment | None
    day: date | None
    """The calendar day, if known."""
    encounter: str
    author: str
    sections: tuple[str, ...] = ()
    values: tuple[Value, ...] = ()
    dose: Text | None = None  # dosage in words, once asked for

    @property
    def order(self) -> datetime:
        """For sorting: undated facts count as the oldest."""
        return self.at.at if self.at else DAWN


@dataclass(slots=True, eq=False)
class Visit:
    """One encounter with what happened in it."""

    source: str
    said: Meeting
    start: Moment | None
    end: Moment | None
    institution: str
    reasons: list[Concept]
    facts: list[Fact] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Case:
    """The record of one person, gathered."""

    today: date
    zone: tzinfo
    patients: list[Mapping[str, Any]] = field(default_factory=list)
    relatives: list[Mapping[str, Any]] = field(default_factory=list)
    visits: dict[str, Visit] = field(default_factory=dict)
    facts: dict[str, list[Fact]] = field(default_factory=dict)
    by_source: dict[str, Fact] = field(default_factory=dict)
    loose: list[Fact] = field(default_factory=list)
    shelf: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # organizations, practitioners, medications

    def of(self, kind: str) -> list[Fact]:
        """All facts of a resource type, newest first."""
        return self.facts.get(kind, [])

    def time(self, value: object) -> Moment | None:
        """A time of any precision as the reader sees it."""
        return moment(value, self.zone)

    def when(self, body: Mapping[str, Any], names: tuple[str, ...]) -> Moment | None:
        """The first of the named elements that holds a time; a Period counts with its start, else its end."""
        return first_time(self.time, body, names)

    def named(self, one: Named) -> str:
        """Who is named: as written, else the name of the shelf resource it points to, else the number."""
        if one.display:
            return one.display
        target = self.shelf.get(one.key) if self.shelf else None
        if target is None:
            return one.number
        name = target.get("name")
        return string(name) if isinstance(name, str) else person_name(first(name))


def person_name(name: Mapping[str, Any]) -> str:
    """A HumanName as its owner writes it: ``text``, else family and given (Chinese without a space, family first)."""
    if text := string(name.get("text")):
        return text
    given = name.get("given")
    givens = [string(one) for one in given] if isinstance(given, list) else [string(given)]
    family = string(name.get("family"))
    if family and all(not part.isascii() for part in (family, *givens) if part):
        return family + "".join(givens)
    return " ".join(part for part in (*givens, family) if part)


def gather(parts: Iterable[tuple[Sequence[Concept], Iterable[Digest]]], today: date, zone: tzinfo) -> Case:
    """Put digests together, each part with its table of concepts: who is named, what belongs to which encounter.

    The order of the digests does not matter: ties of time are broken by type and id.
    """
    case = Case(today, zone)
    statements: list[tuple[Sequence[Concept], Statement]] = []
    for concepts, digests in parts:
        for one in digests:
            if isinstance(one, Statement):
                statements.append((concepts, one))
            elif isinstance(one, Meeting):
                source = f"Encounter/{one.id}"
                reasons = [concepts[place] for place in one.reasons]
                case.visits[source] = Visit(source, one, one.start, one.end, "", reasons)
            else:
                _keep(case, one)
    case.patients.sort(key=_identity)
    case.relatives.sort(key=_identity)
    case.visits = dict(sorted(case.visits.items()))
    for visit in case.visits.values():
        visit.institution = case.named(visit.said.provider) or _stamped_name(case, visit.said.stamped)
    statements.sort(key=lambda pair: (pair[1].type, pair[1].id))
    for concepts, one in statements:
        fact = _fact(case, concepts, one)
        case.facts.setdefault(fact.type, []).append(fact)
        case.by_source[fact.source] = fact
    _place(case)
    return case


def _keep(case: Case, one: Kept) -> None:
    if one.type == "Patient":
        case.patients.append(one.body)
    elif one.type == "RelatedPerson":
        case.relatives.append(one.body)
    else:
        identity = string(one.body.get("id"))
        case.shelf[f"{one.type}/{identity}"] = case.shelf[identity] = one.body


def _identity(body: Mapping[str, Any]) -> str:
    return string(body.get("id"))


def _stamped_name(case: Case, uri: str) -> str:
    """The institution the platform stamped on the resource: its name if it is on the shelf, else the URI itself."""
    if not uri or not case.shelf:
        return uri
    target = case.shelf.get("/".join(uri.rsplit("/", 2)[-2:])) or case.shelf.get(uri.rsplit(":", 1)[-1])
    return (string(target.get("name")) if target else "") or uri


def _fact(case: Case, concepts: Sequence[Concept], one: Statement) -> Fact:
    key = one.encounter
    visit = (case.visits.get(key) or case.visits.get(f"Encounter/{key}")) if key else None
    author = (visit.institution if visit else "") or next((name for by in one.by if (name := case.named(by))), "")
    at = one.at or (visit.start if visit else None)
    return Fact(
        one.type,
        f"{one.type}/{one.id}",
        one.body,
        one.status,
        _medicine(case, one) or concepts[one.concept],
        at,
        at.at.date() if at else None,
        visit.source if visit else "",
        author or _stamped_name(case, one.stamped),
        one.sections,
        one.values,
    )


def _medicine(case: Case, one: Statement) -> Concept | None:
    """A medicine that a separate Medication names."""
    if not case.shelf or "medicationReference" not in one.body:
        return None
    target = case.shelf.get(reference_key(one.body["medicationReference"]))
    return Concepts().read(target.get("code"), "medicine") if target else None


def _place(case: Case) -> None:
    """Sort the facts newest first and hand each to its encounter, or to the loose ones."""
    for facts in case.facts.values():
        facts.sort(key=lambda fact: fact.order, reverse=True)
        for fact in facts:
            visit = case.visits.get(fact.encounter)
            if visit:
                visit.facts.append(fact)
            else:
                case.loose.append(fact)
