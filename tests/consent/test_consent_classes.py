"""Which resources are sensitive, and what belongs to them."""

from __future__ import annotations

from typing import Any

import pytest

from yima.consent import CLASSES, ORDINARY, propagate, sensitivity

ICD, LOINC, ATC = "http://hl7.org/fhir/sid/icd-10", "http://loinc.org", "http://www.whocc.no/atc"
ACT, DEPARTMENT = "http://terminology.hl7.org/CodeSystem/v3-ActCode", "urn:yima:department"

CODES = [
    (ICD, "B20", "hiv"),
    (ICD, "B24.x00", "hiv"),
    (ICD, "Z21", "hiv"),
    (ICD, "R75", "hiv"),
    (ICD, "F02.4", "hiv"),
    (ICD, "O98.7", "hiv"),
    (ICD, "A51.0", "std"),
    (ICD, "A63.0", "std"),
    (ICD, "O98.1", "std"),
    (ICD, "F32.900x001", "psychiatric"),
    (ICD, "F00.1", "psychiatric"),
    (ICD, "F10.2", "psychiatric"),
    (ICD, "X78", "psychiatric"),
    (ICD, "X61", "psychiatric"),
    (ICD, "Z91.5", "psychiatric"),
    (ICD, "f41.1", "psychiatric"),
    (ICD + "-cm", "F33.1", "psychiatric"),
    ("urn:oid:2.16.156.10011.2.3.3.11.2", "F20.0", "psychiatric"),
    (ICD, "B25.0", ORDINARY),
    (ICD, "B18.1", ORDINARY),
    (ICD, "A49.9", ORDINARY),
    (ICD, "A65", ORDINARY),
    (ICD, "X85", ORDINARY),
    (ICD, "I10.x00", ORDINARY),
    (ICD, "Z22.5", ORDINARY),
    (ICD, "75622-1", ORDINARY),
    (LOINC, "75622-1", "hiv"),
    (LOINC, "24467-3", "hiv"),
    (LOINC, "20507-0", "std"),
    (LOINC, "21613-5", "std"),
    (LOINC, "44249-1", "psychiatric"),
    (LOINC, "1558-6", ORDINARY),
    ("urn:hospital:test", "75622-1", "hiv"),
    (ATC, "J05AR10", "hiv"),
    (ATC, "J05AF01", "hiv"),
    (ATC, "J05AE08", "hiv"),
    (ATC, "N06AB03", "psychiatric"),
    (ATC, "N05AN01", "psychiatric"),
    (ATC, "N07BC02", "psychiatric"),
    (ATC, "A10BA02", ORDINARY),
    (ATC, "N05BA01", ORDINARY),
    (ATC, "J05AF10", ORDINARY),
    (ATC, "J05AE30", ORDINARY),
    (DEPARTMENT, "1500", "psychiatric"),
    (DEPARTMENT, "0300", ORDINARY),
    ("urn:room", "1500", ORDINARY),
    (ACT, "HIV", "hiv"),
    (ACT, "STD", "std"),
    (ACT, "PSY", "psychiatric"),
    (ACT, "MH", "psychiatric"),
    (ACT, "ETH", "psychiatric"),
    (ACT, "AMB", ORDINARY),
    ("http://unitsofmeasure.org", "STD", ORDINARY),
    ("urn:ward", "MH", ORDINARY),
]


@pytest.mark.parametrize(("system", "code", "cls"), CODES)
def test_a_code_tells_the_class(system: str, code: str, cls: str) -> None:
    assert sensitivity({"resourceType": "Condition", "code": {"coding": [{"system": system, "code": code}]}}) == cls


def test_hepatitis_b_and_covid_medicines_are_not_called_hiv() -> None:
    for code in ("J05AF08", "J05AF10", "J05AF11", "J05AF13", "J05AE30", "J05AB14", "J05AP55"):
        medicine = {"coding": [{"system": ATC, "code": code}]}
        assert sensitivity({"resourceType": "MedicationRequest", "medicationCodeableConcept": medicine}) == ORDINARY


WORDS = [
    ("抑郁发作", "psychiatric"),
    ("精神分裂症", "psychiatric"),
    ("Major depressive disorder", "psychiatric"),
    ("HIV感染", "hiv"),
    ("人类免疫缺陷病毒抗体", "hiv"),
    ("二期梅毒", "std"),
    ("Gonorrhoea", "std"),
    ("高血压", ORDINARY),
    ("ST depression", ORDINARY),
    ("Respiratory depression", ORDINARY),
    ("精神状态良好", ORDINARY),
    ("shivering", ORDINARY),
]


@pytest.mark.parametrize(("words", "cls"), WORDS)
def test_a_diagnosis_in_words_only_is_labelled_too(words: str, cls: str) -> None:
    assert sensitivity({"resourceType": "Condition", "code": {"text": words}}) == cls
    assert sensitivity({"resourceType": "Condition", "code": {"coding": [{"display": words}]}}) == cls
    assert sensitivity({"resourceType": "Condition", "note": [{"text": words}]}) == ORDINARY, (
        "a note may say what is not"
    )


