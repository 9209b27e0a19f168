"""Institutions sign in with a key of their own (SMART Backend Services); whatever else is tried gets no token."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import Any

import pytest
from joserfc import jwk, jwt

from support import BASE, Institution, Platform, assert_refused, observation, patient
from yima import directory


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


async def test_a_signed_assertion_becomes_a_token(hospital: Institution) -> None:
    answer = await hospital.ask_token()
    assert answer.status_code == 200
    body = answer.json()
    assert body["token_type"] == "bearer"
    assert body["expires_in"] == 900
    assert body["scope"] == "system/*.cruds"
    assert len(body["access_token"]) >= 43  # 256 bits
    assert answer.headers["cache-control"] == "no-store"
    assert (await hospital.create(patient()))["id"]


async def test_the_token_is_kept_as_a_hash_only(platform: Platform, hospital: Institution) -> None:
    token = await hospital.token(scope="system/*.rs")
    rows = await platform.database.fetch("select * from directory.token")
    assert token not in str([dict(row) for row in rows])


async def test_an_assertion_is_good_for_one_token(hospital: Institution) -> None:
    once = hospital.assertion()
    assert (await hospital.ask_token(once)).status_code == 200
    again = await hospital.ask_token(once)
    assert_refused(again, 400, "assertion-replayed")
    assert again.json()["error"] == "invalid_grant"


def _encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def _unsigned(hospital: Institution, header: dict[str, Any], signature: str = "") -> str:
    payload = hospital.assertion().split(".")[1]
    return f"{_encoded(header)}.{payload}.{signature}"


def _symmetric(hospital: Institution) -> str:
    """HS256 with the public key as the secret: what a confused library would accept."""
    public = json.dumps(hospital.key.as_dict(private=False)).encode()
    claims = json.loads(base64.urlsafe_b64decode(hospital.assertion().split(".")[1] + "=="))
    return jwt.encode({"alg": "HS256"}, claims, jwk.OctKey.import_key(public), algorithms=["HS256"])


def _other_key(hospital: Institution, **header: Any) -> str:
    other = jwk.ECKey.generate_key("P-256")
    named = header | ({"jwk": other.as_dict(private=False)} if "jwk" in header else {})
    claims = json.loads(base64.urlsafe_b64decode(hospital.assertion().split(".")[1] + "=="))
    return jwt.encode({"alg": "ES256", **named}, claims, other, algorithms=["ES256"])


NOW = int(time.time())
FORGERIES = {
    "alg none": lambda h: _unsigned(h, {"alg": "none"}),
    "alg none in capitals": lambda h: _unsigned(h, {"alg": "NONE"}),
    "no alg": lambda h: _unsigned(h, {"typ": "JWT"}, "AAAA"),
    "HS256 with the public key": _symmetric,
    "another key": _other_key,
    "another key under our kid": lambda h: _other_key(h, kid=h.key.thumbprint()),
    "another key under a random kid": lambda h: _other_key(h, kid="0" * 43),
    "kid that is a path": lambda h: _other_key(h, kid="../../../../dev/null"),
    "embedded jwk": lambda h: _other_key(h, jwk=True),
    "jku": lambda h: _other_key(h, jku="http://127.0.0.1:9/keys"),
    "x5u": lambda h: _other_key(h, x5u="http://127.0.0.1:9/keys"),
    "signature of another assertion": lambda h: ".".join((*h.assertion().split(".")[:2], h.assertion().split(".")[2])),
    "signature cut short": lambda h: h.assertion()[:-8],
    "no signature": lambda h: h.assertion().rpartition(".")[0] + ".",
    "other typ": lambda h: h.assertion(header={"alg": "ES256", "kid": h.key.thumbprint(), "typ": "at+jwt"}),
    "critical extension": lambda h: h.assertion(
        header={"alg": "ES256", "kid": h.key.thumbprint(), "crit": ["x"], "x": 1}
    ),
    "unknown client": lambda h: h.assertion(iss="nobody", sub="nobody"),
    "sub of another": lambda h: h.assertion(sub="other"),
    "no sub": lambda h: h.assertion(sub=None),
    "aud of another server": lambda h: h.assertion(aud="https://elsewhere.example/oauth/token"),
    "no aud": lambda h: h.assertion(aud=None),
    "aud is a number": lambda h: h.assertion(aud=7),
    "aud holds objects": lambda h: h.assertion(aud=[{}, [1]]),
    "exp past": lambda h: h.assertion(exp=NOW - 3600),
    "exp too far ahead": lambda h: h.assertion(exp=NOW + 7200),
    "exp is text": lambda h: h.assertion(exp="tomorrow"),
    "exp is endless": lambda h: h.assertion(exp=float("inf")),
    "exp is no number": lambda h: h.assertion(exp=float("nan")),
    "no exp": lambda h: h.assertion(exp=None),
    "not valid yet": lambda h: h.assertion(nbf=NOW + 3600),
    "no jti": lambda h: h.assertion(jti=None),
    "jti is empty": lambda h: h.assertion(jti=""),
    "jti is a number": lambda h: h.assertion(jti=7),
    "jti with NUL": lambda h: h.assertion(jti="a\x00b"),
    "jti with a lone surrogate": lambda h: h.assertion(jti="a\ud800"),
    "jti too long": lambda h: h.assertion(jti="x" * 257),
    "iss with NUL": lambda h: h.assertion(iss="a\x00", sub="a\x00"),
    "iss is a list": lambda h: h.assertion(iss=["a"]),
    "not a token": lambda _: "hello",
    "empty parts": lambda _: "..",
    "not base64": lambda _: "a.€€.b",
    "SQL": lambda _: "' or 1=1 --",
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_a_forged_assertion_gets_no_token(platform: Platform, hospital: Institution, forgery: str) -> None:
    before = await platform.database.fetch("select digest from directory.token")
    answer = await hospital.ask_token(FORGERIES[forgery](hospital))
    assert_refused(answer, 401, "client-invalid")
    assert answer.json()["error"] == "invalid_client"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert await platform.database.fetch("select digest from directory.token") == before


FORMS = {
    "another grant": ({"grant_type": "password"}, 400, "grant-unsupported", "unsupported_grant_type"),
    "another assertion type": ({"client_assertion_type": "urn:x"}, 401, "client-invalid", "invalid_client"),
    "no assertion": ({"client_assertion": ""}, 401, "client-invalid", "invalid_client"),
    "scope of a user": ({"scope": "user/Patient.r"}, 403, "scope-insufficient", "invalid_scope"),
    "scope of letters that are none": ({"scope": "system/Patient.xyz"}, 403, "scope-insufficient", "invalid_scope"),
    "scope with NUL": ({"scope": "system/Pat\x00ient.r"}, 403, "scope-insufficient", "invalid_scope"),
    "scope narrowed by a query": (
        {"scope": "system/Observation.rs?category=vital-signs"},
        403,
        "scope-insufficient",
        "invalid_scope",
    ),
}


@pytest.mark.parametrize("case", FORMS)
async def test_a_wrong_form_gets_an_oauth_error(hospital: Institution, case: str) -> None:
    fields, status, code, error = FORMS[case]
    answer = await hospital.ask_token(**fields)
    assert_refused(answer, status, code)
    assert answer.json()["error"] == error


async def test_the_token_endpoint_reads_forms_only(platform: Platform, hospital: Institution) -> None:
    json_body = await platform.client.post("/oauth/token", json={"grant_type": "client_credentials"})
    assert_refused(json_body, 415, "unsupported-media-type")
    twice = await platform.client.post(
        "/oauth/token",
        content=b"grant_type=client_credentials&grant_type=client_credentials",
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert_refused(twice, 422, "field-invalid")
    latin = await platform.client.post(
        "/oauth/token", content=b"scope=%ff", headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert_refused(latin, 422, "field-invalid")


BEARERS = {
    "none": {},
    "empty": {"authorization": "Bearer "},
    "basic": {"authorization": "Basic YTpi"},
    "no scheme": {"authorization": "x" * 43},
}


@pytest.mark.parametrize("case", BEARERS)
async def test_without_a_bearer_token_nothing_is_answered(platform: Platform, case: str) -> None:
    assert_refused(await platform.client.get("/fhir/Patient/x", headers=BEARERS[case]), 401, "token-missing")


@pytest.mark.parametrize("token", ["x", "x" * 43, "\u00ff" * 43, "a" * 8000])
async def test_a_token_that_was_never_issued(platform: Platform, token: str) -> None:
    answer = await platform.client.get(
        "/fhir/Patient/x", headers={"authorization": f"Bearer {token}".encode("latin-1")}
    )
    assert_refused(answer, 401, "token-invalid")


async def test_an_expired_token(platform: Platform, hospital: Institution) -> None:
    token = await hospital.token(scope="system/*.rs")
    await platform.database.execute(
        "update directory.token set expires = expires - interval '1 day' where scopes = $1", ["system/*.rs"]
    )
    assert_refused(await hospital.call("GET", "/fhir/Patient/x", token=token), 401, "token-invalid")


async def test_a_suspended_institution_is_refused_within_a_second(platform: Platform) -> None:
    gone = await platform.institution("gone")
    stored = await gone.create(patient())
    await directory.set_institution_status(platform.database, gone.number, "suspended")
    await asyncio.sleep(1)  # so long a worker may go by what it knew
    assert_refused(await gone.call("GET", f"/fhir/Patient/{stored['id']}"), 403, "institution-suspended")
    assert_refused(await gone.ask_token(), 403, "institution-suspended")
    assert_refused(await gone.scan("YM1:X"), 403, "institution-suspended")


SCOPES = [
    # scope asked for, (method, path) -> allowed
    ("system/Patient.r", {"read": True, "search": False, "create": False, "update": False, "delete": False}),
    ("system/Patient.rs", {"read": True, "search": True, "create": False, "update": False, "delete": False}),
    ("system/Patient.c", {"read": False, "search": False, "create": True, "update": False, "delete": False}),
    ("system/Patient.u", {"read": False, "search": False, "create": False, "update": True, "delete": False}),
    ("system/Patient.d", {"read": False, "search": False, "create": False, "update": False, "delete": True}),
    ("system/Patient.read", {"read": True, "search": True, "create": False, "update": False, "delete": False}),
    ("system/Patient.write", {"read": False, "search": False, "create": True, "update": True, "delete": True}),
    ("system/Patient.*", {"read": True, "search": True, "create": True, "update": True, "delete": True}),
    ("system/*.cruds", {"read": True, "search": True, "create": True, "update": True, "delete": True}),
    ("system/Observation.cruds", {"read": False, "search": False, "create": False, "update": False, "delete": False}),
]


@pytest.mark.parametrize(("scope", "allowed"), SCOPES, ids=[scope for scope, _ in SCOPES])
async def test_a_token_does_what_its_scope_says(hospital: Institution, scope: str, allowed: dict[str, bool]) -> None:
    stored = await hospital.create(patient())
    address = f"/fhir/Patient/{stored['id']}"
    token = await hospital.token(scope=scope)
    tried = {
        "read": await hospital.call("GET", address, token=token),
        "search": await hospital.call("GET", f"/fhir/Patient?_id={stored['id']}", token=token),
        "create": await hospital.call("POST", "/fhir/Patient", patient(), token=token),
        "update": await hospital.call("PUT", address, stored, token=token),
        "delete": await hospital.call("DELETE", address, token=token),
    }
    assert {name: answer.is_success for name, answer in tried.items()} == allowed
    for answer in tried.values():
        if not answer.is_success:
            assert_refused(answer, 403, "scope-insufficient")


async def test_scopes_hold_inside_a_bundle_and_for_everything(hospital: Institution) -> None:
    addresses = await hospital.submit()
    only_patients = await hospital.token(scope="system/Patient.rs system/Patient.c")
    whole = await hospital.call("GET", f"/fhir/{addresses[0]}/$everything", token=only_patients)
    assert [e["resource"]["resourceType"] for e in whole.json()["entry"]] == ["Patient"]
    sent = {
        "resourceType": "Bundle",
        "type": "batch",
        "entry": [
            {"request": {"method": "POST", "url": "Observation"}, "resource": observation(addresses[0])},
            {"request": {"method": "GET", "url": addresses[2]}},
            {"request": {"method": "GET", "url": f"Observation?patient={addresses[0]}"}},
            {"request": {"method": "GET", "url": addresses[0]}},
        ],
    }
    answer = (await hospital.call("POST", "/fhir", sent, token=only_patients)).json()
    assert [e["response"]["status"][:3] for e in answer["entry"]] == ["403", "403", "403", "200"]


async def test_an_app_registered_for_less_gets_less(platform: Platform) -> None:
    reader = await platform.institution("R", scopes="system/Observation.rs")
    for asked, got in (("", "system/Observation.rs"), ("system/Observation.r", "system/Observation.r")):
        assert (await reader.ask_token(scope=asked)).json()["scope"] == got
    assert_refused(await reader.ask_token(scope="system/*.cruds"), 403, "scope-insufficient")
    mixed = await reader.ask_token(scope="system/Observation.rs system/Patient.rs")
    assert mixed.json()["scope"] == "system/Observation.rs"


async def test_what_the_server_says_of_itself(platform: Platform) -> None:
    for address in ("/.well-known/smart-configuration", "/fhir/.well-known/smart-configuration"):
        said = (await platform.client.get(address)).json()
        assert said["token_endpoint"] == f"{BASE}/oauth/token"
        assert said["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
        assert {"ES384", "RS384"} <= set(said["token_endpoint_auth_signing_alg_values_supported"])
    keys = (await platform.client.get("/.well-known/jwks.json")).json()["keys"]
    assert keys
    assert all("d" not in key and key["kty"] == "EC" for key in keys)
