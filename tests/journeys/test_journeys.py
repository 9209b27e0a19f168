"""What people do with Yima, end to end: a real `yima demo`, real Chromium, codes read from the screen."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from journey_city import City, Desk
from playwright.sync_api import expect, sync_playwright

from yima import healthcode
from yima.runtime import clock, ids, postgres
from yima.runtime.keys import FileKeyStore

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
REASON = "昏迷送入急诊，无人陪同，需要过敏史"
REFUSALS = {
    "code-already-used": ("该码已使用过", "The code was already used"),
    "code-expired": ("健康码或凭证已过期", "The code or credential has expired"),
    "code-issuer-unknown": ("该码由其他平台签发", "The code comes from another deployment"),
}

WHY_NOT = "YIMA_BROWSER=0" if os.environ.get("YIMA_BROWSER") == "0" else "" if CHROMIUM else "no chromium here"
if WHY_NOT:
    warnings.warn(f"JOURNEYS NOT RUN: {WHY_NOT}", stacklevel=1)  # a quiet "s" among dots would not be seen

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.skipif(bool(WHY_NOT), reason=f"JOURNEYS NOT RUN: {WHY_NOT}"),
]


@pytest.fixture(scope="module")
def running() -> Iterator[City]:
    """The city, loaded once and started twice."""
    data = Path(tempfile.mkdtemp(prefix="yima-journey-"))
    data.chmod(0o711)  # as root PostgreSQL runs under another account, which must get through to its own files
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        city = City.begin(data, browser)
        yield city
        browser.close()
        city.demo.stop()
    postgres.remove(data)
    shutil.rmtree(data)


@pytest.fixture
def city(running: City) -> Iterator[City]:
    """The city, with nobody's browser open yet."""
    yield running
    running.close_browsers()


def submissions(words: str) -> int:
    """The number of submissions on the operator's page."""
    found = re.search(r"上报\s+([\d,]+)", words)
    assert found
    return int(found[1].replace(",", ""))


def test_a_second_start_finds_the_same_city(city: City) -> None:
    print(f"\nfirst start {city.first_seconds:.1f} s, second start on the same data {city.second_seconds:.1f} s")  # noqa: T201  asked for
    assert city.told == city.told_first
    words = city.operator().locator(".totals").inner_text()
    assert submissions(words) > 400


def test_submitted_scanned_shared_and_seen_on_the_log(city: City) -> None:
    hospital, resident = city.institution(2), city.resident("hypertension")
    operator = city.operator()
    before = submissions(operator.locator(".totals").inner_text())

    # An institution submits, and the platform knows whose it is.
    assert city.submit(hospital, resident, glucose=23.7) == ["201 Created"] * 3

    # The resident holds out the phone; the clinician of another institution scans what is on its screen.
    phone, desk = city.phone(resident), city.desk(0)
    expect(desk.page.locator("#code")).to_be_focused()
    desk.scan(phone.shows())

    # One page says who this is, what is dangerous, what is known, and what was submitted a moment ago.
    record = desk.sees_record()
    assert desk.page.locator(".identity-name").inner_text().startswith(resident["name"])
    assert "花生" in desk.page.locator(".alert-cell.serious").inner_text()
    assert "高血压" in desk.page.locator("#problems").inner_text()
    assert "23.7" in desk.page.locator("#results").inner_text()
    assert hospital["name"] in record

    # And why the clinician may see it.
    desk.page.click(".why-box summary")
    why = desk.page.locator(".why-sheet").inner_text()
    assert "居民本人的动态健康码在本机构被扫描" in why
    assert "居民可见" in why

    # The resident reads who looked, where and why; the phone's code page says where the code was used.
    seen = phone.open("log").reads("main")
    line = phone.reads(".log-card.people")
    assert desk.who["institution"] in line
    assert desk.who["name"] in line
    assert re.search(r"原因：.*在该院扫了您的健康码", line)
    assert hospital["name"] not in line
    assert "上报" in seen

    # The operator's page counted the submission.
    counted = re.compile(rf"上报\s*{before + 1:,}(?!\d)")
    expect(operator.locator(".totals")).to_contain_text(counted, timeout=12_000)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_replayed_expired_and_foreign_codes_are_refused_in_their_own_words(
    city: City, lang: str, tmp_path: Path
) -> None:
    resident = city.resident({"zh": "cataract", "en": "copd"}[lang])  # a code counts once, so each language has its own
    person, now = ids.person_from_text(resident["person"]) or 0, clock.now()
    keys = FileKeyStore(city.demo.data / "keys.json")
    phone = city.phone(resident)
    shown = phone.shows()
    city.desk(0).scan(shown).sees_record()

    second = city.desk(1, lang=lang)
    codes = {
        "code-already-used": shown,
        "code-expired": healthcode.dynamic_text(keys, "INTL", person, now - timedelta(minutes=5)),
        "code-issuer-unknown": healthcode.dynamic_text(FileKeyStore(tmp_path / "k.json"), "INTL", person, now),
    }
    for code, text in codes.items():
        second.page.goto(f"{city.told['base_url']}/clinician/")
        words = second.scan(text).is_refused()
        chinese, english = REFUSALS[code]
        assert code in words
        assert (
            words.index(chinese) < words.index(english) if lang == "zh" else words.index(english) < words.index(chinese)
        )
        assert resident["name"] not in words

    # The holder is told, on the code page and on the log, that somebody tried the same code a second time.
    place = second.who["institution"]
    notice = phone.open("").reads("a.notice")
    assert place in notice
    assert "已被拒绝" in notice
    refused = phone.open("log").page.locator(".log-card.denied").all_inner_texts()
    assert any(place in card and "同一个码已经用过一次" in card for card in refused)


