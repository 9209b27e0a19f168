"""Terminals' tokens, reports of card use, kiosks' questions and counters, as institutions meet them over HTTP."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from terminals import Device, admit, enrol

from support import Institution, Platform, assert_refused
from yima import directory, healthcode
from yima.directory import Caller
from yima.healthcode.counter import Counter
from yima.runtime import clock
from yima.runtime.civil import civil_day

JSON = "application/json"


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


@pytest.fixture(scope="module")
async def other(platform: Platform) -> Institution:
    return await platform.institution("B")


@pytest.fixture(scope="module")
async def kiosk(hospital: Institution) -> Device:
    return await enrol(hospital)


# --- terminals -------------------------------------------------------------------------------------------------------


async def test_a_terminals_token_names_its_scopes_and_opens_no_record(hospital: Institution, kiosk: Device) -> None:
    answer = await kiosk.sign_in()
    assert answer.status_code == 200
    assert answer.json()["scope"] == "terminal/code terminal/kiosk terminal/counter"
    person, _ = await admit(hospital)
    visit = await hospital.visit(person)
    for method, path in (("GET", "/fhir/Patient/x"), ("GET", "/fhir/Observation?patient=x"), ("POST", "/fhir")):
        body = {"resourceType": "Bundle"} if method == "POST" else None
        token = answer.json()["access_token"]
        refused = await hospital.call(method, path, body, token=token, visit=visit)
        assert_refused(refused, 403, "scope-insufficient")
    for path in ("/card-use/missing", "/card-use/statistics"):
        assert_refused(await kiosk.call("GET", path), 403, "scope-insufficient")


async def test_a_terminals_token_verifies_codes_at_that_terminal_only(hospital: Institution, kiosk: Device) -> None:
    person, _ = await admit(hospital)
    code = {"code": hospital.platform.dynamic(person), "step": "010101", "purpose": "treatment"}
    elsewhere = await kiosk.call("POST", "/code/verify", code | {"terminal": hospital.terminal})
    assert_refused(elsewhere, 403, "terminal-unknown")
    here = await kiosk.call("POST", "/code/verify", code | {"terminal": kiosk.name})
    assert here.status_code == 200, here.text
    assert (await hospital.platform.log_of(person))[-1]["agent"] == "terminal"
    only_kiosk = await kiosk.sign_in(scope="terminal/kiosk")
    token = only_kiosk.json()["access_token"]
    refused = await hospital.call(
        "POST", "/code/verify", code | {"terminal": kiosk.name}, token=token, content_type=JSON
    )
    assert_refused(refused, 403, "scope-insufficient")


async def test_a_suspended_terminal_is_told_so_in_the_words_of_oauth(hospital: Institution) -> None:
    device = await enrol(hospital, "desk")
    await device.call("GET", "/facility/counters")
    await directory.set_terminal_status(hospital.platform.database, device.name, "suspended")
    refused = await device.sign_in()
    assert (refused.status_code, refused.json()["error"]) == (403, "invalid_client")
    await asyncio.sleep(1.05)  # what a worker remembers of a token
    assert_refused(await device.call("GET", "/facility/counters"), 403, "terminal-suspended")


# --- card use --------------------------------------------------------------------------------------------------------


def use(visit: str, **also: Any) -> dict[str, Any]:
    said = {"key": "k-1", "visit": visit, "step": "010103", "channel": "0100", "at": clock.now().isoformat()}
    return said | also


async def test_a_step_is_reported_once_and_is_on_the_residents_log(platform: Platform, hospital: Institution) -> None:
    person, resident = await admit(hospital)
    visit = await hospital.visit(person)
    said = use(visit, key="r-1", cost_types=["0100"], serial="RX-1", department="0300", visit_type="O")
    first = await hospital.call("POST", "/card-use", said, content_type=JSON)
    assert (first.status_code, first.json()) == (
        201,
        {"key": "r-1", "visit": visit, "verified": True, "repeated": False},
    )
    again = await hospital.call("POST", "/card-use", said, content_type=JSON)
    assert (again.status_code, again.json()["repeated"]) == (200, True)
    changed = await hospital.call("POST", "/card-use", said | {"step": "010104"}, content_type=JSON)
    assert_refused(changed, 409, "idempotency-mismatch")
    logged = [line for line in await platform.log_of(person) if line["action"] == "use"]
    assert [(line["outcome"], line["institution"], line["visit"]) for line in logged] == [
        ("ok", hospital.number, visit)
    ]
    mine = await platform.access.uses.mine(resident, clock.now())
    assert [one.kind for one in mine] == ["reported", "verified"]
    assert mine[0].step == "010103"


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        ({"at": "2026-03-01T09:00:00"}, 422, "field-invalid"),
        ({"at": "yesterday"}, 422, "field-invalid"),
        ({"at": "2099-01-01T00:00:00Z"}, 422, "use-in-future"),
        ({"at": "2020-01-01T00:00:00Z"}, 422, "use-before-verification"),
        ({"step": "12"}, 422, "field-invalid"),
        ({"visit": "0000000001-00000000000000000000"}, 404, "visit-unknown"),
        ({"visit": 7}, 422, "field-invalid"),
        ({"surprise": "x"}, 422, "field-invalid"),
        ({"visit": "", "code": "https://example.org/"}, 400, "code-unreadable"),
    ],
)
async def test_a_wrong_report(hospital: Institution, wrong: dict[str, Any], status: int, code: str) -> None:
    person, _ = await admit(hospital)
    visit = await hospital.visit(person)
    assert_refused(await hospital.call("POST", "/card-use", use(visit) | wrong, content_type=JSON), status, code)


async def test_what_is_no_report(hospital: Institution, other: Institution, kiosk: Device) -> None:
    person, _ = await admit(hospital)
    visit = await hospital.visit(person)
    assert_refused(await other.call("POST", "/card-use", use(visit), content_type=JSON), 403, "visit-elsewhere")
    assert_refused(await kiosk.call("POST", "/card-use", use(visit)), 403, "scope-insufficient")
    for body, code in ((b"{", "json-malformed"), (b'{"key":"a","key":"b"}', "field-invalid"), (b"[]", "field-invalid")):
        refused = await hospital.call("POST", "/card-use", body, content_type=JSON)
        assert refused.json()["code"] == code
    twice = b'{"key":"a","key":"b","step":"010101","channel":"0100","at":"2026-03-01T00:00:00Z","visit":"x"}'
    assert_refused(await hospital.call("POST", "/card-use", twice, content_type=JSON), 400, "json-duplicate-key")
    assert_refused(await hospital.call("POST", "/card-use", use(visit)), 415, "unsupported-media-type")


async def test_missing_and_statistics_are_ones_own_and_name_nobody(
    platform: Platform, hospital: Institution, other: Institution
) -> None:
    person, _ = await admit(hospital)
    text = platform.dynamic(person)
    now = clock.now()
    said = use("", key="nv-1", code=text, at=now.isoformat())
    kept = await hospital.call("POST", "/card-use", said, content_type=JSON)
    assert kept.json() == {"key": "nv-1", "visit": None, "verified": False, "repeated": False}
    found = (await hospital.call("GET", "/card-use/missing")).json()
    assert [one["key"] for one in found["never_verified"]] == ["nv-1"]
    assert (await other.call("GET", "/card-use/missing")).json()["never_verified"] == []
    async with platform.database.transaction() as c:
        await healthcode.count_day(c, civil_day(now), now + timedelta(days=2))
    counted = (await hospital.call("GET", "/card-use/statistics")).json()
    assert counted["total"]["verified"] >= healthcode.SMALL
    assert counted["unverified"] is None, "one is too small to show"
    assert_refused(await hospital.call("GET", "/card-use/statistics?since=soon"), 400, "search-value-invalid")
    wrong_way = "/card-use/statistics?since=2026-03-02&until=2026-03-01"
    assert_refused(await hospital.call("GET", wrong_way), 422, "field-invalid")


# --- kiosk -----------------------------------------------------------------------------------------------------------


async def test_a_resident_says_yes_and_the_kiosk_hears_it(platform: Platform, kiosk: Device) -> None:
    person, resident = await admit(kiosk.at)
    asked = (await kiosk.call("POST", "/kiosk/authorisations", {"purpose": "treatment"})).json()
    assert asked["text"].startswith("YK1:")
    waiting = asyncio.create_task(kiosk.call("GET", f"/kiosk/authorisations/{asked['id']}?wait=10"))
    question = await platform.access.kiosks.question(resident, asked["text"], clock.now())
    assert (question.institution.institution_id, question.location) == (kiosk.at.number, "门诊大厅 1 号机")
    assert question.asked.scene == "0101012", "the terminal's own"
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await platform.access.kiosks.approve(resident, asked["text"], clock.now())
    heard = (await waiting).json()
    assert (heard["state"], heard["assurance"]) == ("approved", "dynamic")
    assert heard["person"] == resident.agent_id
    opened = await kiosk.at.call("GET", f"/fhir/Patient/{heard['person']}/$everything", visit=heard["visit"])
    assert opened.status_code == 200, "the institution's own app goes on with the visit"
    line = next(line for line in await platform.log_of(person) if line["basis"] == "authorised-by-resident")
    assert (line["action"], line["outcome"], line["visit"]) == ("scan", "ok", heard["visit"])


async def test_a_no_and_silence_tell_the_kiosk_nothing_about_who(platform: Platform, kiosk: Device) -> None:
    person, resident = await admit(kiosk.at)
    asked = (await kiosk.call("POST", "/kiosk/authorisations")).json()
    assert (await kiosk.call("GET", f"/kiosk/authorisations/{asked['id']}")).json() == {
        "id": asked["id"],
        "state": "waiting",
    }
    await platform.access.kiosks.refuse(resident, asked["text"], clock.now())
    heard = await kiosk.call("GET", f"/kiosk/authorisations/{asked['id']}?wait=5")
    assert heard.json() == {"id": asked["id"], "state": "refused"}
    assert (await platform.log_of(person))[-1]["basis"] == "refused-by-resident"
    assert not await platform.access.notices(resident, clock.now()), "their own no is no news to them"


async def test_who_is_suspended_while_it_waits_hears_nothing(hospital: Institution) -> None:
    device = await enrol(hospital)
    asked = (await device.call("POST", "/kiosk/authorisations")).json()
    waiting = asyncio.create_task(device.call("GET", f"/kiosk/authorisations/{asked['id']}?wait=3"))
    await asyncio.sleep(0.1)
    await directory.set_terminal_status(hospital.platform.database, device.name, "suspended")
    assert_refused(await waiting, 403, "terminal-suspended")


async def test_questions_are_a_kiosks_own(kiosk: Device, other: Institution) -> None:
    asked = (await kiosk.call("POST", "/kiosk/authorisations")).json()
    neighbour, elsewhere, desk = await enrol(kiosk.at), await enrol(other), await enrol(kiosk.at, "desk")
    path = f"/kiosk/authorisations/{asked['id']}"
    for device in (neighbour, elsewhere):
        assert_refused(await device.call("GET", path), 404, "not-found")
    for method, address in (("POST", "/kiosk/authorisations"), ("GET", path)):
        assert_refused(await desk.call(method, address), 403, "scope-insufficient")
        assert_refused(await kiosk.at.call(method, address), 403, "scope-insufficient")
    for wait in ("21", "-1", "x", "999999999999"):
        assert_refused(await kiosk.call("GET", f"{path}?wait={wait}"), 400, "search-value-invalid")
    assert_refused(await kiosk.call("GET", "/kiosk/authorisations/%00"), 404, "not-found")
    body = {"purpose": "entry-gate"}
    assert_refused(await kiosk.call("POST", "/kiosk/authorisations", body), 403, "purpose-not-allowed")


async def test_who_is_no_resident_answers_nothing(platform: Platform, kiosk: Device) -> None:
    asked = (await kiosk.call("POST", "/kiosk/authorisations")).json()
    for caller in (Caller(kind="operator", agent_id="o"), Caller(kind="app", agent_id="a", institution=1)):
        for doing in (platform.access.kiosks.approve, platform.access.kiosks.refuse, platform.access.kiosks.question):
            with pytest.raises(Exception, match="sign-in-needed"):
                await doing(caller, asked["text"], clock.now())


# --- counter ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
async def desk(platform: Platform, hospital: Institution) -> str:
    """A counter of internal medicine; the text of its poster."""
    made = Counter("", hospital.number, "0300", "N", "内科", "Internal medicine", "二楼")
    return (await platform.access.counters.register(made, clock.now()))[1]


async def test_a_resident_shares_takes_a_number_and_the_institution_reads_it(
    platform: Platform, hospital: Institution, other: Institution, desk: str
) -> None:
    counters = platform.access.counters
    person, resident = await admit(hospital)
    offered = await counters.offer(resident, desk)
    assert offered.phone
    assert "*" in offered.document
    plain = await counters.share(resident, desk, phone=False, document=False, now=clock.now())
    assert (plain.share.ticket, plain.ahead) == ("N001", 0)
    _, second = await admit(hospital)
    full = await counters.share(second, desk, phone=True, document=True, now=clock.now())
    assert (full.share.ticket, full.ahead) == ("N002", 1)
    read = (await hospital.call("GET", "/facility/shares")).json()["shares"]
    assert [one["ticket"] for one in read] == ["N001", "N002"]
    assert read[0]["profile"]["phone"] is None
    assert read[0]["profile"]["document_masked"] is None
    assert read[1]["profile"]["phone"]
    assert "*" in read[1]["profile"]["document_masked"]
    assert (await hospital.call("GET", "/facility/shares")).json()["shares"] == read, "until they are acknowledged"
    assert (await other.call("GET", "/facility/shares")).json()["shares"] == []
    lines = [(line["action"], line["basis"]) for line in await platform.log_of(person)]
    assert lines.count(("share", "own-record")) == 1
    assert lines.count(("read", "shared-by-resident")) == 1, "read twice, disclosed once"
    done = await hospital.call("POST", f"/facility/shares/{read[0]['share']}", {"state": "received"}, content_type=JSON)
    assert done.json() == {"share": read[0]["share"], "ticket": "N001", "state": "received"}
    assert [one["ticket"] for one in (await hospital.call("GET", "/facility/shares")).json()["shares"]] == ["N002"]
    # The visit identifies, and opens no record.
    visit = read[0]["visit"]
    refused = await hospital.call("GET", f"/fhir/Patient/{read[0]['person']}/$everything", visit=visit)
    assert_refused(refused, 403, "code-assurance-too-low")


async def test_a_terminal_reads_its_own_departments_shares(
    platform: Platform, hospital: Institution, desk: str
) -> None:
    _, resident = await admit(hospital)
    ticket = await platform.access.counters.share(resident, desk, phone=False, document=False, now=clock.now())
    medicine, surgery = await enrol(hospital, "window", "0300"), await enrol(hospital, "window", "0400")
    shown = (await medicine.call("GET", "/facility/shares")).json()["shares"]
    assert ticket.share.ticket in [one["ticket"] for one in shown]
    assert (await surgery.call("GET", "/facility/shares")).json()["shares"] == []


async def test_shares_are_marked_by_their_own_institution_only(
    platform: Platform, hospital: Institution, other: Institution, desk: str
) -> None:
    _, resident = await admit(hospital)
    ticket = await platform.access.counters.share(resident, desk, phone=False, document=False, now=clock.now())
    path = f"/facility/shares/{ticket.share.share_id}"
    for at, body, status, code in (
        (other, {"state": "received"}, 404, "not-found"),
        (hospital, {"state": "eaten"}, 422, "field-invalid"),
        (hospital, {}, 422, "field-invalid"),
    ):
        assert_refused(await at.call("POST", path, body, content_type=JSON), status, code)
    assert_refused(await hospital.call("GET", "/facility/shares?since=soon"), 400, "search-value-invalid")
    for state in ("called", "absent"):
        done = await hospital.call("POST", path, {"state": state}, content_type=JSON)
        assert done.json()["state"] == state
    again = await hospital.call("POST", path, {"state": "called"}, content_type=JSON)
    assert_refused(again, 422, "field-invalid")


async def test_a_stranger_sees_no_ticket_of_another(platform: Platform, hospital: Institution, desk: str) -> None:
    _, resident = await admit(hospital)
    _, stranger = await admit(hospital)
    ticket = await platform.access.counters.share(resident, desk, phone=False, document=False, now=clock.now())
    mine = await platform.access.counters.ticket(resident, ticket.share.share_id)
    assert mine.share == ticket.share
    with pytest.raises(Exception, match="not-found"):
        await platform.access.counters.ticket(stranger, ticket.share.share_id)
    assert [one["text"] for one in (await hospital.call("GET", "/facility/counters")).json()["counters"]] == [desk]
