"""Too many at once: what a worker takes on, by class of request, and the cheap answer to the rest.

Promise 3 of the design: scans before reads before submissions before pages and statistics. Each class has a limit of
requests under way. The limit finds itself: while even the quickest answer of a moment took longer than the class may
wait, a queue is standing, and the limit falls; while all is quick, it rises again (the idea of CoDel, RFC 8289, on a
concurrency limit). A class whose better has just been turned away keeps its floor only. Nothing is read or parsed of
a request that is turned away, so nothing of it can be half-done; its answer is 503 `overloaded` with Retry-After.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from yima import fhir
from yima.api.answers import is_fhir
from yima.api.bodies import FHIR_JSON
from yima.runtime import metrics
from yima.runtime.errors import Language, Refusal, problem

_MOMENT: Final = 0.1
"""Seconds over which the quickest answer is looked for."""
_YIELD: Final = 1.0
"""Seconds for which a lower class makes room after a higher one was turned away."""
_HOLD: Final = 0.5
"""Seconds for which the answer to a request that is turned away is held back."""
_MOST_HELD: Final = 4096
_WAITS: Final = 3
"""Retry-After goes round from 1 to so many seconds, so that those turned away together do not come back together."""


@dataclass(frozen=True, slots=True)
class Class:
    """A class of requests: how many of it one worker has under way, and how long (seconds) one may take."""

    name: str
    floor: int
    most: int
    patience: float


SCANS: Final = Class("scans", 128, 768, 0.1)
READS: Final = Class("reads", 64, 512, 1.0)
SUBMISSIONS: Final = Class("submissions", 32, 512, 5.0)
OTHERS: Final = Class("others", 32, 256, 2.0)
CLASSES: Final = (SCANS, READS, SUBMISSIONS, OTHERS)
"""The most urgent first."""

_EXEMPT: Final = ("/health/", "/metrics")
_SCANNED: Final = ("/code/", "/erhc/", "/rest/auth/", "/kiosk/", "/oauth/", "/.well-known/")
_READING: Final = frozenset({"GET", "HEAD"})


def class_of(method: str, path: str) -> Class | None:
    """The class of a request; None for what must always be answered. Sign-in counts with the scans it is needed for."""
    if path.startswith(_SCANNED):
        return SCANS
    if is_fhir(path):
        return READS if method in _READING or path.endswith("/_search") else SUBMISSIONS
    return None if path.startswith(_EXEMPT) else OTHERS


class Gate:
    """The requests of one class that are under way in this worker."""

    def __init__(self, kind: Class, betters: Sequence[Gate] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self.kind = kind
        self.under_way = 0
        self.limit = kind.most
        self.turned_away = float("-inf")
        """When this gate last turned a request away."""
        self._betters = betters
        self._clock = clock
        self._moment = float("-inf")
        self._quickest = float("inf")

    def enter(self) -> bool:
        """Whether one more may come in; who came in must `leave`."""
        if self.under_way >= self.limit or (self.under_way >= self.kind.floor and self._must_yield()):
            self.turned_away = self._clock()
            return False
        self.under_way += 1
        return True

    def leave(self, seconds: float) -> None:
        """One is answered, after so long; now and then the limit is set anew."""
        self.under_way -= 1
        self._quickest = min(self._quickest, seconds)
        now = self._clock()
        if now - self._moment < _MOMENT:
            return
        if self._quickest > self.kind.patience:
            self.limit = max(self.kind.floor, self.limit * 3 // 4)
        else:
            self.limit = min(self.kind.most, self.limit + max(1, self.limit // 16))
        self._moment, self._quickest = now, float("inf")

    def _must_yield(self) -> bool:
        return any(self._clock() - better.turned_away < _YIELD for better in self._betters)


class Gates:
    """All gates of a worker, and the answer to those who are turned away."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._gates: dict[str, Gate] = {}
        for kind in CLASSES:
            self._gates[kind.name] = Gate(kind, tuple(self._gates.values()))
        self._counted = {kind.name: metrics.turned_away.labels(kind.name) for kind in CLASSES}
        self._answers = [_prepared(language, seconds) for seconds in range(1, _WAITS + 1)]
        self._next = 0
        self._held = 0

    @property
    def scans(self) -> Gate:
        """The gate of scans."""
        return self._gates[SCANS.name]

    def of(self, method: str, path: str) -> Gate | None:
        """The gate that a request must pass."""
        kind = class_of(method, path)
        return self._gates[kind.name] if kind else None

    async def turn_away(self, gate: Gate, path: str, request_id: str, send: Any) -> None:
        """Answer 503 (ASGI): bytes made beforehand, with the request's id put in.

        Not at once: a client that asks again the moment it is turned away would be turned away thousands of times a
        second, at the cost of those who were let in. Holding it costs a timer. So many are held and no more.
        """
        self._counted[gate.kind.name].inc()
        if self._held < _MOST_HELD:
            self._held += 1
            try:
                await asyncio.sleep(_HOLD)
            finally:
                self._held -= 1
        self._next = (self._next + 1) % _WAITS
        kind, body, headers = self._answers[self._next][is_fhir(path)]
        named = request_id.encode()
        body = body.replace(_ID, named)
        sent = [*headers, (b"content-type", kind), (b"content-length", b"%d" % len(body)), (b"x-request-id", named)]
        await send({"type": "http.response.start", "status": 503, "headers": sent})
        await send({"type": "http.response.body", "body": body})


_ID: Final = b"@request-id@"
_Answer = tuple[bytes, bytes, list[tuple[bytes, bytes]]]


def _prepared(language: Language, seconds: int) -> tuple[_Answer, _Answer]:
    """Content type, body and headers, as a problem document and for FHIR paths."""
    refusal = Refusal("overloaded", retry_after=seconds)
    headers = [
        (b"retry-after", b"%d" % seconds),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    plain = orjson.dumps(problem(refusal, language, _ID.decode()))
    outcome = fhir.encode(fhir.operation_outcome(refusal, language))
    return (b"application/problem+json", plain, headers), (FHIR_JSON.encode(), outcome, headers)
