"""Notices to residents that their code or record was used: put in a queue by the watch, sent by whoever has time.

The queue is the job table: bounded, kept over a restart, tried again with growing pauses. It holds a person and what
the notice is about as opaque ids; the phone is looked up when the notice is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from yima import mpi
from yima.access.context import Context
from yima.runtime import ids, jobs, logs, metrics
from yima.runtime.database import Connection, Database
from yima.runtime.ids import PersonId
from yima.runtime.messages import Message, Sender

_log = logs.get("notifying")
KIND: Final = "notice"
NOTICE: Final = (
    "一码：有人查看或使用了您的健康码或档案。请登录一码，在“谁看过”里查看。"
    " Yima: your code or record was used. Sign in and see “Who looked”."
)
"""A notice has no content: that somebody used or opened the record, and where to look. Never what, never who."""
_ATTEMPTS: Final = 11
"""With pauses of 2, 4, 8 .. 1,024 seconds between them: some half an hour."""
_BATCH: Final = 10


async def put(c: Connection, told: Sequence[tuple[PersonId, str]], most: int, now: datetime) -> int:
    """Put notices in the queue, in the caller's transaction, as long as fewer than `most` wait; how many were put."""
    room = most - await jobs.waiting(c, KIND, most) if told else 0
    for person, about in told[:room]:
        payload = {"person": ids.person_text(person), "about": about}
        await jobs.enqueue(c, KIND, payload, key=f"{payload['person']}/{about}", now=now, attempts=_ATTEMPTS)
    metrics.notices.labels("queued").inc(min(room, len(told)))
    if dropped := max(len(told) - room, 0):
        metrics.notices.labels("dropped").inc(dropped)
        _log.error("notices dropped: the queue is full", count=dropped)
    return len(told) - dropped


async def deliver(cx: Context, sender: Sender, now: datetime) -> int:
    """Send what is due, until nothing is or the gateway fails; how many were sent."""

    async def send(_database: Database, job: jobs.Job) -> None:
        person = ids.person_from_text(str(job.payload["person"])) or 0
        if not (phone := await mpi.phone_of(cx.database, cx.vault, person)):
            return
        try:
            await sender.send(Message(f"notice-{job.job_id}", "notice", phone, NOTICE))
        except OSError as error:
            if job.attempt < _ATTEMPTS:
                raise
            metrics.notices.labels("given up").inc()
            _log.error("notice given up", error=type(error).__name__)
        else:
            metrics.notices.labels("sent").inc()

    sent = 0
    while (done := await jobs.work(cx.database, {KIND: send}, now=now, limit=_BATCH)) == _BATCH:
        sent += done
    return sent + done
