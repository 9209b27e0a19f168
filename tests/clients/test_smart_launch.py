"""Apps of residents and of staff, the whole way with other people's software: fhirclient (SMART's own Python client) is
the app, and Chromium the browser, which holds a form's redirects to the page's content policy. The resident comes in by
a code sent to the phone."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
import orjson
import pytest
from axe_playwright_python.async_playwright import Axe
from fhirclient.client import FHIRClient
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient
from fhirclient.server import FHIRUnauthorizedException
from playwright.async_api import Page, async_playwright

from support import Institution, Platform, observation, patient, resident_number, serving
from yima import directory
from yima.mpi import RESIDENT_NUMBER
from yima.runtime import clock, ids
from yima.runtime.keys import FileKeyStore

PHONE = "13900003001"
CHROMIUM = shutil.which("chromium")


class _Back(BaseHTTPRequestHandler):
    """The app's own page: it only has to be there."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>back</title>")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def back() -> Iterator[str]:
    """Where the app is sent back to."""
    with HTTPServer(("127.0.0.1", 0), _Back) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/back"
        server.shutdown()
        thread.join()


@dataclass
class Town:
    """A platform in a process of its own, a resident, and the resident's session."""

    platform: Platform
    hospital: Institution
    patient: str
    cookie: str
    staff: str
    """The session of a doctor there."""
    phone: str = PHONE

    @property
    def person(self) -> int:
        return self.platform.person_of(f"Patient/{self.patient}")

    def code(self) -> str:
        """The newest code that came to the phone."""
        lines = [orjson.loads(line) for line in (self.platform.data / "notices.jsonl").read_bytes().splitlines()]
        return str(re.findall(r"\d{6}", [line["text"] for line in lines if line["to"] == self.phone][-1])[0])


@pytest.fixture(scope="module")
async def town(database_url: str, back: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Town]:
    data = tmp_path_factory.mktemp("serving")
    keys = FileKeyStore(data / "keys.json")
    keys.secret("warm")
    with serving(data, YIMA_DATABASE_URL=database_url, YIMA_DEVELOPMENT="true", YIMA_NOTICE_SENDER="file") as running:
        platform = await Platform.attach(running.base, database_url, data)
        hospital = await platform.institution("smart")
        number = resident_number()
        made = await hospital.create(patient(national=number))
        await hospital.create(observation(f"Patient/{made['id']}", value=6.2))
        app = directory.PatientApp(
            client_id="diary", institution_id=hospital.number, name_zh="血糖日记", name_en="Glucose diary",
            redirect_uris=(back,),
        )  # fmt: skip
        board = directory.PatientApp(
            client_id="board", institution_id=hospital.number, name_zh="病程看板", name_en="Ward board",
            redirect_uris=(back,), launch_url=f"{back}/launch", scopes=directory.STAFF_SCOPES,
        )  # fmt: skip
        async with platform.database.transaction() as c:
            await directory.register_patient_app(c, app)
            await directory.register_patient_app(c, board)
        person, sessions = ids.person_text(platform.person_of(f"Patient/{made['id']}")), directory.Sessions(keys)
        staff = sessions.session("clinician", str(hospital.practitioner), clock.now())
        found = Town(platform, hospital, made["id"], sessions.session("resident", person, clock.now()), staff)
        await _confirm(found, number)
        yield found
        await platform.stop()


async def _confirm(town: Town, number: str) -> None:
    """At the counter, with the document in hand: this is the person's phone."""
    async with httpx.AsyncClient(base_url=town.platform.base, cookies={"yima_clinician": town.staff}) as desk:
        fields = fields_of((await desk.get("/clinician/counter")).text)
        form = {"csrf": fields["csrf"], "system": RESIDENT_NUMBER, "value": number, "phone": town.phone}
        done = await desk.post("/clinician/counter/phone", data=form)
        assert done.status_code == 200, done.text


