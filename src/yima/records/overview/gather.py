"""One pass over the resources of a person: what is about whom, when, where and by whom.

Everything later reads :class:`Case`: facts with their day, encounter and institution resolved, newest first.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Any

from .concepts import Concept, Concepts, Role
from .model import Text
from .reading import Moment, first, items, mapping, moment, reference_key, status_code, string

# Resource type -> (role of its code, element of its code, elements that say when, in order of trust)
_SHAPES: dict[str, tuple[Role, str, tuple[str, ...]]] = {
    "Condition": ("condition", "code", ("onsetDateTime", "onsetPeriod", "recordedDate")),
    "AllergyIntolerance": ("allergy", "code", ("onsetDateTime", "recordedDate", "lastOccurrence")),
    "Observation": ("result", "code", ("effectiveDateTime", "effectivePeriod", "effectiveInstant", "issued")),
    "DiagnosticReport": ("result", "code", ("effectiveDateTime", "effectivePeriod", "issued")),
    "ImagingStudy": ("procedure", "procedureCode", ("started",)),
    "MedicationRequest": ("medicine", "medicationCodeableConcept", ("authoredOn",)),
    "MedicationStatement": (
        "medicine",
        "medicationCodeableConcept",
        ("effectiveDateTime", "effectivePeriod", "dateAsserted"),
    ),
    "MedicationAdministration": ("medicine", "medicationCodeableConcept", ("effectiveDateTime", "effectivePeriod")),
    "MedicationDispense": ("medicine", "medicationCodeableConcept", ("whenHandedOver", "whenPrepared")),
    "Immunization": ("vaccine", "vaccineCode", ("occurrenceDateTime", "recorded")),
    "Procedure": ("procedure", "code", ("performedDateTime", "performedPeriod")),
    "DocumentReference": ("other", "type", ("date",)),
}
_VOID = frozenset({"entered-in-error", "cancelled", "refuted"})
DAWN = datetime.min  # noqa: DTZ901 -- naive in the reader's zone by design; sorts undated facts last


@dataclass(slots=True, eq=False)
class Fact:
    """One clinical statement. ``encounter`` is the key of an encounter of this record, or empty."""

    type: str
    source: str
    body: Mapping[str, Any]
    status: str
    concept: Concept
    at: Moment | None
    encounter: str
    author: str
    dose: Text | None = None  # dosage in words, once asked for

    @property
    def day(self) -> date | None:
        """The calendar day, if known."""
        return self.at.at.date() if self.at else None

    @property
    def order(self) -> datetime:
        """For sorting: undated facts count as the oldest."""
        return self.at.at if self.at else DAWN


@dataclass(slots=True, eq=False)
class Visit:
    """One encounter with what happened in it."""

    key: str
    source: str
    body: Mapping[str, Any]
    start: Moment | None
    end: Moment | None
    institution: str
    reasons: list[Concept]
    facts: list[Fact] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Case:
    """The record of one person, read once."""

    today: date
    zone: tzinfo
    concepts: Concepts = field(default_factory=Concepts)
    patients: list[Mapping[str, Any]] = field(default_factory=list)
    relatives: list[Mapping[str, Any]] = field(default_factory=list)
    visits: dict[str, Visit] = field(default_factory=dict)
    facts: dict[str, list[Fact]] = field(default_factory=dict)
    by_source: dict[str, Fact] = field(default_factory=dict)
    loose: list[Fact] = field(default_factory=list)
    shelf: dict[str, Mapping[str, Any]] = field(default_factory=dict)  # organizations, practitioners, medications
    _times: dict[str, Moment | None] = field(default_factory=dict)

    def of(self, kind: str) -> list[Fact]:
        """All facts of a resource type, newest first."""
        return self.facts.get(kind, [])

    def time(self, value: object) -> Moment | None:
        """A time of any precision; each distinct text is read once (results of one visit share theirs)."""
        if not isinstance(value, str):
            return None
        if value not in self._times:
            self._times[value] = moment(value, self.zone)
        return self._times[value]

    def when(self, body: Mapping[str, Any], names: tuple[str, ...]) -> Moment | None:
        """The first of the named elements that holds a time; a Period counts with its start, else its end."""
        for name in names:
            value = body.get(name)
            if isinstance(value, dict):
                value = value.get("start") or value.get("end")
            if value is not None and (found := self.time(value)):
                return found
        return None

    def named(self, reference: object) -> str:
        """The display of a reference: as written, else the name of the shelf resource it points to."""
        found = mapping(reference)
        if shown := string(found.get("display")):
            return shown
        target = self.shelf.get(reference_key(found))
        if target is None:
            return string(mapping(found.get("identifier")).get("value")) if "identifier" in found else ""
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


def gather(resources: Iterable[object], today: date, zone: tzinfo) -> Case:
    """Read every resource once; unknown types, void statements and things that are no resources are left out."""
    case = Case(today, zone)
    clinical: list[Mapping[str, Any]] = []
    for body in resources:
        if not isinstance(body, dict):
            continue
        kind = body.get("resourceType")
        if not isinstance(kind, str):
            continue
        if kind in _SHAPES:
            clinical.append(body)
        elif kind == "Patient":
            case.patients.append(body)
        elif kind == "RelatedPerson":
            case.relatives.append(body)
        elif kind == "Encounter":
            _add_visit(case, body)
        elif kind in ("Organization", "Practitioner", "Medication", "PractitionerRole", "Location"):
            identity = string(body.get("id"))
            case.shelf[f"{kind}/{identity}"] = case.shelf[identity] = body
    _name_institutions(case)
    for body in clinical:
        if fact := _read_fact(case, body):
            case.facts.setdefault(fact.type, []).append(fact)
            case.by_source[fact.source] = fact
    _place(case)
    return case


def _add_visit(case: Case, body: Mapping[str, Any]) -> None:
    if status_code(body.get("status")) in _VOID | {"planned", "noshow", "no-show", "booked"}:
        return
    identity, period = string(body.get("id")), mapping(body.get("period"))
    visit = Visit(
        f"Encounter/{identity}",
        f"Encounter/{identity}",
        body,
        case.time(period.get("start")) or case.time(period.get("end")),
        case.time(period.get("end")),
        "",
        [case.concepts.read(one, "condition") for one in items(body.get("reasonCode"))],
    )
    if visit.start and visit.end and visit.end.at < visit.start.at:
        visit.end = visit.start
    case.visits[visit.key] = visit


def _name_institutions(case: Case) -> None:
    """After the pass, because an Organization may stand behind the encounter that names it."""
    for visit in case.visits.values():
        visit.institution = case.named(visit.body.get("serviceProvider")) or _meta_source(case, visit.body)


def _meta_source(case: Case, body: Mapping[str, Any]) -> str:
    """The institution the platform stamped on the resource: its name if it is on the shelf, else the URI itself."""
    uri = string(mapping(body.get("meta")).get("source")).split("#", 1)[0]
    if not uri:
        return ""
    target = case.shelf.get("/".join(uri.rsplit("/", 2)[-2:])) or case.shelf.get(uri.rsplit(":", 1)[-1])
    return (string(target.get("name")) if target else "") or uri


def _read_fact(case: Case, body: Mapping[str, Any]) -> Fact | None:
    kind = body["resourceType"]
    status = status_code(body.get("status") or body.get("clinicalStatus"))
    if status in _VOID or ("verificationStatus" in body and status_code(body["verificationStatus"]) in _VOID):
        return None
    role, element, times = _SHAPES[kind]
    visit = _visit_of(case, body)
    at = case.when(body, times) or (visit.start if visit else None)
    concept = case.concepts.read(_coded(case, body, element), role)
    author = visit.institution if visit else ""
    return Fact(
        kind,
        f"{kind}/{string(body.get('id'))}",
        body,
        status,
        concept,
        at,
        visit.key if visit else "",
        author or _organisation(case, body) or _meta_source(case, body),
    )


def _coded(case: Case, body: Mapping[str, Any], element: str) -> object:
    """The coded element; a medicine may stand in a contained or separate Medication instead."""
    value = body.get(element)
    if value is not None or element != "medicationCodeableConcept":
        return value
    reference = mapping(body.get("medicationReference"))
    wanted = string(reference.get("reference"))
    if wanted.startswith("#"):
        for inner in items(body.get("contained")):
            if inner.get("id") == wanted[1:]:
                return inner.get("code")
    target = case.shelf.get(reference_key(reference))
    return target.get("code") if target else {"text": reference.get("display")}


def _visit_of(case: Case, body: Mapping[str, Any]) -> Visit | None:
    reference = body.get("encounter") or body.get("context")
    if isinstance(reference, dict) and "encounter" in reference:  # DocumentReference.context.encounter
        reference = first(reference["encounter"])
    key = reference_key(reference)
    if not key:
        return None
    return case.visits.get(key) or case.visits.get(f"Encounter/{key}")


def _organisation(case: Case, body: Mapping[str, Any]) -> str:
    """An organisation named on the resource itself as performer, requester, custodian or asserter."""
    for element in ("performer", "requester", "custodian", "asserter", "recorder", "author"):
        for one in items(body.get(element)):
            reference = mapping(one.get("actor")) or one
            target = reference.get("reference")
            kind = reference.get("type")
            is_organisation = kind == "Organization" or (isinstance(target, str) and "Organization/" in target)
            if is_organisation and (name := case.named(reference)):
                return name
    return ""


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
