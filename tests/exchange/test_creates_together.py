"""Creates of many requests share transactions, and nobody can tell: each is stored, logged and refused by itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from support import (
    Institution,
    Platform,
    assert_refused,
    bundle,
    encounter,
    entry,
    observation,
    patient,
    resident_number,
    urn,
)

PSYCHIATRIC = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "F32.1"}]}


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


@pytest.fixture(scope="module")
async def patients(hospital: Institution) -> list[str]:
    """Addresses of three Patients."""
    made = [await hospital.create(patient(hospital.code, number=f"t{n}")) for n in range(3)]
    return [f"Patient/{one['id']}" for one in made]


def _called(name: str) -> list[dict[str, str]]:
    return [{"use": "official", "text": name}]


def _somebody(hospital: Institution, n: int) -> dict[str, Any]:
    """Nobody else has this name, birth date or number: nothing connects them."""
    born = f"19{60 + n}-{n % 12 + 1:02d}-{n + 1:02d}"
    called, number = _called(f"诸葛{chr(0x5000 + 40 * n)}"), resident_number(born)
    phones = [{"system": "phone", "value": f"1390002{n:04d}"}]
    return patient(
        hospital.code, number=f"p{n}", national=number, name=called, birthDate=born, telecom=phones,
    )  # fmt: skip


async def _at_once(hospital: Institution, resources: list[dict[str, Any]], **headers: str) -> list[Any]:
    return list(
        await asyncio.gather(*(hospital.call("POST", f"/fhir/{r['resourceType']}", r, **headers) for r in resources))
    )


async def test_each_is_stored_in_its_home_with_a_receipt_and_a_log_line(
    platform: Platform, hospital: Institution, patients: list[str]
) -> None:
    before = await platform.counts()
    logged = [len(await platform.log_of(platform.person_of(p))) for p in patients]
    answers = await _at_once(hospital, [observation(patients[n % 3]) for n in range(30)])
    assert {a.status_code for a in answers} == {201}
    made = [a.json() for a in answers]
    assert len({one["id"] for one in made}) == 30
    assert all(one["id"][:10] == one["subject"]["reference"][8:18] for one in made)
    assert len({one["meta"]["source"] for one in made}) == 30, "each is a submission of its own"
    after = await platform.counts()
    for table in ("records.resource", "exchange.submission"):
        assert after[table] - before[table] == 30
    lines = [await platform.log_of(platform.person_of(p)) for p in patients]
    assert [len(now) - then for now, then in zip(lines, logged, strict=True)] == [10, 10, 10]
    again = await hospital.call("GET", f"/fhir/Observation/{made[0]['id']}")
    assert again.content == answers[0].content


async def test_what_is_wrong_harms_nobody_else(platform: Platform, hospital: Institution, patients: list[str]) -> None:
    stranger = await platform.institution("B")
    theirs = await stranger.create(patient(stranger.code, number="x"))
    wrong = [
        observation(f"Patient/{theirs['id']}"),
        observation("Patient/0000000001-0000000000000"),
        observation(patients[0], encounter={"reference": urn()}),
        observation(patients[0], performer=[{"reference": "Practitioner?identifier=a|nobody"}]),
    ]
    sent = [one for bad in wrong for one in (observation(patients[1]), bad)]
    before = await platform.counts()
    answers = await _at_once(hospital, sent)
    assert [a.status_code for a in answers[::2]] == [201] * 4
    for answer in answers[1::2]:
        assert_refused(answer, 422, "reference-unresolved")
    after = await platform.counts()
    assert after["records.resource"] - before["records.resource"] == 4


async def test_one_key_is_one_resource_however_often_it_comes_at_once(
    platform: Platform, hospital: Institution, patients: list[str]
) -> None:
    before = await platform.counts()
    same = observation(patients[0], note=[{"text": "once"}])
    answers = await _at_once(hospital, [same] * 6, idempotency_key="together-1")
    assert {(a.status_code, a.content) for a in answers} == {(201, answers[0].content)}
    other = await hospital.call("POST", "/fhir/Observation", observation(patients[1]), idempotency_key="together-1")
    assert_refused(other, 409, "idempotency-mismatch")
    after = await platform.counts()
    assert after["records.resource"] - before["records.resource"] == 1


async def test_what_belongs_to_a_closed_encounter_is_closed(
    platform: Platform, hospital: Institution, patients: list[str]
) -> None:
    where = urn()
    condition = {
        "resourceType": "Condition", "code": PSYCHIATRIC, "subject": {"reference": patients[0]},
        "encounter": {"reference": where},
    }  # fmt: skip
    sent = bundle(entry(encounter(patients[0]), fullUrl=where), entry(condition))
    closed = next(a for a in await hospital.submit(sent) if a.startswith("Encounter/"))
    reference = "/".join(closed.split("/")[:2])
    made = await _at_once(
        hospital,
        [
            observation(patients[0], encounter={"reference": reference}),
            observation(patients[0]),
            observation(patients[1]),
        ],
    )
    classes = [
        (await platform.access.database.fetchrow("select class from records.resource where id = $1", a.json()["id"]))[0]
        for a in made
    ]
    assert classes == ["psychiatric", "", ""]


async def test_patients_at_once_are_what_one_after_the_other_would_be(
    platform: Platform, hospital: Institution
) -> None:
    """New people, one of them three times, one refused, one with a person known elsewhere, all at the same moment."""
    elsewhere = await platform.institution("C")
    shared = resident_number()
    known = await elsewhere.create(patient(elsewhere.code, number="p-known", national=shared, name=_called("欧阳七七")))
    sent = [_somebody(hospital, n) for n in range(20)]
    same = patient(hospital.code, number="p-same", national=resident_number(), name=_called("司马同一"))
    bad = patient(hospital.code, number="p-bad", name=_called("坏")) | {"birthDate": "2999-01-01"}
    again = patient(hospital.code, number="p-again", national=shared, name=_called("欧阳七七"))
    before = await platform.counts()
    answers = await _at_once(hospital, [*sent, same, same, same, bad, again])
    assert_refused(answers[23], 422, "field-invalid")
    assert [a.status_code for a in answers[:20]] == [201] * 20
    assert sorted(a.status_code for a in answers[20:23]) == [200, 200, 201]
    assert len({a.json()["id"] for a in answers[20:23]}) == 1, "the number names one Patient"
    made = {platform.person_of(f"Patient/{a.json()['id']}") for a in answers[:21]}
    assert len(made) == 21
    assert platform.person_of(f"Patient/{answers[24].json()['id']}") == platform.person_of(f"Patient/{known['id']}")
    after = await platform.counts()
    assert {t: after[t] - before[t] for t in ("mpi.person", "mpi.link", "healthcode.card", "records.resource")} == {
        "mpi.person": 21, "mpi.link": 22, "healthcode.card": 21, "records.resource": 22,
    }  # fmt: skip
    assert len(await platform.log_of(platform.person_of(f"Patient/{answers[0].json()['id']}"))) == 1
    one = await hospital.call("GET", f"/fhir/Patient/{answers[3].json()['id']}")
    assert one.content == answers[3].content


async def test_two_sisters_at_once_are_two(platform: Platform, hospital: Institution) -> None:
    """Born on one day, one home, one phone, names that sound alike: as when the first was there before the second."""
    sisters = [
        patient(
            hospital.code,
            number=f"s{n}",
            name=_called(name),
            birthDate="2020-02-02",
            telecom=[{"system": "phone", "value": "13900001234"}],
        )
        for n, name in enumerate(("上官莉莉", "上官丽丽"))
    ]
    answers = await _at_once(hospital, sisters)
    assert [a.status_code for a in answers] == [201, 201]
    assert len({platform.person_of(f"Patient/{a.json()['id']}") for a in answers}) == 2


async def test_a_death_and_a_newborn_reach_their_cards(platform: Platform, hospital: Institution) -> None:
    dead = patient(hospital.code, number="d1", national=resident_number(), name=_called("夏侯去")) | {
        "deceasedBoolean": True
    }
    child = patient(hospital.code, number="n1", name=_called("夏侯甲之子"), birthDate="2026-01-01")
    answers = await _at_once(hospital, [dead, child])
    persons = [platform.person_of(f"Patient/{a.json()['id']}") for a in answers]
    rows = [
        await platform.access.database.fetchrow("select status, kind from healthcode.card where person_id = $1", p)
        for p in persons
    ]
    assert [tuple(row) for row in rows] == [("deceased", "formal"), ("active", "temporary")]


@pytest.mark.parametrize("kind", ["Patient", "Observation"])
async def test_nothing_is_written_twice_when_the_answer_to_a_commit_is_lost(
    platform: Platform, hospital: Institution, patients: list[str], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database may have committed before its connection broke: only the sender may send without a key again."""
    before = await platform.counts()
    if kind == "Patient":
        sent = [patient(hospital.code, number=f"lost{n}", name=_called(f"公孙{chr(0x6100 + n)}")) for n in range(3)]
    else:
        sent = [observation(patients[0]) for _ in range(3)]
    transaction = platform.access.database.transaction

    @contextlib.asynccontextmanager
    async def lost(**how: bool) -> AsyncIterator[Any]:
        async with transaction(**how) as c:
            yield c
        raise ConnectionResetError("after the commit")

    with monkeypatch.context() as patched:
        patched.setattr(platform.access.database, "transaction", lost)
        answers = await _at_once(hospital, sent)
    for answer in answers:
        assert_refused(answer, 503, "not-ready")
    after = await platform.counts()
    assert after["records.resource"] - before["records.resource"] == 3


