"""Breaking the glass: the set first, the rest by a second act, a review of each, abuse ended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from support import Institution, Platform, as_owner, be_humans, code_of, observation, patient
from yima import audit, consent, directory, healthcode, oversight
from yima.access import Access, glass
from yima.cli import registering
from yima.directory import Caller
from yima.runtime import clock, ids
from yima.runtime.errors import Refusal

WORDS = "车祸昏迷，无法出示健康码"
DAY = timedelta(days=1)


def officer(code: str = "officer-1") -> Caller:
    return Caller(kind="operator", agent_id=code, name_zh=code, rights=frozenset({"privacy"}), proved=clock.now())


def resident(person: int) -> Caller:
    return Caller(kind="resident", agent_id=ids.person_text(person), person=person, proved=clock.now())


async def code(work: Coroutine[Any, Any, Any]) -> str:
    """The code of the refusal, or empty."""
    try:
        await work
    except Refusal as refusal:
        return refusal.code
    return ""


@pytest.fixture(scope="module")
async def platform(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    running = await Platform.start(
        database_url, tmp_path_factory.mktemp("glass"), development=True, glass_unexplained=3, glass_unjustified=2
    )
    await be_humans(running.database, running.access.vault, "officer-1", "officer-2")
    yield running
    await running.stop()


@pytest.fixture(scope="module")
async def home(platform: Platform) -> Institution:
    """Where people are known."""
    return await platform.institution("HOME")


@pytest.fixture
async def er(platform: Platform) -> Institution:
    """Another emergency room each time: whose doctors have broken no glass yet."""
    return await platform.institution("ER")


async def someone(home: Institution) -> int:
    made = await home.create(patient())
    return Platform.person_of(f"Patient/{made['id']}")


async def opened(er: Institution, person: int, **also: Any) -> str:
    said = {"ground": "unconscious", "reason": WORDS, "terminal": er.terminal, "now": clock.now()} | also
    caller = said.pop("caller", er.doctor())
    return await er.platform.access.glass.open(caller, person, **said)


# --- who may, and in what words ----------------------------------------------------------------------------------


async def test_what_is_refused_before_anything_is_opened(
    platform: Platform, home: Institution, er: Institution
) -> None:
    person, doctor = await someone(home), er.doctor()
    app = Caller(kind="app", agent_id=er.client_id, institution=er.number)
    stale = replace(doctor, proved=clock.now() - timedelta(hours=1))
    refused = {
        "short words": (await code(opened(er, person, reason="急 救")), "break-glass-reason-missing"),
        "no words": (await code(opened(er, person, reason=" \n ")), "break-glass-reason-missing"),
        "no ground": (await code(opened(er, person, ground="")), "break-glass-ground-unknown"),
        "a ground of the second step": (
            await code(opened(er, person, ground="transfer")),
            "break-glass-ground-unknown",
        ),
        "nobody": (await code(opened(er, 12345)), "not-found"),
        "a program": (await code(opened(er, person, caller=app)), "scope-insufficient"),
        "an operator": (await code(opened(er, person, caller=officer())), "scope-insufficient"),
        "the resident": (await code(opened(er, person, caller=resident(person))), "scope-insufficient"),
        "a registrar": (await code(opened(er, person, caller=replace(doctor, role="registrar"))), "role-not-permitted"),
        "who proved it long ago": (await code(opened(er, person, caller=stale)), "step-up-needed"),
        "who never proved it": (await code(opened(er, person, caller=replace(doctor, proved=None))), "step-up-needed"),
    }
    assert {name: said for name, (said, _) in refused.items()} == {name: want for name, (_, want) in refused.items()}
    board = await platform.access.glass_desk.board(officer(), clock.now())
    assert person not in {case.review.person for case in board.cases}


async def test_words_that_look_sealed_are_only_words(platform: Platform, home: Institution) -> None:
    """A doctor types another person's sealed words, and some that no reader could take apart: all of them are told as
    they were typed, and nobody's are opened."""
    victim, person = await someone(home), await someone(home)
    await opened(await platform.institution("ER"), victim, reason="只有本人可以读的话：张三")
    stored = await platform.database.fetchrow("select reason from consent.emergency where person_id = $1", victim)
    typed = {stored[0], f"sealed:1:9999999999999999999:{'QUFB' * 20}", f"sealed:1:{person}:{'QUFB' * 20}A"}
    for reason in sorted(typed):
        await opened(await platform.institution("ER"), person, reason=reason)
    lines = await platform.access.access_log(resident(person), now=clock.now())
    assert {one.detail["reason"] for one in lines if one.action == "break-glass"} == typed
    board = await platform.access.glass_desk.board(officer(), clock.now())
    assert {case.opened.reason for case in board.cases if case.review.person == person} == typed


