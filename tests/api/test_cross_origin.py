"""Apps that residents use in a browser: whose scripts may read the answers, by table."""

from __future__ import annotations

import pytest
from smart_app import Resident, SmartApp

from support import Institution, Platform, assert_refused
from yima import directory
from yima.directory import is_origin
from yima.runtime.errors import Refusal

OURS, THEIRS, EVIL = "https://diary.example", "http://127.0.0.1:3000", "https://evil.example"
ASKS = {"access-control-request-method": "GET", "access-control-request-headers": "authorization"}


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("S")


@pytest.fixture(scope="module")
async def ann(hospital: Institution) -> Resident:
    return await Resident.at(hospital)


@pytest.fixture(scope="module")
async def diary(hospital: Institution) -> SmartApp:
    return await SmartApp.registered(hospital, origins=(OURS,))


@pytest.fixture(scope="module")
async def other(hospital: Institution) -> SmartApp:
    return await SmartApp.registered(hospital, origins=(THEIRS,))


PREFLIGHTS = [
    ("/fhir/Patient/x", OURS, OURS),
    ("/fhir/Patient/x", THEIRS, THEIRS),
    ("/fhir/Observation/_search", OURS, OURS),
    ("/oauth/token", OURS, OURS),
    ("/oauth/revoke", OURS, OURS),
    ("/.well-known/smart-configuration", EVIL, "*"),
    ("/fhir/.well-known/smart-configuration", EVIL, "*"),
    ("/.well-known/openid-configuration", EVIL, "*"),
    ("/fhir/metadata", EVIL, "*"),
    ("/fhir/Patient/x", EVIL, ""),
    ("/fhir/Patient/x", "null", ""),
    ("/fhir/Patient/x", "*", ""),
    ("/fhir/Patient/x", "https://diary.example.evil.example", ""),
    ("/fhir/Patient/x", "http://diary.example", ""),
    ("/fhir/Patient/x", "https://diary.example:8443", ""),
    ("/fhir/Patient/x", "HTTPS://DIARY.EXAMPLE", ""),
    ("/fhir/Patient/x", "", ""),
    ("/oauth/token", EVIL, ""),
    ("/oauth/introspect", OURS, ""),
    ("/oauth/authorize", OURS, ""),
    ("/code/verify", OURS, ""),
    ("/resident/code", OURS, ""),
    ("/metrics", OURS, ""),
]


@pytest.mark.parametrize(("path", "origin", "allowed"), PREFLIGHTS)
async def test_preflights(
    platform: Platform, diary: SmartApp, other: SmartApp, path: str, origin: str, allowed: str
) -> None:
    answer = await platform.client.request("OPTIONS", path, headers=ASKS | {"origin": origin})
    assert answer.headers.get("access-control-allow-origin", "") == allowed
    assert "access-control-allow-credentials" not in answer.headers
    if allowed:
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["vary"] == "Origin"
        assert "Authorization" in answer.headers["access-control-allow-headers"]
        assert answer.headers["access-control-allow-methods"] == "GET, HEAD, POST"
    else:
        assert answer.status_code in (403, 404, 405)


async def test_a_script_of_the_apps_own_origin_reads(diary: SmartApp, ann: Resident) -> None:
    code = await diary.code(ann)
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": diary.redirect_uri,
        "code_verifier": diary.verifier, "client_id": diary.client_id,
    }  # fmt: skip
    stolen = await diary.platform.client.post("/oauth/token", data=form, headers={"origin": THEIRS})
    assert_refused(stolen, 403, "origin-not-allowed")
    got = await diary.platform.client.post("/oauth/token", data=form, headers={"origin": OURS})
    assert got.status_code == 200
    assert got.headers["access-control-allow-origin"] == OURS
    token, path = got.json()["access_token"], f"/fhir/Patient/{ann.patient}"
    read = await diary.read(token, path, headers={"origin": OURS})
    assert (read.status_code, read.headers["access-control-allow-origin"]) == (200, OURS)
    assert "ETag" in read.headers["access-control-expose-headers"]
    assert read.headers["vary"] == "Origin"
    missing = await diary.read(token, "/fhir/Patient/none-such", headers={"origin": OURS})
    assert (missing.status_code, missing.headers["access-control-allow-origin"]) == (404, OURS)


async def test_a_token_in_another_page_opens_nothing_and_nothing_is_logged_as_read(
    diary: SmartApp, other: SmartApp, ann: Resident
) -> None:
    token, path = (await diary.tokens(ann))["access_token"], f"/fhir/Patient/{ann.patient}"
    lines = len(await ann.platform.log_of(ann.person))
    for origin in (THEIRS, EVIL, "null"):
        assert_refused(await diary.read(token, path, headers={"origin": origin}), 403, "origin-not-allowed")
    assert len(await ann.platform.log_of(ann.person)) == lines
    program = await diary.read(token, path)  # no browser: no Origin
    assert program.status_code == 200
    assert program.headers["vary"] == "Origin"
    assert "access-control-allow-origin" not in program.headers


async def test_an_app_without_a_browser_page_and_programs_of_institutions_have_no_origin(
    hospital: Institution, ann: Resident
) -> None:
    app = await SmartApp.registered(hospital)
    token = (await app.tokens(ann))["access_token"]
    refused = await app.read(token, f"/fhir/Patient/{ann.patient}", headers={"origin": OURS})
    assert_refused(refused, 403, "origin-not-allowed")
    backend = await hospital.call("GET", f"/fhir/Patient/{ann.patient}", origin=EVIL)
    assert "access-control-allow-origin" not in backend.headers


async def test_a_suspended_app_takes_its_origin_along(platform: Platform, hospital: Institution) -> None:
    origin = "https://gone.example"
    app = await SmartApp.registered(hospital, origins=(origin,))
    fresh = directory.Origins(platform.database)
    assert await fresh.apps_of(origin) == {app.client_id}
    await directory.set_patient_app_status(platform.database, app.client_id, "suspended")
    assert await directory.Origins(platform.database).apps_of(origin) == frozenset()
    assert await fresh.apps_of(origin) == {app.client_id}  # remembered, for a second


ORIGINS = {
    "https://diary.example": True,
    "https://diary.example:8443": True,
    "http://127.0.0.1:3000": True,
    "http://localhost": True,
    "http://[::1]:3000": True,
    "https://diary.example/": False,
    "https://diary.example/x": False,
    "https://diary.example:443": False,
    "https://Diary.example": False,
    "http://diary.example": False,
    "https://*.example": False,
    "https://u@diary.example": False,
    "https://diary.example?x": False,
    "https://diary.example#x": False,
    "https://": False,
    "https://a\nb": False,
    "ftp://diary.example": False,
    "null": False,
    "*": False,
    "": False,
    f"https://{'a' * 200}.example": False,
}


@pytest.mark.parametrize("text", ORIGINS)
def test_which_origins_can_be_registered(text: str) -> None:
    assert is_origin(text) is ORIGINS[text]


async def test_a_wrong_origin_is_not_registered(hospital: Institution) -> None:
    with pytest.raises(Refusal) as refused:
        await SmartApp.registered(hospital, origins=("*",))
    assert (refused.value.code, refused.value.field) == ("field-invalid", "origin")
