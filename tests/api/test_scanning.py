"""POST /code/verify: who is this, and why a code is refused. Each refusal has its own words, and opens nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from support import Institution, Platform, as_owner, assert_refused, nothing_written, patient, resident_number
from yima import healthcode
from yima.runtime import clock
from yima.runtime.keys import FileKeyStore


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


@pytest.fixture(scope="module")
async def number() -> str:
    return resident_number("1950-02-03")


@pytest.fixture(scope="module")
async def person(platform: Platform, hospital: Institution, number: str) -> int:
    who = patient(national=number, birthDate="1950-02-03", name=[{"text": "阿依古丽·买买提江"}])
    return platform.person_of(f"Patient/{(await hospital.create(who))['id']}")


async def _visits(platform: Platform) -> int:
    return int((await platform.database.fetchrow("select count(*) from healthcode.visit"))[0])


async def test_the_answer_says_who_stands_there(
    platform: Platform, hospital: Institution, person: int, number: str
) -> None:
    answer = await hospital.scan(platform.dynamic(person))
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert set(body) == {"visit", "person", "identity", "assurance", "expires"}
    assert body["assurance"] == "dynamic"
    assert body["identity"]["name"] == "阿依古丽·买买提江"
    assert (body["identity"]["sex"], body["identity"]["birth_date"]) == ("female", "1950-02-03")
    assert number not in answer.text


async def test_step_and_purpose_need_not_be_said(platform: Platform, hospital: Institution, person: int) -> None:
    body = {"code": platform.dynamic(person, clock.now() - timedelta(seconds=15)), "terminal": hospital.terminal}
    answer = await hospital.call("POST", "/code/verify", body, content_type="application/json")
    assert answer.status_code == 200, answer.text


async def test_the_scan_is_on_the_residents_log(platform: Platform, hospital: Institution) -> None:
    someone = platform.person_of(f"Patient/{(await hospital.create(patient()))['id']}")
    visit = await hospital.visit(someone)
    line = (await platform.log_of(someone))[-1]
    assert (line["action"], line["outcome"], line["visit"]) == ("scan", "ok", visit)
    assert line["institution_name"] == f"{hospital.code}医院"
    assert json.loads(line["detail"])["terminal"] == hospital.terminal


async def test_a_code_is_good_once(platform: Platform, hospital: Institution) -> None:
    someone = platform.person_of(f"Patient/{(await hospital.create(patient()))['id']}")
    text = platform.dynamic(someone)
    first = await hospital.scan(text)
    assert first.status_code == 200
    retry = await hospital.scan(text)  # the scanner that got no answer tries again
    assert (retry.status_code, retry.json()) == (200, first.json())
    assert_refused(await hospital.scan(text, terminal=f"{hospital.code}-T2"), 409, "code-already-used")
    other = await platform.institution("B")
    assert_refused(await other.scan(text), 409, "code-already-used")
    notices = [line for line in await platform.log_of(someone) if line["outcome"] == "denied"]
    assert [line["basis"] for line in notices] == ["code-already-used"] * 2
    assert notices[-1]["institution_name"] == f"{other.code}医院"


async def test_of_many_terminals_exactly_one_wins(platform: Platform) -> None:
    places = [await platform.institution("W") for _ in range(8)]
    someone = platform.person_of(f"Patient/{(await places[0].create(patient()))['id']}")
    text = platform.dynamic(someone)
    for place in places:
        await place.token()
    answers = await asyncio.gather(*(place.scan(text) for place in places))
    assert sorted(a.status_code for a in answers) == [200] + [409] * 7


async def test_a_printed_code_may_be_used_again(platform: Platform, hospital: Institution, person: int) -> None:
    text = await platform.static(person)
    answers = [await hospital.scan(text), await hospital.scan(text, terminal=f"{hospital.code}-T2")]
    assert [a.json()["assurance"] for a in answers] == ["static", "static"]
    assert answers[0].json()["visit"] != answers[1].json()["visit"]


Spoil = Callable[[str], str]
BROKEN: dict[str, tuple[Spoil, int, str]] = {
    "last character changed": (lambda t: t[:-1] + ("0" if t[-1] != "0" else "1"), 422, "code-signature-invalid"),
    "a character inside changed": (
        lambda t: t[:20] + ("A" if t[20] != "A" else "B") + t[21:],
        422,
        "code-signature-invalid",
    ),
    "cut short": (lambda t: t[:-6], 422, "code-signature-invalid"),
    "two codes joined": (lambda t: t + t, 400, "code-unreadable"),
    "without its prefix": (lambda t: t[4:], 400, "code-unreadable"),
    "empty": (lambda _: "", 400, "code-unreadable"),
    "an address": (lambda _: "https://evil.example/?q=1", 400, "code-unreadable"),
    "a script": (lambda _: "javascript:alert(1)", 400, "code-unreadable"),
    "SQL": (lambda _: "YM1:' or 1=1 --", 400, "code-unreadable"),
    "a format string": (lambda _: "{0.__class__}%s%n${jndi:ldap://x}", 400, "code-unreadable"),
    "very long": (lambda _: "YM1:" + "A" * 4000, 400, "code-unreadable"),
    "NUL inside": (lambda t: t[:10] + "\x00" + t[11:], 400, "code-unreadable"),
    "Chinese": (lambda _: "一码通行", 400, "code-unreadable"),
    "a national card's code": (
        lambda _: "98FF9F2C05145CB9305E9D8A57E072BB51180CA49E5BE5E9D41BCE3A9A571928:1",
        422,
        "code-issuer-unknown",
    ),
    "a vaccination certificate": (
        lambda _: "HC1:NCFOXN%TS3DH3ZSUZK+.V0ETD%65NL-AH-R6IOO6+IUKRG*I",
        400,
        "code-unreadable",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
async def test_a_broken_code_is_refused(platform: Platform, hospital: Institution, person: int, case: str) -> None:
    spoil, status, code = BROKEN[case]
    visits = await _visits(platform)
    async with nothing_written(platform):
        text = spoil(platform.dynamic(person, clock.now() - timedelta(seconds=15)))
        answer = await hospital.scan(text)
    if case.startswith("a character inside"):
        assert answer.status_code in (400, 410, 422)  # base45 may not decode, or the time step is another one
    else:
        assert_refused(answer, status, code)
    assert not text or text not in answer.text
    assert await _visits(platform) == visits


TIMES = [
    (timedelta(minutes=-5), 410, "code-expired"),
    (timedelta(hours=-20), 410, "code-expired"),
    (timedelta(days=-400), 410, "code-expired"),
    (timedelta(minutes=5), 422, "clock-skew"),
    (timedelta(hours=3), 422, "clock-skew"),
]


@pytest.mark.parametrize(("shift", "status", "code"), TIMES, ids=[str(shift) for shift, _, _ in TIMES])
async def test_a_code_of_another_time(
    platform: Platform, hospital: Institution, person: int, shift: timedelta, status: int, code: str
) -> None:
    answer = await hospital.scan(platform.dynamic(person, clock.now() + shift))
    assert_refused(answer, status, code)
    if code == "clock-skew":
        assert clock.now().isoformat()[:10] in answer.text  # the platform's own time


async def test_a_code_of_another_deployment(hospital: Institution, person: int, tmp_path: Path) -> None:
    elsewhere = FileKeyStore(tmp_path / "keys.json")
    dynamic = healthcode.dynamic_text(elsewhere, "INTL", person, clock.now())
    answer = await hospital.scan(dynamic)
    assert answer.status_code == 422
    assert answer.json()["code"] in ("code-issuer-unknown", "code-signature-invalid")
    assert_refused(answer, 422, answer.json()["code"])


async def test_a_card_that_ended(platform: Platform, hospital: Institution) -> None:
    someone = platform.person_of(f"Patient/{(await hospital.create(patient()))['id']}")
    static = await platform.static(someone)
    await as_owner(
        platform.database,
        "update healthcode.card set status = 'cancelled', ended = issued where person_id = $1",
        someone,
    )
    for text in (static, platform.dynamic(someone)):
        assert_refused(await hospital.scan(text), 410, "code-cancelled")


FIELDS = {
    "venue": ({"purpose": "venue"}, 403, "purpose-not-allowed"),
    "gate": ({"purpose": "gate"}, 403, "purpose-not-allowed"),
    "empty purpose": ({"purpose": ""}, 403, "purpose-not-allowed"),
    "purpose with NUL": ({"purpose": "tre\x00atment"}, 403, "purpose-not-allowed"),
    "long purpose": ({"purpose": "x" * 5000}, 403, "purpose-not-allowed"),
    "unknown step": ({"step": "999999"}, 422, "field-invalid"),
    "step with NUL": ({"step": "01\x0001"}, 422, "field-invalid"),
    "unknown terminal": ({"terminal": "T-99"}, 403, "terminal-unknown"),
    "empty terminal": ({"terminal": ""}, 403, "terminal-unknown"),
    "terminal with NUL": ({"terminal": "T\x00"}, 403, "terminal-unknown"),
    "terminal of somebody else": ({"terminal": "OTHER"}, 403, "terminal-unknown"),
    "code is a number": ({"code": 7}, 422, "field-invalid"),
    "code is null": ({"code": None}, 422, "field-invalid"),
    "terminal is a list": ({"terminal": ["T"]}, 422, "field-invalid"),
}


@pytest.mark.parametrize("case", FIELDS)
async def test_a_wrong_field(platform: Platform, hospital: Institution, person: int, case: str) -> None:
    fields, status, code = FIELDS[case]
    if fields.get("terminal") == "OTHER":
        fields = {"terminal": (await platform.institution("O")).terminal}
    visits = await _visits(platform)
    lines = len(await platform.log_of(person))
    answer = await hospital.scan(platform.dynamic(person, clock.now() + timedelta(seconds=15)), **fields)
    assert_refused(answer, status, code)
    assert await _visits(platform) == visits
    # The code was authentic: its holder sees that somebody tried.
    assert len(await platform.log_of(person)) == lines + (code != "field-invalid" or "step" in fields)


def _body(hospital: Institution, text: str) -> bytes:
    return json.dumps({"code": text, "terminal": hospital.terminal}).encode()


BODIES: dict[str, tuple[Callable[[bytes], bytes], int, str]] = {
    "empty": (lambda _: b"", 400, "json-malformed"),
    "not JSON": (lambda _: b"code=YM1", 400, "json-malformed"),
    "a list": (lambda b: b"[" + b + b"]", 422, "field-invalid"),
    "no terminal": (lambda _: b'{"code":"YM1:"}', 422, "field-invalid"),
    "not UTF-8": (lambda _: b'{"code":"\xff","terminal":"T"}', 400, "json-malformed"),
    "lone surrogate": (lambda _: b'{"code":"\\ud800","terminal":"T"}', 400, "json-malformed"),
    "something behind": (lambda b: b + b"{}", 400, "json-malformed"),
    "the code twice": (lambda b: b[:-1] + b',"code":"YM1:"}', 400, "json-duplicate-key"),
    "the code twice, once disguised": (lambda b: b[:-1] + b',"\\u0063ode":"YM1:"}', 400, "json-duplicate-key"),
    "deep": (lambda b: b[:-1] + b',"x":' + b"[" * 1500 + b"]" * 1500 + b"}", 400, "json-malformed"),
    "long": (lambda b: b[:-1] + b',"x":"' + b"y" * 9000 + b'"}', 413, "body-too-large"),
}


@pytest.mark.parametrize("case", BODIES)
async def test_a_wrong_body(platform: Platform, hospital: Institution, person: int, case: str) -> None:
    spoil, status, code = BODIES[case]
    body = spoil(_body(hospital, platform.dynamic(person)))
    answer = await hospital.call("POST", "/code/verify", body, content_type="application/json")
    if case == "deep":  # depth that a decoder takes is no mistake of a field we do not read
        assert answer.status_code < 500
        return
    assert_refused(answer, status, code)


async def test_further_fields_are_no_mistake(platform: Platform, hospital: Institution, person: int) -> None:
    """A newer scanner may say more than this platform reads."""
    text = platform.dynamic(person, clock.now() + timedelta(seconds=30))
    answer = await hospital.scan(text, channel="0300", said='with "quotes"')
    assert answer.status_code == 200, answer.text


async def test_only_json_is_read(hospital: Institution) -> None:
    assert_refused(
        await hospital.call("POST", "/code/verify", b"{}", content_type="text/plain"), 415, "unsupported-media-type"
    )


async def test_a_hostile_batch_spoils_no_neighbour(platform: Platform) -> None:
    """Scans share a statement: what is wrong with one must not fail the others."""
    places: list[Any] = [await platform.institution("N") for _ in range(6)]
    people = [platform.person_of(f"Patient/{(await place.create(patient()))['id']}") for place in places]
    for place in places:
        await place.token()
    good = [place.scan(platform.dynamic(who)) for place, who in zip(places, people, strict=True)]
    bad = [
        place.scan(platform.dynamic(who, clock.now() - timedelta(seconds=15)), purpose="\x00")
        for place, who in zip(places, people, strict=True)
    ]
    answers = await asyncio.gather(*good, *bad)
    assert [a.status_code for a in answers] == [200] * 6 + [403] * 6
