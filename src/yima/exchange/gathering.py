"""Plain creates of many requests, gathered into one transaction: one commit, and one statement for what each needs.

A request that finds others waiting shares their transaction; one that is alone has it for itself. Whatever is not
plain, is a resend, is refused, or was in a transaction that failed, is given back and goes the ordinary way, by itself.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Final

from yima.access import Access, Entry, Outcome, Single
from yima.exchange.receipts import SQL, Asked, Message, keep, lock
from yima.runtime import ids, metrics
from yima.runtime.database import Batcher, Connection
from yima.runtime.errors import Refusal

_MOST: Final = 100
"""Creates in one transaction."""
_Waiting = tuple[Message, Entry, float]


class Gathering:
    """The plain creates of one worker."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._batcher: Batcher[_Waiting, Outcome | None] = Batcher(self._flush, limit=_MOST, lanes=2)

    async def create(self, message: Message, entry: Entry) -> Outcome | None:
        """The outcome, committed; None for what has to go by itself."""
        return await self._batcher.submit((message, entry, time.perf_counter()))

    async def _flush(self, waiting: list[_Waiting]) -> list[Outcome | Exception | None]:
        try:
            outcomes = await self._access.database.retry(partial(self._transaction, waiting))
        except Refusal:  # of one of them, and nothing of the others may wait for that
            return [None] * len(waiting)
        except Exception:
            if len(waiting) == 1:
                raise
            return [None] * len(waiting)  # each finds out by itself whose fault it was
        stored = sum(outcome is not None for outcome in outcomes)
        metrics.submissions.labels("ok").inc(stored)
        metrics.resources.inc(stored)
        return [*outcomes]

    async def _transaction(self, waiting: list[_Waiting], c: Connection) -> list[Outcome | None]:
        asked = [
            Asked(self._access.vault, message, message.key, began, ids.new_handle()) for message, _, began in waiting
        ]
        here = await _new(c, asked)
        singles = [_single(asked[n], waiting[n][1]) for n in here]
        done = dict(zip(here, await self._access.create_together(c, singles), strict=True))
        receipts = []
        for n, outcome in done.items():
            if outcome is not None:
                asked[n].resources, asked[n].answer = 1, packed(outcome)
                receipts.append(asked[n])
        if receipts:
            await keep(c, receipts)
        return [done.get(n) for n in range(len(waiting))]


def _single(one: Asked, entry: Entry) -> Single:
    message = one.message
    return Single(message.caller, entry, one.submission, message.received, message.request_id)


async def _new(c: Connection, asked: list[Asked]) -> list[int]:
    """The places of those that come for the first time: with no key, or the first of theirs and not answered before."""
    keyed = [one for one in asked if one.key]
    if not keyed:
        return list(range(len(asked)))
    await lock(c, keyed)
    rows = await c.fetch(SQL.answered, *_places(keyed))
    found = {(row["institution_id"], row["key"]) for row in rows}
    seen = {
        (o.message.caller.institution, o.digest)
        for o in keyed
        for d in o.digests
        if (o.message.caller.institution, d) in found
    }
    fresh = []
    for n, one in enumerate(asked):
        key = (one.message.caller.institution, one.digest)
        if key not in seen:
            seen.add(key)
            fresh.append(n)
    return fresh


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
