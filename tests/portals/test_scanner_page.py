"""The scanner page in real Chromium against a real server: every result, no network, old lists, keyboard alone."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from support.credentials import EMERGENCY, Issuing
from support.process import Serving, serving
from yima.runtime.database import Database
from yima.runtime.keys import FileKeyStore

CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
MODES = [
    pytest.param(360, "zh", "light", id="360-zh"),
    pytest.param(360, "en", "dark", id="360-en-dark"),
    pytest.param(1440, "zh", "dark", id="1440-zh-dark"),
    pytest.param(1440, "en", "light", id="1440-en"),
]

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium"),
]


@dataclass(frozen=True)
class Counter:
    """A running platform, and credentials that people bring to the counter."""

    server: Serving
    issuing: Issuing
    valid: dict[str, str]
    """By kind of result."""
    refused: dict[str, str]
    """By the refusal each must meet."""

    @property
    def page(self) -> str:
        """The scanner's address."""
        return f"{self.server.base}/scanner/"


def changed(text: str) -> str:
    """The text with its last bytes replaced: readable, and not what was signed."""
    return text[:-3] + ("000" if text[-3:] != "000" else "111")


@pytest.fixture(scope="module")
async def counter(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Counter]:
    """The platform as a process of its own, whose keys and database this test shares."""
    data: Path = tmp_path_factory.mktemp("scanner")
    with serving(data, YIMA_DATABASE_URL=database_url) as server:
        database = await Database.connect(database_url, size=2)
        issuing = Issuing(database, FileKeyStore(data / "keys.json"), server.base)
        now = datetime.now(UTC)
        identity, _ = await issuing.card(now, algorithm="SM2")
        emergency, _ = await issuing.card(now, emergency=EMERGENCY)
        revoked, place = await issuing.card(now)
        await issuing.revoke(place)
        phone = await issuing.phone(now)
        stranger = phone.code(now)
        valid = {"identity": identity, "emergency": emergency, "shc": (await issuing.health_card(now))[0]}
        refused = {
            "code-unreadable": "hello",
            "code-signature-invalid": changed(stranger),
            "code-expired": phone.code(now - timedelta(minutes=5)),
            "clock-skew": phone.code(now + timedelta(hours=1)),
            "credential-revoked": revoked,
            "code-needs-network": "YM1:ABCDEF",
        }
        yield Counter(server, issuing, valid, refused)
        await database.close()


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for the module."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


async def opened(
    counter: Counter, chromium: Browser, width: int = 1440, lang: str = "zh", theme: str = "light"
) -> Page:
    """The page, its lists fetched; what its console complains about fails the test that asks `troubles`."""
    context = await chromium.new_context(viewport={"width": width, "height": 900}, locale="zh-CN")
    chosen = {"yima_lang": lang, "yima_theme": theme}
    await context.add_cookies([{"name": n, "value": v, "url": counter.server.base} for n, v in chosen.items()])
    page = await context.new_page()
    page.on("console", lambda m: troubles(page).append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: troubles(page).append(str(error)))
    await page.goto(counter.page)
    await ready(page)
    return page


_troubles: dict[Page, list[str]] = {}


def troubles(page: Page) -> list[str]:
    """What the console of this page complained about."""
    return _troubles.setdefault(page, [])


async def ready(page: Page) -> None:
    """Wait until the page has tried to refresh its lists."""
    await page.wait_for_selector("html[data-scanner=ready]")


async def scan(page: Page, text: str, outcome: str) -> None:
    """Type as a handheld scanner does, wherever the focus is, and wait for the result."""
    await page.keyboard.press("Escape")
    await page.keyboard.insert_text(text)
    await page.keyboard.press("Enter")
    await page.wait_for_selector(f"[data-outcome='{outcome}']", timeout=10000)
    assert await page.evaluate("document.activeElement.id") == "code"


