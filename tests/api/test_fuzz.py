"""Whatever is sent, the answer is a refusal or a success: never a 5xx, never a person or resource too many."""

from __future__ import annotations

import copy
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support import Institution, Platform, observation, visit_bundle

QUIET = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
TEXT = st.text(max_size=20) | st.sampled_from(
    [
        "Patient",
        "Observation?code=1",
        "urn:uuid:1",
        'W/"1"',
        "\x00",
        "\ud800",
        "2026-02-30",
        "'; --",
        "Bundle",
        "http://x/Patient/1",
        "9" * 400,
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(TEXT | st.sampled_from(["resourceType", "id", "reference", "entry"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    made = await platform.institution("A")
    await made.token()
    return made


@pytest.fixture(scope="module")
async def record(hospital: Institution) -> list[str]:
    return await hospital.submit()


def _bytes(tree: Any) -> bytes:
    return json.dumps(tree).encode()


async def _fine(hospital: Institution, method: str, path: str, body: bytes | None, **headers: str) -> int:
    answer = await hospital.call(method, path, body, **headers)
    assert answer.status_code < 500, (method, path, body, answer.text)
    if answer.status_code >= 400:
        assert answer.json()["resourceType"] == "OperationOutcome"
    return answer.status_code


@QUIET
@given(tree=JSON)
async def test_any_json_at_any_address(hospital: Institution, record: list[str], tree: Any) -> None:
    for method, path in (
        ("POST", "/fhir"),
        ("POST", "/fhir/Patient"),
        ("PUT", f"/fhir/{record[2]}"),
        ("PUT", "/fhir/Patient?identifier=a|b"),
    ):
        await _fine(hospital, method, path, _bytes(tree))


@QUIET
@given(body=st.binary(max_size=200))
async def test_any_bytes(hospital: Institution, body: bytes) -> None:
    for path in ("/fhir", "/fhir/Observation"):
        await _fine(hospital, "POST", path, body)
        await _fine(hospital, "POST", path, body, content_encoding="gzip")


def _places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, value in inner for place in _places(value, (*path, key)))]


def _with(tree: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    made = copy.copy(tree)
    made[place[0]] = _with(tree[place[0]], place[1:], value)
    return made


@QUIET
@given(data=st.data(), kind=st.sampled_from(["transaction", "batch"]))
async def test_a_bundle_with_one_thing_changed(
    platform: Platform, hospital: Institution, data: st.DataObject, kind: str
) -> None:
    """A good Bundle in which one value, anywhere, is something else."""
    tree = visit_bundle(hospital.code, observations=1) | {"type": kind}
    place = data.draw(st.sampled_from(_places(tree)[1:]))
    before = await platform.counts()
    status = await _fine(hospital, "POST", "/fhir", _bytes(_with(tree, place, data.draw(JSON))))
    after = await platform.counts()
    assert after["mpi.person"] - before["mpi.person"] <= 1
    if status >= 400:
        assert after == before


@QUIET
@given(data=st.data())
async def test_a_resource_with_one_thing_changed(
    platform: Platform, hospital: Institution, record: list[str], data: st.DataObject
) -> None:
    tree = observation(record[0])
    place = data.draw(st.sampled_from(_places(tree)[1:]))
    await _fine(hospital, "POST", "/fhir/Observation", _bytes(_with(tree, place, data.draw(JSON))))


NAMES = (
    st.sampled_from(
        [
            "patient",
            "_id",
            "code",
            "date",
            "_sort",
            "_count",
            "_cursor",
            "_include",
            "_has",
            "identifier",
            "value-quantity",
            "_lastUpdated",
            "combo-code-value-quantity",
            "subject:Patient.identifier",
            "code:text",
            "status:not",
            "patient:missing",
        ]
    )
    | TEXT
)
VALUES = TEXT | st.sampled_from(
    [
        "ge2025",
        "ap2025-01",
        "eq0001-01-01",
        "lt9999-12-31T23:59:59Z",
        "a|b",
        "|",
        "1||",
        "5.4|http://unitsofmeasure.org|mmol/L",
        "ap1e300",
        "-0",
        "a$b",
        "\\,",
        "Patient/x",
    ]
)


@QUIET
@given(pairs=st.lists(st.tuples(NAMES, VALUES), max_size=4))
async def test_any_search(hospital: Institution, record: list[str], pairs: list[tuple[str, str]]) -> None:
    query = urlencode([("patient", record[0]), *pairs], errors="replace")
    await _fine(hospital, "GET", f"/fhir/Observation?{query}", None)
    await _fine(
        hospital, "POST", "/fhir/Observation/_search", query.encode(), content_type="application/x-www-form-urlencoded"
    )


@QUIET
@given(body=st.dictionaries(st.sampled_from(["code", "terminal", "step", "purpose", "x"]), JSON, max_size=5) | JSON)
async def test_any_scan(platform: Platform, hospital: Institution, record: list[str], body: Any) -> None:
    if isinstance(body, dict) and "purpose" in body:
        body["code"] = platform.dynamic(platform.person_of(record[0]))
    answer = await hospital.call("POST", "/code/verify", _bytes(body), content_type="application/json")
    assert answer.status_code < 500, (body, answer.text)


@QUIET
@given(
    assertion=st.text(max_size=60)
    | st.lists(st.binary(max_size=20), min_size=3, max_size=3).map(lambda p: ".".join(x.hex() for x in p)),
    scope=TEXT,
)
async def test_any_assertion(hospital: Institution, assertion: str, scope: str) -> None:
    assertion, scope = (text.encode("utf-8", "replace").decode() for text in (assertion, scope))
    answer = await hospital.ask_token(assertion, scope=scope)
    assert 400 <= answer.status_code < 500
    good = await hospital.ask_token(scope=scope)
    assert good.status_code < 500
