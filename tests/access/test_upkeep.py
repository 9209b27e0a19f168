"""The periodic jobs: due once, done by one worker, taken over from a killed one, and what they forget and count."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from yima import audit, healthcode
from yima.access import Upkeep
from yima.access.upkeep import COUNT, FORGET, due
from yima.audit.proof import Log
from yima.healthcode import kiosk
from yima.runtime.civil import civil_day
from yima.runtime.database import Database
from yima.runtime.jobs import LEASE
from yima.runtime.keys import FileKeyStore

NOW = datetime(2026, 3, 2, 9, 7, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Worker:
    """One worker with a clock that stands still."""

    def __init__(self, database: Database, keys: FileKeyStore, now: datetime) -> None:
        self.now = now
        self.upkeep = Upkeep(database, Log(database, keys), lambda: self.now)

    async def at(self, now: datetime) -> int:
        """What it did at that moment."""
        self.now = now
        return await self.upkeep.once()


@pytest.fixture(autouse=True)
async def empty(db: Database) -> AsyncIterator[None]:
    yield
    await db.execute("delete from runtime.job")


async def jobs_by(db: Database, column: str) -> Counter[str]:
    return Counter(row[column] for row in await db.fetch(f"select {column} from runtime.job"))


def test_what_is_due_has_a_key_of_its_hour_or_day() -> None:
    first, again, later = due(NOW), due(NOW + timedelta(minutes=50)), due(NOW + HOUR)
    assert first == again
    assert {key for _, key, _ in first} & {key for _, key, _ in later}, "a day's final count is due once"
    assert len({(kind, key) for kind, key, _ in first + later}) == len(first) + 4, "today, and the hourly jobs, anew"
    days = [payload["day"] for kind, _, payload in first if kind == COUNT]
    assert days == ["2026-03-02", "2026-03-01", "2026-02-28", "2026-02-22"]


def test_a_day_is_chinas() -> None:
    assert due(datetime(2026, 3, 2, 15, 59, tzinfo=UTC))[3][2] == {"day": "2026-03-02"}
    assert due(datetime(2026, 3, 2, 16, 0, tzinfo=UTC))[3][2] == {"day": "2026-03-03"}


async def test_of_many_workers_one_does_each_job(db: Database, keys: FileKeyStore) -> None:
    workers = [Worker(db, keys, NOW) for _ in range(4)]
    done = await asyncio.gather(*(worker.upkeep.once() for worker in workers))
    assert sum(done) == len(due(NOW))
    assert await jobs_by(db, "state") == {"done": len(due(NOW))}
    assert await workers[0].at(NOW + timedelta(minutes=10)) == 0, "once an hour"
    assert await workers[1].at(NOW + HOUR) == 4


async def test_what_a_killed_worker_held_another_takes_over(
    db: Database, database_url: str, keys: FileKeyStore
) -> None:
    source = f"""
import asyncio, datetime
from yima.access.upkeep import COUNT, FORGET, END_SUSPENSIONS, QUALITY, VERIFY_CARDS, due
from yima.runtime import jobs
from yima.audit.proof import Log
from yima.runtime.database import Database
async def main():
    db = await Database.connect({database_url!r}, size=1)
    now = datetime.datetime.fromisoformat({NOW.isoformat()!r})
    async with db.transaction() as c:
        for kind, key, payload in due(now):
            await jobs.enqueue(c, kind, payload, key=key, now=now)
    print(len(await jobs.take(db, [COUNT, FORGET, END_SUSPENSIONS, QUALITY, VERIFY_CARDS], now=now)), flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""
    process = subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE, text=True)  # noqa: ASYNC220  it is killed, not awaited
    try:
        assert process.stdout
        taken = int(await asyncio.to_thread(process.stdout.readline))
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(10)
    assert taken == len(due(NOW))
    worker = Worker(db, keys, NOW)
    assert await worker.upkeep.once() == 0, "they are leased"
    assert await worker.at(NOW + LEASE + timedelta(seconds=1)) == taken