async def inspect(page: Page) -> list[str]:
    """What is wrong with the page as it stands."""
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    found = await Axe().run(page, options={"runOnly": RULES, "resultTypes": ["violations"]})
    wrong = [f"{v['id']}: {v['nodes'][0]['html'][:160]}" for v in found.response["violations"]]
    return [*wrong, *([f"{wide} px too wide"] if wide > 0 else [])]


async def test_every_result_by_keyboard_alone(counter: Counter, chromium: Browser) -> None:
    page = await opened(counter, chromium)
    for kind, text in counter.valid.items():
        await scan(page, text, "valid")
        result = page.locator("[data-result]")
        await expect(result.locator(".verdict-word")).to_have_text("有效")
        await expect(result.locator("h2")).to_contain_text("张小梅")
        await expect(result.locator("[data-fact=sex] dd")).to_have_text("女")
        await expect(result.locator("[data-fact=born] dd")).to_have_text("1990年5月7日")
        assert await result.locator("[data-fact=until] dd").inner_text(), kind
    await scan(page, counter.valid["emergency"], "valid")
    await expect(page.locator("[data-result] [data-urgent=blood] dd")).to_have_text(EMERGENCY.blood_group)
    await expect(page.locator("[data-result] [data-urgent=allergies] dd")).to_contain_text("青霉素")
    for code, text in counter.refused.items():
        await scan(page, text, code)
    await page.keyboard.press("Escape")
    await expect(page.locator("[data-result]")).to_contain_text("准备好了")
    assert troubles(page) == []
    await page.context.close()


async def test_a_phone_without_network_is_believed_once(counter: Counter, chromium: Browser) -> None:
    phone = await counter.issuing.phone(datetime.now(UTC))
    page = await opened(counter, chromium, lang="en")
    code = phone.code(datetime.now(UTC))
    await scan(page, code, "valid")
    await expect(page.locator("[data-result] [data-fact=born] dd")).to_have_text("1990")
    await scan(page, code, "valid")  # the same scan, read twice
    await page.evaluate("const real = Date.now; Date.now = () => real() + 6000;")
    await scan(page, code, "code-already-used")
    await page.context.close()


@pytest.mark.parametrize(("width", "lang", "theme"), MODES)
async def test_accessible_in_every_mode(counter: Counter, chromium: Browser, width: int, lang: str, theme: str) -> None:
    page = await opened(counter, chromium, width, lang, theme)
    wrong = {"ready": await inspect(page)}
    shown = {"valid": counter.valid["emergency"]} | counter.refused
    for outcome in ("valid", "credential-revoked", "code-needs-network"):
        await scan(page, shown[outcome], outcome)
        wrong[outcome] = await inspect(page)
    assert {name: found for name, found in wrong.items() if found} == {}
    assert troubles(page) == []
    await page.context.close()


KEPT = """async () => {
  const found = [JSON.stringify(localStorage), JSON.stringify(sessionStorage), document.cookie];
  const settled = (request) => new Promise((done) => { request.onsuccess = () => done(request.result); });
  for (const { name } of await indexedDB.databases()) {
    const base = await settled(indexedDB.open(name));
    for (const shelf of base.objectStoreNames) {
      found.push(JSON.stringify(await settled(base.transaction(shelf).objectStore(shelf).getAll())));
    }
    base.close();
  }
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      found.push(request.url, await (await cache.match(request)).text());
    }
  }
  return found.join("\\n");
}"""


async def test_nothing_scanned_is_kept_or_sent(counter: Counter, chromium: Browser) -> None:
    page = await opened(counter, chromium)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    await scan(page, counter.valid["emergency"], "valid")
    await page.wait_for_timeout(300)
    assert [url for url in sent if "/static/" not in url] == []
    kept = await page.evaluate(KEPT)
    assert "BEGIN CERTIFICATE" in kept, "the lists are kept, so this looked in the right places"
    for secret in ("张小梅", counter.valid["emergency"][:40], "青霉素（"):
        assert secret not in kept
    await page.context.close()


