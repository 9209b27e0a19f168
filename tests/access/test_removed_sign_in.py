"""An order that takes somebody away ends the other's own sign-ins too: the phone of whom was removed may hold them."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from test_cards_at_the_door import NATIONAL, SYSTEM, code_of, operator

from support import Institution, Platform, be_humans, patient, resident_number
from yima import authentication, consent, directory, healthcode
from yima.access import CameIn, Choose, Order, Paper, Visitor
from yima.directory import Terms
from yima.runtime import clock, ids
from yima.runtime.errors import Refusal

ONE, TWO = "parter-1", "parter-2"


@dataclass
class Person:
    """Somebody with the phone that their registration names."""

    platform: Platform
    hospital: Institution
    person: int
    number: str

    @property
    def subject(self) -> str:
        return ids.person_text(self.person)

    async def confirm(self, phone: str) -> None:
        access, now = self.platform.access, clock.now()
        staff = replace(await directory.staff_caller(access.database, str(self.hospital.practitioner)), proved=now)
        await access.phones.confirm(staff, access.cards, Paper(NATIONAL, self.number), phone, now)


_networks = iter(range(250))


class Browser:
    """A browser beside a phone, at a deployment where a number that nobody confirmed opens the own pages too."""

    def __init__(self, platform: Platform, phone: str) -> None:
        self.platform, self.phone = platform, phone
        self.visitor = Visitor(f"{phone}{'0' * 21}", f"203.0.113.{next(_networks)}", "")

    async def ask(self) -> tuple[str, str]:
        """The challenge, and the code that came, "" for none."""
        phones, file = self.platform.access.phones, self.platform.data / "notices.jsonl"
        before = file.stat().st_size if file.exists() else 0
        challenge = await phones.ask(self.visitor, self.phone, clock.now())
        await phones.sent()
        lines = file.read_bytes()[before:].splitlines() if file.exists() else []
        texts = [line["text"] for line in map(orjson.loads, lines) if line["to"] == self.phone]
        return challenge, re.findall(r"\d{6}", texts[-1])[0] if texts else ""

    async def enter(self, asked: tuple[str, str], whom: Person) -> str:
        """Come in as somebody; the cookie. Refusals of the door."""
        phones = self.platform.access.phones
        came = await phones.enter(self.visitor, *asked, clock.now())
        if isinstance(came, Choose):
            came = await phones.choose(self.visitor, came.challenge, whom.number[-4:], clock.now())
        assert isinstance(came, CameIn)
        return came.cookie


@pytest.fixture(scope="module")
async def platform(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """Not a development server: its sessions are rows, and can be ended."""
    data = tmp_path_factory.mktemp("removed")
    running = await Platform.start(database_url, data, notice_sender="file", resident_assurance="low")
    yield running
    await running.stop()


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    made = await platform.institution("A")
    async with platform.database.transaction() as c:
        for one in (ONE, TWO):
            await directory.register_operator(c, directory.Operator(one, one, one, frozenset({"suspend"})))
    await be_humans(platform.database, platform.access.vault, ONE, TWO)
    return made


async def _register(hospital: Institution, phone: str, born: str = "1985-03-14") -> Person:
    number = resident_number(born)
    said = patient(national=number, birthDate=born) | {"telecom": [{"system": "phone", "value": phone}]}
    made = await hospital.create(said)
    return Person(hospital.platform, hospital, Platform.person_of(f"Patient/{made['id']}"), number)


async def _family(hospital: Institution, phone: str) -> tuple[Person, Person]:
    """A father and his ward; his number is confirmed for both, and both registrations name it."""
    father, ward = await _register(hospital, phone), await _register(hospital, phone, "2018-06-01")
    for one in (father, ward):
        await one.confirm(phone)
    await hospital.platform.access.families.register(ward.person, father.person, clock.now())
    return father, ward


async def _proposed(platform: Platform, ward: Person, agent: Person) -> str:
    cards = [await healthcode.card_of(platform.database, one.person) for one in (ward, agent)]
    words = ("guardianship-revoked", "某某区人民法院（2026）民特9号", "法院认定其侵害被监护人权益")
    order = Order(cards[0].number, cards[1].number, *words, clock.now() + timedelta(days=9))
    return await platform.access.removals.propose(operator(ONE, "suspend"), order, clock.now())


async def _caller(platform: Platform, cookie: str) -> directory.Caller:
    return await platform.access.callers.caller("resident", cookie, clock.now())


async def test_the_wards_own_sign_ins_end_and_the_ward_comes_in_again(
    platform: Platform, hospital: Institution
) -> None:
    access, his = platform.access, "13900003001"
    father, ward = await _family(hospital, his)
    phone = Browser(platform, his)
    as_ward, as_himself = [await phone.enter(await phone.ask(), one) for one in (ward, father)]
    offer = await access.phones.passkey_offer(await _caller(platform, as_ward), "t", clock.now())
    async with platform.database.transaction() as c:
        terms = Terms(["patient/*.rs"], False, {"redirect_uri": "x", "challenge": "x"})
        await access.sign_in.grants.give(c, ward.person, "some-app", terms, clock.now())
        held = await authentication.kept_account(c, access.vault, "resident", ward.subject, clock.now())
    waiting = await phone.ask()  # asked before, typed after
    made = await _proposed(platform, ward, father)
    assert (await _caller(platform, as_ward)).person == ward.person, "a proposal ends nothing"
    await access.removals.approve(operator(TWO, "suspend"), made, clock.now())

    assert await code_of(_caller(platform, as_ward)) == "sign-in-needed"
    assert (await _caller(platform, as_himself)).person == father.person, "his own go on"
    assert await code_of(phone.enter(waiting, ward)) == "code-wrong"
    invited = access.means.enrolment.invitation("resident", offer.code, clock.now())
    assert await code_of(invited) == "invitation-invalid"
    opened = access.signing_in.opened("resident", phone.visitor, held, "passkey", clock.now())
    assert await code_of(opened) == "sign-in-failed", "a passkey that was asked for in the same moment"
    again = await _caller(platform, await phone.enter(await phone.ask(), ward))
    assert again.person == father.person, "the number names him alone now: nobody is asked who it is"
    rows = await platform.database.fetch("select ended_by from directory.app_grant where person_id = $1", ward.person)
    assert [row["ended_by"] for row in rows] == ["order"]
    for one, told in ((ward, (True, 1)), (father, (None, None))):
        who = directory.Caller(kind="resident", agent_id=one.subject, person=one.person)
        (line,) = [e for e in await access.access_log(who, now=clock.now()) if e.detail.get("event") == "removed"]
        assert (line.detail.get("sign_in_ended"), line.detail.get("apps_ended")) == told

    await ward.confirm("13900003002")
    mothers = Browser(platform, "13900003002")
    assert (await _caller(platform, await mothers.enter(await mothers.ask(), ward))).assurance == "substantial"
    await access.removals.propose_undo(operator(ONE, "suspend"), made, "二审改判，原裁判已撤销", clock.now())
    await access.removals.undo(operator(TWO, "suspend"), made, clock.now())
    assert await code_of(_caller(platform, as_ward)) == "sign-in-needed", "nothing is revived"


async def test_a_number_of_the_wards_own_stays(platform: Platform, hospital: Institution) -> None:
    """Of two adults: who was removed has another phone, so the person's own leads in as before."""
    person, agent = await _register(hospital, "13900003101"), await _register(hospital, "13900003102")
    await person.confirm("13900003101")
    phone = Browser(platform, "13900003101")
    before = await phone.enter(await phone.ask(), person)
    made = await _proposed(platform, person, agent)
    await platform.access.removals.approve(operator(TWO, "suspend"), made, clock.now())
    assert await code_of(_caller(platform, before)) == "sign-in-needed"
    assert (await _caller(platform, await phone.enter(await phone.ask(), person))).assurance == "substantial"


