"""Every address with every kind of credential: who has none, the wrong one, too narrow a scope or no more right to it
is refused with the stable code; who may, gets past the door."""

from __future__ import annotations

import asyncio
import itertools
import re
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from smart_app import Resident, SmartApp
from starlette.endpoints import HTTPEndpoint
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, WebSocketRoute
from terminals import enrol
from test_openapi_and_routes import PUBLIC, SIGNED

from support import Institution, Platform, code_of, observation, patient, report
from yima import api, directory
from yima.access import Asking, UntoldError
from yima.api import capability
from yima.api.policy import POLICY, TELLS, WHO, disclosing, under_policy, without_policy
from yima.runtime import clock

ROWS = sorted(POLICY.items())
DOOR = {"token-missing", "token-invalid", "scope-insufficient", "institution-suspended"}
"""What is refused at the door, before anything is looked at."""
LEVEL_ONE = re.compile(r"/fhir/(?:CodeSystem|ValueSet|ConceptMap)(?:$|/\$|/_search)|/\$validate$|/fhir/metadata").search
"""What is of level 1 of GB/T 39725: loaded terminology, and checking what one sends oneself."""


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    assert without_policy(api.routes(), POLICY) == []
    routed = {f"{m} {r.path}" for r in api.routes() for m in (getattr(r, "methods", None) or set()) - {"HEAD"}}
    assert set(POLICY) == routed
    assert set(POLICY.values()) == set(WHO)


def test_a_route_without_a_row_is_found() -> None:
    assert without_policy(api.routes(), {}) == [f"{m} {p}" for m, p in _of(api.routes())]


async def _nothing(_: Request) -> Response:
    return Response()


async def _tells(request: Request) -> Response:
    asking = Asking(caller=request.state.caller, now=clock.now())
    return Response((await request.state.access.read(asking, "Observation", request.state.id)).content)


def test_nothing_starts_with_a_route_that_has_no_row() -> None:
    added = Route("/fhir/Patient/{id}/$export-all", _nothing)
    with pytest.raises(LookupError, match=r"GET /fhir/Patient/\{id\}/\$export-all"):
        under_policy([*api.routes(), added])


class _Anything(HTTPEndpoint):
    """Answers whatever method it has a function for: its route names none."""


@pytest.mark.parametrize(
    "added",
    [Mount("/more", routes=[Route("/x", _nothing)]), Route("/more", _Anything), WebSocketRoute("/more", _nothing)],
    ids=["mount", "class", "socket"],
)
def test_nothing_starts_with_what_rows_cannot_name(added: BaseRoute) -> None:
    with pytest.raises(LookupError, match="/more"):
        under_policy([*api.routes(), added])


def test_each_handler_tells_at_all_its_addresses_or_at_none() -> None:
    said: dict[Any, set[str]] = {}
    for route in api.routes():
        assert isinstance(route, Route)
        for row in _of([route]):
            said.setdefault(route.endpoint, set()).add(TELLS.get(" ".join(row), ""))
    assert [handler.__name__ for handler, words in said.items() if len(words) > 1] == []
    assert disclosing(api.routes()) == api.DISCLOSING
    assert set(TELLS) <= set(POLICY)
    assert set(TELLS.values()) == {"tells", "may tell"}


async def test_an_address_of_which_nobody_said_that_it_tells_cannot(platform: Platform) -> None:
    """A handler that reads a record, put under a row that does not say so, and under one that does."""
    hospital = await platform.institution("T")
    made = await hospital.submit()
    caller = await platform.access.sign_in.caller(await hospital.token(), now=clock.now())
    state = {"caller": caller, "access": platform.access, "id": made[2].partition("/")[2]}
    request = Request({"type": "http", "method": "GET", "state": state})
    [shut, open_] = under_policy([Route("/openapi.json", _tells), Route("/record/{id}", _tells)])
    with pytest.raises(UntoldError):
        await shut.endpoint(request)  # type: ignore[attr-defined]
    assert b"Observation" in (await open_.endpoint(request)).body  # type: ignore[attr-defined]


