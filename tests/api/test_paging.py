"""Pages of a search: each match once whatever is written meanwhile, and links to the pages beside."""

from __future__ import annotations

from typing import Any

import pytest

from support import Institution, Platform, assert_refused, observation, patient


@pytest.fixture(scope="module")
async def sandbox(platform: Platform) -> Institution:
    return await platform.institution("X", matching="off")


@pytest.fixture(scope="module")
async def whose(sandbox: Institution) -> str:
    """A patient with ten values on ten days."""
    made = await sandbox.create(patient())
    for day in range(10, 20):
        await sandbox.create(observation(f"Patient/{made['id']}", date=f"2025-05-{day}", value=day))
    return str(made["id"])


def links(page: dict[str, Any]) -> dict[str, str]:
    return {link["relation"]: link["url"].partition("8420")[2] for link in page["link"]}


def values(page: dict[str, Any]) -> list[int]:
    return [e["resource"]["valueQuantity"]["value"] for e in page.get("entry", [])]


async def get(at: Institution, address: str) -> dict[str, Any]:
    answer = await at.call("GET", address)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


ORDERS = ["", "&_sort=-date", "&_sort=-value-quantity", "&value-quantity=gt1", "&_sort=-_lastUpdated"]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.capability("search-type")
async def test_what_is_written_or_deleted_between_two_pages_neither_repeats_nor_hides_a_match(
    sandbox: Institution, whose: str, order: str
) -> None:
    page = await get(sandbox, f"/fhir/Observation?subject=Patient/{whose}&_count=4{order}")
    assert values(page) == [19, 18, 17, 16]
    new = await sandbox.create(observation(f"Patient/{whose}", date="2025-06-01", value=30))
    older = await sandbox.create(observation(f"Patient/{whose}", date="2025-01-01", value=1))
    second = await get(sandbox, links(page)["next"])
    assert values(second)[:4] == [15, 14, 13, 12]
    assert second["total"] == page["total"] == 10
    await sandbox.call("DELETE", f"/fhir/Observation/{new['id']}")
    third = await get(sandbox, links(second)["next"])
    assert values(third)[:2] == [11, 10]
    await sandbox.call("DELETE", f"/fhir/Observation/{older['id']}")


@pytest.mark.capability("search-type")
async def test_pages_are_linked_forwards_backwards_and_to_both_ends(sandbox: Institution, whose: str) -> None:
    page = await get(sandbox, f"/fhir/Observation?subject=Patient/{whose}&_count=4")
    assert list(links(page)) == ["self", "first", "next", "last"]
    second = await get(sandbox, links(page)["next"])
    assert list(links(second)) == ["self", "first", "previous", "next", "last"]
    third = await get(sandbox, links(second)["next"])
    assert list(links(third)) == ["self", "first", "previous", "last"]
    assert values(third) == values(await get(sandbox, links(page)["last"])) == [11, 10]
    assert values(await get(sandbox, links(third)["previous"])) == values(second)
    assert values(await get(sandbox, links(second)["previous"])) == values(page)
    assert values(await get(sandbox, links(third)["first"])) == values(page)


async def test_a_page_of_nothing_says_how_many_there_are(sandbox: Institution, whose: str) -> None:
    page = await get(sandbox, f"/fhir/Observation?subject=Patient/{whose}&_count=0")
    assert (page["total"], page.get("entry"), list(links(page))) == (10, None, ["self"])


@pytest.mark.parametrize(("wish", "told"), [("accurate", 10), ("estimate", 10), ("none", None)])
@pytest.mark.capability("search-type")
async def test_the_total_is_the_clients_choice(sandbox: Institution, whose: str, wish: str, told: int | None) -> None:
    page = await get(sandbox, f"/fhir/Observation?subject=Patient/{whose}&_count=3&_total={wish}")
    assert page.get("total") == told
    assert (await get(sandbox, links(page)["next"])).get("total") == told


async def test_the_self_link_says_what_was_used(sandbox: Institution, whose: str) -> None:
    answer = await sandbox.call(
        "GET", f"/fhir/Observation?subject=Patient/{whose}&nonsense=1&_count=3", prefer="handling=lenient"
    )
    page = answer.json()
    assert links(page)["self"] == f"/fhir/Observation?subject=Patient%2F{whose}&_count=3"
    [outcome] = [e for e in page["entry"] if e["search"]["mode"] == "outcome"]
    assert outcome["resource"]["issue"][0]["severity"] == "warning"


# --- over several types ----------------------------------------------------------------------------------------------
@pytest.mark.capability("search-system")
async def test_a_search_of_the_system_names_its_types(sandbox: Institution, whose: str) -> None:
    page = await get(sandbox, f"/fhir?_type=Patient,Observation&patient={whose}")
    assert {e["resource"]["resourceType"] for e in page["entry"]} == {"Patient", "Observation"}
    assert page["total"] == 11
    found: list[str] = []
    page = await get(sandbox, f"/fhir?_type=Patient,Observation&patient={whose}&_count=3")
    found += [e["fullUrl"] for e in page["entry"]]
    while "next" in links(page):
        page = await get(sandbox, links(page)["next"])
        found += [e["fullUrl"] for e in page["entry"]]
    assert len(found) == len(set(found)) == 11


