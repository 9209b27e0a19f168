"""What a record lacks, what in it cannot be right, and the views for a stage of life."""

from datetime import date
from typing import Any

import pytest

from yima.records.overview import Stage, overview

TODAY = date(2026, 3, 1)
LOINC, ICD10, CVX = "http://loinc.org", "http://hl7.org/fhir/sid/icd-10", "http://hl7.org/fhir/sid/cvx"


def patient(birth: str = "1950-05-06", **more: Any) -> dict[str, Any]:
    made = {"resourceType": "Patient", "id": "p1", "birthDate": birth, "gender": "female", "name": [{"text": "王芳"}]}
    return made | more


def coded(system: str, code: str, text: str = "") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}], "text": text or code}


def result(name: str, code: str, when: str = "2026-01-05", **value: Any) -> dict[str, Any]:
    made = {"resourceType": "Observation", "id": name, "status": "final", "code": coded(LOINC, code)}
    return made | {"effectiveDateTime": when} | value


def amount(value: Any, unit: str = "") -> dict[str, Any]:
    return {"valueQuantity": {"value": value} | ({"unit": unit, "code": unit} if unit else {})}


def pressure(name: str, upper: int, lower: int) -> dict[str, Any]:
    parts = [{"code": coded(LOINC, c)} | amount(v, "mm[Hg]") for c, v in (("8480-6", upper), ("8462-4", lower))]
    return result(name, "85354-9", component=parts)


def allergy(name: str, **said: Any) -> dict[str, Any]:
    return {"resourceType": "AllergyIntolerance", "id": name} | said


HYPERTENSION = {"resourceType": "Condition", "id": "c1", "code": coded(ICD10, "I10"), "recordedDate": "2020-01-01"}
NONE_KNOWN = allergy("a0", code=coded("http://snomed.info/sct", "716186003"))

CONTRADICTIONS: list[tuple[str, list[dict[str, Any]], set[str]]] = [
    ("birthDate", [patient(), patient("1950-05-07", id="p2")], {"Patient/p1", "Patient/p2"}),
    ("gender", [patient(), patient(gender="male", id="p2")], {"Patient/p1", "Patient/p2"}),
    (
        "blood-group",
        [result(name, "883-9", valueCodeableConcept={"text": name}) for name in ("A", "B")],
        {"Observation/A", "Observation/B"},
    ),
    ("allergy-denied", [NONE_KNOWN, allergy("a1", code={"text": "青霉素"})],
     {"AllergyIntolerance/a0", "AllergyIntolerance/a1"}),
    ("date-future", [result("o1", "29463-7", "2027-01-01", **amount(60, "kg"))], {"Observation/o1"}),
    ("date-before-birth", [patient(), result("o1", "29463-7", "1940-01-01", **amount(60, "kg"))], {"Observation/o1"}),
    ("date-after-death", [patient(deceasedDateTime="2020-01-01"), result("o1", "29463-7", **amount(60, "kg"))],
     {"Observation/o1"}),
    ("value", [result("o1", "29463-7", **amount(6000, "kg"))], {"Observation/o1"}),
    ("value", [pressure("o1", 80, 120)], {"Observation/o1"}),
    ("unit", [result("o1", "1558-6", **amount(5, "mmol/L")), result("o2", "1558-6", **amount(90))], {"Observation/o2"}),
]  # fmt: skip


@pytest.mark.parametrize(("code", "resources", "sources"), CONTRADICTIONS)
def test_what_cannot_be_right_is_named_with_what_says_so(
    code: str, resources: list[dict[str, Any]], sources: set[str]
) -> None:
    found = overview(resources, TODAY).contradictions
    assert [(one.code, set(one.sources)) for one in found] == [(code, sources)]
    assert all(one.label.zh and one.label.en for one in found)


def test_a_sound_record_is_not_accused() -> None:
    sound = [
        patient(), patient("1950-05", id="p2"), HYPERTENSION, NONE_KNOWN, pressure("o1", 120, 80),
        result("o2", "883-9", valueCodeableConcept={"text": "A"}), result("o3", "29463-7", **amount(60, "kg")),
        result("o4", "1558-6", **amount(5, "mmol/L")), result("o5", "1558-6", **amount(90, "mg/dL")),
    ]  # fmt: skip
    assert overview(sound, TODAY).contradictions == ()


def test_what_is_expected_of_whom() -> None:
    def expected(*resources: dict[str, Any]) -> dict[str, bool]:
        return {one.code: one.count > 0 for one in overview(resources, TODAY).parts if one.expected}

    always = {"identity", "contacts", "blood-group", "allergies", "history", "measures"}
    assert expected(patient("1990-01-01")).keys() == always
    assert expected(patient("2024-01-01")).keys() == always | {"immunisations"}
    assert expected(patient()).keys() == always | {"checkups"}
    held = expected(patient(contact=[{"name": {"text": "x"}}]), HYPERTENSION, NONE_KNOWN)
    assert held.keys() == always | {"checkups", "followups", "medicines"}
    assert {code for code, there in held.items() if there} == {"identity", "contacts", "allergies", "history"}
    assert expected(patient(deceasedBoolean=True)) == {}


def _stages(*resources: dict[str, Any]) -> dict[str, Stage]:
    return {one.kind: one for one in overview(resources, TODAY).stages}


def test_a_childs_doses_are_done_due_overdue_or_for_later() -> None:
    dose = {"resourceType": "Immunization", "id": "i1", "status": "completed", "occurrenceDateTime": "2025-12-02",
            "vaccineCode": coded(CVX, "08")}  # fmt: skip
    child = _stages(patient("2025-12-01"), dose, result("o1", "8339-4", "2025-12-01", **amount(3.2, "kg")))["child"]
    doses = {track.title.en: [step.state for step in track.steps] for track in child.tracks}
    assert doses["Hepatitis B"] == ["done", "overdue", "later"]
    assert doses["BCG (tuberculosis)"] == ["overdue"]
    assert doses["Polio"] == ["overdue", "due", "later", "later"]
    assert [step.detail.en for step in child.lead] == ["3.2 kg"]


def test_chronic_illness_and_old_age() -> None:
    found = _stages(patient(), HYPERTENSION, pressure("o1", 150, 95))
    assert found.keys() == {"chronic", "elderly"}
    care = found["chronic"].tracks[0]
    assert care.title.en == "High blood pressure"
    assert "150/95 mmHg" in [step.detail.en for step in care.steps]
    assert found["elderly"].lead[0].state == "overdue"  # never had a health check
    assert _stages(patient("1990-01-01")) == {}
    assert _stages(patient(deceasedBoolean=True), HYPERTENSION) == {}


def test_a_pregnancy_has_its_weeks() -> None:
    due = result("o1", "11778-8", "2026-02-20", valueDateTime="2026-05-24")
    stage = _stages(patient("1995-01-01"), due)["pregnancy"]
    assert (stage.lead[0].when, stage.lead[0].detail.en) == (date(2026, 5, 24), "About 28 weeks pregnant")
