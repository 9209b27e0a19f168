"""Makes docs/images from a running demo: `python tools/screenshots.py DEMO_JSON [--out DIR] [--only NAME ...]`.

DEMO_JSON is the `demo.json` of a `yima demo` that is running on this machine. The pictures show synthetic people only.
Every page is also opened at 360 px, and the program fails when one is wider than the screen. What the pictures show is
made to happen first: a visit, a replayed code, an emergency access; take them from a fresh city, since all of it stays
on the log. docs/images come from `yima demo --residents 60`.
"""

from __future__ import annotations

import argparse
import io
import json
import secrets
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import zxingcpp
from joserfc import jwk, jwt
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from scanner_pictures import PICTURES, Scanner

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
PHONE = {"width": 390, "height": 844}
NARROW = {"width": 360, "height": 780}
DESK = {"width": 1440, "height": 900}
LIMIT = 300_000  # bytes a picture may have
STORY = "hypertension"  # somebody with years of visits, values and medicines
ALLERGY = {  # submitted before the pictures, so that the record opens with something that must not be missed
    "resourceType": "AllergyIntolerance",
    "clinicalStatus": {
        "coding": [{"system": "http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical", "code": "active"}]
    },
    "criticality": "high",
    "code": {
        "coding": [{"system": "http://snomed.info/sct", "code": "764146007", "display": "Penicillin"}],
        "text": "青霉素类",
    },
    "patient": {"reference": "urn:uuid:5d0c0a52-6d5c-4a53-9be4-7d0c6b2f3a01"},
}
REASON = "昏迷送入急诊，无人陪同，需要过敏史和用药史"

Shot = Callable[["Studio"], bytes]


class Studio:
    """A browser, the demo's people, and pages opened for each of them."""

    def __init__(self, browser: Browser, described: Path) -> None:
        demo = json.loads(described.read_bytes())
        self.browser, self.demo = browser, demo
        people = demo["residents"]
        self.resident = next((r for r in people if STORY in r["stories"]), people[0])
        by_place = {c["institution_id"]: c for c in demo["clinicians"]}
        self.doctor, self.other = list(by_place.values())[:2]
        self.emergency = next((c for c in by_place.values() if "急救" in c["institution"]), self.other)
        self.scanner = Scanner(browser, described, demo, self.resident)
        self.wide: list[str] = []
        self.used: set[str] = set()

    def submit_allergy(self) -> None:
        """An institution signs in and submits the allergy; a second run of the program repeats nothing."""
        base, hospital = self.demo["base_url"], self.demo["institutions"][0]
        number = self.resident["identifier"]["value"]  # birth date and sex stand in it (GB 11643)
        patient = {
            "resourceType": "Patient",
            "identifier": [self.resident["identifier"]],
            "name": [{"text": self.resident["name"]}],
            "gender": "male" if int(number[16]) % 2 else "female",
            "birthDate": f"{number[6:10]}-{number[10:12]}-{number[12:14]}",
        }
        sent = (("Patient", patient, {"fullUrl": ALLERGY["patient"]["reference"]}), ("AllergyIntolerance", ALLERGY, {}))  # type: ignore[index]  # a constant of ours
        entries = [{"resource": r, "request": {"method": "POST", "url": kind}, **also} for kind, r, also in sent]
        client, key = hospital["client_id"], jwk.ECKey.import_key(hospital["private_key_jwk"])
        claims = {"iss": client, "sub": client, "aud": f"{base}/oauth/token", "exp": int(time.time()) + 240}
        header = {"alg": "ES256", "kid": hospital["private_key_jwk"]["kid"]}
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode(header, claims | {"jti": secrets.token_hex(16)}, key, algorithms=["ES256"]),
        }
        token = httpx.post(f"{base}/oauth/token", data=form).raise_for_status().json()["access_token"]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        headers = {"authorization": f"Bearer {token}", "idempotency-key": "screenshots-allergy"}
        httpx.post(f"{base}/fhir", json=bundle, headers=headers).raise_for_status()

    @contextmanager
    def page(self, who: str, size: dict[str, int], **modes: str) -> Iterator[Page]:
        """A page of somebody who signed in; modes are `lang`, `ease` and `theme`."""
        scale = 2 if size["width"] < 500 else 1
        context = self.browser.new_context(viewport=size, device_scale_factor=scale, locale="zh-CN")  # type: ignore[arg-type]  # a plain dict has these two keys
        base = self.demo["base_url"]
        context.add_cookies(
            [{"name": f"yima_{k}", "value": v, "url": base} for k, v in ({"lang": "zh"} | modes).items()]
        )
        page = context.new_page()
        page.goto(who)
        yield page
        context.close()

    def code(self) -> str:
        """What the resident's phone shows now, read from the screen; a code that was not used yet."""
        with self.page(self.resident["page"], PHONE) as page:
            while (text := read_code(page)) in self.used:
                page.wait_for_timeout(1000)  # the phone changes its code every fifteen seconds
        self.used.add(text)
        return text

    def at(self, page: Page, path: str) -> None:
        """Open a page of the platform and note when it is wider than the screen."""
        page.goto(f"{self.demo['base_url']}{path}")
        self.check(page)

    def check(self, page: Page) -> None:
        """Note when this page is wider than the screen."""
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            self.wide.append(f"{page.url} at {page.viewport_size}: {over} px too wide")  # handles are demo data


def read_code(page: Page) -> str:
    """The code in the picture of the screen, as a scanner sees it."""
    page.wait_for_selector("[data-qr] canvas")
    found = zxingcpp.read_barcodes(Image.open(io.BytesIO(page.screenshot())))
    return str(found[0].text)


def scan(page: Page, text: str) -> None:
    """Type a code as a handheld scanner does."""
    page.keyboard.type(text)
    page.keyboard.press("Enter")


