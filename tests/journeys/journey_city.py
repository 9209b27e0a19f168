"""A real `yima demo` in a process of its own, and the people of its city with the browsers they hold."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import zxingcpp
from joserfc import jwk, jwt
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page, expect

from support import bundle, entry, free_port, observation, urn

RESIDENTS, SEED = "21", "4"
"""The smallest city whose cast has somebody with psychiatric entries; about ten seconds to load."""
CLINICAL = "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical"
PHONE = {"width": 390, "height": 844}
DESK = {"width": 1440, "height": 900}


@dataclass(slots=True)
class Demo:
    """`yima demo` on a data directory."""

    data: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start it and wait until it is ready; the seconds that took."""
        began = time.perf_counter()
        own = {name: value for name, value in os.environ.items() if not name.startswith("YIMA_")}
        order = [sys.executable, "-m", "yima", "demo", "--port", str(self.port), "--data", str(self.data)]
        with (self.data / "demo.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*order, "--residents", RESIDENTS, "--seed", SEED], env=own, cwd=self.data, stdout=log, stderr=log
            )
        while not self._ready():
            gone = self.process.poll() is not None or time.perf_counter() - began > 150
            assert not gone, (self.data / "demo.log").read_text()[-2000:]
            time.sleep(0.05)
        return time.perf_counter() - began

    def _ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/ready", timeout=2):
                return True
        except OSError:
            return False

    def stop(self) -> None:
        """Ask this process, and no other, to end."""
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def described(self) -> dict[str, Any]:
        """What `demo.json` says."""
        return dict(json.loads((self.data / "demo.json").read_bytes()))


@dataclass(slots=True)
class City:
    """The running city: who lives and works there, and a browser for each of them."""

    demo: Demo
    browser: Browser
    told: dict[str, Any]
    told_first: dict[str, Any]
    first_seconds: float
    second_seconds: float
    open: list[BrowserContext] = field(default_factory=list)

    @classmethod
    def begin(cls, data: Path, browser: Browser) -> City:
        """Load the city, stop, start again on the same data: the journeys run in the second start."""
        demo = Demo(data, free_port())
        first = demo.start()
        told_first = demo.described()
        demo.stop()
        second = demo.start()
        return cls(demo, browser, demo.described(), told_first, first, second)

    def resident(self, story: str) -> dict[str, Any]:
        """The resident of that story."""
        return next(r for r in self.told["residents"] if story in r["stories"])

    def institution(self, number: int) -> dict[str, Any]:
        """An institution with its registered app and key."""
        return dict(self.told["institutions"][number])

    def phone(self, resident: dict[str, Any], **modes: str) -> Phone:
        """The resident's phone, signed in."""
        return Phone(self._page(PHONE, resident["page"], 2, modes))

    def desk(self, number: int, **modes: str) -> Desk:
        """The desk of a clinician; each number is at another institution."""
        clinician = self.told["clinicians"][number]
        return Desk(self._page(DESK, clinician["page"], 1, modes), clinician)

    def operator(self) -> Page:
        """The operator's page."""
        return self._page(DESK, self.told["operator"]["page"], 1, {})

    def _page(self, size: dict[str, int], start: str, scale: int, modes: dict[str, str]) -> Page:
        context = self.browser.new_context(viewport=size, device_scale_factor=scale, has_touch=size is PHONE)
        context.set_default_timeout(15_000)
        chosen = {"lang": "zh"} | modes
        base = self.told["base_url"]
        context.add_cookies([{"name": f"yima_{name}", "value": value, "url": base} for name, value in chosen.items()])
        self.open.append(context)
        page = context.new_page()
        page.goto(start)
        return page

    def close_browsers(self) -> None:
        """Everybody puts their things away."""
        while self.open:
            self.open.pop().close()

    def submit(self, institution: dict[str, Any], resident: dict[str, Any], glucose: float) -> list[str]:
        """The institution's system signs in and submits a fasting glucose and an allergy of the resident."""
        base = self.told["base_url"]
        patient = urn()
        allergy = {
            "resourceType": "AllergyIntolerance",
            "clinicalStatus": {"coding": [{"system": CLINICAL, "code": "active"}]},
            "code": {"text": "花生"},
            "patient": {"reference": patient},
        }
        measured = observation(patient, value=glucose, date=time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()))
        sent = bundle(entry(known_patient(resident), fullUrl=patient), entry(measured), entry(allergy))
        with httpx.Client(base_url=base, timeout=20) as http:
            held = {"authorization": f"Bearer {token(http, base, institution)}"}
            answer = http.post("/fhir", json=sent, headers=held)
        assert answer.status_code == 200, answer.text
        return [one["response"]["status"] for one in answer.json()["entry"]]