def fields_of(page: str) -> dict[str, str]:
    """What a browser would send with the page's form: hidden fields and ticked boxes."""
    tags = [tag for tag in re.findall(r"<input [^>]*>", page) if 'type="hidden"' in tag or " checked" in tag]
    return {
        m[1]: v[1]
        for tag in tags
        if (m := re.search(r'name="([^"]+)"', tag)) and (v := re.search(r'value="([^"]*)"', tag))
    }


def _client(town: Town, back: str) -> FHIRClient:
    settings = {
        "app_id": "diary", "api_base": f"{town.platform.base}/fhir", "redirect_uri": back,
        "scope": "openid fhirUser launch/patient patient/*.rs offline_access",
    }  # fmt: skip
    return FHIRClient(settings=settings)


def _read(smart: FHIRClient, came_back: str) -> None:
    """What the app does with its code. The client waits for each answer, so this runs in a thread."""
    smart.handle_callback(came_back)
    assert smart.ready
    who = Patient.read(smart.patient_id, smart.server)
    values = list(Observation.where({"patient": who.id}).perform_resources_iter(smart.server))
    assert [one.valueQuantity.value for one in values] == [6.2]
    first = smart.server.auth.access_token
    assert smart.reauthorize() is not None
    assert smart.server.auth.access_token != first
    assert Patient.read(smart.patient_id, smart.server).id == who.id


async def test_fhirclient_is_let_in_reads_and_is_put_out(town: Town, back: str) -> None:
    smart = await asyncio.to_thread(_client, town, back)
    address = await asyncio.to_thread(lambda: smart.authorize_url)
    cookies = {"yima_resident": town.cookie}
    async with httpx.AsyncClient(base_url=town.platform.base, cookies=cookies, timeout=30) as browser:
        page = await browser.get(address, follow_redirects=True)
        said = await browser.post("/resident/apps/ask", data=fields_of(page.text) | {"answer": "grant"})
        await asyncio.to_thread(_read, smart, said.headers["location"])
        assert smart.patient_id == town.patient

        listed = (await browser.get("/resident/apps?lang=en")).text
        assert "Glucose diary" in listed
        await browser.post("/resident/apps/end", data=fields_of(listed))
    await asyncio.sleep(1.05)
    with pytest.raises(FHIRUnauthorizedException):
        await asyncio.to_thread(Patient.read, town.patient, smart.server)


async def test_fhirclient_is_opened_by_a_doctor_in_a_visit(town: Town, back: str) -> None:
    visit = await town.hospital.visit(town.person)
    async with httpx.AsyncClient(base_url=town.platform.base, cookies={"yima_clinician": town.staff}) as browser:
        fields = fields_of((await browser.get(f"/clinician/visit/{visit}/apps")).text)
        opened = await browser.post("/clinician/apps/open", data=fields | {"app": "board"})
        said = parse_qs(urlsplit(opened.headers["location"]).query)
        settings = {
            "app_id": "board", "api_base": said["iss"][0], "redirect_uri": back, "launch_token": said["launch"][0],
            "scope": "openid fhirUser patient/*.rs online_access",
        }  # fmt: skip
        smart = await asyncio.to_thread(FHIRClient, settings=settings)
        address = await asyncio.to_thread(lambda: smart.authorize_url)
        asked = await browser.get(address)
        answered = await browser.get(asked.headers["location"])
        await asyncio.to_thread(_read, smart, answered.headers["location"])
    assert smart.patient_id == town.patient
    await town.platform.database.execute("update healthcode.visit set expires = started where visit = $1", visit)
    with pytest.raises(FHIRUnauthorizedException):
        await asyncio.to_thread(Patient.read, town.patient, smart.server)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
