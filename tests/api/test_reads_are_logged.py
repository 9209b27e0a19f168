"""No read without a log line: it is committed before the bytes leave, denials too, and reads stop when it cannot be
written."""

from __future__ import annotations

import json
import re
from typing import Any

import asyncpg
import pytest

from support import Institution, Platform, assert_refused, bundle, entry, observation

READS = [
    ("GET", "/fhir/{observation}", "read"),
    ("GET", "/fhir/{observation}/_history/1", "read"),
    ("GET", "/fhir/{observation}/_history", "read"),
    ("GET", "/fhir/{patient}/$everything", "search"),
    ("GET", "/fhir/Observation?patient={patient}", "search"),
    ("GET", "/fhir/Observation?patient={patient}&_summary=count", "search"),
    ("GET", "/fhir/Patient?_id={id}", "search"),
]


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


@pytest.fixture
async def record(hospital: Institution) -> dict[str, Any]:
    addresses = await hospital.submit()
    return {
        "patient": addresses[0],
        "id": addresses[0].partition("/")[2],
        "observation": addresses[2],
        "person": Platform.person_of(addresses[0]),
    }


@pytest.mark.parametrize(("method", "path", "action"), READS, ids=[path for _, path, _ in READS])
async def test_a_read_is_one_line(
    platform: Platform, hospital: Institution, record: dict[str, Any], method: str, path: str, action: str
) -> None:
    before = await platform.log_of(record["person"])
    answer = await hospital.call(method, path.format(**record), x_request_id="the-request-id")
    assert answer.status_code == 200
    lines = (await platform.log_of(record["person"]))[len(before) :]
    assert [(line["action"], line["outcome"]) for line in lines] == [(action, "ok")]
    assert lines[0]["request_id"] == "the-request-id"
    assert (lines[0]["agent"], lines[0]["agent_id"], lines[0]["purpose"]) == ("app", hospital.client_id, "treatment")
    assert lines[0]["institution_name"] == f"{hospital.code}医院"
    assert json.loads(lines[0]["detail"])["types"]


@pytest.mark.parametrize(("method", "path", "action"), READS, ids=[path for _, path, _ in READS])
async def test_a_denial_is_a_line_too(
    platform: Platform, record: dict[str, Any], method: str, path: str, action: str
) -> None:
    other = await platform.institution("B")
    await other.submit()
    before = await platform.log_of(record["person"])
    answer = await other.call(method, path.format(**record))
    lines = (await platform.log_of(record["person"]))[len(before) :]
    assert [line["institution"] for line in lines] == [other.number]
    if answer.status_code != 200:
        assert [(line["action"], line["outcome"]) for line in lines] == [(action, "denied")]


async def test_reads_in_a_bundle_are_lines_each(
    platform: Platform, hospital: Institution, record: dict[str, Any]
) -> None:
    before = await platform.log_of(record["person"])
    sent = bundle(
        *(
            entry(None, "GET", path[6:].format(**record))
            for _, path, _ in READS
            if "everything" not in path and not path.endswith("_history")
        )
    )
    answer = await hospital.call("POST", "/fhir", sent)
    assert [e["response"]["status"] for e in answer.json()["entry"]] == ["200 OK"] * 5
    assert len(await platform.log_of(record["person"])) == len(before) + 5


async def test_a_submission_is_a_line_in_the_same_transaction(
    platform: Platform, hospital: Institution, record: dict[str, Any]
) -> None:
    line = (await platform.log_of(record["person"]))[0]
    assert (line["action"], line["outcome"], line["basis"]) == ("submit", "ok", "own-submission")
    assert json.loads(line["detail"])["types"] == {"Patient": 1, "Encounter": 1, "Observation": 2}
    refused = bundle(entry(observation(record["patient"])), entry(observation("Patient/nobody")))
    before = len(await platform.log_of(record["person"]))
    assert_refused(await hospital.call("POST", "/fhir", refused), 422, "reference-unresolved")
    assert len(await platform.log_of(record["person"])) == before


@pytest.mark.parametrize(("method", "path", "action"), READS, ids=[path for _, path, _ in READS])
async def test_reads_stop_when_the_log_cannot_be_written(
    platform: Platform, hospital: Institution, record: dict[str, Any], method: str, path: str, action: str
) -> None:
    owner = await _owner(platform)
    await owner.execute("revoke insert on audit.event from yima_app")
    try:
        answer = await hospital.call(method, path.format(**record))
        assert answer.status_code >= 500
        assert "mmol" not in answer.text
        assert 'resourceType":"Patient' not in answer.text
        scan = await hospital.scan(platform.dynamic(record["person"]))
        assert scan.status_code >= 500
        assert "name" not in scan.json()
    finally:
        await owner.execute("grant insert on audit.event to yima_app")
        await owner.close()
    assert (await hospital.call(method, path.format(**record))).status_code == 200


async def _owner(platform: Platform) -> Any:
    return await asyncpg.connect(platform.database_url)


async def test_the_log_can_only_be_added_to(platform: Platform, record: dict[str, Any]) -> None:
    for sql in ("update audit.event set outcome = 'ok'", "delete from audit.event", "truncate audit.event"):
        with pytest.raises(Exception, match="permission denied"):
            await platform.database.execute(sql)


async def test_no_number_no_name_no_content_in_the_log(platform: Platform, record: dict[str, Any]) -> None:
    text = str([dict(row) for row in await platform.database.fetch("select * from audit.event")])
    # Whole phone numbers: three digits also begin a drawn id.
    for secret in (r"139\d{8}", "mmol", "1558-6", "YM1:"):
        assert not re.search(f"'{secret}", text), secret
