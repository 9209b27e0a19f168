"""The load generator where there is no C compiler: HTTP/1.1 with keep-alive, a process of its own.

`python -m bench.client`. Where there is one, `loadgen.c` does the same at a quarter of the CPU time.

Reads a job (JSON, one line) from stdin and writes a result (JSON) to stdout. Closed loop: each connection sends its
next request when its answer is there. With a `rate`, open loop: requests are due at fixed times and their latency
counts from then, so a server that stalls cannot hide its queue.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import deque
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Final, cast

import msgspec
import uvloop

_LENGTH: Final = b"content-length: "
_PACE_SECONDS: Final = 0.001


class Job(msgspec.Struct, kw_only=True):
    """What to send. `requests` is a file of whole HTTP requests, each behind its length in four bytes."""

    host: str
    port: int
    requests: str
    connections: int
    seconds: float
    """At most so long; less when the requests run out."""
    again: bool = True
    """Begin anew when the requests run out."""
    rate: float = 0.0
    """Requests per second of the open loop; 0 = closed loop."""
    patience: float = 0.0
    """Seconds after which a request that found no free connection is given up; 0 = never."""


class Result(msgspec.Struct, kw_only=True):
    """What came back. Latencies in milliseconds, of what was answered 2xx."""

    requests: int
    """Answered 2xx."""
    seconds: float
    p50: float
    p99: float
    most: float
    bytes: int
    errors: int
    first_error: str
    cpu: float
    """CPU seconds of the load generator itself."""
    shed: int = 0
    """Answered 503 with Retry-After."""
    unsent: int = 0
    """Given up for want of a free connection."""


def pack(requests: list[bytes]) -> bytes:
    """Requests as the file of a job."""
    return b"".join(len(request).to_bytes(4, "big") + request for request in requests)


def unpack(data: bytes) -> list[bytes]:
    """The requests of such a file."""
    found, at = [], 0
    while at < len(data):
        end = at + 4 + int.from_bytes(data[at : at + 4], "big")
        found.append(data[at + 4 : end])
        at = end
    return found


class Connection(asyncio.Protocol):
    """One connection with at most one request under way."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self._transport: asyncio.Transport
        self._head = b""
        self._missing = -1  # bytes of the answer still to come; -1 = its head is not complete
        self._began = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def send(self, request: bytes, began: float) -> None:
        """Send one request; `began` is the time from which its latency counts."""
        self._began = began
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Count what arrives; the answer is whole when content-length bytes are there."""
        self._generator.bytes += len(data)
        if self._missing >= 0:
            self._missing -= len(data)
        else:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            at = self._head.lower().find(_LENGTH, 0, end + 2)
            length = int(self._head[at + len(_LENGTH) : self._head.index(b"\r", at)]) if at >= 0 else 0
            self._missing = end + 4 + length - len(self._head)
        if self._missing <= 0:
            head, self._head, self._missing = self._head, b"", -1
            self._generator.answered(self, head, self._began)

    def connection_lost(self, exc: Exception | None) -> None:
        """An early end is an error."""
        self._generator.lost(exc)

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


class Generator:
    """One run of a job."""

    def __init__(self, job: Job, requests: Iterator[bytes]) -> None:
        self._job = job
        self._requests = requests
        self._latencies: list[float] = []
        self._errors = 0
        self._shed = 0
        self._unsent = 0
        self._first_error = ""
        self._idle: deque[Connection] = deque()
        self._due: deque[float] = deque()
        self._open = False
        self._under_way = 0
        self._deadline = 0.0
        self._over = False  # nothing more is sent
        self._last = 0.0
        self._finished = asyncio.Event()
        self.bytes = 0

    async def run(self) -> Result:
        """Connect, send, wait for the last answer."""
        loop = asyncio.get_running_loop()
        for _ in range(self._job.connections):
            _, connection = await loop.create_connection(lambda: Connection(self), self._job.host, self._job.port)
            self._idle.append(connection)
        everybody, cpu = list(self._idle), time.process_time()
        self._open = True
        began = self._last = time.perf_counter()
        self._deadline = began + self._job.seconds
        if self._job.rate:
            await self._pace(began)
            self._over = True
        else:
            while self._idle:
                self._next(self._idle.popleft(), time.perf_counter())
        self._settle()
        await asyncio.wait_for(self._finished.wait(), self._job.seconds + 60)
        self._open = False
        cpu = time.process_time() - cpu
        for connection in everybody:
            connection.close()
        return self._result(self._last - began, cpu)

    def answered(self, connection: Connection, head: bytes, began: float) -> None:
        """An answer is whole."""
        now = self._last = time.perf_counter()
        self._under_way -= 1
        if head.startswith(b"HTTP/1.1 20"):
            self._latencies.append(now - began)
        elif head.startswith(b"HTTP/1.1 503") and b"\nretry-after:" in head.lower():
            self._shed += 1
        else:
            self._fail(head[:600].decode(errors="replace"))
        while self._due and self._job.patience and now - self._due[0] > self._job.patience:
            self._due.popleft()
            self._unsent += 1
        if self._due:
            self._next(connection, self._due.popleft())
        elif self._job.rate or now >= self._deadline:
            self._over = self._over or not self._job.rate
            self._idle.append(connection)
            self._settle()
        else:
            self._next(connection, now)

    def lost(self, error: Exception | None) -> None:
        """A connection ended."""
        if self._open:
            self._fail(f"connection lost: {error}")
            self._finished.set()

    async def _pace(self, began: float) -> None:
        count, total = 0, int(self._job.rate * self._job.seconds)
        while count < total:
            now = time.perf_counter()
            while count < total and (due := began + count / self._job.rate) <= now:
                count += 1
                if self._idle:
                    self._next(self._idle.popleft(), due)
                else:
                    self._due.append(due)
            await asyncio.sleep(_PACE_SECONDS)

    def _next(self, connection: Connection, began: float) -> None:
        request = next(self._requests, None)
        if request is None:
            self._over = True
            self._idle.append(connection)
            self._settle()
            return
        self._under_way += 1
        connection.send(request, began)

    def _settle(self) -> None:
        if self._over and self._under_way == 0 and not self._due:
            self._finished.set()

    def _fail(self, what: str) -> None:
        self._errors += 1
        self._first_error = self._first_error or what

    def _result(self, seconds: float, cpu: float) -> Result:
        latencies = sorted(self._latencies) or [0.0]
        count = len(self._latencies)
        return Result(
            requests=count,
            seconds=seconds,
            p50=latencies[len(latencies) // 2] * 1000,
            p99=latencies[len(latencies) * 99 // 100] * 1000,
            most=latencies[-1] * 1000,
            bytes=self.bytes,
            errors=self._errors,
            first_error=self._first_error,
            cpu=cpu,
            shed=self._shed,
            unsent=self._unsent,
        )


def main() -> None:
    """Do the job on stdin."""
    job = msgspec.json.decode(sys.stdin.readline().encode(), type=Job)
    requests = unpack(Path(job.requests).read_bytes())
    source = cycle(requests) if job.again else iter(requests)

    async def work() -> Result:
        return await Generator(job, source).run()

    sys.stdout.write(msgspec.json.encode(uvloop.run(work())).decode() + "\n")


if __name__ == "__main__":
    main()
