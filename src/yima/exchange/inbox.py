"""The inbox: an institution's submission becomes one transaction and one receipt, and a resend changes nothing."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import partial
from typing import Any, Final
from weakref import WeakKeyDictionary

from yima import fhir
from yima.access import BUSY, Access, Entry, Outcome, is_plain
from yima.exchange import bundle
from yima.exchange.gathering import Gathering, packed, unpacked
from yima.exchange.receipts import SQL, Asked, Message, answer_of, keep, lock, sha
from yima.runtime import ids, metrics
from yima.runtime.beside import beside
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal

_CONDITIONAL: Final = re.compile(rb'"reference"\s*:\s*"[A-Za-z]+\?')
"""Where this is not in a body, no reference in it is a search (`Patient?identifier=..`)."""


async def receive_bundle(
    access: Access, message: Message, plan: bundle.Plan, again: Callable[[], bundle.Plan] | None = None
) -> dict[str, Any]:
    """Carry out the writes of a Bundle; the response Bundle, without the entries that only read.

    A transaction is all or nothing. In a batch every entry stands alone, in a savepoint of one transaction.
    The same key (or, without one, the very same bytes) gives the same answer again and changes nothing, also where what
    was asked then could not be done any more.

    `again` makes the plan anew: a try that PostgreSQL threw back has rewritten references to ids that were never
    stored. Without it the message's body is read again.
    """
    key = message.key or plan.key or (f"body/{sha(message.body).hex()}" if plan.writes else "")
    plans = [plan]
    anew = again or (lambda: bundle.plan(fhir.parse(message.body), max_entries=len(plan.entries)))

    async def work(c: Connection, submission: str) -> tuple[bytes, int]:
        read = plans.pop() if plans else await beside(len(message.body), anew)
        outcomes: list[Outcome | Refusal] = []
        if plan.kind == "transaction":
            outcomes += await _submit(access, c, message, [_sound(entry) for entry in read.writes], submission)
        else:
            outcomes += [await _alone(access, c, message, entry, submission) for entry in read.writes]
        stored = sum(isinstance(outcome, Outcome) and outcome.written for outcome in outcomes)
        said = partial(bundle.response, plan.kind, outcomes, message.language)
        return await beside(len(message.body), lambda: fhir.encode(said())), stored

    answer = await _once(access, message, key, work)
    return await beside(len(answer), partial(fhir.parse, answer))


async def receive_one(access: Access, message: Message, entry: Entry | Refusal) -> Outcome:
    """Carry out one write (a REST create, update or delete). Repeats are recognised only by an idempotency key.

    A Refusal is one that cannot be made now; it is raised unless this is the repeat of one that could.
    """
    turn: AbstractAsyncContextManager[Any] = nullcontext()
    if isinstance(entry, Entry) and not message.visit and is_plain(message.caller, entry, message.body):
        together = _gathering(access)
        outcome = await together.create(message, entry)
        if isinstance(outcome, Outcome):
            return outcome
        turn = together.busy if outcome is BUSY else turn

    async def work(c: Connection, submission: str) -> tuple[bytes, int]:
        entries = [_sound(entry)]
        [done] = await access.submit(c, message.caller, entries, submission, now=message.received, visit=message.visit)
        return packed(done), int(done.written)

    async with turn:
        return unpacked(await _once(access, message, message.key, work))


def _gathering(access: Access) -> Gathering:
    if access not in _gatherings:
        _gatherings[access] = Gathering(access)
    return _gatherings[access]


_gatherings: Final[WeakKeyDictionary[Access, Gathering]] = WeakKeyDictionary()


async def receive_entries(access: Access, message: Message, entries: Callable[[], Sequence[Entry]]) -> list[str]:
    """Carry out many writes in one transaction, all or nothing; `Type/id` of each, in order. For bulk loads.

    `entries` gives the writes, validated, each time anew: a try that PostgreSQL threw back has changed them. The
    message needs a key of the content: the same key gives the same answer again and changes nothing.
    """

    async def work(c: Connection, submission: str) -> tuple[bytes, int]:
        outcomes = await _submit(access, c, message, entries(), submission)
        stored = sum(outcome.written for outcome in outcomes)
        return "\n".join(f"{outcome.type}/{outcome.id}" for outcome in outcomes).encode(), stored

    return (await _once(access, message, message.key, work)).decode().split("\n")


async def refuse(access: Access, message: Message, refusal: Refusal, began: float) -> None:
    """Keep what an operator and the institution need to mend a refused submission; never its content."""
    metrics.submissions.labels("refused").inc()
    await access.database.execute(
        SQL.keep_refused, message.received, message.caller.institution, message.caller.agent_id, len(message.body),
        (time.perf_counter() - began) * 1000, refusal.code, _plain(refusal.field or ""), message.request_id,
    )  # fmt: skip


async def forget(access: Access, institution: int) -> None:
    """Remove the receipts of a test tenant that was cleared: what is sent again counts as new."""
    await access.database.execute(SQL.forget, institution)


def _sound(entry: Entry | Refusal) -> Entry:
    """The entry. What stands in place of one that cannot be carried out is raised here."""
    if isinstance(entry, Refusal):
        raise entry
    return entry


async def _alone(
    access: Access, c: Connection, message: Message, entry: Entry | Refusal, submission: str
) -> Outcome | Refusal:
    try:
        async with c.transaction():
            return (await _submit(access, c, message, [_sound(entry)], submission))[0]
    except Refusal as refusal:
        if refusal.kind.security:  # the edge, which counts the others, sees only that the batch was answered
            metrics.security_events.labels(refusal.code).inc()
        return refusal


async def _submit(
    access: Access, c: Connection, message: Message, entries: Sequence[Entry], submission: str
) -> list[Outcome]:
    conditional = _CONDITIONAL.search(message.body) is not None
    return await access.submit(
        c, message.caller, entries, submission, now=message.received, visit=message.visit, conditional=conditional
    )


async def _once(access: Access, message: Message, key: str, work: Any) -> bytes:
    """Run `work` once per key: its answer is kept in the same transaction and given again to a resend."""
    one = Asked(access.vault, message, key, time.perf_counter())
    institution = message.caller.institution
    counted: list[int] = []  # what was written, counted after the commit only: the transaction may be tried again

    async def transaction(c: Connection) -> tuple[bytes, bool]:
        counted.clear()
        if key:
            await lock(c, [one])
            row = await c.fetchrow(SQL.find, institution, list(one.digests))
            if row is not None:
                if not one.repeats(row["body_digest"]):
                    raise Refusal("idempotency-mismatch", field="Idempotency-Key")
                await c.execute(SQL.count_repeat, institution, row["key"])
                if not row["answer"]:
                    raise Refusal("erased")
                return answer_of(access.vault, institution, row["key"], row["answer"]), True
        one.submission = ids.new_handle()
        one.answer, one.resources = await work(c, one.submission)
        await keep(c, [one])
        counted.append(one.resources)
        return one.answer, False

    try:
        answer, repeated = await access.database.retry(transaction)
    except Refusal as refusal:
        await refuse(access, message, refusal, one.began)
        raise
    metrics.submissions.labels("repeated" if repeated else "ok").inc()
    metrics.resources.inc(sum(counted))
    return answer


def _plain(text: str) -> str:
    """A field as the sender wrote it, fit for a row and a page: a name in it may hold anything."""
    return "".join(c if c.isprintable() else "?" for c in text[:300])
