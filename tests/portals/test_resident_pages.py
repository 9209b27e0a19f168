"""The resident's pages, as a browser without scripts gets them."""

from __future__ import annotations

import re

import httpx
import orjson
import pytest
import zxingcpp
from PIL import Image
from portal_place import Place, form_token

from yima import healthcode
from yima.runtime import clock, ids

PAGES = (
    "/resident/", "/resident/card", "/resident/record", "/resident/life", "/resident/timeline", "/resident/summary",
    "/resident/log", "/resident/choices", "/resident/help",
)  # fmt: skip


def decode(svg: str) -> tuple[str, str]:
    """Text and error level of a code drawn as SVG."""
    side = int(re.search(r'viewBox="0 0 (\d+)', svg)[1])  # type: ignore[index]
    image = Image.new("L", (side, side), 255)
    dark = svg.split('fill="#000"')[1]
    for x, y, run in re.findall(r"M(\d+) (\d+)h(\d+)", dark):
        image.paste(0, (int(x), int(y), int(x) + int(run), int(y) + 1))
    found = zxingcpp.read_barcodes(image.resize((side * 4, side * 4), Image.Resampling.NEAREST))
    return found[0].text, found[0].ec_level


@pytest.fixture
async def resident(place: Place) -> httpx.AsyncClient:
    """The resident with a rich record."""
    return await place.enter(place.browser(), "resident", place.full)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("ease", [False, True])
async def test_every_page_in_every_mode(place: Place, history: None, path: str, lang: str, ease: bool) -> None:
    browser = await place.enter(place.browser(lang=lang, ease=ease), "resident", place.full)
    answer = await browser.get(path)
    assert answer.status_code == 200
    assert f'lang="{"zh-CN" if lang == "zh" else "en"}"' in answer.text
    assert ('class="resident ease"' in answer.text) is ease
    assert answer.headers["cache-control"] == "no-store"
    assert "DEVELOPMENT SIGN-IN" in answer.text
    assert not re.search(r"<[^>]+\s(style|on\w+)=", answer.text), "inline style or handler"
    scripts = re.findall(r"<script(?![^>]*(?:src=|application/json))", answer.text)
    assert not scripts


@pytest.mark.parametrize("path", PAGES)
async def test_nothing_without_signing_in(place: Place, path: str) -> None:
    answer = await place.browser().get(path)
    assert answer.status_code == 401
    assert "sign-in-needed" in answer.text
    assert "请先登录" in answer.text


async def test_code_page_keeps_the_code_out_of_the_text(resident: httpx.AsyncClient) -> None:
    page = (await resident.get("/resident/")).text
    assert "YM1:" not in page.replace('"prefix":"YM1:"', "")
    assert "徐*" in page or re.search(r"data-masked=\"\S\*", page)
    assert re.search(r"\d{4} \d{4} \d{4} \d{4}", page)


async def test_drawing_for_browsers_without_scripts(place: Place, resident: httpx.AsyncClient) -> None:
    text, level = decode((await resident.get("/resident/code/now.svg")).text)
    assert level == "M"
    person, assurance = await healthcode.check(text, place.access.database, place.platform.keys, clock.now())
    assert (ids.person_text(person), assurance) == (place.full, "dynamic")


async def test_printed_card_identifies_only(resident: httpx.AsyncClient) -> None:
    text, level = decode((await resident.get("/resident/card.svg")).text)
    assert level == "Q"
    assert len(text) == len("YM1:") + 30
    assert "仅用于识别身份" in (await resident.get("/resident/card")).text


async def test_batch_for_the_phone(resident: httpx.AsyncClient) -> None:
    answer = await resident.get("/resident/code/batch")
    assert answer.headers["cache-control"] == "no-store"
    body = orjson.loads(answer.content)
    assert len(body["batch"]["slots"]) == 96
    embedded = re.search(r'id="batch">(.*?)</script>', (await resident.get("/resident/")).text)
    assert embedded
    assert orjson.loads(embedded[1])["number"] == body["number"]


async def test_record_page_shows_the_parts_of_the_national_home_page(resident: httpx.AsyncClient) -> None:
    page = (await resident.get("/resident/record")).text
    for heading in ("个人健康标识", "需要做的事", "个人基本健康信息", "卫生健康服务活动记录", "就医时间线"):
        assert heading in page
    assert "高血压" in page
    assert '<svg class="chart"' in page
    assert "参考范围" in page


async def test_empty_record(place: Place) -> None:
    """A person whose institution submitted only who they are."""
    person = await place.newcomer()
    browser = await place.enter(place.browser(), "resident", person)
    page = await browser.get("/resident/record")
    assert page.status_code == 200
    assert "档案还是空的" in page.text
    assert "1 家机构上报了新内容" in (await browser.get("/resident/log")).text


