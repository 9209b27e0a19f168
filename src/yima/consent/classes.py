"""Which resources are sensitive (GB/T 39725 level 5: psychiatry, HIV, sexually transmitted disease). Pure.

A resource is labelled when it is stored, from its own codes, words and security labels; what belongs to the same
encounter as a labelled one is labelled with it, because a clinic's name or a medicine tells as much as the diagnosis.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from yima import fhir

ORDINARY: Final = ""


@dataclass(frozen=True, slots=True)
class SensitiveClass:
    """One closed class, with the words shown for it and what puts a resource into it."""

    code: str
    zh: str
    en: str
    icd10: re.Pattern[str]
    loinc: frozenset[str]
    atc: tuple[str, ...]
    """Prefixes. Only medicines that tell the class: entecavir is for hepatitis B, nirmatrelvir for COVID-19."""
    labels: frozenset[str]
    """Security labels of v3 ActCode (InformationSensitivityPolicy)."""
    words: re.Pattern[str]
    """What a code's display or text says; many systems send a diagnosis in words only."""
    departments: frozenset[str] = frozenset()


CLASSES: Final = {
    row.code: row
    for row in (
        SensitiveClass(
            code="hiv",
            zh="艾滋病相关",
            en="HIV",
            icd10=re.compile(r"B2[0-4]|Z21|R75|Z20\.6|Z11\.4|O98\.7|F02\.4"),
            loinc=frozenset(
                {
                    "75622-1",
                    "7917-8",
                    "5221-7",
                    "24467-3",
                    "20447-9",
                    "25836-8",
                    "56888-1",
                    "7918-6",
                    "29893-5",
                    "31201-7",
                    "48345-3",
                    "68961-2",
                    "62469-2",
                    "8123-2",
                }
            ),
            atc=(
                "J05AR",
                "J05AG",
                "J05AJ",
                "J05AF01",
                "J05AF02",
                "J05AF03",
                "J05AF04",
                "J05AF06",
                "J05AF09",
                "J05AE01",
                "J05AE02",
                "J05AE03",
                "J05AE04",
                "J05AE05",
                "J05AE07",
                "J05AE08",
                "J05AE09",
                "J05AE10",
                "J05AX07",
                "J05AX08",
                "J05AX09",
                "J05AX12",
                "J05AX29",
                "J05AX31",
            ),
            labels=frozenset({"HIV"}),
            words=re.compile(r"艾滋|免疫缺陷病毒|(?<![a-z])(?:hiv|aids)(?![a-z])", re.IGNORECASE),
        ),
        SensitiveClass(
            code="std",
            zh="性传播疾病",
            en="Sexually transmitted disease",
            icd10=re.compile(r"A5[0-9]|A6[0-4]|O98\.[1-3]|Z20\.2|Z11\.3"),
            loinc=frozenset(
                {
                    "20507-0",
                    "20508-8",
                    "5292-8",
                    "24110-9",
                    "31147-2",
                    "47236-5",
                    "22461-8",
                    "21613-5",
                    "24111-7",
                    "36903-3",
                    "43304-5",
                    "43305-2",
                }
            ),
            atc=(),
            labels=frozenset({"STD"}),
            words=re.compile(
                r"梅毒|淋病|淋球菌|尖锐湿疣|生殖器疱疹|软下疳|syphilis|gonorrh|genital (?:herpes|wart)", re.IGNORECASE
            ),
        ),
        SensitiveClass(
            code="psychiatric",
            zh="精神心理",
            en="Mental health",
            icd10=re.compile(r"F(?!02\.4)\d\d|X[67]\d|X8[0-4]|Z91\.5|Z86\.5|R45\.8"),
            loinc=frozenset({"44249-1", "69737-5", "55758-7", "44261-6", "70274-6"}),
            atc=("N05A", "N06A", "N07BB", "N07BC"),
            labels=frozenset({"PSY", "MH", "SUD", "ETH", "ETHUD", "OPIOIDUD"}),
            words=re.compile(
                r"精神(?:分裂|病|障碍|科|发育)|抑郁|双相|躁狂|焦虑|强迫症|自杀|自伤|酒精依赖|药物依赖|戒断"
                r"|schizophren|bipolar (?:disorder|i)"
                r"|depressive disorder|major depress|anxiety (?:disorder|state)|suicid|self.harm|psychiatr|psychosis",
                re.IGNORECASE,
            ),
            departments=frozenset({"1500"}),
        ),
    )
}
"""The closed classes, strictest first: a resource belongs to the first that claims it."""

