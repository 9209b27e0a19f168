"""What comes in wrong, by accident or on purpose: the right status and code, nothing written, never a 5xx."""

from __future__ import annotations

import gzip
import json
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from support import Institution, Platform, assert_refused, bundle, entry, issues_of, nothing_written, observation, patient, urn

MIB = 1024 * 1024


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


@pytest.fixture(scope="module")
async def subject(hospital: Institution) -> str:
    return f"Patient/{(await hospital.create(patient()))['id']}"


# --- the body as bytes --------------------------------------------------------------------------------------------------

BYTES: dict[str, tuple[bytes, int, str]] = {
    "empty": (b"", 400, "json-malformed"),
    "not JSON": (b"<Patient/>", 400, "json-malformed"),
    "cut short": (b'{"resourceType":"Patient"', 400, "json-malformed"),
    "a list": (b"[]", 400, "json-malformed"),
    "null": (b"null", 400, "json-malformed"),
    "a string": (b'"Patient"', 400, "json-malformed"),
    "two values": (b'{"resourceType":"Patient"}{"resourceType":"Patient"}', 400, "json-malformed"),
    "not UTF-8": (b'{"resourceType":"Patient","language":"\xff"}', 400, "json-malformed"),
    "GB18030": ('{"resourceType":"Patient","name":[{"text":"张伟"}]}'.encode("gb18030"), 400, "json-malformed"),
    "UTF-16": ('{"resourceType":"Patient"}'.encode("utf-16"), 400, "json-malformed"),
    "lone surrogate": (b'{"resourceType":"Patient","language":"\\ud800"}', 400, "json-malformed"),
    "NaN": (b'{"resourceType":"Observation","valueQuantity":{"value":NaN}}', 400, "json-malformed"),
    "Infinity": (b'{"resourceType":"Observation","valueQuantity":{"value":-Infinity}}', 400, "json-malformed"),
    "1e400": (b'{"resourceType":"Observation","valueQuantity":{"value":1e400}}', 400, "number-out-of-range"),
    "1e-400": (b'{"resourceType":"Observation","valueQuantity":{"value":1e-400}}', 400, "number-out-of-range"),
    "1e999999999999": (b'{"resourceType":"Observation","valueQuantity":{"value":1e999999999999}}', 400, "number-out-of-range"),
    "10,000 digits": (b'{"resourceType":"Observation","valueInteger":' + b"9" * 10_000 + b"}", 400, "number-out-of-range"),
    "10,000 decimals": (b'{"resourceType":"Observation","valueQuantity":{"value":0.' + b"1" * 10_000 + b"}}", 400, "number-out-of-range"),
    "duplicate key": (b'{"resourceType":"Patient","gender":"male","gender":"female"}', 400, "json-duplicate-key"),
    "duplicate key, disguised": (b'{"resourceType":"Patient","gender":"male","\\u0067ender":"female"}', 400, "json-duplicate-key"),
    "duplicate key inside": (b'{"resourceType":"Patient","name":[{"text":"a","text":"b"}]}', 400, "json-duplicate-key"),
    "depth 100,000": (b'{"resourceType":"Patient","extension":' + b"[" * 100_000 + b"]" * 100_000 + b"}", 400, "json-too-deep"),
    "depth 100,000, unclosed": (b"[" * 100_000, 400, "json-too-deep"),
    "depth 100": (b'{"resourceType":"Patient","extension":' + b'[{"extension":' * 50 + b"1" + b"}]" * 50 + b"}", 400, "json-too-deep"),
    "NUL in text": (b'{"resourceType":"Patient","language":"a\\u0000b"}', 422, "field-invalid"),
    "NUL in a key": (b'{"resourceType":"Patient","a\\u0000b":1}', 422, "field-invalid"),
    "a raw NUL": (b'{"resourceType":"Patient","language":"a\x00b"}', 400, "json-malformed"),
    "no type": (b'{"id":"1"}', 422, "field-missing"),
    "type is a number": (b'{"resourceType":1}', 422, "field-missing"),
    "a type that is none": (b'{"resourceType":"Hospital"}', 400, "resource-type-mismatch"),
}


