"""The regulator's page in Debian's chromium: axe, nothing too wide, and all of it by keyboard alone."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from playwright.async_api import Browser, Page
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
        for name in ("/regulator", "/public/erasures", "/public/exports"):
            await page.goto(f"{BASE}{name}")
            assert (await inspect(page), troubles) == ([], []), name
        await page.context.close()


_FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex='0']"
_STANDS = """(focusable) => {
  const one = document.activeElement, how = getComputedStyle(one);
  const marked = how.outlineStyle !== 'none' || how.boxShadow !== 'none';
  return [[...document.querySelectorAll(focusable)].indexOf(one), marked];
}"""
_SEEN = """() => {
  const at = document.activeElement.getBoundingClientRect();
  return at.bottom > 0 && at.top < innerHeight;
}"""


async def _until(page: Page, true: str) -> None:
    """Wait for it; Playwright's own waiting evaluates text, which the pages' policy forbids."""
    for _ in range(200):
        if await page.evaluate(true):
            return
        await asyncio.sleep(0.02)
    pytest.fail(true)


async def _walked(page: Page, key: str, steps: int) -> list[int]:
    """Which of the page's elements have the focus, key by key; each with a visible mark, within sight."""
    found = []
    for _ in range(steps):
        await page.keyboard.press(key)
        number, marked = await page.evaluate(_STANDS, _FOCUSABLE)
        assert marked, (key, number)
        await _until(page, _SEEN)  # it scrolls there
        found.append(number)
    return found


async def test_all_of_it_by_keyboard(platform: Platform, log: proof.Log, chromium: Browser) -> None:
    """Everything that can be used is reached, in the order in which it is read, there and back; a link
    opens what it says."""
    place = SimpleNamespace(platform=platform)
    page, troubles = await opened(place, chromium, 360, "en", "light", ease=False)  # type: ignore[arg-type]  # asks for its platform only
    await page.goto(f"{BASE}/regulator")
    number = await page.locator(_FOCUSABLE).count()
    assert number >= 12
    assert await _walked(page, "Tab", number) == list(range(number))
    assert await _walked(page, "Shift+Tab", number - 1) == list(reversed(range(number - 1)))
    await page.get_by_role("link", name="Erasures").focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{BASE}/public/erasures")
    for _ in range(5):  # past the way to the text and the brand, to the language
        await page.keyboard.press("Tab")
        if await page.evaluate("document.activeElement.search") == "?lang=zh":
            break
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{BASE}/public/erasures?lang=zh")
    await page.context.close()
    assert troubles == []