_ICD10: Final = re.compile(r"icd-?10|2\.16\.156\.10011\.2\.3\.3\.11", re.IGNORECASE)
"""HL7's systems for ICD-10 and its national editions, and the OID of the Chinese table (WS/T 364)."""
_ATC: Final = "http://www.whocc.no/atc"
_LABELS: Final = ("http://terminology.hl7.org/CodeSystem/v3-ActCode", "urn:oid:2.16.840.1.113883.5.4")
_NAMED: Final = ("code", "medicationCodeableConcept", "vaccineCode", "type")
_CLINICAL: Final = re.compile(
    r"(?:Condition|Observation|DiagnosticReport|Procedure|Encounter|MedicationRequest|ServiceRequest|DocumentReference)/"
)


def sensitivity(resource: dict[str, Any], codings: Iterable[tuple[str, str]] | None = None) -> str:
    """The class code of one resource by its own codes, words and labels, or `ORDINARY`. `codings` are the
    (system, code) found anywhere in it, where they are known already."""
    codes = fhir.find(resource).codings if codings is None else codings
    found = {claim for system, code in codes for claim in _claims(system, code)}
    for words in _words(resource):
        found.update(_claims_of_words(words))
    return _strictest(found) if found else ORDINARY


def propagate(
    resources: Sequence[dict[str, Any]],
    full_urls: Sequence[str],
    codings: Sequence[Iterable[tuple[str, str]]] | None = None,
) -> list[str]:
    """The classes of resources submitted together: what belongs to a labelled one is labelled as well.

    Resources belong together through their encounter, and where a report names its results, an encounter its
    diagnoses, an order its reason. One that has a class of its own keeps it. `full_urls` are the Bundle's fullUrls, in
    the same order. Patients are never labelled.
    """
    own = [
        ORDINARY if r.get("resourceType") == "Patient" else sensitivity(r, codings[i] if codings else None)
        for i, r in enumerate(resources)
    ]
    if not any(own):
        return own
    group = _groups(resources, full_urls)
    held: dict[int, set[str]] = {}
    for i, label in enumerate(own):
        if label:
            held.setdefault(group[i], set()).add(label)
    return [label or _strictest(held.get(group[i], ())) for i, label in enumerate(own)]


def _groups(resources: Sequence[Mapping[str, Any]], full_urls: Sequence[str]) -> list[int]:
    """For each resource the number of its group (union-find: joined are those that a link connects, near or far)."""
    group = list(range(len(resources)))

    def root(i: int) -> int:
        while group[i] != i:
            group[i] = group[group[i]]
            i = group[i]
        return i

    # A link may lead to something stored earlier: what shares such a target is a group all the same.
    places: dict[str, int] = {url: i for i, url in enumerate(full_urls) if url}
    for i, resource in enumerate(resources):
        for reference in _links(resource):
            group[root(i)] = root(places.setdefault(reference, i))
    return [root(i) for i in range(len(group))]


def _links(resource: Mapping[str, Any]) -> Iterator[str]:
    """The references through which a resource shares the class of others; never those to people, places or patients."""
    context = resource.get("context")
    nodes: list[Any] = [resource.get("encounter"), context]
    if type(context) is dict:  # DocumentReference.context
        nodes += context.get("encounter") or ()
    for name in ("result", "hasMember", "reasonReference"):
        nodes += resource.get(name) or ()
    if resource.get("resourceType") == "Encounter":
        nodes += [one.get("condition") for one in resource.get("diagnosis") or () if type(one) is dict]
    for node in nodes:
        reference = node.get("reference") if type(node) is dict else None
        if isinstance(reference, str) and (reference.startswith("urn:") or _CLINICAL.match(reference)):
            yield reference


def _strictest(classes: Iterable[str]) -> str:
    held = set(classes)
    return next((code for code in CLASSES if code in held), ORDINARY)


@lru_cache(65_536)  # a few thousand codes make up nearly all of a region's records
def _claims(system: str, code: str) -> tuple[str, ...]:
    return tuple(row.code for row in CLASSES.values() if _claimed(row, system, code.strip().upper()))


def _claimed(row: SensitiveClass, system: str, code: str) -> bool:
    if _ICD10.search(system):
        return row.icd10.match(code) is not None
    if system == _ATC:
        return code.startswith(row.atc)
    if system in _LABELS:
        return code in row.labels
    if system.endswith("department"):
        return code in row.departments
    return code in row.loinc


@lru_cache(65_536)
def _claims_of_words(words: str) -> tuple[str, ...]:
    return tuple(row.code for row in CLASSES.values() if row.words.search(words))


def _words(resource: Mapping[str, Any]) -> Iterator[str]:
    """What the resource's own code says in words. Not its notes: "denies syphilis" is no diagnosis."""
    for name in _NAMED:
        concepts = resource.get(name)
        for concept in concepts if isinstance(concepts, list) else [concepts]:
            if type(concept) is dict:
                if text := concept.get("text"):
                    yield text
                for coding in concept.get("coding") or ():
                    if display := coding.get("display"):
                        yield display
