"""The stewards' desk: the queue, two persons side by side, decisions, the second steward, undo, reports, quality."""

from __future__ import annotations

import asyncio
import html
import re
from dataclasses import dataclass
from datetime import timedelta

import httpx
import pytest
from portal_place import form_token

from support import BASE, Institution, Platform, be_humans, patient, resident_number
from yima import directory, healthcode, mpi
from yima.access import Access
from yima.runtime import clock, ids

NATIONAL = "urn:oid:2.16.156.10011.1.3"
ADDRESS = "/operator/steward"


@dataclass(frozen=True)
class Desk:
    """A platform with doubtful pairs, and its stewards."""

    platform: Platform
    one: Institution
    other: Institution

    @property
    def access(self) -> Access:
        return self.platform.access

    def browser(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.ASGITransport(app=self.platform.app), base_url=BASE)

    async def steward(self, code: str = "st-1", lang: str = "zh") -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.platform.app)
        browser = httpx.AsyncClient(transport=transport, base_url=BASE, cookies={"yima_lang": lang})
        ticket = self.platform.access.callers.ticket("operator", code)
        assert (await browser.get(f"/dev/sign-in/{ticket}")).status_code == 303
        return browser

    async def somebody(self, at: Institution, **said: object) -> int:
        resource = {key: value for key, value in (patient(at.code) | said).items() if value != []}
        if "national" in resource:
            resource["identifier"].append({"system": NATIONAL, "value": resource.pop("national")})
        made = await at.create(resource)
        person = await mpi.person_of_patient(self.platform.database, made["id"])
        assert person
        return person

    async def twice(self, **said: object) -> tuple[int, int, int]:
        """The same words at two institutions with nothing to confirm them: two persons and a case."""
        name = patient()["name"][0]["text"] if "name" not in said else ""
        words = {"name": [{"text": name}], "birthDate": "1971-05-06", "telecom": []} | said
        one = await self.somebody(self.one, **words)
        other = await self.somebody(self.other, **words)
        assert one != other
        case = await mpi.case_of(self.platform.database, one, other)
        assert case
        return one, other, case


@pytest.fixture(scope="module")
async def desk(platform: Platform) -> Desk:
    async with platform.database.transaction() as c:
        for code in ("st-1", "st-2"):
            one = directory.Operator(code, f"管理员{code}", f"Steward {code}", frozenset({"steward"}))
            await directory.register_operator(c, one)
        await directory.register_operator(c, directory.Operator("op-x", "无权", "Nobody", frozenset({"suspend"})))
    await be_humans(platform.database, platform.access.vault, "st-1", "st-2")
    return Desk(platform, await platform.institution("S"), await platform.institution("T"))


def pair_form(page: str, **fields: str) -> dict[str, str]:
    named = dict(re.findall(r'name="(one|other|case)" value="([^"]*)"', page))
    return {"csrf": form_token(page), **named, **fields}


async def test_only_stewards_come_in(desk: Desk) -> None:
    nobody = await desk.steward("op-x")
    for path in ("/", "/second", "/history", "/reports", "/quality", "/cases/1"):
        assert (await nobody.get(ADDRESS + path)).status_code == 403, path
    stranger = httpx.AsyncClient(transport=httpx.ASGITransport(app=desk.platform.app), base_url=BASE)
    assert (await stranger.get(f"{ADDRESS}/")).status_code == 401


async def test_one_steward_merges_what_is_plain_and_undoes_it_exactly(desk: Desk) -> None:
    one, other, case = await desk.twice()
    browser = await desk.steward()
    listed = (await browser.get(f"{ADDRESS}/")).text
    assert f"{ADDRESS}/cases/{case}" in listed
    page = (await browser.get(f"{ADDRESS}/cases/{case}")).text
    assert "合并只需一人" in page
    assert "除姓名、出生日期、性别外没有其他一致项" in page
    done = await browser.post(f"{ADDRESS}/decide", data=pair_form(page, action="merge", survivor="other"))
    assert (done.status_code, "done=merged" in done.headers["location"]) == (303, True)
    db = desk.platform.database
    gone = await mpi.case(db, case)
    assert (gone.state, gone.decider) == ("same", "operator/st-1")
    assert await mpi.root_of(db, one) == await mpi.root_of(db, other) == gone.candidate
    page = (await browser.get(done.headers["location"])).text
    number = re.search(r'name="number" value="(\d+)"', page)
    assert number
    form = {"csrf": form_token(page), "number": number[1], "from": "queue"}
    assert (await browser.post(f"{ADDRESS}/undo", data=form)).status_code == 303
    assert (await mpi.case(db, case)).state == "open"
    assert (await mpi.root_of(db, one), await mpi.root_of(db, other)) == (one, other)
    again = await browser.post(f"{ADDRESS}/undo", data=form)
    assert (again.status_code, "undo-impossible" in again.text) == (409, True)
    assert "撤销第" in (await browser.get(f"{ADDRESS}/history")).text
    log = await desk.platform.log_of(one)
    assert [line["basis"] for line in log].count("steward") >= 3


