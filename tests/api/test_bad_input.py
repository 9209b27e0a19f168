"""What comes in wrong, by accident or on purpose: the right status and code, nothing written, never a 5xx."""

from __future__ import annotations

import asyncio
import gzip
import json
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from support import (
    Institution,
    Platform,
    assert_refused,
    bundle,
    entry,
    issues_of,
    nothing_written,
    observation,
    patient,
    urn,
)
from yima.api import patience

MIB = 1024 * 1024


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


@pytest.fixture(scope="module")
async def subject(hospital: Institution) -> str:
    return f"Patient/{(await hospital.create(patient()))['id']}"


# --- the body as bytes -----------------------------------------------------------------------------------------------

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
    "1e999999999999": (
        b'{"resourceType":"Observation","valueQuantity":{"value":1e999999999999}}',
        400,
        "number-out-of-range",
    ),
    "10,000 digits": (
        b'{"resourceType":"Observation","valueInteger":' + b"9" * 10_000 + b"}",
        400,
        "number-out-of-range",
    ),
    "10,000 decimals": (
        b'{"resourceType":"Observation","valueQuantity":{"value":0.' + b"1" * 10_000 + b"}}",
        400,
        "number-out-of-range",
    ),
    "duplicate key": (b'{"resourceType":"Patient","gender":"male","gender":"female"}', 400, "json-duplicate-key"),
    "duplicate key, disguised": (
        b'{"resourceType":"Patient","gender":"male","\\u0067ender":"female"}',
        400,
        "json-duplicate-key",
    ),
    "duplicate key inside": (b'{"resourceType":"Patient","name":[{"text":"a","text":"b"}]}', 400, "json-duplicate-key"),
    "depth 100,000": (
        b'{"resourceType":"Patient","extension":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        400,
        "json-too-deep",
    ),
    "depth 100,000, unclosed": (b"[" * 100_000, 400, "json-too-deep"),
    "depth 100": (
        b'{"resourceType":"Patient","extension":' + b'[{"extension":' * 50 + b"1" + b"}]" * 50 + b"}",
        400,
        "json-too-deep",
    ),
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
        answer = await hospital.call("POST", address, body)
    assert_refused(answer, status, code)


async def test_a_declared_length_is_refused_unread(platform: Platform, hospital: Institution) -> None:
    """200 MB announced: answered before a byte of the body is asked for."""
    asked = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal asked
        asked += 1
        yield b" " * MIB

    headers = {
        "content-length": str(200 * MIB),
        "content-type": "application/fhir+json",
        "authorization": f"Bearer {await hospital.token()}",
    }
    for address in ("/fhir", "/fhir/Patient", "/fhir/Observation/_search", "/code/verify", "/oauth/token"):
        kinds = {
            "/oauth/token": "x-www-form-urlencoded",
            "/fhir/Observation/_search": "x-www-form-urlencoded",
            "/code/verify": "json",
        }
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


@pytest.mark.parametrize(
    ("address", "kind"),
    [("/code/verify", "json"), ("/oauth/token", "x-www-form-urlencoded"), ("/fhir/Patient", "fhir+json"),
     ("/fhir/Observation/_search", "x-www-form-urlencoded"), ("/resident/sign-in", "x-www-form-urlencoded")],
)  # fmt: skip
async def test_a_body_that_does_not_arrive_is_not_waited_for(
    hospital: Institution, platform: Platform, monkeypatch: pytest.MonkeyPatch, address: str, kind: str
) -> None:
    """Announced bodies that never come would keep everybody else out, before anybody has said who they are."""
    monkeypatch.setattr(patience, "SECONDS", 0.2)

    async def body() -> AsyncIterator[bytes]:
        yield b" "
        await asyncio.sleep(60)
        yield b" "

    headers = {
        "content-type": f"application/{kind}",
        "content-length": "64",
        "authorization": f"Bearer {await hospital.token()}",
    }
    answer = await asyncio.wait_for(platform.client.post(address, content=body(), headers=headers), 10)
    assert answer.status_code == 408, answer.text
    assert platform.app
    assert not any(gate.under_way for gate in platform.app._gates._gates.values())


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
        assert_refused(
            await hospital.call("POST", "/fhir/Patient", body, content_encoding=other), 415, "unsupported-media-type"
        )


async def test_a_bundle_of_100_000_entries(platform: Platform, hospital: Institution) -> None:
    sent = b'{"resourceType":"Bundle","type":"batch","entry":[' + b",".join([b"{}"] * 100_000) + b"]}"
    async with nothing_written(platform):
        assert_refused(await hospital.call("POST", "/fhir", sent), 413, "too-many-entries")


async def test_too_many_readings_in_a_bundle(hospital: Institution, subject: str) -> None:
    sent = bundle(*(entry(None, "GET", subject) for _ in range(101)), kind="batch")
    assert_refused(await hospital.call("POST", "/fhir", sent), 400, "too-costly")


# --- the shape of a Bundle -------------------------------------------------------------------------------------------

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
    "method is a list": (
        bundle({"resource": patient(), "request": {"method": ["POST"], "url": "Patient"}}),
        "field-invalid",
    ),
    "PATCH": (bundle(entry(patient(), "PATCH", "Patient/1")), "field-invalid"),
    "POST with an id": (bundle(entry(patient(), "POST", "Patient/1")), "field-invalid"),
    "PUT without an id": (bundle(entry(patient(), "PUT", "Patient")), "field-invalid"),
    "DELETE without an id": (bundle(entry(None, "DELETE", "Patient")), "field-invalid"),
    "DELETE by a chain": (
        bundle(entry(None, "DELETE", "Observation?patient=1&encounter.status=x")),
        "search-parameter-unknown",
    ),
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
    "a search that finds nobody": (
        bundle(entry(observation("Patient?identifier=urn:a|nobody"))),
        "reference-unresolved",
    ),
    "a loose end elsewhere": (
        bundle(entry(patient(managingOrganization={"reference": urn()}))),
        "reference-unresolved",
    ),
    "a search for nothing": (
        bundle(entry(patient(managingOrganization={"reference": "Organization?identifier=urn:a|none"}))),
        "reference-unresolved",
    ),
}


@pytest.mark.parametrize("case", BUNDLES)
async def test_a_bundle_that_cannot_be_carried_out(platform: Platform, hospital: Institution, case: str) -> None:
    sent, code = BUNDLES[case]
    async with nothing_written(platform):
        answer = await hospital.call("POST", "/fhir", sent)
    assert answer.status_code in (400, 422), answer.text
    assert_refused(answer, answer.status_code, code)


async def test_all_mistakes_are_told_at_once_with_their_places(
    platform: Platform, hospital: Institution, subject: str
) -> None:
    sent = bundle(
        entry(patient(gender="femal", birthDate="1985-02-30")),
        entry(observation(subject)),
        entry({"resourceType": "Observation", "subject": {"reference": subject}, "colour": "red"}),
        entry(patient(), "PUT", "Patient"),
    )
    async with nothing_written(platform):
        answer = await hospital.call("POST", "/fhir", sent)
    assert set(issues_of(answer)) == {
        ("field-invalid", "Bundle.entry[0].resource.gender"),
        ("field-invalid", "Bundle.entry[0].resource.birthDate"),
        ("field-missing", "Bundle.entry[2].resource.status"),
        ("field-missing", "Bundle.entry[2].resource.code"),
        ("field-unknown", "Bundle.entry[2].resource.colour"),
        ("field-invalid", "Bundle.entry[3].request.url"),
    }
