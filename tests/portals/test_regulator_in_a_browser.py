"""The regulator's page in Debian's chromium: axe, and nothing too wide."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from playwright.async_api import Browser
from test_pages_in_a_browser import CHROMIUM, chromium, inspect, opened
from test_regulator_page import log

from support import BASE, Platform
from yima.audit import proof

__all__ = ["chromium", "log"]
"""Fixtures of the modules beside."""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium"),
]


async def test_wide_and_narrow(platform: Platform, log: proof.Log, chromium: Browser) -> None:
    place = SimpleNamespace(platform=platform)
    for width, lang, theme in ((360, "en", "dark"), (1440, "zh", "light")):
        page, troubles = await opened(place, chromium, width, lang, theme, ease=False)  # type: ignore[arg-type]  # asks for its platform only
        await page.goto(f"{BASE}/regulator")
        assert (await inspect(page), troubles) == ([], [])
        await page.context.close()
