"""What a story says happened, in a clinician's words; `render` turns it into FHIR.

Stories never see FHIR and rendering knows no medicine. ``hours`` is the time after the
start of the encounter.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal

from .institutions import Institution, Practitioner

EncounterClass = Literal["AMB", "IMP", "EMER"]
VisitType = Literal["I", "O", "E", "H", "T"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A diagnosis. ``chronic`` goes on the problem list; ``suspected`` is provisional."""

    icd10: str
    chronic: bool = False
    onset: date | None = None
    resolved: bool = False
    suspected: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """One result: a number in the test's unit, or the Chinese text of a qualitative one."""

    test: str
    value: float | str
    abnormal: bool | None = None
    hours: float = 0.3


@dataclass(frozen=True, slots=True)
class Pressure:
    """A blood pressure in mm[Hg]."""

    systolic: int
    diastolic: int
    hours: float = 0.2


@dataclass(frozen=True, slots=True)
class Report:
    """A report with its results (laboratory) or its conclusion (imaging, pathology, ECG)."""

    kind: str
    results: tuple[Measure, ...] = ()
    conclusion: str = ""
    title: str = ""
    hours: float = 1.0
    ordered: bool = False


@dataclass(frozen=True, slots=True)
class Drug:
    """A prescription: dose per intake, intakes per day (0.142.. = weekly), days supplied."""

    medicine: str
    dose: float
    unit: str
    per_day: float
    days: int
    route: str = "口服"
    note: str = ""
    hours: float = 0.5


@dataclass(frozen=True, slots=True)
class Allergy:
    """An allergy to a medicine or food, with the reaction that showed it."""

    substance: str
    english: str
    category: Literal["medication", "food", "environment"]
    reaction: str
    severity: Literal["mild", "moderate", "severe"]
    criticality: Literal["low", "high"]
    onset: date


@dataclass(frozen=True, slots=True)
class Shot:
    """One dose of a vaccine."""

    vaccine: str
    dose: int
    lot: str
    site: Literal["LA", "RA", "LT", "RT", "PO"]


@dataclass(frozen=True, slots=True)
class Operation:
    """A procedure by its ICD-9-CM-3 code."""

    icd9: str
    site: str = ""
    hours: float = 0.5
    note: str = ""


Fact = Problem | Measure | Pressure | Report | Drug | Allergy | Shot | Operation


@dataclass(slots=True)
class Consultation:
    """One contact of one resident with one institution, and all that was recorded."""

    story: str
    at: datetime
    end: datetime
    institution: Institution
    department: str
    practitioner: Practitioner
    kind: EncounterClass
    visit_type: VisitType
    reasons: tuple[str, ...]
    facts: list[Fact] = field(default_factory=list)
    died: bool = False