async def test_a_risky_merge_takes_a_reason_and_two(desk: Desk) -> None:
    name = [{"text": "欧阳小雨"}]
    one, other, _ = await desk.twice(name=name, multipleBirthBoolean=True)
    first, second = await desk.steward(), await desk.steward("st-2", "en")
    address = f"{ADDRESS}/pair?one={ids.person_text(one)}&other={ids.person_text(other)}"
    page = (await first.get(address)).text
    assert "其中一人登记为多胞胎" in page
    bare = await first.post(f"{ADDRESS}/decide", data=pair_form(page, action="merge"))
    assert (bare.status_code, "field-invalid" in bare.text) == (422, True)
    form = pair_form(page, action="merge", reason="两家医院确认为同一胎次")
    for _ in range(2):  # asked twice, it is one proposal
        assert "done=proposed" in (await first.post(f"{ADDRESS}/decide", data=form)).headers["location"]
    assert await mpi.root_of(desk.platform.database, one) == one
    waiting = (await first.get(f"{ADDRESS}/second")).text
    assert "您提出的，须另一人复核" in waiting
    number = re.findall(r'name="number" value="(\d+)"', waiting)
    assert len(number) == 1
    mine = {"csrf": form_token(waiting), "number": number[0], "action": "confirm"}
    own = await first.post(f"{ADDRESS}/second", data=mine)
    assert (own.status_code, "second-person-needed" in own.text) == (403, True)
    page = (await second.get(f"{ADDRESS}/second")).text
    confirm = {"csrf": form_token(page), "number": number[0], "action": "confirm", "reason": "looked at both"}
    assert (await second.post(f"{ADDRESS}/second", data=confirm)).status_code == 303
    assert await mpi.root_of(desk.platform.database, one) == await mpi.root_of(desk.platform.database, other)
    assert (await second.post(f"{ADDRESS}/second", data=confirm)).status_code == 404
    history = (await second.get(f"{ADDRESS}/history")).text
    assert "两家医院确认为同一胎次" in history
    assert "operator/st-1" in history


async def test_two_numbers_speak_against_a_pair_whatever_was_said_without_them(desk: Desk) -> None:
    """One of the two was registered without a number first: those words alone know of no contradiction."""
    first, second = (resident_number("1974-03-04") for _ in range(2))
    said = {"name": [{"text": "司徒念慈"}], "gender": "female", "birthDate": "1974-03-04",
            "telecom": [{"system": "phone", "value": "13598761234"}]}  # fmt: skip
    one = await desk.somebody(desk.one, **said)
    assert await desk.somebody(desk.one, national=first, **said) == one
    other = await desk.somebody(desk.other, national=second, **said)
    assert other != one
    # An app that matches by numbers alone: the index keeps the number, and no words with it.
    numbers = await desk.platform.institution("N", matching="identifier")
    third = await desk.somebody(numbers, national=resident_number("1974-03-04"), **said)
    async with desk.platform.database.transaction() as c:
        words = mpi.registration(patient(**said))
        resolved = await mpi.resolve(
            c, desk.access.vault, words, mpi.Source(desk.one.number), now=clock.now(), scanned=third
        )
    assert resolved.person == third
    browser, linkage = await desk.steward(lang="en"), desk.access.linkage
    system = directory.Caller(kind="system", agent_id="cli")
    for pair in ((one, other), (other, one), (one, third), (third, other)):
        address = f"{ADDRESS}/pair?one={ids.person_text(pair[0])}&other={ids.person_text(pair[1])}"
        page = (await browser.get(address)).text
        assert "Hard evidence says that they are two people." in page
        sent = await browser.post(f"{ADDRESS}/decide", data=pair_form(page, action="merge"))
        assert sent.status_code == 422, "a merge of the two takes a reason, and two stewards"
        assert (await linkage.weigh(system, *pair, link=True)).kind == "keep"


