# ruff: noqa: E501  tables of cases read best with one case per line
"""$validate with profiles that a package brought: every kind of demand, every kind of slice, and bad input."""

from __future__ import annotations

from typing import Any

import pytest

from support import Institution, Platform, assert_refused, nothing_written, observation, patient
from support.packages import definition, package
from yima.packages import Packages, read_package
from yima.runtime import clock

P, O, E = "http://example.org/patient", "http://example.org/observation", "http://example.org/extension"  # noqa: E741  Observation
LOINC = "http://loinc.org"


def _slice(path: str, name: str, **of: Any) -> dict[str, Any]:
    return {"id": f"{path}:{name}", "path": path, "sliceName": name, **of}


def _sliced(path: str, kind: str, at: str, rules: str = "open") -> dict[str, Any]:
    return {"path": path, "slicing": {"discriminator": [{"type": kind, "path": at}], "rules": rules}}


PROFILES = [
    definition(
        P, "Patient",
        {"path": "Patient.name", "min": 1, "max": "1"},
        {"path": "Patient.gender", "min": 1, "fixedCode": "female"},
        {"path": "Patient.maritalStatus", "patternCodeableConcept": {"coding": [{"code": "M"}]}},
        {"path": "Patient.language", "binding": {"strength": "required", "valueSet": "http://hl7.org/fhir/ValueSet/administrative-gender"}},
        {"path": "Patient.generalPractitioner", "type": [{"code": "Reference", "targetProfile": ["http://hl7.org/fhir/StructureDefinition/Organization"]}]},
        {"path": "Patient.contact", "constraint": [{"key": "c-1", "severity": "error", "human": "A contact is named", "expression": "name.exists()"},
                                                   {"key": "c-2", "severity": "warning", "human": "A contact can be reached", "expression": "telecom.exists()"}]},
        {"path": "Patient.photo", "max": "0"},
        _sliced("Patient.identifier", "value", "system", "closed"),
        _slice("Patient.identifier", "a", min=1), {"id": "Patient.identifier:a.system", "path": "Patient.identifier.system", "min": 1, "fixedUri": "urn:a"},
        _slice("Patient.identifier", "b", max="1"), {"id": "Patient.identifier:b.system", "path": "Patient.identifier.system", "min": 1, "fixedUri": "urn:b"},
        _slice("Patient.extension", "e", min=1, type=[{"code": "Extension", "profile": [E]}]),
    ),
    definition(E, "Extension", {"path": "Extension.url", "fixedUri": E}, {"path": "Extension.value[x]", "min": 1, "type": [{"code": "string"}]}, kind="complex-type"),
    definition(
        O, "Observation",
        _sliced("Observation.value[x]", "type", "$this"), _slice("Observation.value[x]", "valueQuantity"),
        {"id": "Observation.value[x]:valueQuantity.unit", "path": "Observation.value[x].unit", "min": 1},
        _sliced("Observation.component", "pattern", "code"),
        _slice("Observation.component", "s", min=1), {"id": "Observation.component:s.code", "path": "Observation.component.code", "patternCodeableConcept": {"coding": [{"code": "1"}]}},
        _sliced("Observation.note", "exists", "time"),
        _slice("Observation.note", "timed", max="1"), {"id": "Observation.note:timed.time", "path": "Observation.note.time", "min": 1},
    ),
    definition("http://example.org/derived", "Patient", {"path": "Patient.birthDate", "min": 1}, baseDefinition=P),
    definition("http://example.org/orphan", "Patient", {"path": "Patient.birthDate", "min": 1}, baseDefinition="http://example.org/nowhere"),
    definition("http://example.org/slow", "Patient", {"path": "Patient", "constraint": [{"key": "s-1", "severity": "error", "human": "slow", "expression": "descendants().where(%resource.descendants().where(%resource.descendants().where(%resource.descendants().count() > 0).exists()).exists()).exists()"}]}),
    definition("http://example.org/broken", "Patient", {"path": "Patient", "constraint": [{"key": "b-1", "severity": "error", "human": "broken", "expression": "((("}]}),
]  # fmt: skip

