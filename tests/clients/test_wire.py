"""What only a real connection shows: early refusals, odd requests, HEAD, many at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from support import Institution, Platform, patient, serving


@pytest.fixture(scope="module")
async def live(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """`yima serve` in a process of its own."""
    data = tmp_path_factory.mktemp("serving")
    with serving(
        data, YIMA_DATABASE_URL=database_url, YIMA_WORKERS="2", YIMA_BASE_URL="http://yima.example:8420"
    ) as running:
        platform = await Platform.attach(running.base, database_url, data)
        platform.base = "http://yima.example:8420"  # the published address: what assertions are made out to
        yield platform
        await platform.stop()


@pytest.fixture(scope="module")
async def hospital(live: Platform) -> Institution:
    return await live.institution("A")


async def _raw(live: Platform, request: bytes, more: bytes = b"") -> bytes:
    """The first answer to raw bytes; `more` is sent only after it came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", live.client.base_url.port)
    writer.write(request)
    await writer.drain()
    answer = await asyncio.wait_for(reader.read(65536), 10)
    if more:
        writer.write(more)
    writer.close()
    return answer


async def test_a_length_over_the_limit_is_refused_before_the_body(live: Platform, hospital: Institution) -> None:
    token = await hospital.token()
    head = (
        f"POST /fhir HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/fhir+json\r\nContent-Length: {200 * 1024**2}\r\n\r\n"
    )
    answer = await _raw(live, head.encode())
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"body-too-large" in answer


RAW = {
    "no Host": b"GET /health/ready HTTP/1.0\r\n\r\n",
    "two Hosts": b"GET /health/ready HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
    "another Host": b"GET /health/ready HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    "length and chunks": (
        b"POST /fhir HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "two lengths": b"POST /fhir HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a line without end": b"GET /" + b"a" * 500_000,
}


@pytest.mark.parametrize("case", RAW)
async def test_odd_requests_do_no_harm(live: Platform, case: str) -> None:
    answer = await _raw(live, RAW[case])
    assert answer == b"" or answer.split(b" ")[1] in (b"200", b"400", b"401", b"414", b"431"), answer[:200]
    assert not (case == "another Host" and b" 200 " in answer)
    assert (await live.client.get("/health/ready")).status_code == 200


async def test_head_has_no_body(live: Platform, hospital: Institution) -> None:
    made = await hospital.create(patient())
    answer = await hospital.call("HEAD", f"/fhir/Patient/{made['id']}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["etag"] == 'W/"1"'


async def test_the_published_name_is_answered(live: Platform, hospital: Institution) -> None:
    assert (await live.client.get("/health/ready", headers={"host": "yima.example:8420"})).status_code == 200
    said = (await live.client.get("/.well-known/smart-configuration")).json()
    assert said["token_endpoint"] == "http://yima.example:8420/oauth/token"
    made = await hospital.call("POST", "/fhir/Patient", patient())
    assert made.headers["location"].startswith("http://yima.example:8420/fhir/Patient/")


async def test_two_workers_are_one_platform(live: Platform, hospital: Institution) -> None:
    """Tokens, page links, idempotency and codes mean the same to every worker."""
    made = await hospital.create(patient())
    found: list[Any] = await asyncio.gather(*(hospital.call("GET", f"/fhir/Patient/{made['id']}") for _ in range(60)))
    assert {answer.status_code for answer in found} == {200}
    sent = patient()
    answers = await asyncio.gather(
        *(hospital.call("POST", "/fhir/Patient", sent, idempotency_key="two") for _ in range(30))
    )
    assert len({answer.content for answer in answers}) == 1
    person = live.person_of(f"Patient/{made['id']}")
    text = live.dynamic(person)
    scans = await asyncio.gather(*(hospital.scan(text) for _ in range(20)))
    assert {answer.status_code for answer in scans} == {200}
    assert len({json.loads(answer.content)["visit"] for answer in scans}) == 1