async def test_a_number_goes_to_whom_it_names_by_two(desk: Desk) -> None:
    number = resident_number("1974-07-08")
    wrong = await desk.somebody(desk.one, national=number, name=[{"text": "登错人"}], birthDate="1974-07-08")
    said = {"name": [{"text": "持证者"}], "birthDate": "1974-07-08", "telecom": []}
    right = await desk.somebody(desk.other, national=number, **said)
    assert right != wrong
    first, second = await desk.steward(), await desk.steward("st-2", "en")
    db, address = desk.platform.database, f"{ADDRESS}/person/{ids.person_text(wrong)}"
    form = {"csrf": form_token((await first.get(address)).text), "action": "number", "system": NATIONAL,
            "value": number, "to": ids.person_text(right), "reason": "核对两人身份证原件"}  # fmt: skip
    for change in ({"value": "1"}, {"to": ids.person_text(wrong)}, {"to": "x"}, {"reason": ""}, {"system": "urn:x"}):
        refused = await first.post(address, data=form | change)
        assert refused.status_code in (404, 422), change
        assert number not in refused.text
    for _ in range(2):  # asked twice, it is one proposal
        sent = await first.post(address, data=form)
        assert (sent.status_code, number in sent.headers["location"]) == (303, False)
    vault = desk.platform.access.vault
    assert await mpi.person_of_document(db, vault, NATIONAL, number) == wrong
    waiting = (await second.get(f"{ADDRESS}/second")).text
    assert "document number goes to" in waiting
    assert (number in waiting, f"{number[:3]}*" in waiting) == (False, True)
    (proposal,) = re.findall(r'name="number" value="(\d+)"', waiting)
    confirm = {"csrf": form_token(waiting), "number": proposal, "action": "confirm", "reason": "seen"}
    assert (await second.post(f"{ADDRESS}/second", data=confirm)).status_code == 303
    assert await mpi.person_of_document(db, vault, NATIONAL, number) == right
    # Who registers with it next is the right one, and both read on their logs what was done.
    assert await desk.somebody(await desk.platform.institution("U"), national=number, **said) == right
    for person in (wrong, right):
        assert any('"number"' in str(line["detail"]) for line in await desk.platform.log_of(person))
    act = (await mpi.events_of(db, right))[-1]
    assert act.kind == "number"
    page = (await second.get(f"{ADDRESS}/history")).text
    assert "gave a number to another person" in page
    form = {"csrf": form_token(page), "number": str(act.number)}
    assert (await second.post(f"{ADDRESS}/undo", data=form)).status_code == 303
    assert await mpi.person_of_document(db, vault, NATIONAL, number) == wrong


async def test_never_the_same_and_later_leave_the_queue(desk: Desk) -> None:
    _, _, apart = await desk.twice(birthDate="1972-01-01")
    _, _, later = await desk.twice(birthDate="1972-01-02")
    browser, db = await desk.steward(), desk.platform.database
    for case, action in ((apart, "apart"), (later, "later")):
        page = (await browser.get(f"{ADDRESS}/cases/{case}")).text
        assert (await browser.post(f"{ADDRESS}/decide", data=pair_form(page, action=action))).status_code == 303
    listed = (await browser.get(f"{ADDRESS}/")).text
    assert f"/cases/{apart}" not in listed
    assert f"/cases/{later}" not in listed
    assert (await mpi.case(db, apart)).state == "different"
    tomorrow = await mpi.queue(db, desk.platform.access.vault, mpi.Wanted(), clock.now() + timedelta(days=1))
    assert later in {case.review_id for case in tomorrow}


async def test_a_number_is_masked_until_a_reason_is_given_and_logged(desk: Desk) -> None:
    number = resident_number()
    person = await desk.somebody(desk.one, national=number)
    browser = await desk.steward()
    address = f"{ADDRESS}/person/{ids.person_text(person)}"
    page = (await browser.get(address)).text
    assert number not in page
    form = {"csrf": form_token(page), "action": "reveal"}
    assert (await browser.post(address, data=form)).status_code == 422
    shown = await browser.post(address, data=form | {"reason": "核对身份证原件"})
    assert number in shown.text
    assert number not in str(shown.url)
    (line,) = [one for one in await desk.platform.log_of(person) if '"reveal"' in str(one["detail"])]
    assert (line["agent_id"], "sealed:1:" in line["detail"], "核对" in line["detail"]) == ("st-1", True, False)
    assert number not in (await browser.get(address)).text


