"""A court takes a guardian or a mandate away: by two people, told to both sides, with a bar, undone by two."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from test_acting import child, give, told
from test_cards_at_the_door import NATIONAL, Someone, code_of, doctor, operator, somebody

from support import Institution, Platform, as_owner, be_humans, patient, resident_number
from yima import consent, directory, healthcode, mpi
from yima.access import Access, AtCounter, Named, Order, Paper
from yima.directory import Caller
from yima.runtime import clock

WORDS, COURT = "法院认定其侵害被监护人权益", "某某区人民法院（2026）民特1号"
ONE, TWO, THREE = (f"remover-{n}" for n in (1, 2, 3))


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    made = await platform.institution("A")
    async with platform.database.transaction() as c:
        for one in (ONE, TWO, THREE):
            await directory.register_operator(c, directory.Operator(one, one, one, frozenset({"suspend"})))
    await be_humans(platform.database, platform.access.vault, ONE, TWO, THREE)
    return made


def by(code: str) -> Caller:
    """One of the operator's people, who has just proved who they are."""
    return operator(code, "suspend")


async def order(access: Access, person: Someone, agent: Someone, /, **also: Any) -> Order:
    cards = [await healthcode.card_of(access.database, one.person) for one in (person, agent)]
    said = Order(cards[0].number, cards[1].number, "guardianship-revoked", COURT, WORDS, None)
    return replace(said, **also)


async def removed(access: Access, person: Someone, agent: Someone, **also: Any) -> str:
    made = await access.removals.propose(by(ONE), await order(access, person, agent, **also), clock.now())
    await access.removals.approve(by(TWO), made, clock.now())
    return made


async def may(access: Access, agent: Someone, person: Someone) -> bool:
    return await code_of(access.families.card(agent.caller, person.person, clock.now())) == "ok"


async def test_a_guardian_is_taken_away_by_two_and_both_sides_read_why(
    platform: Platform, hospital: Institution
) -> None:
    access, removals = platform.access, platform.access.removals
    father, mother = await somebody(hospital), await somebody(hospital)
    ward = await child(platform, hospital, father, "2018-06-01")
    await access.families.register(ward.person, mother.person, clock.now())
    kept = await access.families.card(father.caller, ward.person, clock.now())
    visit = (await hospital.scan(kept.dynamic_text)).json()["visit"]
    kept = await access.families.card(father.caller, ward.person, clock.now() + timedelta(seconds=15))
    made = await removals.propose(by(ONE), await order(access, ward, father), clock.now())
    assert await may(access, father, ward), "a proposal changes nothing"
    before = await told(platform, father.person, "mandate")
    assert [detail["event"] for *_, detail in before] == ["give"], "nobody is warned before it counts"
    assert await code_of(removals.approve(by(ONE), made, clock.now())) == "second-person-needed"
    stale = replace(by(TWO), proved=clock.now() - timedelta(hours=1))
    assert await code_of(removals.approve(stale, made, clock.now())) == "step-up-needed"
    assert await removals.approve(by(TWO), made, clock.now()) == 1
    assert await code_of(removals.approve(by(THREE), made, clock.now())) == "not-found", "once"
    assert (await may(access, father, ward), await may(access, mother, ward)) == (False, True)
    assert (await hospital.scan(kept.dynamic_text)).status_code != 200, "codes on his phone are dead"
    over = access.person_of_visit(doctor(hospital), visit, clock.now())
    assert await code_of(over) == "visit-expired", "and so is what they opened"
    for side, one, other in (("person", ward, father), ("agent", father, ward)):
        lines = [e for e in await access.access_log(one.caller, now=clock.now()) if e.detail.get("event") == "removed"]
        assert [(e.basis, e.detail["side"], e.detail["other"]) for e in lines] == [("two-people", side, other.name)]
        assert (lines[0].detail["reason"], lines[0].detail["visits_ended"]) == (f"{COURT} · {WORDS}", 1)
        assert "removed" in {e.detail.get("event") for e in await access.notices(one.caller, now=clock.now())}
        assert WORDS not in json.dumps([dict(row) for row in await platform.log_of(one.person)], default=str)
    (row,) = [one for one in await removals.rows(by(ONE), clock.now()) if one.removal.removal == made]
    assert (row.removal.state, row.removal.reference, row.removal.reason) == ("stands", COURT, WORDS)