GOOD: dict[str, Any] = {
    "resourceType": "Patient", "name": [{"text": "x"}], "gender": "female", "identifier": [{"system": "urn:a", "value": "1"}],
    "extension": [{"url": E, "valueString": "x"}], "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'},
}  # fmt: skip
SEEN: dict[str, Any] = {
    "resourceType": "Observation", "status": "final", "code": {"text": "x"}, "text": GOOD["text"],
    "component": [{"code": {"coding": [{"code": "1"}]}, "valueString": "x"}],
}  # fmt: skip
CASES: list[tuple[str, dict[str, Any], set[tuple[str, str]]]] = [
    (P, GOOD, set()),
    (P, GOOD | {"gender": "male"}, {("error", "Patient.gender")}),
    (P, GOOD | {"name": [{"text": "x"}, {"text": "y"}]}, {("error", "Patient.name")}),
    (P, {k: v for k, v in GOOD.items() if k != "name"}, {("error", "Patient.name")}),
    (P, GOOD | {"maritalStatus": {"coding": [{"code": "M", "display": "x"}]}}, set()),
    (P, GOOD | {"maritalStatus": {"coding": [{"code": "S"}]}}, {("error", "Patient.maritalStatus")}),
    (P, GOOD | {"language": "xx"}, {("error", "Patient.language")}),
    (P, GOOD | {"generalPractitioner": [{"reference": "Organization/1"}]}, set()),
    (
        P,
        GOOD | {"generalPractitioner": [{"reference": "Practitioner/1"}]},
        {("error", "Patient.generalPractitioner[0]")},
    ),
    (P, GOOD | {"contact": [{"name": {"text": "x"}, "telecom": [{"system": "phone", "value": "1"}]}]}, set()),
    (P, GOOD | {"contact": [{"name": {"text": "x"}}]}, {("warning", "Patient.contact[0]")}),
    (P, GOOD | {"contact": [{"telecom": [{"system": "phone", "value": "1"}]}]}, {("error", "Patient.contact[0]")}),
    (P, GOOD | {"photo": [{"title": "x"}]}, {("error", "Patient.photo")}),
    (P, GOOD | {"identifier": [{"system": "urn:b"}]}, {("error", "Patient.identifier")}),
    (P, GOOD | {"identifier": [{"system": "urn:a"}, {"system": "urn:c"}]}, {("error", "Patient.identifier[1]")}),
    (
        P,
        GOOD | {"identifier": [{"system": "urn:a"}, {"system": "urn:b"}, {"system": "urn:b"}]},
        {("error", "Patient.identifier")},
    ),
    (
        P,
        GOOD | {"extension": [{"url": "urn:other", "valueString": "x"}]},
        {("error", "Patient.extension"), ("information", "Patient.extension[0]")},
    ),
    (P, GOOD | {"extension": [{"url": E, "valueInteger": 1}]}, {("error", "Patient.extension[0].valueInteger")}),
    (
        P,
        {"resourceType": "Observation", **{k: v for k, v in SEEN.items() if k != "resourceType"}},
        {("error", "Observation")},
    ),
    (O, SEEN, set()),
    (O, SEEN | {"valueQuantity": {"value": 1, "unit": "x"}}, set()),
    (O, SEEN | {"valueQuantity": {"value": 1}}, {("error", "Observation.valueQuantity.unit")}),
    (O, SEEN | {"valueString": "x"}, set()),
    (O, SEEN | {"component": [{"code": {"text": "1"}, "valueString": "x"}]}, {("error", "Observation.component")}),
    (O, SEEN | {"note": [{"text": "x", "time": "2025"}, {"text": "y"}]}, set()),
    (
        O,
        SEEN | {"note": [{"text": "x", "time": "2025"}, {"text": "y", "time": "2025"}]},
        {("error", "Observation.note")},
    ),
    ("http://example.org/derived", GOOD, {("error", "Patient.birthDate")}),
    ("http://example.org/derived", GOOD | {"birthDate": "1990", "gender": "male"}, {("error", "Patient.gender")}),
    ("http://example.org/orphan", GOOD, {("warning", "")}),
    ("http://example.org/slow", GOOD | {"contact": [{"name": {"text": "x"}}] * 20}, {("warning", "Patient")}),
    ("http://example.org/broken", GOOD, {("warning", "Patient")}),
    ("http://example.org/nothing", GOOD, {("warning", "Patient")}),
    (f"{P}|9", GOOD, {("warning", "Patient")}),
]


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    await Packages(platform.app.state.access.database).load(read_package(package(*PROFILES)), clock.now())
    return await platform.institution("V")


