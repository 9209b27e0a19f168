"""Migrations: each file once, whole or not at all, by one process at a time."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from yima.runtime import migrate, postgres
from yima.runtime.errors import Refusal
from yima.runtime.migrate import Migration

_names = (f"migrated_{n}" for n in itertools.count())


@pytest.fixture
async def url(server: postgres.Postgres) -> AsyncIterator[str]:
    """The address of a database that does not exist yet."""
    name = next(_names)
    yield server.url(name)
    admin = await asyncpg.connect(server.url("postgres"))
    await admin.execute(f"drop database if exists {name} with (force)")
    await admin.close()


def files(monkeypatch: pytest.MonkeyPatch, *found: Migration) -> None:
    monkeypatch.setattr(migrate, "migrations", lambda: iter(found))


ONE = Migration("runtime", 1, "one", "create table one (x int); grant select on one to yima_app;")
TWO = Migration("runtime", 2, "two", "create table two (x int); insert into one values (2);")
BROKEN = Migration("runtime", 2, "broken", "create table two (x int); insert into one values ('not a number');")


async def tables(url: str) -> set[str]:
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("select tablename from pg_tables where schemaname = 'runtime'")
        return {row["tablename"] for row in rows}
    finally:
        await connection.close()


async def test_a_new_database_is_made_and_brought_up_to_date_once(url: str) -> None:
    steps = await migrate.migrate(url)
    assert steps == [f"{m.room}/{m.number:04d}_{m.name}" for m in migrate.migrations()]
    assert steps
    assert await migrate.migrate(url) == []


async def test_only_what_is_new_is_applied_and_the_ledger_says_what_was(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files(monkeypatch, ONE)
    assert await migrate.migrate(url) == ["runtime/0001_one"]
    files(monkeypatch, ONE, TWO)
    assert await migrate.migrate(url) == ["runtime/0002_two"]
    connection = await asyncpg.connect(url)
    ledger = await connection.fetch("select room, number, name, checksum from runtime.migration order by number")
    await connection.close()
    assert [tuple(row) for row in ledger] == [(m.room, m.number, m.name, m.checksum) for m in (ONE, TWO)]


async def test_a_file_that_changed_after_it_was_applied_is_refused(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    files(monkeypatch, ONE)
    await migrate.migrate(url)
    files(monkeypatch, replace(ONE, sql=ONE.sql + " -- harmless"), TWO)
    with pytest.raises(Refusal) as refused:
        await migrate.migrate(url)
    assert (refused.value.code, refused.value.field) == ("migration-failed", "runtime/0001")
    assert await tables(url) == {"migration", "one"}, "nothing after it was applied"


async def test_a_file_that_fails_leaves_nothing_of_itself_and_all_before_it(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files(monkeypatch, ONE, BROKEN, replace(TWO, number=3))
    with pytest.raises(Refusal) as refused:
        await migrate.migrate(url)
    assert refused.value.field == "runtime/0002_broken"
    assert await tables(url) == {"migration", "one"}
    files(monkeypatch, ONE, TWO)
    assert await migrate.migrate(url) == ["runtime/0002_two"], "mended, it applies"


async def test_processes_that_start_together_on_a_new_database_apply_each_file_once(url: str) -> None:
    done = await asyncio.gather(*(migrate.migrate(url) for _ in range(4)))
    expected = [f"{m.room}/{m.number:04d}_{m.name}" for m in migrate.migrations()]
    assert sorted(step for steps in done for step in steps) == sorted(expected)


async def test_two_databases_of_one_server_are_migrated_at_once(server: postgres.Postgres) -> None:
    names = [next(_names) for _ in range(2)]
    try:
        done = await asyncio.gather(*(migrate.migrate(server.url(name)) for name in names))
        assert done[0] == done[1]
    finally:
        admin = await asyncpg.connect(server.url("postgres"))
        for name in names:
            await admin.execute(f"drop database if exists {name} with (force)")
        await admin.close()


async def test_a_server_that_is_not_there_is_a_refusal() -> None:
    with pytest.raises(Refusal, match="postgres-unavailable"):
        await migrate.migrate("postgresql://nobody@127.0.0.1:9/none")


@pytest.mark.parametrize("name", ["1_x.sql", "0001-x.sql", "0001_X.sql", "notes.sql", "00001_x.sql", "0001_.sql"])
def test_a_file_with_another_name_is_not_left_out_in_silence(name: str) -> None:
    with pytest.raises(Refusal, match=name):
        migrate._read("runtime", name, "")


def test_files_are_numbered_from_one_without_gaps() -> None:
    numbers: dict[str, list[int]] = {}
    for step in migrate.migrations():
        numbers.setdefault(step.room, []).append(step.number)
    assert all(held == list(range(1, len(held) + 1)) for held in numbers.values())
    assert list(numbers) == [room for room in migrate.ROOMS if room in numbers]