async def test_a_bar_holds_in_every_way_a_mandate_is_given_until_its_end(
    platform: Platform, hospital: Institution
) -> None:
    access, father = platform.access, await somebody(hospital)
    ward = await child(platform, hospital, father, "2018-06-01")
    until = clock.now() + timedelta(days=30)
    made = await removed(access, ward, father, bars_until=until, legal_basis="safety-order")
    visit = await hospital.visit(ward.person)
    said = AtCounter(visit=visit, paper=None, agent=father.paper, guardian=True, evidence="birth-certificate")
    families, later = access.families, until + timedelta(seconds=1)
    assert await code_of(families.register(ward.person, father.person, clock.now())) == "mandate-barred"
    assert await code_of(families.record(doctor(hospital), said, clock.now())) == "mandate-barred"
    assert await code_of(families.register(ward.person, father.person, later)) == "ok"
    # Adults too: the order keeps the agent away, not the one they acted for from others.
    one, agent, other = [await somebody(hospital) for _ in range(3)]
    await give(platform, one, agent, "show-code")
    await removed(access, one, agent, bars_until=until, legal_basis="safety-order")
    assert await code_of(give(platform, one, agent, "show-code")) == "mandate-barred"
    assert await code_of(give(platform, one, other, "show-code")) == "ok"
    assert await code_of(give(platform, agent, one, "show-code")) == "ok"
    assert await code_of(access.removals.withdraw(by(ONE), made, clock.now())) == "not-found", "it stands"


@pytest.mark.parametrize("known", [True, False], ids=["known", "nobody here"])
async def test_who_has_no_card_is_barred_by_a_document(
    platform: Platform, hospital: Institution, *, known: bool
) -> None:
    """Whoever registers them later meets the bar, also of whom nobody knew."""
    access, mother = platform.access, await somebody(hospital)
    ward = await child(platform, hospital, mother, "2018-06-01")
    number, name = resident_number("1982-05-06"), "欧阳远"
    if known:  # as from a base that was loaded without cards
        father = await somebody(hospital, "1982-05-06")
        number, name = father.number, father.name
        for sql in (
            "delete from healthcode.card where person_id = $1",
            "delete from healthcode.card_lookup where holder = $1",
        ):
            await as_owner(platform.database, sql, father.person)
    agent, until = Named(Paper(NATIONAL, number), name), clock.now() + timedelta(days=30)
    said = await order(access, ward, mother, agent=agent, bars_until=until)
    if known:
        other = replace(said, agent=replace(agent, name="别人"))
        assert await code_of(access.removals.propose(by(ONE), other, clock.now())) == "not-found"
    made = await access.removals.propose(by(ONE), said, clock.now())
    await access.removals.approve(by(TWO), made, clock.now())
    (row,) = [one for one in await access.removals.rows(by(ONE), clock.now()) if one.removal.removal == made]
    assert row.agent_number == f"{number[:3]}*************{number[-2:]}"
    came = await hospital.create(patient(national=number, birthDate="1982-05-06", name=[{"text": name}]))
    assert Platform.person_of(f"Patient/{came['id']}") == row.removal.agent
    visit = await hospital.visit(ward.person)
    record = AtCounter(visit=visit, paper=None, agent=agent.paper, guardian=True, evidence="birth-certificate")
    assert await code_of(access.families.record(doctor(hospital), record, clock.now())) == "mandate-barred"
    assert await may(access, mother, ward)


async def test_a_bar_holds_for_whom_the_index_later_finds_to_be_the_one(
    platform: Platform, hospital: Institution
) -> None:
    """A guardian who was registered twice, with a mandate under each name."""
    access, father, again = platform.access, await somebody(hospital), await somebody(hospital)
    ward = await child(platform, hospital, father, "2018-06-01")
    await access.families.register(ward.person, again.person, clock.now())
    visit = await _shown(platform, hospital, again, ward)
    await removed(access, ward, father, bars_until=clock.now() + timedelta(days=30))
    assert await may(access, again, ward)
    async with access.database.transaction() as c:
        await mpi.merge(c, again.person, father.person, mpi.Word("operator/steward", clock.now(), "同一人重复登记"))
    assert not await may(access, father, ward)
    over = access.person_of_visit(doctor(hospital), visit, clock.now())
    assert await code_of(over) == "visit-expired"


async def _shown(platform: Platform, hospital: Institution, agent: Someone, ward: Someone) -> str:
    """The visit that a code on the agent's phone opened."""
    shown = await platform.access.families.card(agent.caller, ward.person, clock.now())
    return str((await hospital.scan(shown.dynamic_text)).json()["visit"])