async def test_in_a_real_browser(town: Town, back: str) -> None:
    smart = await asyncio.to_thread(_client, town, back)
    address = await asyncio.to_thread(lambda: smart.authorize_url)
    console: list[str] = []
    shots = os.environ.get("YIMA_SHOTS")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for width, lang, scheme in ((360, "zh", "light"), (1440, "en", "dark")):
            context = await browser.new_context(
                viewport={"width": width, "height": 900}, color_scheme=scheme, locale="zh-CN" if lang == "zh" else "en"
            )
            home = town.platform.base
            await context.add_cookies([
                {"name": "yima_resident", "value": town.cookie, "url": f"{home}/resident"},
                {"name": "yima_lang", "value": lang, "url": home},
            ])  # fmt: skip
            page = await context.new_page()
            page.on("console", lambda one: console.append(one.text))
            await page.goto(address)
            for name in ("ask", "list"):
                if name == "list":
                    await page.goto(urljoin(home, "/resident/apps"))
                found = await Axe().run(page)
                assert not found.response["violations"], found.generate_report()
                assert await page.evaluate("document.documentElement.scrollWidth") <= width
                if shots:
                    await page.screenshot(path=Path(shots) / f"apps-{name}-{width}-{lang}.png", full_page=True)
                if name == "ask":
                    await page.locator("button[value=grant]").click()
                    await page.wait_for_url(f"{back}?*")
                    came_back = page.url
            await context.close()
        await browser.close()
    assert not [line for line in console if "Content Security Policy" in line]
    await asyncio.to_thread(_read, smart, came_back)


async def _seen(page: Page, name: str) -> None:
    """Nothing is wrong with the page; its picture is kept where wanted."""
    found = await Axe().run(page)
    assert not found.response["violations"], f"{name}: {found.generate_report()}"
    assert await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0, name
    if shots := os.environ.get("YIMA_SHOTS"):
        await page.screenshot(path=Path(shots) / f"come-in-{name}.png", full_page=True)


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium")
async def test_a_resident_comes_in_by_phone_and_a_doctor_opens_an_app(town: Town, back: str) -> None:
    home, console = town.platform.base, list[str]()
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for width, lang, scheme in ((360, "zh", "light"), (1440, "en", "dark")):
            context = await browser.new_context(
                viewport={"width": width, "height": 800}, color_scheme=scheme, locale="zh-CN" if lang == "zh" else "en"
            )
            await context.add_cookies([{"name": "yima_lang", "value": lang, "url": home}])
            page = await context.new_page()
            page.on("console", lambda one: console.append(one.text))
            # By keyboard alone: the field has the focus, Enter sends.
            await page.goto(f"{home}/resident/sign-in")
            await _seen(page, f"phone-{width}-{lang}")
            await page.keyboard.type(town.phone)
            await page.keyboard.press("Enter")
            await page.wait_for_selector("#code")
            await _seen(page, f"code-{width}-{lang}")
            await page.keyboard.type("000000")
            await page.keyboard.press("Enter")
            await page.wait_for_selector("[role=alert]")
            await _seen(page, f"wrong-{width}-{lang}")
            await page.focus("#code")
            await page.keyboard.type(town.code())
            await page.keyboard.press("Enter")
            await page.wait_for_url(f"{home}/resident/")

            await context.add_cookies([{"name": "yima_clinician", "value": town.staff, "url": f"{home}/clinician"}])
            visit = await town.hospital.visit(town.person)
            await page.goto(f"{home}/clinician/visit/{visit}")
            await page.locator(f"a[href='/clinician/visit/{visit}/apps']").click()
            await page.wait_for_selector("form[action='/clinician/apps/open']")
            await _seen(page, f"apps-{width}-{lang}")
            async with context.expect_page() as opened:
                await page.locator("form[action='/clinician/apps/open'] button").first.click()
            tab = await opened.value
            await tab.wait_for_url(f"{back}/launch?*")
            assert parse_qs(urlsplit(tab.url).query)["iss"] == [f"{home}/fhir"]
            await context.close()
        await browser.close()
    assert not [line for line in console if "Content Security Policy" in line]
