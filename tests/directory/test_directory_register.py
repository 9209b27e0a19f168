"""The register, and browser sessions."""

from __future__ import annotations

import base64
import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwk

from yima import directory
from yima.directory import App, Department, Practitioner, Sessions, Terminal
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.keys import FileKeyStore

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
PRIVATE = jwk.ECKey.generate_key("P-384")
PUBLIC = PRIVATE.as_dict(private=False)
_numbers = itertools.count(1)


async def institution(db: Database, **facts: str) -> int:
    words = {
        "code": f"R{next(_numbers)}",
        "name_zh": "卫生院",
        "name_en": "Clinic",
        "kind": "C220",
        "area": "609901",
    } | facts
    async with db.transaction() as c:
        return await directory.register_institution(c, **words)


async def test_registering_again_changes_the_words_and_keeps_the_number(db: Database) -> None:
    number = await institution(db, code="same")
    assert await institution(db, code="same", name_zh="新名") == number
    known = await directory.institution(db, number)
    assert known is not None
    assert (known.name_zh, known.status) == ("新名", "active")
    assert known in await directory.institutions(db)
    assert await directory.institution(db, 10**6) is None


@pytest.mark.parametrize("code", ["", "A/B", "/", "A B", "A\n", 'A"B', "A#1", "A?b", "A%2F", "甲\u3000乙", "x" * 65])
async def test_a_code_that_would_not_stay_apart_from_a_staff_code_is_refused(db: Database, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        await institution(db, code=code)
    assert (refused.value.code, refused.value.field) == ("field-invalid", "code")


async def test_a_code_from_before_the_rule_keeps_its_row(db: Database) -> None:
    await db.execute(
        "insert into directory.institution (code, name_zh, name_en, class, area) values ('OLD/1', '旧', 'Old', '', '')"
    )
    number = await institution(db, code="OLD/1", name_zh="新名")
    known = await directory.institution(db, number)
    assert known is not None
    assert (known.code, known.name_zh) == ("OLD/1", "新名")


async def test_departments_and_staff_belong_to_their_institution(db: Database) -> None:
    here, there = await institution(db), await institution(db)
    doctor = Practitioner(0, here, "D1", "陈医生", "Dr Chen", "主任医师", "Chief", "0300")
    async with db.transaction() as c:
        await directory.register_department(c, here, Department("0300", "内科", "Medicine"))
        await directory.register_department(c, here, Department("0300", "大内科", "Medicine"))
        number = await directory.register_practitioner(c, doctor)
        again = await directory.register_practitioner(c, replace(doctor, title_en="Head"))
        elsewhere = await directory.register_practitioner(c, replace(doctor, institution_id=there))
    assert await directory.department_names(db, here) == {"0300": Department("0300", "大内科", "Medicine")}
    assert await directory.department_names(db, there) == {}
    assert again == number != elsewhere
    assert await directory.practitioner(db, number) == replace(doctor, practitioner_id=number, title_en="Head")
    assert await directory.practitioner(db, 10**6) is None
    assert {p.practitioner_id for p in await directory.practitioners(db)} >= {number, elsewhere}


async def test_a_terminal_belongs_to_one_active_institution(db: Database) -> None:
    here, there = await institution(db), await institution(db)
    async with db.transaction() as c:
        await directory.register_terminal(c, here, Terminal(f"{here}-1", "desk", "0300"))
        await directory.register_terminal(c, here, Terminal(f"{here}-1", "window", "0400"))
    assert await directory.terminals(db, here) == [Terminal(f"{here}-1", "window", "0400")]
    with pytest.raises(Refusal) as refused:
        async with db.transaction() as c:
            await directory.register_terminal(c, there, Terminal(f"{here}-1", "kiosk", ""))
    assert (refused.value.code, refused.value.field) == ("field-invalid", "terminal_id")
    assert await directory.terminals(db, there) == []
    assert await directory.terminal_belongs(db, f"{here}-1", here)
    assert not await directory.terminal_belongs(db, f"{here}-1", there)
    assert not await directory.terminal_belongs(db, "unheard-of", here)
    await directory.set_institution_status(db, here, "suspended")
    assert not await directory.terminal_belongs(db, f"{here}-1", here)


async def test_an_institution_is_active_or_suspended(db: Database) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await directory.set_institution_status(db, await institution(db), "closed")


BAD_KEYS: dict[str, Any] = {
    "no keys": {},
    "empty": {"keys": []},
    "not a list": {"keys": PUBLIC},
    "a private key": {"keys": [PRIVATE.as_dict(private=True)]},
    "a private key among public ones": {"keys": [PUBLIC, PRIVATE.as_dict(private=True)]},
    "a symmetric key": {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]},
    "a private RSA key": {"keys": [jwk.RSAKey.generate_key(2048).as_dict(private=True)]},
    "no key type": {"keys": [{"x": "1"}]},
    "not an object": {"keys": ["key", 5]},
    "half a key": {"keys": [{"kty": "EC", "crv": "P-256", "x": "AA"}]},
    "no point of the curve": {"keys": [PUBLIC | {"x": PUBLIC["y"]}]},
}


