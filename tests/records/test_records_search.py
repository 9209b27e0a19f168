"""Search in one record against a brute-force oracle, and the order, paging and totals of its pages."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store import KEY, NOW, VAULT, Shelf, observation, seen

from yima import fhir, records
from yima.records import Spot, Wanted, search
from yima.runtime.database import Database
from yima.runtime.errors import Refusal

LOINC = "http://loinc.org"
CODES = ["1558-6", "718-7", "8480-6"]
DATES = ["2020", "2021-03", "2021-03-05", "2021-03-05T08:00:00Z", "2021-03-05T08:00:00+08:00", "2026-01-01"]
PERIODS = [{"start": "2021"}, {"end": "2021-03-05"}, {"start": "2020-06-01", "end": "2021-03-06"}]
VALUES = [
    {"valueString": "Pale"},
    {"valueQuantity": {"value": 5.4, "unit": "mmol/L"}},
    {"valueQuantity": {"value": 120}},
    {},
]


@st.composite
def observations(draw: st.DrawFn) -> dict[str, Any]:
    made = observation(status=draw(st.sampled_from(["final", "amended"])))
    if codes := draw(st.lists(st.sampled_from(CODES), max_size=2, unique=True)):
        made["code"] = {"coding": [{"system": LOINC, "code": code} for code in codes]}
    made |= draw(st.sampled_from(VALUES))
    when = draw(st.one_of(st.none(), st.sampled_from(DATES), st.sampled_from(PERIODS)))
    if isinstance(when, str):
        made["effectiveDateTime"] = when
    elif when:
        made["effectivePeriod"] = when
    return made


TOKEN = st.tuples(
    st.sampled_from(["code", "code:not"]),
    st.sampled_from([f"{LOINC}|718-7", "718-7", "1558-6,8480-6", f"{LOINC}|", "none"]),
)
STATUS = st.tuples(st.just("status"), st.sampled_from(["final", "amended", "final,amended", "draft"]))
DATE = st.tuples(
    st.just("date"),
    st.builds(
        "{}{}".format,
        st.sampled_from(["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]),
        st.sampled_from(DATES),
    ),
)
MISSING = st.tuples(
    st.sampled_from(["date:missing", "code:missing", "value-string:missing"]), st.sampled_from(["true", "false"])
)
RARE = st.sampled_from(
    [("value-string", "pal"), ("value-quantity", "gt5"), ("value-quantity", "5.4"), ("value-quantity", "le120")]
)
PARAMS = st.lists(st.one_of(TOKEN, STATUS, DATE, MISSING, RARE), max_size=3)


def oracle(query: fhir.Query, resources: list[dict[str, Any]]) -> set[str]:
    """What a search must find: every resource asked by the query itself."""
    return {one["id"] for one in resources if query.accepts(fhir.index(one, key=KEY), one)}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(resources=st.lists(observations(), max_size=6), params=PARAMS)
async def test_a_search_finds_what_the_query_accepts(
    db: Database, resources: list[dict[str, Any]], params: list[tuple[str, str]]
) -> None:
    shelf = Shelf(db)
    written = await shelf.write(*map(shelf.new, resources))
    query = fhir.compile_query("Observation", params, key=KEY, now=NOW)
    page = await search(db, VAULT, [shelf.home], "Observation", query, seen(), Wanted(count=100))
    assert {row.id for row in page.rows} == oracle(query, [fhir.parse(one.content) for one in written])
    assert page.total == len(page.rows)


@pytest.fixture(scope="module")
async def shelf(db: Database) -> Shelf:
    """Thirty observations: two a day for twelve days, six without a date; each written a second after the last."""
    made = Shelf(db)
    for n in range(24):
        await made.create(observation(effectiveDateTime=f"2021-05-{n // 2 + 1:02d}", valueString=f"v{n % 3}"))
    for _ in range(6):
        await made.create(observation())
    return made


ORDERS = ["", "date", "-date", "_id", "-_id", "_lastUpdated", "-_lastUpdated", "date,-_lastUpdated", "-date,_id"]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("rare", [[], [("value-string:missing", "false")]])
async def test_pages_of_any_size_make_up_the_whole_in_a_stable_order(
    shelf: Shelf, order: str, rare: list[tuple[str, str]]
) -> None:
    params = [*rare, *([("_sort", order)] if order else [])]
    whole = await shelf.search(params)
    assert whole.total == len(whole.rows) == (24 if rare else 30)
    ids = [row.id for row in whole.rows]
    for size in (1, 7, 29, 30):
        page = await shelf.search(params, count=size)
        forth = [[row.id for row in page.rows]]
        while page.next:
            page = await shelf.search(params, spot=page.next, count=size)
            assert page.total == whole.total
            forth.append([row.id for row in page.rows])
        assert [one for found in forth for one in found] == ids
        back = [forth[-1]]
        while page.previous:
            page = await shelf.search(params, spot=page.previous, count=size)
            back.append([row.id for row in page.rows])
        assert back == forth[::-1]
        last = await shelf.search(params, spot=Spot(back=True, seen=page.total, take=page.total % size or size))
        assert ([row.id for row in last.rows], last.next) == (forth[-1], None)


async def test_sorting_is_by_the_key_asked_for_and_undated_ones_come_last(shelf: Shelf) -> None:
    def dates(page: records.Page) -> list[str]:
        return [fhir.parse(row.content).get("effectiveDateTime", "") for row in page.rows]

    rising, falling = dates(await shelf.search([("_sort", "date")])), dates(await shelf.search([("_sort", "-date")]))
    assert rising == sorted(filter(None, rising)) + [""] * 6
    assert falling == sorted(filter(None, falling), reverse=True) + [""] * 6
    assert dates(await shelf.search([])) == falling, "without a wish the newest come first"
    updated = [row.updated for row in (await shelf.search([("_sort", "-_lastUpdated")])).rows]
    assert updated == sorted(updated, reverse=True)


async def test_a_page_without_rows_still_tells_the_total(shelf: Shelf) -> None:
    for params, total in (([], 30), ([("value-string", "v1")], 8)):
        page = await shelf.search(params, count=0)
        assert (page.rows, page.total, page.next) == ((), total, None)


async def test_ids_and_last_updated_are_columns(shelf: Shelf) -> None:
    rows = (await shelf.search([("_sort", "_lastUpdated")])).rows
    wanted = f"{rows[3].id},{rows[5].id},unheard-of"
    assert {row.id for row in (await shelf.search([("_id", wanted)])).rows} == {rows[3].id, rows[5].id}
    moment = rows[9].updated.isoformat().replace("+00:00", "Z")
    for prefix, total in (
        ("", 1),
        ("eq", 1),
        ("ne", 29),
        ("gt", 20),
        ("ge", 21),
        ("lt", 9),
        ("le", 10),
        ("sa", 20),
        ("eb", 9),
    ):
        assert (await shelf.search([("_lastUpdated", prefix + moment)])).total == total, prefix
    assert (await shelf.search([("_lastUpdated", "2026-03-02")])).total == 30


async def test_deleted_resources_and_other_homes_are_not_found(db: Database) -> None:
    mine, other = Shelf(db), Shelf(db)
    made = await mine.create(observation())
    await other.create(observation())
    assert (await mine.search([])).total == 1
    await mine.delete(made)
    assert (await mine.search([])).total == 0
    query = fhir.compile_query("Observation", [], key=KEY)
    both = await search(db, VAULT, [mine.home, other.home], "Observation", query, seen(), Wanted(count=10))
    assert both.total == 1
    assert (await search(db, VAULT, [], "Observation", query, seen(), Wanted(count=10))).total == 0


async def test_a_rare_parameter_over_too_many_resources_is_too_costly(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["yima.records.search"], "_SCAN", 29)
    with pytest.raises(Refusal) as refused:
        await shelf.search([("value-string", "v1")])
    assert refused.value.code == "too-costly"
    assert (await shelf.search([("value-string", "v1"), ("date", "lt2022")])).total == 8, (
        "a narrower search is answered"
    )


async def test_identity_numbers_cannot_be_guessed_from_the_search_hashes(db: Database) -> None:
    shelf = Shelf(db)
    await shelf.create(observation(identifier=[{"system": "urn:s", "value": "secret"}]))
    assert (await shelf.search([("identifier", "urn:s|secret")])).total == 1
    query = fhir.compile_query("Observation", [("identifier", "urn:s|secret")], key=b"another deployment's")
    assert (await search(db, VAULT, [shelf.home], "Observation", query, seen(), Wanted(count=10))).total == 0


async def answer(shelf: Shelf, name: str, text: str) -> int | str:
    """How many a search finds, or the code of its refusal."""
    try:
        return (await shelf.search([(name, text)])).total
    except Refusal as refused:
        return refused.code


HOSTILE = ["'; drop table records.resource; --", "%s", "$1", "{a}", ":from", "?", "\\", "﷽" * 50]


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_values_find_nothing_and_break_nothing(shelf: Shelf, text: str) -> None:
    for name in ("code", "identifier", "_id", "value-string", "_tag", "status"):
        assert await answer(shelf, name, text) in (0, "search-value-invalid")


async def test_searches_at_once_do_not_mix(shelf: Shelf) -> None:
    pages = await asyncio.gather(*(shelf.search([("value-string", f"v{n % 3}")]) for n in range(30)))
    assert all(page.total == 8 for page in pages)