# --- the set first -----------------------------------------------------------------------------------------------


async def test_the_first_step_opens_the_set_and_nothing_else(
    platform: Platform, home: Institution, er: Institution
) -> None:
    access = platform.access
    made = await home.create(
        patient(contact=[{"name": {"text": "李先生"}, "telecom": [{"system": "phone", "value": "00000000001"}]}])
    )
    name, person = f"Patient/{made['id']}", Platform.person_of(f"Patient/{made['id']}")
    now = clock.now()
    old, fresh = (now - timedelta(days=200)).isoformat(), (now - DAY).isoformat()
    await home.create(allergy(name))
    await home.create(observation(name, effectiveDateTime=old, code=loinc("718-7", "血红蛋白")))
    recent = await home.create(observation(name, effectiveDateTime=fresh, code=loinc("2345-7", "葡萄糖")))
    handle = await opened(er, person)
    shown = await access.glass.emergency_set(er.doctor(), handle, now)
    o = shown.view.overview
    assert [one.title.zh for one in o.allergies] == ["青霉素"]
    assert [one.code for one in o.results] == ["2345-7"], "of 90 days"
    assert [*o.episodes, *o.trends, *o.immunisations, *o.procedures, *o.tags] == []
    assert shown.contacts == ("李先生 00000000001",)
    reads = [f"/fhir/Observation/{recent['id']}", f"/fhir/Observation?patient={name}", f"/fhir/{name}/$everything",
             f"/fhir/Observation/{recent['id']}/_history", f"/record/{made['id']}", f"/record/{made['id']}/timeline",
             f"/fhir/Patient/{made['id']}"]  # fmt: skip
    for address in reads:
        answer = await er.call("GET", address, visit=handle, yima_purpose="emergency-treatment")
        assert (answer.status_code, code_of(answer)) == (403, "emergency-set-only"), address
    refusal = access.open_record(er.doctor(), person, purpose="emergency-treatment", visit=handle, now=now)
    assert await code(refusal) == "emergency-set-only"
    answer = await er.call("GET", f"/fhir/{name}/$summary", visit=handle, yima_purpose="emergency-treatment")
    assert answer.status_code == 200, answer.text
    titles = {s["code"]["coding"][0]["code"] for s in answer.json()["entry"][0]["resource"]["section"]}
    assert titles <= {"48765-2", "10160-0", "11450-4", "46264-8", "30954-2"}
    assert "718-7" not in answer.text
    colleague = replace(er.doctor(), agent_id=str(er.practitioner + 100_000))
    widen = {"ground": "cause-unclear", "reason": "需要既往检查结果", "now": now}
    assert await code(access.glass.widen(colleague, handle, **widen)) == "visit-needed"
    assert (
        await code(access.glass.widen(er.doctor(), handle, **widen | {"reason": "急"})) == "break-glass-reason-missing"
    )
    assert await code(access.glass.widen(er.doctor(), handle, **widen | {"ground": "unconscious"}))
    assert await code(access.glass.widen(er.doctor(), handle, **widen | {"now": now + DAY})) in (
        "visit-expired", "step-up-needed",
    )  # fmt: skip
    await access.glass.widen(er.doctor(), handle, **widen)
    answer = await er.call("GET", reads[0], visit=handle, yima_purpose="emergency-treatment")
    assert answer.status_code == 200, answer.text
    late = now + timedelta(hours=2)
    open_late = access.open_record(er.doctor(), person, purpose="emergency-treatment", visit=handle, now=late)
    assert await code(open_late) == "visit-expired"
    assert await code(access.glass.emergency_set(er.doctor(), handle, late)) == "visit-expired"
    assert await code(access.glass.emergency_set(home.doctor(), handle, now)) == "visit-needed", "another house"
    lines = [line for line in await access.access_log(resident(person), now=clock.now()) if line.visit == handle]
    grounds = {line.detail["ground"] for line in lines if "ground" in line.detail}
    assert grounds == {"unconscious", "cause-unclear"}
    assert any(line.detail.get("set") and line.detail["types"]["AllergyIntolerance"] == 1 for line in lines)
    notices = await access.notices(resident(person), clock.now())
    assert [notice.detail["reason"] for notice in notices] == [WORDS], "one for an emergency"


