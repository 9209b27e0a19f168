"""Plain creates of many requests, gathered into one transaction: one commit, and one statement for what each needs.

A request that finds others waiting shares their transaction; one that is alone has it for itself. Whatever is not
plain, is a resend, is refused, or was in a transaction that failed, is given back and goes the ordinary way, by itself.
So does what would wait for somebody else's lock: the others' transaction does not stand still for it.
"""

from __future__ import annotations

import time
from asyncio import Semaphore
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from yima.access import BUSY, Access, Entry, Outcome, Single, Together
from yima.exchange.receipts import SQL, Asked, Message, keep, lock_free
from yima.runtime import ids, metrics
from yima.runtime.database import Batcher, Connection, LockTimeout, may_be_committed
from yima.runtime.errors import Refusal

_MOST: Final = 100
"""Creates in one transaction."""
_MOST_BUSY: Final = 4
"""Creates that wait for a lock at once, each on a connection of its own: there must be others left."""
_Waiting = tuple[Message, Entry, float]
_Create = Callable[[Connection, Sequence[Single]], Awaitable[list[Together]]]


class Gathering:
    """The plain creates of one worker."""

    def __init__(self, access: Access) -> None:
        self._access = access
        resources = partial(self._flush, access.create_together)
        # One transaction at a time: what it costs by itself, statements and commit, is shared by twice as many.
        self._resources: Batcher[_Waiting, Together] = Batcher(resources, limit=_MOST, lanes=1)
        # Patients hold locks until they are committed, for which no other resource shall wait; they themselves wait
        # half a second at most.
        patients = partial(self._flush, access.register_together, brief=True)
        self._patients: Batcher[_Waiting, Together] = Batcher(patients, limit=_MOST, lanes=2)

        self.busy = Semaphore(_MOST_BUSY)
        """Held by whoever was `BUSY` while they go by themselves."""

    async def create(self, message: Message, entry: Entry) -> Together:
        """The outcome, committed; None for what has to go by itself."""
        batcher = self._patients if entry.type == "Patient" else self._resources
        return await batcher.submit((message, entry, time.perf_counter()))

    async def _flush(
        self, create: _Create, waiting: list[_Waiting], *, brief: bool = False
    ) -> list[Together | Exception]:
        try:
            outcomes = await self._access.database.retry(partial(self._transaction, create, waiting, brief))
        except Refusal:  # of one of them, and nothing of the others may wait for that
            return [None] * len(waiting)
        except LockTimeout:  # nobody knows whose
            return [BUSY] * len(waiting)
        except Exception as error:
            # Who sends again without a key must be the sender, who knows that it may be there twice.
            if len(waiting) == 1 or may_be_committed(error):
                raise
            return [None] * len(waiting)  # each finds out by itself whose fault it was
        stored = sum(isinstance(outcome, Outcome) for outcome in outcomes)
        metrics.submissions.labels("ok").inc(stored)
        metrics.resources.inc(stored)
        return [*outcomes]

    async def _transaction(
        self, create: _Create, waiting: list[_Waiting], brief: bool, c: Connection
    ) -> list[Together]:
        if brief:
            await c.execute(SQL.wait_briefly)
        asked = [
            Asked(self._access.vault, message, message.key, began, ids.new_handle()) for message, _, began in waiting
        ]
        here, busy = await _new(c, asked)
        singles = [_single(asked[n], waiting[n][1]) for n in here]
        done: dict[int, Together] = dict.fromkeys(busy, BUSY)
        done |= dict(zip(here, await create(c, singles) if singles else (), strict=True))
        receipts = []
        for n, outcome in done.items():
            if isinstance(outcome, Outcome):
                asked[n].resources, asked[n].answer = 1, packed(outcome)
                receipts.append(asked[n])
        if receipts:
            await keep(c, receipts)
        return [done.get(n) for n in range(len(waiting))]


def _single(one: Asked, entry: Entry) -> Single:
    message = one.message
    return Single(message.caller, entry, one.submission, message.received, message.request_id)


async def _new(c: Connection, asked: list[Asked]) -> tuple[list[int], list[int]]:
    """The places of those that come for the first time: with no key, or the first of theirs and not answered before;
    and of those whose key another transaction holds."""
    keyed = [one for one in asked if one.key]
    if not keyed:
        return list(range(len(asked))), []
    free = await lock_free(c, keyed)
    rows = await c.fetch(SQL.answered, *_places(keyed))
    found = {(row["institution_id"], row["key"]) for row in rows}
    seen = {
        (o.message.caller.institution, o.digest)
        for o in keyed
        for d in o.digests
        if (o.message.caller.institution, d) in found
    }
    fresh, busy = list[int](), list[int]()
    for n, one in enumerate(asked):
        key = (one.message.caller.institution, one.digest)
        if one.key and one.lock not in free:
            busy.append(n)
        elif key not in seen:
            seen.add(key)
            fresh.append(n)
    return fresh, busy


def _places(asked: list[Asked]) -> tuple[list[int], list[bytes]]:
    """Institutions and keys under which receipts may be found."""
    found = [(one.message.caller.institution, digest) for one in asked for digest in one.digests]
    return [institution for institution, _ in found], [digest for _, digest in found]


def packed(outcome: Outcome) -> bytes:
    """An outcome as a receipt keeps it."""
    head = f"{outcome.status} {outcome.type} {outcome.id} {outcome.version} {outcome.written:d}"
    return head.encode() + b"\n" + outcome.content


def unpacked(answer: bytes) -> Outcome:
    """What `packed` made."""
    head, _, content = answer.partition(b"\n")
    status, resource_type, resource_id, version, written = head.decode().split(" ")
    return Outcome(int(status), resource_type, resource_id, int(version), content, written == "1")
