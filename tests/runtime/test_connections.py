"""Connections at hand: shared out fairly, never lost, never handed on in a bad state."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator

import asyncpg
import pytest

from yima.runtime import connections
from yima.runtime.database import Database, is_unavailable

SIZE = 3
PID = "select pg_backend_pid()"


@pytest.fixture
async def few(database_url: str) -> AsyncIterator[Database]:
    """A database with three connections."""
    database = await Database.connect(database_url, size=SIZE)
    yield database
    await database.close()


async def _pids(few: Database) -> set[int]:
    """The connections behind it, all of them busy at one moment."""
    rows = await asyncio.gather(*(few.fetchrow("select pg_backend_pid(), pg_sleep(0.2)") for _ in range(SIZE)))
    return {row[0] for row in rows}


async def test_more_askers_than_connections_all_get_their_turn(few: Database) -> None:
    rows = await asyncio.wait_for(asyncio.gather(*(few.fetch(PID) for _ in range(60))), 60)
    assert len({row[0][0] for row in rows}) <= SIZE
    assert len(await _pids(few)) == SIZE


async def test_whoever_gives_up_waiting_or_working_costs_nobody_a_connection(few: Database) -> None:
    chance = random.Random(1)
    for _ in range(12):
        tasks = [asyncio.create_task(few.fetch("select pg_sleep(0.004)")) for _ in range(10)]
        await asyncio.sleep(chance.random() * 0.01)
        for task in chance.sample(tasks, 7):
            task.cancel()
        done = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 60)
        assert all(isinstance(one, list | asyncio.CancelledError) for one in done)
    assert len(await _pids(few)) == SIZE


async def test_one_that_waits_for_a_connection_may_be_cancelled_as_it_is_given(few: Database) -> None:
    async with few.connection(), few.connection():
        async with few.connection():
            waiting = [asyncio.create_task(few.fetchrow(PID)) for _ in range(2)]
            await asyncio.sleep(0.01)
        waiting[0].cancel()  # the third connection has just been given to it
        assert await asyncio.wait_for(waiting[1], 60)
    assert len(await _pids(few)) == SIZE


async def test_a_wait_may_end_as_its_connection_is_given(few: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "LONGEST_WAIT", 0.02)
    shared = few._connections
    held = [await shared.take() for _ in range(SIZE)]
    waiting = asyncio.create_task(few.fetchrow(PID))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_later(0.01, shared.give, held.pop())
    time.sleep(0.05)  # noqa: ASYNC251  both are due when the loop goes on: first it is given, then the wait ends
    with pytest.raises(TimeoutError):
        await waiting
    for connection in held:
        shared.give(connection)
    monkeypatch.undo()
    assert len(await asyncio.wait_for(_pids(few), 60)) == SIZE


async def test_those_who_wait_for_each_other_do_not_wait_for_ever(
    few: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever holds a connection should ask for no second one. One place that forgets it must not stop the worker."""
    monkeypatch.setattr(connections, "LONGEST_WAIT", 0.2)

    async def greedy() -> None:
        async with few.transaction() as c:
            await c.execute("select pg_sleep(0.05)")
            await few.fetch(PID)

    done = await asyncio.wait_for(asyncio.gather(*(greedy() for _ in range(SIZE)), return_exceptions=True), 60)
    assert any(isinstance(one, TimeoutError) and is_unavailable(one) for one in done)
    monkeypatch.undo()
    assert len(await _pids(few)) == SIZE


async def test_errors_and_transactions_leave_nothing_behind(few: Database) -> None:
    for _ in range(2 * SIZE):
        with pytest.raises(asyncpg.DivisionByZeroError):
            await few.fetch("select 1 / 0")
        with pytest.raises(asyncpg.DivisionByZeroError):
            async with few.transaction() as c:
                await c.execute("select 1 / 0")
    assert [await few.fetchrow("select 1") for _ in range(SIZE)]
    assert len(await _pids(few)) == SIZE


async def test_connections_that_the_server_ended_are_replaced(few: Database, database_url: str) -> None:
    before = await _pids(few)
    admin = await asyncpg.connect(database_url)
    await admin.execute("select pg_terminate_backend(p, 5000) from unnest($1::int[]) as p", list(before))
    await admin.close()
    for _ in range(20):  # until the news has arrived an error may still be the answer, one that says what it is
        (answer,) = await asyncio.gather(few.fetch("select 1"), return_exceptions=True)
        assert isinstance(answer, list) or (isinstance(answer, Exception) and is_unavailable(answer))
    after = await _pids(few)
    assert len(after) == SIZE
    assert not after & before


async def test_closing_waits_for_what_is_under_way_and_refuses_what_comes_later(database_url: str) -> None:
    database = await Database.connect(database_url, size=1)
    working = asyncio.create_task(database.fetchrow("select 7, pg_sleep(0.05)"))
    waiting = asyncio.create_task(database.fetchrow("select 8"))
    await asyncio.sleep(0.02)
    await asyncio.wait_for(database.close(), 60)
    assert (await working)[0] == 7
    done = await asyncio.gather(waiting, return_exceptions=True)
    assert isinstance(done[0], asyncpg.InterfaceError) or done[0][0] == 8
    with pytest.raises(asyncpg.InterfaceError, match="clos"):
        await asyncio.wait_for(database.fetch("select 1"), 60)
