"""Episodes, activities and what needs doing."""

from datetime import date
from typing import Any

import pytest

from yima.records.overview import Episode, overview

TODAY = date(2026, 3, 1)
CVX, ICD10 = "http://hl7.org/fhir/sid/cvx", "http://hl7.org/fhir/sid/icd-10"


def encounter(name: str, kind: str = "AMB", start: str = "2026-01-10T09:00:00+08:00", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Encounter",
        "id": name,
        "status": "finished",
        "class": {"code": kind},
        "period": {"start": start, "end": start},
        "serviceProvider": {"display": "县人民医院"},
        **more,
    }


def inside(kind: str, name: str, encounter_id: str, **more: Any) -> dict[str, Any]:
    return {
        "resourceType": kind,
        "id": name,
        "status": "completed",
        "encounter": {"reference": f"Encounter/{encounter_id}"},
        **more,
    }


def cold(encounter_id: str) -> dict[str, Any]:
    code = {"coding": [{"system": ICD10, "code": "J06.9", "display": "URTI"}], "text": "急性上呼吸道感染"}
    return inside("Condition", "c", encounter_id, code=code)


def episodes(*resources: dict[str, Any]) -> tuple[Episode, ...]:
    return overview(list(resources), TODAY).episodes


KINDS = [
    ("IMP", {}, "inpatient"),
    ("EMER", {}, "emergency"),
    ("AMB", {}, "outpatient"),
    ("VR", {}, "virtual"),
    ("nonsense", {}, "outpatient"),
    ("AMB", {"type": [{"text": "健康体检"}]}, "checkup"),
    ("AMB", {"type": [{"coding": [{"display": "Encounter for check up (procedure)"}]}]}, "checkup"),
    ("AMB", {"serviceType": {"text": "预防接种门诊"}}, "vaccination"),
    ("AMB", {"type": [{"text": "Prenatal visit"}]}, "antenatal"),
    ("AMB", {"type": [{"text": "产后访视"}]}, "postnatal"),
    ("AMB", {"type": [{"text": "慢病随访"}]}, "followup"),
    ("AMB", {"reasonCode": [{"text": "宫颈癌筛查"}]}, "screening"),
    ("IMP", {"type": [{"text": "分娩"}]}, "birth"),
    ("EMER", {"type": [{"text": "Obstetric emergency hospital admission"}]}, "birth"),
    ("IMP", {"type": [{"text": "肿瘤随访入院"}]}, "inpatient"),
]


@pytest.mark.parametrize(("class_code", "more", "kind"), KINDS)
def test_kind_of_an_encounter(class_code: str, more: dict[str, Any], kind: str) -> None:
    (episode,) = episodes(encounter("e", class_code, **more))
    assert episode.kind == kind


def test_an_encounter_gathers_what_happened_in_it() -> None:
    (episode,) = episodes(
        encounter("e", participant=[{"individual": {"display": "李医生"}}], serviceType={"text": "呼吸内科"}),
        cold("e"),
        inside("MedicationRequest", "m", "e", medicationCodeableConcept={"text": "布洛芬"}),
        inside("Procedure", "p", "e", code={"text": "雾化吸入"}),
        inside("Observation", "normal", "e", code={"text": "体温"}, valueQuantity={"value": 37, "unit": "℃"}),
        inside(
            "Observation",
            "high",
            "e",
            code={"text": "C反应蛋白"},
            valueQuantity={"value": 40},
            interpretation=[{"coding": [{"code": "H"}]}],
        ),
    )
    assert (episode.title.zh, episode.title.en) == (
        "门诊：上呼吸道感染（感冒）",
        "Clinic visit: Cold (upper airway infection)",
    )
    assert (episode.institution, episode.department.zh, episode.practitioner) == ("县人民医院", "呼吸内科", "李医生")
    assert [name.zh for name in episode.diagnoses] == ["急性上呼吸道感染"]
    assert [(line.kind, line.title.zh) for line in episode.items] == [
        ("found", "C反应蛋白"),
        ("found", "体温"),
        ("given", "布洛芬"),
        ("done", "雾化吸入"),
    ]
    assert episode.sources[0] == "Encounter/e"
    assert len(episode.sources) == 6


