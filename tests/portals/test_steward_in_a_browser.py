"""The stewards' desk in Debian's chromium: keyboard only, axe, and nothing wider than the screen."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.async_api import Browser, Page, Route
from test_pages_in_a_browser import CHROMIUM, chromium, enter, inspect, opened
from test_steward_pages import ADDRESS, Desk, desk

from support import BASE
from yima import mpi
from yima.runtime import clock, ids

__all__ = ["chromium", "desk"]
"""Fixtures of the modules beside."""

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium"),
]


async def steward(desk: Desk, chromium: Browser, width: int, lang: str, theme: str) -> tuple[Page, list[str]]:
    page, troubles = await opened(desk, chromium, width, lang, theme, ease=False)  # type: ignore[arg-type]  it has a platform
    await enter(desk, page, "operator", "st-1")  # type: ignore[arg-type]  and sessions
    client = desk.browser()

    async def posted(route: Route) -> None:
        """Where an answered form leads is asked for by a new page: redirects of a routed request are not routed."""
        request = route.request
        if request.method != "POST":
            await route.fallback()
            return
        client.cookies.clear()
        found = await client.post(request.url, headers=await request.all_headers(), content=request.post_data_buffer)
        assert found.status_code == 303, found.text
        onward = found.headers["location"].replace("&", "&amp;")
        await route.fulfill(body=f'<meta http-equiv="refresh" content="0;url={onward}">', content_type="text/html")

    await page.route("**/*", posted)
    return page, troubles


async def shown(page: Page, selector: str) -> None:
    """Wait for a page with this on it, and for its scripts: a key pressed before them is nobody's."""
    await page.wait_for_selector(selector)
    await page.wait_for_load_state()


async def focus(page: Page) -> str:
    return str(await page.evaluate("document.activeElement.id || document.activeElement.tagName"))


async def test_everything_with_the_keyboard_alone(desk: Desk, chromium: Browser) -> None:
    stays, one, _ = await desk.twice(birthDate="1975-01-01")
    page, troubles = await steward(desk, chromium, 1280, "zh", "light")
    await page.goto(f"{BASE}{ADDRESS}/")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await shown(page, ".decisions")
    await page.keyboard.press("m")
    await shown(page, "[data-key=u]")
    assert await mpi.root_of(desk.platform.database, one) == stays
    await page.keyboard.press("u")
    await page.wait_for_url("**/?done=undone")
    assert await mpi.root_of(desk.platform.database, one) == one

    risky, other, _ = await desk.twice(birthDate="1975-01-02", multipleBirthBoolean=True)
    await page.goto(f"{BASE}{ADDRESS}/pair?one={ids.person_text(risky)}&other={ids.person_text(other)}")
    await page.keyboard.press("m")
    assert await focus(page) == "reason", "what is risky wants a reason first"
    await page.keyboard.type("nnmm 两院核对")  # letters typed into a field decide nothing
    await page.keyboard.press("Escape")
    await page.keyboard.press("m")
    await page.wait_for_url("**/?done=proposed")

    await page.keyboard.press("?")
    assert await page.evaluate("document.querySelector('[data-keys]').open")
    assert await inspect(page) == []
    await page.uncheck("[data-keys-on]")
    await page.keyboard.press("Escape")
    await page.keyboard.press("j")
    assert await focus(page) != "A", "the keys are switched off"
    assert troubles == []
    await page.unroute_all(behavior="ignoreErrors")
    await page.context.close()


@pytest.mark.parametrize(
    ("width", "lang", "theme", "pages"),
    [
        (360, "en", "dark", ("/", "/cases/{case}", "/person/{person}", "/quality")),
        (1440, "zh", "light", ("/cases/{case}", "/second", "/history", "/reports")),
    ],
)
async def test_every_page(
    desk: Desk, chromium: Browser, width: int, lang: str, theme: str, pages: tuple[str, ...]
) -> None:
    one, _, case = await desk.twice(birthDate=f"1976-01-{width % 28 + 1:02d}")
    now = clock.now()
    async with desk.platform.database.transaction() as c:
        for back in (1, 0):
            await mpi.count_quality(c, (now - timedelta(days=back)).date(), now - timedelta(days=back + 1), now)
    page, troubles = await steward(desk, chromium, width, lang, theme)
    wrong = {}
    for path in pages:
        await page.goto(f"{BASE}{ADDRESS}{path.format(case=case, person=ids.person_text(one))}")
        if found := await inspect(page):
            wrong[path] = found
    await page.context.close()
    assert (wrong, troubles) == ({}, [])