def allergy(name: str) -> dict[str, Any]:
    return {
        "resourceType": "AllergyIntolerance", "patient": {"reference": name}, "criticality": "high",
        "code": {"text": "青霉素"},
        "clinicalStatus": {"coding": [{"code": "active",
            "system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"}]},
    }  # fmt: skip


def loinc(number: str, text: str) -> dict[str, Any]:
    return {"coding": [{"system": "http://loinc.org", "code": number}], "text": text}


# --- the review --------------------------------------------------------------------------------------------------


async def test_a_review_knows_what_explains_it_and_the_resident_reads_the_verdict(
    platform: Platform, home: Institution, er: Institution
) -> None:
    access, desk, now = platform.access, platform.access.glass_desk, clock.now()
    person = await someone(home)
    handle = await opened(er, person)
    await access.glass.emergency_set(er.doctor(), handle, clock.now())

    async def case() -> Any:
        board = await desk.board(officer(), clock.now())
        return next(one for one in board.cases if one.review.handle == handle)

    found = await case()
    assert (found.care, found.review.state, found.opened.ground, found.lately) == ((), "waiting", "unconscious", 1)
    assert [line.action for line in found.lines] == ["break-glass", "break-glass"], "opened, and the set read"
    assert found.review.due - found.review.opened == timedelta(days=7)
    assert not found.review.is_overdue(now)
    assert found.review.is_overdue(now + 8 * DAY)
    await desk.ask(officer(), handle, "请说明当时情况和接诊记录", now)
    (asked,) = await access.glass.questions(er.doctor())
    assert asked.review.question == "请说明当时情况和接诊记录"
    other = await platform.institution("X")
    assert await code(access.glass.answer(other.doctor(), handle, "不是我开的，不清楚", now)) == "not-found"
    await access.glass.answer(er.doctor(), handle, "急救车送来，无证件，已登记住院", now)
    await desk.ask(officer(), handle, "登记的科室是哪一个", now)
    (asked,) = await access.glass.questions(er.doctor())
    kept = "请说明当时情况和接诊记录 “急救车送来，无证件，已登记住院” · 登记的科室是哪一个"
    assert (asked.review.question, asked.review.answer, asked.review.state) == (kept, None, "asked")
    await access.glass.answer(er.doctor(), handle, "急诊内科，床号三", now)
    visit = await er.visit(person)  # the same person was taken in by that institution
    assert visit
    found = await case()
    assert [how for _, how in found.care] == ["visit"]
    assert found.review.state == "answered"
    await desk.judge(officer(), handle, "justified", "抢救属实，已有接诊记录", clock.now())
    log = await access.access_log(resident(person), now=clock.now() + timedelta(seconds=1))
    assert [e.detail["reason"] for e in log if e.detail.get("event") == "glass-justified"] == ["抢救属实，已有接诊记录"]
    for again in ("justified", "unjustified"):
        assert await code(desk.judge(officer(), handle, again, "再判一次看看行不行", clock.now())) == "not-found"
    assert await code(desk.ask(officer(), handle, "再问一次看看行不行", clock.now())) == "not-found"