async def test_death_theft_and_a_shared_number_are_reported_with_the_document(desk: Desk) -> None:
    numbers = [resident_number(born) for born in ("1931-01-01", "1961-01-01", "1962-01-01")]
    persons = [
        await desk.somebody(desk.one, national=number, birthDate=born)
        for number, born in zip(numbers, ("1931-01-01", "1961-01-01", "1962-01-01"), strict=True)
    ]
    browser, db = await desk.steward(), desk.platform.database
    csrf = form_token((await browser.get(f"{ADDRESS}/reports")).text)
    said = {"csrf": csrf, "system": NATIONAL, "reason": "派出所来函确认"}
    for wrong in ({"value": "1"}, {"value": resident_number()}, {"kind": "x"}, {"system": "urn:x"}, {"reason": "x"}):
        refused = await browser.post(f"{ADDRESS}/reports", data=said | {"kind": "death", "value": numbers[0]} | wrong)
        assert refused.status_code in (404, 422), wrong
        assert numbers[0] not in refused.text
    for kind, number in zip(("death", "theft", "shared"), numbers, strict=True):
        sent = await browser.post(f"{ADDRESS}/reports", data=said | {"kind": kind, "value": number})
        assert sent.status_code == 303, sent.text
        assert number not in sent.headers["location"]
    identity = await mpi.identity(db, desk.platform.access.vault, persons[0])
    assert identity
    assert identity.deceased
    assert (await healthcode.card_of(db, persons[0])).status == "deceased"
    assert (await healthcode.card_of(db, persons[1])).status == "lost"
    events = await mpi.events_of(db, persons[2])
    assert [event.kind for event in events] == ["freeze"]
    address = f"{ADDRESS}/person/{ids.person_text(persons[0])}"
    back = {"csrf": csrf, "action": "undo-death", "reason": "同名误报，已核对"}
    assert (await browser.post(address, data=back)).status_code == 303
    assert (await healthcode.card_of(db, persons[0])).status == "active"
    found = await browser.post(f"{ADDRESS}/find", data={"csrf": csrf, "system": NATIONAL, "value": numbers[1]})
    assert found.headers["location"].endswith(ids.person_text(persons[1]))


async def test_evidence_that_has_changed_since_is_told_from_the_queues(desk: Desk) -> None:
    said = {"name": [{"text": "上官云舒"}], "birthDate": "1975-08-09"}
    one, other, case = await desk.twice(**said)
    browser = await desk.steward(lang="en")
    queue = (await browser.get(f"{ADDRESS}/")).text
    page = (await browser.get(f"{ADDRESS}/cases/{case}")).text
    assert (f"/cases/{case}" in queue, "The queue shows" in page) == (True, False)
    for place, person in ((desk.one, one), (desk.other, other)):
        ((own, _),) = await mpi.patients_of(desk.platform.database, person)
        news = patient(place.code) | said | {"id": own, "telecom": [{"system": "phone", "value": "13598769876"}]}
        news["identifier"] = (await place.call("GET", f"/fhir/Patient/{own}")).json()["identifier"]
        assert (await place.call("PUT", f"/fhir/Patient/{own}", news)).status_code == 200
    page = (await browser.get(f"{ADDRESS}/cases/{case}")).text
    shown = re.search(r"The queue shows ([^,]+),", page)
    assert shown
    assert html.unescape(shown[1]) in html.unescape(queue)


async def test_a_number_is_not_taken_for_a_persons_id(desk: Desk) -> None:
    """Both have ten characters; what is taken for an id stands in an address."""
    number, system = "0123456701", "urn:yima:id:permit-tw"
    assert ids.person_from_text(number)
    person = await desk.somebody(desk.one, identifier=[{"system": system, "value": number}])
    browser = await desk.steward()
    form = {"csrf": form_token((await browser.get(f"{ADDRESS}/reports")).text), "system": system}
    for value in (number, ids.person_text(person)):
        found = await browser.post(f"{ADDRESS}/find", data=form | {"value": value})
        assert found.headers["location"].endswith(f"/person/{ids.person_text(person)}")
    nobody = await browser.post(f"{ADDRESS}/find", data=form | {"value": "0123456801"})
    assert (nobody.status_code, "location" in nobody.headers) == (404, False)