def test_things_without_encounter_stand_by_day_and_institution() -> None:
    def report(name: str, day: str, source: str) -> dict[str, Any]:
        return {
            "resourceType": "DiagnosticReport",
            "id": name,
            "status": "final",
            "category": [{"coding": [{"code": "LAB"}]}],
            "code": {"text": "血常规"},
            "effectiveDateTime": day,
            "meta": {"source": source},
        }

    found = episodes(
        report("a", "2026-01-01", "urn:a"),
        report("b", "2026-01-01", "urn:a"),
        report("c", "2026-01-01", "urn:b"),
        report("d", "2026-01-02", "urn:a"),
    )
    assert [(one.kind, one.start, one.institution, len(one.items)) for one in found] == [
        ("lab", date(2026, 1, 2), "urn:a", 1),
        ("lab", date(2026, 1, 1), "urn:a", 2),
        ("lab", date(2026, 1, 1), "urn:b", 1),
    ]
    assert found[0].title.zh == "检验：血常规"


def test_a_withheld_encounter_leaves_its_visible_parts_standing_alone() -> None:
    (episode,) = episodes(inside("Procedure", "p", "withheld", code={"text": "心电图"}, performedDateTime="2026-01-01"))
    assert (episode.kind, episode.title.zh) == ("procedure", "治疗操作：心电图")


def test_bundle_references_find_their_encounter_and_shelf() -> None:
    (episode,) = episodes(
        encounter(
            "e",
            serviceProvider={"reference": "urn:uuid:org"},
            participant=[{"individual": {"reference": "urn:uuid:doc"}}],
        ),
        {"resourceType": "Organization", "id": "org", "name": "NEWTON HOSPITAL"},
        {"resourceType": "Practitioner", "id": "doc", "name": [{"family": "Labadie", "given": ["Rebecca"]}]},
        inside("Procedure", "p", "e", code={"text": "x"}) | {"encounter": {"reference": "urn:uuid:e"}},
    )
    assert (episode.institution, episode.practitioner, len(episode.items)) == ("NEWTON HOSPITAL", "Rebecca Labadie", 1)


def test_activities_count_by_kind_and_institution() -> None:
    first, last = encounter("a", start="2024-05-01"), encounter("b", start="2026-01-01")
    found = overview([first, last, encounter("c", "IMP", "2025-01-01")], TODAY).activities
    assert [(one.kind, one.institution, one.count, one.first, one.last) for one in found] == [
        ("outpatient", "县人民医院", 2, date(2024, 5, 1), date(2026, 1, 1)),
        ("inpatient", "县人民医院", 1, date(2025, 1, 1), date(2025, 1, 1)),
    ]