async def test_who_may_not_judge(platform: Platform, home: Institution, er: Institution) -> None:
    access, desk, now = platform.access, platform.access.glass_desk, clock.now()
    handle = await opened(er, await someone(home))
    async with platform.database.transaction() as c:
        for number, works in (("own-1", f"{er.code}医院"), ("own-2", f" {er.code.lower()} "), ("other", "HOME")):
            said = directory.Operator(number, number, number, frozenset({"privacy"}), "active", works)
            await directory.register_operator(c, said)
    for who in ("own-1", "own-2"):
        assert (
            await code(desk.judge(officer(who), handle, "justified", "本院自己审核本院", now))
            == "review-own-institution"
        )
        assert await code(desk.ask(officer(who), handle, "本院自己审核本院", now)) == "review-own-institution"
        board = await desk.board(officer(who), now)
        assert {case.own for case in board.cases if case.review.institution == er.number} == {True}
    without = Caller(kind="operator", agent_id="x", rights=frozenset({"suspend", "steward", "erase", "export"}))
    for who in (without, er.doctor(), resident(1), Caller(kind="app", agent_id="a", institution=er.number)):
        assert await code(desk.board(who, now)) == "right-needed"
        assert await code(desk.judge(who, handle, "justified", "没有权限的人来审", now)) == "right-needed"
        assert await code(desk.lift(who, 1, now)) == "right-needed"
    for verdict, reason in (("fine", "抢救属实，已有接诊记录"), ("justified", "好"), ("justified", "")):
        assert await code(desk.judge(officer(), handle, verdict, reason, now)) == "field-invalid"
    assert await code(access.glass.answer(er.doctor(), handle, "没有人问过我什么", now)) == "not-found"
    await desk.judge(officer("other"), handle, "justified", "抢救属实，已有接诊记录", now)


async def test_no_number_of_reads_hides_an_emergency_from_its_holder(
    platform: Platform, home: Institution, er: Institution
) -> None:
    person = await someone(home)
    handle = await opened(er, person)
    now = clock.now()
    line = audit.Event(
        person=person, recorded=now, action="break-glass", outcome="ok", agent="practitioner", visit=handle,
        agent_id=str(er.practitioner), institution=er.number, detail={"types": {"Patient": 1}},
    )  # fmt: skip
    async with platform.database.transaction() as c:
        await audit.append(c, [line] * 600)
    notices = await platform.access.notices(resident(person), clock.now())
    assert [(one.action, one.detail.get("reason")) for one in notices] == [("break-glass", WORDS)]


async def test_marks_come_and_go_on_the_log(platform: Platform, home: Institution) -> None:
    person, privacy = await someone(home), platform.access.privacy
    number = (await healthcode.card_of(platform.database, person)).shown_number
    for off in (False, True):
        await privacy.mark(officer("marker"), number, "canary", clock.now(), off=off)
    sql = "select detail from audit.event where person_id = 0 and agent_id = 'marker' order by recorded"
    said = [json.loads(row["detail"]) for row in await platform.database.fetch(sql)]
    assert said == [{"event": "mark", "mark": "canary"}, {"event": "unmark", "mark": "canary"}]


# --- abuse -------------------------------------------------------------------------------------------------------


async def works(access: Access, er: Institution) -> bool:
    """Whether this institution's doctor gets in with the session they hold."""
    cookie = access.callers.session("clinician", str(er.practitioner), clock.now())
    return not await code(access.callers.caller("clinician", cookie, clock.now()))


