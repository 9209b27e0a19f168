"""Sign-in in Debian's chromium against a real server: a passkey made and used (a virtual authenticator by the devtools
protocol, WebAuthn domain), an act proved once more, password and code by keyboard alone; axe on every page."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from entrance import COMMAND, PASSWORD
from playwright.async_api import CDPSession, Page, async_playwright

from support import Institution, Platform, patient
from support.process import free_port, serving
from yima import authentication
from yima.access import Access
from yima.runtime import clock, ids, settings
from yima.runtime.errors import Refusal
from yima.runtime.keys import FileKeyStore

CHROMIUM = shutil.which("chromium")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SHOTS = os.environ.get("YIMA_SHOTS")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium"),
]


@dataclass
class Town:
    """A server as in production, and the same door in this process."""

    base: str
    access: Access
    hospital: Institution

    async def invitation(self) -> str:
        """The address of a doctor's invitation."""
        subject = str(self.hospital.practitioner)
        return (await self.access.accounts.invite(COMMAND, "practitioner", subject, clock.now())).address


@pytest.fixture(scope="module")
async def town(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    data, port = tmp_path_factory.mktemp("serving"), free_port()
    base = f"http://localhost:{port}"
    FileKeyStore(data / "keys.json").secret("warm")
    light = {"YIMA_PASSWORD_MEMORY_KIB": "1024", "YIMA_BASE_URL": base}
    with serving(data, port, YIMA_DATABASE_URL=database_url, **light):
        platform = await Platform.attach(base, database_url, data)
        access = await Access.open(database_url, settings.load({"data": data}, environment={}, directory=data), base)
        yield Town(base, access, await platform.institution("H"))
        await access.close()
        await platform.stop()


async def seen(page: Page, name: str) -> None:
    """Nothing is wrong with the page as it stands; its picture is kept where wanted."""
    await page.wait_for_load_state()
    await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    found = await Axe().run(page, options={"runOnly": RULES, "resultTypes": ["violations"]})
    assert not found.response["violations"], f"{name}: {found.generate_report()}"
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, name
    if SHOTS:
        await page.screenshot(path=Path(SHOTS) / f"sign-in-{name}.png", full_page=True)


async def authenticator(page: Page) -> tuple[CDPSession, str]:
    """A platform authenticator that verifies its user at once."""
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    made = await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return devtools, made["authenticatorId"]


async def later(town: Town) -> None:
    """Six minutes pass since anybody proved who they are."""
    await town.access.database.execute("update authentication.session set proved = proved - interval '6 minutes'")


async def code_shown(page: Page) -> str:
    """What an authenticator app shows that was given the secret on the page."""
    text = (await page.locator(".secret").inner_text()).replace(" ", "")
    return authentication.code_at(base64.b32decode(text), clock.now())


async def by_passkey(town: Town, page: Page) -> None:
    """Set up a passkey by the link alone, and come in with it."""
    await page.goto(f"{town.base}/clinician/sign-in")
    await page.wait_for_selector("[data-passkey-go]:visible")
    await seen(page, "page-360-zh")
    await page.goto(await town.invitation())
    await page.wait_for_selector("#h-passkey")
    assert "#" not in page.url, "the code is taken out of the address"
    await seen(page, "enrol-360-zh")
    await page.locator("[data-passkey=create] [data-passkey-go]").click()
    # The sign-in page follows; its name field asks for a passkey by itself, and this authenticator answers at once.
    await page.wait_for_url("**/clinician/")


async def once_more(town: Town, page: Page) -> str:
    """An act that weighs more, proved by the passkey once more: password and app besides. A recovery code."""
    await page.goto(f"{town.base}/clinician/my-sign-in?lang=en")
    await seen(page, "mine-1440-en-dark")
    await later(town)
    await page.locator("form[action$='/anew'] button").click()
    await page.wait_for_selector("[data-passkey-go]:visible")
    await seen(page, "again-1440-en-dark")
    await page.locator("[data-passkey-go]").click()
    await page.wait_for_selector(".secret", state="attached")
    await seen(page, "anew-1440-en-dark")
    await page.fill("#password", PASSWORD)
    await page.fill("#repeated", PASSWORD)
    await page.fill("#code", await code_shown(page))
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".codes")
    await seen(page, "codes-1440-en-dark")
    return (await page.locator(".codes li").first.inner_text()).strip()


async def by_keyboard(town: Town, page: Page, recovery: str) -> None:
    """Without the device and without a mouse: a mistake, then a recovery code."""
    await page.goto(f"{town.base}/clinician/sign-in?next=/clinician/my-sign-in")
    for code in ("000000", recovery):
        await page.focus("#name")
        await page.keyboard.press("Control+A")
        for typed in (f"{town.hospital.code}/D1", PASSWORD, code):
            await page.keyboard.type(typed)
            await page.keyboard.press("Enter" if typed == code else "Tab")
        if code == "000000":
            await page.wait_for_selector("[role=alert]:visible")
            await seen(page, "wrong-1440-zh")
    await page.wait_for_url("**/clinician/my-sign-in")


async def test_from_the_invitation_to_the_desk(town: Town) -> None:
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        context = await browser.new_context(viewport={"width": 360, "height": 780}, locale="zh-CN")
        page = await context.new_page()
        page.on(
            "console",
            lambda one: complaints.append(one.text) if one.type == "error" and "status of" not in one.text else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        devtools, device = await authenticator(page)
        await by_passkey(town, page)
        await page.set_viewport_size({"width": 1440, "height": 900})
        await page.emulate_media(color_scheme="dark")
        recovery = await once_more(town, page)
        await devtools.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": device})
        await context.clear_cookies()
        await page.emulate_media(color_scheme="light")
        await by_keyboard(town, page, recovery)
        await page.set_viewport_size({"width": 360, "height": 780})
        await seen(page, "mine-360-zh")
        await browser.close()
    assert not complaints


async def test_a_resident_makes_a_passkey_and_comes_in_by_it(town: Town) -> None:
    made = await town.hospital.create(patient())
    person = ids.person_text(Platform.person_of(f"Patient/{made['id']}"))
    async with town.access.database.transaction() as c:
        cookie = await town.access.means.browsers.open(
            c, "resident", person, method="proofed-phone", device="", now=clock.now()
        )
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        context = await browser.new_context(viewport={"width": 360, "height": 800}, locale="zh-CN")
        held = {"name": "yima_resident", "value": cookie, "domain": "localhost", "path": "/resident"}
        await context.add_cookies([held])
        page = await context.new_page()
        await authenticator(page)
        await page.goto(f"{town.base}/resident/choices")
        await page.locator("a[href='/resident/passkey']").click()
        await seen(page, "passkey-why-360-zh")
        await page.locator("form[action='/resident/passkey'] button").click()
        await page.wait_for_selector("[data-passkey-go]:visible")
        await seen(page, "passkey-make-360-zh")
        await page.locator("[data-passkey-go]").click()
        await page.wait_for_url("**/resident/sign-in")
        await page.wait_for_selector("[data-passkey-go]:visible")
        await seen(page, "passkey-use-360-zh")
        await page.locator("[data-passkey-go]").click()
        await page.wait_for_url("**/resident/")
        now_held = {one["name"]: one["value"] for one in await context.cookies(f"{town.base}/resident")}
        caller = await town.access.callers.caller("resident", now_held["yima_resident"], clock.now())
        assert (ids.person_text(caller.person), caller.assurance) == (person, "substantial")
        await browser.close()
    with pytest.raises(Refusal, match="sign-in-needed"):
        await town.access.callers.caller("resident", cookie, clock.now())