async def _others_go_on(
    hospital: Institution, waiting: list[dict[str, Any]], others: list[dict[str, Any]], **headers: str
) -> list[Any]:
    """The tasks of those that wait; all others are answered meanwhile, who come together with them, and later."""
    held = [asyncio.create_task(hospital.call("POST", f"/fhir/{r['resourceType']}", r, **headers)) for r in waiting]
    async with asyncio.timeout(30):  # for ever, where they wait as well
        half = len(others) // 2
        answers = await _at_once(hospital, others[:half]) + await _at_once(hospital, others[half:])
    assert {answer.status_code for answer in answers} == {201}
    assert not any(task.done() for task in held)
    return held


async def test_who_waits_for_an_erasure_waits_alone(
    platform: Platform, hospital: Institution, patients: list[str]
) -> None:
    """More of them than may wait at once, and than the others could spare connections."""
    before = await platform.counts()
    others = [observation(patients[1 + n % 2]) for n in range(8)]
    async with platform.database.transaction() as c:
        home = platform.person_of(patients[0])
        assert await c.fetch("select from records.key where home = $1 for update", home)
        held = await _others_go_on(hospital, [observation(patients[0]) for _ in range(12)], others)
    assert {task.result().status_code for task in (await asyncio.wait(held))[0]} == {201}
    after = await platform.counts()
    for table in ("records.resource", "exchange.submission"):
        assert after[table] - before[table] == 20


