"""$summary: the International Patient Summary, of what the asker may see."""

from __future__ import annotations

import re
from typing import Any

import pytest
from town import Town, build

from support import BASE, Institution, Platform, assert_refused, observation, patient, resident_number
from yima import fhir

LOINC = "http://loinc.org"
REQUIRED = {"11450-4", "48765-2", "10160-0"}
ELSE = {
    "11369-6": "Immunization", "30954-2": "Observation", "47519-4": "Procedure", "46264-8": "DeviceUseStatement",
    "11348-0": "Condition", "10162-6": "Observation", "29762-2": "Observation", "8716-3": "Observation",
    "11450-4": "Condition", "48765-2": "AllergyIntolerance", "10160-0": "MedicationRequest",
}  # fmt: skip
"""Sections of Composition-uv-ips 2.0.0, and what their entries are here."""


def _coded(system: str, code: str, text: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}], "text": text}


def _status(code: str, of: str = "condition") -> dict[str, Any]:
    system = f"http://terminology.hl7.org/CodeSystem/{of}-clinical"
    return {"clinicalStatus": {"coding": [{"system": system, "code": code}]}}


ALLERGIC = _status("active", "allergyintolerance")


def _things(subject: str) -> list[dict[str, Any]]:
    about = {"subject": {"reference": subject}}
    whose = {"patient": {"reference": subject}}
    icd = "http://hl7.org/fhir/sid/icd-10"
    theirs = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">theirs</div>'}
    return [
        {
            "resourceType": "Condition", "code": _coded(icd, "I10", "高血压 <script>"), "recordedDate": "2026-01-01",
            "text": theirs, **about, **_status("active"),
        },
        {
            "resourceType": "Condition", "code": _coded(icd, "J18", "肺炎"), "recordedDate": "2020-01-01",
            "abatementDateTime": "2020-02-01", **about, **_status("resolved"),
        },
        {
            "resourceType": "AllergyIntolerance", "code": {"text": "青霉素"}, "criticality": "high",
            **whose, **ALLERGIC,
        },
        {
            "resourceType": "MedicationRequest", "status": "active", "intent": "order", "authoredOn": "2026-02-01",
            "medicationCodeableConcept": _coded("http://www.whocc.no/atc", "C09AA02", "依那普利"), **about,
        },
        {
            "resourceType": "Immunization", "status": "completed", "occurrenceDateTime": "2025-10-01",
            "vaccineCode": _coded("http://hl7.org/fhir/sid/cvx", "140", "流感疫苗"), **whose,
        },
        {"resourceType": "Procedure", "status": "completed", "code": {"text": "阑尾切除术"}, **about},
        {"resourceType": "DeviceUseStatement", "status": "active", "device": {"display": "心脏起搏器"}, **about},
        observation(subject, value=60, code=_coded(LOINC, "29463-7", "体重")),
        observation(
            subject, code=_coded(LOINC, "72166-2", "吸烟"), valueQuantity=None,
            valueCodeableConcept={"text": "从不吸烟"},
        ),
        observation(subject),
    ]  # fmt: skip


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("IPS")


@pytest.fixture(scope="module")
async def ina(hospital: Institution) -> str:
    """A patient with something for every section but pregnancy; her id."""
    made = await hospital.create(patient(number="ina", national=resident_number()))
    for thing in _things(f"Patient/{made['id']}"):
        await hospital.create({key: value for key, value in thing.items() if value is not None})
    return str(made["id"])


