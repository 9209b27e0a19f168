"""Terminals with keys of their own: registering, signing in, rotation, suspending, and what does not get a token."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwk, jwt
from nobody import nobody

from yima import directory
from yima.directory import TERMINAL_SCOPES, Caller, SignIn, Terminal
from yima.runtime.database import Database
from yima.runtime.errors import Refusal

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
STAMP = int(NOW.timestamp())
AUDIENCE = "http://127.0.0.1:8420/oauth/token"
_numbers = itertools.count(1)


def public(key: jwk.ECKey, **also: str) -> dict[str, Any]:
    return key.as_dict(private=False) | also


@dataclass
class Device:
    """A registered terminal with its private key."""

    db: Database
    institution: int
    name: str
    key: jwk.ECKey

    def sign_in(self) -> SignIn:
        """A worker of its own."""
        return SignIn(self.db, token_seconds=900, residents=nobody)

    def assertion(self, key: jwk.ECKey | None = None, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A good assertion, but for what is named."""
        used = key or self.key
        said = {"iss": self.name, "sub": self.name, "aud": AUDIENCE, "exp": STAMP + 240, "jti": f"j{next(_numbers)}"}
        return jwt.encode({"alg": "ES256", "kid": used.thumbprint()} | (header or {}), said | claims, used)

    async def token(self, assertion: str | None = None, scope: str = "", at: datetime = NOW) -> directory.TokenAnswer:
        """What the token endpoint's function answers."""
        return await self.sign_in().token(assertion or self.assertion(), audiences=(AUDIENCE,), scope=scope, now=at)


async def enrol(db: Database, kind: str = "kiosk") -> Device:
    """A new institution with one terminal and its key."""
    code, key = f"K{next(_numbers)}", jwk.ECKey.generate_key("P-256")
    async with db.transaction() as c:
        number = await directory.register_institution(
            c, code=code, name_zh="一院", name_en="One", kind="A100", area="999999"
        )
        await directory.register_department(c, number, directory.Department("0300", "内科", "Internal medicine"))
        where = Terminal(f"{code}-T1", kind, "0300", "门诊大厅", "010101", "0101012")
        await directory.register_terminal(c, number, where, now=NOW)
        await directory.add_terminal_key(c, f"{code}-T1", public(key))
    return Device(db, number, f"{code}-T1", key)


@pytest.fixture(scope="module")
async def device(db: Database) -> Device:
    return await enrol(db)


async def test_a_terminal_signs_in_and_is_bound_to_itself(device: Device, db: Database) -> None:
    answer = await device.token(device.assertion(firmware="3.1.4"))
    assert answer.scopes == TERMINAL_SCOPES
    caller = await device.sign_in().caller(answer.token, now=NOW)
    assert (caller.kind, caller.terminal, caller.agent_id) == ("terminal", device.name, device.name)
    assert (caller.institution, caller.department) == (device.institution, "0300")
    assert caller.holds("terminal/kiosk")
    assert not any(caller.may(kind, verb) for kind in ("Patient", "*") for verb in "cruds")
    known = await directory.terminal(db, device.name)
    assert known
    assert (known.last_seen, known.firmware, known.registered) == (NOW, "3.1.4", NOW)
    assert known.terminal == Terminal(device.name, "kiosk", "0300", "门诊大厅", "010101", "0101012")


async def test_it_asks_for_no_more_than_its_kind_may(device: Device, db: Database) -> None:
    assert (await device.token(scope="terminal/code system/*.cruds")).scopes == ("terminal/code",)
    for scope in ("system/*.rs", "system/Patient.r", "terminal/everything"):
        with pytest.raises(Refusal, match="scope-insufficient"):
            await device.token(scope=scope)
    desk = await enrol(db, "desk")
    assert "terminal/kiosk" not in (await desk.token()).scopes
    with pytest.raises(Refusal, match="scope-insufficient"):
        await desk.token(scope="terminal/kiosk")


def _unsigned(device: Device) -> str:
    head, body, _ = device.assertion().split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    return f"{none}.{body}." if head else ""


def _hmac_with_the_public_key(device: Device) -> str:
    # The classic confusion: the verifier is asked to take the public key for an HMAC secret.
    head = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": device.key.thumbprint()}).encode())
    signed = head.rstrip(b"=") + b"." + device.assertion().split(".")[1].encode()
    secret = json.dumps(public(device.key)).encode()
    mac = base64.urlsafe_b64encode(hmac.digest(secret, signed, hashlib.sha256)).rstrip(b"=")
    return (signed + b"." + mac).decode()


STRANGER = jwk.ECKey.generate_key("P-256")
BAD: dict[str, Callable[[Device], str]] = {
    "an unknown kid": lambda d: d.assertion(header={"kid": "nobody"}),
    "alg none": _unsigned,
    "the public key as an HMAC secret": _hmac_with_the_public_key,
    "somebody else's key": lambda d: d.assertion(STRANGER, {"kid": d.key.thumbprint()}),
    "a key that it brought along": lambda d: d.assertion(STRANGER, {"jwk": public(STRANGER), "kid": "x"}),
    "another terminal's name": lambda d: d.assertion(iss="no-such-terminal", sub="no-such-terminal"),
    "two names": lambda d: d.assertion(sub="another"),
    "another audience": lambda d: d.assertion(aud="https://elsewhere.example/oauth/token"),
    "exp too far ahead": lambda d: d.assertion(exp=STAMP + 3600),
    "exp past": lambda d: d.assertion(exp=STAMP - 60),
    "nbf ahead": lambda d: d.assertion(nbf=STAMP + 120),
    "jti that is no text": lambda d: d.assertion(jti=7),
    "nothing at all": lambda _: "..",
}


