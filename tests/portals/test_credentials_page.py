"""The resident's page of offline credentials: what was issued, and ending one in two taps."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx
import pytest
from portal_place import Place, form_token

from yima.healthcode import trust
from yima.runtime import clock, ids

PAGE = "/resident/credentials"
PROOFED = trust.Proofing("resident", "platform", "sign-in", "substantial")


@pytest.fixture
async def resident(place: Place) -> httpx.AsyncClient:
    """The resident with a rich record."""
    return await place.enter(place.browser(), "resident", place.full)


async def issue(place: Place, text: str, kind: trust.CredentialKind, use: str = "identity") -> trust.StatusRef:
    """A credential for that person."""
    now, person = clock.now(), ids.person_from_text(text) or 0
    async with place.access.database.transaction() as c:
        signer = await trust.signer(c, place.platform.keys, "ES256", "shc" if use == "shc" else "identity", now)
        return await trust.allot(c, person, kind, signer.key_id, now + timedelta(days=30), PROOFED, now)


async def test_nothing_yet(place: Place, resident: httpx.AsyncClient) -> None:
    page = await resident.get(PAGE)
    assert page.status_code == 200
    assert "您没有有效的离线凭证" in page.text
    assert PAGE in (await resident.get("/resident/card")).text


async def test_two_taps_end_a_credential(place: Place, resident: httpx.AsyncClient) -> None:
    ref, kept = await issue(place, place.full, "emergency"), await issue(place, place.full, "shc", "shc")
    page = (await resident.get(PAGE)).text
    assert page.count("急救卡") == 1
    assert "国际健康卡" in page
    fields = {"csrf": form_token(page), "credential": f"{ref.list}-{ref.index}"}
    answer = await resident.post(PAGE, data=fields)
    assert answer.status_code == 303
    after = (await resident.get(answer.headers["location"])).text
    assert "急救卡已作废。" in after
    assert f'value="{kept.list}-{kept.index}"' in after
    held = await trust.credentials_of(place.access.database, ids.person_from_text(place.full) or 0, clock.now())
    assert {one.ref: one.revoked is not None for one in held} == {ref: True, kept: False}
    again = await resident.post(PAGE, data=fields)
    assert (again.status_code, "not-found" in again.text) == (404, True)
    assert "作废了一份离线凭证" in (await resident.get("/resident/log")).text


@pytest.mark.parametrize(
    ("value", "status"), [("", 422), ("1", 422), ("1-x", 422), ("1-2-3", 422), ("９-9", 422), ("9-9", 404)]
)
async def test_what_is_refused(place: Place, resident: httpx.AsyncClient, value: str, status: int) -> None:
    token = form_token((await resident.get("/resident/choices")).text)
    answer = await resident.post(PAGE, data={"csrf": token, "credential": value})
    assert answer.status_code == status


async def test_nobody_ends_what_is_anothers(place: Place, resident: httpx.AsyncClient) -> None:
    ref = await issue(place, place.sensitive, "identity")
    token = form_token((await resident.get("/resident/choices")).text)
    fields = {"csrf": token, "credential": f"{ref.list}-{ref.index}"}
    assert (await resident.post(PAGE, data=fields)).status_code == 404
    assert (await resident.post(PAGE, data=fields | {"csrf": "0"})).status_code == 403


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("ease", [False, True])
async def test_in_every_mode(place: Place, lang: str, ease: bool) -> None:
    await issue(place, place.full, "identity")
    browser = await place.enter(place.browser(lang=lang, ease=ease), "resident", place.full)
    page = await browser.get(PAGE)
    assert page.status_code == 200
    assert ("作废这份凭证" if lang == "zh" else "End this credential") in page.text
    assert not re.search(r"<[^>]+\s(style|on\w+)=", page.text)