async def test_undoing_takes_two_and_gives_back_what_there_was(platform: Platform, hospital: Institution) -> None:
    access, removals, one, agent = platform.access, platform.access.removals, *[await somebody(hospital) for _ in "12"]
    for scope, ends in (("show-code", timedelta(days=30)), ("see-record", timedelta(seconds=1))):
        await give(platform, one, agent, scope, ends=clock.now() + ends)
    made = await removed(access, one, agent, bars_until=clock.now() + timedelta(days=30), legal_basis="mandate-void")
    assert await code_of(removals.undo(by(THREE), made, clock.now())) == "not-found", "nobody proposed it"
    await removals.propose_undo(by(TWO), made, "二审改判，原裁判已撤销", clock.now())
    assert await code_of(removals.undo(by(TWO), made, clock.now())) == "second-person-needed"
    assert not await may(access, agent, one)
    await asyncio.sleep(1)
    assert await removals.undo(by(ONE), made, clock.now()) == 1, "what is over by itself does not come back"
    assert await may(access, agent, one)
    assert await code_of(give(platform, one, agent, "see-record")) == "ok"
    for side in (one, agent):
        events = [detail["event"] for *_, detail in await told(platform, side.person, "mandate")]
        assert events[-3:] == ["removed", "removal-undone", "give"]
    held = await consent.mandates_for(access.database, one.person)
    assert len(held) == 4, "the old ones stay as they were: on what ground somebody read can be told for any day"


STRANGER = resident_number("1980-02-03")
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no such basis": ({"legal_basis": "health"}, "field-invalid"),
    "no reference": ({"reference": " "}, "field-invalid"),
    "short words": ({"reason": "x"}, "field-invalid"),
    "a bar of the past": ({"bars_until": clock.now() - timedelta(days=1)}, "field-invalid"),
    "a bar of a life": ({"bars_until": clock.now() + timedelta(days=36525)}, "field-invalid"),
    "no card": ({"agent": "1"}, "field-invalid"),
    "no number": ({"agent": Named(Paper(NATIONAL, "11010119900307000X"), "周宁")}, "field-invalid"),
    "no name": ({"agent": Named(Paper(NATIONAL, STRANGER), " ")}, "field-invalid"),
    "nobody here, and no bar": ({"agent": Named(Paper(NATIONAL, STRANGER), "周宁")}, "not-found"),
    "nothing to end": ({}, "not-found"),
}


@pytest.mark.parametrize(("also", "expected"), WRONG.values(), ids=list(WRONG))
async def test_what_is_not_proposed(
    platform: Platform, hospital: Institution, also: dict[str, Any], expected: str
) -> None:
    access, one, other = platform.access, await somebody(hospital), await somebody(hospital)
    said = await order(access, one, other, **also)
    assert await code_of(access.removals.propose(by(ONE), said, clock.now())) == expected
    assert (
        await code_of(access.removals.propose(replace(by(ONE), rights=frozenset()), said, clock.now()))
        == "right-needed"
    )


async def test_a_mandate_given_at_the_same_moment_does_not_slip_through(
    platform: Platform, hospital: Institution
) -> None:
    access, one, agent = platform.access, await somebody(hospital), await somebody(hospital)
    until = clock.now() + timedelta(days=30)
    made = await access.removals.propose(by(ONE), await order(access, one, agent, bars_until=until), clock.now())
    async with access.database.transaction() as c:
        await consent.hold(c, one.person)  # as the approval does
        giving = asyncio.create_task(code_of(give(platform, one, agent, "show-code")))
        await asyncio.sleep(0.2)
        found = await consent.removal_by_id(c, made)
        await consent.decide_removal(c, found, "approve", "operator/remover-2", clock.now())
    assert await giving == "mandate-barred"


async def test_the_public_counts_and_the_database_wants_two(platform: Platform, hospital: Institution) -> None:
    access, one, agent = platform.access, await somebody(hospital), await somebody(hospital)
    await give(platform, one, agent, "show-code")
    before = (await access.removals.public_counts(clock.now(), 1))["mandate-void"] or 0
    made = await access.removals.propose(
        by(ONE), await order(access, one, agent, legal_basis="mandate-void"), clock.now()
    )
    assert ((await access.removals.public_counts(clock.now(), 1))["mandate-void"] or 0) == before
    decide = "select consent.decide_removal($1, $2, 'approve', $3, $4, '')"
    for account, done in ((ONE, False), (TWO, True)):
        said = await platform.database.fetchrow(decide, one.person, made, f"operator/{account}", clock.now())
        assert said[0] is done
    assert (await access.removals.public_counts(clock.now(), 1))["mandate-void"] == before + 1
    assert (await access.removals.public_counts(clock.now(), before + 5))["mandate-void"] is None
    for statement in ("update consent.removal set approver = 'x'", "delete from consent.removal"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await platform.database.execute(statement)
