"""The front page, development sign-in, static files, headers, error pages, and the operator's page."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from portal_place import Place

from yima.portals.layout import assets, line_chart, rate_chart
from yima.portals.layout.dates import day, heading_day, moment
from yima.portals.operator.view import every_minute
from yima.portals.resident.view import masked


async def operator(place: Place, lang: str = "zh") -> httpx.AsyncClient:
    """An operator's browser."""
    return await place.enter(place.browser(lang=lang), "operator", "operator")


async def test_front_page_and_headers(place: Place) -> None:
    answer = await place.browser().get("/")
    assert answer.status_code == 200
    for role in ("resident", "clinician", "operator"):
        assert f'href="/{role}/"' in answer.text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "camera=(self)" in answer.headers["permissions-policy"]


async def test_the_language_chosen_is_remembered(place: Place) -> None:
    browser = place.browser()
    browser.cookies.clear()
    assert "One code" in (await browser.get("/", headers={"accept-language": "en-GB,zh;q=0.5"})).text
    assert "每位居民" in (await browser.get("/", headers={"accept-language": "fr"})).text
    await browser.get("/?lang=en")
    assert "One code" in (await browser.get("/")).text
    assert "One code" in (await browser.get("/?lang=xx")).text


async def test_sign_in_sets_a_cookie_for_its_own_door_only(place: Place) -> None:
    browser = place.browser()
    answer = await browser.get(f"/dev/sign-in/{place.access.callers.ticket('resident', place.full)}")
    assert answer.headers["location"] == "/resident/"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "Path=/resident" in cookie
    assert "samesite=lax" in cookie.lower()
    assert (await browser.get("/clinician/")).status_code == 401
    assert (await browser.get("/dev/sign-in/forged.ticket")).status_code == 401


async def test_static_files_are_kept_for_ever_only_under_their_hash(place: Place) -> None:
    browser = place.browser()
    address = assets().url("css/base.css")
    answer = await browser.get(address)
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    old = await browser.get(address.replace(assets().version, "000000000000"))
    assert (old.status_code, old.headers["cache-control"]) == (200, "no-cache")
    for name in ("../layout/session.py", "css/../../front.py", "nothing.js"):
        assert (await browser.get(f"/static/{assets().version}/{name}")).status_code == 404


async def test_every_import_of_every_module_is_there() -> None:
    tree = assets()
    for name, body in tree.bodies.items():
        if name.endswith((".js", ".mjs")) and not name.startswith("vendor/jsqr"):
            for target in re.findall(r"""(?:from|import\()\s*["'](\.[^"']+)["']""", body.decode()):
                folder = name.split("/")[:-1]
                for part in target.split("/"):
                    folder = folder[:-1] if part == ".." else folder if part == "." else [*folder, part]
                assert "/".join(folder) in tree.bodies, (name, target)


@pytest.mark.parametrize("path", ["/resident/nothing", "/clinician/nothing", "/operator/nothing"])
@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_lost_pages(place: Place, path: str, lang: str) -> None:
    answer = await place.browser(lang=lang).get(path)
    assert answer.status_code == 404
    assert "not-found" in answer.text
    assert answer.headers["x-request-id"] in answer.text


async def test_operator_page(place: Place) -> None:
    page = (await (await operator(place)).get("/operator/")).text
    assert "数据上报" in page
    assert "yima-load" in page
    assert place.number not in page
    part = await (await operator(place)).get("/operator/?part=live")
    assert "<html" not in part.text
    assert "按机构" in part.text


async def test_operator_filters(place: Place) -> None:
    browser = await operator(place, "en")
    everything = (await browser.get("/operator/")).text
    narrowed = (await browser.get("/operator/", params={"find": "no such place"})).text
    assert "Nothing matches the filter" in narrowed
    assert "Nothing matches the filter" not in everything
    hospital = await place.platform.institution("Z")
    await hospital.call("POST", "/fhir/Patient", {"resourceType": "Patient", "gender": "purple"})
    refused = (await browser.get("/operator/", params={"only": "refused"})).text
    assert 'class="refused"' in refused
    assert 'class="ok"' not in refused.split("Recent submissions")[1]


def test_dates_in_the_habit_of_the_reader() -> None:
    at = datetime(2026, 11, 1, 2, 42, tzinfo=UTC)
    assert moment(at, "zh") == "2026年11月1日 10:42"
    assert moment(at, "en") == "1 Nov 2026, 10:42"
    assert [day(text, "en") for text in ("2019", "2019-05", "2019-05-07", "", "soon", None)] == [
        "2019",
        "May 2019",
        "7 May 2019",
        "",
        "",
        "",
    ]
    assert day("2019-05", "zh") == "2019年5月"
    today = at.date()
    assert heading_day(today, today, "zh") == "今天 · 2026年11月1日"
    assert heading_day(today - timedelta(days=3), today, "en") == "Thu · 29 Oct 2026"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("张伟", "张*"),
        ("徐海东", "徐*东"),
        ("阿依古丽·买买提江", "阿****江"),
        ("KELLER Jonas", "K**** J****"),
        ("", ""),
        ("李", "李*"),
    ],
)
def test_masked_names(name: str, shown: str) -> None:
    assert masked(name) == shown


def test_chart_geometry() -> None:
    assert line_chart([]) is None
    chart = line_chart([("x", [("2026-01-01", 5.0), ("2026-02-01", 9.0)], 4.0, 6.0)])
    assert chart is not None
    first, last = chart.series[0].dots
    assert (first.out, last.out) == (False, True)
    assert first.x < last.x
    assert first.y > last.y
    flat = line_chart([("x", [("2026-01-01", 0.0), ("2026-02-01", 0.0)], None, None)])
    assert flat is not None
    assert 3 <= len(flat.ticks) <= 6


def test_quiet_minutes_are_drawn_too() -> None:
    now = datetime(2026, 11, 1, 10, 42, 30, tzinfo=UTC)
    minutes = every_minute((("2026-11-01T10:40:00+00:00", 7, 1),), now)
    assert len(minutes) == 60
    assert minutes[-3][1:] == (7, 1)
    bars, top = rate_chart(minutes)
    assert (len(bars), top) == (60, 8)
