"""What every resource of one bundle shares: subject, encounter, doctor, time."""

from datetime import datetime
from functools import cached_property

from yima.synth.facts import Consultation
from yima.synth.terms import diagnoses

from .shape import Json, concept, doctor, later, organization


class Frame:
    """One consultation with the urn:uuid references of its patient and encounter."""

    def __init__(self, contact: Consultation, patient: str, encounter: str) -> None:
        self.contact = contact
        self.patient: Json = {"reference": patient}
        self.encounter: Json = {"reference": encounter}
        self.at = contact.at
        self.end = contact.end
        self.inpatient = contact.kind == "IMP"
        self.reasons: list[Json] = [_reason(code) for code in contact.reasons]

    def after(self, hours: float) -> datetime:
        """A moment of the encounter, some hours after its start."""
        return later(self.at, hours, self.end)

    @cached_property
    def doctor(self) -> Json:
        """The treating doctor."""
        return doctor(self.contact.practitioner)

    @cached_property
    def organization(self) -> Json:
        """The institution."""
        return organization(self.contact.institution)


def _reason(icd10: str) -> Json:
    chinese, english = diagnoses.ICD10[icd10]
    return concept(diagnoses.SYSTEM, icd10, english, chinese)