def test_a_sensitive_class_is_named_not_shown_until_the_resident_opens_it(city: City) -> None:
    resident = city.resident("psychiatric")
    phone, desk = city.phone(resident), city.desk(0)
    record = desk.scan(phone.shows()).sees_record()
    assert re.search(r"未显示：\s*精神心理", record)
    assert "精神分裂症" not in record

    phone.tap('.tabs a[href="/resident/choices"]')
    phone.tap("#c-psychiatric summary")
    phone.tap("#c-psychiatric button[type=submit]")
    expect(phone.page.locator(".notice.ok")).to_contain_text("已开放：精神心理")
    assert phone.taps <= 3

    desk.page.reload()
    record = desk.sees_record()
    assert "精神分裂症" in record
    assert "未显示：" not in record
    assert "居民开放了“精神心理”" in desk.page.locator(".why-sheet").text_content()  # type: ignore[operator]


def test_a_printed_code_identifies_and_an_emergency_is_told_to_the_resident(city: City) -> None:
    resident, desk = city.resident("without-phone"), city.desk(7)
    desk.scan(resident["static_code"])
    found = desk.page.locator("[data-outcome=identified]")
    expect(found).to_contain_text(resident["name"])
    expect(found).to_contain_text("仅识别身份")
    assert "高血压" not in desk.page.locator("main").inner_text()

    desk.page.click("details.glass > summary")
    desk.page.check("input[name=ground][value=unconscious]")
    desk.page.fill("#reason", REASON)
    desk.page.click(".glass-form button")
    expect(desk.page.locator(".glass-bar")).to_contain_text("只打开了急救信息")
    assert "高血压" in desk.page.locator("main").inner_text()
    desk.page.check("input[name=ground][value=cause-unclear]")
    desk.page.fill("#whole-reason", "病因不明，需要既往检查结果")
    desk.page.click("#whole button")
    assert "高血压" in desk.sees_record()
    expect(desk.page.locator(".glass-bar")).to_contain_text("紧急调阅中")

    phone = city.phone(resident).open("log")
    assert REASON in phone.reads(".notice.alert")
    highlighted = phone.reads(".log-card.emergency")
    assert desk.who["institution"] in highlighted
    assert "紧急调阅" in highlighted
    assert REASON in highlighted


def test_a_phone_without_network_still_shows_a_code_that_counts(city: City) -> None:
    resident = city.resident("breast-cancer")
    phone = city.phone(resident)
    phone.shows()
    phone.page.evaluate("navigator.serviceWorker.ready.then(() => undefined)")
    phone.page.wait_for_function("navigator.serviceWorker.controller !== null")
    phone.page.wait_for_function("caches.match('/resident/offline', {ignoreVary: true}).then((kept) => Boolean(kept))")

    phone.page.context.set_offline(True)
    phone.page.reload()
    expect(phone.page.locator(".away-bar")).to_contain_text("当前没有网络")
    assert "乳腺" in city.desk(0).scan(phone.shows()).sees_record()


def focus_is_visible(desk: Desk) -> bool:
    """Whether what has the focus is drawn with an outline."""
    return bool(desk.page.evaluate("parseFloat(getComputedStyle(document.activeElement).outlineWidth) >= 2"))


def test_the_desk_needs_no_mouse(city: City) -> None:
    desk, phone = city.desk(1), city.phone(city.resident("colon-cancer"))
    expect(desk.page.locator("#code")).to_be_focused()
    assert focus_is_visible(desk)
    assert "肠" in desk.scan(phone.shows()).sees_record()

    # On a record too, the scanner is heard wherever the focus is, and one on the air that leaves gaps between letters.
    next_one = city.resident("mother-of-newborn")
    desk.scan(city.phone(next_one).shows(), gap=100)
    expect(desk.page.locator(".identity-name")).to_contain_text(next_one["name"])

    # Tab: over the skip link to the brand, which leads back to the waiting field.
    reached: list[str] = []
    while "brand" not in reached and len(reached) < 4:
        desk.page.keyboard.press("Tab")
        assert focus_is_visible(desk)
        reached.append(desk.page.evaluate("document.activeElement.className"))
    assert reached[0] == "skip"
    desk.page.keyboard.press("Enter")
    expect(desk.page.locator("#code")).to_be_focused()
    expect(desk.page.locator("[data-recent] a")).to_have_count(2)


def test_language_and_large_text_are_remembered(city: City) -> None:
    desk, phone = city.desk(2), city.phone(city.resident("mother-of-twins"))
    desk.page.click(".desk-tools a[lang=en]")
    desk.page.goto(f"{city.told['base_url']}/clinician/emergency")
    expect(desk.page.locator("h1")).to_have_text("Emergency access")

    phone.tap("a[href='?ease=on']")
    expect(phone.page.locator("html.ease")).to_be_attached()
    for path in ("", "record", "log", "choices", "help"):
        phone.open(path)
        assert float(phone.page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)")) >= 24
        assert phone.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    assert len(phone.open("").shows()) > 40
