"""The search parameters of R4, from the generated table, and which date of a type counts as its clinical one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Final

from yima.fhir.paths import Path, path_of
from yima.fhir.tables import SEARCH_ROWS, TYPES


@dataclass(frozen=True)
class Part:
    """One context of a composite parameter: where it stands, and (search type, paths) of its components."""

    at: Path
    of: tuple[tuple[str, tuple[Path, ...]], ...]


@dataclass(frozen=True)
class SearchParam:
    """A search parameter of one resource type. Paths compile on first use."""

    name: str
    type: str
    """R4 search-param-type: token, reference, string, date, number, quantity, uri, composite."""
    rows: tuple[str, ...]
    target: frozenset[str]
    """For references: the types it may point to."""
    composite: tuple[tuple[str, tuple[tuple[str, tuple[str, ...]], ...]], ...] = ()

    @cached_property
    def paths(self) -> tuple[Path, ...]:
        """Where the parameter looks."""
        return tuple(map(path_of, self.rows))

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """For composites: the contexts and their components."""
        return tuple(
            Part(path_of(f"{at} -"), tuple((kind, tuple(map(path_of, rows))) for kind, rows in of))
            for at, of in self.composite
        )


def _params(rows: Mapping[str, dict[str, object]]) -> Mapping[str, SearchParam]:
    return MappingProxyType({name: _param(name, row) for name, row in rows.items()})


def _param(name: str, row: dict[str, object]) -> SearchParam:
    target: list[str] = row.get("target", [])  # type: ignore[assignment]  # shape of our own generated file
    parts: list[dict[str, object]] = row.get("parts", [])  # type: ignore[assignment]  # likewise
    return SearchParam(
        name,
        str(row["type"]),
        tuple(row.get("paths", ())),  # type: ignore[arg-type]  # likewise
        TYPES if target == ["*"] else frozenset(target),
        tuple((str(p["at"]), tuple((k, tuple(r)) for k, r in p["of"])) for p in parts),  # type: ignore[attr-defined]
    )


SEARCH: Final[Mapping[str, Mapping[str, SearchParam]]] = MappingProxyType(
    {name: _params(rows) for name, rows in SEARCH_ROWS.items()}
)
"""Resource type -> parameter name -> parameter; the `_` parameters that every type has are among them."""

PRIMARY_DATE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "Account": ("period",),
        "AdverseEvent": ("date",),
        "AllergyIntolerance": ("date", "onset"),
        "Appointment": ("date",),
        "AuditEvent": ("date",),
        "Basic": ("created",),
        "CarePlan": ("date",),
        "CareTeam": ("date",),
        "ChargeItem": ("occurrence", "entered-date"),
        "Claim": ("created",),
        "ClaimResponse": ("created",),
        "ClinicalImpression": ("date",),
        "Communication": ("sent", "received"),
        "CommunicationRequest": ("authored", "occurrence"),
        "Composition": ("date",),
        "Condition": ("recorded-date", "onset-date"),
        "Consent": ("date",),
        "CoverageEligibilityRequest": ("created",),
        "CoverageEligibilityResponse": ("created",),
        "DetectedIssue": ("identified",),
        "DeviceRequest": ("authored-on", "event-date"),
        "DiagnosticReport": ("date", "issued"),
        "DocumentManifest": ("created",),
        "DocumentReference": ("date",),
        "Encounter": ("date",),
        "EpisodeOfCare": ("date",),
        "ExplanationOfBenefit": ("created",),
        "FamilyMemberHistory": ("date",),
        "Flag": ("date",),
        "Goal": ("start-date",),
        "ImagingStudy": ("started",),
        "Immunization": ("date",),
        "ImmunizationEvaluation": ("date",),
        "ImmunizationRecommendation": ("date",),
        "Invoice": ("date",),
        "List": ("date",),
        "MeasureReport": ("date",),
        "Media": ("created",),
        "MedicationAdministration": ("effective-time",),
        "MedicationDispense": ("whenhandedover", "whenprepared"),
        "MedicationRequest": ("authoredon",),
        "MedicationStatement": ("effective",),
        "NutritionOrder": ("datetime",),
        "Observation": ("date",),
        "Procedure": ("date",),
        "Provenance": ("recorded",),
        "QuestionnaireResponse": ("authored",),
        "RequestGroup": ("authored",),
        "ResearchSubject": ("date",),
        "RiskAssessment": ("date",),
        "Schedule": ("date",),
        "ServiceRequest": ("authored", "occurrence"),
        "Slot": ("start",),
        "Specimen": ("collected",),
        "SupplyRequest": ("date",),
        "Task": ("authored-on",),
        "VisionPrescription": ("datewritten",),
    }
)
"""Type -> the date parameters that give its clinical date, the first with a value counting. A birth date is none: the
store keeps clinical dates readable."""
