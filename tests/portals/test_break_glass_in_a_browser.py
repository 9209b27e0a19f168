"""Breaking the glass by keyboard, the officer's queue, the questions, in Debian's chromium: axe, nothing too wide.

`GLASS_PICTURES=DIRECTORY` keeps a picture of each, to be looked at.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page
from portal_place import Place
from test_pages_in_a_browser import CHROMIUM, chromium, enter, inspect, opened

from support import BASE
from yima import directory
from yima.runtime import clock, ids

__all__ = ["chromium"]
"""A fixture of the module beside."""
WORDS = "车祸昏迷送入急诊，无人陪同"
PICTURES = os.environ.get("GLASS_PICTURES", "")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium"),
]


@pytest.fixture(scope="module")
async def cases(place: Place) -> None:
    """What the queue holds: one overdue, one asked, one judged, somebody stopped and proposed to be lifted."""
    access, now = place.access, clock.now()
    person = ids.person_from_text(place.full) or 0
    doctor = await place.caller(place.other_doctor)
    async with place.platform.database.transaction() as c:
        for code in ("po-1", "po-2"):
            said = directory.Operator(code, f"专员{code}", f"Officer {code}", frozenset({"privacy"}))
            await directory.register_operator(c, said)
    handles = []
    for back in (9, 3, 2, 1):
        at = now - timedelta(days=back)
        said = {"ground": "unconscious", "reason": WORDS, "terminal": "", "now": at}
        handles.append(await access.glass.open(replace(doctor, proved=at), person, **said))  # type: ignore[arg-type]
    who = directory.Caller(kind="operator", agent_id="po-1", rights=frozenset({"privacy"}))
    await access.glass_desk.ask(who, handles[1], "请说明当时情况和接诊记录", now)
    for handle in handles[2:]:
        await access.glass_desk.judge(who, handle, "unjustified", "查无此次抢救，系私自查看", now)
    (stop,) = (await access.glass_desk.board(who, now)).stops
    other = directory.Caller(kind="operator", agent_id="po-2", rights=frozenset({"privacy"}))
    await access.glass_desk.propose_lifting(other, stop.stop, "已谈话并重新培训", now)
    async with place.platform.database.transaction() as c:  # so that the questions can be looked at
        await directory.set_practitioner_status(c, stop.practitioner, "active")


async def kept(page: Page, name: str) -> None:
    if PICTURES:
        await page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)


@pytest.mark.parametrize(("width", "lang", "theme"), [(360, "en", "dark"), (1440, "zh", "light")])
async def test_by_keyboard_and_looked_over(
    place: Place, cases: None, chromium: Browser, width: int, lang: str, theme: str
) -> None:
    page, troubles = await opened(place, chromium, width, lang, theme, ease=False)
    await enter(place, page, "clinician", place.doctor)
    await page.goto(f"{BASE}/clinician/emergency")
    await page.fill("#value", place.number)
    await page.keyboard.press("Enter")
    await page.wait_for_selector("input[name=ground]")
    await kept(page, f"find-{width}-{lang}")
    wrong = {}
    for first, words, wait in (
        ("input[name=ground] >> nth=0", WORDS, "#whole"),
        ("#whole input[name=ground] >> nth=0", "病因不明，需要既往检查结果", "#timeline"),
    ):
        wrong[wait] = await inspect(page)
        await page.focus(first)
        for key in (" ", "Tab"):
            await page.keyboard.press(key)
        await page.keyboard.type(words)
        for key in ("Tab", "Enter"):
            await page.keyboard.press(key)
        await page.wait_for_selector(wait)
        await kept(page, f"{wait[1:]}-{width}-{lang}")
    await enter(place, page, "operator", "po-1")
    await enter(place, page, "clinician", place.other_doctor)
    for address in ("/operator/break-glass", "/clinician/emergency/questions"):
        await page.goto(f"{BASE}{address}")
        await kept(page, f"{address.rpartition('/')[2]}-{width}-{lang}")
        wrong[address] = await inspect(page)
    await page.context.close()
    assert (wrong, troubles) == ({name: [] for name in wrong}, [])