@pytest.mark.parametrize("wrong", BAD)
async def test_no_token_for(device: Device, wrong: str) -> None:
    with pytest.raises(Refusal, match="client-invalid"):
        await device.token(BAD[wrong](device))


async def test_an_assertion_counts_once(device: Device) -> None:
    assertion = device.assertion()
    await device.token(assertion)
    with pytest.raises(Refusal, match="assertion-replayed"):
        await device.token(assertion)


async def test_a_terminal_without_a_key_cannot_sign_in(db: Database, device: Device) -> None:
    async with db.transaction() as c:
        await directory.register_terminal(c, device.institution, Terminal("KEYLESS", "desk", ""))
    with pytest.raises(Refusal, match="client-invalid"):
        await device.token(device.assertion(iss="KEYLESS", sub="KEYLESS"))


async def test_suspending_counts_on_every_worker_within_a_second(db: Database) -> None:
    device = await enrol(db)
    workers = [device.sign_in() for _ in range(3)]
    token = (await device.token()).token
    for worker in workers:
        await worker.caller(token, now=NOW)
    await directory.set_terminal_status(db, device.name, "suspended")
    later = NOW + timedelta(seconds=1)
    for worker in workers:
        with pytest.raises(Refusal, match="terminal-suspended"):
            await worker.caller(token, now=later)
    with pytest.raises(Refusal, match="terminal-suspended"):
        await device.token()
    assert not await directory.terminal_belongs(db, device.name, device.institution)
    await directory.set_terminal_status(db, device.name, "active")
    assert (await workers[0].caller(token, now=later)).terminal == device.name
    with pytest.raises(Refusal, match="terminal-unknown"):
        await directory.set_terminal_status(db, "no-such-terminal", "suspended")


async def test_its_institutions_suspension_counts_for_it(db: Database) -> None:
    device = await enrol(db)
    token = (await device.token()).token
    await directory.set_institution_status(db, device.institution, "suspended")
    with pytest.raises(Refusal, match="institution-suspended"):
        await device.sign_in().caller(token, now=NOW)


async def test_keys_rotate_two_at_most(db: Database) -> None:
    device = await enrol(db)
    new = jwk.ECKey.generate_key("P-256")
    old_token = (await device.token()).token
    async with db.transaction() as c:
        kid = await directory.add_terminal_key(c, device.name, public(new))
        assert await directory.add_terminal_key(c, device.name, public(new)) == kid  # again: no third key
    await device.token(device.assertion(new))
    await device.token()  # both are good while the change lasts
    async with db.transaction() as c:
        with pytest.raises(Refusal, match="at most 2 keys"):
            await directory.add_terminal_key(c, device.name, public(jwk.ECKey.generate_key("P-256")))
        with pytest.raises(Refusal, match="with its own kid"):
            await directory.add_terminal_key(c, device.name, public(STRANGER, kid=kid))
        await directory.remove_terminal_key(c, device.name, device.key.thumbprint())
    with pytest.raises(Refusal, match="client-invalid"):
        await device.token()
    with pytest.raises(Refusal, match="token-invalid"):
        await device.sign_in().caller(old_token, now=NOW)
    await device.token(device.assertion(new))
    known = await directory.terminal(db, device.name)
    assert known
    assert known.key_ids == (kid,)


@pytest.mark.parametrize(
    "key",
    [
        {},
        [],
        {"kty": "oct", "k": "AAAA"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        jwk.ECKey.generate_key("P-256").as_dict(private=True),
    ],
    ids=["empty", "a list", "symmetric", "unreadable", "private"],
)
async def test_what_is_no_public_key_is_refused(db: Database, device: Device, key: Any) -> None:
    with pytest.raises(Refusal, match="field-invalid"):
        async with db.transaction() as c:
            await directory.add_terminal_key(c, device.name, key)


async def test_one_id_is_never_an_app_and_a_terminal(db: Database, device: Device) -> None:
    app = directory.App("APP-1", device.institution, "HIS", {"keys": [public(STRANGER)]})
    async with db.transaction() as c:
        await directory.register_app(c, app)
    for register in (
        lambda c: directory.register_terminal(c, device.institution, Terminal("APP-1", "desk", "")),
        lambda c: directory.register_app(
            c, directory.App(device.name, device.institution, "HIS", {"keys": [public(STRANGER)]})
        ),
        lambda c: directory.register_terminal(c, device.institution, Terminal("终端 一", "desk", "")),
    ):
        with pytest.raises(Refusal, match="field-invalid"):
            async with db.transaction() as c:
                await register(c)


async def test_a_revoked_and_an_expired_token(device: Device) -> None:
    sign_in = device.sign_in()
    token = (await device.token()).token
    with pytest.raises(Refusal, match="token-invalid"):
        await sign_in.caller(token, now=NOW + timedelta(seconds=900))
    await sign_in.revoke(token, device.name)
    with pytest.raises(Refusal, match="token-invalid"):
        await sign_in.caller(token, now=NOW)


async def test_what_has_expired_is_forgotten(device: Device, db: Database) -> None:
    await device.token()
    count = "select (select count(*) from directory.terminal_token) + (select count(*) from directory.assertion)"
    assert (await db.fetchrow(count))[0]
    await directory.forget_expired(db, NOW + timedelta(days=1))
    assert (await db.fetchrow(count))[0] == 0


def test_nobody_else_has_a_terminals_scopes() -> None:
    assert not Caller(kind="app", agent_id="x", scopes=frozenset(TERMINAL_SCOPES)).holds("terminal/kiosk")
