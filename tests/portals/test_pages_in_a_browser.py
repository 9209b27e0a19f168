"""Every page in Debian's chromium: no violation of WCAG 2.2 AA (axe), nothing wider than the screen, a silent console.

The browser's requests are handed to the application in this process: what is seen is what is tested elsewhere.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, Page, Route, async_playwright
from portal_place import Place
from test_family_pages import operators, somebody

from support import BASE
from yima import directory, oversight
from yima.access import Order
from yima.directory import Caller
from yima.runtime import clock

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


_ONCE = """() => {
  if (document.body.querySelectorAll('*').length < 1000) return;
  document.body.querySelectorAll('svg *').forEach((one) => { one.remove(); });
  const words = />[^<]*</g, own = / (id|for|href|name|value|title|datetime|aria-[a-z]+|data-[a-z-]+)="[^"]*"/g;
  for (const parent of [...document.body.querySelectorAll('*')].reverse()) {
    const seen = new Map();
    for (const one of [...parent.children]) {
      const form = one.outerHTML.replace(words, '><').replace(own, ''), times = (seen.get(form) || 0) + 1;
      seen.set(form, times);
      if (times > 2) one.remove();
    }
  }
}"""
"""Leaves two neighbours of each form, words and addresses aside: axe takes half a minute for a whole life's record."""


async def inspect(page: Page) -> list[str]:
    """What is wrong with the page as it stands, with everything unfolded. A long page is not whole afterwards."""
    await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    await page.evaluate(_ONCE)
    found = await Axe().run(page, options={"runOnly": RULES, "resultTypes": ["violations"]})
    wrong = [f"{v['id']}: {v['nodes'][0]['html'][:160]}" for v in found.response["violations"]]
    return [*wrong, *([f"{wide} px too wide"] if wide > 0 else [])]


_STOPS = """() => {
  const groups = new Set(), kinds = "a[href], button, input, select, textarea, summary, [tabindex='0']";
  return [...document.querySelectorAll(kinds)].filter((one) => {
    if (one.disabled || one.type === 'hidden' || !one.checkVisibility()) return false;
    if (one.type !== 'radio') return true;
    const first = !groups.has(one.name);
    groups.add(one.name);
    return first;
  }).length;
}"""
"""How many elements the Tab key has to reach; a group of radio buttons is one."""
_STANDS = """() => {
  const one = document.activeElement, how = getComputedStyle(one);
  const marked = how.outlineStyle !== 'none' || how.boxShadow !== 'none';
  return [[...document.body.querySelectorAll('*')].indexOf(one), marked];
}"""


async def tabbed(page: Page) -> list[str]:
    """What is wrong for who has a keyboard only: something is not reached, out of order, or not marked."""
    await page.evaluate("document.body.tabIndex = -1; document.body.focus();")
    number, found, wrong = await page.evaluate(_STOPS), [], []
    for _ in range(number + 8):  # a field for a day has several stops
        await page.keyboard.press("Tab")
        at, marked = await page.evaluate(_STANDS)
        if at not in found[-1:]:
            found.append(at)
            wrong += [] if marked else [f"element {at} shows no focus"]
        if at < 0 or len(found) == number:
            break
    if len(found) != number or found != sorted(found):
        wrong.append(f"{number} to reach, reached {found}")
    return wrong


async def enter(place: Place, page: Page, role: str, subject: str) -> None:
    """Sign in by setting the session the way the development link does."""
    client = place.browser()
    answer = await client.get(f"/dev/sign-in/{place.access.callers.ticket(role, subject)}")
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
    await page.fill("#code", await place.code(place.full))
    await page.keyboard.press("Enter")
    await page.wait_for_selector("[data-visit]")
    wrong["visit"] = await inspect(page)
    await page.goto(f"{BASE}/clinician/")
    assert await page.locator("[data-recent] a").count() == 1
    await page.context.close()
    assert ({name: found for name, found in wrong.items() if found}, troubles) == ({}, [])


