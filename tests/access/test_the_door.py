"""The door to person data, for those who come through pages: staff, residents, operators. Each with their own
limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from support import Institution, Platform, patient, resident_number, visit_bundle
from yima import directory
from yima.directory import Caller
from yima.runtime import clock, ids
from yima.runtime.errors import Refusal

NATIONAL = "urn:oid:2.16.156.10011.1.3"


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


@pytest.fixture(scope="module")
async def number() -> str:
    return resident_number()


@pytest.fixture(scope="module")
async def person(platform: Platform, hospital: Institution, number: str) -> int:
    return platform.person_of((await hospital.submit(visit_bundle("a", national=number)))[0])


def doctor(at: Institution) -> Caller:
    return Caller(
        kind="practitioner",
        agent_id=str(at.practitioner),
        institution=at.number,
        institution_zh=f"{at.code}医院",
        name_zh="王医生",
    )


def resident(person: int) -> Caller:
    return Caller(kind="resident", agent_id=ids.person_text(person), person=person, proved=clock.now())


OPERATOR = Caller(kind="operator", agent_id="operator")


async def _code(doing: Any) -> str:
    try:
        await doing
    except Refusal as refusal:
        return refusal.code
    return "ok"


async def test_staff_open_a_record_only_in_a_visit(platform: Platform, hospital: Institution, person: int) -> None:
    access, now = platform.access, clock.now()
    me = doctor(hospital)
    assert await _code(access.open_record(me, person, purpose="treatment", visit=None, now=now)) == "visit-needed"
    visit = await hospital.visit(person)
    now = clock.now()
    view = await access.open_record(me, person, purpose="treatment", visit=visit, now=now)
    assert view.identity.person == person
    assert view.decision.basis == "visit"
    line = (await platform.log_of(person))[-1]
    assert (line["event_id"], line["action"], line["agent_name"], line["visit"]) == (
        view.event_id,
        "read",
        "王医生",
        visit,
    )
    assert (
        await _code(access.open_record(me, person, purpose="marketing", visit=visit, now=now)) == "purpose-not-allowed"
    )
    assert (
        await _code(access.open_record(me, person, purpose="treatment", visit=visit, now=now + timedelta(hours=9)))
        == "visit-expired"
    )


async def test_operators_and_residents_open_nothing_of_others(
    platform: Platform, hospital: Institution, person: int
) -> None:
    access, now = platform.access, clock.now()
    other = platform.person_of((await hospital.submit())[0])
    visit = await hospital.visit(other)
    for caller in (OPERATOR, resident(other), Caller(kind="system", agent_id="x")):
        for handle in (None, visit):
            assert await _code(access.open_record(caller, person, purpose="treatment", visit=handle, now=now)) in (
                "not-found",
                "visit-needed",
                "purpose-not-allowed",
            )
    assert [line["outcome"] for line in await platform.log_of(person)].count("denied") >= 6


async def test_a_resident_sees_all_of_their_own_and_nobody_elses(
    platform: Platform, hospital: Institution, person: int
) -> None:
    access, now = platform.access, clock.now()
    mine = await access.my_resources(resident(person), now)
    assert {row.type for row in mine} == {"Patient", "Encounter", "Observation"}
    other = platform.person_of((await hospital.submit())[0])
    assert not {row.id for row in mine} & {row.id for row in await access.my_resources(resident(other), now)}
    events = await access.access_log(resident(person), now=clock.now())
    assert {event.person for event in events} == {person}
    assert events[0].detail.get("download") is True
    for caller in (
        OPERATOR,
        doctor(hospital),
        replace(resident(person), kind="practitioner"),
        replace(resident(person), person=0),
    ):
        for doing in (
            access.my_card(caller, now),
            access.access_log(caller, now=now),
            access.notices(caller, now),
            access.sharing(caller, now),
            access.set_sharing(caller, "all", permit=False, now=now),
        ):
            assert await _code(doing) == "sign-in-needed"


async def test_the_card_page_shows_no_whole_number(platform: Platform, person: int, number: str) -> None:
    card = await platform.access.my_card(resident(person), clock.now())
    assert number not in str(card)
    assert card.masked_number.endswith(number[-2:])
    assert card.masked_number.count("*") >= 12


async def test_a_decision_counts_from_the_next_request_and_is_logged(platform: Platform, hospital: Institution) -> None:
    access = platform.access
    someone = platform.person_of((await hospital.submit())[0])
    other = await platform.institution("B")
    visit = await other.visit(someone)
    me = doctor(other)
    await access.open_record(me, someone, purpose="treatment", visit=visit, now=clock.now())
    await access.set_sharing(resident(someone), "all", permit=False, now=clock.now())
    assert (
        await _code(access.open_record(me, someone, purpose="treatment", visit=visit, now=clock.now()))
        == "consent-denied"
    )
    await access.set_sharing(resident(someone), "all", institution=other.number, permit=True, now=clock.now())
    await access.open_record(me, someone, purpose="treatment", visit=visit, now=clock.now())
    assert [line["action"] for line in await platform.log_of(someone)].count("consent") == 2
    assert (
        await _code(access.set_sharing(resident(someone), "everything", permit=True, now=clock.now()))
        == "field-invalid"
    )


async def test_finding_a_person_by_document_is_for_staff_and_logged(
    platform: Platform, hospital: Institution, person: int, number: str
) -> None:
    access, now = platform.access, clock.now()
    found = await access.find_person(doctor(hospital), system=NATIONAL, value=number.lower(), now=now)
    assert found.person == person
    assert number not in str(found)
    assert (await platform.log_of(person))[-1]["action"] == "resolve"
    for caller in (OPERATOR, resident(person), Caller(kind="app", agent_id="x", institution=hospital.number)):
        assert await _code(access.find_person(caller, system=NATIONAL, value=number, now=now)) == "scope-insufficient"
    for system, value in (
        (NATIONAL, "110100201712250061"),
        ("urn:hospital:a:mrn", "M1"),
        ("", number),
        (NATIONAL, "\x00"),
    ):
        assert await _code(access.find_person(doctor(hospital), system=system, value=value, now=now)) == "not-found"


async def test_only_institutions_scan(platform: Platform, hospital: Institution, person: int) -> None:
    for caller in (OPERATOR, resident(person), Caller(kind="app", agent_id="x")):
        doing = platform.access.scan(
            caller,
            platform.dynamic(person),
            terminal=hospital.terminal,
            step="010102",
            purpose="treatment",
            now=clock.now(),
        )
        assert await _code(doing) == "scope-insufficient"


async def test_staff_who_left_are_out_at_once(platform: Platform) -> None:
    place = await platform.institution("L")
    access, now = platform.access, clock.now()
    cookie = access.callers.session("clinician", str(place.practitioner), now)
    assert (await access.callers.caller("clinician", cookie, now)).institution == place.number
    await directory.set_institution_status(platform.database, place.number, "suspended")
    assert await _code(access.callers.caller("clinician", cookie, now)) == "institution-suspended"
    for wrong in (
        "",
        "x",
        cookie[:-1] + ("0" if cookie[-1] != "0" else "1"),
        cookie.replace(".", ""),
        access.callers.session("resident", "x", now),
    ):
        assert await _code(access.callers.caller("clinician", wrong, now)) == "sign-in-needed"
    assert await _code(access.callers.caller("clinician", cookie, now + timedelta(days=1))) == "sign-in-needed"


async def test_development_tickets_open_nothing_elsewhere(platform: Platform) -> None:
    ticket = platform.access.callers.ticket("operator", "operator")
    assert platform.access.callers.open_ticket(ticket) == ("operator", "operator")
    platform.access.callers.development = False
    try:
        with pytest.raises(Refusal, match="sign-in-needed"):
            platform.access.callers.open_ticket(ticket)
    finally:
        platform.access.callers.development = True


async def test_a_newborn_without_a_number_gets_a_record_of_its_own(platform: Platform, hospital: Institution) -> None:
    twins = [
        await hospital.create(patient(name=[{"text": "王芳之子"}], birthDate="2026-11-20", multipleBirthInteger=n))
        for n in (1, 2)
    ]
    assert platform.person_of(f"Patient/{twins[0]['id']}") != platform.person_of(f"Patient/{twins[1]['id']}")
