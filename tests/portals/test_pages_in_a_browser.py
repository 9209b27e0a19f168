"""Every page in Debian's chromium: no violation of WCAG 2.2 AA (axe), nothing wider than the screen, a silent console.

The browser's requests are handed to the application in this process: what is seen is what is tested elsewhere.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, Route, async_playwright
from portal_place import Place

from support import BASE

CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RESIDENT = (
    "",
    "card",
    "credentials",
    "record",
    "life",
    "timeline",
    "summary",
    "log",
    "choices",
    "help",
    "family",
    "lost",
    "offline",
    "nothing",
    "scan",
    "uses",
)
RESIDENT_MODES = [
    pytest.param((360, "zh", "light", False), RESIDENT, id="360-zh"),
    # A third of the pages in each of the others: every page is seen plain, and once more otherwise.
    pytest.param((390, "en", "dark", False), RESIDENT[::3], id="390-en-dark"),
    pytest.param((360, "en", "light", True), RESIDENT[1::3], id="360-en-large"),
    pytest.param((1440, "zh", "dark", True), RESIDENT[2::3], id="1440-zh-dark-large"),
]
DESK_MODES = [
    pytest.param(390, "en", "dark", id="390-en-dark"),
    pytest.param(1440, "zh", "light", id="1440-zh"),
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium"),
]


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for the module."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


async def opened(
    place: Place, chromium: Browser, width: int, lang: str, theme: str, ease: bool
) -> tuple[Page, list[str]]:
    """A page in that mode whose requests this process answers, and the list of what its console complained about."""
    context = await chromium.new_context(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if theme == "dark" else "light",
        service_workers="block",
    )
    chosen = {"yima_lang": lang, "yima_ease": "on" if ease else "off"}
    await context.add_cookies([{"name": name, "value": value, "url": BASE} for name, value in chosen.items()])
    page, troubles = await context.new_page(), []
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=place.platform.app), base_url=BASE)

    async def answer(route: Route) -> None:
        request = route.request
        client.cookies.clear()
        found = await client.request(
            request.method, request.url, headers=await request.all_headers(), content=request.post_data_buffer
        )
        headers = {k: v for k, v in found.headers.items() if k not in ("content-encoding", "content-length")}
        await route.fulfill(status=found.status_code, headers=headers, body=found.content)

    await context.route("**/*", answer)
    page.on("console", lambda m: troubles.append(m.text) if m.type == "error" and "status of" not in m.text else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    return page, troubles


async def inspect(page: Page) -> list[str]:
    """What is wrong with the page as it stands, with everything unfolded."""
    await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    found = await Axe().run(page, options={"runOnly": RULES, "resultTypes": ["violations"]})
    wrong = [f"{v['id']}: {v['nodes'][0]['html'][:160]}" for v in found.response["violations"]]
    return [*wrong, *([f"{wide} px too wide"] if wide > 0 else [])]


async def enter(place: Place, page: Page, role: str, subject: str) -> None:
    """Sign in by setting the session the way the development link does."""
    client = place.browser()
    answer = await client.get(f"/dev/sign-in/{place.access.sessions.ticket(role, subject)}")
    name, value = answer.headers["set-cookie"].split(";")[0].split("=", 1)
    await page.context.add_cookies([{"name": name, "value": value, "url": BASE}])


@pytest.mark.parametrize(("mode", "pages"), RESIDENT_MODES)
async def test_resident_pages(
    place: Place, history: None, chromium: Browser, mode: tuple[int, str, str, bool], pages: tuple[str, ...]
) -> None:
    page, troubles = await opened(place, chromium, *mode)
    await enter(place, page, "resident", place.full)
    wrong = {}
    for name in pages:
        await page.goto(f"{BASE}/resident/{name}")
        if name == "":
            await page.wait_for_selector("[data-qr] canvas")
        if found := await inspect(page):
            wrong[name] = found
    await page.context.close()
    assert (wrong, troubles) == ({}, [])


@pytest.mark.parametrize(("width", "lang", "theme"), DESK_MODES)
async def test_desk_pages(place: Place, history: None, chromium: Browser, width: int, lang: str, theme: str) -> None:
    page, troubles = await opened(place, chromium, width, lang, theme, ease=False)
    await enter(place, page, "clinician", place.doctor)
    await enter(place, page, "operator", "operator")
    wrong: dict[str, list[str]] = {}
    for name in ("/", "/operator/", "/clinician/emergency", "/clinician/counter", "/public/standing", "/clinician/"):
        await page.goto(f"{BASE}{name}")
        wrong[name] = await inspect(page)
    await page.goto(f"{BASE}/clinician/")
    assert await page.evaluate("document.activeElement.id") == "code"
    for name, text in (("refused", "hello"), ("printed", await place.printed(place.full))):
        await page.fill("#code", text)
        await page.keyboard.press("Enter")
        await page.wait_for_selector(f"[data-outcome={'refused' if name == 'refused' else 'identified'}]")
        assert await page.evaluate("document.activeElement.id") == "code"
        wrong[name] = await inspect(page)
    await page.goto(f"{BASE}/clinician/")
    await page.fill("#code", place.code(place.full))
    await page.keyboard.press("Enter")
    await page.wait_for_selector("[data-visit]")
    wrong["visit"] = await inspect(page)
    await page.goto(f"{BASE}/clinician/")
    assert await page.locator("[data-recent] a").count() == 1
    await page.context.close()
    assert ({name: found for name, found in wrong.items() if found}, troubles) == ({}, [])