def _resources(bundle: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {f"{e['resource']['resourceType']}/{e['resource']['id']}": e["resource"] for e in bundle["entry"]}


def _sections(bundle: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {section["code"]["coding"][0]["code"]: section for section in bundle["entry"][0]["resource"]["section"]}


def assert_is_a_summary(bundle: dict[str, Any], base: str) -> None:
    """What Bundle-uv-ips and Composition-uv-ips (2.0.0) ask of any summary, and R4 of any document."""
    fhir.validate(bundle)
    assert (bundle["type"], bundle["identifier"]["system"]) == ("document", "urn:ietf:rfc:3986")
    held, composition = _resources(bundle), bundle["entry"][0]["resource"]
    assert [e["fullUrl"] for e in bundle["entry"]] == [f"{base}/{name}" for name in held]
    assert composition["resourceType"] == "Composition"
    assert composition["type"]["coding"][0] | {"display": ""} == {"system": LOINC, "code": "60591-5", "display": ""}
    assert [name for name in held if name.startswith("Patient/")] == [composition["subject"]["reference"]]
    assert not [name for name in list(held)[1:] if name.startswith("Composition/")]
    about = held[composition["subject"]["reference"]]
    assert about["name"]
    assert "birthDate" in about or "_birthDate" in about
    for party in (composition["author"][0], composition["custodian"], composition["attester"][0]["party"]):
        assert held[party["reference"]]["name"]
    sections = _sections(bundle)
    assert sections.keys() >= REQUIRED
    for code, section in sections.items():
        assert section["title"]
        assert section["text"]["div"].startswith("<div xmlns=")
        assert bool(section.get("entry")) != bool(section.get("emptyReason"))
        for entry in section.get("entry", ()):
            assert entry["reference"].startswith(f"{ELSE[code]}/")
            body = held[entry["reference"]]
            assert (body.get("subject") or body["patient"])["reference"] == composition["subject"]["reference"]
    for body in held.values():
        for wanted in {"Procedure": "performed", "MedicationStatement": "effective", "DeviceUseStatement": "timing",
                       "Observation": "effective"}.get(body["resourceType"], "").split():  # fmt: skip
            assert any(key.lstrip("_").startswith(wanted) for key in body)


@pytest.mark.capability("operation $summary")
async def test_a_summary_has_every_section_that_has_something_to_say(hospital: Institution, ina: str) -> None:
    answer = await hospital.call("GET", f"/fhir/Patient/{ina}/$summary")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/fhir+json")
    bundle = fhir.parse(answer.content)
    assert_is_a_summary(bundle, f"{BASE}/fhir")
    sections = _sections(bundle)
    assert sections.keys() == ELSE.keys() - {"10162-6"}
    assert "&lt;script&gt;" in sections["11450-4"]["text"]["div"]
    assert "theirs" not in answer.text
    assert "心脏起搏器" in sections["46264-8"]["text"]["div"]
    posted = await hospital.call("POST", f"/fhir/Patient/{ina}/$summary", {"resourceType": "Parameters"})
    assert _sections(posted.json()).keys() == sections.keys()


@pytest.mark.capability("operation $summary")
async def test_nobody_is_said_to_be_well_because_nothing_is_known(hospital: Institution) -> None:
    made = await hospital.create(patient())
    about = f"/fhir/Patient/{made['id']}/$summary"
    bundle = fhir.parse((await hospital.call("GET", about)).content)
    assert_is_a_summary(bundle, f"{BASE}/fhir")
    empty = {code: section["emptyReason"]["coding"][0]["code"] for code, section in _sections(bundle).items()}
    assert empty == dict.fromkeys(REQUIRED, "unavailable")
    denied = {"resourceType": "AllergyIntolerance", "patient": {"reference": f"Patient/{made['id']}"},
              "code": _coded("http://snomed.info/sct", "716186003", "No known allergy"), **ALLERGIC}  # fmt: skip
    await hospital.create(denied)
    bundle = fhir.parse((await hospital.call("GET", about)).content)
    assert _sections(bundle)["48765-2"]["emptyReason"]["coding"][0]["code"] == "nilknown"


@pytest.mark.capability("operation $summary")
async def test_by_identifier_and_profile(hospital: Institution, ina: str) -> None:
    own = "urn:hospital:a:mrn|ina"
    found = await hospital.call("GET", f"/fhir/Patient/$summary?identifier={own}")
    assert found.status_code == 200, found.text
    assert f"Patient/{ina}" in _resources(found.json())
    right = "http://hl7.org/fhir/uv/ips/StructureDefinition/Composition-uv-ips%7C2.0.0"
    assert (await hospital.call("GET", f"/fhir/Patient/{ina}/$summary?profile={right}")).status_code == 200
    refused = await hospital.call("GET", f"/fhir/Patient/{ina}/$summary?profile=http://example.org/mine")
    assert_refused(refused, 400, "search-value-invalid")
    assert_refused(await hospital.call("GET", "/fhir/Patient/$summary"), 400, "search-value-invalid")
    nobody = await hospital.call("GET", "/fhir/Patient/$summary?identifier=urn:hospital:a:mrn|nobody")
    assert_refused(nobody, 404, "not-found")
    stranger = await hospital.platform.institution("IPS-other")
    assert_refused(await stranger.call("GET", f"/fhir/Patient/{ina}/$summary"), 404, "not-found")


@pytest.mark.capability("operation $summary")
async def test_what_is_closed_is_named_and_not_shown(platform: Platform) -> None:
    town: Town = await build(platform)
    about = f"/fhir/{town.sam_at_a.patient}/$summary"
    answer = await town.b.call("GET", about, visit=await town.b.visit(town.sam_at_a.person))
    bundle = fhir.parse(answer.content)
    assert_is_a_summary(bundle, f"{BASE}/fhir")
    # The last glucose: both are of the same moment, and either may stand for it.
    assert {town.sam_at_a.observation, town.sam_at_b.observation} & set(_resources(bundle))
    assert town.sam_at_b.condition in _resources(bundle)  # B's own psychiatric note is not closed to B
    assert town.sam_at_a.condition not in answer.text
    assert bundle["meta"]["security"][0]["code"] == "REDACTED"
    assert re.search("精神|[Pp]sychiatr|[Mm]ental", bundle["entry"][0]["resource"]["text"]["div"])
    own = fhir.parse((await town.a.call("GET", about)).content)
    assert town.sam_at_a.condition in _resources(own)
    assert town.sam_at_b.observation not in _resources(own)
    assert "REDACTED" in str(own["meta"])  # without a visit A sees only what A wrote, and the summary says so
