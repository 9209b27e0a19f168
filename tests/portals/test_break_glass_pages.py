"""The queue of emergency accesses, questions to who opened one, verdicts, stopped staff: as pages."""

from __future__ import annotations

import re

import httpx
import pytest
from portal_place import form_token
from test_privacy_pages import desk, platform, resident, somebody
from test_steward_pages import Desk

from support import be_humans
from yima import directory
from yima.runtime import clock

__all__ = ["desk", "platform"]
"""Fixtures of the module beside."""
ADDRESS = "/operator/break-glass"
WORDS = "查无此次抢救，系私自查看"


@pytest.fixture
async def officer(desk: Desk) -> httpx.AsyncClient:
    async with desk.platform.database.transaction() as c:
        for code in ("po-2", "po-3"):
            said = directory.Operator(code, f"专员{code}", f"Officer {code}", frozenset({"privacy"}))
            await directory.register_operator(c, said)
    await be_humans(desk.platform.database, desk.platform.access.vault, "po-1", "po-2")
    return await desk.steward("po-1")


async def doctor(desk: Desk) -> httpx.AsyncClient:
    browser = desk.browser()
    ticket = desk.platform.access.callers.ticket("clinician", str(desk.other.practitioner))
    assert (await browser.get(f"/dev/sign-in/{ticket}")).status_code == 303
    return browser


async def test_from_the_queue_to_the_residents_log(desk: Desk, officer: httpx.AsyncClient) -> None:
    person, _ = await somebody(desk.one)
    handle = await desk.other.break_glass(person)
    page = (await officer.get(f"{ADDRESS}?show=unexplained")).text
    assert handle in page
    assert "没有诊疗解释" in page
    assert "病因不明，需要既往病史" in page, "both grounds"
    token = form_token(page)
    short = await officer.post(f"{ADDRESS}/ask", data={"csrf": token, "handle": handle, "question": "为何"})
    assert short.status_code == 422
    assert ">为何</textarea>" in short.text
    asked = {"csrf": token, "handle": handle, "question": "请说明当时情况和接诊记录"}
    assert (await officer.post(f"{ADDRESS}/ask", data=asked)).headers["location"] == f"{ADDRESS}?done=asked"

    reader = await doctor(desk)
    assert "有 1 个询问等您回答" in (await reader.get("/clinician/emergency")).text
    page = (await reader.get("/clinician/emergency/questions")).text
    assert "请说明当时情况和接诊记录" in page
    said = {"csrf": form_token(page), "handle": handle, "answer": "好"}
    again = await reader.post("/clinician/emergency/questions", data=said)
    assert again.status_code == 422
    assert ">好</textarea>" in again.text
    done = await reader.post("/clinician/emergency/questions", data=said | {"answer": "急救车送来，当日已登记住院"})
    assert done.status_code == 303

    page = (await officer.get(f"{ADDRESS}?show=answered")).text
    assert "急救车送来，当日已登记住院" in page
    verdict = {"csrf": token, "handle": handle, "verdict": "justified", "reason": "抢救属实，已有接诊记录"}
    assert (await officer.post(f"{ADDRESS}/judge", data=verdict | {"verdict": ""})).status_code == 422
    assert (await officer.post(f"{ADDRESS}/judge", data=verdict)).status_code == 303
    assert (await officer.post(f"{ADDRESS}/judge", data=verdict)).status_code == 404
    log = (await (await resident(desk, person)).get("/resident/log")).text
    assert "紧急调阅：合理" in log
    assert "抢救属实，已有接诊记录" in log
    assert "审核：合理" in (await reader.get("/clinician/emergency/questions")).text


async def test_stopped_by_verdicts_and_lifted_by_two(desk: Desk, officer: httpx.AsyncClient) -> None:
    token = form_token((await officer.get(ADDRESS)).text)
    reader = await doctor(desk)
    for ends in ("judged", "stopped"):
        handle = await desk.other.break_glass((await somebody(desk.one))[0])
        verdict = {"csrf": token, "handle": handle, "verdict": "unjustified", "reason": WORDS}
        assert (await officer.post(f"{ADDRESS}/judge", data=verdict)).headers["location"] == f"{ADDRESS}?done={ends}"
    assert (await reader.get("/clinician/")).status_code == 403
    page = (await officer.get(ADDRESS)).text
    assert "不合理的紧急调阅 2 次" in page
    number = re.search(r'name="stop" value="(\d+)"', page)
    assert number
    said = {"csrf": token, "stop": number[1], "reason": "已谈话并重新培训"}
    assert (await officer.post(f"{ADDRESS}/lift", data=said)).status_code == 404, "nobody proposed it"
    assert (await officer.post(f"{ADDRESS}/propose", data=said)).status_code == 303
    assert "须由另一人决定" in (await officer.get(ADDRESS)).text
    assert (await officer.post(f"{ADDRESS}/lift", data=said)).status_code == 403
    second = await desk.steward("po-2")
    form = {"csrf": form_token((await second.get(ADDRESS)).text), "stop": number[1]}
    assert (await second.post(f"{ADDRESS}/lift", data=form)).status_code == 303
    assert (await reader.get("/clinician/")).status_code == 200


async def test_overdue_and_own_are_marked(desk: Desk, officer: httpx.AsyncClient) -> None:
    handle = await desk.other.break_glass((await somebody(desk.one))[0])
    async with desk.platform.database.transaction() as c:
        await c.execute("set local role none")
        long_ago = "update oversight.glass set due = $2 where handle = $1"
        await c.execute(long_ago, handle, clock.now().replace(year=2020))
        said = directory.Operator("po-3", "自己人", "Insider", frozenset({"privacy"}), "active", desk.other.code)
        await directory.register_operator(c, said)
    page = (await officer.get(f"{ADDRESS}?show=overdue&lang=en")).text
    assert handle in page
    assert "overdue" in page
    inside = await desk.steward("po-3")
    page = (await inside.get(ADDRESS)).text
    assert "您属于该机构，须由他人审核" in page
    verdict = {"csrf": form_token(page), "handle": handle, "verdict": "justified", "reason": "本院自己审核本院的"}
    assert (await inside.post(f"{ADDRESS}/judge", data=verdict)).status_code == 403


async def test_without_the_right(desk: Desk) -> None:
    assert (await (await desk.steward("op-x")).get(ADDRESS)).status_code == 403


async def test_help_tells_how_to_object_and_that_there_is_a_deadline(desk: Desk) -> None:
    person, _ = await somebody(desk.one)
    page = (await (await resident(desk, person)).get("/resident/help")).text
    assert "15 天内答复" in page
    assert "/resident/objections" in page
    assert "还没有建好" not in page
