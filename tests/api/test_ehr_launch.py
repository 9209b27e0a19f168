"""Apps that staff open in a visit: the whole way, what such an app may do, how it ends, and attacks by table."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from joserfc import jwk, jwt
from smart_app import BACK, Resident, SmartApp, answer_of, form_fields
from town import PSYCHIATRIC

from support import BASE, Institution, Platform, assert_refused, observation
from yima import directory
from yima.runtime import clock

SCOPE = "launch openid fhirUser patient/*.rs user/*.rs online_access"
LAUNCH = "https://app.example/launch?x=1"


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("S")


@pytest.fixture(scope="module")
async def ann(hospital: Institution) -> Resident:
    resident = await Resident.at(hospital)
    subject = f"Patient/{resident.patient}"
    await hospital.create(observation(subject, value=5.1))
    return resident


@pytest.fixture(scope="module")
async def bob(hospital: Institution) -> Resident:
    resident = await Resident.at(hospital)
    await hospital.create(observation(f"Patient/{resident.patient}", value=9.9))
    return resident


@pytest.fixture(scope="module")
async def app(hospital: Institution) -> SmartApp:
    return await _app(hospital)


async def _app(hospital: Institution, **said: Any) -> SmartApp:
    return await SmartApp.registered(hospital, **({"launch_url": LAUNCH, "scopes": tuple(SCOPE.split())} | said))


@dataclass
class Desk:
    """A member of the staff at a browser, and a visit that was opened there."""

    browser: httpx.AsyncClient
    visit: str

    @classmethod
    async def of(cls, hospital: Institution, resident: Resident, *, staff: int = 0) -> Desk:
        visit = await hospital.visit(resident.person)
        return cls(_browser(hospital.platform, staff or hospital.practitioner), visit)

    async def page(self) -> str:
        answer = await self.browser.get(f"/clinician/visit/{self.visit}/apps?lang=en")
        assert answer.status_code == 200, answer.text
        return answer.text

    async def opened(self, client_id: str) -> httpx.Response:
        csrf = form_fields(await self.page())["csrf"] if self.visit else ""
        form = {"csrf": csrf, "visit": self.visit, "app": client_id}
        return await self.browser.post("/clinician/apps/open", data=form)

    async def launch(self, app: SmartApp) -> str:
        """The launch token that the app gets."""
        answer = await self.opened(app.client_id)
        assert answer.status_code == 303, answer.text
        assert answer.headers["location"].startswith("https://app.example/launch?x=1&iss=")
        said = answer_of(answer.headers["location"])
        assert said["iss"] == f"{BASE}/fhir"
        return said["launch"]

    async def authorize(self, app: SmartApp, **changed: str | None) -> dict[str, str]:
        """What the app hears when it asks in this browser."""
        asked = await self.browser.get("/oauth/authorize", params=app.request(**({"scope": SCOPE} | changed)))
        place = asked.headers["location"]
        if place.startswith("/"):
            answered = await self.browser.get(place)
            assert answered.status_code == 303, answered.text
            place = answered.headers["location"]
        assert place.startswith(f"{BACK}?")
        return answer_of(place)

    async def tokens(self, app: SmartApp, **changed: str | None) -> dict[str, Any]:
        said = await self.authorize(app, launch=await self.launch(app), **changed)
        answer = await app.redeem(said["code"])
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


@pytest.fixture(scope="module")
async def desk(hospital: Institution, ann: Resident) -> Desk:
    return await Desk.of(hospital, ann)


def _browser(platform: Platform, practitioner: int) -> httpx.AsyncClient:
    cookie = platform.access.callers.session("clinician", str(practitioner), clock.now())
    return httpx.AsyncClient(
        transport=platform.client._transport, base_url=BASE, cookies={"yima_clinician": cookie}, timeout=60
    )


async def test_from_the_visit_to_the_record(hospital: Institution, ann: Resident, desk: Desk, app: SmartApp) -> None:
    assert "Glucose diary" in await desk.page()
    got = await desk.tokens(app)
    assert (got["patient"], got["need_patient_banner"], got["token_type"]) == (ann.patient, True, "Bearer")
    assert got["scope"] == SCOPE
    keys = jwk.KeySet.import_key_set((await ann.platform.client.get("/.well-known/jwks.json")).json())
    claims = jwt.decode(got["id_token"], keys, algorithms=["ES256"]).claims
    assert (claims["iss"], claims["aud"], claims["nonce"]) == (BASE, app.client_id, "n-1")
    assert claims["fhirUser"] == f"{BASE}/fhir/Practitioner/staff-{hospital.practitioner}"
    who = (await app.read(got["access_token"], claims["fhirUser"].removeprefix(BASE))).json()
    assert (who["resourceType"], who["name"][1]["text"]) == ("Practitioner", "Dr Wang")

    read = await app.read(got["access_token"], f"/fhir/Patient/{ann.patient}")
    assert read.json()["id"] == ann.patient
    found = (await app.read(got["access_token"], f"/fhir/Observation?patient={ann.patient}")).json()
    assert found["total"] == 1
    lines = await ann.platform.log_of(ann.person)
    launch, *_, last = lines[-3:]
    assert (launch["action"], launch["agent"], launch["visit"]) == ("app", "practitioner", desk.visit)
    assert (last["agent"], last["basis"], last["purpose"]) == ("practitioner", "visit", "treatment")
    assert app.client_id in str(last["detail"])
    async with ann.browser() as browser:
        log = re.sub(r"<[^>]+>", "", (await browser.get("/resident/log?lang=en")).text)
        assert "opened the app “血糖日记” in the visit" in log
        assert "Glucose diary" not in (await browser.get("/resident/apps?lang=en")).text  # the resident granted nothing


async def test_the_app_sees_what_its_user_sees_of_that_person_and_nobody_else(
    hospital: Institution, desk: Desk, bob: Resident, app: SmartApp
) -> None:
    other = await hospital.platform.institution("O")
    closed = {"resourceType": "Condition", "code": PSYCHIATRIC}
    made = await other.create({
        "resourceType": "Patient", "name": [{"text": "x"}],
        "identifier": [{"system": "urn:x", "value": "1"}],
    })  # fmt: skip
    await other.create(closed | {"subject": {"reference": f"Patient/{made['id']}"}})
    token = (await desk.tokens(app))["access_token"]
    theirs = f"/fhir/Patient/{bob.patient}"
    for path in (
        theirs,
        f"{theirs}/$everything",
        f"/fhir/Observation?patient={bob.patient}",
        f"/fhir/Patient/{made['id']}",
    ):
        answer = await app.read(token, path)
        assert answer.status_code in (403, 404), path
        assert bob.patient not in answer.text
    handle = await hospital.visit(bob.person)
    stolen = await app.read(token, f"/fhir/Patient/{bob.patient}", headers={"yima-visit": handle})
    assert stolen.status_code in (403, 404)


FORBIDDEN = [
    ("POST", "/fhir/Observation", 403, "scope-insufficient"),
    ("PUT", "/fhir/Patient/x", 403, "scope-insufficient"),
    ("POST", "/code/verify", 403, "scope-insufficient"),
    ("POST", "/fhir/Patient/$match", 403, "scope-insufficient"),
    ("GET", "/fhir/$export", 403, "scope-insufficient"),
    ("GET", "/person-changes", 403, "scope-insufficient"),
    ("GET", "/fhir/AuditEvent?patient=x", 403, "scope-insufficient"),
]


@pytest.mark.parametrize(("method", "path", "status", "code"), FORBIDDEN)
async def test_it_reads_and_no_more(
    desk: Desk, ann: Resident, app: SmartApp, method: str, path: str, status: int, code: str
) -> None:
    token = (await desk.tokens(app))["access_token"]
    assert_refused(await app.read(token, path.replace("=x", f"={ann.patient}"), method), status, code)


async def test_scopes_bind(desk: Desk, ann: Resident, app: SmartApp) -> None:
    got = await desk.tokens(app, scope="launch user/Patient.r")
    assert "id_token" not in got
    assert "refresh_token" not in got
    path = f"/fhir/Patient/{ann.patient}"
    assert (await app.read(got["access_token"], path)).status_code == 200
    assert_refused(
        await app.read(got["access_token"], f"/fhir/Observation?patient={ann.patient}"), 403, "scope-insufficient"
    )


async def test_with_the_visit_everything_ends(hospital: Institution, app: SmartApp) -> None:
    ann = await Resident.at(hospital)
    desk = await Desk.of(hospital, ann)
    got = await desk.tokens(app)
    token, path = got["access_token"], f"/fhir/Patient/{ann.patient}"
    refreshed = (await app.refresh(got["refresh_token"])).json()
    assert (await app.read(refreshed["access_token"], path)).status_code == 200
    await _end(hospital.platform, desk.visit)
    for address in (
        path,
        "/fhir/Organization",
        f"/fhir/Practitioner/staff-{hospital.practitioner}",
    ):
        assert_refused(await app.read(token, address), 401, "token-invalid")
    assert_refused(await app.refresh(refreshed["refresh_token"]), 400, "grant-invalid")
    again = await desk.browser.get(f"/clinician/visit/{desk.visit}/apps")
    assert again.status_code == 403


async def _end(platform: Platform, visit: str) -> None:
    """As if its time had come."""
    await platform.database.execute("update healthcode.visit set expires = started where visit = $1", visit)


@pytest.mark.parametrize("who", ["staff", "institution", "app"])
async def test_who_is_suspended_is_out_within_a_second(platform: Platform, who: str) -> None:
    hospital = await platform.institution("Z")
    resident, app = await Resident.at(hospital), await _app(hospital)
    got = await (await Desk.of(hospital, resident)).tokens(app)
    path = f"/fhir/Patient/{resident.patient}"
    assert (await app.read(got["access_token"], path)).status_code == 200
    if who == "staff":
        async with platform.database.transaction() as c:
            await directory.set_practitioner_status(c, hospital.practitioner, "suspended")
    elif who == "institution":
        await directory.set_institution_status(platform.database, hospital.number, "suspended")
    else:
        await directory.set_patient_app_status(platform.database, app.client_id, "suspended")
    said = "account-suspended" if who == "staff" else "institution-suspended"
    await asyncio.sleep(1.05)
    assert_refused(await app.read(got["access_token"], path), 403, said)
    refused = await app.refresh(got["refresh_token"])
    assert refused.status_code in (400, 403)


# --- attacks -------------------------------------------------------------------------------------------------------
async def test_a_launch_token_is_good_once(desk: Desk, app: SmartApp) -> None:
    launch = await desk.launch(app)
    assert "code" in await desk.authorize(app, launch=launch)
    assert (await desk.authorize(app, launch=launch))["error"] == "access_denied"


async def test_a_launch_token_is_bound_to_app_and_user_and_short_lived(
    hospital: Institution, desk: Desk, app: SmartApp
) -> None:
    platform = hospital.platform
    async with platform.database.transaction() as c:
        doctor = directory.Practitioner(0, hospital.number, "D2", "李医生", "Dr Li", "医师", "Physician", "0300")
        second = await directory.register_practitioner(c, doctor)
    colleague = Desk(_browser(platform, second), desk.visit)
    assert (await colleague.authorize(app, launch=await desk.launch(app)))["error"] == "access_denied"
    other = await _app(hospital)
    assert (await desk.authorize(other, launch=await desk.launch(app)))["error"] == "access_denied"
    for token in ("x", "", "\x00", "x" * 900):
        assert "error" in await desk.authorize(app, launch=token)
    late = await desk.launch(app)
    over = clock.now() + timedelta(seconds=directory.LAUNCH_SECONDS + 1)
    assert not await directory.take_launch(platform.database, late, app.client_id, hospital.practitioner, over)
    late = await desk.launch(app)
    rows = str([dict(row) for row in await platform.database.fetch("select * from directory.launch")])
    assert late not in rows


async def test_who_is_not_signed_in_as_staff_gets_no_code(desk: Desk, ann: Resident, app: SmartApp) -> None:
    launch = await desk.launch(app)
    async with ann.browser() as stranger:
        asked = await stranger.get("/oauth/authorize", params=app.request(scope=SCOPE, launch=launch))
        answer = await stranger.get(asked.headers["location"])
        assert answer.status_code == 401
        # Nor does the page of residents answer a request for staff.
        sealed = answer_of(asked.headers["location"])["request"]
        page = await stranger.get("/resident/apps/ask", params={"request": sealed})
        assert page.status_code == 400


SENT_BACK: dict[str, tuple[dict[str, str | None], str]] = {
    "no launch": ({"launch": None}, "invalid_request"),
    "no scope launch": ({"scope": "openid user/*.rs"}, "invalid_request"),
    "offline": ({"scope": "launch offline_access"}, "invalid_scope"),
    "writing": ({"scope": "launch user/*.cud"}, "invalid_scope"),
    "systems": ({"scope": "launch system/*.rs"}, "invalid_scope"),
    "launch alone": ({"scope": "launch"}, "invalid_scope"),
    "launch endless": ({"launch": "x" * 2000}, "invalid_request"),
}


@pytest.mark.parametrize("case", SENT_BACK)
async def test_wrong_requests_go_back(hospital: Institution, app: SmartApp, case: str) -> None:
    changed, error = SENT_BACK[case]
    asked = await hospital.platform.client.get(
        "/oauth/authorize", params=app.request(**({"scope": SCOPE, "launch": "x"} | changed))
    )
    assert answer_of(asked.headers["location"])["error"] == error


async def test_a_residents_app_cannot_be_launched_in_a_visit(hospital: Institution, desk: Desk) -> None:
    diary = await SmartApp.registered(hospital)
    assert diary.client_id not in await desk.page()
    assert (await desk.opened(diary.client_id)).status_code == 404
    asked = await hospital.platform.client.get("/oauth/authorize", params=diary.request(launch="x"))
    assert answer_of(asked.headers["location"])["error"] == "invalid_request"


async def test_another_institutions_app_or_visit_opens_nothing(hospital: Institution, desk: Desk) -> None:
    other = await hospital.platform.institution("X")
    foreign = await _app(other)
    assert (await desk.opened(foreign.client_id)).status_code == 404
    stranger = Desk(_browser(hospital.platform, other.practitioner), desk.visit)
    assert (await stranger.browser.get(f"/clinician/visit/{desk.visit}/apps")).status_code == 403


async def test_without_the_forms_token_no_app_is_opened(desk: Desk, app: SmartApp) -> None:
    form = {"visit": desk.visit, "app": app.client_id, "csrf": "x"}
    assert (await desk.browser.post("/clinician/apps/open", data=form)).status_code == 403


async def test_in_an_emergency_no_app_is_opened(hospital: Institution, ann: Resident) -> None:
    handle = await hospital.break_glass(ann.person)
    browser = _browser(hospital.platform, hospital.practitioner)
    assert (await browser.get(f"/clinician/visit/{handle}/apps")).status_code == 403


REGISTRATIONS = [
    {"launch_url": "http://elsewhere.example/"},
    {"launch_url": "javascript:alert(1)"},
    {"launch_url": "org.example.app:/launch"},
    {"launch_url": LAUNCH, "scopes": ("launch", "offline_access")},
    {"launch_url": LAUNCH, "scopes": ("launch/patient",)},
    {"launch_url": "", "scopes": ("user/*.rs",)},
    {"launch_url": "", "scopes": ("launch",)},
]


@pytest.mark.parametrize("said", REGISTRATIONS)
async def test_what_cannot_be_registered(hospital: Institution, said: dict[str, Any]) -> None:
    with pytest.raises(Exception, match="field-invalid"):
        await _app(hospital, **said)


async def test_the_server_says_so(platform: Platform) -> None:
    said = (await platform.client.get("/.well-known/smart-configuration")).json()
    assert {"launch-ehr", "context-ehr-patient", "permission-user", "context-banner"} <= set(said["capabilities"])
    assert {"launch", "user/*.rs"} <= set(said["scopes_supported"])
