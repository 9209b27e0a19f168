"""One institution cannot fill a person's record: beyond its ceiling it is refused, and nobody else is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from support import Platform, assert_refused, bundle, entry, observation, patient


@pytest.fixture(scope="module")
async def small(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    running = await Platform.start(
        database_url, tmp_path_factory.mktemp("small"), development=True, record_versions_ceiling=100
    )
    yield running
    await running.stop()


async def test_a_record_is_full_for_one_institution_and_open_to_all_others(small: Platform) -> None:
    hospital, other = await small.institution("F"), await small.institution("G")
    mine = [f"Patient/{(await hospital.create(patient(hospital.code, number=n)))['id']}" for n in "ab"]
    theirs = f"Patient/{(await other.create(patient(other.code, number='c')))['id']}"
    await hospital.submit(bundle(*(entry(observation(mine[0])) for _ in range(94))))
    # With its Patient 95 are there: five of those that come at once find room, whoever they share a transaction with.
    sent = [observation(mine[0]) for _ in range(8)] + [observation(mine[1]) for _ in range(3)]
    answers = await asyncio.gather(*(hospital.call("POST", "/fhir/Observation", one) for one in sent))
    assert sorted(a.status_code for a in answers) == [201] * 8 + [422] * 3
    assert {a.status_code for a in answers[8:]} == {201}
    stored = next(a.json() for a in answers if a.status_code == 201)
    refused = [
        *(a for a in answers if a.status_code == 422),
        await hospital.call("POST", "/fhir", bundle(entry(observation(mine[0])))),
        await hospital.call("PUT", f"/fhir/Observation/{stored['id']}", stored | {"status": "amended"}),
        await hospital.call("POST", "/fhir/Observation", observation(mine[0]), if_none_exist="identifier=a|b"),
    ]
    for answer in refused:
        assert_refused(answer, 422, "record-full")
    batch = bundle(entry(observation(mine[0])), entry(observation(mine[1])), kind="batch")
    said = (await hospital.call("POST", "/fhir", batch)).json()
    assert [one["response"]["status"][:3] for one in said["entry"]] == ["422", "201"]
    assert (await other.call("POST", "/fhir/Observation", observation(theirs))).status_code == 201
    assert (await hospital.call("DELETE", f"/fhir/Observation/{stored['id']}")).status_code == 204
    told = (await small.client.get("/metrics")).text
    assert 'yima_security_events_total{code="record-full"} 7.0' in told
