"""XML over HTTP: sent, asked for, refused."""

from __future__ import annotations

import pytest

from support import Institution, Platform, assert_refused, bundle, entry, observation, patient
from yima import fhir

XML = "application/fhir+xml"


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("M")


@pytest.mark.capability("format xml")
async def test_a_resource_sent_as_xml_is_the_same_as_json(hospital: Institution) -> None:
    body = fhir.to_xml(patient(number="xml-1"))
    made = await hospital.call("POST", "/fhir/Patient", body, content_type=f"{XML}; charset=utf-8", accept=XML)
    assert (made.status_code, made.headers["content-type"]) == (201, XML)
    stored = fhir.parse_xml(made.content)
    read = (await hospital.call("GET", f"/fhir/Patient/{stored['id']}")).json()
    assert read == stored
    bundled = fhir.to_xml(bundle(entry(observation(f"Patient/{stored['id']}"))))
    answer = await hospital.call("POST", "/fhir", bundled, content_type="application/xml", accept="application/xml")
    assert fhir.parse_xml(answer.content)["entry"][0]["response"]["status"] == "201 Created"
    found = await hospital.call("GET", f"/fhir/Observation?patient={stored['id']}&_format=xml")
    assert fhir.parse_xml(found.content)["total"] == 1


WANTED = [
    ("application/fhir+json", "", "json"),
    ("application/fhir+xml", "", "xml"),
    ("text/xml", "", "xml"),
    ("application/fhir+json;q=0.2, application/fhir+xml;q=0.9", "", "xml"),
    ("application/fhir+xml;q=0.2, application/json", "", "json"),
    ("text/html, application/xhtml+xml, */*;q=0.8", "", "json"),
    ("application/fhir+xml", "?_format=json", "json"),
    ("application/fhir+json", "?_format=xml", "xml"),
    ("application/fhir+json", "?_format=application/fhir%2Bxml", "xml"),
    ("application/fhir+json", "?_format=application/fhir+xml", "xml"),
]


@pytest.mark.parametrize(("accept", "query", "wanted"), WANTED)
@pytest.mark.capability("format xml", "format json")
async def test_the_client_chooses(hospital: Institution, accept: str, query: str, wanted: str) -> None:
    answer = await hospital.call("GET", f"/fhir/metadata{query}", accept=accept)
    assert answer.headers["content-type"] == f"application/fhir+{wanted}"


@pytest.mark.parametrize(
    ("accept", "query"), [("image/png", ""), ("*/*", "?_format=pdf"), ("application/fhir+xml;q=0", "")]
)
async def test_or_is_told_that_it_cannot(hospital: Institution, accept: str, query: str) -> None:
    assert_refused(await hospital.call("GET", f"/fhir/metadata{query}", accept=accept), 406, "not-acceptable")


@pytest.mark.capability("format xml")
async def test_refusals_come_as_xml_too(hospital: Institution) -> None:
    answer = await hospital.call("GET", "/fhir/Patient/unknown", accept=XML)
    assert (answer.status_code, answer.headers["content-type"]) == (404, XML)
    assert fhir.parse_xml(answer.content)["issue"][0]["details"]["coding"][0]["code"] == "not-found"
    bomb = b'<!DOCTYPE a [<!ENTITY b "c">]><Patient xmlns="http://hl7.org/fhir"/>'
    answer = await hospital.call("POST", "/fhir/Patient", bomb, content_type=XML, accept="application/json")
    assert_refused(answer, 400, "xml-malformed")
