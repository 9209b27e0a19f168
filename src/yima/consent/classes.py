"""Which resources are sensitive (GB/T 39725 level 5: psychiatry, HIV, sexually transmitted disease). Pure.

A resource is labelled when it is stored, from its own codes and security labels; what belongs to the same encounter as a
labelled diagnosis is labelled with it, because a clinic's name or a medicine tells as much as the diagnosis.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

ORDINARY: Final = ""


@dataclass(frozen=True, slots=True)
class SensitiveClass:
    """One closed class, with the words shown for it and the codes that put a resource into it."""

    code: str
    zh: str
    en: str
    icd10: re.Pattern[str]
    codes: frozenset[str]
    """LOINC, ATC (as prefixes) and v3 ActCode security labels."""
    departments: frozenset[str] = frozenset()


CLASSES: Final = {
    row.code: row
    for row in (
        SensitiveClass(
            "hiv", "艾滋病相关", "HIV",
            re.compile(r"B2[0-4]|Z21|R75|O98\.7|F02\.4"),
            frozenset({"HIV", "75622-1", "7917-8", "5221-7", "24467-3", "20447-9", "25836-8", "J05AR", "J05AE", "J05AF", "J05AG", "J05AJ"}),
        ),
        SensitiveClass(
            "std", "性传播疾病", "Sexually transmitted disease",
            re.compile(r"A5[0-9]|A6[0-4]|O98\.[1-3]"),
            frozenset({"STD", "20507-0", "20508-8", "5292-8", "24110-9", "31147-2", "47236-5", "22461-8"}),
        ),
        SensitiveClass(
            "psychiatric", "精神心理", "Mental health",
            re.compile(r"F(?!02\.4)\d\d|X[67]\d|X8[0-4]|Z91\.5"),
            frozenset({"PSY", "MH", "SUD", "ETH", "44249-1", "69737-5", "55758-7", "N05A", "N06A", "N05AN"}),
            frozenset({"1500"}),
        ),
    )
}  # fmt: skip
"""The closed classes, strictest first: a resource belongs to the first that claims it."""

_ICD10: Final = ("http://hl7.org/fhir/sid/icd-10", "http://hl7.org/fhir/sid/icd-10-cm")
_ATC: Final = "http://www.whocc.no/atc"


def sensitivity(resource: Mapping[str, Any]) -> str:
    """The class code of one resource by its own codes, or `ORDINARY`."""
    found = {claim for system, code in _codings(resource) for claim in _claims(system, code)}
    if not found:
        return ORDINARY
    return next((code for code in CLASSES if code in found), ORDINARY)


def propagate(resources: Sequence[Mapping[str, Any]], full_urls: Sequence[str]) -> list[str]:
    """The classes of resources submitted together: what shares an encounter with a labelled one is labelled as well.

    `full_urls` are the Bundle's fullUrls, in the same order. Patients are never labelled.
    """
    own = [sensitivity(resource) for resource in resources]
    encounters = {url: own[i] for i, url in enumerate(full_urls) if resources[i].get("resourceType") == "Encounter"}
    for i, resource in enumerate(resources):
        visited = _encounter(resource)
        if own[i] and visited in encounters:
            encounters[visited] = _strictest((encounters[visited], own[i]))
    classes = []
    for i, resource in enumerate(resources):
        kind = resource.get("resourceType")
        linked = encounters.get(full_urls[i] if kind == "Encounter" else _encounter(resource), ORDINARY)
        classes.append(ORDINARY if kind == "Patient" else _strictest((own[i], linked)))
    return classes


def _strictest(classes: Iterable[str]) -> str:
    held = set(classes)
    return next((code for code in CLASSES if code in held), ORDINARY)


def _encounter(resource: Mapping[str, Any]) -> str:
    reference = resource.get("encounter") or resource.get("context")
    return str(reference.get("reference", "")) if isinstance(reference, Mapping) else ""


@lru_cache(65_536)  # a few thousand codes make up nearly all of a region's records
def _claims(system: str, code: str) -> tuple[str, ...]:
    return tuple(row.code for row in CLASSES.values() if _claimed(row, system, code))


def _claimed(row: SensitiveClass, system: str, code: str) -> bool:
    if system in _ICD10:
        return row.icd10.match(code) is not None
    if system == _ATC:
        return any(code.startswith(prefix) for prefix in row.codes)
    if system.endswith("department"):
        return code in row.departments
    return code in row.codes


def _codings(resource: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every (system, code) anywhere in the resource; a loop, because this looks at every resource that is stored."""
    found: list[tuple[str, str]] = []
    waiting: list[Any] = [resource]
    while waiting:
        node = waiting.pop()
        if type(node) is dict:
            code, system = node.get("code"), node.get("system")
            if type(code) is str and type(system) is str:
                found.append((system, code))
            waiting.extend(value for value in node.values() if type(value) is dict or type(value) is list)
        else:
            waiting.extend(item for item in node if type(item) is dict or type(item) is list)
    return found
