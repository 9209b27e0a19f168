"""What people do with cards, and for each other: who may, what is on whose log."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from support import Institution, Platform, as_owner, be_humans, patient, resident_number
from support import code_of as refused_as
from yima import directory, healthcode
from yima.access import Access, Paper
from yima.directory import Caller
from yima.runtime import clock, ids
from yima.runtime.errors import Refusal

NATIONAL = "urn:oid:2.16.156.10011.1.3"
REASON = "身份信息正在重新核实"
SYSTEM = Caller(kind="system", agent_id="cli")


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


@pytest.fixture(scope="module")
async def elsewhere(platform: Platform) -> Institution:
    return await platform.institution("B")


@pytest.fixture
def access(platform: Platform) -> Access:
    return platform.access


class Someone:
    """A registered person with their document."""

    def __init__(self, person: int, name: str, number: str) -> None:
        self.person, self.name, self.number = person, name, number
        self.paper = Paper(NATIONAL, number)
        self.caller = Caller(
            kind="resident", agent_id=ids.person_text(person), person=person, proved=clock.now(), name_zh=name
        )


async def somebody(at: Institution, born: str = "1985-03-14") -> Someone:
    number = resident_number(born)
    said = patient(national=number, birthDate=born)
    made = await at.create(said)
    return Someone(Platform.person_of(f"Patient/{made['id']}"), said["name"][0]["text"], number)


def doctor(at: Institution) -> Caller:
    return Caller(kind="practitioner", agent_id=str(at.practitioner), institution=at.number, name_zh="王医生")


def system_of(at: Institution) -> Caller:
    return Caller(kind="app", agent_id=at.client_id, institution=at.number, scopes=frozenset({"system/*.cruds"}))


def operator(code: str, *rights: str) -> Caller:
    return Caller(kind="operator", agent_id=code, rights=frozenset(rights), proved=clock.now())


async def code_of(doing: Any) -> str:
    try:
        await doing
    except Refusal as refusal:
        return refusal.code
    return "ok"


async def lines(platform: Platform, person: int, action: str) -> list[tuple[str, str, str, dict[str, Any]]]:
    return [
        (row["agent"], row["outcome"], row["basis"], json.loads(row["detail"]))
        for row in await platform.log_of(person)
        if row["action"] == action
    ]


async def test_a_holder_loses_finds_replaces_and_ends_the_card(
    platform: Platform, access: Access, hospital: Institution
) -> None:
    who = await somebody(hospital)
    before = await healthcode.card_of(platform.database, who.person)
    assert (await access.cards.report_lost(who.caller, who.person, clock.now())).status == "lost"
    shown = await access.cards.standing(who.caller, who.person, clock.now())
    assert (shown.state, shown.suspension, [line.event for line in shown.history]) == ("lost", None, ["report-lost"])
    made = await access.cards.reissue(who.caller, who.person, clock.now())
    assert (made.status, made.generation) == ("active", 1)
    assert made.number != before.number
    assert (await access.cards.cancel(who.caller, who.person, clock.now())).status == "cancelled"
    again = await access.cards.apply(who.caller, who.person, clock.now())
    assert (again.card_id, again.status) == (made.card_id, "active")
    found = [
        (agent, outcome, detail["event"]) for agent, outcome, _, detail in await lines(platform, who.person, "card")
    ]
    events = ["report-lost", "reissue", "cancel", "apply"]
    assert found == [("resident", "ok", event) for event in events]
    assert who.number not in str(await platform.log_of(who.person))


async def test_a_lost_card_ends_what_was_opened_with_it(
    platform: Platform, access: Access, hospital: Institution, elsewhere: Institution
) -> None:
    """The next request of whoever was scanning it is refused, and the holder reads how many visits ended."""
    who = await somebody(hospital)
    visits = [(at, await at.visit(who.person)) for at in (hospital, elsewhere)]
    patients = f"/fhir/Patient?_id={ids.person_text(who.person)}"
    assert [(await at.call("GET", patients, visit=visit)).status_code for at, visit in visits] == [200, 200]
    await access.cards.report_lost(who.caller, who.person, clock.now())
    after = [await at.call("GET", patients, visit=visit) for at, visit in visits]
    assert [refused_as(answer) for answer in after] == ["visit-expired"] * 2
    (line,) = [detail for *_, detail in await lines(platform, who.person, "card")]
    assert (line["event"], line["visits_ended"]) == ("report-lost", 2)
    await access.cards.change(who.caller, who.person, "report-found", now=clock.now())
    assert refused_as(await hospital.call("GET", patients, visit=visits[0][1])) == "visit-expired"


WHO_MAY = {
    "another resident": "mandate-needed",
    "staff with the document": "ok",
    "staff without it": "not-found",
    "the system that registered": "ok",
    "another system": "not-found",
    "the command line": "ok",
    "the operator": "right-needed",
    "a terminal": "right-needed",
}


@pytest.mark.parametrize(("who", "expected"), WHO_MAY.items(), ids=list(WHO_MAY))
async def test_who_may_report_a_loss(
    platform: Platform, hospital: Institution, elsewhere: Institution, who: str, expected: str
) -> None:
    access, holder, other = platform.access, await somebody(hospital), await somebody(hospital)
    said = {
        "another resident": other.caller,
        "staff with the document": doctor(elsewhere),
        "staff without it": doctor(hospital),
        "the system that registered": system_of(hospital),
        "another system": system_of(elsewhere),
        "the command line": SYSTEM,
        "the operator": operator("op-1", "suspend"),
        "a terminal": Caller(kind="terminal", agent_id="T", institution=hospital.number),
    }[who]
    shown = holder.paper if who == "staff with the document" else None
    assert await code_of(access.cards.report_lost(said, holder.person, clock.now(), shown)) == expected
    card = await healthcode.card_of(platform.database, holder.person)
    assert card.status == ("lost" if expected == "ok" else "active")
    denied = [line for line in await lines(platform, holder.person, "card") if line[1] == "denied"]
    assert len(denied) == (expected == "not-found")


async def test_somebody_elses_document_opens_nothing(access: Access, hospital: Institution) -> None:
    holder, other = await somebody(hospital), await somebody(hospital)
    for event in ("reissue", "report-lost", "cancel", "report-death", "formalise"):
        doing = access.cards.change(doctor(hospital), holder.person, event, now=clock.now(), paper=other.paper)  # type: ignore[arg-type]
        assert await code_of(doing) == "not-found"


@pytest.mark.parametrize(
    "event", ["suspend", "end-suspension", "merge", "pre-issue", "issue", "undo-death", "formalise"]
)
async def test_a_holder_has_no_other_events(access: Access, hospital: Institution, event: Any) -> None:
    who = await somebody(hospital)
    assert await code_of(access.cards.change(who.caller, who.person, event, now=clock.now())) == "right-needed"


async def test_bulk_cards_are_for_the_command_line(platform: Platform, access: Access, hospital: Institution) -> None:
    who = await somebody(hospital)
    assert await code_of(access.cards.pre_issue(doctor(hospital), [who.person], clock.now())) == "right-needed"
    assert await access.cards.pre_issue(SYSTEM, [who.person, 12345], clock.now()) == 0
    await as_owner(platform.database, "delete from healthcode.card where person_id = $1", who.person)
    assert await access.cards.pre_issue(SYSTEM, [who.person], clock.now()) == 1
    assert (await healthcode.card_of(platform.database, who.person)).status == "pre-issued"
    assert (await access.cards.change(who.caller, who.person, "activate", now=clock.now())).status == "active"


async def test_the_printed_code_at_the_counter(platform: Platform, access: Access, hospital: Institution) -> None:
    who = await somebody(hospital)
    found = await access.cards.person_by_paper(doctor(hospital), who.paper, clock.now())
    assert found.person == who.person
    card, text = await access.cards.printed(doctor(hospital), who.person, who.paper, clock.now())
    assert text == healthcode.static_text(card, platform.keys)
    await access.cards.report_lost(SYSTEM, who.person, clock.now())
    assert await code_of(access.cards.printed(doctor(hospital), who.person, who.paper, clock.now())) == "card-state"


# --- suspension ------------------------------------------------------------------------------------------------------


async def propose(access: Access, who: Someone, by: Caller, **also: Any) -> str:
    number = (await healthcode.card_of(access.database, who.person)).number
    now = clock.now()
    said = {"reason": REASON, "legal_basis": "identity-doubt", "ends": now + timedelta(days=3), "now": now} | also
    return await access.cards.propose_suspension(by, number, **said)


async def test_a_suspension_takes_two_and_the_holder_is_told(
    platform: Platform, access: Access, hospital: Institution
) -> None:
    who, one, two = await somebody(hospital), operator("op-1", "suspend"), operator("op-2", "suspend")
    await be_humans(platform.database, access.vault, "op-1", "op-2")
    made = await propose(access, who, one)
    assert (await healthcode.card_of(platform.database, who.person)).status == "active"
    assert await code_of(access.cards.approve_suspension(one, made, clock.now())) == "second-person-needed"
    assert await code_of(access.cards.approve_suspension(operator("op-3"), made, clock.now())) == "right-needed"
    await access.cards.approve_suspension(two, made, clock.now())
    assert await code_of(access.cards.approve_suspension(two, made, clock.now())) == "not-found"
    shown = await access.cards.standing(who.caller, who.person, clock.now())
    assert shown.state == "suspended"
    assert shown.suspension is not None
    assert (shown.suspension.reason, shown.suspension.legal_basis) == (REASON, "identity-doubt")
    told = await access.notices(who.caller, clock.now())
    assert [(event.action, event.detail["event"], event.detail["reason"]) for event in told] == [
        ("card", "suspend", REASON)
    ]
    for doing in (access.cards.reissue, access.cards.report_lost, access.cards.cancel):
        assert await code_of(doing(who.caller, who.person, clock.now())) == "card-suspended"
    text = await platform.static(who.person)
    scan = {"terminal": hospital.terminal, "step": "010101", "purpose": "treatment"}
    assert await code_of(access.scan(doctor(hospital), text, **scan, now=clock.now())) == "code-suspended"
    left_open = replace(one, proved=clock.now() - timedelta(hours=1))
    assert await code_of(access.cards.end_suspension(left_open, made, clock.now())) == "step-up-needed"
    await access.cards.end_suspension(one, made, clock.now())
    assert (await access.scan(doctor(hospital), text, **scan, now=clock.now())).person == who.person


@pytest.mark.parametrize(
    ("by", "also", "expected"),
    [
        (operator("operator"), {}, "right-needed"),
        (SYSTEM, {}, "right-needed"),
        (Caller(kind="practitioner", agent_id="1", institution=1), {}, "right-needed"),
        (operator("op-1", "suspend"), {"reason": "short"}, "field-invalid"),
        (operator("op-1", "suspend"), {"legal_basis": "health-status"}, "field-invalid"),
        (operator("op-1", "suspend"), {"ends": clock.now() + timedelta(days=40)}, "field-invalid"),
        (operator("op-1", "suspend"), {"ends": clock.now() - timedelta(days=1)}, "field-invalid"),
    ],
)
async def test_what_cannot_be_proposed(
    access: Access, hospital: Institution, by: Caller, also: dict[str, Any], expected: str
) -> None:
    who = await somebody(hospital)
    assert await code_of(propose(access, who, by, **also)) == expected


async def test_a_proposal_that_is_withdrawn(access: Access, hospital: Institution) -> None:
    who, one, two = await somebody(hospital), operator("op-1", "suspend"), operator("op-2", "suspend")
    made = await propose(access, who, one)
    await access.cards.end_suspension(two, made, clock.now())
    assert await code_of(access.cards.approve_suspension(two, made, clock.now())) == "not-found"
    assert (await access.cards.standing(who.caller, who.person, clock.now())).state == "active"
    assert not await access.notices(who.caller, clock.now())


async def test_the_sessions_of_the_operators_people(platform: Platform, access: Access) -> None:
    now = clock.now()
    async with platform.database.transaction() as c:
        await directory.register_operator(c, directory.Operator("op-9", "陈敏", "Chen Min", frozenset({"suspend"})))
        gone = directory.Operator("op-8", "高翔", "Gao Xiang", frozenset({"suspend"}), "suspended")
        await directory.register_operator(c, gone)
        for wrong in ("", "operator", "运营"):
            with pytest.raises(Refusal, match="field-invalid"):
                await directory.register_operator(c, directory.Operator(wrong, "x", "x", frozenset()))
        with pytest.raises(Refusal, match="field-invalid"):
            await directory.register_operator(c, directory.Operator("op-7", "x", "x", frozenset({"read"})))

    async def caller(subject: str) -> Caller:
        return await access.callers.caller("operator", access.callers.session("operator", subject, now), now)

    assert (await caller("op-9")).rights == {"suspend"}
    assert (await caller("operator")).rights == frozenset()
    for subject in ("op-8", "nobody"):
        assert await code_of(caller(subject)) == "sign-in-needed"


# --- what a submission does ------------------------------------------------------------------------------------------


async def replace_patient(hospital: Institution, said: dict[str, Any]) -> None:
    answer = await hospital.call("PUT", f"/fhir/Patient/{said['id']}", said)
    assert answer.status_code == 200, answer.text


async def test_a_newborns_card_is_temporary_until_a_document_is_known(
    platform: Platform, hospital: Institution
) -> None:
    number = f"N{clock.now().timestamp()}"
    named = {"name": [{"use": "official", "text": "王芳之女"}], "birthDate": "2026-11-01"}
    made = await hospital.create(patient(number=number, **named))
    person = Platform.person_of(f"Patient/{made['id']}")
    card = await healthcode.card_of(platform.database, person)
    assert (card.kind, card.status) == ("temporary", "active")
    known = patient(number=number, national=resident_number("2026-11-01"), birthDate="2026-11-01")
    await replace_patient(hospital, known | {"id": made["id"]})
    after = await healthcode.card_of(platform.database, person)
    assert (after.kind, after.number) == ("formal", card.number)
    assert [detail["event"] for *_, detail in await lines(platform, person, "card")] == ["formalise"]


async def test_a_death_ends_the_card_and_can_be_undone(
    platform: Platform, access: Access, hospital: Institution
) -> None:
    number = resident_number()
    said = patient(national=number)
    made = await hospital.create(said)
    person = Platform.person_of(f"Patient/{made['id']}")
    await replace_patient(hospital, said | {"id": made["id"], "deceasedBoolean": True})
    assert (await healthcode.card_of(platform.database, person)).status == "deceased"
    text = await platform.static(person)
    scan = {"terminal": hospital.terminal, "step": "010101", "purpose": "treatment", "now": clock.now()}
    assert await code_of(access.scan(doctor(hospital), text, **scan)) == "code-cancelled"
    undo = access.cards.change(
        doctor(hospital), person, "undo-death", now=clock.now(), paper=Paper(NATIONAL, number), reason="本人持证件到场"
    )
    assert (await undo).status == "active"
    found = await access.scan(doctor(hospital), text, **scan)
    assert (found.person, found.identity.deceased) == (person, False)
