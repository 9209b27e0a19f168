"""Residents let apps read their record: the whole way, what is granted, what the log says, and how it ends."""

from __future__ import annotations

import asyncio
from html import unescape

import pytest
from joserfc import jwk, jwt
from smart_app import ALL, BACK, Resident, SmartApp, answer_of, form_fields
from town import PSYCHIATRIC

from support import BASE, Institution, Platform, assert_refused, observation
from yima import directory
from yima.runtime import clock, ids


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("S")


@pytest.fixture(scope="module")
async def ann(hospital: Institution) -> Resident:
    resident = await Resident.at(hospital)
    subject = f"Patient/{resident.patient}"
    await hospital.create(observation(subject, value=5.1))
    await hospital.create({
        "resourceType": "Condition", "code": PSYCHIATRIC, "subject": {"reference": subject},
    })  # fmt: skip
    return resident


@pytest.fixture(scope="module")
async def app(hospital: Institution) -> SmartApp:
    return await SmartApp.registered(hospital)


@pytest.mark.parametrize("confidential", [False, True], ids=["public", "confidential"])
async def test_from_the_question_to_the_record(hospital: Institution, ann: Resident, confidential: bool) -> None:
    app = await SmartApp.registered(hospital, confidential=confidential)
    back = await app.authorize(ann)
    assert back.startswith(f"{BACK}?")
    said = answer_of(back)
    assert (said["state"], said["iss"]) == ("s-1", BASE)
    answer = await app.redeem(said["code"])
    body = answer.json()
    assert answer.headers["cache-control"] == "no-store"
    assert (body["token_type"], body["patient"], body["scope"]) == ("Bearer", ann.patient, ALL)

    keys = jwk.KeySet.import_key_set((await ann.platform.client.get("/.well-known/jwks.json")).json())
    claims = jwt.decode(body["id_token"], keys, algorithms=["ES256"]).claims
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (BASE, app.client_id, "n-1")
    assert claims["acr"] == "urn:yima:assurance:substantial"
    assert claims["fhirUser"] == f"{BASE}/fhir/Patient/{ann.patient}"
    assert str(ann.person) not in claims["sub"]

    token = body["access_token"]
    assert (await app.read(token, f"/fhir/Patient/{ann.patient}")).json()["id"] == ann.patient
    found = (await app.read(token, f"/fhir/Observation?patient={ann.patient}")).json()
    assert found["total"] == 1
    line = (await ann.platform.log_of(ann.person))[-1]
    assert (line["agent"], line["basis"], line["purpose"]) == ("resident", "own-record", "own-request")
    assert f'"app": "{app.client_id}"' in str(line["detail"]).replace('":"', '": "')


async def test_what_the_resident_unticked_is_not_granted(app: SmartApp, ann: Resident) -> None:
    got = await app.tokens(ann, without=("part-results", "offline"))
    assert "refresh_token" not in got
    assert "patient/Condition.rs" in got["scope"].split()
    assert "patient/Observation.rs" not in got["scope"].split()
    refused = await app.read(got["access_token"], f"/fhir/Observation?patient={ann.patient}")
    assert_refused(refused, 403, "scope-insufficient")
    whole = (await app.read(got["access_token"], f"/fhir/Patient/{ann.patient}/$everything")).json()
    assert "Observation" not in {entry["resource"]["resourceType"] for entry in whole["entry"]}


async def test_sensitive_parts_are_closed_to_an_app_unless_they_were_ticked(app: SmartApp, ann: Resident) -> None:
    closed = await app.tokens(ann)
    address = f"/fhir/Condition?patient={ann.patient}"
    assert (await app.read(closed["access_token"], address)).json()["total"] == 0
    async with ann.browser() as browser:
        asked = await browser.get("/oauth/authorize", params=app.request(), follow_redirects=True)
        fields = form_fields(asked.text) | {"answer": "grant", "sensitive": "yes"}
        said = await browser.post("/resident/apps/ask", data=fields)
    opened = (await app.redeem(answer_of(said.headers["location"])["code"])).json()
    assert (await app.read(opened["access_token"], address)).json()["total"] == 1