PLACES: list[tuple[str, dict[str, Any]]] = [
    ("security label", {"meta": {"security": [{"system": ACT, "code": "PSY"}]}}),
    ("component", {"component": [{"code": {"coding": [{"system": LOINC, "code": "44249-1"}]}}]}),
    (
        "contained",
        {"contained": [{"resourceType": "Medication", "code": {"coding": [{"system": ATC, "code": "N06AB03"}]}}]},
    ),
    (
        "reason",
        {
            "resourceType": "Procedure",
            "reasonCode": [{"coding": [{"system": "x", "code": "y"}, {"system": ICD, "code": "F32"}]}],
        },
    ),
    ("extension", {"extension": [{"url": "u", "valueCoding": {"system": ICD, "code": "F32"}}]}),
    ("a single coding", {"resourceType": "Encounter", "class": {"system": DEPARTMENT, "code": "1500"}}),
]


@pytest.mark.parametrize(("place", "part"), PLACES, ids=[place for place, _ in PLACES])
def test_codes_are_found_wherever_they_stand(place: str, part: dict[str, Any]) -> None:
    assert sensitivity({"resourceType": "Observation"} | part) == "psychiatric"


def test_the_strictest_class_wins_and_there_are_three() -> None:
    both = {"code": {"coding": [{"system": ICD, "code": "F32"}, {"system": ICD, "code": "B20"}]}}
    assert sensitivity({"resourceType": "Condition"} | both) == "hiv"
    assert list(CLASSES) == ["hiv", "std", "psychiatric"]


@pytest.mark.parametrize(
    "broken", [{}, {"code": 1}, {"code": "F32"}, {"code": [1, None, []]}, {"code": {"coding": [{"code": "F32"}]}}]
)
def test_odd_shapes_are_ordinary(broken: dict[str, Any]) -> None:
    assert sensitivity(broken) == ORDINARY


def condition(code: str, **also: Any) -> dict[str, Any]:
    return {"resourceType": "Condition", "code": {"coding": [{"system": ICD, "code": code}]}} | also


def at(encounter: str) -> dict[str, Any]:
    return {"encounter": {"reference": encounter}}


def test_what_shares_an_encounter_with_a_labelled_one_is_labelled() -> None:
    resources = [
        {"resourceType": "Patient"},
        {"resourceType": "Encounter"},
        condition("F32.9", **at("urn:uuid:e1")),
        {"resourceType": "MedicationRequest"} | at("urn:uuid:e1"),
        {"resourceType": "DocumentReference", "context": {"encounter": [{"reference": "urn:uuid:e1"}]}},
        {"resourceType": "Encounter"},
        condition("I10", **at("urn:uuid:e2")),
        {"resourceType": "Observation"},
    ]
    urls = ["urn:uuid:p", "urn:uuid:e1", "urn:uuid:c1", "urn:uuid:m", "urn:uuid:d", "urn:uuid:e2", "urn:uuid:c2", ""]
    assert propagate(resources, urls) == ["", "psychiatric", "psychiatric", "psychiatric", "psychiatric", "", "", ""]


def test_an_encounter_stored_earlier_joins_what_comes_together() -> None:
    resources = [condition("B20", **at("Encounter/1")), {"resourceType": "Observation"} | at("Encounter/1")]
    assert propagate(resources, ["", ""]) == ["hiv", "hiv"]


def test_results_reasons_and_diagnoses_belong_together() -> None:
    refer = [{"reference": "Condition/c"}]
    resources = [
        condition("A51.0"),
        {"resourceType": "Encounter", "diagnosis": [{"condition": refer[0]}]},
        {"resourceType": "MedicationRequest", "reasonReference": refer},
        {"resourceType": "DiagnosticReport", "result": [{"reference": "Observation/o"}]} | at("Encounter/e"),
        {"resourceType": "Observation"},
    ]
    urls = ["Condition/c", "Encounter/e", "MedicationRequest/m", "DiagnosticReport/r", "Observation/o"]
    assert propagate(resources, urls) == ["std"] * 5


def test_people_and_places_carry_no_class_to_others() -> None:
    ward = {"resourceType": "Location", "type": [{"coding": [{"system": DEPARTMENT, "code": "1500"}]}]}
    subject, performer = {"reference": "Patient/p"}, [{"reference": "Practitioner/d"}]
    resources = [
        ward,
        condition("F32", subject=subject),
        {
            "resourceType": "Observation",
            "subject": subject,
            "performer": performer,
            "context": {"reference": "Patient/p"},
        },
    ]
    assert propagate(resources, ["Location/l", "Condition/c", "Observation/o"]) == ["psychiatric", "psychiatric", ""]


def test_a_class_of_ones_own_is_kept_and_patients_have_none() -> None:
    labelled = {"resourceType": "Patient", "meta": {"security": [{"system": ACT, "code": "HIV"}]}}
    resources = [
        labelled,
        condition("B20", **at("Encounter/1")),
        condition("F32", **at("Encounter/1")),
        {"resourceType": "Procedure"} | at("Encounter/1"),
    ]
    assert propagate(resources, ["Patient/p", "a", "b", "c"]) == ["", "hiv", "psychiatric", "hiv"]
    assert propagate([], []) == []