async def test_download(resident: httpx.AsyncClient) -> None:
    answer = await resident.get("/resident/record.json")
    body = orjson.loads(answer.content)
    assert answer.headers["content-type"] == "application/fhir+json"
    assert body["type"] == "collection"
    assert {"Patient", "Observation"} <= {entry["resource"]["resourceType"] for entry in body["entry"]}


async def test_log_in_sentences(place: Place, history: None, resident: httpx.AsyncClient) -> None:
    page = (await resident.get("/resident/log")).text
    assert "查看了您的档案" in page
    assert re.search(r"原因：\d\d:\d\d 在该院扫了您的健康码", page)
    assert "扫您的健康码，被拒绝" in page
    assert "同一个码已经用过一次" in page
    assert "紧急调阅了您的档案" in page
    assert "昏迷送入急诊" in page
    assert re.search(r"\d+ 家机构上报了新内容", page)
    english = await place.enter(place.browser(lang="en"), "resident", place.full)
    page = (await english.get("/resident/log")).text
    assert re.search(r"Because your code was scanned there at \d\d:\d\d", page)
    assert "added data" in page


async def test_log_pages_refuse_a_forged_mark(resident: httpx.AsyncClient) -> None:
    for wrong in ("yesterday", "2020-01-01T00:00:00", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"):
        assert (await resident.get("/resident/log", params={"before": wrong})).status_code == 422
    assert (await resident.get("/resident/log", params={"before": "2020-01-01T00:00:00+00:00"})).status_code == 200


async def test_a_choice_and_its_undo(place: Place, resident: httpx.AsyncClient) -> None:
    csrf = form_token((await resident.get("/resident/choices")).text)
    form = {"csrf": csrf, "class": "psychiatric", "permit": "yes"}
    answer = await resident.post("/resident/choices", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/resident/choices?changed=psychiatric")
    page = (await resident.get(answer.headers["location"])).text
    assert "已开放：精神心理" in page
    assert "撤销" in page
    await resident.post("/resident/choices", data={**form, "permit": "no"})
    assert "已关闭：精神心理" in (await resident.get("/resident/choices?changed=psychiatric")).text
    assert "您更改了" in (await resident.get("/resident/log")).text


async def test_stopping_everything_closes_the_rest(resident: httpx.AsyncClient) -> None:
    csrf = form_token((await resident.get("/resident/choices")).text)
    await resident.post("/resident/choices", data={"csrf": csrf, "class": "all", "permit": "no"})
    page = (await resident.get("/resident/choices")).text
    assert page.count("您已停止一切共享") == 3
    await resident.post("/resident/choices", data={"csrf": csrf, "class": "all", "permit": "yes"})


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({"class": "all", "permit": "no"}, 403, "csrf"),
        ({"csrf": "0" * 32, "class": "all", "permit": "no"}, 403, "csrf"),
        ({"csrf": "good", "class": "gender", "permit": "no"}, 422, "field-invalid"),
        ({"csrf": "good", "class": "all", "permit": "maybe"}, 422, "field-invalid"),
    ],
)
async def test_bad_forms(resident: httpx.AsyncClient, form: dict[str, str], status: int, code: str) -> None:
    if form.get("csrf") == "good":
        form = {**form, "csrf": form_token((await resident.get("/resident/choices")).text)}
    answer = await resident.post("/resident/choices", data=form)
    assert answer.status_code == status
    assert code in answer.text


async def test_forms_of_another_kind_and_size(resident: httpx.AsyncClient) -> None:
    assert (await resident.post("/resident/choices", json={"class": "all"})).status_code == 415
    assert (await resident.post("/resident/choices", data={"csrf": "x" * 20_000})).status_code == 413


async def test_signing_out_wipes_the_phone(resident: httpx.AsyncClient) -> None:
    csrf = form_token((await resident.get("/resident/help")).text)
    answer = await resident.post("/resident/sign-out", data={"csrf": csrf})
    assert answer.headers["clear-site-data"] == '"cache", "storage"'
    assert (await resident.get("/resident/")).status_code == 401


async def test_installable(place: Place) -> None:
    browser = place.browser()
    manifest = orjson.loads((await browser.get("/resident/manifest.webmanifest")).content)
    assert manifest["scope"] == "/resident/"
    worker = (await browser.get("/resident/worker.js")).text
    assert "__" not in worker.replace("__proto__", "")
    shell = await browser.get("/resident/offline")
    assert shell.status_code == 200
    assert "batch" not in shell.text
    for address in re.findall(r"/static/[\w./\-]+", worker):
        assert (await browser.get(address)).status_code == 200, address
