"""Pictures of the scanner page for docs/images, from a running demo; used by `screenshots.py`.

Credentials are issued by `yima code show` in the demo's data directory, codes without network come from a resident's
phone. What the pictures show really happens: the network is cut, the clock is put forward, a credential is ended.
"""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import zxingcpp
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Page

from yima.healthcode import base45

DESK = {"width": 1280, "height": 860}
PHONE = {"width": 390, "height": 844}
TILE, GAP = 620, 16  # pixels, of the picture with all refusals
KEY_ID = 3  # a byte of the signer's key id in a code of the phone (docs/healthcode/device-code.md)


class Scanner:
    """The scanner page, and what people hold up to it."""

    def __init__(self, browser: Browser, demo: Path, described: dict[str, Any], resident: dict[str, Any]) -> None:
        self.browser, self.data, self.base, self.resident = browser, demo.parent, described["base_url"], resident

    def credential(self, kind: str, *more: str) -> str:
        """A new credential of the resident."""
        command = [sys.executable, "-m", "yima", "code", "show", self.resident["person"], f"--{kind}", *more]
        done = subprocess.run([*command, "--data", str(self.data)], capture_output=True, text=True, check=True)  # noqa: S603  our own program
        return done.stdout.strip()

    @contextmanager
    def page(self, size: dict[str, int], offline: bool = False, **modes: str) -> Iterator[Page]:
        """The page with its lists; with `offline` it was started again after the network went away."""
        context = self.context(size, **modes)
        page = context.new_page()
        self.open(page)
        if offline:
            cut(page)
            self.open(page)
        yield page
        context.close()

    def context(self, size: dict[str, int], **modes: str) -> BrowserContext:
        """A browser of somebody's own."""
        scale = 2 if size["width"] < 500 else 1
        context = self.browser.new_context(viewport=size, device_scale_factor=scale, locale="zh-CN")  # type: ignore[arg-type]  # a plain dict has these two keys
        chosen = {"lang": "zh"} | modes
        context.add_cookies([{"name": f"yima_{k}", "value": v, "url": self.base} for k, v in chosen.items()])
        return context

    def open(self, page: Page) -> None:
        """Open the page and wait until it has tried to refresh its lists."""
        page.goto(f"{self.base}/scanner/")
        page.wait_for_selector("html[data-scanner=ready]")

    def phone(self, **modes: str) -> tuple[bytes, str]:
        """The resident's phone showing the code for a terminal without network: picture and text."""
        context = self.context(PHONE, **modes)
        page = context.new_page()
        page.goto(self.resident["page"])
        page.click("[data-device]")
        page.wait_for_timeout(700)
        page.evaluate("scrollTo(0, 0)")
        page.wait_for_timeout(200)
        picture = page.screenshot()
        code = page.locator("[data-qr]").screenshot()
        text = zxingcpp.read_barcodes(Image.open(io.BytesIO(code)))[0].text
        context.close()
        return picture, str(text)

    def end_credentials(self) -> None:
        """The resident ends every credential."""
        context = self.context(PHONE)
        page = context.new_page()
        page.goto(self.resident["page"])
        page.goto(f"{self.base}/resident/credentials")
        while buttons := page.locator("form[action*=credentials] button[type=submit]").count():
            page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
            page.locator("form[action*=credentials] button[type=submit]").first.click()
            page.wait_for_load_state()
            if page.locator("form[action*=credentials] button[type=submit]").count() >= buttons:
                raise RuntimeError("a credential does not end")
        context.close()


def cut(page: Page) -> None:
    """Take the network away once the service worker has everything."""
    page.evaluate("navigator.serviceWorker.ready")
    page.wait_for_function("async () => (await caches.match('/scanner/?lang=en')) !== undefined")
    page.context.set_offline(True)


def scan(page: Page, text: str, outcome: str) -> None:
    """Type as a handheld scanner does and wait for the result."""
    page.keyboard.press("Escape")
    page.keyboard.insert_text(text)
    page.keyboard.press("Enter")
    page.wait_for_selector(f"[data-outcome='{outcome}']")
    page.wait_for_timeout(200)


def valid(scanner: Scanner) -> bytes:
    """An emergency card, online."""
    with scanner.page(DESK) as page:
        scan(page, scanner.credential("emergency"), "valid")
        return page.screenshot()


def offline(scanner: Scanner) -> bytes:
    """An SM2 credential on a handheld without network."""
    text = scanner.credential("identity", "--profile", "sm2")
    with scanner.page(PHONE, offline=True, lang="en", theme="dark") as page:
        scan(page, text, "valid")
        return page.screenshot()


def stale(scanner: Scanner) -> bytes:
    """Eight days without network."""
    text = scanner.credential("identity")
    with scanner.page(DESK) as page:
        cut(page)
        page.clock.set_fixed_time(datetime.now(UTC) + timedelta(days=8))
        scanner.open(page)
        scan(page, text, "status-list-stale")
        return page.screenshot()


def network_down(scanner: Scanner) -> bytes:
    """The resident's phone."""
    return scanner.phone()[0]


def refusals(scanner: Scanner) -> bytes:
    """Every other refusal, each as it was met."""
    text, code = scanner.credential("identity"), scanner.phone()[1]
    raw = bytearray(base45.decode(code[4:]))
    raw[KEY_ID] ^= 1
    changed = code[:-3] + ("000" if code[-3:] != "000" else "111")
    now = datetime.now(UTC)
    cases = [
        ("code-unreadable", text[:-20], timedelta()),
        ("code-issuer-unknown", "YM2:" + base45.encode(bytes(raw)), timedelta()),
        ("code-signature-invalid", changed, timedelta()),
        ("code-signer-invalid", text, timedelta(days=1500)),
        ("code-expired", code, timedelta(minutes=5)),
        ("credential-not-yet-valid", text, timedelta(minutes=-3)),
        ("clock-skew", code, timedelta(minutes=-3)),
        ("code-already-used", code, timedelta(seconds=10)),
        ("code-needs-network", "YM1:ABCDEF", timedelta()),
    ]
    tiles = []
    with scanner.page({"width": TILE + 40, "height": 900}) as page:
        scan(page, code, "valid")
        for outcome, shown, later in cases:
            page.clock.set_fixed_time(now + later)
            scan(page, shown, outcome)
            tiles.append(tile(page))
        scanner.end_credentials()
        page.clock.set_fixed_time(datetime.now(UTC))
        scanner.open(page)
        scan(page, text, "credential-revoked")
        tiles.insert(3, tile(page))
    return montage(tiles)


def tile(page: Page) -> Image.Image:
    """The result as it stands."""
    return Image.open(io.BytesIO(page.locator("[data-outcome]").screenshot())).convert("RGB")


def montage(tiles: list[Image.Image]) -> bytes:
    """Two columns of results."""
    rows = [tiles[at : at + 2] for at in range(0, len(tiles), 2)]
    heights = [max(one.height for one in row) for row in rows]
    width = max(one.width for one in tiles)
    sheet = Image.new("RGB", (2 * width + 3 * GAP, sum(heights) + GAP * (len(rows) + 1)), "#f5f3ee")
    top = GAP
    for row, height in zip(rows, heights, strict=True):
        for column, one in enumerate(row):
            sheet.paste(one, (GAP + column * (width + GAP), top))
        top += height + GAP
    out = io.BytesIO()
    sheet.save(out, "PNG")
    return out.getvalue()


PICTURES = {
    "scanner-valid": valid,
    "scanner-offline": offline,
    "scanner-stale": stale,
    "resident-network-down": network_down,
    "scanner-refusals": refusals,
}