async def test_the_resident_says_no(app: SmartApp, ann: Resident) -> None:
    async with ann.browser() as browser:
        asked = await browser.get("/oauth/authorize", params=app.request(), follow_redirects=True)
        said = await browser.post("/resident/apps/ask", data=form_fields(asked.text) | {"answer": "refuse"})
    back = answer_of(said.headers["location"])
    assert (back["error"], back["state"], back["iss"]) == ("access_denied", "s-1", BASE)
    assert "code" not in back


async def test_refresh_turns_over_and_may_narrow(app: SmartApp, ann: Resident) -> None:
    got = await app.tokens(ann)
    next_one = (await app.refresh(got["refresh_token"], scope="patient/Observation.rs")).json()
    assert next_one["scope"] == "patient/Observation.rs"
    assert_refused(await app.read(next_one["access_token"], f"/fhir/Patient/{ann.patient}"), 403, "scope-insufficient")
    assert next_one["refresh_token"] != got["refresh_token"]
    assert (await app.refresh(next_one["refresh_token"])).json()["scope"] == ALL


async def test_online_access_is_refreshed_and_no_refresh_token_comes_without(app: SmartApp, ann: Resident) -> None:
    online = await app.tokens(ann, scope="launch/patient patient/Patient.rs online_access")
    assert (await app.refresh(online["refresh_token"])).status_code == 200
    assert "refresh_token" not in await app.tokens(ann, scope="launch/patient patient/Patient.rs")


async def test_secrets_are_kept_as_hashes_only(app: SmartApp, ann: Resident) -> None:
    got = await app.tokens(ann)
    rows = str([dict(row) for row in await app.platform.database.fetch("select * from directory.grant_secret")])
    assert got["access_token"] not in rows
    assert got["refresh_token"] not in rows


async def test_the_resident_sees_and_ends_it_within_a_second(hospital: Institution, ann: Resident) -> None:
    app = await SmartApp.registered(hospital, name_zh="步数记录", name_en="Step log")
    got = await app.tokens(ann)
    path = f"/fhir/Patient/{ann.patient}"
    assert (await app.read(got["access_token"], path)).status_code == 200
    async with ann.browser() as browser:
        for lang, name in (("zh", "步数记录"), ("en", "Step log")):
            assert name in (await browser.get(f"/resident/apps?lang={lang}")).text
        grant = (await ann.platform.access.apps.grants(await _caller(ann), clock.now()))[0]
        assert grant.used
        page = (await browser.get("/resident/apps")).text
        csrf = form_fields(page)["csrf"]
        ended = await browser.post("/resident/apps/end", data={"csrf": csrf, "grant": grant.grant_id})
        assert ended.status_code == 303
        assert "Stopped by you" in (await browser.get("/resident/apps?lang=en")).text.replace("stopped", "Stopped")
        log = (await browser.get("/resident/log?lang=en")).text
        assert "The app “步数记录” read your record" in log
        assert "stopped “步数记录”" in log
    await asyncio.sleep(1.05)
    assert_refused(await app.read(got["access_token"], path), 401, "token-invalid")
    assert_refused(await app.refresh(got["refresh_token"]), 400, "grant-invalid")


async def _caller(resident: Resident) -> directory.Caller:
    return await resident.platform.access.callers.caller("resident", resident.cookies()["yima_resident"], clock.now())


async def test_a_suspended_app_is_refused_everywhere(hospital: Institution, ann: Resident) -> None:
    app = await SmartApp.registered(hospital)
    got = await app.tokens(ann)
    await directory.set_patient_app_status(app.platform.database, app.client_id, "suspended")
    assert_refused(await app.read(got["access_token"], f"/fhir/Patient/{ann.patient}"), 403, "institution-suspended")
    assert_refused(await app.refresh(got["refresh_token"]), 403, "institution-suspended")
    asked = await app.platform.client.get("/oauth/authorize", params=app.request())
    assert asked.status_code == 400


