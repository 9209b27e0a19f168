"""Searching in one patient's record: tokens, dates, pages, and what a search may not do."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from support import Institution, Platform, assert_refused, patient

FORM = "application/x-www-form-urlencoded"
NATIONAL = "urn:oid:2.16.156.10011.1.3"


async def _dates(hospital: Institution, query: str, **headers: str) -> list[str]:
    answer = await hospital.call("GET", f"/fhir/Observation?{query}", **headers)
    assert answer.status_code == 200, answer.text
    return [e["resource"]["effectiveDateTime"][:10] for e in answer.json().get("entry", [])]


SEARCHES = [
    ("", 13),
    ("&code=1558-6", 12),
    ("&code=http://loinc.org|1558-6", 12),
    ("&code=http://loinc.org|", 13),
    ("&code=urn:other|1558-6", 0),
    ("&code=2823-3,1558-6", 13),
    ("&code=2823-3&code=1558-6", 0),
    ("&code=nothing", 0),
    ("&status=preliminary", 1),
    ("&status=final,preliminary", 13),
    ("&date=2025-07", 2),
    ("&date=2025-07-15", 1),
    ("&date=ge2025-07-15", 6),
    ("&date=gt2025-07-15", 5),
    ("&date=lt2025-02", 1),
    ("&date=le2025-02-15", 2),
    ("&date=ge2025-03&date=lt2025-05", 2),
    ("&date=ne2025-07", 11),
    ("&date=sa2025-11", 1),
    ("&date=eb2025-02", 1),
    ("&date=2025", 13),
    ("&date=0001", 0),
    ("&date=gt9998", 0),
    ("&date=2025-07-01T15:30:00Z", 1),
    ("&value-quantity=gt5", 3),
    ("&value-quantity=4.5", 1),
    ("&code=1558-6&value-quantity=ge5.1%7Chttp://unitsofmeasure.org%7Cmmol/L", 2),
    ("&_lastUpdated=gt2020-01-01", 13),
    ("&_lastUpdated=lt2020-01-01", 0),
    ("&subject:missing=true", 0),
    ("&status:not=final", 1),
]


@pytest.mark.parametrize(("query", "total"), SEARCHES, ids=[query or "all" for query, _ in SEARCHES])
@pytest.mark.capability("search-type", "searchParam token", "searchParam date")
async def test_a_search_in_the_record(hospital: Institution, ann: str, query: str, total: int) -> None:
    answer = await hospital.call("GET", f"/fhir/Observation?patient={ann}{query}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["total"] == total
    assert len(answer.json().get("entry", [])) == total


@pytest.mark.parametrize(
    "name", ["patient={}", "patient=Patient/{}", "subject=Patient/{}", "subject:Patient={}", "patient:Patient={}"]
)
@pytest.mark.capability("searchParam reference", "searchParam reference:identifier")
async def test_the_patient_may_be_named_in_several_ways(hospital: Institution, ann: str, name: str) -> None:
    assert len(await _dates(hospital, name.format(ann))) == 13


async def test_order_and_counting(hospital: Institution, ann: str) -> None:
    rising = await _dates(hospital, f"patient={ann}&_sort=date")
    assert rising == sorted(rising)
    assert await _dates(hospital, f"patient={ann}&_sort=-date") == rising[::-1]
    for query in ("_summary=count", "_count=0"):
        only = (await hospital.call("GET", f"/fhir/Observation?patient={ann}&{query}")).json()
        assert only["total"] == 13
        assert "entry" not in only
    untold = (await hospital.call("GET", f"/fhir/Observation?patient={ann}&_total=none")).json()
    assert "total" not in untold
    assert len(untold["entry"]) == 13
    many = await hospital.call("GET", f"/fhir/Observation?patient={ann}&_count=1000000000")
    assert len(many.json()["entry"]) == 13


def _links(answer: Any) -> dict[str, str]:
    return {link["relation"]: link["url"] for link in answer.json()["link"]}


async def _pages(hospital: Institution, url: str, **headers: str) -> list[str]:
    found: list[str] = []
    while url:
        answer = await hospital.call("GET", url, **headers)
        assert answer.status_code == 200, answer.text
        assert answer.json()["total"] == 13
        found += [e["resource"]["id"] for e in answer.json()["entry"]]
        url = _links(answer).get("next", "")
    return found


@pytest.mark.capability("search-type")
async def test_pages_hold_every_match_once(hospital: Institution, ann: str) -> None:
    for query in ("_sort=date", "_sort=-date", "status=final,preliminary", "value-quantity=gt1"):
        found = await _pages(hospital, f"/fhir/Observation?patient={ann}&_count=4&{query}")
        assert len(found) == len(set(found)) == 13


async def test_a_page_goes_on_as_it_began(hospital: Institution, ann: str) -> None:
    """What was ignored on the first page (Prefer: handling=lenient) is not refused on the second."""
    first = await hospital.call(
        "GET", f"/fhir/Observation?patient={ann}&_count=4&nonsense=1", prefer="handling=lenient"
    )
    assert "nonsense" not in _links(first)["self"]
    assert (await hospital.call("GET", _links(first)["next"])).status_code == 200


async def test_a_page_link_is_sealed(platform: Platform, hospital: Institution, ann: str) -> None:
    onward = _links(await hospital.call("GET", f"/fhir/Observation?patient={ann}&_count=4"))["next"]
    assert ann not in onward
    cursor = parse_qs(urlsplit(onward).query)["_cursor"][0]
    flipped = cursor[:-6] + ("A" if cursor[-6] != "A" else "B") + cursor[-5:]
    for edited in (flipped, cursor[:-4], cursor[4:], "", "AAAA", "x" * 50, "€", cursor + cursor):
        answer = await hospital.call("GET", f"/fhir/Observation?_cursor={quote(edited)}")
        assert answer.status_code in (403, 404), edited
        assert "entry" not in answer.json()
    other = await platform.institution("B")
    assert_refused(await other.call("GET", onward), 404, "not-found")
    assert_refused(await hospital.call("GET", onward.replace("Observation", "Encounter")), 404, "not-found")
    assert (await hospital.call("GET", onward)).status_code == 200


@pytest.mark.capability("search-type")
async def test_identity_numbers_are_searched_by_post_only(hospital: Institution, ann: str, number: str) -> None:
    for wrong in (
        f"/fhir/Patient?identifier={NATIONAL}|{number}",
        f"/fhir/Patient?identifier=urn:x|1,{NATIONAL}|{number}",
        f"/fhir/Patient?identifier={quote(NATIONAL + '|' + number, safe='')}",
        f"/fhir/Observation?patient.identifier={NATIONAL}|{number}",
        f"/fhir/Observation?patient:identifier={NATIONAL}|{number}",
        f"/fhir/Observation?subject:Patient.identifier={NATIONAL}|1",
        f"/fhir/Patient?identifier={number}",
        f"/fhir/Patient?identifier={number.lower()}",
        f"/fhir/Patient/{number}",
        f"/fhir/Patient?name={number}",
        "/fhir/Patient?identifier=urn:yima:id:passport|E1",
        f"/fhir/Patient/{number}/$everything",
    ):
        assert_refused(await hospital.call("GET", wrong), 400, "identity-number-in-url")
    put = await hospital.call("PUT", f"/fhir/Patient?identifier={NATIONAL}|{number}", patient())
    assert_refused(put, 400, "identity-number-in-url")
    for typed in (number, number.lower(), f"{number[:6]} {number[6:]}"):
        form = f"identifier={quote(NATIONAL)}%7C{quote(typed)}".encode()
        answer = await hospital.call("POST", "/fhir/Patient/_search", form, content_type=FORM)
        assert [e["resource"]["id"] for e in answer.json()["entry"]] == [ann]
        assert number not in str(answer.json()["link"])
    by_number = f"patient.identifier={quote(NATIONAL)}%7C{number}&_count=4".encode()
    page = await hospital.call("POST", "/fhir/Observation/_search", by_number, content_type=FORM)
    assert page.json()["total"] == 13
    assert number not in str(page.json()["link"])
    assert len((await hospital.call("GET", _links(page)["next"])).json()["entry"]) == 4


async def test_the_hospitals_own_number_may_stand_in_a_url(hospital: Institution, ann: str) -> None:
    answer = await hospital.call("GET", "/fhir/Patient?identifier=urn:hospital:a:mrn|ann")
    assert [e["resource"]["id"] for e in answer.json()["entry"]] == [ann]
    assert (await hospital.call("GET", "/fhir/Patient?identifier=urn:hospital:a:mrn|nobody")).json()["total"] == 0
    assert_refused(await hospital.call("GET", "/fhir/Patient?identifier=ann"), 400, "search-value-invalid")
    both = await hospital.call("GET", f"/fhir/Patient?identifier=urn:hospital:a:mrn|ann&_id={ann}")
    neither = await hospital.call("GET", "/fhir/Patient?identifier=urn:hospital:a:mrn|ann&_id=other")
    assert (both.json()["total"], neither.json()["total"]) == (1, 0)
    url = "/fhir/Encounter?patient.identifier=urn:hospital:a:mrn|ann"
    assert (await hospital.call("GET", url)).json()["total"] == 1


@pytest.mark.capability("operation $everything")
async def test_everything_of_a_patient(hospital: Institution, ann: str) -> None:
    whole = (await hospital.call("GET", f"/fhir/Patient/{ann}/$everything")).json()
    assert whole["total"] == len(whole["entry"]) == 15
    assert whole["entry"][0]["resource"]["resourceType"] == "Patient"
    some = (await hospital.call("GET", f"/fhir/Patient/{ann}/$everything?_type=Encounter,Patient")).json()
    assert {e["resource"]["resourceType"] for e in some["entry"]} == {"Patient", "Encounter"}
    for wrong in ("_type=Foo", "_since=x", "_since=2025-13-01"):
        assert_refused(
            await hospital.call("GET", f"/fhir/Patient/{ann}/$everything?{wrong}"), 400, "search-value-invalid"
        )
    for since, status in (
        ("2020-01-01", 200),
        ("0001-01-01T00:00:00%2B14:00", 200),
        ("9999-12-31T23:59:59-14:00", 404),
    ):
        assert (await hospital.call("GET", f"/fhir/Patient/{ann}/$everything?_since={since}")).status_code == status


@pytest.mark.capability("search-type")
async def test_the_shared_directory_needs_no_patient(platform: Platform, hospital: Institution) -> None:
    await hospital.create(
        {"resourceType": "Organization", "identifier": [{"system": "urn:d", "value": "1"}], "name": "检验科"}
    )
    other = await platform.institution("B")
    found = (await other.call("GET", "/fhir/Organization?identifier=urn:d|1")).json()
    assert [e["resource"]["name"] for e in found["entry"]] == ["检验科"]
