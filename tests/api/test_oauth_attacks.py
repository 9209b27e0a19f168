"""Attacks on what residents grant to apps, by table: forged requests, stolen codes and tokens, stretched scopes. After
each, nothing was given."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from joserfc import jwk, jwt
from smart_app import BACK, Resident, SmartApp, answer_of, form_fields

from support import BASE, Institution, Platform, assert_refused, code_of
from yima import directory
from yima.directory import is_redirect_uri
from yima.runtime.errors import Refusal


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("S")


@pytest.fixture(scope="module")
async def ann(hospital: Institution) -> Resident:
    return await Resident.at(hospital)


@pytest.fixture(scope="module")
async def bob(hospital: Institution) -> Resident:
    return await Resident.at(hospital)


@pytest.fixture(scope="module")
async def app(hospital: Institution) -> SmartApp:
    return await SmartApp.registered(hospital)


@pytest.fixture(scope="module")
async def secretive(hospital: Institution) -> SmartApp:
    """A confidential app."""
    return await SmartApp.registered(hospital, confidential=True)


async def _grants(platform: Platform) -> int:
    return int((await platform.database.fetchrow("select count(*) from directory.app_grant"))[0])


# --- the authorisation request -------------------------------------------------------------------------------------
NOWHERE: dict[str, dict[str, str | None]] = {
    "client unknown": {"client_id": "nobody"},
    "client missing": {"client_id": None},
    "client with NUL": {"client_id": "a\x00b"},
    "redirect missing": {"redirect_uri": None},
    "redirect elsewhere": {"redirect_uri": "https://evil.example/back"},
    "redirect longer": {"redirect_uri": f"{BACK}/../evil"},
    "redirect with a query": {"redirect_uri": f"{BACK}?next=https://evil.example"},
    "redirect with a fragment": {"redirect_uri": f"{BACK}#x"},
    "redirect in capitals": {"redirect_uri": BACK.upper()},
    "redirect under a subdomain": {"redirect_uri": "https://app.example.evil.example/back"},
    "redirect by user": {"redirect_uri": "https://app.example@evil.example/back"},
    "redirect to a script": {"redirect_uri": "javascript:alert(1)"},
    "redirect relative": {"redirect_uri": "/back"},
    "state endless": {"state": "s" * 2000},
}


@pytest.mark.parametrize("case", NOWHERE)
async def test_a_request_that_may_be_forged_goes_nowhere(platform: Platform, app: SmartApp, case: str) -> None:
    answer = await platform.client.get("/oauth/authorize", params=app.request(**NOWHERE[case]))
    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert "app-request-invalid" in answer.text
    assert "evil.example" not in answer.text


async def test_a_parameter_that_comes_twice_goes_nowhere(platform: Platform, app: SmartApp) -> None:
    twice = [*app.request().items(), ("redirect_uri", "https://evil.example/")]
    form, kind = urlencode(twice), {"content-type": "application/x-www-form-urlencoded"}
    got = await platform.client.get("/oauth/authorize", params=twice)
    posted = await platform.client.post("/oauth/authorize", content=form, headers=kind)
    for answer in (got, posted):
        assert (answer.status_code, "location" in answer.headers) == (400, False)


SENT_BACK: dict[str, tuple[dict[str, str | None], str]] = {
    "token at once": ({"response_type": "token"}, "unsupported_response_type"),
    "no response type": ({"response_type": None}, "unsupported_response_type"),
    "code in a fragment": ({"response_mode": "fragment"}, "invalid_request"),
    "no state": ({"state": None}, "invalid_request"),
    "no PKCE": ({"code_challenge": None}, "invalid_request"),
    "PKCE in plain text": ({"code_challenge_method": "plain"}, "invalid_request"),
    "PKCE without a method": ({"code_challenge_method": None}, "invalid_request"),
    "PKCE too short": ({"code_challenge": "x"}, "invalid_request"),
    "aud of another server": ({"aud": "https://evil.example/fhir"}, "invalid_request"),
    "no aud": ({"aud": None}, "invalid_request"),
    "EHR launch": ({"launch": "x"}, "invalid_request"),
    "unasked": ({"prompt": "none"}, "interaction_required"),
    "request object": ({"request": "eyJ"}, "request_not_supported"),
    "request by address": ({"request_uri": "http://127.0.0.1:9/x"}, "request_not_supported"),
    "scope of systems": ({"scope": "system/*.cruds"}, "invalid_scope"),
    "scope of users": ({"scope": "user/*.rs"}, "invalid_scope"),
    "scope to write": ({"scope": "patient/*.cud"}, "invalid_scope"),
    "scope with a query": ({"scope": "patient/Observation.rs?category=laboratory"}, "invalid_scope"),
    "scope empty": ({"scope": ""}, "invalid_scope"),
    "scope that is only a launch": ({"scope": "launch/patient"}, "invalid_scope"),
    "scope with NUL": ({"scope": "patient/Pa\x00tient.rs"}, "invalid_scope"),
    "scope endless": ({"scope": "patient/Patient.rs " * 500}, "invalid_scope"),
}


@pytest.mark.parametrize("case", SENT_BACK)
async def test_a_wrong_request_goes_back_to_the_app_with_an_error(platform: Platform, app: SmartApp, case: str) -> None:
    changed, error = SENT_BACK[case]
    before = await _grants(platform)
    answer = await platform.client.get("/oauth/authorize", params=app.request(**changed))
    assert answer.status_code == 303
    said = answer_of(answer.headers["location"])
    assert answer.headers["location"].startswith(f"{BACK}?")
    assert (said["error"], said["iss"]) == (error, BASE)
    assert said.get("state", "") == ("" if case == "no state" else "s-1")
    assert "code" not in said
    assert await _grants(platform) == before


async def test_writing_is_cut_off_and_a_registration_is_not_exceeded(hospital: Institution, ann: Resident) -> None:
    app = await SmartApp.registered(hospital, scopes=("patient/Observation.rs", "launch/patient"))
    got = await app.tokens(ann, scope="patient/*.cruds openid launch/patient offline_access")
    assert got["scope"] == "patient/Observation.rs launch/patient"
    assert not {"refresh_token", "id_token"} & got.keys()


# --- the page where the resident answers ---------------------------------------------------------------------------
async def test_the_page_cannot_be_framed_and_its_form_goes_to_the_app_only(app: SmartApp, ann: Resident) -> None:
    async with ann.browser() as browser:
        page = await browser.get("/oauth/authorize", params=app.request(), follow_redirects=True)
    policy = page.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' https://app.example;" in policy
    assert "script-src 'self'" in policy
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"


ANSWERS: dict[str, tuple[dict[str, str], int, str]] = {
    "no form token": ({"csrf": ""}, 403, "csrf"),
    "another form token": ({"csrf": "0" * 32}, 403, "csrf"),
    "no request": ({"request": ""}, 400, "app-request-invalid"),
    "a request of one's own": ({"request": "eyJjbGllbnRfaWQiOiJ4In0." + "0" * 40}, 400, "app-request-invalid"),
    "not a request": ({"request": "\u00e9.\u00e9"}, 400, "app-request-invalid"),
}  # fmt: skip


@pytest.mark.parametrize("case", ANSWERS)
async def test_a_forged_answer_grants_nothing(platform: Platform, app: SmartApp, ann: Resident, case: str) -> None:
    changed, status, code = ANSWERS[case]
    before = await _grants(platform)
    async with ann.browser() as browser:
        page = await browser.get("/oauth/authorize", params=app.request(), follow_redirects=True)
        fields = form_fields(page.text) | {"answer": "grant"} | changed
        answer = await browser.post("/resident/apps/ask", data=fields)
    assert (answer.status_code, f"<code>{code}</code>" in answer.text) == (status, True)
    assert await _grants(platform) == before


async def test_nobody_answers_with_anothers_form(
    platform: Platform, app: SmartApp, ann: Resident, bob: Resident
) -> None:
    async with ann.browser() as hers, bob.browser() as his:
        page = await hers.get("/oauth/authorize", params=app.request(), follow_redirects=True)
        fields = form_fields(page.text) | {"answer": "grant"}
        assert (await his.post("/resident/apps/ask", data=fields)).status_code == 403
    assert (await platform.client.post("/resident/apps/ask", data=fields)).status_code == 401
    assert (await platform.client.get("/resident/apps")).status_code == 401


async def test_scopes_that_the_browser_adds_are_not_granted(app: SmartApp, ann: Resident) -> None:
    async with ann.browser() as browser:
        asked = app.request(scope="launch/patient patient/Observation.rs")
        page = await browser.get("/oauth/authorize", params=asked, follow_redirects=True)
        more = {"part-problems": "yes", "part-about": "yes", "offline": "yes", "scope": "patient/*.rs"}
        said = await browser.post("/resident/apps/ask", data=form_fields(page.text) | more | {"answer": "grant"})
    got = (await app.redeem(answer_of(said.headers["location"])["code"])).json()
    assert got["scope"] == "launch/patient patient/Observation.rs"


async def test_one_cannot_end_anothers_grant(app: SmartApp, ann: Resident, bob: Resident) -> None:
    got = await app.tokens(ann)
    row = await app.platform.database.fetchrow(
        "select grant_id from directory.app_grant where person_id = $1 order by given desc limit 1", ann.person
    )
    await app.tokens(bob)
    async with bob.browser() as browser:
        csrf = form_fields((await browser.get("/resident/apps")).text)["csrf"]
        answer = await browser.post("/resident/apps/end", data={"csrf": csrf, "grant": row["grant_id"]})
    assert answer.status_code == 404
    assert (await app.read(got["access_token"], f"/fhir/Patient/{ann.patient}")).status_code == 200


# --- codes ---------------------------------------------------------------------------------------------------------
CODES: dict[str, dict[str, str]] = {
    "no verifier": {"code_verifier": ""},
    "another verifier": {"code_verifier": secrets.token_urlsafe(48)},
    "verifier too short": {"code_verifier": "x"},
    "another redirect": {"redirect_uri": f"{BACK}?x=1"},
    "no redirect": {"redirect_uri": ""},
}


@pytest.mark.parametrize("case", CODES)
async def test_a_stolen_code_is_worth_nothing_and_is_burnt(app: SmartApp, ann: Resident, case: str) -> None:
    code = await app.code(ann)
    assert_refused(await app.redeem(code, **CODES[case]), 400, "grant-invalid")
    again = await app.redeem(code)
    assert_refused(again, 400, "grant-invalid")
    assert again.json()["error"] == "invalid_grant"


async def test_a_code_that_comes_twice_ends_what_came_of_it(app: SmartApp, ann: Resident) -> None:
    code = await app.code(ann)
    first = (await app.redeem(code)).json()
    assert_refused(await app.redeem(code), 400, "grant-invalid")
    app.platform.access.sign_in.forget(first["access_token"])
    assert_refused(await app.read(first["access_token"], f"/fhir/Patient/{ann.patient}"), 401, "token-invalid")
    assert_refused(await app.refresh(first["refresh_token"]), 400, "grant-invalid")
    line = (await app.platform.log_of(ann.person))[-1]
    assert (line["action"], json.loads(line["detail"])["event"]) == ("app", "reuse")


async def test_a_code_of_another_app_unknown_or_old(
    app: SmartApp, secretive: SmartApp, hospital: Institution, ann: Resident
) -> None:
    code = await app.code(ann)
    other = await SmartApp.registered(hospital)
    other.verifier = app.verifier
    assert_refused(await other.redeem(code), 400, "grant-invalid")
    assert_refused(await secretive.redeem(code), 400, "grant-invalid")
    assert_refused(await app.redeem("x" * 43), 400, "grant-invalid")
    assert_refused(await app.refresh(code), 400, "grant-invalid")
    await app.platform.database.execute(
        "update directory.grant_secret set expires = expires - interval '2 minutes' where kind = 'code'"
    )
    assert_refused(await app.redeem(code), 400, "grant-invalid")


# --- refresh tokens ------------------------------------------------------------------------------------------------
async def test_a_refresh_token_that_comes_twice_ends_the_family(app: SmartApp, ann: Resident) -> None:
    first = await app.tokens(ann)
    second = (await app.refresh(first["refresh_token"])).json()
    reused = await app.refresh(first["refresh_token"])
    assert_refused(reused, 400, "grant-invalid")
    assert reused.json()["error"] == "invalid_grant"
    assert_refused(await app.refresh(second["refresh_token"]), 400, "grant-invalid")
    for got in (first, second):
        app.platform.access.sign_in.forget(got["access_token"])
        assert_refused(await app.read(got["access_token"], f"/fhir/Patient/{ann.patient}"), 401, "token-invalid")


@pytest.mark.parametrize("scope", ["patient/*.rs", "patient/Patient.rs", "patient/Observation.cruds", "system/*.rs"])
async def test_a_refresh_does_not_widen(app: SmartApp, ann: Resident, scope: str) -> None:
    got = await app.tokens(ann, scope="launch/patient patient/Observation.rs online_access")
    answer = await app.refresh(got["refresh_token"], scope=scope)
    assert_refused(answer, 400, "scope-unsupported")
    assert answer.json()["error"] == "invalid_scope"
    assert (await app.refresh(got["refresh_token"])).status_code == 200, "a wrong wish spends nothing"


async def test_a_refresh_token_of_another_app_is_no_bearer_and_an_access_token_refreshes_nothing(
    app: SmartApp, hospital: Institution, ann: Resident
) -> None:
    got = await app.tokens(ann)
    other = await SmartApp.registered(hospital)
    assert_refused(await other.refresh(got["refresh_token"]), 400, "grant-invalid")
    assert_refused(await app.refresh(got["access_token"]), 400, "grant-invalid")
    assert_refused(await app.read(got["refresh_token"], f"/fhir/Patient/{ann.patient}"), 401, "token-invalid")
    assert_refused(await app.read(got.get("id_token", ""), f"/fhir/Patient/{ann.patient}"), 401, "token-invalid")


# --- who the client is ---------------------------------------------------------------------------------------------
def _none(app: SmartApp) -> str:
    return f"{_part({'alg': 'none'})}.{app.assertion().split('.')[1]}."


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def _claims(app: SmartApp) -> dict[str, Any]:
    return dict(json.loads(base64.urlsafe_b64decode(app.assertion().split(".")[1] + "==")))


def _symmetric(app: SmartApp) -> str:
    assert app.key
    public = json.dumps(app.key.as_dict(private=False)).encode()
    return jwt.encode({"alg": "HS256"}, _claims(app), jwk.OctKey.import_key(public), algorithms=["HS256"])


def _other_key(app: SmartApp, **header: Any) -> str:
    other = jwk.ECKey.generate_key("P-256")
    said = header | ({"jwk": other.as_dict(private=False)} if "jwk" in header else {})
    return jwt.encode({"alg": "ES256", **said}, _claims(app), other, algorithms=["ES256"])


FORGERIES: dict[str, Callable[[SmartApp], str]] = {
    "alg none": _none,
    "HS256 with the public key": _symmetric,
    "another key": _other_key,
    "jku": lambda app: _other_key(app, jku="http://127.0.0.1:9/keys"),
    "x5u": lambda app: _other_key(app, x5u="http://127.0.0.1:9/keys"),
    "embedded jwk": lambda app: _other_key(app, jwk=True),
    "wrong aud": lambda app: app.assertion(aud="https://evil.example/oauth/token"),
    "exp past": lambda app: app.assertion(exp=int(time.time()) - 3600),
    "exp too far": lambda app: app.assertion(exp=int(time.time()) + 7200),
    "wrong typ": lambda app: app.assertion(header={"typ": "at+jwt"}),
    "another iss": lambda app: app.assertion(iss="nobody"),
    "sub of another": lambda app: app.assertion(sub="nobody"),
}


@pytest.mark.parametrize("case", FORGERIES)
async def test_a_forged_assertion_opens_nothing(
    platform: Platform, secretive: SmartApp, ann: Resident, case: str
) -> None:
    form = {"client_assertion_type": directory.ASSERTION_TYPE, "client_assertion": FORGERIES[case](secretive)}
    for path in ("/oauth/token", "/oauth/introspect", "/oauth/revoke"):
        more = {"grant_type": "authorization_code", "code": "x", "token": "x"}
        assert_refused(await platform.client.post(path, data=form | more), 401, "client-invalid")


async def test_a_confidential_app_proves_itself_once(platform: Platform, secretive: SmartApp, ann: Resident) -> None:
    code = await secretive.code(ann)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": secretive.verifier}
    unproved = await platform.client.post("/oauth/token", data=form | {"client_id": secretive.client_id})
    assert_refused(unproved, 401, "client-invalid")
    once = {"client_assertion_type": directory.ASSERTION_TYPE, "client_assertion": secretive.assertion()}
    assert (await platform.client.post("/oauth/token", data=form | once)).status_code == 200
    replayed = await platform.client.post("/oauth/token", data=form | once)
    assert_refused(replayed, 400, "assertion-replayed")
    backend = {"grant_type": "client_credentials", "scope": "patient/*.rs", "client_assertion": secretive.assertion()}
    assert_refused(await platform.client.post("/oauth/token", data=once | backend), 400, "grant-unsupported")


async def test_clients_that_prove_nothing(platform: Platform, app: SmartApp, hospital: Institution) -> None:
    for form in ({}, {"client_id": "nobody"}, {"client_id": hospital.client_id}, {"client_id": "\u00e9"}):
        for path in ("/oauth/token", "/oauth/revoke", "/oauth/introspect"):
            sent = form | {"grant_type": "refresh_token", "refresh_token": "x", "token": "x"}
            assert_refused(await platform.client.post(path, data=sent), 401, "client-invalid")
    public = await platform.client.post("/oauth/introspect", data={"client_id": app.client_id, "token": "x"})
    assert_refused(public, 401, "client-invalid")


# --- what a token opens --------------------------------------------------------------------------------------------
async def test_an_app_reads_its_resident_and_nobody_else(
    app: SmartApp, hospital: Institution, ann: Resident, bob: Resident
) -> None:
    token = (await app.tokens(ann))["access_token"]
    for path, codes in {
        f"/fhir/Patient/{bob.patient}": {"not-found"},
        f"/fhir/Patient/{bob.patient}/$everything": {"not-found"},
        f"/fhir/Observation?patient={bob.patient}": {"not-found"},
        f"/fhir/Patient?_id={bob.patient}": {"not-found"},
        "/fhir/Observation": {"person-not-named"},
        "/fhir/Patient?family=a": {"person-not-named", "scope-insufficient", "not-found", "right-needed"},
    }.items():
        answer = await app.read(token, path)
        assert not answer.is_success, path
        assert code_of(answer) in codes, (path, answer.text)


SCAN = {"code": "YM1:x", "terminal": "T", "step": "010101", "purpose": "treatment"}
CLOSED = [
    ("POST", "/fhir/Patient"), ("POST", "/fhir"), ("PUT", "/fhir/Patient/{id}"), ("DELETE", "/fhir/Patient/{id}"),
    ("PATCH", "/fhir/Patient/{id}"), ("POST", "/fhir/Patient/$match"), ("GET", "/fhir/$export"),
    ("GET", "/fhir/Patient/$export"), ("POST", "/fhir/Patient/{id}/$meta-add"), ("POST", "/fhir/$process-message"),
    ("POST", "/code/verify"), ("POST", "/card-use"), ("GET", "/card-use/statistics"), ("GET", "/person-changes"),
    ("POST", "/kiosk/authorisations"), ("GET", "/facility/counters"), ("GET", "/facility/shares"),
    ("GET", "/fhir/AuditEvent?patient={id}"), ("GET", "/fhir/_history"), ("POST", "/fhir/Observation/$validate"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), CLOSED)
async def test_an_app_does_nothing_but_read(app: SmartApp, ann: Resident, method: str, path: str) -> None:
    if not hasattr(app, "_kept"):
        app.__dict__["_kept"] = (await app.tokens(ann))["access_token"]
    body = SCAN if path == "/code/verify" else {"resourceType": "Patient"}
    more: dict[str, Any] = {} if method in ("GET", "DELETE") else {"json": body}
    answer = await app.read(app.__dict__["_kept"], path.format(id=ann.patient), method, **more)
    assert (answer.status_code, code_of(answer)) == (403, "scope-insufficient"), answer.text


async def test_another_purpose_or_a_visit_opens_no_more(app: SmartApp, hospital: Institution, ann: Resident) -> None:
    token = (await app.tokens(ann, scope="launch/patient patient/Observation.rs"))["access_token"]
    address = f"/fhir/Observation?patient={ann.patient}"
    purpose = await app.read(token, address, headers={"yima-purpose": "treatment"})
    assert_refused(purpose, 403, "purpose-not-allowed")
    visit = await app.read(token, f"/fhir/Patient/{ann.patient}", headers={"yima-visit": "x" * 20})
    assert_refused(visit, 403, "scope-insufficient")


# --- addresses that may be registered ------------------------------------------------------------------------------
URIS = {
    "https://a.example/b?c=d": True, "http://127.0.0.1:9000/b": True, "http://localhost/b": True, "http://[::1]/": True,
    "org.example.app:/back": True, "http://a.example/": False, "https://a.example/#f": False,
    "https://*.example/": False,
    "https://u@a.example/": False, "https:///b": False, "javascript:alert(1)": False, "data:text/html,x": False,
    "app:/back": False, "https://a.example/ b": False, "https://a.example/;form-action": False, "": False,
    "https://a.example:99999/": False, "https://é.example/": False, "https://a.example/\r\nx": False,
    "https://a.example\\@evil.example/": False, "org.example://host/": False, "//a.example/": False,
}  # fmt: skip


@pytest.mark.parametrize("uri", URIS)
def test_where_an_app_may_be_sent_back_to(uri: str) -> None:
    assert is_redirect_uri(uri) is URIS[uri]


REGISTRATIONS: dict[str, dict[str, Any]] = {
    "no address": {"redirect_uris": ()},
    "a scope to write": {"scopes": ("patient/*.cud",)},
    "a scope of systems": {"scopes": ("system/*.rs",)},
    "a private key": {"jwks": {"keys": [jwk.ECKey.generate_key("P-256").as_dict(private=True)]}},
    "a secret": {"jwks": {"keys": [{"kty": "oct", "k": "AAAA"}]}},
    "no keys": {"jwks": {"keys": []}},
}


@pytest.mark.parametrize("case", REGISTRATIONS)
async def test_a_wrong_registration(platform: Platform, hospital: Institution, case: str) -> None:
    right = {"client_id": "n", "institution_id": hospital.number, "name_zh": "应用", "name_en": "App"}
    said = {"redirect_uris": (BACK,)} | right | REGISTRATIONS[case]
    with pytest.raises(Refusal, match="field-invalid"):
        async with platform.database.transaction() as c:
            await directory.register_patient_app(c, directory.PatientApp(**said))


async def test_an_id_that_somebody_else_holds(platform: Platform, hospital: Institution, app: SmartApp) -> None:
    other = await platform.institution("Y")
    for name, number in (
        (hospital.client_id, hospital.number),
        (hospital.terminal, hospital.number),
        (app.client_id, other.number),
    ):
        said = directory.PatientApp(
            client_id=name, institution_id=number, name_zh="应用", name_en="App", redirect_uris=(BACK,)
        )
        with pytest.raises(Refusal, match="field-invalid"):
            async with platform.database.transaction() as c:
                await directory.register_patient_app(c, said)