@pytest.mark.parametrize("case", BYTES)
@pytest.mark.parametrize("address", ["/fhir/Patient", "/fhir"])
async def test_bytes_that_are_no_resource(platform: Platform, hospital: Institution, case: str, address: str) -> None:
    body, status, code = BYTES[case]
    if address == "/fhir/Patient" and b'"Observation"' in body:
        address = "/fhir/Observation"
    async with nothing_written(platform):
        began = time.perf_counter()
        answer = await hospital.call("POST", address, body)
        seconds = time.perf_counter() - began
    assert_refused(answer, status, code)
    assert seconds < 1


async def test_a_declared_length_is_refused_unread(platform: Platform, hospital: Institution) -> None:
    """200 MB announced: answered before a byte of the body is asked for."""
    asked = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal asked
        asked += 1
        yield b" " * MIB

    headers = {"content-length": str(200 * MIB), "content-type": "application/fhir+json", "authorization": f"Bearer {await hospital.token()}"}
    for address in ("/fhir", "/fhir/Patient", "/fhir/Observation/_search", "/code/verify", "/oauth/token"):
        kinds = {"/oauth/token": "x-www-form-urlencoded", "/fhir/Observation/_search": "x-www-form-urlencoded", "/code/verify": "json"}
        kind = {"content-type": f"application/{kinds.get(address, 'fhir+json')}"}
        answer = await platform.client.post(address, content=body(), headers=headers | kind)
        assert_refused(answer, 413, "body-too-large")
    assert asked == 0


async def test_an_endless_stream_is_cut_off(hospital: Institution, platform: Platform) -> None:
    sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 200 * MIB:
            sent += MIB
            yield b" " * MIB

    headers = {"content-type": "application/fhir+json", "authorization": f"Bearer {await hospital.token()}"}
    assert_refused(await platform.client.post("/fhir", content=body(), headers=headers), 413, "body-too-large")
    assert sent <= 18 * MIB  # 16 MiB are allowed