def resident(path: str, size: dict[str, int] = PHONE, full: bool = False, wait: str = "main", **modes: str) -> Shot:
    """A page of the resident's phone."""

    def shot(studio: Studio) -> bytes:
        with studio.page(studio.resident["page"], NARROW, **modes) as narrow:
            studio.at(narrow, path)
        with studio.page(studio.resident["page"], size, **modes) as page:
            studio.at(page, path)
            page.wait_for_selector(wait)
            page.wait_for_timeout(700)
            return page.screenshot(full_page=full)

    return shot


def clinician(outcome: str, text: Callable[[Studio], str] | None, **modes: str) -> Shot:
    """The clinician's desk after a scan, `outcome` being the element that shows it."""

    def shot(studio: Studio) -> bytes:
        with studio.page(studio.doctor["page"], DESK, **modes) as page:
            if text:
                scan(page, text(studio))
            page.wait_for_selector(outcome)
            studio.check(page)
            page.wait_for_timeout(300)
            picture = page.screenshot()
            page.set_viewport_size({"width": 360, "height": 780})
            studio.check(page)
            return picture

    return shot


def emergency(studio: Studio) -> bytes:
    """The printed code, then the form of emergency access with its reason typed; then it is really opened."""
    with studio.page(studio.emergency["page"], DESK) as page:
        scan(page, studio.resident["static_code"])
        page.click("details.glass > summary")
        page.check("input[name=ground][value=unconscious]")
        page.fill("#reason", REASON)
        studio.check(page)
        picture = page.screenshot()
        page.click(".glass-form button")
        page.wait_for_selector(".glass-bar")
        studio.check(page)
    return picture


def replayed(studio: Studio) -> str:
    """A code that another institution has just scanned."""
    text = studio.code()
    with studio.page(studio.other["page"], DESK) as page:
        scan(page, text)
        page.wait_for_selector("[data-visit]")
    return text


def plain(path: str, size: dict[str, int] = DESK, who: str = "") -> Shot:
    """A page outside the portals, or the operator's."""

    def shot(studio: Studio) -> bytes:
        start = studio.demo["operator"]["page"] if who else f"{studio.demo['base_url']}{path}"
        for width in (NARROW, size):
            with studio.page(start, width) as page:
                studio.at(page, path)
                picture = page.screenshot()
        return picture

    return shot


def steward(path: str, opens: str = "", **modes: str) -> Shot:
    """A page of a data steward's desk; `opens` is the link on it that is followed."""

    def shot(studio: Studio) -> bytes:
        start = studio.demo["operators"][0]["page"]
        for size in (NARROW, DESK):
            with studio.page(start, size, **modes) as page:
                studio.at(page, path)
                if opens:
                    page.click(opens)
                    page.wait_for_load_state()
                    studio.check(page)
                picture = page.screenshot()
        return picture

    return shot


def scanner(name: str) -> Shot:
    """A picture of the scanner page, or of the phone that it reads."""
    return lambda studio: PICTURES[name](studio.scanner)


# In the order in which things happen: the log and the notices show what the desk did before.
SHOTS: dict[str, Shot] = {
    "resident-code": resident("/resident/", wait="[data-qr] canvas"),
    "resident-code-elderly": resident("/resident/", wait="[data-qr] canvas", ease="on"),
    "clinician-scan": clinician(".outcome.waiting", None),
    "clinician-visit": clinician("[data-visit]", Studio.code),
    "clinician-visit-dark": clinician("[data-visit]", Studio.code, lang="en", theme="dark"),
    "clinician-refused": clinician("[data-outcome=refused]", replayed),
    "clinician-emergency": emergency,
    "resident-record": resident("/resident/record"),
    "resident-record-en": resident("/resident/record", lang="en"),
    "resident-choices": resident("/resident/choices"),
    "resident-card": resident("/resident/card"),
    "resident-log": resident("/resident/log", size=PHONE | {"height": 1500}),
    "operator": plain("/operator/", who="operator"),
    "steward-queue": steward("/operator/steward/"),
    "steward-case": steward("/operator/steward/", "tr.risk-3 [data-row]"),
    "steward-case-en": steward("/operator/steward/", "tr:not(.risk-3) [data-row]", lang="en", theme="dark"),
    "steward-quality": steward("/operator/steward/quality"),
    "landing": plain("/"),
    **{name: scanner(name) for name in PICTURES},
}


def compressed(picture: bytes) -> bytes:
    """A PNG of at most 256 colours: flat pages lose nothing that is seen, and weigh a third."""
    image = Image.open(io.BytesIO(picture)).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def main() -> int:
    """Take the pictures; 1 when a page is too wide or a picture too heavy."""
    options = argparse.ArgumentParser(description="Take the pictures of docs/images from a running demo.")
    options.add_argument("demo", type=Path, help="the demo.json of a running `yima demo`")
    options.add_argument("--out", type=Path, default=Path("docs/images"))
    options.add_argument("--only", nargs="*", choices=list(SHOTS), help="take these only")
    chosen = options.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    heavy: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        studio = Studio(browser, chosen.demo)
        studio.submit_allergy()
        for name, shot in SHOTS.items():
            if chosen.only and name not in chosen.only:
                continue
            made = compressed(shot(studio))
            (chosen.out / f"{name}.png").write_bytes(made)
            print(f"{name}: {len(made) // 1000} kB")  # noqa: T201  the result of the program
            heavy += [f"{name} has {len(made)} bytes"] if len(made) > LIMIT else []
        browser.close()
    for trouble in (*studio.wide, *heavy):
        print(trouble, file=sys.stderr)  # noqa: T201  the result of the program
    return 1 if studio.wide or heavy else 0


if __name__ == "__main__":
    sys.exit(main())
