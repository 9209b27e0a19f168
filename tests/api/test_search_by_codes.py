"""Searching by value sets and by what lies above and below a code; and quantities in any unit."""

from __future__ import annotations

from typing import Any

import pytest

from support import Institution, Platform, assert_refused, observation, patient
from yima.runtime import clock
from yima.terminology import Table, Terminology, read_file

ICD = "http://hl7.org/fhir/sid/icd-10"
UCUM = "http://unitsofmeasure.org"
TABLE = "code,display\nE11,糖尿病\nE11.9,无并发症\nE11.2,肾病\nI10,高血压\n"


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    [loading] = read_file("icd.csv", TABLE.encode(), Table(ICD, nested=True))
    await Terminology(platform.access.database).load(loading, clock.now())
    return await platform.institution("C")


@pytest.fixture(scope="module")
async def subject(hospital: Institution) -> str:
    """A patient with E11.9, E11.2, I10, a condition in words only, and one in another system."""
    made = f"Patient/{(await hospital.create(patient(number='codes')))['id']}"
    for code in ("E11.9", "E11.2", "I10"):
        await hospital.create(_condition(made, {"coding": [{"system": ICD, "code": code}], "text": code}))
    await hospital.create(_condition(made, {"text": "words"}))
    await hospital.create(_condition(made, {"coding": [{"system": "urn:other", "code": "E11.9"}], "text": "other"}))
    return made


def _condition(subject: str, code: Any) -> dict[str, Any]:
    return {"resourceType": "Condition", "subject": {"reference": subject}, "code": code}


async def _found(hospital: Institution, subject: str, query: str) -> list[str]:
    answer = await hospital.call("GET", f"/fhir/Condition?subject={subject}&{query}")
    assert answer.status_code == 200, answer.text
    return sorted(e["resource"]["code"]["text"] for e in answer.json().get("entry", []))


SEARCHES = [
    (f"code:below={ICD}|E11", ["E11.2", "E11.9"]),
    (f"code:below={ICD}|E11.9", ["E11.9"]),
    (f"code:below={ICD}|E11.9,{ICD}|I10", ["E11.9", "I10"]),
    (f"code:above={ICD}|E11.9", ["E11.9"]),
    (f"code:above={ICD}|E11", []),
    (f"code:in={ICD}?fhir_vs=isa/E11", ["E11.2", "E11.9"]),
    (f"code:in={ICD}?fhir_vs", ["E11.2", "E11.9", "I10"]),
    (f"code:not-in={ICD}?fhir_vs=isa/E11", ["I10", "other", "words"]),
    (f"code:not-in={ICD}?fhir_vs", ["other", "words"]),
    (f"code:not-in={ICD}?fhir_vs=isa/E11&code:text=words", ["words"]),
    (f"code:below={ICD}|E11&code:not-in={ICD}?fhir_vs=isa/E11.2", ["E11.9"]),
    ("code:in=http://hl7.org/fhir/ValueSet/administrative-gender", []),
    ("code:not-in=http://hl7.org/fhir/ValueSet/administrative-gender", ["E11.2", "E11.9", "I10", "other", "words"]),
]


@pytest.mark.parametrize(("query", "texts"), SEARCHES)
@pytest.mark.capability(
    "searchParam token:in", "searchParam token:not-in", "searchParam token:above", "searchParam token:below"
)
async def test_searching_by_codes(hospital: Institution, subject: str, query: str, texts: list[str]) -> None:
    assert await _found(hospital, subject, query) == texts


@pytest.mark.capability("searchParam token:in")
async def test_by_a_value_set_of_ones_own(hospital: Institution, subject: str) -> None:
    compose = {"include": [{"system": ICD, "concept": [{"code": "I10"}]}]}
    sent = {"resourceType": "ValueSet", "status": "active", "url": "urn:mine", "compose": compose}
    made = await hospital.create(sent)
    assert await _found(hospital, subject, "code:in=urn:mine") == ["I10"]
    assert await _found(hospital, subject, f"code:in=ValueSet/{made['id']}") == ["I10"]
    stranger = await hospital.platform.institution("D")
    theirs = f"Patient/{(await stranger.create(patient(number='x')))['id']}"
    for address in ("urn:mine", f"ValueSet/{made['id']}"):
        answer = await stranger.call("GET", f"/fhir/Condition?subject={theirs}&code:in={address}")
        assert_refused(answer, 404, "value-set-unknown")


async def test_through_a_chain_and_backwards(hospital: Institution, subject: str) -> None:
    condition = await hospital.call("GET", f"/fhir/Condition?subject={subject}&code={ICD}|I10")
    target = f"Condition/{condition.json()['entry'][0]['resource']['id']}"
    made = await hospital.create({
        "resourceType": "CarePlan", "status": "active", "intent": "plan", "subject": {"reference": subject},
        "addresses": [{"reference": target}],
    })  # fmt: skip
    for query, wanted in [(f"condition.code:below={ICD}|I10", [made["id"]]), (f"condition.code:below={ICD}|E11", [])]:
        answer = await hospital.call("GET", f"/fhir/CarePlan?subject={subject}&{query}")
        assert [e["resource"]["id"] for e in answer.json().get("entry", [])] == wanted


REFUSED = [
    ("code:in=http://no.such/set", 404, "value-set-unknown"),
    ("code:in=ValueSet/none", 404, "value-set-unknown"),
    (f"code:below={ICD}|Z99", 404, "concept-unknown"),
    ("code:below=http://loinc.org|1-8", 404, "code-system-unknown"),
    ("code:below=E11", 400, "search-value-invalid"),
    ("code:below=,", 400, "search-value-invalid"),
    ("identifier:in=urn:x", 400, "search-parameter-unknown"),
    ("code:in=http://hl7.org/fhir/ValueSet/condition-code", 404, "code-system-unknown"),
]


@pytest.mark.parametrize(("query", "status", "code"), REFUSED)
async def test_what_cannot_be_searched(hospital: Institution, subject: str, query: str, status: int, code: str) -> None:
    assert_refused(await hospital.call("GET", f"/fhir/Condition?subject={subject}&{query}"), status, code)


async def test_a_condition_of_a_write_takes_no_such_modifier(hospital: Institution, subject: str) -> None:
    headers = {"if-none-exist": f"code:below={ICD}|E11"}
    answer = await hospital.call("POST", "/fhir/Condition", _condition(subject, {"text": "x"}), **headers)
    assert_refused(answer, 400, "search-parameter-unknown")


@pytest.mark.capability("searchParam quantity")
async def test_a_quantity_is_found_in_any_unit(hospital: Institution, subject: str) -> None:
    sent = observation(subject, date="2025-01-01") | {
        "valueQuantity": {"value": 0.0054, "unit": "g", "system": UCUM, "code": "g"}
    }
    made = await hospital.create(sent)
    for asked, wanted in [(f"5.4|{UCUM}|mg", [made["id"]]), (f"gt5.4|{UCUM}|mg", []), (f"5.4|{UCUM}|mL", [])]:
        answer = await hospital.call("GET", f"/fhir/Observation?subject={subject}&value-quantity={asked}")
        assert [e["resource"]["id"] for e in answer.json().get("entry", [])] == wanted