async def test_the_dead_come_in_by_no_way(platform: Platform, hospital: Institution) -> None:
    access, phone = platform.access, Browser(platform, "13900003401")
    person = await _register(hospital, phone.phone)
    await person.confirm(phone.phone)
    async with platform.database.transaction() as c:
        held = await authentication.kept_account(c, access.vault, "resident", person.subject, clock.now())

    async def ways() -> tuple[str, str]:
        by_passkey = access.signing_in.opened("resident", phone.visitor, held, "passkey", clock.now())
        return await code_of(by_passkey), await code_of(phone.enter(await phone.ask(), person))

    opened = await phone.enter(await phone.ask(), person)
    assert await ways() == ("ok", "ok")
    await access.cards.change(SYSTEM, person.person, "report-death", now=clock.now())
    assert await ways() == ("sign-in-failed", "code-wrong")
    assert await code_of(_caller(platform, opened)) == "sign-in-needed", "what was open before rests as well"
    await access.cards.change(SYSTEM, person.person, "undo-death", now=clock.now())
    assert (await ways())[0] == "ok"
    assert (await _caller(platform, opened)).person == person.person


async def _offer(platform: Platform, phone: Browser, ward: Person, cookie: str) -> Any:
    return await platform.access.phones.passkey_offer(await _caller(platform, cookie), "t", clock.now())


async def _enter(platform: Platform, phone: Browser, ward: Person, cookie: str) -> Any:
    return await phone.enter(await phone.ask(), ward)


@pytest.mark.parametrize(("doing", "refused"), [(_offer, "sign-in-needed"), (_enter, "code-wrong")])
async def test_what_was_under_way_leaves_nothing_behind(
    platform: Platform, hospital: Institution, doing: Any, refused: str
) -> None:
    his = f"1390000{3200 + len(refused)}"
    father, ward = await _family(hospital, his)
    phone = Browser(platform, his)
    cookie = await phone.enter(await phone.ask(), ward)
    found = await consent.removal_by_id(platform.database, await _proposed(platform, ward, father))
    async with platform.database.transaction() as c:
        await consent.hold(c, ward.person)  # as the approval does
        task = asyncio.create_task(doing(platform, phone, ward, cookie))
        await asyncio.sleep(0.3)
        assert not task.done()
        await consent.decide_removal(c, found, "approve", f"operator/{TWO}", clock.now())
        await authentication.remove_account(c, "resident", ward.subject)
        await platform.access.means.codes.part(c, [ward.subject], [father.subject], [])
    with pytest.raises(Refusal, match=refused):
        await task