async def test_the_page_of_removals(place: Place, chromium: Browser) -> None:
    await operators(place)
    father, child = await somebody(place), await somebody(place, f"{clock.now().year - 5}-01-01")
    await place.access.families.register(child.person, father.person, clock.now())
    removals, now = place.access.removals, clock.now()
    one, two = (
        Caller(kind="operator", agent_id=code, rights=frozenset({"suspend"}), proved=now) for code in ("op-1", "op-2")
    )
    order = Order(
        (await child.card()).number, (await father.card()).number, "guardianship-revoked",
        "某某区人民法院（2026）民特1号", "法院认定其侵害被监护人权益", now + timedelta(days=900),
    )  # fmt: skip
    await removals.approve(two, await removals.propose(one, order, now), now)
    await removals.propose(one, order, now)
    for width, lang, theme in ((360, "en", "dark"), (1440, "zh", "light")):
        page, troubles = await opened(place, chromium, width, lang, theme, ease=False)
        await enter(place, page, "operator", "op-2")
        for path in ("/operator/removals", "/public/removals"):
            await page.goto(f"{BASE}{path}")
            for summary in await page.locator("main summary").all():
                await summary.click()
            assert (await inspect(page), troubles) == ([], [])
        await page.context.close()


async def _offices(place: Place) -> tuple[str, str]:
    """Somebody of the operator who holds every right, and the data protection officer of a house with two stops."""
    here, now = await place.caller(place.other_doctor), clock.now()
    async with place.platform.database.transaction() as c:
        holds = directory.Operator(
            "every", "周全", "Zhou Quan", frozenset(directory.OPERATOR_RIGHTS), organisation="局"
        )
        await directory.register_operator(c, holds)
        watches = directory.Practitioner(
            0, here.institution, "P1", "周宁", "Zhou Ning", "", "", "", role="protection-officer"
        )
        officer = await directory.register_practitioner(c, watches)
        await oversight.put_stop(c, officer, here.institution, "bulk", 300, "platform", now)
        left = directory.Practitioner(0, here.institution, "D99", "韩冰", "Han Bing", "", "", "")
        await directory.set_practitioner_status(c, await directory.register_practitioner(c, left), "suspended")
    return holds.code, str(officer)


async def test_pages_that_are_rarely_opened(place: Place, history: None, chromium: Browser) -> None:
    """Offices, rare pages of residents and of a visit, narrow and wide by turns: the keyboard, then axe."""
    page, troubles = await opened(place, chromium, 360, "en", "dark", ease=False)
    operator, officer = await _offices(place)
    await enter(place, page, "operator", operator)
    await enter(place, page, "resident", place.full)
    doctor, terminal, now = await place.caller(place.doctor), await place.terminal(place.doctor), clock.now()
    code = await place.code(place.sensitive)  # nobody else of this module scans theirs
    seen = await place.access.scan(doctor, code, terminal=terminal, step="010102", purpose="treatment", now=now)
    visit = f"/clinician/visit/{seen.visit}"
    wrong = {}
    pages = (
        "/operator/suspensions", "/operator/exports", "/operator/erasures", "/operator/coverage", "/operator/card-use",
        "/operator/accounts?find=P1", "/resident/decisions", "/resident/papers", "/resident/passkey",
        f"/clinician/counter/visit/{seen.visit}", f"{visit}/timeline", f"{visit}/life", f"{visit}/summary",
        "/clinician/stops",
    )  # fmt: skip
    for number, path in enumerate(pages):
        await enter(place, page, "clinician", officer if path == "/clinician/stops" else place.doctor)
        await page.set_viewport_size({"width": 1440 if number % 2 else 360, "height": 800})
        answer = await page.goto(f"{BASE}{path}")
        assert answer is not None
        assert answer.status == 200, path
        wrong[path] = [*await tabbed(page), *await inspect(page)]
    await page.context.close()
    assert ({path: found for path, found in wrong.items() if found}, troubles) == ({}, [])
