"""Profiles: what a StructureDefinition asks beyond R4, and a resource checked against it. Pure.

Face: `trimmed` and `referred` for whoever keeps definitions, `Library`, `check_profile`, `Finding`.
"""

from yima.fhir.profiles.check import Finding, Library, Question, check_profile, moved
from yima.fhir.profiles.definition import core_type, referred, trimmed

__all__ = ["Finding", "Library", "Question", "check_profile", "core_type", "moved", "referred", "trimmed"]
