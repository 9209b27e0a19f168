"""The table of addresses against what is said of it: who may come without a token, what openapi.json and metadata
promise."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from typing import Any

import pytest
from starlette.routing import Route

from support import Institution, Platform, assert_refused, code_of, observation, patient
from yima import __version__, api, fhir
from yima.api import capability
from yima.runtime.errors import KINDS

DOCUMENT: dict[str, Any] = json.loads(files("yima.api").joinpath("openapi.json").read_bytes())
PUBLIC = {
    ("POST", "/oauth/token"),
    ("POST", "/oauth/introspect"),
    ("POST", "/oauth/revoke"),
    ("POST", "/oauth/providers/{id}/logout"),
    ("GET", "/.well-known/openid-configuration"),
    ("GET", "/fhir/metadata"),
    ("GET", "/fhir/.well-known/smart-configuration"),
    ("GET", "/.well-known/smart-configuration"),
    ("GET", "/.well-known/jwks.json"),
    ("GET", "/.well-known/crl/{kid}.json"),
    ("GET", "/.well-known/trust-list"),
    ("GET", "/.well-known/trust-roots"),
    ("GET", "/.well-known/status-lists"),
    ("GET", "/.well-known/status-lists/{number}"),
    ("GET", "/audit/key"),
    ("GET", "/audit/checkpoint"),
    ("GET", "/audit/heads"),
    ("POST", "/audit/cosignatures"),
    ("GET", "/audit/consistency"),
    ("GET", "/audit/proof/{line}"),
    ("GET", "/openapi.json"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
}
"""What anybody may ask: nothing of it knows a person."""
SIGNED = {
    ("POST", "/erhc/ehealthcard/business.do"),
    ("POST", "/rest/auth/HealthCard/HealthOpenPlatform/ISVOpenObj/{method}"),
    ("POST", "/rest/auth/HealthCard/HealthOpenAuth/AuthObj/getAppToken"),
    ("POST", "/rest/auth/TXHealthCard/EHealthCardServer/ISVOpenObj/getHealthCardByHealthCardId"),
}
"""Existing card calls, answered with 200 by their families' custom; who calls is proved inside the body."""


def _routes() -> list[tuple[str, str]]:
    found = []
    for route in api.routes():
        assert isinstance(route, Route)
        found += [(method, route.path) for method in sorted(route.methods or ()) if method != "HEAD"]
    return found


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


def _filled(path: str) -> str:
    values = {
        "method": "verifyQRCode",
        "kid": "none",
        "name": "Patient.ndjson",
        "number": "1",
        "line": "0000000001-0000000000001",
        "type": "Patient",
        "id": "0000000001-0000000000001",
        "version": "1",
    }
    return re.sub(r"{(\w+)}", lambda m: values[m[1]], path)


@pytest.mark.parametrize(("method", "path"), _routes(), ids=[f"{m} {p}" for m, p in _routes()])
async def test_an_anonymous_caller_gets_only_what_is_public(platform: Platform, method: str, path: str) -> None:
    body = {"json": patient()} if method in ("POST", "PUT") else {}
    for scheme in ({}, {"authorization": "Bearer " + "x" * 43}):
        answer = await platform.client.request(method, _filled(path), headers=scheme, **body)
        if (method, path) in SIGNED:
            said = answer.json()
            assert said.get("error") or said["commonOut"]["errorCode"], said
        elif (method, path) in PUBLIC:
            assert answer.status_code != 401, answer.text
        else:
            assert answer.status_code == 401, answer.text
            assert_refused(answer, 401, "token-invalid" if scheme else "token-missing")


def test_the_public_list_has_nothing_that_is_gone() -> None:
    assert set(_routes()) >= PUBLIC | SIGNED


# --- openapi.json ----------------------------------------------------------------------------------------------------


def test_it_describes_every_address_that_is_not_fhir_and_no_other() -> None:
    described = {(method.upper(), path) for path, item in DOCUMENT["paths"].items() for method in item}
    assert described == {(method, path) for method, path in _routes() if not path.startswith("/fhir")}


def _operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [(m, p, operation) for p, item in DOCUMENT["paths"].items() for m, operation in item.items()]


def test_its_form_is_that_of_openapi_3_1() -> None:
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert {"title", "version"} <= set(DOCUMENT["info"])
    ids = [operation["operationId"] for _, _, operation in _operations()]
    assert len(ids) == len(set(ids))
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    for _, _, operation in _operations():
        assert operation["summary"]
        assert set(operation["tags"]) <= tags
        assert all(_resolved(r)["description"] for r in operation["responses"].values())
        for need in operation["security"]:
            assert set(need) <= set(DOCUMENT["components"]["securitySchemes"])


