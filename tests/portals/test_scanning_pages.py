"""Scanning from the phone, numbers, uses, the kiosk's screen, the operator's card use: as a browser gets them."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest
from portal_place import Place, form_token

from yima import directory, healthcode
from yima.directory import Terminal
from yima.healthcode.counter import Counter
from yima.runtime import clock
from yima.runtime.civil import civil_day

KEY = {"kty": "EC", "crv": "P-256", "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"}
KEY |= {"y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}  # the public example key of RFC 7517, appendix A.1


@pytest.fixture(scope="module")
async def kiosk(place: Place) -> str:
    """A kiosk at the doctor's institution."""
    caller = await place.caller(place.doctor)
    async with place.access.database.transaction() as c:
        where = Terminal("SCREEN-1", "kiosk", "0300", "一楼大厅", "010101", "0101012")
        await directory.register_terminal(c, caller.institution, where, now=clock.now())
        await directory.add_terminal_key(c, "SCREEN-1", KEY)
    return "SCREEN-1"


@pytest.fixture(scope="module")
async def poster(place: Place) -> str:
    """The text of a counter's poster at the doctor's institution."""
    caller = await place.caller(place.doctor)
    made = Counter("", caller.institution, "0300", "N", "内科门诊", "Internal medicine", "二楼东")
    return (await place.access.counters.register(made, clock.now()))[1]


async def phone(place: Place, person: str, lang: str = "zh") -> httpx.AsyncClient:
    return await place.enter(place.browser(lang=lang), "resident", person)


async def send(browser: httpx.AsyncClient, path: str, **fields: str) -> httpx.Response:
    token = form_token((await browser.get("/resident/scan")).text)
    return await browser.post(path, data={"csrf": token, **fields})


async def asked(place: Place, kiosk: str) -> tuple[httpx.AsyncClient, str, str]:
    """A kiosk's screen with a question: its browser, the question's id and its text."""
    screen = await place.enter(place.browser(), "kiosk", kiosk)
    token = form_token((await screen.get("/kiosk/screen/")).text)
    page = (await screen.post("/kiosk/screen/ask", data={"csrf": token})).text
    text = re.search(r"YK1:\w{29}", page)
    session = re.search(r'data-asked="(\w+)"', page)
    assert text
    assert session
    assert "data:image/svg+xml" in page
    return screen, session[1], text[0]


async def test_a_kiosk_is_answered_from_the_phone(place: Place, kiosk: str) -> None:
    screen, session, text = await asked(place, kiosk)
    assert (await screen.get(f"/kiosk/screen/state/{session}")).json() == {"state": "waiting", "text": ""}
    browser = await phone(place, place.full)
    shown = await send(browser, "/resident/scan", code=f" {text.lower()} ")
    for said in ("一楼大厅", "当日挂号", "诊疗", kiosk, "会看到什么"):
        assert said in shown.text
    answered = await send(browser, "/resident/scan/answer", code=text, answer="yes")
    assert "已同意" in answered.text
    heard = (await screen.get(f"/kiosk/screen/state/{session}")).json()
    assert heard["state"] == "approved"
    assert "您好" in heard["text"]
    again = await send(browser, "/resident/scan/answer", code=text, answer="yes")
    assert again.status_code == 409
    assert "请再扫一次" in again.text
    assert "用过" in (await browser.get("/resident/uses")).text


async def test_a_no_leaves_the_screen_without_a_name(place: Place, kiosk: str) -> None:
    screen, session, text = await asked(place, kiosk)
    browser = await phone(place, place.sensitive, "en")
    assert "You said no" in (await send(browser, "/resident/scan/answer", code=text, answer="no")).text
    assert (await screen.get(f"/kiosk/screen/state/{session}")).json() == {"state": "refused", "text": ""}


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_what_is_no_sign_is_said_at_the_field(place: Place, lang: str) -> None:
    browser = await phone(place, place.full, lang)
    for text in ("", "hello", "https://example.org", "YM1:ABC", "YK1:" + "0" * 29, "YF1:" + "0" * 29):
        page = await send(browser, "/resident/scan", code=text)
        assert page.status_code in (400, 422), text
        assert 'role="alert"' in page.text
        assert "data-code-field" in page.text
    assert (await browser.post("/resident/scan", data={"code": "YK1:"})).status_code == 403


async def test_a_resident_shares_and_gets_a_number(place: Place, poster: str) -> None:
    browser = await phone(place, place.full)
    offer = (await send(browser, "/resident/scan", code=poster)).text
    assert "内科门诊" in offer
    assert 'name="phone"' in offer
    assert place.number not in offer
    sent = await send(browser, "/resident/scan/share", code=poster, phone="yes")
    assert sent.status_code == 303
    ticket = (await browser.get(sent.headers["location"])).text
    assert "N001" in ticket
    assert "下一个就是您" in ticket
    assert "、电话" in ticket
    assert "证件号" not in ticket
    again = await send(browser, "/resident/scan/share", code=poster)
    assert again.headers["location"] == sent.headers["location"], "two taps, one number"
    assert "N001" in (await browser.get("/resident/scan")).text
    stranger = await phone(place, place.sensitive)
    assert (await stranger.get(sent.headers["location"])).status_code == 404
    second = await send(stranger, "/resident/scan/share", code=poster)
    assert "前面还有 1 人" in (await stranger.get(second.headers["location"])).text


async def test_pages_need_their_own_session(place: Place, kiosk: str) -> None:
    nobody = place.browser()
    for path in ("/resident/scan", "/resident/uses", "/kiosk/screen/", "/kiosk/screen/state/x", "/operator/card-use"):
        assert (await nobody.get(path)).status_code == 401
    assert (await nobody.get("/kiosk")).headers["location"] == "/kiosk/screen/"
    await directory.set_terminal_status(place.access.database, kiosk, "suspended")
    screen = await place.enter(place.browser(), "kiosk", kiosk)
    assert (await screen.get("/kiosk/screen/")).status_code == 403
    await directory.set_terminal_status(place.access.database, kiosk, "active")
    token = form_token((await screen.get("/kiosk/screen/")).text)
    await screen.post("/kiosk/screen/sign-out", data={"csrf": token})
    assert (await screen.get("/kiosk/screen/")).status_code == 401


async def test_the_operator_sees_numbers_and_no_person(place: Place, kiosk: str) -> None:
    caller = await place.caller(place.doctor)
    for _ in range(healthcode.SMALL):
        _, _, text = await asked(place, kiosk)
        await send(await phone(place, await place.newcomer()), "/resident/scan/answer", code=text, answer="yes")
    now = clock.now()
    async with place.access.database.transaction() as c:
        await healthcode.count_day(c, civil_day(now), now + timedelta(days=2))
    operator = await place.enter(place.browser(), "operator", "operator")
    page = (await operator.get(f"/operator/card-use?days=30&institution={caller.institution}")).text
    assert "100 %" in page
    assert "当日挂号" not in page, "counted by step"
    assert "挂号" in page
    for person in (place.full, place.sensitive):
        assert person not in page
    for wrong in ("x", "999999", "-1", "1" * 12):
        assert (await operator.get(f"/operator/card-use?institution={wrong}")).status_code == 404
