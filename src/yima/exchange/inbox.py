"""The inbox: an institution's submission becomes one transaction and one receipt, and a resend changes nothing."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from yima import fhir
from yima.access import Access, Entry, Outcome
from yima.directory import Caller
from yima.exchange import bundle
from yima.runtime import ids, metrics
from yima.runtime.database import Connection, Queries
from yima.runtime.errors import Language, Refusal

SQL = Queries(__package__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What arrived: the body, who sent it, and under which key a resend would come."""

    caller: Caller
    body: bytes
    key: str
    """The idempotency key; empty when the sender gave none."""
    received: datetime
    request_id: str
    language: Language = "en"


async def receive_bundle(access: Access, message: Message, plan: bundle.Plan) -> dict[str, Any]:
    """Carry out the writes of a Bundle; the response Bundle, with None in place of entries that only read.

    A transaction is all or nothing. In a batch every entry stands alone, in a savepoint of one transaction.
    The same key (or, without one, the very same bytes) gives the same answer again and changes nothing.
    """
    key = message.key or plan.key or (f"body/{_sha(message.body).hex()}" if plan.writes else "")

    async def work(c: Connection, submission: str) -> tuple[bytes, int]:
        entries = plan.writes
        outcomes: list[Outcome | Refusal] = []
        if plan.kind == "transaction":
            outcomes += await access.submit(c, message.caller, entries, submission, now=message.received)
        else:
            outcomes += [await _alone(access, c, message, entry, submission) for entry in entries]
        stored = sum(isinstance(outcome, Outcome) and outcome.version > 0 for outcome in outcomes)
        return fhir.encode(bundle.response(plan.kind, outcomes, message.language)), stored

    return fhir.parse(await _once(access, message, key, work))


async def receive_one(access: Access, message: Message, entry: Entry) -> Outcome:
    """Carry out one write (a REST create, update or delete). Repeats are recognised only by an idempotency key."""
    done: list[Outcome] = []

    async def work(c: Connection, submission: str) -> tuple[bytes, int]:
        done[:] = await access.submit(c, message.caller, [entry], submission, now=message.received)
        first = done[0]
        return f"{first.status} {first.type} {first.id} {first.version}".encode() + b"\n" + first.content, int(first.version > 0)

    answer = await _once(access, message, message.key, work)
    if done:
        return done[0]
    head, _, content = answer.partition(b"\n")
    status, resource_type, resource_id, version = head.decode().split(" ")
    return Outcome(int(status), resource_type, resource_id, int(version), content)


async def refuse(access: Access, message: Message, refusal: Refusal, began: float) -> None:
    """Keep what an operator and the institution need to mend a refused submission; never its content."""
    metrics.submissions.labels("refused").inc()
    await access.database.execute(
        SQL.keep_refused, message.received, message.caller.institution, message.caller.agent_id, len(message.body),
        (time.perf_counter() - began) * 1000, refusal.code, (refusal.field or "")[:300], message.request_id,
    )  # fmt: skip


async def _alone(access: Access, c: Connection, message: Message, entry: Entry, submission: str) -> Outcome | Refusal:
    try:
        async with c.transaction():
            return (await access.submit(c, message.caller, [entry], submission, now=message.received))[0]
    except Refusal as refusal:
        return refusal


async def _once(access: Access, message: Message, key: str, work: Any) -> bytes:
    """Run `work` once per key: its answer is kept in the same transaction and given again to a resend."""
    began = time.perf_counter()
    digest, body = _sha(key.encode()), _sha(message.body)
    institution = message.caller.institution

    async def transaction(c: Connection) -> tuple[bytes, bool]:
        if key:
            # Two resends at once: the second waits here until the first has committed, then finds its answer.
            await c.execute(SQL.lock_key, int.from_bytes(digest[:8], "big", signed=True) ^ institution)
            row = await c.fetchrow(SQL.find, institution, digest)
            if row is not None:
                if row["body_digest"] != body:
                    raise Refusal("idempotency-mismatch", field="Idempotency-Key")
                await c.execute(SQL.count_repeat, institution, digest)
                return row["answer"], True
        submission = ids.new_handle()
        answer, resources = await work(c, submission)
        ms = (time.perf_counter() - began) * 1000
        # Without a key the receipt is kept all the same, under its own number: operators see every submission.
        await c.execute(
            SQL.keep, institution, digest if key else _sha(submission.encode()), submission, body, message.received,
            message.caller.agent_id, resources, len(message.body), ms, message.request_id, answer if key else b"",
        )  # fmt: skip
        metrics.resources.inc(resources)
        return answer, False

    try:
        answer, repeated = await access.database.retry(transaction)
    except Refusal as refusal:
        await refuse(access, message, refusal, began)
        raise
    metrics.submissions.labels("repeated" if repeated else "ok").inc()
    return answer


def _sha(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


__all__: Sequence[str] = ("Message", "receive_bundle", "receive_one", "refuse")
