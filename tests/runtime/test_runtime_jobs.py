"""The job table: once, by one worker, again when it fails, and never for ever."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from yima.runtime import jobs
from yima.runtime.database import Database
from yima.runtime.jobs import LEASE, Job

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
_kinds = (f"kind-{n}" for n in itertools.count())


@pytest.fixture
def kind() -> str:
    """A kind of job that no other test has."""
    return next(_kinds)


@pytest.fixture(scope="module")
async def second_worker(database_url: str) -> AsyncIterator[Database]:
    """The pool of another worker."""
    database = await Database.connect(database_url, size=4)
    yield database
    await database.close()


async def put(db: Database, kind: str, *keys: str, attempts: int = 5, now: datetime = NOW) -> None:
    async with db.transaction() as c:
        for key in keys:
            await jobs.enqueue(c, kind, {"key": key}, key=key, now=now, attempts=attempts)


async def keys(db: Database, kind: str, now: datetime = NOW, limit: int = 50) -> list[str]:
    return [job.payload["key"] for job in await jobs.take(db, [kind], now=now, limit=limit)]


async def states(db: Database, kind: str) -> Counter[str]:
    return Counter(row["state"] for row in await db.fetch("select state from runtime.job where kind = $1", kind))


async def test_a_job_is_enqueued_with_its_transaction_and_once_per_key(db: Database, kind: str) -> None:
    async def undone() -> None:
        async with db.transaction() as c:
            await jobs.enqueue(c, kind, {"key": "undone"}, key="undone", now=NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await undone()
    await put(db, kind, "a", "a", "b")
    await put(db, kind, "a")
    assert sorted(await keys(db, kind)) == ["a", "b"]


async def test_a_done_job_is_not_enqueued_again(db: Database, kind: str) -> None:
    async def nothing(_: Database, __: Job) -> None: ...

    await put(db, kind, "a")
    assert await jobs.work(db, {kind: nothing}, now=NOW) == 1
    await put(db, kind, "a")
    assert await jobs.work(db, {kind: nothing}, now=NOW) == 0


async def test_jobs_come_when_they_are_due_oldest_first_and_only_those_asked_for(db: Database, kind: str) -> None:
    for turn, key in enumerate("cab"):
        await put(db, kind, key, now=NOW + timedelta(seconds=turn))
    await put(db, kind + "-other", "x")
    assert await keys(db, kind, NOW - timedelta(seconds=1)) == []
    assert sorted(await keys(db, kind, NOW + timedelta(seconds=1), limit=10)) == ["a", "c"]
    assert await keys(db, kind, NOW + timedelta(seconds=5), limit=10) == ["b"]


async def test_no_more_than_the_limit_is_taken(db: Database, kind: str) -> None:
    await put(db, kind, *map(str, range(30)))
    assert len(await keys(db, kind, limit=7)) == 7
    assert len(await keys(db, kind, limit=100)) == 23


async def test_a_crashed_workers_lease_runs_out_and_another_takes_over(db: Database, kind: str) -> None:
    await put(db, kind, "a")
    assert await keys(db, kind) == ["a"]
    assert await keys(db, kind, NOW + LEASE - timedelta(seconds=1)) == []
    [again] = await jobs.take(db, [kind], now=NOW + LEASE)
    assert again.attempt == 2


async def test_a_job_that_kills_its_workers_is_dead_after_its_last_attempt(db: Database, kind: str) -> None:
    await put(db, kind, "a", attempts=2)
    for turn in range(2):
        assert await keys(db, kind, NOW + turn * LEASE) == ["a"]
    assert await keys(db, kind, NOW + 2 * LEASE) == []
    assert await states(db, kind) == {"dead": 1}
    assert any(job.kind == kind for job in await jobs.dead(db))


async def test_a_failing_job_is_tried_again_later_and_then_parked(db: Database, kind: str) -> None:
    tried: list[int] = []

    async def fails(_: Database, job: Job) -> None:
        tried.append(job.attempt)
        raise ValueError("person 110101199001020000")

    await put(db, kind, "a", attempts=3)
    now = NOW
    for pause in (2, 4, 8):
        assert await jobs.work(db, {kind: fails}, now=now) == 0
        assert await jobs.work(db, {kind: fails}, now=now + timedelta(seconds=pause - 1)) == 0
        now += timedelta(seconds=pause)
    assert tried == [1, 2, 3]
    assert await states(db, kind) == {"dead": 1}
    row = await db.fetchrow("select error from runtime.job where kind = $1", kind)
    assert row["error"] == "ValueError", "the kind of error, never its words"


async def test_two_workers_never_run_a_job_twice(db: Database, second_worker: Database, kind: str) -> None:
    ran: Counter[str] = Counter()

    async def handler(_: Database, job: Job) -> None:
        ran[job.payload["key"]] += 1
        await asyncio.sleep(0)

    await put(db, kind, *map(str, range(300)))
    done = await asyncio.gather(
        *(jobs.work((db, second_worker)[turn % 2], {kind: handler}, now=NOW, limit=20) for turn in range(40))
    )
    assert sum(done) == 300
    assert set(ran.values()) == {1}
    assert await states(db, kind) == {"done": 300}


async def test_a_worker_that_comes_back_after_its_lease_has_lost_the_job(db: Database, kind: str) -> None:
    await put(db, kind, "a")

    async def slow_and_failing(other: Database, job: Job) -> None:
        [taken] = await jobs.take(other, [kind], now=NOW + LEASE)
        assert taken.attempt == job.attempt + 1
        raise ValueError

    await jobs.work(db, {kind: slow_and_failing}, now=NOW)
    assert await keys(db, kind, NOW + LEASE + timedelta(seconds=30)) == [], "the new holder's lease stands"


async def test_a_handler_has_its_lease_and_no_longer(db: Database, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "LEASE", timedelta(seconds=0.2))
    ran: list[str] = []

    async def slow(_: Database, job: Job) -> None:
        ran.append(job.payload["key"])
        await asyncio.sleep(5)

    await put(db, kind, "a", "b")
    async with asyncio.timeout(3):
        assert await jobs.work(db, {kind: slow}, now=NOW) == 0
    assert ran, "the first was started and cancelled"
    rows = await db.fetch(
        "select attempts_left, leased_until from runtime.job where kind = $1 order by attempts_left", kind
    )
    assert [row["leased_until"] for row in rows] == [None, None]
    assert rows[-1]["attempts_left"] >= 4


async def test_jobs_the_lease_has_no_time_for_lose_no_attempt(
    db: Database, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "LEASE", timedelta(seconds=0))
    await put(db, kind, "a")

    async def never(_: Database, __: Job) -> None:
        raise AssertionError

    await jobs.work(db, {kind: never}, now=NOW)
    row = await db.fetchrow("select attempts_left, state from runtime.job where kind = $1", kind)
    assert tuple(row) == (5, "waiting")