def _of(routes: list[Any]) -> list[tuple[str, str]]:
    return [(m, r.path) for r in routes for m in sorted(r.methods - {"HEAD"})]


def test_what_is_public_is_what_openapi_says() -> None:
    public = {f"{m} {p}" for m, p in PUBLIC | SIGNED}
    assert {row for row, who in ROWS if who in ("anybody", "proof")} == public


def test_every_operation_of_the_statement_has_a_route_with_a_row() -> None:
    said = capability.statement("http://127.0.0.1:8420")["rest"][0]
    for resource, operation in [(r["type"], o["name"]) for r in said["resource"] for o in r.get("operation", ())]:
        fits = re.compile(rf"(?:GET|POST) /fhir/(?:{resource}|{{type}})(?:/{{id}})?/\${operation}$").match
        assert any(map(fits, POLICY)), (resource, operation)
    for operation in said.get("operation", ()):
        assert f"GET /fhir/${operation['name']}" in POLICY
    verbs = {
        "read": "GET /fhir/{type}/{id}", "vread": "GET /fhir/{type}/{id}/_history/{version}",
        "history-instance": "GET /fhir/{type}/{id}/_history", "history-type": "GET /fhir/{type}/_history",
        "search-type": "GET /fhir/{type}", "create": "POST /fhir/{type}", "update": "PUT /fhir/{type}/{id}",
        "patch": "PATCH /fhir/{type}/{id}", "delete": "DELETE /fhir/{type}/{id}",
    }  # fmt: skip
    offered = {i["code"] for r in said["resource"] for i in r["interaction"]}
    assert {verbs[code] for code in offered} <= set(POLICY)


@dataclass
class Credentials:
    """A token of each kind, and whose terminal scans."""

    platform: Platform
    tokens: dict[str, str]
    terminal: str


MAY = {
    "app": {"app", "reader", "scanner", "counter"},
    "narrow app": {"app", "reader", "scanner", "counter"},
    "desk": {"scanner", "counter"},
    "kiosk": {"scanner", "counter", "kiosk"},
    "resident's app": {"reader"},
    "resident's narrow app": {"reader"},
    "suspended": set[str](),
    "nobody": set[str](),
    "made up": set[str](),
    "a session": set[str](),
}
"""Kind of credential -> whose addresses it opens."""


@pytest.fixture(scope="module")
async def held(platform: Platform) -> Credentials:
    hospital = await platform.institution("A")
    narrow = await platform.institution("N", scopes="system/Slot.r")
    gone = await platform.institution("G")
    desk, kiosk = await enrol(hospital, "desk"), await enrol(hospital, "kiosk")
    ann = await Resident.at(hospital)
    tokens = {
        "app": await hospital.token(), "narrow app": await narrow.token(), "suspended": await gone.token(),
        "desk": (await desk.sign_in()).json()["access_token"], "kiosk": (await kiosk.sign_in()).json()["access_token"],
        "resident's app": await _granted(hospital, ann, "openid patient/*.rs"),
        "resident's narrow app": await _granted(hospital, ann, "openid patient/Slot.r"),
        "nobody": "", "made up": "x" * 43, "a session": ann.cookies()["yima_resident"],
    }  # fmt: skip
    await directory.set_institution_status(platform.database, gone.number, "suspended")
    await asyncio.sleep(1.05)  # tokens are known for a second
    return Credentials(platform, tokens, desk.name)


async def _granted(hospital: Institution, ann: Resident, scope: str) -> str:
    app = await SmartApp.registered(hospital, scopes=("openid", "patient/*.rs", "patient/Slot.r"))
    return str((await app.redeem(await app.code(ann, scope=scope))).json()["access_token"])