def child(birth: str, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": "p", "birthDate": birth, **more}


def shot(cvx: str, when: str, status: str = "completed") -> dict[str, Any]:
    code = {"coding": [{"system": CVX, "code": cvx}]}
    return {
        "resourceType": "Immunization",
        "id": f"{cvx}-{when}",
        "status": status,
        "vaccineCode": code,
        "occurrenceDateTime": when,
    }


UP_TO_NINE_MONTHS = [
    shot("19", "2025-04-01"),
    shot("08", "2025-04-01"),
    shot("08", "2025-05-01"),
    shot("08", "2025-10-01"),
    shot("10", "2025-06-01"),
    shot("10", "2025-07-01"),
    shot("178", "2025-08-01"),
    shot("20", "2025-06-01"),
    shot("20", "2025-08-01"),
    shot("20", "2025-10-01"),
    shot("191", "2025-10-01"),
    shot("191", "2026-01-01"),
    shot("03", "2025-12-01"),
    shot("129", "2025-12-01"),
]


def due(*resources: dict[str, Any]) -> dict[str, bool]:
    return {one.code: one.overdue for one in overview(list(resources), TODAY).suggestions}


def test_a_child_on_schedule_needs_nothing() -> None:
    assert due(child("2025-04-01"), *UP_TO_NINE_MONTHS) == {}


def test_a_missing_dose_is_due_and_later_overdue() -> None:
    without_mmr = [one for one in UP_TO_NINE_MONTHS if not one["id"].startswith("03")]
    assert due(child("2025-04-01"), *without_mmr) == {"vaccination-mmr": False}
    assert due(child("2025-02-01"), *without_mmr) == {"vaccination-mmr": True}


def test_a_dose_not_given_does_not_count() -> None:
    shots = [one | ({"status": "not-done"} if one["id"].startswith("03") else {}) for one in UP_TO_NINE_MONTHS]
    assert due(child("2025-04-01"), *shots) == {"vaccination-mmr": False}


def test_a_dose_without_code_counts_by_its_name() -> None:
    named = shot("03", "2025-12-01") | {"vaccineCode": {"text": "麻腮风联合减毒活疫苗"}}
    shots = [one for one in UP_TO_NINE_MONTHS if not one["id"].startswith("03")]
    assert due(child("2025-04-01"), *shots, named) == {}


def test_a_child_without_any_record_is_asked_for_the_booklet() -> None:
    (one,) = overview([child("2025-04-01")], TODAY).suggestions
    assert (one.code, one.overdue) == ("vaccination-record", True)
    assert "卡介苗" in one.detail.zh


def test_nothing_is_due_before_birth_after_six_or_after_death() -> None:
    assert due(child("2026-05-01")) == {}
    assert due(child("2020-03-01")) == {}
    assert due(child("2025-04-01", deceasedBoolean=True)) == {}


def chronic(code: str, when: str) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": f"c{code}",
        "code": {"coding": [{"system": ICD10, "code": code}]},
        "recordedDate": when,
    }


def glucose(when: str) -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": f"g{when}",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "14771-0"}]},
        "effectiveDateTime": when,
        "valueQuantity": {"value": 6, "unit": "mmol/L"},
    }


FOLLOW_UPS = [
    ("ninety days are in time", [chronic("I10", "2025-12-01")], set()),
    ("ninety-one are not", [chronic("I10", "2025-11-30")], {"hypertension-follow-up"}),
    ("a reading counts as follow-up", [chronic("E11", "2020-01-01"), glucose("2026-01-01")], set()),
    ("an old reading does not", [chronic("E11", "2020-01-01"), glucose("2025-10-01")], {"diabetes-follow-up"}),
    ("a future reading does not", [chronic("E11", "2020-01-01"), glucose("2026-10-01")], {"diabetes-follow-up"}),
    ("the old need a yearly check", [child("1950-01-01")], {"elderly-check-up"}),
    (
        "and have had it",
        [child("1950-01-01"), encounter("e", start="2025-06-01", type=[{"text": "老年人体检"}])],
        set(),
    ),
]


@pytest.mark.parametrize(("sentence", "resources", "codes"), FOLLOW_UPS, ids=[row[0] for row in FOLLOW_UPS])
def test_follow_ups(sentence: str, resources: list[dict[str, Any]], codes: set[str]) -> None:
    found = overview(resources, TODAY).suggestions
    assert {one.code for one in found} == codes, sentence
    assert all(one.rule.zh and one.rule.en and one.title.zh and one.title.en for one in found)


def test_a_department_says_nothing_about_the_visit() -> None:
    (episode,) = episodes(encounter("e", serviceType={"text": "妇产科", "coding": [{"display": "Obstetrics"}]}))
    assert episode.kind == "outpatient"


REASONS = [
    ("AMB", "Z34.9", "antenatal", "产前检查"),
    ("AMB", "Z39.2", "postnatal", "产后访视"),
    ("AMB", "Z12.4", "screening", "筛查：癌症筛查"),
    ("AMB", "Z00.1", "checkup", "健康检查"),
    ("IMP", "O80.0", "birth", "分娩"),
    ("IMP", "Z38.0", "birth", "出生"),
    ("IMP", "C50.4", "inpatient", "住院：乳腺癌"),
]


@pytest.mark.parametrize(("class_code", "code", "kind", "title"), REASONS)
def test_a_coded_reason_names_the_visit(class_code: str, code: str, kind: str, title: str) -> None:
    (episode,) = episodes(encounter("e", class_code, reasonCode=[{"coding": [{"system": ICD10, "code": code}]}]))
    assert (episode.kind, episode.title.zh) == (kind, title)
