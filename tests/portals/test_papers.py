"""The resident's page for offline credentials: what each is, a choice where one is due, and a code that reads."""

from __future__ import annotations

import re
from typing import Any

import pytest

from support import Institution, Platform, visit_bundle
from yima.runtime import clock, ids

ADDRESS = "/resident/papers"


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


@pytest.fixture(scope="module")
async def cookie(platform: Platform, hospital: Institution) -> dict[str, str]:
    person = platform.person_of((await hospital.submit(visit_bundle("a")))[0])
    return {
        "cookie": f"yima_resident={platform.access.callers.session('resident', ids.person_text(person), clock.now())}"
    }


async def posted(platform: Platform, cookie: dict[str, str], **form: str) -> Any:
    shown = (await platform.client.get(ADDRESS, headers=cookie)).text
    token = re.search(r'name="csrf" value="([^"]+)"', shown)
    assert token
    return await platform.client.post(ADDRESS, headers=cookie, data={"csrf": token[1], **form})


@pytest.mark.parametrize("kind", ["identity", "emergency", "shc"])
async def test_each_is_made_and_shown_once(platform: Platform, cookie: dict[str, str], kind: str) -> None:
    answer = await posted(platform, cookie, kind=kind, chosen="yes")
    assert answer.status_code == 200, answer.text[:800]
    assert answer.headers["cache-control"] == "no-store"
    assert "<svg" in answer.text
    assert "HC1:" not in answer.text, "the code is drawn, not written"


@pytest.mark.parametrize(("form", "status"), [({"kind": "emergency"}, 409), ({"kind": "passport"}, 422), ({}, 422)])
async def test_what_is_refused(platform: Platform, cookie: dict[str, str], form: dict[str, str], status: int) -> None:
    assert (await posted(platform, cookie, **form)).status_code == status


async def test_nobody_makes_one_from_elsewhere(platform: Platform, cookie: dict[str, str]) -> None:
    answer = await platform.client.post(ADDRESS, headers=cookie, data={"kind": "identity", "csrf": "x"})
    assert answer.status_code == 403
