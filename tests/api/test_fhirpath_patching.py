# ruff: noqa: E501  tables of cases read best with one case per line
"""PATCH with a FHIRPath Patch (R4 fhirpatch.html), in JSON and XML, by a search, and patches inside Bundles."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

from support import Institution, Platform, assert_refused, nothing_written, observation, patient


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("P")


@pytest.fixture
async def made(hospital: Institution) -> dict[str, Any]:
    who = await hospital.create(patient())
    return await hospital.create(observation(f"Patient/{who['id']}", value=5.10, note=[{"text": "a"}, {"text": "b"}]))


def _part(name: str, value: Any) -> dict[str, Any]:
    return {
        "name": name,
        **(value if isinstance(value, dict) else {"valueInteger" if isinstance(value, int) else "valueString": value}),
    }


def _patch(*operations: dict[str, Any]) -> dict[str, Any]:
    rows = [{"name": "operation", "part": [_part(name, said) for name, said in each.items()]} for each in operations]
    return {"resourceType": "Parameters", "parameter": rows}


STATUS = _patch({"type": "replace", "path": "Observation.status", "value": {"valueCode": "amended"}})
TEXT = {"valueAnnotation": {"text": "n"}}
GOOD = [
    (STATUS, {"status": "amended"}),
    (_patch({"type": "add", "path": "Observation", "name": "note", "value": TEXT}), [{"text": "a"}, {"text": "b"}, {"text": "n"}]),
    (_patch({"type": "insert", "path": "Observation.note", "index": 1, "value": TEXT}), [{"text": "a"}, {"text": "n"}, {"text": "b"}]),
    (_patch({"type": "delete", "path": "Observation.note.where(text = 'a')"}), [{"text": "b"}]),
    (_patch({"type": "delete", "path": "Observation.note.where(text = 'none')"}), [{"text": "a"}, {"text": "b"}]),
    (_patch({"type": "move", "path": "Observation.note", "source": 0, "destination": 1}), [{"text": "b"}, {"text": "a"}]),
    (_patch({"type": "replace", "path": "Observation.value", "value": {"valueString": "x"}}), {"valueString": "x", "valueQuantity": None}),
    (_patch({"type": "delete", "path": "Observation.note[0]"}, {"type": "delete", "path": "Observation.note[0]"}), {"note": None}),
]  # fmt: skip


@pytest.mark.parametrize(("patch", "wanted"), GOOD)
@pytest.mark.capability("patchFormat application/fhir+json")
async def test_a_patch_changes_what_it_says(
    hospital: Institution, made: dict[str, Any], patch: Any, wanted: Any
) -> None:
    answer = await hospital.call("PATCH", f"/fhir/Observation/{made['id']}", patch)
    assert answer.status_code == 200, answer.text
    for key, value in (wanted if isinstance(wanted, dict) else {"note": wanted}).items():
        assert answer.json().get(key) == value


DEEP = "%resource.descendants()"
HUGE = f"{DEEP}.where({DEEP}.where({DEEP}.where({DEEP}.exists()).exists()).exists())"
BAD: list[tuple[dict[str, Any], int, str]] = [
    ({"resourceType": "Patient"}, 422, "field-invalid"),
    (_patch({"type": "swap", "path": "Observation.status"}), 422, "field-invalid"),
    (_patch({"path": "Observation.status"}), 422, "field-missing"),
    (_patch({"type": "replace", "path": "Observation.status"}), 422, "field-missing"),
    (_patch({"type": "replace", "path": "Observation.status", "value": {"valueCode": "done"}}), 422, "field-invalid"),
    (_patch({"type": "replace", "path": "Observation.id", "value": {"valueId": "x"}}), 422, "field-invalid"),
    (_patch({"type": "replace", "path": "Observation", "value": {"valueId": "x"}}), 422, "field-invalid"),
    (_patch({"type": "replace", "path": "Observation.note", "value": {"valueString": "x"}}), 422, "field-invalid"),
    (_patch({"type": "delete", "path": "Observation.note"}), 422, "field-invalid"),
    (_patch({"type": "delete", "path": "Observation.status"}), 422, "field-missing"),
    (_patch({"type": "add", "path": "Observation", "name": "nothing", "value": TEXT}), 422, "field-invalid"),
    (_patch({"type": "add", "path": "Observation", "name": "status", "value": {"valueCode": "final"}}), 422, "field-invalid"),
    (_patch({"type": "insert", "path": "Observation.note", "index": 9, "value": TEXT}), 422, "field-invalid"),
    (_patch({"type": "move", "path": "Observation.note", "source": 0, "destination": 2}), 422, "field-invalid"),
    (_patch({"type": "delete", "path": "Observation.status & 'x'"}), 422, "field-invalid"),
    (_patch({"type": "delete", "path": "Observation..status"}), 422, "expression-invalid"),
    (_patch({"type": "delete", "path": "Observation.launch()"}), 422, "expression-invalid"),
    (_patch({"type": "delete", "path": "(" * 500 + "status" + ")" * 500}), 422, "expression-invalid"),
    (_patch({"type": "delete", "path": "Observation" + ".note" * 500}), 422, "expression-invalid"),
    (_patch({"type": "delete", "path": "x" * 20_000}), 422, "expression-invalid"),
    (_patch({"type": "replace", "path": "Observation.note.where('" + "a" * 60 + "'.matches('^(a+)+b'))", "value": TEXT}), 422, "field-invalid"),
    (_patch({"type": "delete", "path": f"Observation.note.where({HUGE}.exists())"}), 400, "too-costly"),
    (_patch(*[{"type": "delete", "path": f"Observation.note.where({HUGE}.empty())"}] * 500), 400, "too-costly"),
    (_patch({"type": "delete", "path": "Observation.note.where('x'.replaceMatches('(a+)+$', '').empty())"}), 400, "too-costly"),
    (_patch({"type": "delete", "path": "Observation.note.where(''.matches('(((x{999}){999}){999})'))"}), 422, "expression-invalid"),
]  # fmt: skip


@pytest.mark.capability("patchFormat application/fhir+json")
async def test_what_is_no_patch_is_refused_soon_and_changes_nothing(
    platform: Platform, hospital: Institution, made: dict[str, Any]
) -> None:
    async with nothing_written(platform):
        for patch, status, code in BAD:
            began = time.process_time()
            answer = await hospital.call("PATCH", f"/fhir/Observation/{made['id']}", patch)
            assert_refused(answer, status, code)
            assert time.process_time() - began < 10, patch  # a bound on work, not on speed: unbounded it takes years


@pytest.mark.capability("patchFormat application/fhir+xml")
async def test_a_patch_in_xml_and_by_a_search(hospital: Institution) -> None:
    who = await hospital.create(patient(number="searched"))
    xml = b"""<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/>
      <part><name value="type"/><valueCode value="add"/></part><part><name value="path"/><valueString value="Patient"/></part>
      <part><name value="name"/><valueString value="contact"/></part>
      <part><name value="value"/><part><name value="name"/><valueHumanName><text value="Li"/></valueHumanName></part></part>
      </parameter></Parameters>"""
    answer = await hospital.call("PATCH", f"/fhir/Patient/{who['id']}", xml, content_type="application/fhir+xml")
    assert answer.json()["contact"] == [{"name": {"text": "Li"}}], answer.text
    named = who["identifier"][0]
    url = f"/fhir/Patient?identifier={named['system']}|{named['value']}"
    gender = _patch({"type": "delete", "path": "Patient.contact"})
    answer = await hospital.call("PATCH", url, gender)
    assert answer.status_code == 200, answer.text
    assert "contact" not in answer.json()
    nobody = f"/fhir/Patient?identifier={named['system']}|nobody"
    assert_refused(await hospital.call("PATCH", nobody, gender), 404, "not-found")
    assert_refused(await hospital.call("PATCH", "/fhir/Patient", gender), 422, "field-missing")


def _entry(made: dict[str, Any], patch: Any, **request: Any) -> dict[str, Any]:
    url = f"{made['resourceType']}/{made['id']}"
    return {"resource": patch, "request": {"method": "PATCH", "url": url, **request}}


@pytest.mark.capability("patch", "transaction", "batch")
async def test_patches_inside_bundles(platform: Platform, hospital: Institution, made: dict[str, Any]) -> None:
    operations = json.dumps([{"op": "remove", "path": "/note"}]).encode()
    binary = {
        "resourceType": "Binary",
        "contentType": "application/json-patch+json",
        "data": base64.b64encode(operations).decode(),
    }
    answer = await hospital.call(
        "POST", "/fhir", {"resourceType": "Bundle", "type": "transaction", "entry": [_entry(made, STATUS)]}
    )
    assert answer.status_code == 200, answer.text
    batch = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [_entry(made, _patch({"type": "delete", "path": "Observation.note"})), _entry(made, binary)],
    }
    answer = await hospital.call("POST", "/fhir", batch)
    assert [e["response"]["status"][:3] for e in answer.json()["entry"]] == ["422", "200"], answer.text
    read = (await hospital.call("GET", f"/fhir/Observation/{made['id']}")).json()
    assert (read["status"], "note" in read, read["meta"]["versionId"]) == ("amended", False, "3")
    async with nothing_written(platform):
        for entry in (
            _entry(made, STATUS, ifMatch='W/"1"'),
            _entry(made, {"resourceType": "Binary"}),
            _entry(made, None),
        ):
            said = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
            answer = await hospital.call("POST", "/fhir", said)
            assert answer.status_code in (412, 422), answer.text
