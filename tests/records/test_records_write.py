"""Versions: every change is kept, only the author changes, and what was stored comes back byte for byte."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from store import NOW, VAULT, Shelf, observation, seen

from yima import fhir, records
from yima.records import Reader, Write, existing, history, version
from yima.runtime import ids
from yima.runtime.database import Database
from yima.runtime.errors import Refusal


@pytest.fixture
def shelf(db: Database) -> Shelf:
    """A new person's home, as institution 7 writes to it."""
    return Shelf(db)


async def refusal(write: Any) -> str:
    with pytest.raises(Refusal) as refused:
        await write
    return refused.value.code


async def test_a_resource_lives_through_its_versions(shelf: Shelf) -> None:
    made = await shelf.create(observation(valueString="one"))
    assert (made.version, made.created) == (1, True)
    second = await shelf.update(made, observation(valueString="two"))
    assert (second.version, second.created) == (2, False)
    gone = await shelf.delete(made)
    assert (gone.version, gone.content) == (3, b"")
    back = await shelf.update(made, observation(valueString="four"))
    assert (back.version, back.created) == (4, False)
    rows = await history(shelf.db, VAULT, "Observation", made.id, 10)
    assert [(row.version, row.deleted) for row in rows] == [(4, False), (3, True), (2, False), (1, False)]
    assert [row.updated for row in rows] == sorted((row.updated for row in rows), reverse=True)
    assert [fhir.parse(row.content).get("valueString") for row in rows if not row.deleted] == ["four", "two", "one"]
    assert [row.version for row in await history(shelf.db, VAULT, "Observation", made.id, 2)] == [4, 3]
    earlier = await version(shelf.db, VAULT, "Observation", made.id, 2)
    assert earlier is not None
    assert earlier.content == second.content
    assert await version(shelf.db, VAULT, "Observation", made.id, 9) is None


async def test_the_server_sets_id_and_meta_and_keeps_the_rest_of_meta(shelf: Shelf) -> None:
    sent = observation(
        id="mine",
        meta={"versionId": "9", "lastUpdated": "1999-01-01T00:00:00Z", "source": "urn:lie", "profile": ["urn:p"]},
    )
    made = await shelf.create(sent)
    stored = fhir.parse(made.content)
    assert stored["id"] == made.id
    assert stored["meta"] == {
        "versionId": "1",
        "lastUpdated": shelf.now.isoformat(timespec="milliseconds"),
        "source": "urn:test:7",
        "profile": ["urn:p"],
    }
    assert sent["id"] == "mine", "what was sent is not changed"
    assert (await shelf.search([("_source", "urn:test:7")])).total == 1
    assert (await shelf.search([("_source", "urn:lie")])).total == 0, "a search believes the server's meta as well"
    assert (await shelf.search([("_profile", "urn:p")])).total == 1


async def test_only_the_author_changes_a_resource_and_others_do_not_learn_of_it(shelf: Shelf) -> None:
    made = await shelf.create(observation())
    other = Shelf(shelf.db, institution=8, home=shelf.home)
    assert await refusal(other.update(made, observation())) == "not-found"
    assert await refusal(other.delete(made)) == "not-found"
    assert await refusal(shelf.update(await Shelf(shelf.db).create(observation()), observation())) == "not-found"
    assert (
        await refusal(shelf.write(Write("update", shelf.home, "Condition", made.id, {"resourceType": "Condition"})))
        == "not-found"
    )
    assert len(await history(shelf.db, VAULT, "Observation", made.id, 10)) == 1


async def test_if_match_names_the_version_one_started_from(shelf: Shelf) -> None:
    made = await shelf.create(observation())
    await shelf.update(made, observation(valueString="two"), if_match=1)
    for stale in (1, 3, 0):
        assert await refusal(shelf.update(made, observation(), if_match=stale)) == "precondition-failed"
        assert await refusal(shelf.delete(made, if_match=stale)) == "precondition-failed"
    assert (await shelf.delete(made, if_match=2)).version == 3