async def test_a_patient_is_split_off_and_moved_to_whom_it_means(desk: Desk) -> None:
    person, like, _ = await desk.twice()
    db = desk.platform.database
    ((patient_id, _),) = await mpi.patients_of(db, person)
    browser = await desk.steward()
    address = f"{ADDRESS}/person/{ids.person_text(person)}"
    form = {"csrf": form_token((await browser.get(address)).text), "patient": patient_id}
    assert (await browser.post(address, data=form | {"action": "split"})).status_code == 303
    new = await mpi.person_of_patient(db, patient_id)
    assert new != person
    form |= {"action": "move", "to": ids.person_text(like)}
    other = f"{ADDRESS}/person/{ids.person_text(new or 0)}"
    assert (await browser.post(other, data=form | {"to": "0000000000"})).status_code == 404
    assert (await browser.post(other, data=form)).status_code == 303
    assert await mpi.person_of_patient(db, patient_id) == like


async def test_a_patient_is_not_moved_to_somebody_else_by_one_steward_alone(desk: Desk) -> None:
    person, thief = await desk.somebody(desk.one, national=resident_number()), await desk.somebody(desk.other)
    db, browser = desk.platform.database, await desk.steward()
    ((patient_id, _),) = await mpi.patients_of(db, person)
    address = f"{ADDRESS}/person/{ids.person_text(person)}"
    form = {"csrf": form_token((await browser.get(address)).text), "patient": patient_id, "reason": "登记有误"}
    moved = await browser.post(address, data=form | {"action": "move", "to": ids.person_text(thief)})
    assert (moved.status_code, "move-needs-second" in moved.text) == (403, True)
    assert await mpi.person_of_patient(db, patient_id) == person


async def test_quality_is_counted_and_small_numbers_are_not_shown(desk: Desk) -> None:
    for _ in range(50):
        await desk.somebody(desk.other, birthDate="1980", telecom=[])
    bad = patient(birthDate="2999-01-01")
    assert (await desk.other.call("POST", "/fhir/Patient", bad)).status_code == 422
    now = clock.now()
    async with desk.platform.database.transaction() as c:
        for back in (1, 0):
            day = now - timedelta(days=back)
            await mpi.count_quality(c, day.date(), day - timedelta(days=1), day)
    browser = await desk.steward(lang="en")
    found = await mpi.quality(desk.platform.database)
    row = next(one for one in found if one.institution == desk.other.number)
    assert row.patients >= 50 <= row.no_birth_date
    page = (await browser.get(f"{ADDRESS}/quality?institution={desk.other.number}")).text
    assert "An impossible birth date" in page
    assert "&lt; 5" in page
    assert f"Hospital {desk.other.code}" in page
    assert "polyline" in page


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/cases/x", 404), ("/cases/99999999", 404), ("/cases/99999999999999999999", 404), ("/person/zzz", 404),
        ("/pair?one=x&other=y", 404), ("/pair", 404), ("/?risk=9&age=x&institution=%F0&reason=%3Cb%3E", 200),
        ("/?institution=99999999999999", 200), (f"/?institution={'9' * 5000}", 200),
        ("/history?before=x", 200), ("/quality?institution=%00", 422),
    ],
)  # fmt: skip
async def test_addresses_that_mean_nothing(desk: Desk, path: str, status: int) -> None:
    browser = await desk.steward()
    assert (await browser.get(ADDRESS + path)).status_code == status


@pytest.mark.parametrize("path", ["/decide", "/second", "/undo", "/reports", "/find", "/person/0000000000"])
async def test_a_form_of_another_page_does_nothing(desk: Desk, path: str) -> None:
    browser = await desk.steward()
    assert (await browser.post(ADDRESS + path, data={"csrf": "x", "action": "merge"})).status_code == 403


async def somebody_waits(desk: Desk) -> None:
    asked = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
    while not (await desk.platform.database.fetchrow(asked))[0]:  # noqa: ASYNC110  PostgreSQL tells no event
        await asyncio.sleep(0.01)


