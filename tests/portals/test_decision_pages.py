"""Finer decisions and single lines of the log, as a browser without scripts gets them."""

from __future__ import annotations

import re

import httpx
import pytest
from portal_place import Place, form_token

from yima.audit.proof import paper
from yima.runtime import clock, ids


@pytest.fixture
async def resident(place: Place, history: None) -> httpx.AsyncClient:
    return await place.enter(place.browser(lang="en"), "resident", place.full)


async def seen_by_doctor(place: Place, text: str) -> bool:
    """Whether the doctor of a new visit is shown this."""
    doctor = await place.enter(place.browser(lang="en"), "clinician", place.doctor)
    page = (await doctor.get("/clinician/")).text
    fields = {"csrf": form_token(page), "code": await place.code(place.full), "step": "010102",
              "terminal": await place.terminal(place.doctor)}  # fmt: skip
    answer = await doctor.post("/clinician/scan", data=fields)
    return text in (await doctor.get(answer.headers["location"])).text


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_pages_in_both_languages(place: Place, history: None, lang: str) -> None:
    browser = await place.enter(place.browser(lang=lang), "resident", place.full)
    for path in ("/resident/decisions", "/resident/decisions/text/2026-11"):
        answer = await browser.get(path)
        assert answer.status_code == 200, path
        assert "[[" not in answer.text
    assert (await browser.get("/resident/decisions/text/1999-01")).status_code == 404
    assert (await browser.get("/resident/decisions/item?item=Observation/none")).status_code == 404
    assert (await place.browser().get("/resident/decisions")).status_code == 401


async def test_an_item_is_held_back_in_three_taps(place: Place, resident: httpx.AsyncClient) -> None:
    record = (await resident.get("/resident/record")).text
    link = re.search(r'href="(/resident/decisions/item\?item=[^"]+)"', record)
    assert link, "the first tap stands beside the entry"
    page = (await resident.get(link[1])).text
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    done = await resident.post("/resident/decisions", data=fields | {"csrf": form_token(page)})
    assert done.status_code == 303
    shown = (await resident.get(done.headers["location"])).text
    title = re.search(r'<h2 class="h3">([^<]+)</h2>', page)
    assert title
    assert title[1] in shown
    held = await place.access.choices.of_mine(
        (
            await place.access.callers.caller(
                "resident", place.access.callers.session("resident", place.full, clock.now()), clock.now()
            )
        ),
        clock.now(),
    )
    assert {one.standing.resource for one in held} == set(fields["item"].split())
    again = (await resident.get(link[1])).text
    back = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', again))
    assert back["withdraw"] == "yes"
    assert (await resident.post("/resident/decisions", data=back | {"csrf": form_token(again)})).status_code == 303
    assert title[1] not in (await resident.get("/resident/decisions")).text.split('id="new"')[0]


async def test_one_institution_is_closed_for_a_week_and_opened_again(place: Place, resident: httpx.AsyncClient) -> None:
    page = (await resident.get("/resident/decisions")).text
    number = (await place.caller(place.doctor)).institution
    assert f'<option value="{number}"' in page
    said = {"csrf": form_token(page), "institution": str(number), "what": "close", "period": "week"}
    assert (await resident.post("/resident/decisions", data=said)).status_code == 303
    assert not await seen_by_doctor(place, 'id="timeline"')
    shown = (await resident.get("/resident/decisions")).text
    form = (
        shown.split('name="withdraw"')[0].rsplit("<form", 1)[1] + shown.split('name="withdraw"')[1].split("</form>")[0]
    )
    assert "until" in form
    back = {"csrf": form_token(shown), "withdraw": "yes", "class": "all", "institution": str(number)}
    assert (await resident.post("/resident/decisions", data=back)).status_code == 303
    assert await seen_by_doctor(place, 'id="timeline"')


@pytest.mark.parametrize(
    "wrong",
    [
        {"institution": "x", "what": "close"},
        {"institution": "999999", "what": "close"},
        {"institution": "0", "class": "cancer"},
        {"class": "item", "item": "Observation/none"},
        {"class": "all", "purpose": "payment"},
    ],
)
async def test_what_is_no_decision(resident: httpx.AsyncClient, wrong: dict[str, str]) -> None:
    token = form_token((await resident.get("/resident/decisions")).text)
    assert (await resident.post("/resident/decisions", data={"csrf": token} | wrong)).status_code in (404, 422)
    assert (await resident.post("/resident/decisions", data=wrong)).status_code == 403


async def test_a_line_says_why_and_where_and_can_be_checked(place: Place, resident: httpx.AsyncClient) -> None:
    events = await place.access.access_log(
        await place.access.callers.caller(
            "resident", place.access.callers.session("resident", place.full, clock.now()), clock.now()
        ),
        now=clock.now(),
    )
    look = next(e for e in events if e.action == "read" and e.basis == "visit")
    page = (await resident.get(f"/resident/log/{look.event_id}")).text
    assert "Your dynamic code was scanned at this institution" in page
    assert "“Mental health” was not shown" in page
    assert "Worked out again" in page
    assert re.search(r"This is line \d+ of the whole log", page)
    answer = await resident.get(f"/resident/log/{look.event_id}/line.json")
    proof = paper.read_line_proof(answer.content)
    assert paper.check_line(proof, place.access.log.verifier).size > proof.position
    glass = next(e for e in events if e.action == "break-glass")
    assert "Emergency access: a reason was given" in (await resident.get(f"/resident/log/{glass.event_id}")).text
    stranger = await place.enter(place.browser(), "resident", place.sensitive)
    for path in (f"/resident/log/{look.event_id}", f"/resident/log/{look.event_id}/line.json"):
        assert (await stranger.get(path)).status_code == 404
    assert ids.home_of(look.event_id)