async def test_an_update_that_says_the_same_makes_no_version(shelf: Shelf) -> None:
    made = await shelf.create(observation(valueQuantity={"value": Decimal("0.1")}))
    same = await shelf.update(made, observation(valueQuantity={"value": Decimal("0.1")}, meta={"source": "urn:else"}))
    assert (same.version, same.created, same.content) == (1, False, made.content)
    other = await shelf.update(made, observation(valueQuantity={"value": Decimal("0.10")}))
    assert other.version == 2, "0.10 is measured more exactly than 0.1"
    assert len(await history(shelf.db, VAULT, "Observation", made.id, 10)) == 2


async def test_of_twenty_who_start_from_one_version_exactly_one_wins(shelf: Shelf) -> None:
    made = await shelf.create(observation())
    results = await asyncio.gather(
        *(shelf.update(made, observation(valueString=str(n)), if_match=1) for n in range(20)), return_exceptions=True
    )
    assert sum(not isinstance(result, Exception) for result in results) == 1
    assert {result.code for result in results if isinstance(result, Refusal)} == {"precondition-failed"}


async def test_without_if_match_all_win_and_no_version_is_lost(shelf: Shelf) -> None:
    made = await shelf.create(observation())
    written = await asyncio.gather(*(shelf.update(made, observation(valueString=str(n))) for n in range(20)))
    assert sorted(one.version for one in written) == list(range(2, 22))
    rows = await history(shelf.db, VAULT, "Observation", made.id, 100)
    assert {fhir.parse(row.content).get("valueString") for row in rows} == {None, *map(str, range(20))}
    assert [row.updated for row in rows] == sorted((row.updated for row in rows), reverse=True)


async def test_versions_never_go_back_in_time(shelf: Shelf) -> None:
    made = await shelf.create(observation())
    [late] = await shelf.write(
        Write("update", shelf.home, made.type, made.id, observation()), now=NOW - timedelta(hours=1)
    )
    assert fhir.parse(late.content)["meta"]["lastUpdated"] == fhir.parse(made.content)["meta"]["lastUpdated"]


async def test_deleting_twice_changes_nothing_more(shelf: Shelf) -> None:
    made = await shelf.create(observation())
    assert (await shelf.delete(made)).version == 2
    assert (await shelf.delete(made)).version == 2
    assert [row.version for row in await history(shelf.db, VAULT, "Observation", made.id, 10)] == [2, 1]


DOUBLED = [("update", "update"), ("update", "delete"), ("delete", "delete")]


@pytest.mark.parametrize("methods", DOUBLED)
async def test_one_transaction_writes_a_resource_once(shelf: Shelf, methods: tuple[Any, Any]) -> None:
    made = await shelf.create(observation())
    twice = [Write(method, shelf.home, made.type, made.id, observation(valueString=method)) for method in methods]
    assert await refusal(shelf.write(*twice)) == "field-invalid"
    assert len(await history(shelf.db, VAULT, "Observation", made.id, 10)) == 1


async def test_a_transaction_is_all_or_nothing(shelf: Shelf) -> None:
    made = await shelf.create(observation())
    fresh = shelf.new(observation())
    update = Write("update", shelf.home, made.type, made.id, observation(valueString="no"))
    missing = Write("delete", shelf.home, "Observation", ids.new_resource_id(shelf.home), {})
    assert await refusal(shelf.write(fresh, update, missing)) == "not-found"
    assert await shelf.write() == []
    async with shelf.db.connection() as c:
        keys = [
            ("Observation", made.id),
            ("Observation", fresh.id),
            ("Observation", missing.id),
            ("Observation", "odd"),
        ]
        assert await existing(c, keys) == {("Observation", made.id)}
        assert await existing(c, []) == set()
    assert len(await history(shelf.db, VAULT, "Observation", made.id, 10)) == 1


