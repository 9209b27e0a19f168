"""The patient compartment: which patients a resource is about (R4 CompartmentDefinition `patient`)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from yima.fhir.parameters import SEARCH, SearchParam
from yima.fhir.paths import Path, path_of, reference_type
from yima.fhir.tables import COMPARTMENT

# R4 leaves these out of the compartment although they may name a patient. Here what is about a patient is that
# patient's record and nobody else's, so they belong to it whenever they do.
_ADDED: Final = {name: ["patient"] for name in ("Contract", "Device", "GuidanceResponse", "Task")}
_PARAMS: Final = {**COMPARTMENT, **_ADDED}

COMPARTMENT_TYPES: Final = frozenset(_PARAMS) - {"Patient"}
"""The types that can be in a patient's compartment, Patient itself apart: those of R4 and Contract, Device,
GuidanceResponse and Task."""

# The element that says whose record it is, before those that say who else took part.
_SUBJECTS: Final = ("subject", "patient", "beneficiary", "for", "individual", "candidate")
_IS_PATIENT: Final = "[is:Patient]"
_STEM: Final = re.compile(r"\w+")


_NOBODY: Final[Mapping[str, str]] = {}


def patient_references(resource: dict[str, Any], known: Mapping[str, str] = _NOBODY) -> list[str]:
    """The reference strings that put a resource into patients' compartments, the one it is about first.

    Only references whose address or `type` says Patient count: `Patient/1`, `http://../Patient/1`, `Patient?...`, or a
    `urn:uuid:` with `type: Patient`; and those that are keys of `known` (a submission's own Patients), given as the
    address they have there. A Patient is not in its own list.
    """
    found: dict[str, None] = {}
    for path in _paths(str(resource.get("resourceType", ""))):
        for item in path.pick(resource, resource):
            text = item.get("reference")
            if isinstance(text, str) and (text in known or reference_type(item) == "Patient"):
                found[known.get(text, text)] = None
    return list(found)


def subject_reference(resource: dict[str, Any]) -> str | None:
    """The reference to the patient that the resource is about, or None."""
    for path in _paths(str(resource.get("resourceType", ""))):
        if _rank(path) < len(_SUBJECTS):
            for item in path.pick(resource, resource):
                if reference_type(item) == "Patient" and "reference" in item:
                    return str(item["reference"])
    return None


@cache
def _paths(type_name: str) -> tuple[Path, ...]:
    if type_name not in COMPARTMENT_TYPES:
        return ()
    params = SEARCH[type_name]
    paths = [path for name in _PARAMS[type_name] if name in params for path in params[name].paths]
    # Without the filter on Patient: a reference into the submission, `urn:uuid:..`, does not say its type itself.
    bare = [path_of(f"{path.text.removesuffix(_IS_PATIENT)} {path.type}") for path in paths]
    return tuple(sorted({path.text: path for path in bare}.values(), key=_rank))


def is_subject(type_name: str, param: SearchParam) -> bool:
    """Whether a parameter says whose record a resource belongs to (`patient`, `subject`, `beneficiary`, ..)."""
    if param.type != "reference" or type_name not in COMPARTMENT_TYPES or "Patient" not in param.target:
        return False
    return all(_rank(path) < len(_SUBJECTS) for path in param.paths)


def _rank(path: Path) -> int:
    match = _STEM.match(path.text)
    stem = match[0] if match else ""
    return _SUBJECTS.index(stem) if stem in _SUBJECTS and "." not in path.text else len(_SUBJECTS)