def _bomb(unpacked: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(b" " * MIB) for _ in range(unpacked // MIB)) + packer.flush()


PACKED: dict[str, tuple[Callable[[bytes], bytes], int, str]] = {
    "a bomb": (lambda _: _bomb(300 * MIB), 413, "body-too-large"),
    "damaged": (lambda b: gzip.compress(b)[:20] + b"xxxxxxxxxx" + gzip.compress(b)[30:], 400, "json-malformed"),
    "cut short": (lambda b: gzip.compress(b)[:-10], 400, "json-malformed"),
    "not gzip": (lambda b: b, 400, "json-malformed"),
    "two members": (lambda b: gzip.compress(b) + gzip.compress(b), 400, "json-malformed"),
    "something behind": (lambda b: gzip.compress(b) + b"x" * 100, 400, "json-malformed"),
    "far too much behind": (lambda b: gzip.compress(b) + b"x" * 17 * MIB, 413, "body-too-large"),
}


@pytest.mark.parametrize("case", PACKED)
async def test_packed_bodies(platform: Platform, hospital: Institution, case: str) -> None:
    pack, status, code = PACKED[case]
    body = pack(json.dumps(patient()).encode())
    await hospital.token()
    tracemalloc.start()
    async with nothing_written(platform):
        answer = await hospital.call("POST", "/fhir/Patient", body, content_encoding="gzip")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    if case == "far too much behind":
        assert answer.status_code in (400, 413)
    else:
        assert_refused(answer, status, code)
    assert peak < 80 * MIB


async def test_gzip_is_understood(hospital: Institution) -> None:
    body = gzip.compress(json.dumps(patient()).encode())
    assert (await hospital.call("POST", "/fhir/Patient", body, content_encoding="gzip")).status_code == 201
    for other in ("br", "deflate", "gzip, gzip", "x"):
        assert_refused(await hospital.call("POST", "/fhir/Patient", body, content_encoding=other), 415, "unsupported-media-type")


async def test_a_bundle_of_100_000_entries(platform: Platform, hospital: Institution) -> None:
    sent = b'{"resourceType":"Bundle","type":"batch","entry":[' + b",".join([b"{}"] * 100_000) + b"]}"
    async with nothing_written(platform):
        began = time.perf_counter()
        assert_refused(await hospital.call("POST", "/fhir", sent), 413, "too-many-entries")
        assert time.perf_counter() - began < 2


async def test_too_many_readings_in_a_bundle(hospital: Institution, subject: str) -> None:
    sent = bundle(*(entry(None, "GET", subject) for _ in range(101)), kind="batch")
    assert_refused(await hospital.call("POST", "/fhir", sent), 400, "too-costly")


# --- the shape of a Bundle ------------------------------------------------------------------------------------------------

GOOD = entry(patient(), fullUrl=urn())
BUNDLES: dict[str, tuple[Any, str]] = {
    "no type": ({"resourceType": "Bundle"}, "field-invalid"),
    "a document": (bundle(GOOD, kind="document"), "field-invalid"),
    "a history": (bundle(GOOD, kind="history"), "field-invalid"),
    "type is a list": (bundle(GOOD, kind=["transaction"]), "field-invalid"),  # type: ignore[arg-type]  # wrong on purpose
    "entry is an object": ({"resourceType": "Bundle", "type": "batch", "entry": {"a": 1}}, "field-invalid"),
    "entry is text": ({"resourceType": "Bundle", "type": "batch", "entry": "x"}, "field-invalid"),
    "an entry is null": (bundle(None), "field-missing"),  # type: ignore[arg-type]  # wrong on purpose
    "an entry is text": (bundle("x"), "field-missing"),  # type: ignore[arg-type]  # wrong on purpose
    "no request": (bundle({"resource": patient()}), "field-missing"),
    "request is text": (bundle({"resource": patient(), "request": "POST"}), "field-missing"),
    "no url": (bundle({"resource": patient(), "request": {"method": "POST"}}), "field-missing"),
    "url is a number": (bundle({"resource": patient(), "request": {"method": "POST", "url": 1}}), "field-missing"),
    "no method": (bundle({"resource": patient(), "request": {"url": "Patient"}}), "field-invalid"),
    "method is a list": (bundle({"resource": patient(), "request": {"method": ["POST"], "url": "Patient"}}), "field-invalid"),
    "PATCH": (bundle(entry(patient(), "PATCH", "Patient/1")), "field-invalid"),
    "POST with an id": (bundle(entry(patient(), "POST", "Patient/1")), "field-invalid"),
    "PUT without an id": (bundle(entry(patient(), "PUT", "Patient")), "field-invalid"),
    "DELETE without an id": (bundle(entry(None, "DELETE", "Patient")), "field-invalid"),
    "DELETE by a search": (bundle(entry(None, "DELETE", "Patient?identifier=a|b")), "field-invalid"),
    "another type's url": (bundle(entry(patient(), "POST", "Observation")), "resource-type-mismatch"),
    "url of no type": (bundle(entry(patient(), "POST", "Hospital")), "field-invalid"),
    "url outside": (bundle(entry(patient(), "POST", "http://evil.example/Patient")), "field-invalid"),
    "url climbing": (bundle(entry(patient(), "POST", "../../etc/passwd")), "field-invalid"),
    "no resource": (bundle({"request": {"method": "POST", "url": "Patient"}}), "field-missing"),
    "resource is text": (bundle({"request": {"method": "POST", "url": "Patient"}, "resource": "x"}), "field-missing"),
    "fullUrl twice": (bundle(GOOD, GOOD), "field-invalid"),
    "fullUrl is a number": (bundle(GOOD | {"fullUrl": 7}), "field-invalid"),
    "identifier is text": (bundle(GOOD, identifier="abc"), "field-invalid"),
    "identifier without value": (bundle(GOOD, identifier={"system": "a"}), "field-invalid"),
    "identifier's value is an object": (bundle(GOOD, identifier={"value": {"a": 1}}), "field-invalid"),
    "ifMatch is no version": (bundle(entry(patient(), "PUT", "Patient/1", ifMatch="x")), "field-invalid"),
    "ifMatch is a superscript": (bundle(entry(patient(), "PUT", "Patient/1", ifMatch='W/"\u00b2"')), "field-invalid"),
    "ifMatch is an object": (bundle(entry(patient(), "PUT", "Patient/1", ifMatch={"a": 1})), "field-invalid"),
    "ifNoneExist is an object": (bundle(entry(patient(), ifNoneExist={"a": 1})), "field-invalid"),
    "a reference to nobody": (bundle(entry(observation(urn()))), "reference-unresolved"),
    "a reference to an unknown patient": (bundle(entry(observation("Patient/1"))), "reference-unresolved"),
    "a search that finds nobody": (bundle(entry(observation("Patient?identifier=urn:a|nobody"))), "reference-unresolved"),
    "a loose end elsewhere": (bundle(entry(patient(managingOrganization={"reference": urn()}))), "reference-unresolved"),
    "a search for nothing": (
        bundle(entry(patient(managingOrganization={"reference": "Organization?identifier=urn:a|none"}))), "reference-unresolved"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BUNDLES)
async def test_a_bundle_that_cannot_be_carried_out(platform: Platform, hospital: Institution, case: str) -> None:
    sent, code = BUNDLES[case]
    async with nothing_written(platform):
        answer = await hospital.call("POST", "/fhir", sent)
    assert answer.status_code in (400, 422), answer.text
    assert_refused(answer, answer.status_code, code)


async def test_all_mistakes_are_told_at_once_with_their_places(platform: Platform, hospital: Institution, subject: str) -> None:
    sent = bundle(
        entry(patient(gender="femal", birthDate="1985-02-30")),
        entry(observation(subject)),
        entry({"resourceType": "Observation", "subject": {"reference": subject}, "colour": "red"}),
        entry(patient(), "PUT", "Patient"),
    )
    async with nothing_written(platform):
        answer = await hospital.call("POST", "/fhir", sent)
    assert set(issues_of(answer)) == {
        ("field-invalid", "Bundle.entry[0].resource.gender"), ("field-invalid", "Bundle.entry[0].resource.birthDate"),
        ("field-missing", "Bundle.entry[2].resource.status"), ("field-missing", "Bundle.entry[2].resource.code"),
        ("field-unknown", "Bundle.entry[2].resource.colour"), ("field-invalid", "Bundle.entry[3].request.url"),
    }  # fmt: skip


# --- the content of a resource ----------------------------------------------------------------------------------------------

RESOURCES: dict[str, tuple[dict[str, Any], str]] = {
    "unknown element": (patient(colour="red"), "field-unknown"),
    "wrong type": (patient(active="yes"), "field-invalid"),
    "number as text": (patient(multipleBirthInteger="2"), "field-invalid"),
    "list where one is": (patient(gender=["female"]), "field-invalid"),
    "one where a list is": (patient(name={"text": "x"}), "field-invalid"),
    "empty list": (patient(name=[]), "field-invalid"),
    "empty object": (patient(maritalStatus={}), "field-invalid"),
    "null": (patient(gender=None), "field-invalid"),
    "empty text": (patient(language=""), "field-invalid"),
    "no such day": (patient(birthDate="2023-02-29"), "field-invalid"),
    "code that is none": (patient(gender="weiblich"), "field-invalid"),
    "both of a choice": (patient(deceasedBoolean=False, deceasedDateTime="2026"), "field-invalid"),
    "script in the narrative": (
        patient(text={"status": "generated", "div": "<div xmlns='http://www.w3.org/1999/xhtml'><script>alert(1)</script></div>"}), "field-invalid"
    ),
    "wrong check digit": (patient(identifier=[{"system": "urn:oid:2.16.156.10011.1.3", "value": "110100201712250061"}]), "field-invalid"),
    "contained in contained": (patient(contained=[{"resourceType": "Patient", "contained": [{"resourceType": "Patient"}]}]), "field-invalid"),
}  # fmt: skip


@pytest.mark.parametrize("case", RESOURCES)
async def test_a_resource_that_is_not_r4(platform: Platform, hospital: Institution, case: str) -> None:
    sent, code = RESOURCES[case]
    async with nothing_written(platform):
        assert_refused(await hospital.call("POST", "/fhir/Patient", sent), 422, code)


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "=HYPERLINK(1)", "'; drop table mpi.person; --", "\u202egnp.exe", "张" * 5000, "{{7*7}}"])
async def test_hostile_names_are_only_names(platform: Platform, hospital: Institution, name: str) -> None:
    made = await hospital.create(patient(name=[{"text": name}]))
    assert made["name"] == [{"text": name}]
    person = platform.person_of(f"Patient/{made['id']}")
    assert (await hospital.scan(platform.dynamic(person))).json()["identity"]["name"] == name


async def test_an_identity_number_in_a_mistake_is_not_repeated(hospital: Institution) -> None:
    wrong = "110100201712250061"
    sent = patient(identifier=[{"system": "urn:oid:2.16.156.10011.1.3", "value": wrong}], birthDate=wrong, gender=wrong)
    answer = await hospital.call("POST", "/fhir/Patient", sent)
    assert answer.status_code == 422
    assert wrong not in answer.text


# --- the request around it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "localhost@evil.example", "evil.example@localhost", "[::2]", "[", "x" * 5000, "127.0.0.2"])
async def test_requests_for_another_host(platform: Platform, hospital: Institution, host: str) -> None:
    for address in ("/fhir/Patient/1", "/code/verify", "/resident/", "/health/ready"):
        answer = await platform.client.get(address, headers={"host": host, "authorization": f"Bearer {await hospital.token()}"})
        assert answer.status_code == 400, answer.text
        assert "host-unknown" in answer.text
    assert (await platform.client.get("/health/live", headers={"host": host})).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8420", "localhost:1", "LOCALHOST", "[::1]", "[::1]:8420"])
async def test_requests_for_this_host(platform: Platform, host: str) -> None:
    assert (await platform.client.get("/health/ready", headers={"host": host})).status_code == 200


HEADERS = [
    {"content-length": "\u00b2"}, {"content-length": "9" * 5000}, {"content-length": "-5"}, {"if-none-match": "\x7f" * 500}, {"accept-language": "," * 9000},
    {"content-type": ";" * 3000}, {"content-type": "application/fhir+json; charset"}, {"prefer": "\u00ff" * 300}, {"yima-visit": "\u00ff" * 300},
    {"x-request-id": "\u00ff" * 30}, {"if-modified-since": "Mon, 99 Foo 99999 99:99:99 GMT"}, {"authorization": "Bearer " + "\u00ff" * 60},
    {"idempotency-key": "\u00ff" * 200}, {"if-none-exist": "?" * 300}, {"if-none-exist": "%00=%00"}, {"if-none-exist": "identifier=\u00ff|%ff"},
    {"if-match": "W/" * 200},
]  # fmt: skip


@pytest.mark.parametrize("headers", HEADERS, ids=[f"{k}: {v[:12]!r}" for row in HEADERS for k, v in row.items()])
async def test_odd_headers_never_break_anything(platform: Platform, hospital: Institution, subject: str, headers: dict[str, str]) -> None:
    base = {"authorization": f"Bearer {await hospital.token()}".encode(), "content-type": b"application/fhir+json"}
    raw = base | {name: value.encode("latin-1") for name, value in headers.items()}
    for method, address in (("GET", f"/fhir/{subject}"), ("POST", "/fhir/Organization"), ("PUT", f"/fhir/{subject}"), ("POST", "/fhir")):
        content = json.dumps({"resourceType": "Organization", "name": "x"}).encode() if method != "GET" else None
        answer = await platform.client.request(method, address, headers=raw, content=content)
        assert answer.status_code < 500, (method, address, answer.text)