def test_every_reference_leads_somewhere() -> None:
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(DOCUMENT)):
        _resolved({"$ref": reference})


def test_security_is_named_where_a_token_is_needed() -> None:
    for method, path, operation in _operations():
        assert bool(operation["security"]) is ((method.upper(), path) not in PUBLIC | SIGNED)


def _codes() -> list[tuple[str, str]]:
    found = []
    for _, _, operation in _operations():
        for status, response in operation["responses"].items():
            for media in _resolved(response).get("content", {}).values():
                for part in media["schema"].get("allOf", ()):
                    found += [(status, code) for code in part.get("properties", {}).get("code", {}).get("enum", ())]
    return found


def test_every_refusal_code_is_in_the_catalogue_with_that_status() -> None:
    assert _codes()
    assert [(s, c) for s, c in _codes() if str(KINDS[c].status) != s] == []


def test_its_examples_follow_its_schemas() -> None:
    checked = 0
    for _, _, operation in _operations():
        bodies = [*operation["responses"].values(), *([operation["requestBody"]] if "requestBody" in operation else [])]
        for media in (m for body in bodies for m in _resolved(body).get("content", {}).values()):
            for example in media.get("examples", {}).values():
                assert _mistakes(media["schema"], example["value"]) == []
                checked += 1
    for schema in DOCUMENT["components"]["schemas"].values():
        for example in schema.get("examples", ()):
            assert _mistakes(schema, example) == []
            checked += 1
    assert checked >= 7


async def test_what_is_answered_follows_its_schemas(platform: Platform, hospital: Institution) -> None:
    person = platform.person_of(f"Patient/{(await hospital.create(patient()))['id']}")
    answers = {
        ("/code/verify", "post", "200"): await hospital.scan(platform.dynamic(person)),
        ("/code/verify", "post", "400"): await hospital.scan("nonsense"),
        ("/code/verify", "post", "401"): await platform.client.post("/code/verify", json={}),
        ("/code/verify", "post", "422"): await hospital.scan("YM1:ABC", step="x", code=7),
        ("/oauth/token", "post", "200"): await hospital.ask_token(),
        ("/oauth/token", "post", "401"): await hospital.ask_token("x.y.z"),
    }
    for path in (
        "/.well-known/smart-configuration",
        "/.well-known/jwks.json",
        "/.well-known/status-lists",
        "/openapi.json",
        "/health/live",
        "/health/ready",
    ):
        answers[path, "get", "200"] = await platform.client.get(path)
    answers["/health/ready", "get", "400"] = await platform.client.get(
        "/health/ready", headers={"host": "evil.example"}
    )
    for (path, method, status), answer in answers.items():
        assert str(answer.status_code) == status, answer.text
        described = _resolved(DOCUMENT["paths"][path][method]["responses"][status])["content"]
        kind = answer.headers["content-type"]
        assert _mistakes(described[kind]["schema"], answer.json()) == [], (path, status)


async def test_the_document_is_served_with_this_deployments_address(platform: Platform) -> None:
    served = (await platform.client.get("/openapi.json")).json()
    assert served["servers"] == [{"url": "http://127.0.0.1:8420"}]
    assert served["info"]["version"] == __version__


def _resolved(node: Any) -> Any:
    while isinstance(node, dict) and "$ref" in node:
        found: Any = DOCUMENT
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        node = found
    return node


_TYPES = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool, "null": type(None)}
_KNOWN = {
    "type",
    "const",
    "enum",
    "required",
    "properties",
    "additionalProperties",
    "items",
    "pattern",
    "allOf",
    "minLength",
    "maxLength",
    "minItems",
    "description",
    "default",
    "examples",
    "format",
    "$ref",
}


