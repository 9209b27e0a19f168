"""Basics, the clinician's lists, results and trends."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from yima.records.overview import Overview, overview

TODAY = date(2026, 3, 1)
LOINC, ICD10, ATC, CVX = (
    "http://loinc.org",
    "http://hl7.org/fhir/sid/icd-10",
    "http://www.whocc.no/atc",
    "http://hl7.org/fhir/sid/cvx",
)


def see(*resources: dict[str, Any], today: date = TODAY) -> Overview:
    return overview(list(resources), today)


def born(day: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": "p", "birthDate": day, **more}


AGES = [
    ("2026-03-01", "0天", "0 days"),
    ("2026-02-28", "1天", "1 day"),
    ("2026-02-02", "27天", "27 days"),
    ("2026-02-01", "1个月", "1 month"),
    ("2026-01-31", "1个月", "1 month"),
    ("2023-03-02", "35个月", "35 months"),
    ("2023-03-01", "3岁", "3 years"),
    ("2025-03-01", "12个月", "12 months"),
    ("1960-02-29", "66岁", "66 years"),
    ("1950", "约76岁", "about 76 years"),
    ("2026-03-02", "", ""),
    ("not a date", "", ""),
]


@pytest.mark.parametrize(("birth", "zh", "en"), AGES)
def test_age_text(birth: str, zh: str, en: str) -> None:
    basics = see(born(birth)).basics
    assert (basics.age.zh, basics.age.en) == (zh, en)


def test_a_leap_day_child_turns_one_on_the_last_of_february() -> None:
    assert see(born("2024-02-29"), today=date(2025, 2, 28)).basics.age.en == "12 months"


def test_the_age_of_the_dead_stands_still() -> None:
    basics = see(born("1950-01-01", deceasedDateTime="2020-06-01")).basics
    assert (basics.age_years, basics.deceased, basics.deceased_on) == (70, True, date(2020, 6, 1))


def test_basics_join_the_views_of_institutions() -> None:
    basics = see(
        born(
            "1980-05-06",
            gender="female",
            name=[{"family": "王", "given": ["芳"]}],
            contact=[{"name": {"text": "李雷"}}],
        ),
        born(
            "1980-05-06", gender="female", name=[{"use": "official", "text": "王芳"}, {"use": "old", "text": "王小芳"}]
        ),
        born("1980-06-05", gender="unknown", name=[{"family": "Wang", "given": ["Fang"]}]),
        {"resourceType": "RelatedPerson", "id": "r", "name": [{"text": "李雷"}], "telecom": [{"value": "13800000000"}]},
    ).basics
    assert basics.names == ("王芳", "Fang Wang")
    assert (basics.birth_date, basics.sex.zh, basics.contacts) == (date(1980, 5, 6), "女", 1)
    assert "13800000000" not in repr(basics)


def condition(name: str, code: str, when: str, encounter: str = "", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": name,
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": {"coding": [{"system": ICD10, "code": code}], "text": more.pop("text", code)},
        "recordedDate": when,
        **({"encounter": {"reference": f"Encounter/{encounter}"}} if encounter else {}),
        **more,
    }


def visit(name: str, when: str, institution: str, kind: str = "AMB", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Encounter",
        "id": name,
        "status": "finished",
        "class": {"code": kind},
        "period": {"start": when, "end": when},
        "serviceProvider": {"display": institution},
        **more,
    }


def test_the_same_category_from_two_institutions_is_one_problem() -> None:
    (entry,) = see(
        visit("v1", "2024-01-01", "县医院"),
        visit("v2", "2026-01-01", "市医院"),
        condition("a", "E11.2", "2024-01-01", "v1", text="2型糖尿病伴肾病", onsetDateTime="2019"),
        condition("b", "E11.9", "2026-01-01", "v2", text="2型糖尿病"),
    ).problems
    assert (entry.title.zh, entry.title.en, entry.author) == ("2型糖尿病", "Type 2 diabetes", "市医院")
    assert (entry.when_text, entry.last, entry.source, entry.others) == (
        "2019",
        date(2026, 1, 1),
        "Condition/b",
        ("Condition/a",),
    )
    assert "2型糖尿病伴肾病" in entry.detail.zh


def test_active_problems_first_and_colds_never_closed_are_past() -> None:
    found = see(
        condition("cold", "J06.9", "2025-06-01", text="急性上呼吸道感染"),
        condition("new-cold", "J20.9", "2026-02-20", text="急性支气管炎"),
        condition("htn", "I10", "2015-01-01", text="高血压"),
        condition("gone", "K29.5", "2026-02-25", text="胃炎", abatementDateTime="2026-02-26"),
    ).problems
    assert [(one.source, one.active) for one in found] == [
        ("Condition/new-cold", True),
        ("Condition/htn", True),
        ("Condition/gone", False),
        ("Condition/cold", False),
    ]
    assert found[3].status.en == "Probably over (never closed)"
    assert found[2].until == date(2026, 2, 26)


def request(name: str, code: str, when: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": name,
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": {"coding": [{"system": ATC, "code": code}], "text": "苯磺酸氨氯地平片 5mg×28片"},
        "authoredOn": when,
        **more,
    }


SUPPLY = {"expectedSupplyDuration": {"value": 28, "unit": "d", "code": "d"}}
MEDICINES = [
    ("no end known", {"authoredOn": "2026-02-01"}, True, "In use"),
    ("supply lasts", {"authoredOn": "2026-02-10", "dispenseRequest": SUPPLY}, True, "In use"),
    (
        "supply just over",
        {"authoredOn": "2026-01-20", "dispenseRequest": SUPPLY},
        True,
        "In use (supply may have run out)",
    ),
    ("supply long over", {"authoredOn": "2025-12-01", "dispenseRequest": SUPPLY}, False, "Finished"),
    ("stopped", {"authoredOn": "2026-02-01", "status": "stopped"}, False, "Stopped"),
    ("years ago", {"authoredOn": "2020-01-01"}, True, "Never stopped, but not prescribed for over a year"),
]


@pytest.mark.parametrize(("sentence", "more", "active", "status"), MEDICINES, ids=[row[0] for row in MEDICINES])
def test_whether_a_medicine_is_in_use(sentence: str, more: dict[str, Any], active: bool, status: str) -> None:
    (entry,) = see(request("m", "C08CA01", "") | more).medicines
    assert (entry.active, entry.status.en) == (active, status), sentence
    assert entry.plain.zh == "降压药"


def test_one_line_per_atc_code_with_the_dose_in_words() -> None:
    dose = {
        "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
        "doseAndRate": [{"doseQuantity": {"value": Decimal("1"), "unit": "片"}}],
        "route": {"text": "口服"},
    }
    (entry,) = see(
        request("old", "C08CA01", "2024-01-01"), request("new", "C08CA01", "2026-02-01", dosageInstruction=[dose])
    ).medicines
    assert (entry.when, entry.last, entry.source) == (date(2024, 1, 1), date(2026, 2, 1), "MedicationRequest/new")
    assert (entry.detail.zh, entry.detail.en) == ("每次1片，每日1次，口服", "1 tablet, once a day, by mouth")


def test_a_contained_medication_names_the_medicine() -> None:
    body = request("m", "x", "2026-02-01", medicationReference={"reference": "#m1"})
    body.pop("medicationCodeableConcept")
    body["contained"] = [{"resourceType": "Medication", "id": "m1", "code": {"text": "阿司匹林"}}]
    (entry,) = see(body).medicines
    assert entry.title.zh == "阿司匹林"


def shot(name: str, cvx: str, when: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Immunization",
        "id": name,
        "status": "completed",
        "vaccineCode": {"coding": [{"system": CVX, "code": cvx, "display": "MMR"}]},
        "occurrenceDateTime": when,
        **more,
    }


def test_the_same_shot_reported_twice_is_one_line() -> None:
    dose = [{"doseNumberPositiveInt": 1}]
    found = see(
        shot("a", "03", "2025-01-01", protocolApplied=dose), shot("b", "03", "2025-01-01T09:00:00+08:00")
    ).immunisations
    assert len(found) == 1
    assert found[0].title.zh == "麻腮风疫苗"


def number(code: str, value: str, unit: str, when: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"{code}-{when}-{value}",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": code, "display": code}]},
        "effectiveDateTime": when,
        "valueQuantity": {"value": Decimal(value), "unit": unit, "code": unit},
        **more,
    }


def pressure(upper: str, lower: str, when: str, code: str = "85354-9") -> dict[str, Any]:
    parts = [("8480-6", upper), ("8462-4", lower)]
    return {
        "resourceType": "Observation",
        "id": f"bp-{when}",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": code}], "text": "血压"},
        "effectiveDateTime": when,
        "component": [
            {
                "code": {"coding": [{"system": LOINC, "code": c}]},
                "valueQuantity": {"value": Decimal(v), "code": "mm[Hg]"},
            }
            for c, v in parts
        ],
    }


FLAGS = [
    ("the laboratory's word wins", {"interpretation": [{"coding": [{"code": "HH"}]}]}, "5.0", "critical"),
    ("normal by its word", {"interpretation": [{"coding": [{"code": "N"}]}]}, "99", "normal"),
    (
        "above the range",
        {"referenceRange": [{"low": {"value": Decimal("3.9")}, "high": {"value": Decimal("6.1")}}]},
        "6.2",
        "high",
    ),
    ("below the range", {"referenceRange": [{"low": {"value": Decimal("3.9")}}]}, "3.8", "low"),
    ("on the edge", {"referenceRange": [{"high": {"value": Decimal("6.1")}}]}, "6.1", "normal"),
    ("no range, no judgement", {}, "99", None),
    ("a range in words", {"referenceRange": [{"text": "阴性"}]}, "1", None),
]


@pytest.mark.parametrize(("sentence", "more", "value", "flag"), FLAGS, ids=[row[0] for row in FLAGS])
def test_flags(sentence: str, more: dict[str, Any], value: str, flag: str | None) -> None:
    (group,) = see(number("14771-0", value, "mmol/L", "2026-01-01", **more)).results
    assert group.flag == flag, sentence


def test_last_result_with_the_earlier_ones() -> None:
    (group,) = see(*(number("4548-4", f"6.{i}", "%", f"202{i}-01-01") for i in range(6))).results
    assert (group.value.zh, group.unit, group.count, group.panel.zh) == ("6.5", "%", 6, "血糖")
    assert [one.value.zh for one in group.earlier] == ["6.4", "6.3", "6.2", "6.1"]


def test_blood_pressure_reads_as_one_and_draws_as_two() -> None:
    found = see(
        born("1980-01-01"), pressure("142", "88", "2026-01-01"), pressure("128", "80", "2025-01-01", code="55284-4")
    )
    (group,) = found.results
    assert (group.code, group.value.zh, group.unit, group.flag) == ("85354-9", "142/88", "mmHg", "high")
    assert group.reference == "90–139 / 60–89"
    upper, lower = found.trends
    assert (upper.code, upper.group, lower.code, lower.group) == ("8480-6", "85354-9", "8462-4", "85354-9")
    assert upper.points == (("2025-01-01", 128.0), ("2026-01-01", 142.0))
    assert (lower.low, lower.high, lower.unit) == (60.0, 89.0, "mmHg")


def test_a_trend_needs_two_points_in_one_unit() -> None:
    assert (
        see(number("2339-0", "100", "mg/dL", "2025-01-01"), number("2339-0", "5.5", "mmol/L", "2026-01-01")).trends
        == ()
    )
    twice = (
        number("2339-0", "5.5", "mmol/L", "2026-01-01"),
        number("2339-0", "5.5", "mmol/L", "2026-01-01T00:00:00+08:00"),
    )
    assert see(*twice).trends == ()


def test_instants_become_days_of_the_reader() -> None:
    (group,) = see(number("4548-4", "6.0", "%", "2025-12-31T17:00:00Z")).results
    assert group.when == date(2026, 1, 1)


VALUES = [
    ({"valueCodeableConcept": {"text": "阳性"}}, "阳性", "Positive"),
    ({"valueString": "negative"}, "阴性", "Negative"),
    ({"valueBoolean": False}, "否", "No"),
    ({"valueInteger": 7}, "7", "7"),
    ({"valueQuantity": {"value": Decimal("0.05"), "comparator": "<"}}, "<0.05", "<0.05"),
    ({"valueQuantity": {"value": Decimal("163.5310677549657")}}, "163.5", "163.5"),
    ({"valueQuantity": {"value": Decimal("1E+999999")}}, "1E+999999", "1E+999999"),
    ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 32}}}, "1:32", "1:32"),
    ({"valueRange": {"low": {"value": 2}, "high": {"value": 4}}}, "2–4", "2–4"),
    ({"valueDateTime": "2026-05"}, "2026-05", "2026-05"),
]


@pytest.mark.parametrize(("value", "zh", "en"), VALUES)
def test_every_kind_of_value(value: dict[str, Any], zh: str, en: str) -> None:
    body = number("5195-3", "1", "", "2026-01-01") | value
    if "valueQuantity" not in value:
        del body["valueQuantity"]
    (group,) = see(body).results
    assert (group.value.zh, group.value.en) == (zh, en)


def test_the_problem_list_outranks_later_visit_diagnoses() -> None:
    listed = {"category": [{"coding": [{"code": "problem-list-item"}]}]}
    ended = {"clinicalStatus": {"coding": [{"code": "resolved"}]}}
    (entry,) = see(
        condition("list", "C50.4", "2023-04-17", **listed), condition("visit", "C50.4", "2023-04-29", **ended)
    ).problems
    assert (entry.active, entry.source, entry.last) == (True, "Condition/list", date(2023, 4, 29))


@pytest.mark.parametrize("code", ["Z00.0", "Z23", "Z12.4", "Z38.0", "W19", "Z51.1"])
def test_reasons_for_a_service_are_no_problems(code: str) -> None:
    assert see(condition("c", code, "2026-01-01")).problems == ()