@pytest.mark.parametrize("jwks", BAD_KEYS.values(), ids=BAD_KEYS)
async def test_only_public_keys_that_can_be_read_are_registered(db: Database, jwks: dict[str, Any]) -> None:
    number = await institution(db)
    with pytest.raises(Refusal) as refused:
        async with db.transaction() as c:
            await directory.register_app(c, App("bad-keys", number, "HIS", jwks))
    assert (refused.value.code, refused.value.field) == ("field-invalid", "jwks")
    assert await db.fetch("select 1 from directory.app where client_id = 'bad-keys'") == []


BAD_SCOPES = [
    "",
    "system/*",
    "system/*.",
    "system/*.sdurc",
    "user/*.rs",
    "patient/*.rs",
    "system/*.rs?category=x",
    "*",
    "system/a b.r",
]


@pytest.mark.parametrize("scope", BAD_SCOPES)
async def test_only_system_scopes_are_registered(db: Database, scope: str) -> None:
    number = await institution(db)
    with pytest.raises(Refusal) as refused:
        async with db.transaction() as c:
            await directory.register_app(c, App("bad-scopes", number, "HIS", {"keys": [PUBLIC]}, (scope,)))
    assert (refused.value.code, refused.value.field) == ("field-invalid", "scopes")


async def test_an_app_never_changes_hands(db: Database) -> None:
    here, there = await institution(db), await institution(db)
    app = App(f"app-{here}", here, "HIS", {"keys": [PUBLIC]})
    async with db.transaction() as c:
        await directory.register_app(c, app)
        await directory.register_app(c, replace(app, name="New HIS", scopes=("system/*.rs",), matching="off"))
    with pytest.raises(Refusal, match="client_id"):
        async with db.transaction() as c:
            await directory.register_app(c, replace(app, institution_id=there))
    row = await db.fetchrow(
        "select institution_id, name, matching from directory.app where client_id = $1", app.client_id
    )
    assert tuple(row) == (here, "New HIS", "off")


# --- sessions --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sessions(keys: FileKeyStore) -> Sessions:
    """Sessions of one deployment."""
    return Sessions(keys)


@given(st.sampled_from(directory.ROLES), st.text(st.characters(codec="utf-8"), max_size=40))
def test_a_session_says_whose_it_is(sessions: Sessions, role: str, subject: str) -> None:
    cookie = sessions.session(role, subject, NOW)
    assert sessions.subject(role, cookie, NOW) == subject
    assert sessions.subject(role, cookie, NOW + timedelta(hours=11, minutes=59)) == subject
    with pytest.raises(Refusal, match="sign-in-needed"):
        sessions.subject(role, cookie, NOW + timedelta(hours=12))
    assert sessions.open_ticket(sessions.ticket(role, subject)) == (role, subject)


def test_a_session_is_good_for_its_role_only(sessions: Sessions) -> None:
    cookie = sessions.session("resident", "operator", NOW)
    for role in ("clinician", "operator", "", "resident|x"):
        with pytest.raises(Refusal, match="sign-in-needed"):
            sessions.subject(role, cookie, NOW)


def forged(sessions: Sessions, tmp_path: Path) -> list[str]:
    cookie = sessions.session("resident", "x", NOW)
    body, _, mac = cookie.partition(".")
    other = base64.urlsafe_b64encode(b"resident|9999999999|y").decode().rstrip("=")
    elsewhere = Sessions(FileKeyStore(tmp_path / "other.json")).session("resident", "x", NOW)
    return [
        "",
        ".",
        "x",
        "x.y",
        body,
        f"{body}.",
        f".{mac}",
        f"{other}.{mac}",
        f"{body}.{mac[:-1]}",
        f"{body}.{mac}0",
        cookie + ".",
        f"{body}.{mac[::-1]}",
        sessions.ticket("resident", "x"),
        sessions.csrf(cookie),
        elsewhere,
        "é.ü",
        "\ud800.\ud800",
        "%00.%00",
    ]


def test_forged_sessions_and_tickets_are_refused(sessions: Sessions, tmp_path: Path) -> None:
    for cookie in forged(sessions, tmp_path):
        with pytest.raises(Refusal, match="sign-in-needed"):
            sessions.subject("resident", cookie, NOW)
    for ticket in [
        *forged(sessions, tmp_path)[:12],
        sessions.session("resident", "x", NOW),
        sessions.ticket("root", "x"),
    ]:
        with pytest.raises(Refusal, match="sign-in-needed"):
            sessions.open_ticket(ticket)


def test_no_flipped_bit_leaves_a_session_good(sessions: Sessions) -> None:
    cookie = sessions.session("clinician", "12", NOW)
    for place in range(len(cookie)):
        for bit in (1, 2, 4):
            changed = cookie[:place] + chr(ord(cookie[place]) ^ bit) + cookie[place + 1 :]
            with pytest.raises(Refusal):
                sessions.subject("clinician", changed, NOW)


def test_a_form_carries_the_token_of_its_session(sessions: Sessions) -> None:
    cookie, other = sessions.session("resident", "a", NOW), sessions.session("resident", "b", NOW)
    sessions.check_csrf(cookie, sessions.csrf(cookie))
    for token in (
        "",
        "x",
        sessions.csrf(other),
        sessions.csrf(cookie)[:-1],
        sessions.csrf(cookie) + "0",
        "\ud800",
        cookie,
    ):
        with pytest.raises(Refusal) as refused:
            sessions.check_csrf(cookie, token)
        assert refused.value.code == "csrf"