async def test_what_is_forgotten_and_when(db: Database, keys: FileKeyStore) -> None:
    async def seen(table: str) -> int:
        return int((await db.fetchrow(f"select count(*) from {table}"))[0])

    async with db.transaction() as c:
        await c.execute(
            "insert into healthcode.redemption (person_id, p, t, institution, terminal, visit, at) values "
            "(1, 'a', 1, 1, 'T', 'v', $1), (1, 'b', 1, 1, 'T', 'v', $2)",
            NOW - DAY - HOUR,
            NOW - HOUR,
        )
        await c.execute("insert into directory.assertion values ('c', 'j', $1), ('c', 'k', $2)", NOW - HOUR, NOW + HOUR)
        for began in (NOW - 2 * HOUR, NOW):
            await kiosk.ask(c, institution=1, terminal="K", step="010101", purpose="treatment", now=began)
    await Worker(db, keys, NOW).upkeep.once()
    tables = ("healthcode.redemption", "directory.assertion", "healthcode.kiosk_session")
    assert [await seen(table) for table in tables] == [1, 1, 1]


async def test_done_jobs_go_after_a_week_and_dead_ones_stay(db: Database, keys: FileKeyStore) -> None:
    worker = Worker(db, keys, NOW)
    await worker.upkeep.once()
    insert = (
        "insert into runtime.job (kind, key, payload, due, state, attempts_left) values ('x', 'x', '{}', $1, 'dead', 0)"
    )
    await db.execute(insert, NOW)
    await worker.at(NOW + 8 * DAY)
    left = await jobs_by(db, "kind")
    assert left["x"] == 1
    assert left[FORGET] == 1, "this hour's only"


async def test_missing_reports_are_found_by_the_nightly_count(db: Database, keys: FileKeyStore) -> None:
    async def visit(number: int, at: datetime) -> None:
        await db.execute(
            "insert into healthcode.visit (person_id, visit, institution, terminal, step, purpose, assurance, started, "
            "expires) values ($1, $2, 9, 'T', '010101', 'treatment', 'dynamic', $3, $4)",
            number,
            f"v{number}",
            at,
            at + HOUR,
        )

    for number in range(10):
        await visit(number, NOW)
    worker, day = Worker(db, keys, NOW), civil_day(NOW)
    await worker.upkeep.once()
    early = await healthcode.statistics(db, 9, day, day)
    assert (early.total.verified, early.total.missing) == (10, 0), "reports are awaited for a day"
    await worker.at(NOW + 2 * DAY)
    final = await healthcode.statistics(db, 9, day, day)
    assert (final.total.verified, final.total.missing) == (10, 10)


async def test_the_task_of_a_worker_ends_with_its_door(db: Database, monkeypatch: Any, keys: FileKeyStore) -> None:
    monkeypatch.setattr("yima.access.upkeep.EVERY_SECONDS", 0.01)
    worker = Worker(db, keys, NOW)
    task = asyncio.create_task(worker.upkeep.run())
    for _ in range(200):
        await asyncio.sleep(0.02)
        if (await jobs_by(db, "state"))["done"] == len(due(NOW)):
            break
    assert (await jobs_by(db, "state"))["done"] == len(due(NOW))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_log_is_sealed_when_its_minute_is_nearly_over(db: Database, keys: FileKeyStore) -> None:
    workers = [Worker(db, keys, NOW) for _ in range(3)]
    for worker in workers:
        await worker.upkeep.seal()
    async with db.transaction() as c:
        await audit.append(c, [audit.Event(person=1, recorded=NOW, action="read", outcome="ok")])
    for worker in workers:
        worker.now = NOW + timedelta(seconds=50)
        await worker.upkeep.seal()
    log = Log(db, keys)
    assert [head.size for head in await log.heads()] == [1, 0]
