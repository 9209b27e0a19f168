"""Two institutions, two patients, every way of reading: nothing of the other's, until the person's code is scanned."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from town import Record, Town, build

from support import (
    Institution,
    Platform,
    bundle,
    entry,
    nothing_written,
    observation,
    patient,
)


@pytest.fixture(scope="module")
async def town(platform: Platform) -> Town:
    return await build(platform)


Ask = Callable[[Institution, Record], Awaitable[httpx.Response]]


def _get(path: str) -> Ask:
    async def ask(by: Institution, of: Record) -> httpx.Response:
        return await by.call("GET", "/fhir/" + path.format(**of.__dict__, id=of.patient.partition("/")[2]))

    return ask


def _in_bundle(url: str, kind: str) -> Ask:
    async def ask(by: Institution, of: Record) -> httpx.Response:
        wanted = url.format(**of.__dict__, id=of.patient.partition("/")[2])
        return await by.call("POST", "/fhir", bundle(entry(None, "GET", wanted), kind=kind))

    return ask


def _search(form: str) -> Ask:
    async def ask(by: Institution, of: Record) -> httpx.Response:
        body = form.format(**of.__dict__, id=of.patient.partition("/")[2]).encode()
        return await by.call(
            "POST", "/fhir/Observation/_search", body, content_type="application/x-www-form-urlencoded"
        )

    return ask


READS = {
    "read": _get("{observation}"),
    "read the patient": _get("{patient}"),
    "vread": _get("{observation}/_history/1"),
    "history": _get("{observation}/_history"),
    "search": _get("Observation?patient={id}"),
    "search by id": _get("Patient?_id={id}"),
    "search, only count": _get("Observation?patient={id}&_summary=count"),
    "search, as total": _get("Observation?patient={id}&_count=0&_total=accurate"),
    "search by encounter": _get("Observation?patient={id}&encounter={encounter}"),
    "POST _search": _search("patient={id}"),
    "everything": _get("{patient}/$everything"),
    "GET in a batch": _in_bundle("{observation}", "batch"),
    "GET in a transaction": _in_bundle("{observation}", "transaction"),
    "search in a batch": _in_bundle("Observation?patient={id}", "batch"),
    "history in a batch": _in_bundle("{observation}/_history/1", "batch"),
}


def _shows(response: httpx.Response, of: Record) -> bool:
    """Whether anything of the record, a count included, is in the answer."""
    text = response.text.replace(f"patient={of.patient.partition('/')[2]}", "").replace(
        f"_id={of.patient.partition('/')[2]}", ""
    )
    body = response.json()
    counted = any(body.get(name) for name in ("total",)) or any(
        (e.get("resource") or {}).get("total") for e in body.get("entry", [])
    )
    return "山姆" in text or "mmol" in text or bool(counted)


@pytest.mark.parametrize("way", READS)
async def test_each_sees_its_own_and_nothing_of_the_other(town: Town, way: str) -> None:
    assert _shows(await READS[way](town.a, town.ann), town.ann)
    assert _shows(await READS[way](town.b, town.bob), town.bob)
    foreign, unknown = await READS[way](town.b, town.ann), await READS[way](town.b, _nobody(town.ann))
    assert not _shows(foreign, town.ann), foreign.text
    assert foreign.status_code == unknown.status_code
    assert _without_ids(foreign, town.ann) == _without_ids(unknown, _nobody(town.ann))


@pytest.mark.parametrize("way", READS)
async def test_of_a_shared_person_each_sees_its_own_part(town: Town, way: str) -> None:
    answer = await READS[way](town.b, town.sam_at_a)
    for hidden in (town.sam_at_a.observation, town.sam_at_a.encounter, town.sam_at_a.condition):
        assert f'"{hidden.partition("/")[2]}"' not in answer.text


def _nobody(record: Record) -> Record:
    """The same record under ids that were never given out."""
    return Record(
        *(text[:-4] + "0000" for text in (record.patient, record.encounter, record.observation, record.condition)), 0
    )


def _without_ids(response: httpx.Response, record: Record) -> str:
    text = response.text
    for one in (record.patient, record.encounter, record.observation):
        text = text.replace(one.partition("/")[2], "ID").replace(one.replace("/", "%2F"), "ID")
    return text


def _writes(record: Record, town: Town) -> list[tuple[str, str, Any, dict[str, str]]]:
    number = record.patient.partition("/")[2]
    mine = observation(record.patient)
    return [
        ("PUT", f"/fhir/{record.observation}", mine | {"id": record.observation.partition("/")[2]}, {}),
        (
            "PUT",
            f"/fhir/{record.observation}",
            mine | {"id": record.observation.partition("/")[2]},
            {"if_match": 'W/"1"'},
        ),
        ("PUT", f"/fhir/{record.patient}", patient() | {"id": number}, {}),
        ("DELETE", f"/fhir/{record.observation}", None, {}),
        ("DELETE", f"/fhir/{record.patient}", None, {}),
        ("POST", "/fhir/Observation", mine, {}),
        ("POST", "/fhir/Observation", observation(f"http://127.0.0.1:8420/fhir/{record.patient}"), {}),
        ("POST", "/fhir/Observation", mine, {"if_none_exist": "code=1558-6"}),
        ("PUT", f"/fhir/Observation?patient={number}&code=1558-6", mine, {}),
        ("POST", "/fhir", bundle(entry(mine)), {}),
        ("POST", "/fhir", bundle(entry(None, "DELETE", record.observation)), {}),
        ("POST", "/fhir", bundle(entry(observation(f"Patient?_id={number}"))), {}),
        ("POST", "/fhir", bundle(entry(observation(f"Patient?identifier=urn:hospital:{town.a.code}:mrn|1"))), {}),
    ]


async def test_nobody_writes_into_the_others_part(platform: Platform, town: Town) -> None:
    for method, path, body, headers in _writes(town.ann, town):
        async with nothing_written(platform):
            answer = await town.b.call(method, path, body, **headers)
        assert answer.status_code in (404, 422), (method, path, answer.text)
        assert not _shows(answer, town.ann)
    assert (await town.a.call("GET", f"/fhir/{town.ann.observation}")).headers["etag"] == 'W/"1"'


async def test_a_conditional_create_does_not_find_what_others_hold(town: Town) -> None:
    """By the same number at both: each institution's numbers are its own."""
    said = patient(number="same")
    theirs = (await town.a.call("POST", "/fhir/Patient", said)).json()
    answer = await town.b.call("POST", "/fhir/Patient", said, if_none_exist="identifier=urn:hospital:a:mrn|same")
    assert answer.status_code == 201
    assert answer.json()["id"] != theirs["id"]
