"""PATCH with JSON Patch (RFC 6902), and deleting by a search."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from support import Institution, Platform, assert_refused, bundle, encounter, entry, observation, patient, urn
from yima.runtime.errors import Refusal

PATCH = "application/json-patch+json"


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("P")


@pytest.fixture
async def made(hospital: Institution) -> dict[str, Any]:
    who = await hospital.create(patient())
    return await hospital.create(observation(f"Patient/{who['id']}", value=5.10, note=[{"text": "a"}, {"text": "b"}]))


async def _patch(hospital: Institution, made: dict[str, Any], operations: Any, **headers: str) -> Any:
    body = operations if isinstance(operations, bytes) else json.dumps(operations).encode()
    return await hospital.call("PATCH", f"/fhir/Observation/{made['id']}", body, content_type=PATCH, **headers)


GOOD: list[tuple[list[dict[str, Any]], dict[str, Any]]] = [
    ([{"op": "replace", "path": "/status", "value": "amended"}], {"status": "amended"}),
    ([{"op": "add", "path": "/note/1", "value": {"text": "n"}}],
     {"note": [{"text": "a"}, {"text": "n"}, {"text": "b"}]}),
    ([{"op": "add", "path": "/note/-", "value": {"text": "n"}}],
     {"note": [{"text": "a"}, {"text": "b"}, {"text": "n"}]}),
    ([{"op": "remove", "path": "/note/0"}], {"note": [{"text": "b"}]}),
    ([{"op": "move", "from": "/note/0", "path": "/note/1"}], {"note": [{"text": "b"}, {"text": "a"}]}),
    ([{"op": "copy", "from": "/note/0", "path": "/note/-"}], {"note": [{"text": "a"}, {"text": "b"}, {"text": "a"}]}),
    ([{"op": "test", "path": "/valueQuantity/value", "value": 5.1}, {"op": "add", "path": "/issued",
      "value": "2025-01-01T00:00:00Z"}], {"issued": "2025-01-01T00:00:00Z"}),
]  # fmt: skip


@pytest.mark.parametrize(("operations", "wanted"), GOOD)
@pytest.mark.capability("patch", "patchFormat application/json-patch+json")
async def test_a_patch_changes_what_it_says(
    hospital: Institution, made: dict[str, Any], operations: list[dict[str, Any]], wanted: dict[str, Any]
) -> None:
    answer = await _patch(hospital, made, operations)
    assert answer.status_code == 200, answer.text
    assert answer.headers["etag"] == 'W/"2"'
    after = (await hospital.call("GET", f"/fhir/Observation/{made['id']}")).json()
    unchanged = {k: v for k, v in made.items() if k not in wanted and k != "meta"}
    assert {k: v for k, v in after.items() if k != "meta"} == unchanged | wanted
    assert b'"value":5.1' in (await hospital.call("GET", f"/fhir/Observation/{made['id']}")).content


BAD: list[tuple[Any, int, str]] = [
    ({"op": "remove"}, 400, "field-invalid"),
    ([1], 400, "field-invalid"),
    ([{"op": "remove"}], 400, "field-invalid"),
    ([{"op": "shout", "path": "/status"}], 400, "field-invalid"),
    ([{"op": "remove", "path": "status"}], 400, "field-invalid"),
    ([{"op": "remove", "path": "/nothing"}], 400, "field-invalid"),
    ([{"op": "remove", "path": "/note/7"}], 400, "field-invalid"),
    ([{"op": "remove", "path": "/note/01"}], 400, "field-invalid"),
    ([{"op": "remove", "path": "/note/-1"}], 400, "field-invalid"),
    ([{"op": "add", "path": "/note/x", "value": 1}], 400, "field-invalid"),
    ([{"op": "add", "path": "/status/x", "value": 1}], 400, "field-invalid"),
    ([{"op": "add", "path": "/issued"}], 400, "field-missing"),
    ([{"op": "remove", "path": ""}], 400, "field-invalid"),
    ([{"op": "move", "from": "/code", "path": "/code/coding"}], 400, "field-invalid"),
    ([{"op": "test", "path": "/status", "value": "amended"}], 422, "patch-test-failed"),
    ([{"op": "replace", "path": "/status", "value": "wild"}], 422, "field-invalid"),
    ([{"op": "remove", "path": "/code"}], 422, "field-missing"),
    ([{"op": "remove", "path": "/note/0"}, {"op": "remove", "path": "/note/0"}], 422, "field-invalid"),
    ([{"op": "replace", "path": "/id", "value": "other"}], 400, "field-invalid"),
    ([{"op": "replace", "path": "/resourceType", "value": "Patient"}], 400, "field-invalid"),
    ([{"op": "test", "path": "/status", "value": 1}] * 1001, 400, "too-costly"),
    (
        [{"op": "add", "path": "/note/0/extension", "value": []}]
        + [{"op": "copy", "from": "/note/0", "path": "/note/0/extension/-"}] * 40,
        400,
        "too-costly",
    ),
    ([{"op": "copy", "from": "/note", "path": "/note/-"}] * 20, 400, "too-costly"),
    (
        [
            {"op": "add", "path": "/note/0" + "/extension/0" * n + "/extension", "value": [{"url": "u:x"}]}
            for n in range(700)
        ],
        400,
        "json-too-deep",
    ),
    (b"[{", 400, "json-malformed"),
    (b'[{"op":"remove","op":"add","path":"/status"}]', 400, "json-duplicate-key"),
]


@pytest.mark.parametrize(("operations", "status", "code"), BAD)
@pytest.mark.capability("patchFormat application/json-patch+json")
async def test_a_patch_that_is_wrong_changes_nothing(
    hospital: Institution, made: dict[str, Any], operations: Any, status: int, code: str
) -> None:
    answer = await _patch(hospital, made, operations)
    assert answer.status_code in (status, 422 if status == 400 else status), answer.text
    assert_refused(answer, answer.status_code, code)
    assert (await hospital.call("GET", f"/fhir/Observation/{made['id']}")).headers["etag"] == 'W/"1"'


@pytest.mark.capability("patch")
async def test_with_if_match_only_that_version_is_patched(hospital: Institution, made: dict[str, Any]) -> None:
    change = [{"op": "replace", "path": "/status", "value": "amended"}]
    assert (await _patch(hospital, made, change, if_match='W/"1"')).status_code == 200
    assert_refused(await _patch(hospital, made, change, if_match='W/"1"'), 412, "precondition-failed")


@pytest.mark.capability("patch")
async def test_patches_at_once_are_all_kept(hospital: Institution, made: dict[str, Any]) -> None:
    notes = [[{"op": "add", "path": "/note/-", "value": {"text": str(n)}}] for n in range(3)]
    answers = await asyncio.gather(*(_patch(hospital, made, note) for note in notes))
    assert [a.status_code for a in answers] == [200] * 3
    after = (await hospital.call("GET", f"/fhir/Observation/{made['id']}")).json()
    assert {n["text"] for n in after["note"]} == {"a", "b", "0", "1", "2"}


async def test_another_institution_patches_nothing(hospital: Institution, made: dict[str, Any]) -> None:
    other = await hospital.platform.institution("Q")
    change = [{"op": "replace", "path": "/status", "value": "amended"}]
    assert_refused(await _patch(other, made, change), 404, "not-found")


async def test_json_is_no_json_patch(hospital: Institution, made: dict[str, Any]) -> None:
    answer = await hospital.call("PATCH", f"/fhir/Observation/{made['id']}", [])
    assert_refused(answer, 415, "unsupported-media-type")


# --- again -----------------------------------------------------------------------------------------------------------
ONCE: list[dict[str, Any]] = [
    {"op": "test", "path": "/note/0/text", "value": "a"},
    {"op": "remove", "path": "/note/0"},
    {"op": "add", "path": "/note/-", "value": {"text": "c"}},
]
"""What cannot be done a second time."""


def _patched(made: dict[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any]:
    data = base64.b64encode(json.dumps(operations).encode()).decode()
    content = {"resourceType": "Binary", "contentType": PATCH, "data": data}
    return entry(content, "PATCH", f"Observation/{made['id']}")


async def _notes(hospital: Institution, made: dict[str, Any]) -> list[str]:
    return [n["text"] for n in (await hospital.call("GET", f"/fhir/Observation/{made['id']}")).json()["note"]]


@pytest.mark.capability("patch")
async def test_a_patch_that_comes_again_has_its_answer_again(hospital: Institution, made: dict[str, Any]) -> None:
    first, again = [await _patch(hospital, made, ONCE, idempotency_key=made["id"]) for _ in range(2)]
    assert (first.status_code, first.content) == (again.status_code, again.content)
    assert await _notes(hospital, made) == ["b", "c"]
    assert_refused(await _patch(hospital, made, ONCE), 422, "patch-test-failed")


@pytest.mark.parametrize("kind", ["transaction", "batch"])
@pytest.mark.capability("patch", "transaction", "batch")
async def test_a_bundle_with_patches_that_comes_again_has_its_answer_again(
    hospital: Institution, made: dict[str, Any], kind: str
) -> None:
    another = await hospital.create({k: v for k, v in made.items() if k not in ("id", "meta")})
    never = [{"op": "test", "path": "/note/0/text", "value": "z"}]
    sent = bundle(
        *([_patched(another, never)] if kind == "batch" else []),
        _patched(made, ONCE),
        entry(None, "GET", f"Observation/{made['id']}/_history/1"),
        entry({k: v for k, v in made.items() if k not in ("id", "meta")}),
        kind=kind,
    )
    first = await hospital.call("POST", "/fhir", sent)
    said = [e["response"]["status"][:3] for e in first.json()["entry"]]
    assert said == [*(["422"] if kind == "batch" else []), "200", "200", "201"], first.text
    await _patch(hospital, another, [{"op": "replace", "path": "/note/0/text", "value": "z"}])
    assert (await hospital.call("POST", "/fhir", sent)).json() == first.json()
    assert await _notes(hospital, made) == ["b", "c"]


@pytest.mark.parametrize("thrown", [asyncpg.SerializationError("again"), Refusal("precondition-failed")])
@pytest.mark.capability("patch", "transaction")
async def test_a_transaction_that_is_tried_again_is_all_there(
    platform: Platform, hospital: Institution, made: dict[str, Any], thrown: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thrown back by the database, or by what others wrote meanwhile: its patches are made again, and what is stored
    refers to what is stored."""
    visit = urn()
    sent = bundle(
        entry(encounter(made["subject"]["reference"]), fullUrl=visit),
        entry(observation(made["subject"]["reference"], encounter={"reference": visit})),
        _patched(made, [*ONCE, {"op": "add", "path": "/encounter", "value": {"reference": visit}}]),
    )
    transaction, tries = platform.access.database.transaction, iter([True])

    @contextlib.asynccontextmanager
    async def thrown_back(**how: bool) -> AsyncIterator[Any]:
        async with transaction(**how) as c:
            yield c
            if next(tries, False):
                raise thrown

    with monkeypatch.context() as changed:
        changed.setattr(platform.access.database, "transaction", thrown_back)
        answer = await hospital.call("POST", "/fhir", sent)
    assert answer.status_code == 200, answer.text
    first, *others = [e["response"]["location"].partition("/_history")[0] for e in answer.json()["entry"]]
    assert len(others) == 2
    for other in others:
        assert (await hospital.call("GET", f"/fhir/{other}")).json()["encounter"]["reference"] == first
    assert await _notes(hospital, made) == ["b", "c"]


