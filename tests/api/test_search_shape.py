"""How a search answers: summaries, chosen elements, sorting by any parameter, totals, compartments."""

from __future__ import annotations

from typing import Any

import pytest

from support import Institution, Platform, assert_refused, observation, patient

SUBSETTED = {"system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED"}


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("S")


@pytest.fixture(scope="module")
async def rita(hospital: Institution) -> str:
    """A patient with four observations: values 7, 5, none and 6, in that order of time."""
    person = await hospital.create(patient(number="rita", text={"status": "generated", "div": _DIV}))
    subject = f"Patient/{person['id']}"
    for month, value in ((1, 7), (2, 5), (3, None), (4, 6)):
        made = observation(subject, value=value or 0, date=f"2025-0{month}-01", note=[{"text": f"of month {month}"}])
        if value is None:
            del made["valueQuantity"]
        await hospital.create(made)
    return str(person["id"])


_DIV = '<div xmlns="http://www.w3.org/1999/xhtml">Rita</div>'


async def _resources(hospital: Institution, query: str) -> list[dict[str, Any]]:
    answer = await hospital.call("GET", f"/fhir/{query}")
    assert answer.status_code == 200, answer.text
    return [e["resource"] for e in answer.json().get("entry", [])]


SORTS = [
    ("value-quantity", ["5", "6", "7", None]),
    ("-value-quantity", ["7", "6", "5", None]),
    ("-date", ["6", None, "5", "7"]),
    ("status,-value-quantity", ["7", "6", "5", None]),
    ("code,date", ["7", "5", None, "6"]),
]


@pytest.mark.parametrize(("key", "wanted"), SORTS)
async def test_sorting_by_any_parameter_puts_the_missing_last(
    hospital: Institution, rita: str, key: str, wanted: list[str | None]
) -> None:
    found = await _resources(hospital, f"Observation?patient={rita}&_sort={key}")
    values = [str(r["valueQuantity"]["value"]) if "valueQuantity" in r else None for r in found]
    assert values == wanted


async def test_sorted_pages_follow_one_another(hospital: Institution, rita: str) -> None:
    url, values, totals = f"/fhir/Observation?patient={rita}&_sort=value-quantity&_count=3", [], set()
    while url:
        page = (await hospital.call("GET", url)).json()
        totals.add(page["total"])
        values += [e["resource"].get("valueQuantity", {}).get("value") for e in page["entry"]]
        url = next((link["url"] for link in page["link"] if link["relation"] == "next"), "")
        url = url.partition("8420")[2]
    assert (values, totals) == ([5, 6, 7, None], {4})


async def test_elements_leaves_what_was_named_and_what_must_be(hospital: Institution, rita: str) -> None:
    for found in await _resources(hospital, f"Observation?patient={rita}&_elements=value,Observation.effective"):
        assert set(found) <= {
            "resourceType", "id", "meta", "status", "code", "valueQuantity", "effectiveDateTime",
        }  # fmt: skip
        assert "note" not in found
        assert SUBSETTED in found["meta"]["tag"]


SUMMARIES = [
    ("true", {"name", "gender", "birthDate"}, {"text"}),
    ("text", {"text"}, {"name", "gender", "birthDate"}),
    ("data", {"name", "birthDate"}, {"text"}),
    ("false", {"name", "text"}, set()),
]


@pytest.mark.parametrize(("mode", "there", "not_there"), SUMMARIES)
async def test_summaries(hospital: Institution, rita: str, mode: str, there: set[str], not_there: set[str]) -> None:
    [searched] = await _resources(hospital, f"Patient?_id={rita}&_summary={mode}")
    read = (await hospital.call("GET", f"/fhir/Patient/{rita}?_summary={mode}")).json()
    for found in (searched, read):
        assert there <= set(found)
        assert not not_there & set(found)
        assert (SUBSETTED in found["meta"].get("tag", [])) is (mode != "false")


async def test_a_summary_goes_down_into_what_is_nested(hospital: Institution, rita: str) -> None:
    [found] = await _resources(hospital, f"Observation?patient={rita}&value-quantity=7&_summary=true")
    assert "note" not in found
    assert found["valueQuantity"]["value"] == 7


async def test_only_the_count(hospital: Institution, rita: str) -> None:
    answer = (await hospital.call("GET", f"/fhir/Observation?patient={rita}&_summary=count")).json()
    assert (answer["total"], answer.get("entry")) == (4, None)


async def test_no_total_when_nobody_wants_it_but_the_next_page_is_there(hospital: Institution, rita: str) -> None:
    answer = (await hospital.call("GET", f"/fhir/Observation?patient={rita}&_total=none&_count=2")).json()
    assert "total" not in answer
    assert [link["relation"] for link in answer["link"]] == ["self", "first", "next"]
    last = (await hospital.call("GET", f"/fhir/Observation?patient={rita}&_total=none&_count=4")).json()
    assert [link["relation"] for link in last["link"]] == ["self"]


async def test_the_compartment_of_a_patient(hospital: Institution, rita: str) -> None:
    found = await _resources(hospital, f"Patient/{rita}/Observation?value-quantity=gt5&_sort=date")
    assert [r["valueQuantity"]["value"] for r in found] == [7, 6]
    page = (await hospital.call("GET", f"/fhir/Patient/{rita}/Observation?_count=3")).json()
    onward = next(link["url"] for link in page["link"] if link["relation"] == "next")
    rest = (await hospital.call("GET", onward.partition("8420")[2])).json()
    assert len(page["entry"]) + len(rest["entry"]) == page["total"] == 4
    other = await hospital.platform.institution("T")
    assert (await other.call("GET", f"/fhir/Patient/{rita}/Observation")).json()["total"] == 0


@pytest.mark.parametrize("key", ["nothing", "code-value-quantity", "value-quantity;drop", ""])
async def test_what_cannot_be_sorted_by(hospital: Institution, rita: str, key: str) -> None:
    answer = await hospital.call("GET", f"/fhir/Observation?patient={rita}&_sort={key}")
    assert answer.status_code == 400, answer.text


async def test_a_summary_that_does_not_exist(hospital: Institution, rita: str) -> None:
    assert_refused(await hospital.call("GET", f"/fhir/Patient/{rita}?_summary=short"), 400, "search-value-invalid")
