"""A resource like this gives a tag like that, for this reason."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from yima.records.overview import Tag, overview

TODAY = date(2026, 3, 1)
LOINC, ICD10, ATC, SCT = (
    "http://loinc.org",
    "http://hl7.org/fhir/sid/icd-10",
    "http://www.whocc.no/atc",
    "http://snomed.info/sct",
)


def coded(system: str, code: str, text: str = "", display: str = "") -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code, "display": display or code}], "text": text or display or code}


def patient(birth: str = "1980-05-06", sex: str = "female", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Patient",
        "id": "p1",
        "birthDate": birth,
        "gender": sex,
        "name": [{"text": "王芳"}],
        **more,
    }


def condition(code: str, text: str = "", when: str = "2026-01-10", system: str = ICD10, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": f"c-{code}-{when}",
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": coded(system, code, text),
        "recordedDate": when,
        **more,
    }


def medicine(code: str, when: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": f"m-{code}-{when}",
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": coded(ATC, code, "药"),
        "authoredOn": when,
        **more,
    }


def encounter(name: str, kind: str, start: str, end: str | None = None, **more: Any) -> dict[str, Any]:
    period = {"start": start} | ({"end": end} if end else {})
    status = "finished" if end else "in-progress"
    return {
        "resourceType": "Encounter",
        "id": name,
        "status": status,
        "class": {"code": kind},
        "period": period,
        **more,
    }


def observation(code: str, when: str, **value: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"o-{code}-{when}",
        "status": "final",
        "code": coded(LOINC, code),
        "effectiveDateTime": when,
        **value,
    }


def allergy(name: str = "青霉素", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "AllergyIntolerance",
        "id": f"a-{name}",
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": {"text": name},
        "recordedDate": "2020-02-02",
        **more,
    }


def tags(*resources: dict[str, Any], today: date = TODAY) -> dict[str, Tag]:
    return {tag.code: tag for tag in overview(list(resources), today).tags}


ANTENATAL = encounter("e1", "AMB", "2026-02-01", "2026-02-01", type=[{"text": "产前检查"}])
GIVES = [
    (
        "an ICD-10 I10 diagnosis is high blood pressure",
        [condition("I10", "高血压")],
        "hypertension",
        "watch",
        "I10–I15",
    ),
    ("a subdivided code counts with its category", [condition("E11.9")], "diabetes", "watch", "E10–E14"),
    ("a national extension of the code counts too", [condition("I10.x00x002")], "hypertension", "watch", "I10–I15"),
    ("SNOMED CT hypertension counts as I10", [condition("38341003", system=SCT)], "hypertension", "watch", "I10–I15"),
    ("COPD by J44", [condition("J44.9")], "copd", "watch", "J43–J44"),
    ("a cancer", [condition("C50.4")], "tumour", "watch", "C00–C97"),
    (
        "schizophrenia is named by class only",
        [condition("F20.0", "偏执型精神分裂症")],
        "severe-mental",
        "watch",
        "F20–F29",
    ),
    ("an HIV infection", [condition("Z21")], "hiv", "watch", "Z21"),
    ("syphilis is an infectious disease", [condition("A51.3")], "infectious", "watch", "A50–A53"),
    ("an allergy", [allergy()], "allergy", "watch", "Active allergy"),
    ("a critical allergy alerts", [allergy(criticality="high")], "allergy", "alert", "high criticality"),
    ("a severe reaction alerts", [allergy(reaction=[{"severity": "severe"}])], "allergy", "alert", "severe reaction"),
    ("an old person", [patient("1961-03-01")], "elderly", "info", "65"),
    ("a small child", [patient("2020-01-01")], "child", "info", "Under 7"),
    ("a child without any vaccination", [patient("2024-01-01")], "vaccination-overdue", "watch", "BCG"),
    ("an antenatal visit four weeks ago", [patient(), ANTENATAL], "pregnancy", "watch", "2026-02-01"),
    ("a pregnancy diagnosis", [patient(), condition("Z34.9")], "pregnancy", "watch", "42 weeks"),
    ("warfarin", [medicine("B01AA03", "2026-02-01")], "anticoagulant", "watch", "ATC B01A"),
    ("amlodipine since last year", [medicine("C08CA01", "2025-10-01")], "long-term-medicine", "info", "90 days"),
    (
        "discharged ten days ago",
        [encounter("e", "IMP", "2026-02-10", "2026-02-19")],
        "recent-admission",
        "watch",
        "30 days",
    ),
    ("a stay without end", [encounter("e", "IMP", "2026-02-27")], "in-hospital", "watch", "under way"),
    ("a past cancer", [condition("C50.9", abatementDateTime="2025-01-01")], "tumour-history", "info", "Past condition"),
    ("a dead person", [patient(deceasedDateTime="2025-12-01")], "deceased", "info", "Death"),
]


@pytest.mark.parametrize(("sentence", "resources", "code", "level", "reason"), GIVES, ids=[row[0] for row in GIVES])
def test_gives_the_tag(sentence: str, resources: list[dict[str, Any]], code: str, level: str, reason: str) -> None:
    found = tags(*resources)
    assert code in found, sentence
    assert found[code].level == level
    assert reason in found[code].rule.en
    assert found[code].label.zh
    assert found[code].rule.zh
    known = {f"{one['resourceType']}/{one['id']}" for one in resources}
    assert set(found[code].sources) <= known
    assert found[code].sources or code == "vaccination-overdue"


DELIVERY = encounter("e2", "IMP", "2026-02-10", "2026-02-13", type=[{"text": "分娩"}])
GIVES_NOT = [
    ("a resolved diagnosis", [condition("I10", clinicalStatus={"coding": [{"code": "resolved"}]})], "hypertension"),
    ("a refuted diagnosis", [condition("I10", verificationStatus={"coding": [{"code": "refuted"}]})], "hypertension"),
    ("raised blood sugar is not yet diabetes", [condition("R73")], "diabetes"),
    ("a benign growth is no cancer", [condition("D12.6")], "tumour"),
    ("a moderate depression is no severe mental disorder", [condition("F32.1")], "severe-mental"),
    (
        "an allergy entered in error",
        [allergy(verificationStatus={"coding": [{"code": "entered-in-error"}]})],
        "allergy",
    ),
    ("no known allergy", [allergy(code=coded(SCT, "716186003"))], "allergy"),
    ("64 years and 364 days", [patient("1961-03-02")], "elderly"),
    ("the seventh birthday", [patient("2019-03-01")], "child"),
    ("a birth after the last antenatal visit", [patient(), ANTENATAL, DELIVERY], "pregnancy"),
    (
        "an antenatal visit a year ago",
        [patient(), encounter("e", "AMB", "2025-02-01", "2025-02-01", type=[{"text": "产检"}])],
        "pregnancy",
    ),
    ("the pregnancy of a man", [patient(sex="male"), condition("Z34.9")], "pregnancy"),
    ("a miscarriage since", [patient(), condition("Z34.9", when="2025-12-01"), condition("O03.9")], "pregnancy"),
    ("antibiotics for long", [medicine("J01CA04", "2025-10-01")], "long-term-medicine"),
    ("a stopped medicine", [medicine("C08CA01", "2025-10-01", status="stopped")], "long-term-medicine"),
    ("a new medicine", [medicine("C08CA01", "2026-02-01")], "long-term-medicine"),
    ("discharged two months ago", [encounter("e", "IMP", "2025-12-10", "2025-12-20")], "recent-admission"),
    ("a cancelled stay", [encounter("e", "IMP", "2026-02-10") | {"status": "cancelled"}], "in-hospital"),
    ("vaccines of a dead child", [patient("2024-01-01", deceasedBoolean=True)], "vaccination-overdue"),
]


@pytest.mark.parametrize(("sentence", "resources", "code"), GIVES_NOT, ids=[row[0] for row in GIVES_NOT])
def test_gives_no_such_tag(sentence: str, resources: list[dict[str, Any]], code: str) -> None:
    assert code not in tags(*resources), sentence


def test_a_class_level_tag_never_names_the_diagnosis() -> None:
    tag = tags(condition("F20.0", "偏执型精神分裂症"))["severe-mental"]
    assert "分裂" not in tag.label.zh + tag.rule.zh
    tag = tags(condition("A51.3", "二期梅毒"))["infectious"]
    assert "梅毒" not in tag.label.zh + tag.rule.zh


def test_the_due_date_shows_and_ends_the_pregnancy_two_weeks_later() -> None:
    stated = observation("11778-8", "2026-02-01", valueDateTime="2026-08-20")
    found = tags(patient(), ANTENATAL, stated)
    assert "2026-08-20" in found["pregnancy"].label.en
    assert "pregnancy" not in tags(patient(), ANTENATAL, stated, today=date(2026, 9, 10))


def test_blood_group_from_two_results_and_a_contradiction() -> None:
    abo = observation("883-9", "2020-01-01", valueCodeableConcept={"text": "A型"})
    rh = observation("10331-7", "2020-01-01", valueString="阴性")
    found = tags(abo, rh)["blood-group"]
    assert (found.label.zh, found.label.en, found.level) == ("血型 A型 Rh阴性", "Blood group A Rh negative", "watch")
    other = observation("883-9", "2021-01-01", valueCodeableConcept={"text": "B型"})
    assert "不一致" in tags(abo, other)["blood-group"].label.zh


def test_alerts_come_first() -> None:
    found = overview([patient("1950-01-01"), condition("I10"), allergy(criticality="high")], TODAY).tags
    assert [tag.level for tag in found] == sorted((tag.level for tag in found), key=("alert", "watch", "info").index)
    assert found[0].code == "allergy"


def test_no_resources_no_tags() -> None:
    empty = overview([], TODAY)
    assert empty.tags == ()
    assert empty.suggestions == ()
    assert empty.basics.age_years is None
    assert empty.basics.allergies.zh == "未见过敏记录"


def test_decimals_stay_exact() -> None:
    value = {"value": Decimal("5.60"), "unit": "mmol/L", "code": "mmol/L"}
    (group,) = overview([observation("14771-0", "2026-01-01", valueQuantity=value)], TODAY).results
    assert group.value.zh == "5.60"


def test_the_due_date_is_counted_from_weeks_pregnant() -> None:
    weeks = observation("18185-9", "2026-02-01", valueQuantity={"value": 30, "unit": "周", "code": "wk"})
    assert tags(patient(), weeks)["pregnancy"].label.zh == "孕期（预产期 2026-04-12）"