async def test_a_patch_makes_no_more_than_could_be_sent(hospital: Institution, made: dict[str, Any]) -> None:
    """What is deeper or larger than what is read would be in the way of everybody who searches this record."""
    for depth in range(1, 40):
        place = "/note/0" + "/extension/0" * depth
        deeper = [{"op": "add", "path": f"{place[:-2]}", "value": [{"url": "u:x", "valueString": "x"}]}]
        if depth > 1:
            deeper.insert(0, {"op": "remove", "path": f"{place[: -len('/extension/0')]}/valueString"})
        answer = await _patch(hospital, made, deeper)
        if answer.status_code != 200:
            break
    assert_refused(answer, 400, "json-too-deep")
    large = [{"op": "add", "path": "/note/-", "value": {"text": "x" * 1_000_000}}] * 9
    answers = [await _patch(hospital, made, large) for _ in range(2)]
    assert [a.status_code for a in answers] == [200, 413]
    found = await hospital.call("GET", f"/fhir/Observation?{made['subject']['reference'].replace('/', '=').lower()}"
                                "&value-quantity=5.1")  # fmt: skip
    assert found.status_code == 200, found.text[:500]


async def test_a_consent_does_not_become_a_decision_by_a_patch(hospital: Institution) -> None:
    """A decision about access is said in the words of `docs/consent.md`, not stored as paper that nobody obeys."""
    scope = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "treatment"}]}
    category = {"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}
    subject = {"reference": f"Patient/{(await hospital.create(patient()))['id']}"}
    made = await hospital.create({
        "resourceType": "Consent", "status": "active", "scope": scope, "category": [category], "patient": subject,
        "policyRule": {"text": "x"},
    })  # fmt: skip
    change = json.dumps([{"op": "replace", "path": "/scope/coding/0/code", "value": "patient-privacy"}]).encode()
    answer = await hospital.call("PATCH", f"/fhir/Consent/{made['id']}", change, content_type=PATCH)
    assert_refused(answer, 422, "consent-not-understood")


# --- conditional delete ---------------------------------------------------------------------------------------------
@pytest.mark.capability("conditionalDelete single")
async def test_deleting_by_a_search(hospital: Institution) -> None:
    who = await hospital.create(patient(number="del-1"))
    made = await hospital.create(observation(f"Patient/{who['id']}", status="preliminary"))
    await hospital.create(observation(f"Patient/{who['id']}"))
    url = f"/fhir/Observation?patient={who['id']}"
    assert (await hospital.call("DELETE", f"{url}&status=preliminary")).status_code == 204
    assert_refused(await hospital.call("GET", f"/fhir/Observation/{made['id']}"), 410, "gone")
    assert (await hospital.call("DELETE", f"{url}&status=preliminary")).status_code == 204, "there is none any more"
    await hospital.create(observation(f"Patient/{who['id']}"))
    assert_refused(await hospital.call("DELETE", url), 412, "condition-ambiguous")
    assert (await hospital.call("GET", url)).json()["total"] == 2


@pytest.mark.capability("conditionalDelete single", "transaction")
async def test_deleting_by_a_search_in_a_transaction(hospital: Institution) -> None:
    who = await hospital.create(patient(number="del-2"))
    await hospital.create(observation(f"Patient/{who['id']}"))
    sent = bundle(
        entry(None, "DELETE", f"Observation?patient={who['id']}&code=1558-6"),
        entry(None, "DELETE", f"Observation?patient={who['id']}&code=nothing"),
    )
    answer = await hospital.call("POST", "/fhir", sent)
    assert [e["response"]["status"][:3] for e in answer.json()["entry"]] == ["204", "204"]
    assert (await hospital.call("GET", f"/fhir/Observation?patient={who['id']}")).json()["total"] == 0


@pytest.mark.capability("conditionalDelete single")
async def test_nobody_deletes_by_a_search_over_people_or_what_others_wrote(hospital: Institution) -> None:
    assert_refused(await hospital.call("DELETE", "/fhir/Observation?code=1558-6"), 403, "person-not-named")
    assert_refused(await hospital.call("DELETE", "/fhir/Observation"), 422, "field-missing")
    who = await hospital.create(patient(number="del-3"))
    await hospital.create(observation(f"Patient/{who['id']}"))
    other = await hospital.platform.institution("O")
    answer = await other.call("DELETE", f"/fhir/Observation?patient={who['id']}")
    assert answer.status_code in (204, 404)
    assert (await hospital.call("GET", f"/fhir/Observation?patient={who['id']}")).json()["total"] == 1