EXACT = [
    '{"resourceType":"Observation","valueQuantity":{"value":0.10}}',
    '{"resourceType":"Observation","valueQuantity":{"value":1.0E-7,"unit":"μg"}}',
    '{"resourceType":"Observation","valueQuantity":{"value":100000000000000000}}',
    '{"resourceType":"Observation","component":[{"valueQuantity":{"value":3.00}},{"valueQuantity":{"value":1}},{"valueQuantity":{"value":2.50}}]}',
    '{"resourceType":"Observation","extension":[{"url":"urn:b","valueString":"2"},{"url":"urn:a","valueDecimal":1.500}],"_status":{"extension":[{"url":"urn:x"}]}}',
    '{"resourceType":"Observation","note":[{"text":"体温 36.8℃ <b> \\"\\\\ 👩‍⚕️"}]}',
    '{"resourceType":"Observation","contained":[{"resourceType":"Patient","id":"p","name":[{"given":["b","a",null],"_given":[null,null,{"id":"i"}]}]}]}',
]


@pytest.mark.parametrize("text", EXACT)
async def test_digits_extensions_and_order_come_back_as_they_came(shelf: Shelf, text: str) -> None:
    sent = text.encode()
    made = await shelf.create(fhir.parse(sent))
    row = await shelf.current(made)
    assert row is not None
    assert row.content == made.content
    kept = row.content.partition(b',"meta":{')[2].partition(b"},")[2]
    assert b"{" + kept == b"{" + sent.partition(b",")[2]


