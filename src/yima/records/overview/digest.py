"""What the overview takes from one resource, whatever stands beside it: the part that is computed once and kept.

A digest depends on its resource alone: not on the reader, the day, or other resources. What does (who is named behind a
reference, whether a medicine is still taken) is worked out when digests are gathered.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import tzinfo
from typing import Any, Final, NamedTuple

import msgspec

from yima.runtime.civil import CIVIL

from .concepts import Concept, Concepts, Role
from .encounters import class_kind, condition_keys, department, worded_kind
from .model import EpisodeKind, Text
from .reading import Moment, first, first_time, items, mapping, moment, reference_key, status_code, string
from .values import Value, measured

RULES: Final = 3
"""Raise it when digests of the same resource change: what was kept by earlier rules is then computed anew."""

# Resource type -> (role of its code, element of its code, elements that say when, in order of trust)
_SHAPES: Final[dict[str, tuple[Role, str, tuple[str, ...]]]] = {
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
    "DeviceUseStatement": ("other", "device", ("timingDateTime", "timingPeriod", "recordedOn")),
    "Device": ("other", "type", ()),
}
_MEDICINE: Final = (
    "intent",
    "dosageInstruction",
    "dosage",
    "dispenseRequest",
    "effectivePeriod",
    "medicationReference",
)
_KEPT: Final[dict[str, tuple[str, ...]]] = {
    "Condition": ("abatementDateTime", "abatementPeriod", "recordedDate", "verificationStatus", "category", "severity"),
    "AllergyIntolerance": ("reaction", "criticality", "lastOccurrence", "recordedDate"),
    "Observation": (),
    "DiagnosticReport": ("conclusion", "description"),
    "ImagingStudy": (),
    "MedicationRequest": _MEDICINE,
    "MedicationStatement": _MEDICINE,
    "MedicationAdministration": _MEDICINE,
    "MedicationDispense": _MEDICINE,
    "Immunization": ("protocolApplied", "statusReason"),
    "Procedure": ("reasonCode",),
    "DocumentReference": ("conclusion", "description"),
    "DeviceUseStatement": ("device",),
    "Device": (),
    "Patient": ("id", "birthDate", "gender", "name", "contact", "deceasedDateTime", "deceasedBoolean"),
    "RelatedPerson": ("id", "name"),
    **dict.fromkeys(
        ("Organization", "Practitioner", "Medication", "PractitionerRole", "Location"), ("id", "name", "code")
    ),
}
"""Elements that rules read after gathering; everything else of a resource is left where it is stored."""
TYPES: Final = frozenset({*_KEPT, "Encounter"})
"""The types of which anything is kept."""
_ANSWERS: Final = frozenset(
    ("883-9", "10331-7", "882-1", "82810-3", "11778-8", "11779-6", "11780-4", "8665-2", "18185-9", "11881-0", "55283-6")
)
"""Blood groups and pregnancy: their rules read the value itself."""
_ANSWER_KEPT: Final = ("valueCodeableConcept", "valueDateTime", "valueQuantity")
_VOID: Final = frozenset({"entered-in-error", "cancelled", "refuted"})
_NO_VISIT: Final = _VOID | {"planned", "noshow", "no-show", "booked"}


class Named(NamedTuple):
    """A reference by which somebody is named: as written, else the resource it points to, else its identifier."""

    display: str
    key: str
    number: str


class Statement(msgspec.Struct, array_like=True, tag_field="form", tag=1):
    """One clinical statement. `concept` is a place in the table of concepts, `encounter` the key as referenced."""

    type: str
    id: str
    status: str
    concept: int
    at: Moment | None
    encounter: str
    by: tuple[Named, ...]
    stamped: str
    sections: tuple[str, ...]
    values: tuple[Value, ...]
    body: dict[str, Any]


class Meeting(msgspec.Struct, array_like=True, tag_field="form", tag=2):
    """One encounter."""

    id: str
    ongoing: bool
    start: Moment | None
    end: Moment | None
    provider: Named
    doctors: tuple[Named, ...]
    department: Text
    kind: EpisodeKind
    worded: EpisodeKind | None
    conditions: tuple[str, ...]
    reasons: tuple[int, ...]
    stamped: str


class Kept(msgspec.Struct, array_like=True, tag_field="form", tag=3):
    """A Patient, a relative, or something that others point to: its elements of interest."""

    type: str
    body: dict[str, Any]


Digest = Statement | Meeting | Kept


class Digester:
    """Makes digests, and numbers the concepts that they share."""

    def __init__(self, concepts: Sequence[Concept] = (), zone: tzinfo = CIVIL) -> None:
        self.zone = zone
        self.reader = Concepts()
        self.concepts: list[Concept] = list(concepts)
        self._places = {concept: place for place, concept in enumerate(self.concepts)}
        self._seen: dict[int, int] = {}
        self._alive: list[Concept] = []
        self._times: dict[str, Moment | None] = {}

    def digest(self, body: object) -> Digest | None:
        """What is kept of a resource; None for unknown types, void statements and things that are no resources."""
        if not isinstance(body, dict) or not isinstance(kind := body.get("resourceType"), str):
            return None
        if kind in _SHAPES:
            return self._statement(kind, body)
        if kind == "Encounter":
            return self._meeting(body)
        kept = _KEPT.get(kind)
        return None if kept is None else Kept(kind, _only(body, kept))

    def place(self, concept: Concept) -> int:
        """The number of a concept in the table."""
        # The reader gives the same object for the same words, and keeps it: looked up by identity before by value.
        found = self._seen.get(id(concept))
        if found is None:
            found = self._places.get(concept)
            if found is None:
                found = self._places[concept] = len(self.concepts)
                self.concepts.append(concept)
            self._alive.append(concept)
            self._seen[id(concept)] = found
        return found

    def time(self, value: object) -> Moment | None:
        """A time of any precision; each distinct text is read once (results of one visit share theirs)."""
        if not isinstance(value, str):
            return None
        if value not in self._times:
            self._times[value] = moment(value, self.zone)
        return self._times[value]

    def _statement(self, kind: str, body: Mapping[str, Any]) -> Statement | None:
        status = status_code(body.get("status") or body.get("clinicalStatus"))
        if status in _VOID or ("verificationStatus" in body and status_code(body["verificationStatus"]) in _VOID):
            return None
        role, element, times = _SHAPES[kind]
        concept = self.reader.read(_coded(body, element), role)
        kept = _KEPT[kind]
        if kind == "Observation" and concept.loinc in _ANSWERS:
            kept = _ANSWER_KEPT
        elif element == "medicationCodeableConcept" and body.get(element) is None:
            kept = (*kept, "medicationReference")
        return Statement(
            kind,
            string(body.get("id")),
            status,
            self.place(concept),
            first_time(self.time, body, times),
            _encounter(body),
            tuple(_organisations(body)),
            _stamped(body),
            _sections(body) if kind in ("Observation", "DiagnosticReport") else (),
            tuple(measured(self.reader, self.time, body, concept)) if kind == "Observation" else (),
            _only(body, kept),
        )

    def _meeting(self, body: Mapping[str, Any]) -> Meeting | None:
        status = status_code(body.get("status"))
        if status in _NO_VISIT:
            return None
        period = mapping(body.get("period"))
        start, end = self.time(period.get("start")) or self.time(period.get("end")), self.time(period.get("end"))
        if start and end and end.at < start.at:
            end = start
        return Meeting(
            string(body.get("id")),
            status in ("in-progress", "arrived", "triaged", "onleave"),
            start,
            end,
            named(body.get("serviceProvider")),
            tuple(named(one.get("individual")) for one in items(body.get("participant"))),
            department(body),
            class_kind(body),
            worded_kind(body),
            tuple(condition_keys(body)),
            tuple(self.place(self.reader.read(one, "condition")) for one in items(body.get("reasonCode"))),
            _stamped(body),
        )


def named(reference: object) -> Named:
    """How a reference names whom it points to."""
    found = mapping(reference)
    number = string(mapping(found.get("identifier")).get("value")) if "identifier" in found else ""
    return Named(string(found.get("display")), reference_key(found), number)


def _only(body: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: body[name] for name in names if name in body}


def _coded(body: Mapping[str, Any], element: str) -> object:
    """The coded element; a medicine may stand in a contained Medication, and a device stands in its own resource."""
    value = body.get(element)
    if element == "device":
        return _pointed_at(body, value, "type")
    if value is None and element == "medicationCodeableConcept":
        return _pointed_at(body, body.get("medicationReference"), "code")
    if value is None and body.get("resourceType") == "Device":
        return {"text": first(body.get("deviceName")).get("name")}
    return value


def _pointed_at(body: Mapping[str, Any], reference: object, element: str) -> object:
    """What a contained resource is, else how the reference names it."""
    found = mapping(reference)
    wanted = string(found.get("reference"))
    if wanted.startswith("#"):
        for inner in items(body.get("contained")):
            if inner.get("id") == wanted[1:]:
                return inner.get(element)
    return {"text": found.get("display")}


def _encounter(body: Mapping[str, Any]) -> str:
    reference = body.get("encounter") or body.get("context")
    if isinstance(reference, dict) and "encounter" in reference:  # DocumentReference.context.encounter
        reference = first(reference["encounter"])
    return reference_key(reference)


def _organisations(body: Mapping[str, Any]) -> Iterable[Named]:
    """Organisations named on the resource itself as performer, requester, custodian or asserter."""
    for element in ("performer", "requester", "custodian", "asserter", "recorder", "author"):
        if element not in body:
            continue
        for one in items(body.get(element)):
            reference = mapping(one.get("actor")) or one
            target = reference.get("reference")
            if reference.get("type") == "Organization" or (isinstance(target, str) and "Organization/" in target):
                yield named(reference)


def _stamped(body: Mapping[str, Any]) -> str:
    """The institution that the platform stamped on the resource (Meta.source without the submission)."""
    return string(mapping(body.get("meta")).get("source")).split("#", 1)[0]


def _sections(body: Mapping[str, Any]) -> tuple[str, ...]:
    if "category" not in body:
        return ()
    codings = (coding for one in items(body["category"]) for coding in items(one.get("coding")))
    return tuple(string(coding.get("code")).lower() for coding in codings)