@pytest.mark.capability("search-system")
async def test_a_sandbox_searches_all_types_across_its_own_patients(sandbox: Institution, whose: str) -> None:
    page = await get(sandbox, f"/fhir?_id={whose}")
    assert [e["resource"]["id"] for e in page["entry"]] == [whose]
    everything = await get(sandbox, "/fhir?_lastUpdated=gt2020-01-01&_count=0")
    assert everything["total"] >= 11
    form = f"_type=Observation&subject=Patient/{whose}&_count=0".encode()
    answer = await sandbox.call("POST", "/fhir/_search", form, content_type="application/x-www-form-urlencoded")
    assert answer.json()["total"] == 10


@pytest.mark.capability("search-system")
async def test_everybody_else_names_the_person_of_a_system_search(platform: Platform) -> None:
    hospital = await platform.institution("H")
    made = await hospital.create(patient())
    await hospital.create(observation(f"Patient/{made['id']}"))
    page = await get(hospital, f"/fhir?patient={made['id']}")
    assert {e["resource"]["resourceType"] for e in page["entry"]} == {"Patient", "Observation"}
    for query in ("", "?_type=Observation", "?_lastUpdated=gt2020-01-01"):
        assert_refused(await hospital.call("GET", f"/fhir{query}"), 403, "person-not-named")


async def test_all_of_a_patients_compartment(sandbox: Institution, whose: str) -> None:
    page = await get(sandbox, f"/fhir/Patient/{whose}/*?_count=2")
    assert page["total"] == 11
    only = await get(sandbox, f"/fhir/Patient/{whose}/*?_type=Observation&_count=0")
    assert only["total"] == 10


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("?_type=Nonsense&patient=x", 404, "resource-type-unknown"),
        ("?_type=Observation,Condition&nonsense=1", 400, "search-parameter-unknown"),
        ("?name=x", 400, "search-parameter-unknown"),
        ("?_type=Observation,Condition&_sort=code", 400, "search-parameter-unknown"),
    ],
)
async def test_what_not_all_types_have_is_refused(sandbox: Institution, query: str, status: int, code: str) -> None:
    assert_refused(await sandbox.call("GET", f"/fhir{query}"), status, code)


# --- history ---------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
async def versions(platform: Platform) -> tuple[Institution, str, list[str]]:
    """A sandbox with one organization of five versions, the last a deletion; and when each was written."""
    place = await platform.institution("V", matching="off")
    made = await place.create({"resourceType": "Organization", "name": "v1"})
    address, times = f"/fhir/Organization/{made['id']}", [made["meta"]["lastUpdated"]]
    for n in range(2, 5):
        changed = (await place.call("PUT", address, made | {"name": f"v{n}"})).json()
        times.append(changed["meta"]["lastUpdated"])
    await place.call("DELETE", address)
    return place, address, times


@pytest.mark.parametrize("of", ["instance", "type", "system"])
@pytest.mark.capability("history-instance", "history-type", "history-system")
async def test_history_goes_forwards_and_backwards_in_pages(
    versions: tuple[Institution, str, list[str]], of: str
) -> None:
    place, address, _ = versions
    where = {"instance": address, "type": "/fhir/Organization", "system": "/fhir"}[of]
    pages = [await get(place, f"{where}/_history?_count=2")]
    assert pages[0]["type"] == "history"
    while "next" in links(pages[-1]):
        pages.append(await get(place, links(pages[-1])["next"]))
    assert [page["total"] for page in pages] == [5, 5, 5]
    etags = [e["response"]["etag"] for page in pages for e in page["entry"]]
    assert etags == ['W/"5"', 'W/"4"', 'W/"3"', 'W/"2"', 'W/"1"']
    methods = [e["request"]["method"] for page in pages for e in page["entry"]]
    assert methods == ["DELETE", "PUT", "PUT", "PUT", "POST"]
    back = [pages[-1]]
    while "previous" in links(back[-1]):
        back.append(await get(place, links(back[-1])["previous"]))
    assert [page["entry"] for page in back] == [page["entry"] for page in pages[::-1]]


@pytest.mark.parametrize("of", ["instance", "type"])
@pytest.mark.capability("history-instance", "history-type", "history-system")
async def test_history_of_a_time(versions: tuple[Institution, str, list[str]], of: str) -> None:
    place, address, times = versions
    where = address if of == "instance" else "/fhir/Organization"

    async def found(query: str) -> list[str]:
        page = await get(place, f"{where}/_history?{query}")
        return [e["response"]["etag"] for e in page.get("entry", [])]

    third = times[2].replace("+", "%2B")
    assert await found(f"_since={third}") == ['W/"5"', 'W/"4"', 'W/"3"']
    assert await found("_since=2099-01-01") == []
    assert await found("_at=2099-01-01") == ['W/"5"']
    assert await found("_at=2001-01-01") == []
    assert 'W/"3"' in await found(f"_at={third}")
    assert_refused(await place.call("GET", f"{where}/_history?_at=soon"), 400, "search-value-invalid")
    assert_refused(await place.call("GET", f"{where}/_history?_count=x"), 400, "search-value-invalid")
