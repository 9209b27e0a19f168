"""Floods: how often one network may knock where nobody is signed in yet, one client sign in, one caller ask."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from prometheus_client import REGISTRY
from smart_app import SmartApp

from support import Institution, Platform, assert_refused
from yima.api.doors import DOORS, Doors
from yima.runtime import settings
from yima.runtime.errors import KINDS, Refusal

FROM = {"x-forwarded-for": "203.0.113.205"}


@pytest.fixture(scope="module")
async def narrow(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """A platform whose doors are narrow: thirty a minute of one network, twelve of one client."""
    platform = await Platform.start(
        database_url, tmp_path_factory.mktemp("narrow"), sign_in_rate=30, client_rate=12, caller_rate=1
    )
    yield platform
    await platform.stop()


@pytest.fixture(scope="module")
async def hospital(narrow: Platform) -> Institution:
    return await narrow.institution("F")


def _counted(code: str) -> float:
    return REGISTRY.get_sample_value("yima_security_events_total", {"code": code}) or 0.0


KNOCKS: list[tuple[str, str, dict[str, Any]]] = [
    ("POST", "/oauth/token", {"data": {"grant_type": "authorization_code", "client_id": "nobody", "code": "x"}}),
    ("POST", "/oauth/token", {"data": {"grant_type": "client_credentials", "client_assertion": "x"}}),
    ("POST", "/oauth/introspect", {"data": {"token": "x"}}),
    ("POST", "/oauth/revoke", {"data": {"token": "x", "client_id": "nobody"}}),
    ("GET", "/oauth/authorize", {"params": {"client_id": "nobody"}}),
    ("POST", "/oauth/authorize", {"data": {"client_id": "nobody"}}),
    ("GET", "/dev/sign-in/x", {}),
    ("GET", "/resident/sign-in-of-nobody", {}),
]


@pytest.mark.parametrize(("method", "path", "more"), KNOCKS, ids=[f"{m} {p} {n}" for n, (m, p, _) in enumerate(KNOCKS)])
async def test_a_network_that_guesses_is_told_to_wait(
    narrow: Platform, method: str, path: str, more: dict[str, Any]
) -> None:
    number = KNOCKS.index((method, path, more))
    headers = {"x-forwarded-for": f"198.51.100.{number}"}
    before = _counted("too-many-requests")
    answers = [await narrow.client.request(method, path, headers=headers, **more) for _ in range(5)]
    assert [answer.status_code == 429 for answer in answers] == [False] * 3 + [True] * 2  # ten units for each guess
    assert 0 < int(answers[-1].headers["retry-after"]) <= 10
    assert "too-many-requests" in answers[-1].text
    assert _counted("too-many-requests") == before + 2
    other = await narrow.client.request(method, path, headers={"x-forwarded-for": f"203.0.113.{number}"}, **more)
    assert other.status_code != 429


async def test_who_signs_in_rightly_has_ten_times_the_room_but_no_client_has_more_than_its_own(
    narrow: Platform, hospital: Institution
) -> None:
    forms = [
        {"grant_type": "client_credentials", "client_assertion_type": _TYPE, "client_assertion": hospital.assertion()}
        for _ in range(13)
    ]
    answers = [
        await narrow.client.post("/oauth/token", data=form, headers={"x-forwarded-for": f"192.0.2.{n}"})
        for n, form in enumerate(forms)
    ]
    assert [answer.status_code for answer in answers] == [200] * 12 + [429]
    body = answers[-1].json()
    assert (body["code"], body["error"]) == ("too-many-requests", "invalid_request")


async def test_nobody_uses_up_the_share_of_a_client_by_naming_it(narrow: Platform) -> None:
    other = await narrow.institution("G")
    for n in range(14):
        forged = {
            "grant_type": "client_credentials", "client_assertion_type": _TYPE,
            "client_assertion": other.assertion()[:-6] + "AAAAAA",
        }  # fmt: skip
        answer = await narrow.client.post("/oauth/token", data=forged, headers={"x-forwarded-for": f"192.0.2.{n}"})
        assert_refused(answer, 401, "client-invalid")
    assert (await other.ask_token()).status_code == 200


async def test_one_caller_cannot_take_all(narrow: Platform) -> None:
    one, two = await narrow.institution("P"), await narrow.institution("Q")
    token = await one.token()
    answers = [await one.call("GET", "/fhir/Patient/none-such", token=token) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [404, 404, 429]
    assert answers[-1].json()["issue"][0]["code"] == "throttled"
    assert answers[-1].headers["retry-after"] == "1"
    assert (await two.call("GET", "/fhir/Patient/none-such")).status_code == 404


async def test_a_public_app_is_told_in_its_own_protocol(narrow: Platform, hospital: Institution) -> None:
    app = await SmartApp.registered(hospital)
    form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": app.client_id}
    answers = [await narrow.client.post("/oauth/token", data=form, headers=FROM) for _ in range(4)]
    assert [answer.json()["error"] for answer in answers] == ["invalid_grant"] * 3 + ["invalid_request"]


def test_every_door_is_counted_and_nothing_else() -> None:
    now = [100.0]
    doors = Doors(settings.Settings(sign_in_rate=10), lambda: now[0])
    for door in DOORS:
        scope = {"path": f"{door}x", "client": (door, 1), "headers": []}
        for _ in range(10):
            doors.knock(scope)
        with pytest.raises(Refusal):
            doors.knock(scope)
    for path in ("/fhir/Patient/x", "/code/verify", "/health/live", "/resident/code"):
        for _ in range(50):
            doors.knock({"path": path, "client": ("one", 1), "headers": []})


def test_a_refusal_that_says_nothing_of_the_caller_costs_nothing() -> None:
    doors = Doors(settings.Settings(sign_in_rate=10), lambda: 100.0)
    scope = {"path": "/oauth/token", "client": ("one", 1), "headers": []}
    for _ in range(10):
        doors.knock(scope)
        doors.left(scope, Refusal("not-ready"))
    with pytest.raises(Refusal):
        doors.knock(scope)


def test_what_may_be_an_attack_is_said_in_the_catalogue() -> None:
    marked = {code for code, kind in KINDS.items() if kind.security}
    assert {"client-invalid", "token-invalid", "grant-invalid", "csrf", "too-many-requests"} <= marked
    assert not marked & {"not-found", "sign-in-needed", "overloaded"}


_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
