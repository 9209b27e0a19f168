"""Content at rest: nothing of it is readable, no row opens in another's place, keys go with the last content."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from store import ALL, VAULT, Shelf, observation

from yima import records
from yima.records import content
from yima.records.content import opened, wraps_of
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

MARK = "弥漫性轴索"
WRAP = "select k.wrap from records.key k where k.home = $1"


def marked(**more: Any) -> dict[str, Any]:
    return observation(note=[{"text": MARK}], **more)


async def readable(db: Database, home: PersonId) -> bool:
    rows = await db.fetch(
        "select content from records.resource where home = $1 "
        "union all select content from records.history where home = $1 "
        "union all select content from records.home where home = $1", home,
    )  # fmt: skip
    return any(MARK.encode() in row["content"] or b"Observation" in row["content"] for row in rows)


async def test_content_comes_back_and_is_nowhere_readable(db: Database) -> None:
    shelf = Shelf(db)
    made = await shelf.create(marked())
    await shelf.update(made, marked(status="amended"))
    await shelf.delete(made)
    again = await shelf.update(made, marked(status="corrected"))
    await shelf.write(*(shelf.new(marked()) for _ in range(5)))
    found = await records.history(db, VAULT, "Observation", made.id, 10)
    assert [(row.version, row.deleted) for row in found] == [(4, False), (3, True), (2, False), (1, False)]
    assert found[0].content == again.content
    assert all(MARK.encode() in row.content for row in found), "of a deletion, what the version before said"
    assert len(await records.everything(db, VAULT, [shelf.home], ALL)) == 6
    assert not await readable(db, shelf.home)


async def test_an_answer_holds_so_much_and_no_more(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies packed in a few kilobytes would otherwise take all the memory of whoever asks."""
    shelf = Shelf(db)
    monkeypatch.setattr(content, "MOST_OPENED", 3_000_000)
    made = await shelf.create(observation(note=[{"text": "x" * 800_000}]))
    for status in ("amended", "corrected"):
        await shelf.update(made, observation(note=[{"text": "x" * 800_000}], status=status))
        await shelf.create(observation(note=[{"text": "x" * 800_000}]))
    asked: list[Callable[[], Awaitable[object]]] = [
        lambda: records.everything(db, VAULT, [shelf.home], ALL),
        lambda: records.contents(db, VAULT, [shelf.home], ALL),
        lambda: records.history(db, VAULT, "Observation", made.id, 10),
        lambda: shelf.search([]),
        lambda: shelf.search([("code:text", "x")]),
    ]
    for ask in asked:
        await ask()
    monkeypatch.setattr(content, "MOST_OPENED", 2_000_000)
    for ask in asked:
        with pytest.raises(Refusal, match="too-costly"):
            await ask()


@pytest.mark.parametrize("whose", ["resource", "version", "home"])
async def test_no_content_opens_in_anothers_place(db: Database, whose: str) -> None:
    one, other = Shelf(db), Shelf(db)
    made = await one.create(marked())
    match whose:
        case "resource":
            taken = (await one.create(marked())).id
            source = f"(select content from records.resource where id = '{taken}')"
        case "version":
            await one.update(made, marked(status="amended"))
            source = f"(select content from records.history where id = '{made.id}' and version = 1)"
        case _:
            taken = (await other.create(marked())).id
            source = f"(select content from records.resource where id = '{taken}')"
    await db.execute(f"update records.resource set content = {source} where home = $1 and id = $2", one.home, made.id)
    with pytest.raises(Refusal, match="key-store-invalid"):
        await one.current(made)


async def test_rows_of_before_are_read_and_then_sealed(db: Database) -> None:
    shelf = Shelf(db)
    made = await shelf.create(marked())
    await shelf.update(made, marked(status="amended"))
    gone = await shelf.create(marked())
    await shelf.delete(gone)
    before = {one: await records.history(db, VAULT, "Observation", one.id, 10) for one in (made, gone)}
    for rows in before.values():
        for row in rows:
            table = "resource" if row == rows[0] else "history"
            await _owner(db, table, row)
    assert await readable(db, shelf.home)
    assert await records.unsealed(db) == 4
    for step in (False, True):
        for one, rows in before.items():
            assert await records.history(db, VAULT, "Observation", one.id, 10) == rows
        if not step:
            while await records.seal_rows(db, VAULT, 1):
                pass
    assert await records.unsealed(db) == 0
    assert not await readable(db, shelf.home)


async def _owner(db: Database, table: str, row: records.Stored) -> None:
    """Put a row back into the form of before, as the owner of the tables may."""
    async with db.transaction() as c:
        await c.execute("reset role")
        await c.execute(
            f"update records.{table} set content = $5 where home = $1 and type = $2 and id = $3 and version = $4",
            row.home, row.type, row.id, row.version, row.content,
        )  # fmt: skip
        await c.execute("set role yima_app")


async def test_a_key_goes_with_the_last_content_and_not_before(db: Database) -> None:
    shelf = Shelf(db)
    made = await shelf.create(marked())
    row = await db.fetchrow("select content from records.resource where id = $1", made.id)
    wrap = (await db.fetchrow(WRAP, shelf.home))["wrap"]
    assert (await db.fetchrow("select records.forget_keys($1) as gone", [shelf.home]))["gone"] == 0
    await db.execute("update records.resource set content = '', deleted = true where home = $1", shelf.home)
    assert (await db.fetchrow("select records.forget_keys($1) as gone", [shelf.home, 0]))["gone"] == 1
    with pytest.raises(Refusal, match="erased"):
        opened(VAULT, None, (shelf.home, made.type, made.id, 1), row["content"])
    # This worker still remembers the key that is gone; what it writes next must not be sealed by it.
    assert (await wraps_of(VAULT).of(db, VAULT, [shelf.home]))[shelf.home] == wrap
    one = await shelf.create(marked())
    await shelf.write(*(shelf.new(marked()) for _ in range(2)))
    assert (await db.fetchrow(WRAP, shelf.home))["wrap"] != wrap
    found = await shelf.current(one)
    assert found is not None
    assert MARK.encode() in found.content


async def test_who_creates_while_the_key_goes_away_seals_under_the_new_one(db: Database) -> None:
    shelf = Shelf(db)
    made = await shelf.create(marked())
    async with db.transaction() as c:
        await c.execute("update records.resource set content = '' where home = $1", shelf.home)
        await c.fetch("select 1 from records.key where home = $1 for update", shelf.home)
        late = asyncio.create_task(shelf.create(marked()))
        await asyncio.sleep(0.2)
        assert not late.done(), "it waits for the erasure"
        await c.execute("select records.forget_keys($1)", [shelf.home])
    found = await shelf.current(await late)
    assert found is not None
    assert MARK.encode() in found.content
    assert (await shelf.current(made)).content == b""  # type: ignore[union-attr]  # it is there, without content


async def test_data_keys_go_over_to_a_new_master_while_rows_are_read(db: Database) -> None:
    shelf = Shelf(db)
    made = await shelf.create(marked())
    before = await shelf.current(made)
    number, after = VAULT.rotate(), -1
    second = Shelf(db)
    await second.create(marked())
    assert (await db.fetchrow(WRAP, second.home))["wrap"][0] == number
    while (reached := await records.rewrap_keys(db, VAULT, after, 3)) is not None:
        after = reached
    assert all(
        row["wrap"][0] == number and len(row["wrap"]) == 41 for row in await db.fetch("select wrap from records.key")
    )
    VAULT.forget(number - 1)
    assert await shelf.current(made) == before
    await shelf.create(marked())  # its worker remembers the wrap of before, under a master key that is gone
