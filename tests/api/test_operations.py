"""$validate, $meta, $lastn, $docref, and the history of a sandbox."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from support import Institution, Platform, assert_refused, nothing_written, observation, patient

TAG = {"system": "http://example.org/tags", "code": "reviewed"}


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("V")


@pytest.fixture(scope="module")
async def rita(hospital: Institution) -> str:
    """A patient with three glucose values and two potassium values, on five days."""
    subject = f"Patient/{(await hospital.create(patient(number='rita')))['id']}"
    potassium = {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]}
    for day in (1, 2, 3):
        await hospital.create(observation(subject, value=day, date=f"2025-01-0{day}"))
    for day in (4, 5):
        await hospital.create(observation(subject, value=day, date=f"2025-01-0{day}", code=potassium))
    return subject.removeprefix("Patient/")


def _parameters(**of: Any) -> dict[str, Any]:
    return {"resourceType": "Parameters", "parameter": [of]}


@pytest.mark.capability("operation $validate")
async def test_validating_tells_what_is_wrong_and_stores_nothing(platform: Platform, hospital: Institution) -> None:
    async with nothing_written(platform):
        good = await hospital.call("POST", "/fhir/Patient/$validate", patient())
        wrapped = _parameters(name="resource", resource=patient())
        also = await hospital.call("POST", "/fhir/Patient/$validate", wrapped)
        bad = await hospital.call("POST", "/fhir/Patient/$validate", patient(gender="wild", nothing=1))
        other = await hospital.call("POST", "/fhir/Observation/$validate", patient())
    for answer in (good, also):
        assert answer.status_code == 200
        said = {issue["severity"] for issue in answer.json()["issue"]}
        assert said == {"information", "warning"}, "no narrative (dom-6)"
    issues = {(i["severity"], i["expression"][0]) for i in bad.json()["issue"]}
    assert issues == {("error", "Patient.gender"), ("error", "Patient.nothing")}
    assert bad.status_code == 200
    assert other.json()["issue"][0]["details"]["coding"][0]["code"] == "resource-type-mismatch"
    assert_refused(await hospital.call("POST", "/fhir/Patient/$validate", b"{"), 400, "json-malformed")
    nobody = _parameters(name="other", valueString="x")
    assert_refused(await hospital.call("POST", "/fhir/Patient/$validate", nobody), 422, "field-missing")


@pytest.mark.capability("operation $meta", "operation $meta-add", "operation $meta-delete")
async def test_meta_is_read_added_to_and_taken_from(hospital: Institution) -> None:
    made = await hospital.create(patient())
    url = f"/fhir/Patient/{made['id']}"
    for _ in range(2):  # again changes nothing
        answer = await hospital.call("POST", f"{url}/$meta-add", _parameters(name="meta", valueMeta={"tag": [TAG]}))
        assert answer.json()["parameter"][0]["valueMeta"]["tag"] == [TAG]
    assert (await hospital.call("GET", f"{url}/$meta")).json()["parameter"][0]["valueMeta"]["tag"] == [TAG]
    found = await hospital.call("GET", f"/fhir/Patient?_id={made['id']}&_tag=http://example.org/tags|reviewed")
    assert found.json()["total"] == 1
    gone = _parameters(name="meta", valueMeta={"tag": [TAG | {"display": "whatever"}]})
    assert "tag" not in (await hospital.call("POST", f"{url}/$meta-delete", gone)).json()["parameter"][0]["valueMeta"]
    stranger = await hospital.platform.institution("W")
    assert_refused(await stranger.call("GET", f"{url}/$meta"), 404, "not-found")
    assert_refused(await stranger.call("POST", f"{url}/$meta-delete", gone), 404, "not-found")
    assert_refused(
        await hospital.call("POST", f"{url}/$meta-add", _parameters(name="x", valueCode="y")), 422, "field-missing"
    )


@pytest.mark.capability("operation $meta-add", "operation $meta-delete")
async def test_a_key_is_of_one_change_of_one_resource(hospital: Institution) -> None:
    """The same key with anything else is a mistake, never the answer to something that was not done."""
    who = (await hospital.create(patient()))["id"]
    one, other = [(await hospital.create(observation(f"Patient/{who}")))["id"] for _ in range(2)]
    sent = _parameters(name="meta", valueMeta={"tag": [TAG]})
    url, key = f"/fhir/Observation/{one}", {"idempotency_key": one}
    first, again = [await hospital.call("POST", f"{url}/$meta-add", sent, **key) for _ in range(2)]
    assert (first.status_code, first.content) == (200, again.content)
    others = _parameters(name="meta", valueMeta={"tag": [TAG | {"code": "other"}]})
    for address, body in (
        (f"/fhir/Observation/{other}/$meta-add", sent),
        (f"{url}/$meta-delete", sent),
        (f"{url}/$meta-add", others),
    ):
        assert_refused(await hospital.call("POST", address, body, **key), 409, "idempotency-mismatch")


_FEED = {
    "resourceType": "Bundle",
    "type": "message",
    "entry": [
        {"resource": {"resourceType": "MessageHeader", "id": "m", "eventUri": "urn:ihe:iti:pmir:2019:patient-feed"}},
        {"resource": {"resourceType": "Bundle", "type": "history", "entry": [{
            "fullUrl": "urn:uuid:1",
            "resource": {"resourceType": "Patient", "id": "x", "link": [{"type": "replaced-by", "other": {
                "reference": "Patient/y"}}]},
            "request": {"method": "PUT", "url": "Patient/x"},
        }]}},
    ],
}  # fmt: skip
ODD: Final = (1, "x", [1], {"a": 1}, [[]])


def _spoilt(tree: Any) -> Iterator[Any]:
    """The tree with each of its places, one after the other, holding something odd."""
    yield from ODD
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        for odd in _spoilt(value):
            yield {**tree, key: odd} if isinstance(tree, dict) else [*tree[:key], odd, *tree[key + 1 :]]


@pytest.mark.parametrize(
    ("address", "tree"),
    [
        ("Observation/{id}/$meta-add", _parameters(name="meta", valueMeta={"tag": [TAG], "profile": ["u:x"]})),
        ("Observation/{id}/$meta-delete", _parameters(name="meta", valueMeta={"tag": [TAG], "profile": ["u:x"]})),
        ("$process-message", _FEED),
    ],
)
async def test_what_is_not_in_its_form_is_refused(hospital: Institution, address: str, tree: Any) -> None:
    made = await hospital.create(observation(f"Patient/{(await hospital.create(patient()))['id']}"))
    for spoilt in _spoilt(tree):
        body = json.dumps(spoilt).encode()
        answer = await hospital.call("POST", f"/fhir/{address.format(id=made['id'])}", body)
        assert answer.status_code < 500 or answer.status_code == 501, (spoilt, answer.text)


LASTN = [("", [5, 3]), ("&max=2", [5, 4, 3, 2]), ("&max=9", [5, 4, 3, 2, 1]), ("&code=1558-6", [3])]


@pytest.mark.parametrize(("query", "values"), LASTN)
@pytest.mark.capability("operation $lastn")
async def test_the_latest_of_each_code(hospital: Institution, rita: str, query: str, values: list[int]) -> None:
    answer = await hospital.call("GET", f"/fhir/Observation/$lastn?patient={rita}{query}")
    assert answer.status_code == 200, answer.text
    assert [e["resource"]["valueQuantity"]["value"] for e in answer.json()["entry"]] == values


async def test_the_latest_of_nobody(hospital: Institution, rita: str) -> None:
    assert_refused(await hospital.call("GET", "/fhir/Observation/$lastn"), 403, "person-not-named")
    for wrong in ("0", "x", "1001"):
        answer = await hospital.call("GET", f"/fhir/Observation/$lastn?patient={rita}&max={wrong}")
        assert_refused(answer, 400, "search-value-invalid")


@pytest.mark.capability("operation $docref")
async def test_documents_of_a_time(hospital: Institution, rita: str) -> None:
    for month in ("01", "06"):
        attachment = {"contentType": "text/plain", "data": base64.b64encode(b"x").decode()}
        await hospital.create({
            "resourceType": "DocumentReference", "status": "current", "subject": {"reference": f"Patient/{rita}"},
            "date": f"2025-{month}-01T00:00:00Z", "content": [{"attachment": attachment}],
        })  # fmt: skip
    url = f"/fhir/DocumentReference/$docref?patient={rita}"
    assert (await hospital.call("GET", url)).json()["total"] == 2
    assert (await hospital.call("GET", f"{url}&start=2025-03")).json()["total"] == 1
    assert (await hospital.call("GET", f"{url}&end=2024")).json()["total"] == 0
    assert_refused(await hospital.call("GET", f"{url}&colour=red"), 400, "search-parameter-unknown")


@pytest.mark.capability("history-type")
async def test_only_a_sandbox_sees_the_history_of_a_type(platform: Platform, hospital: Institution) -> None:
    sandbox = await platform.institution("X", matching="off")
    made = await sandbox.create(patient(number="h"))
    changed = made | {"gender": "male"}
    assert (await sandbox.call("PUT", f"/fhir/Patient/{made['id']}", changed)).status_code == 200
    assert (await sandbox.call("DELETE", f"/fhir/Patient/{made['id']}")).status_code == 204
    for url in ("/fhir/Patient/_history", "/fhir/_history", "/fhir/_history?_since=2020-01-01"):
        answer = (await sandbox.call("GET", url)).json()
        assert [e["request"]["method"] for e in answer["entry"]] == ["DELETE", "PUT", "POST"]
    assert (await sandbox.call("GET", "/fhir/Observation/_history")).json()["total"] == 0
    assert len((await sandbox.call("GET", "/fhir/Patient/_history?_count=1")).json()["entry"]) == 1
    for url in ("/fhir/Patient/_history", "/fhir/_history"):
        assert_refused(await hospital.call("GET", url), 403, "person-not-named")