def known_patient(resident: dict[str, Any]) -> dict[str, Any]:
    """The Patient a hospital sends for this resident; birth date and sex stand in the resident number (GB 11643)."""
    number = resident["identifier"]["value"]
    return {
        "resourceType": "Patient",
        "identifier": [resident["identifier"], {"system": "urn:journey:mrn", "value": uuid.uuid4().hex[:10]}],
        "name": [{"text": resident["name"]}],
        "gender": "male" if int(number[16]) % 2 else "female",
        "birthDate": f"{number[6:10]}-{number[10:12]}-{number[12:14]}",
    }


def token(http: httpx.Client, base: str, institution: dict[str, Any]) -> str:
    """An access token by `private_key_jwt`, as SMART Backend Services has it."""
    key, client = jwk.ECKey.import_key(institution["private_key_jwk"]), institution["client_id"]
    claims = {"iss": client, "sub": client, "aud": f"{base}/oauth/token", "exp": int(time.time()) + 240, "jti": urn()}
    header = {"alg": "ES256", "kid": institution["private_key_jwk"]["kid"]}
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode(header, claims, key, algorithms=["ES256"]),
    }
    answer = http.post("/oauth/token", data=form)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


@dataclass(slots=True)
class Phone:
    """A resident's phone; every tap is counted."""

    page: Page
    taps: int = 0

    def open(self, path: str) -> Phone:
        """Go to one of the resident's pages."""
        self.page.goto(f"{re.match('https?://[^/]+', self.page.url)[0]}/resident/{path}")  # type: ignore[index]
        return self

    def shows(self) -> str:
        """The code on the screen, read from the picture of the screen as a scanner reads it."""
        self.page.wait_for_selector("[data-qr] canvas")
        found = zxingcpp.read_barcodes(Image.open(io.BytesIO(self.page.screenshot())))
        assert len(found) == 1
        return str(found[0].text)

    def tap(self, selector: str) -> None:
        """Touch something."""
        self.page.locator(selector).first.tap()
        self.taps += 1

    def reads(self, selector: str = "main") -> str:
        """The words seen there."""
        return self.page.locator(selector).first.inner_text()


@dataclass(slots=True)
class Desk:
    """A clinician's desk."""

    page: Page
    who: dict[str, Any]

    def scan(self, text: str, gap: float = 0) -> Desk:
        """What a handheld scanner does: it types, milliseconds apart, then presses Enter. Nothing is clicked."""
        self.page.wait_for_load_state("load")  # a record is seen before the page's script hears keys
        self.page.keyboard.type(text, delay=gap)
        self.page.keyboard.press("Enter")
        return self

    def sees_record(self) -> str:
        """The record's words, everything unfolded."""
        self.page.wait_for_selector("[data-visit], [data-outcome=refused]")
        refused = self.page.locator("[data-outcome=refused]").all_inner_texts()
        assert not refused, refused
        self.page.evaluate("document.querySelectorAll('main details:not(.why-box)').forEach((d) => { d.open = true; })")
        return self.page.locator("main").inner_text()

    def is_refused(self) -> str:
        """The words of the refusal; the field must be ready for the next scan."""
        self.page.wait_for_selector("[data-outcome=refused]")
        expect(self.page.locator("#code")).to_be_focused()
        expect(self.page.locator("#code")).to_have_value("")
        return self.page.locator("[data-outcome=refused]").inner_text()
