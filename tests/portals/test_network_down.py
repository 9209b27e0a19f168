"""The code for the hour without network: made by a phone, read by the scanner page, both in real Chromium."""

from __future__ import annotations

import io
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest
import zxingcpp
from PIL import Image
from playwright.async_api import Browser, BrowserContext, Page, Route, async_playwright, expect
from portal_place import form_token

from support import BASE, Platform, patient
from yima import mpi
from yima.runtime import ids

CHROMIUM = shutil.which("chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@dataclass(frozen=True)
class Holder:
    """Somebody with a card, and the platform that knows them."""

    platform: Platform
    person: int

    @property
    def door(self) -> str:
        """The link that signs this resident in once."""
        return f"{BASE}/dev/sign-in/{self.platform.access.callers.ticket('resident', ids.person_text(self.person))}"


@pytest.fixture(scope="module")
async def holder(platform: Platform) -> Holder:
    """A resident of whom one institution submitted a registration."""
    created = await (await platform.institution("N")).create(patient())
    person = await mpi.person_of_patient(platform.access.database, created["id"])
    assert person is not None
    return Holder(platform, person)


@pytest.fixture(scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for the module."""
    if CHROMIUM is None:
        pytest.skip("needs Debian's chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


async def device_of(chromium: Browser, holder: Holder) -> BrowserContext:
    """A phone or a terminal, whose requests the application in this process answers."""
    context = await chromium.new_context(
        viewport={"width": 390, "height": 844}, device_scale_factor=2, service_workers="block", locale="zh-CN"
    )
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=holder.platform.app), base_url=BASE)

    async def answer(route: Route) -> None:
        request = route.request
        client.cookies.clear()
        headers = await request.all_headers()
        found = await client.request(request.method, request.url, headers=headers, content=request.post_data_buffer)
        kept = {k: v for k, v in found.headers.items() if k not in ("content-encoding", "content-length")}
        await route.fulfill(status=found.status_code, headers=kept, body=found.content)

    await context.route("**/*", answer)
    return context


async def sign_in(context: BrowserContext, holder: Holder) -> Page:
    """The code page of the resident."""
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=holder.platform.app), base_url=BASE)
    await client.get(holder.door)
    cookies = [{"name": c.name, "value": c.value or "", "url": f"{BASE}/resident/"} for c in client.cookies.jar]
    await context.add_cookies(cookies)  # type: ignore[arg-type]  # a plain dict has these keys
    page = await context.new_page()
    await page.goto(f"{BASE}/resident/")
    return page


async def shown(page: Page) -> str:
    """The code in the picture, as a scanner sees it."""
    await page.wait_for_selector("[data-qr] canvas")
    picture = Image.open(io.BytesIO(await page.locator("[data-qr]").screenshot()))
    found = zxingcpp.read_barcodes(picture)
    return str(found[0].text) if found else ""


async def switched(page: Page) -> str:
    """The code after the tap on "terminal without network"."""
    await page.locator("[data-device]").click()
    await expect(page.locator("[data-kind]")).to_have_text("断网码")
    return await shown(page)


async def test_a_phone_shows_what_a_terminal_without_network_believes(chromium: Browser, holder: Holder) -> None:
    phone = await device_of(chromium, holder)
    page = await sign_in(phone, holder)
    assert (await shown(page)).startswith("YM1:")
    code = await switched(page)
    assert code.startswith("YM2:")

    terminal = await device_of(chromium, holder)
    scanner = await terminal.new_page()
    await scanner.goto(f"{BASE}/scanner/")
    await scanner.wait_for_selector("html[data-scanner=ready]")
    await terminal.unroute_all()
    await terminal.set_offline(True)
    await scanner.keyboard.insert_text(code)
    await scanner.keyboard.press("Enter")
    await scanner.wait_for_selector("[data-outcome=valid]")
    identity = await mpi.identity(holder.platform.access.database, holder.platform.access.vault, holder.person)
    assert identity is not None
    await expect(scanner.locator("[data-result] h2")).to_have_text(identity.name)
    await terminal.close()

    await page.locator("[data-device]").click()
    await expect(page.locator("[data-kind]")).to_have_text("动态码")
    assert (await shown(page)).startswith("YM1:")
    await page.goto(f"{BASE}/resident/offline")  # what the service worker shows when there is no network
    assert (await switched(page)).startswith("YM2:")
    await phone.close()


KEPT = """async () => {
  const settled = (request) => new Promise((done) => { request.onsuccess = () => done(request.result); });
  const base = await settled(indexedDB.open("yima-resident", 1));
  const { pair, certificate } = await settled(base.transaction("code").objectStore("code").get("device"));
  base.close();
  const taken = await crypto.subtle.exportKey("pkcs8", pair.privateKey).then(() => true, () => false);
  return { taken, size: certificate.length };
}"""


async def test_the_key_stays_in_the_phone_and_is_certified_once(chromium: Browser, holder: Holder) -> None:
    phone = await device_of(chromium, holder)
    page = await sign_in(phone, holder)
    await expect(page.locator("[data-device]")).to_be_visible()
    kept = await page.evaluate(KEPT)
    assert kept["taken"] is False
    assert kept["size"] >= 119
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.method == "POST" else None)
    await page.reload()
    await expect(page.locator("[data-device]")).to_be_visible()
    await page.wait_for_timeout(300)
    assert asked == [], "a certificate that still holds is not asked for again"
    await phone.close()


async def test_only_a_point_of_the_curve_is_certified_and_only_for_its_session(holder: Holder) -> None:
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=holder.platform.app), base_url=BASE)
    address = "/resident/device"
    assert (await client.post(address, data={"public_key": "AA"})).status_code == 401
    await client.get(holder.door)
    token = form_token((await client.get("/resident/help")).text)
    assert (await client.post(address, data={"public_key": "AA"})).status_code == 403
    for wrong in ("", "AA", "A" * 200, "BA" + "A" * 85, "é" * 4):
        answer = await client.post(address, data={"public_key": wrong, "csrf": token})
        assert answer.status_code in (400, 422), wrong
        assert "field-invalid" in answer.text
