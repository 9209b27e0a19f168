"""Sign-in by a provider of other people's making: npm `oidc-provider`, certified by the OpenID Foundation. Staff in
Chromium (client secret, back-channel logout), an operator in a browser without scripts (private_key_jwt)."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page, async_playwright

from support import Institution, Platform, be_humans
from support.npm import installed, names_no_host
from support.process import free_port, serving
from yima import directory
from yima.access import Access
from yima.authentication.external import Provider
from yima.directory import Caller
from yima.runtime import clock, settings
from yima.runtime.keys import FileKeyStore

HERE = Path(__file__).resolve().parent
CHROMIUM = shutil.which("chromium")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SHOTS = os.environ.get("YIMA_SHOTS")
COMMAND = Caller(kind="system", agent_id="command-line")
SECRET = secrets.token_urlsafe(24)

pytestmark = [pytest.mark.slow]


@dataclass
class Town:
    """A server, the same door in this process, and the city's provider."""

    base: str
    access: Access
    hospital: Institution
    issuer: str

    async def invitation(self, kind: str, subject: str) -> str:
        """The address of somebody's invitation."""
        return (await self.access.accounts.invite(COMMAND, kind, subject, clock.now())).address


def _clients(base: str) -> list[dict[str, Any]]:
    """What the provider knows of us."""
    usual: dict[str, Any] = {"response_types": ["code"], "grant_types": ["authorization_code"]}
    staff = usual | {
        "client_id": "yima", "client_secret": SECRET, "redirect_uris": [f"{base}/clinician/sign-in/from/city"],
        "backchannel_logout_uri": f"{base}/oauth/providers/city/logout", "backchannel_logout_session_required": True,
    }  # fmt: skip
    operators = usual | {
        "client_id": "yima-operators", "redirect_uris": [f"{base}/operator/sign-in/from/city-op"],
        "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES256",
        "jwks_uri": f"{base}/.well-known/jwks.json",
    }  # fmt: skip
    return [staff, operators]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return installed(HERE / "node-provider", tmp_path_factory.mktemp("provider"), "provider.mjs")


@pytest.fixture(scope="module")
def base() -> str:
    return f"http://localhost:{free_port()}"


