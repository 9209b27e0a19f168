"""The clinician's desk: scanning, refusals, printed codes, emergency access, what stays closed."""

from __future__ import annotations

import re

import httpx
import pytest
from portal_place import Place, form_token

from yima.runtime import clock

REASON = "昏迷送入急诊，需要过敏史和用药史"


async def desk(place: Place, *, lang: str = "zh", script: bool = False) -> httpx.AsyncClient:
    """A clinician's browser, signed in."""
    return await place.enter(place.browser(lang=lang, script=script), "clinician", place.doctor)


async def scan(place: Place, browser: httpx.AsyncClient, code: str, terminal: str | None = None) -> httpx.Response:
    """Scan a text at the desk."""
    page = (await browser.get("/clinician/")).text
    chosen = terminal if terminal is not None else await place.terminal(place.doctor)
    form = {"csrf": form_token(page), "code": code, "terminal": chosen, "step": "010101"}
    return await browser.post("/clinician/scan", data=form)


async def test_a_phone_code_opens_the_record(place: Place) -> None:
    browser = await desk(place)
    answer = await scan(place, browser, await place.code(place.full))
    assert answer.status_code == 303
    page = await browser.get(answer.headers["location"])
    assert page.status_code == 200
    for words in ("诊断与问题", "高血压", "最近结果", "就诊时间线", "本人已扫码", "居民本人的动态健康码在本机构被扫描"):
        assert words in page.text
    assert 'class="identity-name"' in page.text


async def test_terminal_and_step_are_remembered(place: Place) -> None:
    browser = await desk(place)
    terminals = await place.access.my_terminals(await place.caller(place.doctor))
    other = terminals[-1].terminal_id
    await scan(place, browser, await place.code(place.full), terminal=other)
    page = (await browser.get("/clinician/")).text
    assert f'<option value="{other}" selected>' in page
    assert '<option value="010101" selected>' in page


async def test_a_scan_by_the_module_answers_with_the_place_to_go(place: Place) -> None:
    browser = await desk(place, script=True)
    answer = await scan(place, browser, await place.code(place.full))
    assert answer.json()["go"].startswith("/clinician/visit/")
    refused = (await scan(place, browser, "https://example.org/")).json()
    assert refused["refused"] is True
    assert "这不是一码健康码" in refused["html"]
    assert "<html" not in refused["html"]


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("hello", 400, "code-unreadable"),
        ("", 400, "code-unreadable"),
        ("<script>alert(1)</script>", 400, "code-unreadable"),
    ],
)
async def test_refusals_in_both_languages(place: Place, lang: str, text: str, status: int, code: str) -> None:
    answer = await scan(place, await desk(place, lang=lang), text)
    assert (answer.status_code, code in answer.text) == (status, True)
    assert "这不是一码健康码" in answer.text
    assert "This is not a Yima health code" in answer.text
    assert "alert(1)" not in answer.text
    assert "autofocus" in answer.text


async def test_an_unknown_terminal(place: Place) -> None:
    answer = await scan(place, await desk(place), await place.code(place.full), terminal="nowhere")
    assert answer.status_code == 403
    assert "terminal-unknown" in answer.text


async def test_a_printed_code_identifies_and_no_more(place: Place) -> None:
    answer = await scan(place, await desk(place), await place.printed(place.full))
    assert answer.status_code == 200
    assert "仅识别身份" in answer.text
    assert 'class="identity-name"' in answer.text
    assert "高血压" not in answer.text
    assert "/clinician/emergency/open" in answer.text


async def test_closed_classes_are_named_without_content(place: Place) -> None:
    browser = await desk(place)
    answer = await scan(place, browser, await place.code(place.sensitive))
    page = (await browser.get(answer.headers["location"])).text
    assert re.search(r"未显示：.*精神心理", page, re.DOTALL)
    assert "精神分裂症" not in page


async def test_nothing_without_a_visit(place: Place) -> None:
    browser = await desk(place)
    assert (await browser.get("/clinician/visit/nonsense")).status_code == 403
    answer = await scan(place, browser, await place.code(place.full))
    stranger = await place.enter(place.browser(), "clinician", place.other_doctor)
    refused = await stranger.get(answer.headers["location"])
    assert refused.status_code == 403
    assert "请先扫描居民手机上的健康码" in refused.text


async def test_emergency_by_document_number(place: Place) -> None:
    browser = await desk(place)
    token = form_token((await browser.get("/clinician/emergency")).text)
    form = {"csrf": token, "system": "urn:oid:2.16.156.10011.1.3", "value": place.number}
    found = await browser.post("/clinician/emergency", data=form)
    assert found.status_code == 200
    person = re.search(r'name="person" value="([^"]+)"', found.text)
    assert person
    assert person[1] == place.full
    assert place.number not in found.text
    opening = {"csrf": token, "person": place.full, "terminal": await place.terminal(place.doctor)}
    opening |= {"ground": "unconscious"}
    short = await browser.post("/clinician/emergency/open", data={**opening, "reason": "急", "name": "徐海东"})
    assert short.status_code == 422
    assert ">急</textarea>" in short.text
    assert 'aria-invalid="true"' in short.text
    assert re.search(r'value="unconscious" required checked', short.text), "what was chosen is kept"
    none = await browser.post("/clinician/emergency/open", data={**opening, "reason": REASON, "ground": ""})
    assert none.status_code == 422
    assert f">{REASON}</textarea>" in none.text
    opened = await browser.post("/clinician/emergency/open", data={**opening, "reason": REASON})
    assert opened.status_code == 303
    address = opened.headers["location"]
    page = (await browser.get(address)).text
    assert "只打开了急救信息" in page
    assert 'id="timeline"' not in page
    handle = address.rpartition("/")[2]
    assert (await browser.get(f"/clinician/visit/{handle}")).headers["location"] == address
    assert (await browser.get(f"/clinician/visit/{handle}/timeline")).status_code == 403
    wider = {"csrf": token, "ground": "procedure-ahead", "reason": "好"}
    assert (await browser.post(address, data=wider)).status_code == 422
    whole = await browser.post(address, data=wider | {"reason": "准备急诊手术，需要麻醉史"})
    assert whole.status_code == 303
    page = (await browser.get(whole.headers["location"])).text
    assert "紧急调阅中" in page
    assert 'id="timeline"' in page
    resident = await place.enter(place.browser(), "resident", place.full)
    assert REASON in (await resident.get("/resident/log")).text
    assert REASON in (await resident.get("/resident/")).text


async def test_nobody_found_keeps_what_was_typed(place: Place) -> None:
    browser = await desk(place)
    token = form_token((await browser.get("/clinician/emergency")).text)
    form = {"csrf": token, "system": "urn:yima:id:passport", "value": "X0000000"}
    answer = await browser.post("/clinician/emergency", data=form)
    assert answer.status_code == 404
    assert 'value="X0000000"' in answer.text
    assert "没有找到" in answer.text


@pytest.mark.parametrize(
    "path", ["/clinician/scan", "/clinician/emergency", "/clinician/emergency/open", "/clinician/sign-out"]
)
async def test_forms_need_their_token(place: Place, path: str) -> None:
    answer = await (await desk(place)).post(path, data={"csrf": "forged"})
    assert answer.status_code == 403
    assert "csrf" in answer.text


async def test_a_resident_session_is_no_clinician_session(place: Place) -> None:
    browser = place.browser()
    cookie = place.access.callers.session("resident", place.full, clock.now())
    browser.cookies.set("yima_clinician", cookie)
    assert (await browser.get("/clinician/")).status_code == 401