VALUES = {
    "method": "verifyQRCode", "kid": "none", "name": "Patient.ndjson", "number": "1", "version": "1",
    "line": "0000000001-0000000000001", "type": "Observation", "id": "0000000001-0000000000001",
}  # fmt: skip


def _body(method: str, path: str, terminal: str) -> dict[str, Any]:
    """A body as good as the address wants it, so that only the credential can be wrong."""
    if method in ("GET", "DELETE"):
        return {}
    if path.endswith("_search") or path.startswith("/oauth/"):
        return {"data": {"_id": "x"}}
    if path.startswith("/fhir"):
        patched = {"headers": {"content-type": "application/json-patch+json"}} if method == "PATCH" else {}
        made: Any = observation("Patient/0000000001-0000000000001")
        if method == "PATCH":
            made = [{"op": "replace", "path": "/status", "value": "final"}]
        elif path in ("/fhir", "/fhir/"):
            made = {"resourceType": "Bundle", "type": "batch", "entry": []}
        elif "$match" in path:
            made = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": patient()}]}
        elif "{id}" in path and method == "PUT":
            made |= {"id": VALUES["id"]}
        elif "$" in path and "$validate" not in path:
            made = {"resourceType": "Parameters", "parameter": []}
        return {"json": made} | patched
    return {"json": {
        "/code/verify": {"code": "YM1:x", "terminal": terminal, "step": "010102", "purpose": "treatment"},
        "/card-use": {"key": "k", "step": "010102", "channel": "0", "at": "2026-01-01T00:00:00+08:00"},
        "/kiosk/authorisations": {},
        "/facility/shares/{id}": {"state": "received"},
    }.get(path, {})}  # fmt: skip


async def _ask(held: Credentials, row: str, kind: str) -> httpx.Response:
    method, _, path = row.partition(" ")
    said = _body(method, path, held.terminal)
    token = held.tokens[kind]
    headers = said.pop("headers", {}) | ({"authorization": f"Bearer {token}"} if token else {})
    filled = re.sub(r"{(\w+)}", lambda m: VALUES[m[1]], path)
    return await held.platform.client.request(method, filled, headers=headers, **said)


def _code(answer: httpx.Response) -> str:
    return code_of(answer) if "json" in answer.headers.get("content-type", "") and answer.status_code >= 400 else ""


async def test_every_address_with_every_credential(held: Credentials) -> None:
    cells = list(itertools.product(ROWS, MAY))
    for (row, who), kind in cells:
        answer = await _ask(held, row, kind)
        at = (row, who, kind, answer.status_code, answer.text[:300])
        assert answer.status_code < 500, at
        code = _code(answer)
        if who in ("anybody", "proof"):
            assert code not in DOOR, at
        elif kind in ("nobody", "made up", "a session"):
            assert (answer.status_code, code) == (401, "token-missing" if kind == "nobody" else "token-invalid"), at
        elif kind == "suspended":
            assert (answer.status_code, code) == (403, "institution-suspended"), at
        elif who not in MAY[kind]:
            assert (answer.status_code, code) == (403, "scope-insufficient"), at
        elif "narrow" not in kind:
            assert code not in DOOR, at
    report("route_policies", {"routes": len(ROWS), "credentials": len(MAY), "cells": len(cells)})


async def test_a_scope_that_covers_nothing_of_it_opens_nothing(held: Credentials) -> None:
    """What a token without the scope is answered where one with it is answered well: never 2xx on a record."""
    for row, who in ROWS:
        if who not in ("app", "reader") or not row.partition(" ")[2].startswith(("/fhir", "/record", "/person")):
            continue
        for kind in ("narrow app", *(["resident's narrow app"] if who == "reader" else [])):
            answer = await _ask(held, row, kind)
            empty = answer.status_code == 200 and not answer.json().get("entry")
            fine = answer.status_code >= 400 or (LEVEL_ONE(row.partition(" ")[2]) is not None) or empty
            assert fine, (row, kind, answer.status_code, answer.text[:300])