async def test_five_hundred_readers_at_once_get_their_own_rows_in_few_queries(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await shelf.write(*(shelf.new(observation(valueString=str(n))) for n in range(100)))
    asked = [*made, *made, *made, *made, *((ids.new_resource_id(shelf.home)) for _ in range(50)), *["unheard-of"] * 50]
    queries: list[int] = []
    fetch = shelf.db.fetch

    async def counted(sql: str, *args: Any) -> Any:
        queries.append(len(args[0]))
        return await fetch(sql, *args)

    monkeypatch.setattr(shelf.db, "fetch", counted)
    reader = Reader(shelf.db, VAULT)
    rows = await asyncio.gather(*(reader.read("Observation", one if isinstance(one, str) else one.id) for one in asked))
    for one, row in zip(asked, rows, strict=True):
        assert (row is None) if isinstance(one, str) else (row is not None and row.content == one.content)
    assert len(queries) <= 5
    assert await reader.read("Condition", made[0].id) is None, "the type is part of the address"


async def test_a_whole_record_comes_patients_first_then_by_date(shelf: Shelf) -> None:
    dated = [observation(effectiveDateTime=f"202{n}-01-01") for n in (3, 1, 2)]
    patient = {"resourceType": "Patient", "name": [{"text": "张伟"}]}
    await shelf.write(*(shelf.new(resource) for resource in [observation(), *dated, patient]))
    gone = await shelf.create(observation(effectiveDateTime="2020-01-01"))
    await shelf.delete(gone)
    rows = await records.everything(shelf.db, VAULT, [shelf.home], seen())
    assert [row.type for row in rows] == ["Patient"] + ["Observation"] * 4
    assert [fhir.parse(row.content).get("effectiveDateTime") for row in rows] == [
        None,
        "2021-01-01",
        "2022-01-01",
        "2023-01-01",
        None,
    ]
    assert [row.type for row in await records.everything(shelf.db, VAULT, [shelf.home], seen(), types=["Patient"])] == [
        "Patient"
    ]
    assert await records.everything(shelf.db, VAULT, [shelf.home], seen(), since=shelf.now + timedelta(days=1)) == []
    assert len(await records.everything(shelf.db, VAULT, [shelf.home], seen(), limit=2)) == 2
    assert await records.everything(shelf.db, VAULT, [ids.new_person_id()], seen()) == []


async def test_sight_hides_closed_classes_of_others_and_all_but_one_author(shelf: Shelf) -> None:
    ours, theirs = shelf, Shelf(shelf.db, institution=8, home=shelf.home)
    for writer in (ours, theirs):
        for cls in ("", "hiv", "psychiatric"):
            await writer.create(observation(), cls)
    cases = [
        (seen(), 6),
        (seen(frozenset({"hiv"})), 4),
        (seen(frozenset({"hiv", "psychiatric"})), 2),
        (seen(frozenset({"hiv", "psychiatric"}), author=7), 4),
        (seen(frozenset({"hiv"}), only_institution=7), 2),
        (seen(frozenset({"hiv"}), only_institution=7, author=7), 3),
        (seen(only_institution=9), 0),
    ]
    whole = await records.everything(shelf.db, VAULT, [shelf.home], seen())
    items = frozenset(f"{row.type}/{row.id}" for row in whole if not row.cls)
    cases += [
        (seen(withheld=items), 4),
        (seen(withheld=items, author=7), 5),
        (seen(frozenset({"hiv", "psychiatric"}), withheld=items), 0),
        (seen(frozenset({"hiv", "psychiatric"}), author=8, withheld=items), 3),
        (seen(only_institution=7, withheld=items), 2),
        (seen(only_institution=7, author=7, withheld=items), 3),
    ]
    for sight, number in cases:
        rows = await records.everything(shelf.db, VAULT, [shelf.home], sight)
        assert len(rows) == number, sight
        assert rows == [row for row in whole if sight.covers(row)]
        page = await shelf.search([], sight=sight)
        assert (page.total, {row.id for row in page.rows}) == (number, {row.id for row in rows})


async def test_what_is_handed_out_of_a_record_is_what_is_in_it(shelf: Shelf) -> None:
    said: list[dict[str, Any]] = [observation(effectiveDateTime=f"20{n % 7:02}-01-01") for n in range(20)]
    said += [{"resourceType": "Patient"}, observation(effectivePeriod={"end": "2001-01-01"}), observation()]
    await shelf.write(*(shelf.new(resource, ("", "hiv")[n % 4 == 1]) for n, resource in enumerate(said)))
    await Shelf(shelf.db, institution=8, home=shelf.home).create({"resourceType": "Patient"})
    whole = await records.everything(shelf.db, VAULT, [shelf.home], seen())
    assert [row.type for row in whole][:3] == ["Patient", "Patient", "Observation"]
    items = frozenset(f"{row.type}/{row.id}" for row in whole[1:9])
    sights = [seen(), seen(frozenset({"hiv"})), seen(frozenset({"hiv"}), author=7), seen(only_institution=8)]
    for sight in [*sights, seen(withheld=items), seen(frozenset({"hiv"}), withheld=items, author=8)]:
        for types in (None, ["Patient"], ["Observation"], []):
            for limit in (2, 100):
                rows = await records.everything(shelf.db, VAULT, [shelf.home], sight, types=types, limit=limit)
                found = await records.contents(shelf.db, VAULT, [shelf.home], sight, types=types, limit=limit)
                assert [tuple(one) for one in found] == [(row.type, row.id, row.content) for row in rows]


async def test_a_class_put_on_later_covers_the_earlier_versions(shelf: Shelf) -> None:
    made = await shelf.create(observation(valueString="before anybody knew"))
    await shelf.update(made, observation(), cls="psychiatric")
    closed = seen(frozenset({"psychiatric"}))
    assert not any(closed.covers(row) for row in await history(shelf.db, VAULT, "Observation", made.id, 10))
    earlier = await version(shelf.db, VAULT, "Observation", made.id, 1)
    assert earlier is not None
    assert not closed.covers(earlier)
    await shelf.update(made, observation())
    assert [closed.covers(row) for row in await history(shelf.db, VAULT, "Observation", made.id, 10)] == [
        True,
        False,
        True,
    ]


@pytest.mark.parametrize("odd", ["", "x", "Observation/1", "0" * 24, "zzzzzzzzzz-0000000000000", "\x00" * 24])
async def test_ids_that_are_not_ours_are_simply_unknown(db: Database, odd: str) -> None:
    assert await Reader(db, VAULT).read("Observation", odd) is None
    assert await history(db, VAULT, "Observation", odd, 10) == []
    assert await version(db, VAULT, "Observation", odd, 1) is None


async def test_total_counts_rows(shelf: Shelf) -> None:
    before = await records.total(shelf.db)
    await shelf.create(observation())
    assert await records.total(shelf.db) == before + 1