async def offline(context: BrowserContext, page: Page) -> None:
    """Wait until the worker has everything, then take the network away."""
    await page.evaluate("navigator.serviceWorker.ready")
    await page.wait_for_function("async () => (await caches.match('/scanner/?lang=en')) !== undefined")
    await context.set_offline(True)


async def test_old_lists_are_said_to_be_old_and_then_refused(counter: Counter, chromium: Browser) -> None:
    page = await opened(counter, chromium)
    await offline(page.context, page)
    start = datetime.now(UTC)
    await page.clock.set_fixed_time(start + timedelta(hours=25))
    await page.reload()
    await ready(page)
    await expect(page.locator("[data-lists-state]")).to_have_text("名单超过一天，请尽快联网")
    await expect(page.locator("[data-list=trust]")).to_contain_text("25小时前的名单")
    await scan(page, counter.valid["identity"], "valid")
    await expect(page.locator("[data-result] [data-old]")).to_be_visible()
    await page.clock.set_fixed_time(start + timedelta(days=7, hours=1))
    await page.reload()
    await ready(page)
    await expect(page.locator("[data-lists-state]")).to_have_text("名单太旧，不能核验")
    await scan(page, counter.valid["identity"], "status-list-stale")
    await scan(page, counter.refused["credential-revoked"], "credential-revoked")
    await page.context.close()


async def test_a_browser_that_never_had_lists_says_so(counter: Counter, chromium: Browser) -> None:
    context = await chromium.new_context(service_workers="block")
    page = await context.new_page()
    await page.route("**/.well-known/**", lambda route: route.abort())
    await page.goto(counter.page)
    await ready(page)
    await scan(page, counter.valid["identity"], "lists-missing")
    await context.close()


ONE_ROOT = """async () => {
  const settled = (request) => new Promise((done) => { request.onsuccess = () => done(request.result); });
  const base = await settled(indexedDB.open("yima-scanner"));
  const kept = await settled(base.transaction("lists").objectStore("lists").get("kept"));
  const end = "-----END CERTIFICATE-----";
  const roots = kept.roots.split(end)[0] + end; // as if only the root of one family had ever been pinned
  await settled(base.transaction("lists", "readwrite").objectStore("lists").put({ ...kept, roots }, "kept"));
  base.close();
}"""


async def test_lists_under_other_roots_are_not_taken(counter: Counter, chromium: Browser) -> None:
    """Roots are pinned at the first visit: a platform that was replaced cannot bring lists of its own."""
    page = await opened(counter, chromium)
    await page.evaluate(ONE_ROOT)
    await page.reload()
    await ready(page)
    await expect(page.locator("[data-lists-state]")).to_have_text("缺少名单，不能核验")
    await page.locator("[data-refresh]").click()
    await expect(page.locator("[data-refresh-said]")).to_contain_text("没有更新")
    await page.context.close()


async def test_the_page_starts_and_checks_when_the_server_is_gone(counter: Counter, chromium: Browser) -> None:
    """Last in this file: it ends the server."""
    page = await opened(counter, chromium)
    await page.evaluate("navigator.serviceWorker.ready")
    await page.wait_for_function("async () => (await caches.match('/scanner/?lang=en')) !== undefined")
    counter.server.stop()
    await page.goto(counter.page)
    await ready(page)
    await expect(page.locator("[data-net]")).to_have_text("无网络，照常核验")
    await scan(page, counter.valid["emergency"], "valid")
    await scan(page, counter.refused["code-signature-invalid"], "code-signature-invalid")
    await page.locator("a[lang=en]").click()
    await ready(page)
    await scan(page, counter.valid["shc"], "valid")
    await expect(page.locator("[data-result] .verdict-word")).to_have_text("Valid")
    fresh = await page.context.new_page()  # as when the installed app is opened anew
    await fresh.goto(counter.page)
    await ready(fresh)
    await scan(fresh, counter.valid["identity"], "valid")
    await page.context.close()
