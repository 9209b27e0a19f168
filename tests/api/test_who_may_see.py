"""Two institutions, two patients, every way of reading: nothing of the other's, until the person's code is scanned."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from support import Institution, Platform, assert_refused, bundle, encounter, entry, nothing_written, observation, patient, resident_number, urn
from yima import consent
from yima.consent import Standing
from yima.runtime import clock

PSYCHIATRIC = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "F32.1"}]}


@dataclass
class Record:
    """What one institution holds of one person."""

    patient: str
    encounter: str
    observation: str
    condition: str
    """Closed: psychiatric."""
    person: int


@dataclass
class Town:
    """Hospital A knows Ann, hospital B knows Bob; both know Sam, who was at both."""

    a: Institution
    b: Institution
    ann: Record
    bob: Record
    sam_at_a: Record
    sam_at_b: Record


async def _admit(at: Institution, national: str | None = None, name: str = "山姆") -> Record:
    who, where, sad = urn(), urn(), urn()
    said = patient(at.code, national=national, name=[{"text": name}])
    condition = {"resourceType": "Condition", "code": PSYCHIATRIC, "subject": {"reference": who}, "encounter": {"reference": sad}}
    sent = bundle(
        entry(said, fullUrl=who), entry(encounter(who), fullUrl=where), entry(observation(who, encounter={"reference": where})),
        entry(encounter(who), fullUrl=sad), entry(condition),
    )  # fmt: skip
    addresses = await at.submit(sent)
    return Record(addresses[0], addresses[1], addresses[2], addresses[4], at.platform.person_of(addresses[0]))


@pytest.fixture(scope="module")
async def town(platform: Platform) -> Town:
    a, b = await platform.institution("A"), await platform.institution("B")
    number = resident_number()
    sam = [await _admit(place, number) for place in (a, b)]
    town = Town(a, b, await _admit(a), await _admit(b), *sam)
    assert town.sam_at_a.person == town.sam_at_b.person
    return town


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
        return await by.call("POST", "/fhir/Observation/_search", body, content_type="application/x-www-form-urlencoded")

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
    text = response.text.replace(f"patient={of.patient.partition('/')[2]}", "").replace(f"_id={of.patient.partition('/')[2]}", "")
    body = response.json()
    counted = any(body.get(name) for name in ("total",)) or any((e.get("resource") or {}).get("total") for e in body.get("entry", []))
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
    return Record(*(text[:-4] + "0000" for text in (record.patient, record.encounter, record.observation, record.condition)), 0)


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
        ("PUT", f"/fhir/{record.observation}", mine | {"id": record.observation.partition("/")[2]}, {"if_match": 'W/"1"'}),
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


# --- with the person's consent: the code was scanned -----------------------------------------------------------------


async def test_a_visit_opens_the_union(town: Town) -> None:
    visit = await town.b.visit(town.sam_at_a.person)
    assert (await town.b.call("GET", f"/fhir/{town.sam_at_a.observation}", visit=visit)).status_code == 200
    for asked in (town.sam_at_a, town.sam_at_b):
        whole = await town.b.call("GET", f"/fhir/{asked.patient}/$everything", visit=visit)
        kinds = sorted(e["resource"]["resourceType"] for e in whole.json()["entry"])
        assert kinds.count("Patient") == 2
        assert kinds.count("Observation") == 2
        found = await town.b.call("GET", f"/fhir/Observation?patient={asked.patient}", visit=visit)
        assert found.json()["total"] == 2


async def test_closed_classes_stay_closed_in_a_visit(town: Town) -> None:
    visit = await town.b.visit(town.sam_at_a.person)
    for way in (f"/fhir/{town.sam_at_a.condition}", f"/fhir/{town.sam_at_a.condition}/_history", f"/fhir/{town.sam_at_a.condition}/_history/1"):
        assert_refused(await town.b.call("GET", way, visit=visit), 404, "not-found")
    for query in ("", "&_summary=count"):
        found = await town.b.call("GET", f"/fhir/Condition?patient={town.sam_at_a.patient}{query}", visit=visit)
        assert "F32" not in found.text
    whole = (await town.b.call("GET", f"/fhir/{town.sam_at_a.patient}/$everything", visit=visit)).text
    assert "F32" not in whole.replace(town.sam_at_b.condition, "")
    encounters = (await town.b.call("GET", f"/fhir/Encounter?patient={town.sam_at_a.patient}", visit=visit)).json()
    assert encounters["total"] == 2  # the psychiatric ones are not counted either


async def test_what_joins_a_closed_encounter_later_is_closed_too(town: Town) -> None:
    sad = (await town.a.call("GET", f"/fhir/{town.sam_at_a.condition}")).json()["encounter"]["reference"]
    late = await town.a.create(observation(town.sam_at_a.patient, encounter={"reference": sad}))
    visit = await town.b.visit(town.sam_at_a.person)
    assert_refused(await town.b.call("GET", f"/fhir/Observation/{late['id']}", visit=visit), 404, "not-found")
    assert (await town.a.call("GET", f"/fhir/Observation/{late['id']}")).status_code == 200


async def test_a_class_given_later_covers_earlier_versions(town: Town) -> None:
    made = await town.a.create({"resourceType": "Condition", "subject": {"reference": town.sam_at_a.patient}, "code": {"text": "?"}})
    address = f"/fhir/Condition/{made['id']}"
    visit = await town.b.visit(town.sam_at_a.person)
    assert (await town.b.call("GET", address, visit=visit)).status_code == 200
    assert (await town.a.call("PUT", address, made | {"code": PSYCHIATRIC})).status_code == 200
    for way in (address, f"{address}/_history", f"{address}/_history/1", f"{address}/_history/2"):
        assert_refused(await town.b.call("GET", way, visit=visit, if_none_match='W/"1"'), 404, "not-found")


async def test_the_resident_may_open_a_class_and_close_everything(platform: Platform, town: Town) -> None:
    async def say(cls: str, permit: bool) -> None:
        async with platform.database.transaction() as c:
            await consent.put(c, town.sam_at_a.person, Standing(cls, 0, permit), agent="resident", now=clock.now())

    visit = await town.b.visit(town.sam_at_a.person)
    address = f"/fhir/{town.sam_at_a.condition}"
    await say("psychiatric", permit=True)
    assert (await town.b.call("GET", address, visit=visit)).status_code == 200
    await say("psychiatric", permit=False)
    assert_refused(await town.b.call("GET", address, visit=visit), 404, "not-found")
    await say("all", permit=False)
    for way in (f"/fhir/{town.sam_at_a.observation}", f"/fhir/Observation?patient={town.sam_at_a.patient}", f"/fhir/{town.sam_at_a.patient}/$everything"):
        assert_refused(await town.b.call("GET", way, visit=visit), 403, "consent-denied")
    assert (await town.a.call("GET", f"/fhir/{town.sam_at_a.observation}")).status_code == 200  # what A wrote itself
    await say("all", permit=True)
    assert (await town.b.call("GET", f"/fhir/{town.sam_at_a.observation}", visit=visit)).status_code == 200


async def test_a_visit_is_good_for_that_person_at_that_institution(platform: Platform, town: Town) -> None:
    visit = await town.b.visit(town.sam_at_a.person)
    other = await platform.institution("C")
    for by, of in ((town.b, town.ann), (other, town.sam_at_a), (town.a, town.sam_at_b)):
        assert_refused(await by.call("GET", f"/fhir/{of.observation}", visit=visit), 404, "not-found")
        assert_refused(await by.call("GET", f"/fhir/{of.patient}/$everything", visit=visit), 404, "not-found")
        assert_refused(await by.call("GET", f"/fhir/Observation?patient={of.patient}", visit=visit), 403, "visit-needed")


@pytest.mark.parametrize("handle", ["x", "0" * 31, "0000000001-00000000000000000000", "0000000001.00000000000000000000", "é" * 31, "' or 1=1 --"])
async def test_a_handle_that_was_never_given_out(town: Town, handle: str) -> None:
    assert_refused(await town.b.call("GET", f"/fhir/{town.bob.observation}", visit=handle), 403, "visit-needed")


async def test_a_printed_code_identifies_only(platform: Platform, town: Town) -> None:
    answer = await town.b.scan(await platform.static(town.sam_at_a.person))
    assert answer.json()["assurance"] == "static"
    visit = answer.json()["visit"]
    for way in (f"/fhir/{town.sam_at_a.observation}", f"/fhir/Observation?patient={town.sam_at_a.patient}", f"/fhir/{town.sam_at_a.patient}/$everything"):
        assert_refused(await town.b.call("GET", way, visit=visit), 403, "code-assurance-too-low")


async def test_a_visit_ends(platform: Platform, town: Town) -> None:
    visit = await town.b.visit(town.sam_at_a.person)
    later = clock.now() + timedelta(hours=9)
    clock.set_source(lambda: later)
    try:
        fresh = await platform.database.fetch("update directory.token set expires = expires + interval '1 day' returning 1")
        assert fresh
        assert_refused(await town.b.call("GET", f"/fhir/{town.sam_at_a.observation}", visit=visit), 403, "visit-expired")
    finally:
        clock.set_source(None)


async def test_a_page_of_a_visit_is_not_a_page_without_it(town: Town) -> None:
    visit = await town.b.visit(town.sam_at_a.person)
    page = await town.b.call("GET", f"/fhir/Observation?patient={town.sam_at_a.patient}&_count=1", visit=visit)
    onward = next(link["url"] for link in page.json()["link"] if link["relation"] == "next")
    assert_refused(await town.b.call("GET", onward), 404, "not-found")
    assert (await town.b.call("GET", onward, visit=visit)).status_code == 200


async def test_an_emergency_opens_all_but_the_closed_classes(town: Town) -> None:
    handle = await town.b.break_glass(town.ann.person)
    assert (await town.b.call("GET", f"/fhir/{town.ann.observation}", visit=handle)).status_code == 200
    assert_refused(await town.b.call("GET", f"/fhir/{town.ann.condition}", visit=handle), 404, "not-found")
    assert_refused(await town.a.call("GET", f"/fhir/{town.bob.observation}", visit=handle), 404, "not-found")
    lines = await town.b.platform.log_of(town.ann.person)
    reason = [json.loads(line["detail"]).get("reason") for line in lines if line["action"] == "break-glass"]
    assert "昏迷送来，无人陪同" in reason


async def test_purposes_are_a_closed_list(town: Town) -> None:
    for purpose in ("gate", "marketing", "", "treatment ", "x" * 5000):
        answer = await town.a.call("GET", f"/fhir/{town.ann.observation}", yima_purpose=purpose)
        assert_refused(answer, 403, "purpose-not-allowed")
        assert "treatment" in answer.text  # says what is allowed