def _issues(answer: Any) -> set[tuple[str, str]]:
    assert answer.status_code == 200, answer.text
    found = answer.json()["issue"]
    return {
        (i["severity"], i.get("expression", [""])[0])
        for i in found
        if i["code"] != "informational" or "expression" in i
    }


@pytest.mark.capability("operation $validate")
async def test_what_a_profile_asks_is_checked(platform: Platform, hospital: Institution) -> None:
    async with nothing_written(platform):
        for url, resource, wanted in CASES:
            name = resource["resourceType"]
            parameters = {
                "resourceType": "Parameters",
                "parameter": [{"name": "resource", "resource": resource}, {"name": "profile", "valueCanonical": url}],
            }
            answer = await hospital.call("POST", f"/fhir/{name}/$validate", parameters)
            assert _issues(answer) == wanted, (url, resource, answer.json()["issue"])


@pytest.mark.capability("operation $validate")
async def test_a_claimed_profile_is_checked_too_and_in_the_address(hospital: Institution) -> None:
    claimed = GOOD | {"gender": "male", "meta": {"profile": [P]}}
    assert _issues(await hospital.call("POST", "/fhir/Patient/$validate", claimed)) == {("error", "Patient.gender")}
    inside = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": claimed}]}
    assert _issues(await hospital.call("POST", "/fhir/Bundle/$validate", inside)) == {
        ("error", "Bundle.entry[0].resource.gender")
    }
    answer = await hospital.call("POST", f"/fhir/Patient/$validate?profile={O}", GOOD)
    assert _issues(answer) == {("error", "Patient")}


@pytest.mark.capability("operation $validate")
async def test_modes_and_the_stored_resource(hospital: Institution) -> None:
    made = await hospital.create(patient())
    url = f"/fhir/Patient/{made['id']}/$validate"
    assert ("error", "Patient.extension") in _issues(await hospital.call("GET", f"{url}?profile={P}"))
    assert ("error", "Patient.id") in _issues(await hospital.call("POST", f"{url}?mode=update", GOOD))
    assert _issues(await hospital.call("POST", f"{url}?mode=delete")) == set()
    assert_refused(await hospital.call("POST", f"{url}?mode=none", GOOD), 422, "field-invalid")
    many = "&".join(f"profile=http://e/{n}" for n in range(30))
    assert_refused(await hospital.call("POST", f"{url}?{many}", GOOD), 422, "field-invalid")


RULES: list[tuple[dict[str, Any], str, str]] = [
    (
        observation(
            "Patient/1",
            component=[{"code": {"coding": [{"system": LOINC, "code": "1558-6", "display": "Fasting glucose"}]}}],
        ),
        "obs-7",
        "Observation",
    ),
    (patient(contact=[{"gender": "male"}]), "pat-1", "Patient.contact[0]"),
    (patient(telecom=[{"value": "1"}]), "cpt-2", "Patient.telecom[0]"),
    (patient(address=[{"period": {"start": "2025-02-01", "end": "2025-01-31"}}]), "per-1", "Patient.address[0].period"),
    (patient(contained=[{"resourceType": "Organization", "id": "o", "name": "x"}]), "dom-3", "Patient.contained[0]"),
    (patient(managingOrganization={"reference": "#o"}), "ref-1", "Patient.managingOrganization.reference"),
]


@pytest.mark.parametrize(("resource", "rule", "path"), RULES)
async def test_a_write_that_breaks_a_rule_is_refused_with_its_key(
    hospital: Institution, resource: Any, rule: str, path: str
) -> None:
    answer = await hospital.call("POST", f"/fhir/{resource['resourceType']}", resource)
    assert_refused(answer, 422, "rule-broken")
    [issue] = answer.json()["issue"]
    assert issue["expression"] == [path]
    assert rule in issue["details"]["text"]
