"""The job table: work enqueued in the caller's transaction, taken in batches with SKIP LOCKED, leased, retried, parked.

A job that fails is tried again with growing pauses; after its last attempt it is dead and stays for an operator to see.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from yima.runtime import logs
from yima.runtime.database import Connection, Database, Queries

SQL = Queries(__package__, "jobs.sql")
LEASE = timedelta(seconds=60)
_log = logs.get("jobs")

Handler = Callable[[Database, "Job"], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Job:
    """One piece of work; `payload` is plain JSON without personal data beyond opaque ids."""

    job_id: int
    kind: str
    payload: Mapping[str, Any]
    attempt: int


async def enqueue(
    c: Connection, kind: str, payload: Mapping[str, Any], *, key: str, now: datetime, attempts: int = 5
) -> None:
    """Put a job on the table inside the caller's transaction; the same `kind` and `key` are enqueued once."""
    await c.execute(SQL.enqueue, kind, key, orjson.dumps(dict(payload)).decode(), now, attempts)


async def take(db: Database, kinds: Sequence[str], *, now: datetime, limit: int = 50) -> list[Job]:
    """Lease up to `limit` due jobs for a minute; a crashed worker's lease runs out and another takes over.

    A job whose worker crashed on its last attempt is dead.
    """
    await db.execute(SQL.bury, list(kinds), now)
    rows = await db.fetch(SQL.take, list(kinds), now, now + LEASE, limit)
    return [Job(r["job_id"], r["kind"], orjson.loads(r["payload"]), r["attempt"]) for r in rows]


async def work(db: Database, handlers: Mapping[str, Handler], *, now: datetime, limit: int = 50) -> int:
    """Take one batch and run it; the number of jobs done. A handler's error puts its job back, later or dead.

    A handler has what is left of the batch's lease; then it is cancelled, and its job tried again. Jobs that the lease
    leaves no time for are left to the next batch, so that no job ever runs in two workers at once.
    """
    ends = time.monotonic() + LEASE.total_seconds()
    done = 0
    for job in await take(db, list(handlers), now=now, limit=limit):
        left = ends - time.monotonic()
        if left <= 0:
            await db.execute(SQL.give_back, job.job_id, job.attempt)
            continue
        try:
            async with asyncio.timeout(left * 0.9):
                await handlers[job.kind](db, job)
        except Exception as error:  # a job's failure is recorded with the job, whatever it was
            _log.warning("job failed", job=job.kind, attempt=job.attempt, error=type(error).__name__)
            pause = timedelta(seconds=min(3600, 2**job.attempt))
            await db.execute(SQL.fail, job.job_id, job.attempt, type(error).__name__, now + pause)
        else:
            await db.execute(SQL.done, job.job_id, job.attempt, now)
            done += 1
    return done


async def waiting(c: Connection, kind: str, most: int) -> int:
    """How many jobs of a kind wait or are under way, counted up to `most`."""
    return int(await c.fetchval(SQL.waiting, kind, most))


async def dead(db: Database) -> list[Job]:
    """Jobs that failed their last attempt, oldest first."""
    rows = await db.fetch(SQL.dead)
    return [Job(r["job_id"], r["kind"], orjson.loads(r["payload"]), r["attempt"]) for r in rows]


async def forget_done(c: Connection, before: datetime) -> None:
    """Drop jobs that were done before that. Their keys may be used again: only where nobody enqueues them any more."""
    await c.execute(SQL.forget_done, before)
