"""The operator's page of coverage: areas open into smaller ones, few people are not told of, and the same as JSON."""

from __future__ import annotations

import httpx
import pytest

from support import BASE, Platform
from yima import directory, mpi
from yima.runtime import clock

CELLS = [
    mpi.Coverage("600102", "male", 18, 1_203, 101, 700, 60),
    mpi.Coverage("600102", "female", 60, 1_100, 0, 600, 0),
    mpi.Coverage("600121", "female", 0, 4, 4, 4, 4),
    mpi.Coverage("610101", "unknown", mpi.UNKNOWN_AGE, 40, 40, 40, 40),
    mpi.Coverage("", "male", 80, 25, 12, 0, 0),
]


@pytest.fixture(scope="module")
async def counted(platform: Platform) -> Platform:
    async with platform.database.transaction() as c:
        await mpi.keep_coverage(c, CELLS, clock.now())
        await directory.register_operator(c, directory.Operator("op-1", "运营", "Operator", frozenset()))
    return platform


async def operator(platform: Platform, lang: str) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=platform.app)
    browser = httpx.AsyncClient(transport=transport, base_url=BASE, cookies={"yima_lang": lang})
    assert (await browser.get(f"/dev/sign-in/{platform.access.callers.ticket('operator', 'op-1')}")).status_code == 303
    return browser


async def test_areas_open_into_smaller_ones_in_both_languages(counted: Platform) -> None:
    browser = await operator(counted, "en")
    top = (await browser.get("/operator/coverage")).text
    assert 'href="?area=60"' in top
    assert "Area unknown" in top
    assert "2,310" in top, "1203 + 1100 + 4, to the nearest ten"
    city = (await browser.get("/operator/coverage?area=6001")).text
    assert "few" in city
    assert 'href="?area=600121"' not in city, "a county is the smallest"
    chinese = (await (await operator(counted, "zh")).get("/operator/coverage?area=60")).text
    assert "18–44 岁" in chinese
    assert 'href="?area=6001"' in chinese


async def test_the_same_as_json_and_for_operators_only(counted: Platform) -> None:
    browser = await operator(counted, "en")
    said = (await browser.get("/operator/coverage?area=6001&format=json")).json()
    assert [(one["key"], one["persons"], one["no_card"]) for one in said["by_area"]] == [
        ("600102", 2300, 100), ("600121", None, None)
    ]  # fmt: skip
    assert (await browser.get("/operator/coverage?area=x")).status_code == 422
    stranger = httpx.AsyncClient(transport=httpx.ASGITransport(app=counted.app), base_url=BASE)
    answer = await stranger.get("/operator/coverage?format=json")
    assert answer.status_code in (303, 401)
    assert "persons" not in answer.text
