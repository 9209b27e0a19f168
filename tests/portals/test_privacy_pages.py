"""A resident finds a line wrong, the privacy officer answers; findings and alarms are decided; notices are chosen."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from portal_place import form_token
from test_steward_pages import Desk

from support import Institution, Platform, be_humans, patient, resident_number
from yima import directory, healthcode, mpi, oversight
from yima.directory import Caller
from yima.runtime import clock, ids
from yima.runtime.civil import civil_day

ADDRESS = "/operator/privacy"
REASON = "这位医生当天值班会诊，有会诊记录。"


@pytest.fixture(scope="module")
async def platform(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """One that sends notices."""
    data = tmp_path_factory.mktemp("privacy")
    running = await Platform.start(database_url, data, development=True, notice_sender="file", glass_unexplained=0)
    yield running
    await running.stop()


@pytest.fixture(scope="module")
async def desk(platform: Platform) -> Desk:
    async with platform.database.transaction() as c:
        officer = directory.Operator("po-1", "专员一", "Officer One", frozenset({"privacy"}))
        await directory.register_operator(c, officer)
        await directory.register_operator(c, directory.Operator("op-x", "无权", "Nobody", frozenset({"suspend"})))
    return Desk(platform, await platform.institution("P"), await platform.institution("Q"))


async def somebody(at: Institution) -> tuple[int, Caller]:
    made = await at.create(patient(at.code))
    person = Platform.person_of(f"Patient/{made['id']}")
    return person, Caller(kind="resident", agent_id=ids.person_text(person), person=person, proved=clock.now())


async def resident(desk: Desk, person: int) -> httpx.AsyncClient:
    browser = desk.browser()
    ticket = desk.platform.access.callers.ticket("resident", ids.person_text(person))
    assert (await browser.get(f"/dev/sign-in/{ticket}")).status_code == 303
    return browser


async def glass(desk: Desk, person: int) -> str:
    """Somebody of another institution breaks the glass and reads nothing; the line that says so."""
    await desk.other.break_glass(person)
    who = Caller(kind="resident", agent_id=ids.person_text(person), person=person, proved=clock.now())
    log = await desk.access.access_log(who, now=clock.now() + timedelta(seconds=1))
    return next(one.event_id for one in log if one.action == "break-glass")


async def test_what_looks_wrong_is_answered(desk: Desk) -> None:
    person, caller = await somebody(desk.one)
    line = await glass(desk, person)
    phone = await resident(desk, person)
    assert f"/resident/objections?line={line}" in (await phone.get("/resident/log")).text
    page = (await phone.get(f"/resident/objections?line={line}")).text
    sent = await phone.post(
        "/resident/objections", data={"csrf": form_token(page), "line": line, "said": "我没去过那里"}
    )
    assert sent.status_code == 303
    again = await phone.post("/resident/objections", data={"csrf": form_token(page), "line": line})
    assert again.status_code == 409
    (case,) = await desk.access.privacy.my_objections(caller)
    assert case.due - case.opened == timedelta(days=desk.access.settings.objection_days)

    officer = await desk.steward("po-1")
    page = (await officer.get(ADDRESS)).text
    assert "我没去过那里" in page
    form = {"csrf": form_token(page), "what": case.objection, "decision": "misconduct", "reason": REASON}
    assert (await officer.post(f"{ADDRESS}/objection", data=form)).status_code == 422, "what follows must be said"
    assert (await officer.post(f"{ADDRESS}/objection", data=form | {"follows": "training"})).status_code == 303
    assert (await officer.post(f"{ADDRESS}/objection", data=form | {"follows": "training"})).status_code == 404
    shown = (await phone.get("/resident/objections")).text
    assert REASON in shown
    assert "已要求培训" in shown
    assert "答复了您的异议" in (await phone.get("/resident/log")).text


async def test_another_persons_line_is_nobodys(desk: Desk) -> None:
    mine, _ = await somebody(desk.one)
    other, _ = await somebody(desk.one)
    line = await glass(desk, other)
    phone = await resident(desk, mine)
    page = (await phone.get(f"/resident/objections?line={line}")).text
    assert line not in page
    answer = await phone.post("/resident/objections", data={"csrf": form_token(page), "line": line})
    assert answer.status_code == 404


async def test_overdue_stands_first(desk: Desk) -> None:
    texts = []
    for days, said in ((1, "新的"), (40, "旧的")):
        person, caller = await somebody(desk.one)
        line = await glass(desk, person)
        await desk.access.privacy.object_to(caller, line, said, clock.now() - timedelta(days=days))
        texts.append(said)
    page = (await (await desk.steward("po-1")).get(ADDRESS)).text
    assert page.index("旧的") < page.index("新的")
    assert "已逾期" in page


async def test_a_finding_is_decided_and_access_stops(desk: Desk) -> None:
    person, caller = await somebody(desk.one)
    async with desk.platform.database.transaction() as c:
        await oversight.mark(c, person, "vip", "system/test", clock.now())
    await desk.other.break_glass(person)
    await desk.access.privacy.watch(clock.now())
    officer = await desk.steward("po-1")
    page = (await officer.get(ADDRESS)).text
    assert "紧急调阅后无诊疗" in page
    what = re.search(rf'name="what" value="({ids.person_text(person)} [^"]+)"', page)
    assert what
    form = {"csrf": form_token(page), "what": what[1], "decision": "misconduct", "reason": REASON}
    done = await officer.post(f"{ADDRESS}/finding", data=form | {"follows": "access-stopped"})
    assert done.status_code == 303
    staff = await directory.practitioner(desk.platform.database, desk.other.practitioner)
    assert staff is not None
    assert staff.status == "stopped"
    log = await desk.access.access_log(caller, now=clock.now() + timedelta(seconds=1))
    assert ("review", "misconduct") in {(one.action, one.detail.get("decision")) for one in log}


async def test_more_after_a_decision_and_the_house_as_a_reader_are_said(desk: Desk) -> None:
    person, _ = await somebody(desk.one)
    now = clock.now()
    look = oversight.Look(
        person=person, reader="app/many", institution=desk.other.number, department="", first=now, last=now, lines=2,
        bases=("document",), line="x",
    )  # fmt: skip
    found = [(look, civil_day(now), oversight.Judged((), 50, ("no-relation",)))]
    officer = await desk.steward("po-1", lang="en")
    for said in (False, True):
        async with desk.platform.database.transaction() as c:
            await oversight.put_findings(c, found)
            house = f"institution/{desk.other.number}"
            alarm = oversight.Alarm(0, "bulk", house, desk.other.number, now, now, 400, 0, "", False)
            await oversight.raise_alarm(c, alarm)
        page = (await officer.get(ADDRESS)).text
        assert ("After a decision about the same day" in page) is said
        assert "The whole institution, all its programs and staff" in page
        assert "what is usual is not known yet" in page
        what = f"{ids.person_text(person)} {civil_day(now)} app/many"
        form = {"csrf": form_token(page), "what": what, "decision": "explained", "reason": REASON}
        assert (await officer.post(f"{ADDRESS}/finding", data=form)).status_code == 303
        assert (await officer.post(f"{ADDRESS}/finding", data=form)).status_code == 404


async def test_a_canary_is_an_alarm(desk: Desk) -> None:
    person, _ = await somebody(desk.one)
    async with desk.platform.database.transaction() as c:
        await oversight.mark(c, person, "canary", "system/test", clock.now())
    await (await desk.platform.institution("E")).break_glass(person)  # of `other` the doctor may be stopped by now
    await desk.access.privacy.watch(clock.now())
    officer = await desk.steward("po-1", lang="en")
    page = (await officer.get(ADDRESS)).text
    assert "A canary record was touched" in page
    what = re.search(r'action="/operator/privacy/alarm".*?name="what" value="(\d+)"', page, re.DOTALL)
    assert what
    form = {"csrf": form_token(page), "what": what[1], "decision": "explained", "reason": "a drill of our own"}
    assert (await officer.post(f"{ADDRESS}/alarm", data=form)).status_code == 303


async def test_nobody_decides_in_the_own_cause(desk: Desk) -> None:
    """Neither as who objects, nor as the member of the staff who looked, nor as the operator who set off an alarm, nor
    as somebody who works where it was done."""
    db, number, now = desk.platform.database, resident_number(), clock.now()
    place, stranger = await desk.platform.institution("O"), await desk.platform.institution("O")
    made = await desk.one.create(patient(national=number))
    me = Platform.person_of(f"Patient/{made['id']}")
    other, _ = await somebody(desk.one)
    async with db.transaction() as c:
        for code, works in (("po-me", ""), ("po-2", ""), ("po-place", place.code), ("po-stranger", stranger.code)):
            said = directory.Operator(code, "专员", "Officer", frozenset({"privacy"}), "active", works)
            await directory.register_operator(c, said)
        named = mpi.human_of_number(mpi.RESIDENT_NUMBER, number)
        assert named
        await directory.name_human(c, desk.access.vault, "po-me", named)
    await be_humans(db, desk.access.vault, "po-2")
    await desk.access.privacy.say_who(place.practitioner, (await healthcode.card_of(db, me)).number)
    await stranger.break_glass(me)
    caller = Caller(kind="resident", agent_id=ids.person_text(me), person=me, proved=now)
    log = await desk.access.access_log(caller, now=clock.now() + timedelta(seconds=1))
    line = next(one.event_id for one in log if one.action == "break-glass")
    case = await desk.access.privacy.object_to(caller, line, "", now)
    look = oversight.Look(
        person=other, reader=f"practitioner/{place.practitioner}", institution=place.number, department="", first=now,
        last=now, lines=2, bases=("document",), line="x",
    )  # fmt: skip
    async with db.transaction() as c:
        await oversight.put_findings(c, [(look, civil_day(now), oversight.Judged((), 50, ("no-relation",)))])
        for code in ("po-me", "po-1"):
            await oversight.raise_alarm(
                c, oversight.Alarm(0, "canary", f"operator/{code}", 0, now, now, 1, 0, f"own-{code}", False)
            )
        await oversight.raise_alarm(
            c, oversight.Alarm(0, "canary", "app/of-place", place.number, now, now, 1, 0, "of-place", False)
        )
    alarms = {one.line: one.alarm_id for one in await oversight.alarms(db, now)}
    whats = {
        "objection": case,
        "finding": f"{ids.person_text(other)} {civil_day(now)} practitioner/{place.practitioner}",
        "alarm": str(alarms["own-po-me"]),
    }
    own = await place.break_glass(other)
    at_place = whats | {"alarm": str(alarms["of-place"])}
    for code, what in [("po-stranger", "objection"), ("po-place", "finding"), ("po-place", "alarm")]:
        officer = await desk.steward(code, lang="en")
        form = {"csrf": form_token((await officer.get(ADDRESS)).text), "decision": "explained", "reason": REASON}
        done = await officer.post(f"{ADDRESS}/{what}", data=form | {"what": at_place[what]})
        assert (done.status_code, "review-own-institution" in done.text) == (403, True), what
    for code, answered in (("po-me", 403), ("po-2", 303)):
        officer = await desk.steward(code, lang="en")
        csrf = form_token((await officer.get(ADDRESS)).text)
        form = {"csrf": csrf, "decision": "explained", "reason": REASON}
        for name, what in whats.items():
            done = await officer.post(f"{ADDRESS}/{name}", data=form | {"what": what})
            assert done.status_code == answered, (code, name)
            assert ("second-person-needed" in done.text) is (answered == 403), name
        judged = form | {"handle": own, "verdict": "justified"}
        done = await officer.post("/operator/break-glass/judge", data=judged)
        assert done.status_code == answered, code
    nobody = await desk.steward("po-1")
    form |= {"csrf": form_token((await nobody.get(ADDRESS)).text), "what": str(alarms["own-po-1"])}
    assert (await nobody.post(f"{ADDRESS}/alarm", data=form)).status_code == 403, "the own alarm, whoever that is"


async def test_who_has_not_the_right_sees_nothing(desk: Desk) -> None:
    browser = await desk.steward("op-x")
    assert (await browser.get(ADDRESS)).status_code == 403


async def test_notices_are_the_residents_choice(desk: Desk) -> None:
    person, caller = await somebody(desk.one)
    phone = await resident(desk, person)
    page = (await phone.get("/resident/objections")).text
    assert await desk.access.privacy.wants_notices(caller)
    assert (await phone.post("/resident/notices", data={"csrf": form_token(page), "wanted": "no"})).status_code == 303
    assert not await desk.access.privacy.wants_notices(caller)
