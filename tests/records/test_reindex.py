"""Reindexing: what the present rules say of stored resources, written only where it differs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from store import KEY, VAULT, Shelf, observation

from yima.records import Position, Written, reindex
from yima.runtime.database import Database

CODED = {"code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]}, "effectiveDateTime": "2026-03-01"}
OPEN = {"effectivePeriod": {"start": "2026-03-01"}}


async def _row(db: Database, made: Written) -> tuple[object, ...]:
    row = await db.fetchrow(
        "select low, high, tokens, version, updated, content, deleted from records.resource where id = $1", made.id
    )
    return tuple(row)


async def _all(db: Database, most: int = 100) -> tuple[int, int, list[str]]:
    at, seen, written, unreadable = Position(), 0, 0, []
    while (batch := await reindex(db, VAULT, at, index_key=KEY, most=most)).seen:
        at, seen, written = batch.position, seen + batch.seen, written + batch.written
        unreadable += batch.unreadable
    return seen, written, unreadable


@pytest.fixture
async def clean(db: Database, server: object) -> Database:
    await _all(db)
    return db


@pytest.mark.parametrize("parts", [CODED, OPEN, {}])
@pytest.mark.parametrize("spoil", ["tokens = '{1}'", "tokens = '{}'", "low = '2001-01-01'", "high = null, low = null"])
async def test_spoiled_rows_are_mended_and_no_version_is_made(clean: Database, parts: dict, spoil: str) -> None:
    made = await Shelf(clean).create(observation(**parts))
    right = await _row(clean, made)
    await clean.execute(f"update records.resource set {spoil} where id = '{made.id}'")
    spoiled = await _row(clean, made) != right
    assert (await _all(clean))[1] == spoiled
    assert await _row(clean, made) == right


async def test_rows_that_are_right_are_not_written(clean: Database) -> None:
    shelf = Shelf(clean)
    for parts in (CODED, OPEN, {}):
        await shelf.create(observation(**parts))
    assert (await _all(clean))[1] == 0


async def test_batches_go_through_all_homes_and_each_resource_once(clean: Database) -> None:
    before, _, _ = await _all(clean)
    for _ in range(3):
        shelf = Shelf(clean)
        for _ in range(4):
            await shelf.create(observation(**CODED))
    await clean.execute("update records.resource set tokens = '{7}' where type = 'Observation'")
    seen, written, _ = await _all(clean, most=3)
    assert seen == before + 12
    assert written >= 12
    assert (await _all(clean, most=5))[1] == 0


async def test_the_deleted_stay_without_tokens(clean: Database) -> None:
    shelf = Shelf(clean)
    made = await shelf.create(observation(**CODED))
    await shelf.delete(made)
    _, written, _ = await _all(clean)
    assert written == 0
    assert (await _row(clean, made))[2] == []


async def test_what_cannot_be_read_is_named_and_left(clean: Database) -> None:
    shelf = Shelf(clean)
    made, after = await shelf.create(observation(**CODED)), await shelf.create(observation(**CODED))
    await clean.execute(f"update records.resource set content = '\\x7b', tokens = '{{5}}' where id = '{made.id}'")
    await clean.execute(f"update records.resource set tokens = '{{5}}' where id = '{after.id}'")
    assert (await _all(clean))[1:] == (1, [f"Observation/{made.id}"])
    assert (await _row(clean, made))[2] == [5]
    bare = await reindex(clean, VAULT, Position(), index_key=KEY, most=10_000, bare=True)
    assert (bare.unreadable, (await _row(clean, made))[2]) == ((f"Observation/{made.id}",), []), "its key goes"
    await clean.execute(f"update records.resource set deleted = true where id = '{made.id}'")


async def test_a_run_goes_on_after_its_position(clean: Database) -> None:
    shelf = Shelf(clean)
    for _ in range(4):
        await shelf.create(observation(**CODED))
    first = await reindex(clean, VAULT, Position(), index_key=KEY, most=2)
    rest = await reindex(clean, VAULT, first.position, index_key=KEY, most=10_000)
    whole = await reindex(clean, VAULT, Position(), index_key=KEY, most=10_000)
    assert first.seen + rest.seen == whole.seen
    assert (await reindex(clean, VAULT, whole.position, index_key=KEY, most=10)).position == whole.position
    assert replace(whole, seen=0).written == 0