async def test_what_changes_while_a_steward_decides_counts(desk: Desk) -> None:
    """Whether one steward is enough is asked when nobody else can decide any more: here another one merges first."""
    one, other, _ = await desk.twice(birthDate="1973-02-01")
    third = await desk.somebody(desk.other, name=[{"text": "后来人"}], birthDate="1973-02-01")
    browser, db = await desk.steward(), desk.platform.database
    page = (await browser.get(f"{ADDRESS}/pair?one={ids.person_text(one)}&other={ids.person_text(other)}")).text
    form = pair_form(page, action="merge", survivor="other", reason="核对过两份登记")
    async with db.transaction() as c:
        await mpi.merge(c, third, other, mpi.Word("operator/st-2", clock.now(), ""))
        sent = asyncio.create_task(browser.post(f"{ADDRESS}/decide", data=form))
        await somebody_waits(desk)
    assert "done=proposed" in (await sent).headers["location"]
    assert await mpi.root_of(db, one) == one


async def test_what_is_sent_while_a_split_is_undone_goes_back_with_it(desk: Desk) -> None:
    db, vault = desk.platform.database, desk.access.vault
    stewards, system = desk.access.stewards, directory.Caller(kind="system", agent_id="cli")
    sent = await desk.one.create(patient(desk.one.code, name=[{"text": "改号人"}], birthDate="1973-05-01"))
    person = await mpi.person_of_patient(db, sent["id"])
    assert person
    number, _ = await stewards.split(system, sent["id"], reason="", now=clock.now())
    news = sent | {"telecom": [{"system": "phone", "value": "13598764321"}]}
    async with db.transaction() as c:
        await mpi.hold(c)
        undoing = asyncio.create_task(stewards.undo(system, number, reason="", now=clock.now()))
        await somebody_waits(desk)
        assert (await desk.one.call("PUT", f"/fhir/Patient/{sent['id']}", news)).status_code == 200
    await undoing
    assert await mpi.phone_of(db, vault, person) == "13598764321"


async def test_who_are_two_again_are_a_question_again(desk: Desk) -> None:
    """Two are merged with a third, which answers whether the two are one; undoing the first merge asks it anew."""
    one, other, case = await desk.twice(birthDate="1973-03-01")
    third = await desk.somebody(desk.other, name=[{"text": "第三人"}], birthDate="1973-03-01")
    db, system = desk.platform.database, directory.Caller(kind="system", agent_id="cli")
    stewards, now = desk.access.stewards, clock.now()
    first = await stewards.merge(system, one, third, reason="", now=now)
    await stewards.merge(system, other, third, reason="", now=now)
    assert (await mpi.case(db, case)).state == "same"
    await stewards.undo(system, first, reason="", now=now)
    assert (await mpi.case(db, case)).state == "open"


async def test_a_theft_and_its_dispute_are_told_together_or_not_at_all(desk: Desk) -> None:
    number = resident_number("1963-01-01")
    person = await desk.somebody(desk.one, national=number, birthDate="1963-01-01")
    browser, db = await desk.steward(), desk.platform.database
    said = {"csrf": form_token((await browser.get(f"{ADDRESS}/reports")).text), "system": NATIONAL, "value": number}
    assert (
        await browser.post(f"{ADDRESS}/reports", data=said | {"kind": "shared", "reason": "两人同号"})
    ).status_code == 303
    theft = said | {"kind": "theft", "freeze": "yes", "reason": "派出所来函确认"}
    assert (await browser.post(f"{ADDRESS}/reports", data=theft)).status_code == 303, "it is in dispute already"
    assert (await healthcode.card_of(db, person)).status == "lost"
    assert [event.kind for event in await mpi.events_of(db, person)] == ["freeze"]


async def test_only_open_questions_are_counted_as_waiting(desk: Desk) -> None:
    """A question between those who are read as one meanwhile is not listed, and is not among those that wait."""
    one, other, case = await desk.twice(birthDate="1973-04-01")
    db, vault = desk.platform.database, desk.platform.access.vault
    system = directory.Caller(kind="system", agent_id="cli")
    await desk.access.stewards.merge(system, one, other, reason="", now=clock.now())
    async with db.transaction() as c:
        await c.execute("update mpi.review set state = 'open' where review_id = $1", case)
    listed = await mpi.queue(db, vault, mpi.Wanted(limit=10_000), clock.now())
    assert sum(w.number for w in await mpi.waiting(db, vault, clock.now())) == len(listed)
