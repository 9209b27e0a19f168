"""A kiosk's screen and a phone side by side in chromium: asked, answered, heard; numbers; the operator's charts."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest
from playwright.async_api import Browser
from portal_place import Place
from test_pages_in_a_browser import chromium, enter, inspect, opened, pytestmark
from test_scanning_pages import kiosk, poster

from support import BASE
from yima import healthcode
from yima.runtime import clock
from yima.runtime.civil import civil_day

__all__ = ["chromium", "kiosk", "poster", "pytestmark"]  # fixtures and marks of its neighbours
_persons = itertools.count(1 << 40)


@pytest.mark.parametrize(("answer", "heard"), [("yes", "approved"), ("no", "refused")])
async def test_the_screen_hears_the_phone(place: Place, chromium: Browser, kiosk: str, answer: str, heard: str) -> None:
    screen, trouble = await opened(place, chromium, 1440, "zh", "light", False)
    phone, troubles = await opened(place, chromium, 360, "en", "light", True)
    await enter(place, screen, "kiosk", kiosk)
    await enter(place, phone, "resident", place.full)
    wrong = []
    await screen.goto(f"{BASE}/kiosk/screen/")
    wrong += await inspect(screen) if answer == "yes" else []
    await screen.click("button.first")
    await screen.wait_for_selector("[data-asked]")
    wrong += await inspect(screen) if answer == "yes" else []
    await phone.goto(f"{BASE}/resident/scan")
    await phone.fill("#code", await screen.inner_text(".kiosk-text code"))
    await phone.click("form[data-point] button[type=submit]")
    await phone.wait_for_selector("button[name=answer]")
    wrong += await inspect(phone) if answer == "yes" else []
    await phone.click(f"button[name=answer][value={answer}]")
    await screen.wait_for_selector(f"[data-verdict={heard}]", state="visible")
    assert await screen.locator(".kiosk-qr").is_hidden()
    wrong += [*await inspect(screen), *await inspect(phone)]
    await screen.context.close()
    await phone.context.close()
    assert (wrong, trouble, troubles) == ([], [], [])


async def test_a_number_is_taken(place: Place, chromium: Browser, poster: str) -> None:
    phone, troubles = await opened(place, chromium, 390, "zh", "dark", False)
    await enter(place, phone, "resident", place.sensitive)
    await phone.goto(f"{BASE}/resident/scan")
    await phone.fill("#code", poster)
    await phone.click("form[data-point] button[type=submit]")
    await phone.check("input[name=phone]")
    wrong = await inspect(phone)
    await phone.click("form[action$=share] button[type=submit]")
    assert (await phone.inner_text(".ticket-number")).startswith("N")
    wrong += await inspect(phone)
    await phone.context.close()
    assert (wrong, troubles) == ([], [])


@pytest.mark.parametrize(("width", "lang"), [(390, "en"), (1440, "zh")])
async def test_the_operators_card_use(place: Place, chromium: Browser, width: int, lang: str) -> None:
    caller, now = await place.caller(place.doctor), clock.now()
    async with place.access.database.transaction() as c:
        for back, _ in itertools.product(range(3), range(8)):
            at, person = now - timedelta(days=back), next(_persons)
            await c.execute(
                "insert into healthcode.visit (person_id, visit, institution, terminal, step, purpose, assurance, "
                "started, expires, channel) values ($1, $2, $3, 'T', '010101', 'treatment', 'dynamic', $4, $4, '0100')",
                person,
                f"{person}-{width}",
                caller.institution,
                at,
            )
        for back in range(3):
            await healthcode.count_day(c, civil_day(now - timedelta(days=back)), now)
    page, troubles = await opened(place, chromium, width, lang, "light", False)
    await enter(place, page, "operator", "operator")
    await page.goto(f"{BASE}/operator/card-use?institution={caller.institution}")
    assert await page.locator("svg.chart polyline").count() == 2
    wrong = await inspect(page)
    await page.context.close()
    assert (wrong, troubles) == ([], [])