async def test_who_waits_for_the_first_of_their_key_waits_alone(
    platform: Platform, hospital: Institution, patients: list[str]
) -> None:
    others = [observation(patients[1 + n % 2]) for n in range(8)]
    async with platform.database.transaction() as c:
        home = platform.person_of(patients[0])
        assert await c.fetch("select from records.key where home = $1 for update", home)
        sent = bundle(entry(observation(patients[0])))
        first = asyncio.create_task(hospital.call("POST", "/fhir", sent, idempotency_key="together-2"))
        async with asyncio.timeout(30):
            while not await platform.database.fetch("select from pg_locks where not granted"):  # noqa: ASYNC110  PostgreSQL tells no event
                await asyncio.sleep(0.01)
        [second] = await _others_go_on(hospital, [observation(patients[1])], others, idempotency_key="together-2")
    assert (await first).status_code == 200
    assert_refused(await second, 409, "idempotency-mismatch")


async def test_a_registration_that_waits_holds_up_no_other(platform: Platform, hospital: Institution) -> None:
    elsewhere = await platform.institution("D")
    numbers = [resident_number() for _ in range(3)]
    known = [
        await elsewhere.create(patient(elsewhere.code, number=f"w{n}", national=number, name=_called(f"慕容{n}")))
        for n, number in enumerate(numbers)
    ]
    persons = [platform.person_of(f"Patient/{one['id']}") for one in known]
    again = [
        patient(hospital.code, number=f"w{n}", national=number, name=_called(f"慕容{n}"))
        for n, number in enumerate(numbers)
    ]
    async with platform.database.transaction() as c:
        assert await c.fetch("select from mpi.person where person_id = any($1) for update", persons)
        held = await _others_go_on(hospital, again, [_somebody(hospital, n) for n in range(20, 26)])
    assert {task.result().status_code for task in (await asyncio.wait(held))[0]} == {201}
    here = [platform.person_of(f"Patient/{task.result().json()['id']}") for task in held]
    assert here == persons
