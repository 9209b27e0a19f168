"""SMART Backend Services sign-in: what gets a token, what does not, and how long a token is good."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jwk, jwt
from nobody import nobody

from yima.directory import App, Caller, Rates, SignIn, register_app, register_institution, set_institution_status
from yima.runtime.database import Database
from yima.runtime.errors import Refusal

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
AUDIENCE = "http://127.0.0.1:8420/oauth/token"
STAMP = int(NOW.timestamp())
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Client:
    """An app that is registered, with its private key."""

    sign_in: SignIn
    institution: int
    app: App
    key: jwk.ECKey

    def assertion(
        self, header: dict[str, Any] | None = None, key: Any = None, alg: str = "ES384", **claims: Any
    ) -> str:
        """A good assertion, but for what is named; a claim of None is left out."""
        name = self.app.client_id
        whole = {"iss": name, "sub": name, "aud": AUDIENCE, "exp": STAMP + 240, "jti": f"j{next(_numbers)}"} | claims
        kept = {claim: value for claim, value in whole.items() if value is not None}
        head = {"alg": alg, "kid": self.key.thumbprint()} | (header or {})
        return jwt.encode(head, kept, key or self.key, algorithms=[alg])

    async def ask(self, assertion: str | None = None, scope: str = "", now: datetime = NOW) -> str:
        """A token for the assertion."""
        answer = await self.sign_in.token(assertion or self.assertion(), audiences=(AUDIENCE,), scope=scope, now=now)
        return answer.token

    async def refused(self, assertion: str) -> str:
        """The code of the refusal."""
        with pytest.raises(Refusal) as refused:
            await self.ask(assertion)
        assert assertion not in str(refused.value)
        return refused.value.code


async def register(db: Database, scopes: tuple[str, ...] = ("system/*.cruds",)) -> Client:
    """A new institution with an app."""
    number = next(_numbers)
    key = jwk.ECKey.generate_key("P-384")
    async with db.transaction() as c:
        institution = await register_institution(
            c, code=f"H{number}", name_zh="县医院", name_en="County Hospital", kind="A100", area="609901"
        )
        app = App(
            f"his-{number}",
            institution,
            "HIS",
            {"keys": [key.as_dict(private=False) | {"kid": key.thumbprint()}]},
            scopes,
        )
        await register_app(c, app)
    return Client(SignIn(db, token_seconds=300, residents=nobody, rates=Rates(600, 0)), institution, app, key)


@pytest.fixture(scope="module")
async def client(db: Database) -> Client:
    """A registered app."""
    return await register(db)


async def test_a_good_assertion_gets_a_token_that_says_who_calls(client: Client) -> None:
    answer = await client.sign_in.token(client.assertion(), audiences=("x", AUDIENCE), scope="", now=NOW)
    assert (answer.seconds, answer.scopes) == (300, ("system/*.cruds",))
    assert len(answer.token) >= 43, "256 bits"
    caller = await client.sign_in.caller(answer.token, now=NOW)
    assert (caller.kind, caller.agent_id, caller.institution) == ("app", client.app.client_id, client.institution)
    assert caller.institution_en == "County Hospital"


GOOD: dict[str, dict[str, Any]] = {
    "audience in a list": {"aud": ["somewhere", AUDIENCE]},
    "nbf a little ahead": {"nbf": STAMP + 20},
    "exp at the limit": {"exp": STAMP + 300},
    "exp just past, within leeway": {"exp": STAMP - 10},
    "unknown claims": {"custom": {"a": 1}},
}


@pytest.mark.parametrize("claims", GOOD.values(), ids=GOOD)
async def test_what_the_standard_allows_is_accepted(client: Client, claims: dict[str, Any]) -> None:
    assert await client.ask(client.assertion(**claims))


BAD_CLAIMS: dict[str, dict[str, Any]] = {
    "another audience": {"aud": "https://elsewhere.example/token"},
    "no audience": {"aud": None},
    "audience of objects": {"aud": [{"a": 1}, None, 5]},
    "audience an object": {"aud": {"a": 1}},
    "another issuer": {"iss": "nobody"},
    "issuer a number": {"iss": 5},
    "no issuer": {"iss": None},
    "issuer with NUL": {"iss": "his\x00"},
    "another subject": {"sub": "nobody"},
    "no subject": {"sub": None},
    "expired": {"exp": STAMP - 31},
    "expires too late": {"exp": STAMP + 400},
    "never expires": {"exp": None},
    "exp a text": {"exp": str(STAMP + 200)},
    "exp immense": {"exp": 10**300},
    "exp true": {"exp": True},
    "not yet": {"nbf": STAMP + 120},
    "nbf a text": {"nbf": "now"},
    "no jti": {"jti": None},
    "jti empty": {"jti": ""},
    "jti a number": {"jti": 7},
    "jti long": {"jti": "j" * 257},
    "jti with NUL": {"jti": "j\x00"},
}


@pytest.mark.parametrize("claims", BAD_CLAIMS.values(), ids=BAD_CLAIMS)
async def test_a_wrong_claim_is_refused(client: Client, claims: dict[str, Any]) -> None:
    assert await client.refused(client.assertion(**claims)) == "client-invalid"


def _part(value: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _unsigned(client: Client) -> str:
    claims = client.assertion().split(".")[1]
    return f"{_part({'alg': 'none'})}.{claims}."


def _public_key_as_secret(client: Client) -> str:
    """The classic confusion: HMAC with the public key's bytes, which everybody knows."""
    head = _part({"alg": "HS256", "kid": client.key.thumbprint()})
    signed = f"{head}.{client.assertion().split('.')[1]}"
    mac = hmac.new(client.key.as_pem(private=False), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


def _anothers(header: Callable[[Client, jwk.ECKey], dict[str, Any]]) -> Callable[[Client], str]:
    def forge(client: Client) -> str:
        mine = jwk.ECKey.generate_key("P-384")
        return client.assertion(header(client, mine), key=mine)

    return forge


def _changed(client: Client) -> str:
    head, claims, mac = client.assertion().split(".")
    padded = json.loads(base64.urlsafe_b64decode(claims + "=="))
    return f"{head}.{_part(padded | {'exp': STAMP + 300})}.{mac}"


FORGED: dict[str, Callable[[Client], str]] = {
    "alg none": _unsigned,
    "HS256 with the public key": _public_key_as_secret,
    "another key, known kid": _anothers(lambda client, _: {"kid": client.key.thumbprint()}),
    "another key, unknown kid": _anothers(lambda _, key: {"kid": key.thumbprint()}),
    "another key in the header": _anothers(lambda _, key: {"jwk": key.as_dict(private=False)}),
    "another key at an address": _anothers(lambda _, __: {"jku": "http://127.0.0.1:9/jwks.json"}),
    "another key as a certificate address": _anothers(lambda _, __: {"x5u": "http://127.0.0.1:9/x5u"}),
    "own key, unknown kid": lambda client: client.assertion({"kid": "unheard-of"}),
    "kid a list": lambda client: f"{_part({'alg': 'ES384', 'kid': []})}.{client.assertion().partition('.')[2]}",
    "critical extension": lambda client: (
        f"{_part({'alg': 'ES384', 'crit': ['b64'], 'b64': False})}.{client.assertion().partition('.')[2]}"
    ),
    "changed claims": _changed,
    "signature cut": lambda client: client.assertion()[:-4],
    "signature gone": lambda client: client.assertion().rpartition(".")[0] + ".",
    "not a JWT": lambda _: "hello",
    "blank": lambda _: "\t",
    "points only": lambda _: "..",
    "not base64": lambda _: "a.%%%.c",
    "claims a list": lambda _: f"{_part({'alg': 'ES384'})}.{_part([1])}.x",
    "claims null": lambda _: f"{_part({'alg': 'ES384'})}.{_part(None)}.x",
    "deep": lambda _: f"a.{base64.urlsafe_b64encode(b'[' * 5000).decode()}.c",
    "not ASCII": lambda _: "诊.疗.码",
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
async def test_what_is_not_signed_by_a_registered_key_is_refused(
    client: Client, forge: Callable[[Client], str]
) -> None:
    assert await client.refused(forge(client)) == "client-invalid"


async def test_a_header_that_names_another_key_is_ignored_and_the_registered_one_counts(client: Client) -> None:
    stray = jwk.ECKey.generate_key("P-384").as_dict(private=False)
    assert await client.ask(client.assertion({"jwk": stray, "jku": "http://127.0.0.1:9/"}))


async def test_an_assertion_is_good_for_one_token_on_every_worker(client: Client, db: Database) -> None:
    assertion = client.assertion()
    await client.ask(assertion)
    another_worker = replace(client, sign_in=SignIn(db, token_seconds=300, residents=nobody))
    for worker in (client, another_worker):
        assert await worker.refused(assertion) == "assertion-replayed"
    other = await register(db)
    assert await other.ask(
        other.assertion(jti=json.loads(base64.urlsafe_b64decode(assertion.split(".")[1] + "=="))["jti"])
    )


async def test_expired_assertions_and_tokens_are_forgotten(client: Client, db: Database) -> None:
    token = await client.ask()
    later = replace(client, sign_in=SignIn(db, token_seconds=300, residents=nobody))
    at = NOW + timedelta(days=1)
    await later.ask(later.assertion(exp=int(at.timestamp()) + 200), now=at)
    rows = await db.fetch("select client_id from directory.assertion where expires < $1", at)
    assert rows == []
    assert (
        await db.fetchrow("select 1 from directory.token where digest = $1", hashlib.sha256(token.encode()).digest())
        is None
    )


async def test_only_the_hash_of_a_token_is_kept(client: Client, db: Database) -> None:
    token = await client.ask()
    rows = await db.fetch("select t::text from directory.token as t")
    assert not any(token in row[0] or token.encode().hex() in row[0] for row in rows)
    assert any(hashlib.sha256(token.encode()).hexdigest() in row[0] for row in rows)


@pytest.mark.parametrize("token", ["", "x", "\x00", "令牌", "0" * 43])
async def test_tokens_that_were_never_issued_are_refused(client: Client, token: str) -> None:
    with pytest.raises(Refusal, match="token-invalid"):
        await client.sign_in.caller(token, now=NOW)


async def test_a_token_ends_even_when_it_is_remembered(client: Client) -> None:
    token = await client.ask()
    almost, over = NOW + timedelta(seconds=299.9), NOW + timedelta(seconds=300)
    assert await client.sign_in.caller(token, now=almost)
    with pytest.raises(Refusal, match="token-invalid"):
        await client.sign_in.caller(token, now=over)


async def test_a_revoked_token_is_refused_and_only_its_client_can_revoke_it(client: Client, db: Database) -> None:
    token, other = await client.ask(), await register(db)
    await client.sign_in.revoke(token, other.app.client_id)
    assert await client.sign_in.caller(token, now=NOW)
    await client.sign_in.revoke(token, client.app.client_id)
    with pytest.raises(Refusal, match="token-invalid"):
        await client.sign_in.caller(token, now=NOW)


async def test_a_suspended_institution_is_refused_within_a_second(db: Database) -> None:
    client = await register(db)
    token = await client.ask()
    await client.sign_in.caller(token, now=NOW)
    await set_institution_status(db, client.institution, "suspended")
    second = timedelta(seconds=1)
    for at in (NOW + second, NOW - timedelta(hours=1)):  # also when the clock was set back
        with pytest.raises(Refusal, match="institution-suspended"):
            await client.sign_in.caller(token, now=at)
    assert await client.refused(client.assertion()) == "institution-suspended"
    assert await client.refused(_changed(client)) == "client-invalid", "a forger does not learn of the suspension"
    await set_institution_status(db, client.institution, "active")
    assert await client.sign_in.caller(token, now=NOW + 2 * second)


async def test_a_scope_taken_from_the_registration_is_taken_from_its_tokens(db: Database) -> None:
    client = await register(db)
    token = await client.ask(scope="system/Observation.rs system/Patient.cruds")
    async with db.transaction() as c:
        await register_app(c, replace(client.app, scopes=("system/*.rs",)))
    caller = await client.sign_in.caller(token, now=NOW + timedelta(seconds=2))
    assert caller.scopes == {"system/Observation.rs"}


SCOPES = [
    (("system/*.cruds",), "", ("system/*.cruds",)),
    (("system/*.cruds",), "system/Observation.rs", ("system/Observation.rs",)),
    (("system/*.cruds",), "system/Observation.rs system/Patient.c", ("system/Observation.rs", "system/Patient.c")),
    (("system/*.cruds",), "system/*.read", ("system/*.read",)),
    (("system/*.*",), "system/*.cruds", ("system/*.cruds",)),
    (("system/*.read",), "system/*.rs", ("system/*.rs",)),
    (("system/Observation.rs",), "system/Observation.r", ("system/Observation.r",)),
    (("system/Observation.rs", "system/Patient.rs"), "system/Patient.r system/Condition.r", ("system/Patient.r",)),
    (("system/*.rs",), "system/Observation.cruds", None),
    (("system/*.rs",), "system/*.write", None),
    (("system/Observation.cruds",), "system/*.r", None),
    (("system/Observation.rs",), "system/Patient.r", None),
    (("system/*.cruds",), "user/*.cruds", None),
    (("system/*.cruds",), "patient/Observation.r", None),
    (("system/*.cruds",), "openid launch", None),
    (("system/*.cruds",), "system/Observation.", None),
    (("system/*.cruds",), "system/Observation", None),
    (("system/*.cruds",), "system/Observation.x", None),
    (("system/*.cruds",), "system/Observation.rs?category=laboratory", None),
]


@pytest.mark.parametrize(("held", "asked", "granted"), SCOPES)
async def test_narrower_scopes_are_granted_and_wider_ones_refused(
    db: Database, held: tuple[str, ...], asked: str, granted: tuple[str, ...] | None
) -> None:
    client = await register(db, held)
    asking = client.sign_in.token(client.assertion(), audiences=(AUDIENCE,), scope=asked, now=NOW)
    if granted is None:
        with pytest.raises(Refusal, match="scope-insufficient"):
            await asking
    else:
        assert (await asking).scopes == granted


def test_scopes_cover_letters_and_types_exactly() -> None:
    def may(scope: str, verb: str, kind: str = "Observation") -> bool:
        return Caller(kind="app", agent_id="", scopes=frozenset({scope})).may(kind, verb)

    assert all(may("system/*.cruds", verb) for verb in "cruds")
    assert [verb for verb in "cruds" if may("system/Observation.read", verb)] == ["r", "s"]
    assert [verb for verb in "cruds" if may("system/Observation.write", verb)] == ["c", "u", "d"]
    assert not any(may("system/Observation.rs?category=x", verb) for verb in "cruds"), "its query has letters too"
    assert not may("system/*.cruds", "")
    assert not may("system/*.cruds", "cr")
    assert not may("system/Observation.cruds", "r", "Patient")
    assert not may("user/*.cruds", "r")
    assert Caller(kind="practitioner", agent_id="").may("Observation", "r"), "people have no scopes"
