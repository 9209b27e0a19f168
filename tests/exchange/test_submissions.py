"""What a submission leaves behind: one person for many, a card, the operator's view; and submissions in a visit."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from support import (
    Institution,
    Platform,
    assert_refused,
    bundle,
    entry,
    nothing_written,
    observation,
    patient,
    resident_number,
    visit_bundle,
)
from yima import exchange, healthcode
from yima.runtime import clock


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


# --- persons ---------------------------------------------------------------------------------------------------------


async def test_two_hundred_submissions_of_a_new_person_make_one(platform: Platform) -> None:
    """From ten institutions at once, each under its own patient number."""
    places = [await platform.institution("P") for _ in range(10)]
    for place in places:
        await place.token()
    number = resident_number("1990-09-09")
    said = {
        "name": [{"text": "欧阳娜娜"}],
        "birthDate": "1990-09-09",
        "telecom": [{"system": "phone", "value": "13912345678"}],
    }
    before = await platform.counts()

    async def send(n: int) -> list[str]:
        return await places[n % 10].submit(
            visit_bundle(places[n % 10].code, number="n1", national=number, observations=1, **said)
        )

    submitted = await asyncio.gather(*(send(n) for n in range(200)))
    persons = {platform.person_of(addresses[0]) for addresses in submitted}
    assert len(persons) == 1
    after = await platform.counts()
    grown = {name: after[name] - before[name] for name in after}
    assert (grown["mpi.person"], grown["healthcode.card"], grown["mpi.link"]) == (1, 1, 10)
    assert grown["records.resource"] == 10 + 400  # ten Patients; an encounter and an observation of each submission


async def test_without_a_number_by_name_birth_date_sex_and_phone(platform: Platform) -> None:
    places = [await platform.institution("Q") for _ in range(4)]
    said = {
        "name": [{"text": "司徒静"}],
        "birthDate": "1977-07-07",
        "telecom": [{"system": "phone", "value": "13812345678"}],
    }
    submitted = await asyncio.gather(
        *(place.submit(visit_bundle(place.code, **said)) for place in places for _ in range(5))
    )
    assert len({platform.person_of(addresses[0]) for addresses in submitted}) == 1


async def test_card_and_codes_are_there_with_the_receipt(platform: Platform, hospital: Institution) -> None:
    addresses = await hospital.submit()
    person = platform.person_of(addresses[0])
    card = await healthcode.card_of(platform.database, person)
    assert card.status == "active"
    for text, assurance in ((platform.dynamic(person), "dynamic"), (await platform.static(person), "static")):
        answer = await hospital.scan(text)
        assert (answer.status_code, answer.json()["assurance"]) == (200, assurance)


async def test_an_app_that_matches_nobody(platform: Platform) -> None:
    """A sandbox (`matching: off`) neither joins nor is joined."""
    number = resident_number()
    real = await platform.institution("real")
    sandbox = await platform.institution("sandbox", matching="off")
    said = {"name": [{"text": "南宫问"}], "national": number}
    first = await real.submit(visit_bundle(**said))
    second = await sandbox.submit(visit_bundle(**said))
    third = await real.submit(visit_bundle(**said, number="other"))
    assert platform.person_of(first[0]) == platform.person_of(third[0])
    assert platform.person_of(first[0]) != platform.person_of(second[0])


# --- what the operator sees ------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[str, Any, str]] = {
    "malformed": ("/fhir", b"{", "json-malformed"),
    "wrong": ("/fhir", bundle(entry(patient(gender="x"))), "field-invalid"),
    "unresolved": ("/fhir", bundle(entry(observation("Patient/nobody"))), "reference-unresolved"),
    "one resource": ("/fhir/Patient", patient(birthDate="1999-99-99"), "field-invalid"),
    "a field that is hostile": ("/fhir/Patient", patient(**{"<b>\u202e": 1}), "field-unknown"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_refused_submission_is_seen_without_its_content(platform: Platform, case: str) -> None:
    sender = await platform.institution("S")
    path, sent, code = REFUSED[case]
    answer = await sender.call("POST", path, sent, x_request_id=f"request-of-{sender.code}")
    assert answer.status_code >= 400
    seen = (await exchange.dashboard(platform.access, clock.now())).recent[0]
    assert (seen.institution_zh, seen.app, seen.outcome, seen.code) == (
        f"{sender.code}医院",
        sender.client_id,
        "refused",
        code,
    )
    assert seen.request_id == f"request-of-{sender.code}"
    rows = [
        dict(row)
        for row in await platform.database.fetch(
            "select * from exchange.refused where client_id = $1", sender.client_id
        )
    ]
    assert len(rows) == 1
    text = str(rows)
    assert "1999-99-99" not in text
    if not isinstance(sent, bytes):
        said = (sent["entry"][0]["resource"] if "entry" in sent else sent).get("name", [{}])[0].get("text", "no name")
        assert said not in text
        assert seen.bytes == len(json.dumps(sent, ensure_ascii=False, separators=(",", ":")).encode())


async def test_the_dashboard_counts(platform: Platform) -> None:
    sender = await platform.institution("D")
    before = await exchange.dashboard(platform.access, clock.now())
    sent = visit_bundle(observations=3)
    for _ in range(2):
        await sender.submit(sent)
    await sender.call("POST", "/fhir", bundle(entry(observation("Patient/nobody"))))
    after = await exchange.dashboard(platform.access, clock.now())
    assert after.totals["submissions"] - before.totals["submissions"] == 1
    assert after.totals["resources"] - before.totals["resources"] == 5
    mine = next(row for row in after.by_institution if row.institution_zh == f"{sender.code}医院")
    assert (mine.ok, mine.failed, mine.resources) == (1, 1, 5)
    assert mine.p95_ms >= mine.p50_ms > 0
    outcomes = [row.outcome for row in after.recent if row.institution_zh == f"{sender.code}医院"]
    assert sorted(outcomes) == ["refused", "repeated"]
    assert sum(ok for _, ok, _ in after.rates) >= 1


# --- submitting in a visit: the code was scanned, so the person is known ---------------------------------------------


async def test_a_submission_in_a_visit_is_about_the_person_scanned(platform: Platform, hospital: Institution) -> None:
    said = {"name": [{"text": "端木蓉"}], "birthDate": "1966-06-06"}
    person = platform.person_of((await hospital.submit(visit_bundle(**said)))[0])
    other = await platform.institution("V")
    visit = await other.visit(person)
    addresses = await other.submit(
        visit_bundle("v", **said), yima_visit=visit
    )  # no number, another phone: only the code tells
    assert platform.person_of(addresses[0]) == person
    without = await other.submit(visit_bundle("w", **said))
    assert platform.person_of(without[0]) != person


async def test_a_visit_does_not_make_somebody_else_of_a_patient(platform: Platform, hospital: Institution) -> None:
    person = platform.person_of((await hospital.submit())[0])
    visit = await hospital.visit(person)
    stranger = visit_bundle("s", name=[{"text": "东方朔"}], birthDate="1930-01-01", gender="male")
    before = await platform.log_of(person)
    answer = await hospital.call("POST", "/fhir", stranger, visit=visit)
    if answer.status_code == 200:
        address = answer.json()["entry"][0]["response"]["location"].partition("/_history")[0]
        assert platform.person_of(address) != person
        assert len(await platform.log_of(person)) == len(before)
    else:
        assert_refused(answer, 409, "identity-conflict")


@pytest.mark.parametrize("case", ["of another institution", "printed", "ended", "nonsense"])
async def test_a_submission_with_a_bad_visit_is_refused(platform: Platform, hospital: Institution, case: str) -> None:
    person = platform.person_of((await hospital.submit())[0])
    other = await platform.institution("V")
    if case == "printed":
        visit = (await hospital.scan(await platform.static(person))).json()["visit"]
    else:
        visit = "nonsense" if case == "nonsense" else await (other if case.startswith("of") else hospital).visit(person)
    if case == "ended":
        await platform.database.execute("update healthcode.visit set expires = started where visit = $1", visit)
    async with nothing_written(platform):
        answer = await hospital.call("POST", "/fhir", visit_bundle(), visit=visit)
    expected = {"printed": "code-assurance-too-low", "ended": "visit-expired"}.get(case, "visit-needed")
    assert_refused(answer, 403, expected)