async def test_one_too_many_that_nothing_explains_ends_access_everywhere(
    platform: Platform, home: Institution, er: Institution
) -> None:
    access, desk = platform.access, platform.access.glass_desk
    other_worker = Access(platform.database, platform.keys, access.settings, access.base_url)
    people = [await someone(home) for _ in range(5)]
    for person in people[:3]:
        await opened(er, person)
    await er.visit(people[0])  # care explains the first: it does not count
    await opened(er, people[3])
    assert await works(other_worker, er)
    assert await code(opened(er, people[4])) == "break-glass-stopped"
    assert not await works(access, er)
    assert not await works(other_worker, er), "on every worker, with the commit"
    log = await access.access_log(resident(people[4]), now=clock.now() + timedelta(seconds=1))
    assert ("break-glass", "denied") in {(e.action, e.outcome) for e in log}, "the fifth sees that somebody tried"
    board = await desk.board(officer(), clock.now())
    (stop,) = [one for one in board.stops if one.practitioner == er.practitioner]
    assert (stop.cause, stop.number, stop.by) == ("glass-unexplained", 3, "platform")
    answer = await er.call("GET", "/oversight/stops")
    assert [(one["practitioner"], one["cause"]) for one in answer.json()["stops"]] == [("D1", "glass-unexplained")]
    assert (await home.call("GET", "/oversight/stops")).json()["stops"] == []
    now = clock.now()
    assert await code(desk.lift(officer("officer-2"), stop.stop, now)) == "not-found", "nobody proposed it"
    await desk.propose_lifting(officer(), stop.stop, "群体伤害，已与急诊科核实", now)
    assert await code(desk.lift(officer(), stop.stop, now)) == "second-person-needed"
    left_open = replace(officer("officer-2"), proved=now - timedelta(hours=1))
    assert await code(desk.lift(left_open, stop.stop, now)) == "step-up-needed"
    assert not await works(access, er)
    await desk.lift(officer("officer-2"), stop.stop, now)
    assert await works(access, er)
    assert await code(desk.lift(officer("officer-3"), stop.stop, now)) == "not-found"
    lines = await platform.database.fetch("select detail from audit.event where person_id = 0 and action = 'review'")
    assert {"access-stopped", "lifting-proposed", "lifted"} <= {str(row["detail"]).split('"')[3] for row in lines}


async def stopped(platform: Platform, home: Institution, er: Institution) -> int:
    """The stop of a doctor who opened one too many."""
    for _ in range(3):
        await opened(er, await someone(home))
    assert await code(opened(er, await someone(home))) == "break-glass-stopped"
    board = await platform.access.glass_desk.board(officer(), clock.now())
    (stop,) = [one.stop for one in board.stops if one.practitioner == er.practitioner]
    await platform.access.glass_desk.propose_lifting(officer(), stop, "群体伤害，已与急诊科核实", clock.now())
    return stop


async def test_who_left_meanwhile_is_not_let_in_by_the_lifting_of_a_stop(
    platform: Platform, home: Institution, er: Institution
) -> None:
    accounts, stop = platform.access.accounts, await stopped(platform, home, er)
    command, who = Caller(kind="system", agent_id="command-line"), ("practitioner", str(er.practitioner))
    await accounts.suspend(command, *who, clock.now())
    await platform.access.glass_desk.lift(officer("officer-2"), stop, clock.now())
    assert not await works(platform.access, er), "off-boarded, which no privacy officer undoes"
    await accounts.resume(command, *who, clock.now())
    assert await works(platform.access, er)


async def test_two_of_the_house_do_not_let_their_own_in(platform: Platform, home: Institution, er: Institution) -> None:
    desk, stop = platform.access.glass_desk, await stopped(platform, home, er)
    async with platform.database.transaction() as c:
        said = directory.Operator("of-the-house", "x", "x", frozenset({"privacy"}), "active", f" {er.code.lower()} ")
        await directory.register_operator(c, said)
    await be_humans(platform.database, platform.access.vault, "of-the-house")
    assert await code(desk.lift(officer("of-the-house"), stop, clock.now())) == "review-own-institution"
    assert not await works(platform.access, er)
    await desk.lift(officer("officer-2"), stop, clock.now())
    assert await works(platform.access, er)


async def test_a_stop_that_is_put_while_another_is_lifted_stands(
    platform: Platform, home: Institution, er: Institution
) -> None:
    stop, db = await stopped(platform, home, er), platform.database
    async with db.transaction() as c:
        await glass.stop(c, er.practitioner, er.number, "bulk", 99, "platform", clock.now())
        lifting = asyncio.create_task(platform.access.glass_desk.lift(officer("officer-2"), stop, clock.now()))
        await asyncio.sleep(0.2)
    await lifting
    assert await oversight.is_stopped(db, er.practitioner)
    assert not await works(platform.access, er)


