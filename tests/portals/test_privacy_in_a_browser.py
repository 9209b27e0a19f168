"""The privacy officer and a resident with an objection, in Debian's chromium: axe, and nothing too wide."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser
from test_pages_in_a_browser import CHROMIUM, chromium, enter, inspect, opened
from test_privacy_pages import ADDRESS, desk, glass, platform, somebody
from test_steward_pages import Desk

from support import BASE
from yima.runtime import clock, ids

__all__ = ["chromium", "desk", "platform"]
"""Fixtures of the modules beside."""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium"),
]


async def test_both_sides(desk: Desk, chromium: Browser) -> None:
    person, caller = await somebody(desk.one)
    line = await glass(desk, person)
    await desk.access.privacy.object_to(caller, line, "我没去过那里", clock.now())
    await desk.access.privacy.watch(clock.now())
    for width, lang, theme in ((360, "en", "dark"), (1440, "zh", "light")):
        page, troubles = await opened(desk, chromium, width, lang, theme, ease=width == 360)  # type: ignore[arg-type]
        await enter(desk, page, "operator", "po-1")  # type: ignore[arg-type]
        await page.goto(f"{BASE}{ADDRESS}")
        assert (await inspect(page), troubles) == ([], [])
        await enter(desk, page, "resident", ids.person_text(person))  # type: ignore[arg-type]
        await page.goto(f"{BASE}/resident/objections?line={line}")
        assert (await inspect(page), troubles) == ([], [])
        await page.context.close()