def _mistakes(schema: Any, value: Any, at: str = "$") -> list[str]:
    """What a value has against a schema: the part of JSON Schema 2020-12 that the document uses, and nothing else."""
    schema = _resolved(schema)
    if schema is False:
        return [f"{at} must not be there"]
    assert set(schema) <= _KNOWN, set(schema) - _KNOWN
    found = [m for part in schema.get("allOf", ()) for m in _mistakes(part, value, at)]
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if kinds and not any(
        isinstance(value, _TYPES[k]) and (k != "integer" or not isinstance(value, bool)) for k in kinds
    ):
        return [*found, f"{at} is not {kinds}"]
    if "const" in schema and value != schema["const"]:
        found.append(f"{at} is not {schema['const']}")
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{at} is none of {schema['enum']}")
    if isinstance(value, str):
        fits = schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value))
        found += [] if fits and re.search(schema.get("pattern", ""), value) else [f"{at} does not fit"]
    if isinstance(value, list):
        found += [] if len(value) >= schema.get("minItems", 0) else [f"{at} is too short"]
        found += [m for i, item in enumerate(value) for m in _mistakes(schema.get("items", {}), item, f"{at}[{i}]")]
    if isinstance(value, dict):
        found += [f"{at}.{name} is missing" for name in schema.get("required", ()) if name not in value]
        for name, inner in value.items():
            rest = schema.get("additionalProperties", {})
            found += _mistakes(
                schema.get("properties", {}).get(name, rest if rest is not True else {}), inner, f"{at}.{name}"
            )
    return found


# --- /fhir/metadata --------------------------------------------------------------------------------------------------


async def test_the_capability_statement_is_valid_fhir(platform: Platform) -> None:
    answer = await platform.client.get("/fhir/metadata")
    statement = fhir.parse(answer.content)
    fhir.validate(statement)
    assert statement["fhirVersion"] == "4.0.1"
    assert statement["format"][:2] == ["json", "xml"]
    assert "application/json-patch+json" in statement["patchFormat"]
    assert "5000 entries" in statement["rest"][0]["documentation"]


async def test_every_listed_interaction_exists(hospital: Institution) -> None:
    """Each interaction of each type answers with something else than "no such address"."""
    for resource in capability.statement("http://127.0.0.1:8420")["rest"][0]["resource"]:
        name, offered = resource["type"], {row["code"] for row in resource["interaction"]}
        asked = {
            "read": ("GET", f"/fhir/{name}/0000000000-0000000000001", None),
            "create": ("POST", f"/fhir/{name}", {"resourceType": name, "x": 1}),
            "search-type": ("GET", f"/fhir/{name}?_id=0000000000-0000000000001", None),
        }
        for code in offered & set(asked):
            method, path, body = asked[code]
            answer = await hospital.call(method, path, body)
            expected = {
                "read": ("not-found",),
                "create": ("field-unknown", "field-missing"),
                "search-type": ("", "person-not-named"),
            }
            assert code_of(answer) in expected[code], (name, code, answer.text)


async def test_types_that_cannot_be_searched_are_not_listed_as_such(hospital: Institution) -> None:
    listed = {
        r["type"]: {i["code"] for i in r["interaction"]} for r in capability.statement("x")["rest"][0]["resource"]
    }
    assert "search-type" in listed["Observation"]
    assert "search-type" in listed["Organization"]
    assert "search-type" not in listed["Questionnaire"]
    assert_refused(await hospital.call("GET", "/fhir/Questionnaire?name=x"), 403, "person-not-named")


async def test_what_it_says_of_conditions_and_versions(hospital: Institution) -> None:
    for resource in capability.statement("x")["rest"][0]["resource"]:
        if resource["type"] == "Person":  # computed, written by nobody
            assert {row["code"] for row in resource["interaction"]} == {"read", "search-type"}
            continue
        assert resource["conditionalCreate"] is True
        assert resource["conditionalUpdate"] is True
        assert resource["updateCreate"] is False
    made = await hospital.create(patient())
    unknown = observation(f"Patient/{made['id']}") | {"id": "mine"}
    assert_refused(await hospital.call("PUT", "/fhir/Observation/mine", unknown), 405, "update-create-off")


async def test_to_a_sandbox_the_statement_says_what_a_sandbox_may(platform: Platform, hospital: Institution) -> None:
    sandbox = await platform.institution("X", matching="off")
    said = (await sandbox.call("GET", "/fhir/metadata")).json()["rest"][0]
    assert all(resource["updateCreate"] for resource in said["resource"])
    assert "history-system" in {row["code"] for row in said["interaction"]}
    of_all = (await hospital.call("GET", "/fhir/metadata")).json()["rest"][0]
    assert not any(resource.get("updateCreate") for resource in of_all["resource"])
    [observation_row] = [r for r in said["resource"] if r["type"] == "Observation"]
    assert "Observation:subject" in observation_row["searchInclude"]
    assert "Provenance:target" in observation_row["searchRevInclude"]