async def test_two_that_were_not_justified_end_access(platform: Platform, home: Institution, er: Institution) -> None:
    access, desk = platform.access, platform.access.glass_desk
    handles = [await opened(er, await someone(home)) for _ in range(2)]
    assert not await desk.judge(officer(), handles[0], "unjustified", "查无此次抢救，系私自查看", clock.now())
    assert await works(access, er)
    assert await desk.judge(officer(), handles[1], "unjustified", "查无此次抢救，系私自查看", clock.now())
    assert not await works(access, er)
    (stop,) = [one for one in (await desk.board(officer(), clock.now())).stops if one.practitioner == er.practitioner]
    assert (stop.cause, stop.by) == ("glass-unjustified", "operator/officer-1")


async def test_what_who_is_stopped_had_opened_ends_and_does_not_come_back(
    platform: Platform, home: Institution
) -> None:
    """For everybody at the institution: a doctor stopped, a doctor suspended, the institution suspended."""
    access, db = platform.access, platform.database
    command = Caller(kind="system", agent_id="command-line")

    async def stop(er: Institution) -> None:
        async with db.transaction() as c:
            await glass.stop(c, er.practitioner, er.number, "bulk", 99, "platform", clock.now())

    async def let_in(er: Institution) -> None:
        (one,) = [one for one in await oversight.stops(db, clock.now()) if one.practitioner == er.practitioner]
        await access.glass_desk.propose_lifting(officer(), one.stop, "群体伤害，已与急诊科核实", clock.now())
        await access.glass_desk.lift(officer("officer-2"), one.stop, clock.now())

    async def suspend(er: Institution) -> None:
        await access.accounts.suspend(command, "practitioner", str(er.practitioner), clock.now())

    async def resume(er: Institution) -> None:
        await access.accounts.resume(command, "practitioner", str(er.practitioner), clock.now())

    async def close(er: Institution) -> None:
        await registering.institution_status(access, er.code, "suspended")

    async def reopen(er: Institution) -> None:
        await registering.institution_status(access, er.code, "active")

    for ends, begins in ((stop, let_in), (suspend, resume), (close, reopen)):
        er, other = await platform.institution("ER"), await platform.institution("ER")
        person = await someone(home)
        colleague = replace(er.doctor(), agent_id="0")
        handle, elsewhere = await opened(er, person), await opened(other, person)
        await ends(er)
        assert await code(opened(er, person)) == "break-glass-stopped", "a request that came in before"
        await begins(er)
        for who in (er.doctor(), colleague):
            assert await code(access.glass.emergency_set(who, handle, clock.now())) == "visit-expired"
        said = {"ground": "transfer", "reason": WORDS, "now": clock.now()}
        assert await code(access.glass.widen(er.doctor(), handle, **said)) == "visit-expired"
        assert await code(access.glass.emergency_set(other.doctor(), elsewhere, clock.now())) == ""
        told = [one for one in await access.access_log(resident(person), now=clock.now()) if one.visit == handle]
        assert [one.detail.get("event") for one in told if one.action == "review"] == ["glass-closed"]


@pytest.mark.parametrize(
    "statement",
    [
        "delete from oversight.glass",
        "update oversight.glass set due = '2099-01-01'",
        "update oversight.glass set practitioner = 0",
        "delete from oversight.stop",
        "update oversight.stop set practitioner = 0",
        "delete from consent.emergency_widened",
        "update consent.emergency_widened set reason = ''",
        "delete from consent.emergency_closed",
        "update consent.emergency_closed set at = '2099-01-01'",
    ],
)
async def test_the_application_cannot_take_a_review_away(platform: Platform, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await platform.database.execute(statement)


async def test_the_database_itself_wants_two_to_lift(platform: Platform, home: Institution, er: Institution) -> None:
    for _ in range(3):
        await opened(er, await someone(home))
    assert await code(opened(er, await someone(home))) == "break-glass-stopped"
    alone = "update oversight.stop set lifted_by = 'op', lifted = $2{} where practitioner = $1"
    for also in ("", ", proposed_by = 'op'"):
        with pytest.raises(asyncpg.CheckViolationError):
            await as_owner(platform.database, alone.format(also), er.practitioner, clock.now())


def test_grounds_have_words_in_both_languages() -> None:
    for table in (consent.GROUNDS, consent.WIDENINGS):
        assert all(zh and en and zh != en for zh, en in table.values())
    assert not set(consent.GROUNDS) & set(consent.WIDENINGS)