@pytest.fixture(scope="module")
def issuer(folder: Path, base: str) -> Iterator[str]:
    """The provider, as long as the module lasts."""
    node = [str(shutil.which("node")), "provider.mjs"]
    env = os.environ | {"NODE_OPTIONS": ""}
    with subprocess.Popen(
        node, cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(json.dumps({"clients": _clients(base)}) + "\n")
        process.stdin.flush()
        said = process.stdout.readline()
        assert said, "the provider did not start"
        yield str(json.loads(said)["issuer"])
        process.terminate()


@pytest.fixture(scope="module")
async def town(
    database_url: str, tmp_path_factory: pytest.TempPathFactory, issuer: str, base: str
) -> AsyncIterator[Town]:
    data, port = tmp_path_factory.mktemp("serving"), int(base.rpartition(":")[2])
    FileKeyStore(data / "keys.json").secret("warm")
    light = {"YIMA_PASSWORD_MEMORY_KIB": "1024", "YIMA_BASE_URL": base, "YIMA_DEVELOPMENT": "true"}
    with serving(data, port, YIMA_DATABASE_URL=database_url, **light):
        platform = await Platform.attach(base, database_url, data)
        chosen = settings.load({"data": data, "development": True}, environment={}, directory=data)
        access = await Access.open(database_url, chosen, base)
        named = {"issuer": issuer, "name_zh": "市统一认证", "name_en": "City ID", "levels": {"urn:city:two": 2}}
        staff = Provider(provider_id="city", kind="practitioner", client_id="yima", secret=SECRET, **named)  # type: ignore[arg-type]  # facts of several types
        ops = Provider(provider_id="city-op", kind="operator", client_id="yima-operators", **named)  # type: ignore[arg-type]  # as above
        for one in (staff, ops):
            await access.provider_register.register(COMMAND, one, clock.now())
        yield Town(base, access, await platform.institution("H"), issuer)
        await access.close()
        await platform.stop()


async def seen(page: Page, name: str) -> None:
    """Nothing is wrong with the page as it stands; its picture is kept where wanted."""
    await page.wait_for_load_state()
    found = await Axe().run(page, options={"runOnly": RULES, "resultTypes": ["violations"]})
    assert not found.response["violations"], f"{name}: {found.generate_report()}"
    wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, name
    if SHOTS:
        await page.screenshot(path=Path(SHOTS) / f"provider-{name}.png", full_page=True)


async def at_the_provider(page: Page, issuer: str, name: str) -> None:
    """Sign in there."""
    await page.wait_for_url(f"{issuer}/interaction/*")
    await page.fill("[name=name]", name)
    await page.click("button")


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
async def test_staff_in_chromium(town: Town) -> None:
    """Invited, bound, out, in again, an act proved once more, and out by the provider's word."""
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        context = await browser.new_context(viewport={"width": 360, "height": 780}, locale="zh-CN")
        page = await context.new_page()
        page.on("console", lambda one: complaints.append(f"{one.location} {one.text}") if one.type == "error" else None)
        with_city = "form[action$='/sign-in/with/city'] button"
        await page.goto(await town.invitation("practitioner", str(town.hospital.practitioner)))
        await page.wait_for_selector(with_city)
        await seen(page, "enrol-360-zh")
        await page.click(with_city)
        await at_the_provider(page, town.issuer, "wang")
        await page.wait_for_url(f"{town.base}/clinician/")
        await page.set_viewport_size({"width": 1440, "height": 900})
        await page.goto(f"{town.base}/clinician/my-sign-in?lang=en")
        await seen(page, "mine-1440-en")
        await page.click("form[action='/clinician/sign-out'] button")
        await page.wait_for_selector(f"a[href^='{town.issuer}/']")
        await seen(page, "left-1440-en")
        await page.goto(f"{town.base}/clinician/sign-in?lang=en")
        await seen(page, "sign-in-1440-en")
        await page.click(with_city)  # known there still: nobody is asked again
        await page.wait_for_url(f"{town.base}/clinician/")
        await town.access.database.execute("update authentication.session set proved = proved - interval '6 minutes'")
        await page.goto(f"{town.base}/clinician/my-sign-in")
        await page.click("form[action$='/anew'] button")
        await page.wait_for_selector("[name=again-provider]")
        await seen(page, "again-1440-en")
        await page.click("[name=again-provider]")
        await at_the_provider(page, town.issuer, "wang")
        await page.wait_for_selector("form[action$='/anew'] button")
        await seen(page, "go-on-1440-en")
        await page.click("form[action$='/anew'] button")
        await page.wait_for_selector(".secret", state="attached")
        await page.goto(f"{town.issuer}/session/end")
        await page.click("button[value=yes]")
        await page.wait_for_url(f"{town.issuer}/session/end/success**")
        gone = await page.goto(f"{town.base}/clinician/")
        assert gone
        assert gone.status == 401, "the provider said that she left"
        await browser.close()
    assert not [one for one in complaints if town.base in one and "status of" not in one]


async def test_an_operator_and_the_platforms_own_key(town: Town) -> None:
    one = directory.Operator("op-city", "陈敏", "Chen Min", frozenset({"accounts"}), organisation="一码市数据局")
    async with town.access.database.transaction() as c:
        await directory.register_operator(c, one)
    await be_humans(town.access.database, town.access.vault, "op-city")
    invitation = (await town.invitation("operator", "op-city")).partition("#")[2]
    async with httpx.AsyncClient(follow_redirects=True, timeout=30) as browser:
        page = await browser.get(f"{town.base}/operator/sign-in/enrol")
        shown = await _send(browser, page, "/operator/sign-in/enrol", invitation=invitation)
        away = await _send(browser, shown, "/operator/sign-in/with/city-op")
        there = await browser.get(_sent_to(away))
        weak = await _send(browser, there, str(there.url.path), name="chen")
        assert "provider-weak" in weak.text, "one factor is not enough"
        away = await _send(browser, shown, "/operator/sign-in/with/city-op")
        there = await browser.get(_sent_to(away))
        back = await _send(browser, there, str(there.url.path), name="chen", two="on")
        assert str(back.url) == f"{town.base}/operator/", back.text
    async with httpx.AsyncClient(follow_redirects=True, timeout=30) as other:
        away = await _send(other, await other.get(f"{town.base}/operator/sign-in"), "/operator/sign-in/with/city-op")
        there = await other.get(_sent_to(away))
        back = await _send(other, there, str(there.url.path), name="somebody else", two="on")
        assert "provider-unbound" in back.text


def test_the_lock_leaves_open_where_packages_come_from() -> None:
    assert names_no_host(HERE / "node-provider")


async def _send(browser: httpx.AsyncClient, page: httpx.Response, action: str, **fields: str) -> httpx.Response:
    """Fill in the page's form that goes there, and send it."""
    form = re.search(rf'<form[^>]*action="{re.escape(action)}".*?</form>', page.text, re.DOTALL)
    assert form, page.text
    held = {n: unescape(v) for n, v in re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', form[0])}
    return await browser.post(page.url.join(action), data=held | fields)


def _sent_to(away: httpx.Response) -> str:
    found = re.search(r'content="0;url=([^"]*)"', away.text)
    assert found, away.text
    return unescape(found[1])