async def test_introspection_and_revocation(platform: Platform, hospital: Institution, ann: Resident) -> None:
    app = await SmartApp.registered(hospital, confidential=True)
    got = await app.tokens(ann)
    said = (await app.post("/oauth/introspect", token=got["access_token"])).json()
    assert (said["active"], said["client_id"], said["patient"]) == (True, app.client_id, ann.patient)
    assert said["scope"] == ALL
    backend = {"client_assertion_type": directory.ASSERTION_TYPE, "client_assertion": hospital.assertion()}
    own = await platform.client.post("/oauth/introspect", data=backend | {"token": await hospital.token()})
    assert own.json()["client_id"] == hospital.client_id
    other = await SmartApp.registered(await platform.institution("X"), confidential=True)
    for token in (got["access_token"], await hospital.token(), "x" * 43, ""):
        assert (await other.post("/oauth/introspect", token=token)).json() == {"active": False}

    assert (await other.post("/oauth/revoke", token=got["refresh_token"])).status_code == 200
    assert (await app.post("/oauth/introspect", token=got["refresh_token"])).json()["active"]
    assert (await app.post("/oauth/revoke", token=got["refresh_token"])).status_code == 200
    assert (await app.post("/oauth/introspect", token=got["refresh_token"])).json() == {"active": False}
    assert (await app.post("/oauth/introspect", token=got["access_token"])).json() == {"active": False}


async def test_what_the_server_says_of_itself(platform: Platform) -> None:
    said = (await platform.client.get("/.well-known/smart-configuration")).json()
    assert said["code_challenge_methods_supported"] == ["S256"]
    for name in ("authorization_endpoint", "token_endpoint", "introspection_endpoint", "revocation_endpoint"):
        answer = await platform.client.request("GET" if name.startswith("auth") else "POST", said[name])
        assert answer.status_code not in (404, 405), name
    openid = (await platform.client.get("/.well-known/openid-configuration")).json()
    assert openid["issuer"] == said["issuer"] == BASE
    metadata = (await platform.client.get("/fhir/metadata")).json()
    uris = metadata["rest"][0]["security"]["extension"][0]["extension"]
    assert {"url": "authorize", "valueUri": said["authorization_endpoint"]} in uris


async def test_an_app_is_let_in_by_who_proved_it_just_now(app: SmartApp, ann: Resident) -> None:
    """At a browser left open the question of an app waits behind the proof, whole; an answer given late asks again."""
    access, database = app.platform.access, app.platform.database
    async with database.transaction() as c:
        subject = ids.person_text(ann.person)
        cookie = await access.means.browsers.open(c, "resident", subject, method="passkey", device="", now=clock.now())
    async with ann.browser() as browser:
        browser.cookies.clear()
        browser.cookies.set("yima_resident", cookie)
        place = (await browser.get("/oauth/authorize", params=app.request())).headers["location"]
        shown = await browser.get(place)
        assert shown.status_code == 200
        await database.execute("update authentication.session set proved = proved - interval '6 minutes'")
        late = await browser.post("/resident/apps/ask", data=form_fields(shown.text) | {"answer": "grant"})
        assert (late.status_code, late.headers["location"]) == (303, place), "back to the question"
        asked = await browser.get(place)
        fields = form_fields(asked.text)
        assert (asked.status_code, unescape(fields["again-next"]), fields["again-method"]) == (403, place, "GET")
        no = await browser.post("/resident/apps/ask", data=form_fields(shown.text) | {"answer": "no"})
        assert answer_of(no.headers["location"])["error"] == "access_denied", "saying no asks for nothing"
