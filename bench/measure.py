"""Running the load generator against a server, and what a measured line holds."""

from __future__ import annotations

import asyncio
import atexit
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from bench import cpu
from bench.client import Job, Result, pack


class BenchError(Exception):
    """A measurement that is worth nothing: something answered with an error, or did not answer."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the load generator, with the CPU time that the servers spent on it."""

    result: Result
    ours: float
    """CPU seconds of the server's processes."""
    postgres: float
    """CPU seconds of PostgreSQL."""

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.result.requests / self.result.seconds if self.result.seconds else 0.0

    def micros(self, seconds: float, units: int = 0) -> float:
        """CPU seconds as microseconds per request, or per unit where a request holds several."""
        return seconds / max(units or self.result.requests, 1) * 1e6

    def cost(self, units: int = 0) -> Cost:
        """What a request cost, or each of `units` that the requests held together."""
        result = self.result
        ours, postgres, client = (self.micros(seconds, units) for seconds in (self.ours, self.postgres, result.cpu))
        return Cost(ours, postgres, client, result.p50, result.p99)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one unit cost: CPU microseconds (our processes, PostgreSQL, load generator), milliseconds of waiting."""

    ours: float
    postgres: float | None = None
    client: float | None = None
    p50: float | None = None
    p99: float | None = None


@dataclass(frozen=True, slots=True)
class Limit:
    """What stands beside a figure: units per second, and the CPU microseconds of each (servers and PostgreSQL)."""

    what: str
    rate: float
    cpu: float | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table: a figure beside its limit."""

    name: str
    what: str
    rate: float
    cost: Cost
    limit: Limit | None = None
    aim: str = ""
    note: str = ""
    unit: str = "requests"
    """What is counted per second."""

    @property
    def ratio(self) -> float | None:
        """The rate as a part of the limit's."""
        return self.rate / self.limit.rate if self.limit else None

    @property
    def cpu_ratio(self) -> float | None:
        """The limit's CPU time as a part of ours: what the ratio would be if the load generator cost nothing."""
        spent = self.cost.ours + (self.cost.postgres or 0.0)
        return self.limit.cpu / spent if self.limit and self.limit.cpu and spent else None


@dataclass(frozen=True, slots=True)
class Target:
    """A server to measure, and the roots of the process trees whose CPU time counts."""

    port: int
    server: int
    postgres: int


async def run(
    target: Target,
    requests: Sequence[bytes],
    *,
    connections: int,
    seconds: float,
    again: bool = True,
    rate: float = 0.0,
    patience: float = 0.0,
) -> Run:
    """Send the requests from a process of its own, anew from the first when they run out unless `again` is false.

    With a `rate`, requests per second of an open loop. With a `patience` (seconds, see `client.Job`) the server may
    turn requests away with 503 and Retry-After. BenchError when anything else but 2xx came back.
    """
    with tempfile.NamedTemporaryFile(prefix="yima-bench-") as file:
        await asyncio.to_thread(Path(file.name).write_bytes, pack(list(requests)))
        job = Job(
            host="127.0.0.1",
            port=target.port,
            requests=file.name,
            connections=connections,
            seconds=seconds,
            again=again,
            rate=rate,
            patience=patience,
        )
        before = cpu.seconds([target.server, target.postgres])
        output = await spoken(_generator(job), msgspec.json.encode(job) + b"\n")
        after = cpu.seconds([target.server, target.postgres])
    result = msgspec.json.decode(output, type=Result)
    if result.errors or not result.requests or (result.shed and not patience):
        wrong = f"{result.errors} failed ({result.first_error}), {result.shed} turned away"
        raise BenchError(f"beside {result.requests} requests answered, {wrong}")
    return Run(result, after[0] - before[0], after[1] - before[1])


def _generator(job: Job) -> list[str]:
    """The program that does the job: ours in C where it can be compiled, else the one in Python."""
    program = _compiled()
    if not program:
        return [sys.executable, "-m", "bench.client"]
    said = (job.host, job.port, job.requests, job.connections, job.seconds, int(job.again), job.rate, job.patience)
    return [program, *map(str, said)]


@cache
def _compiled() -> str:
    """The load generator in C, compiled anew for each bench; empty where there is no compiler or no epoll."""
    compiler = shutil.which("cc")
    if not compiler or sys.platform != "linux":
        return ""
    program = Path(tempfile.mkdtemp(prefix="yima-loadgen-")) / "loadgen"
    atexit.register(shutil.rmtree, program.parent, ignore_errors=True)
    source = str(Path(__file__).with_name("loadgen.c"))
    made = subprocess.run([compiler, "-O2", "-o", str(program), source], capture_output=True, check=False)  # noqa: S603  our own source
    return str(program) if made.returncode == 0 else ""


async def spoken(command: Sequence[str], said: bytes = b"", env: dict[str, str] | None = None) -> bytes:
    """What a program writes to stdout when it is told `said`. BenchError with the end of its stderr when it fails."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=env
    )
    try:
        out, err = await process.communicate(said)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode:
        raise BenchError(f"{Path(command[0]).name} failed: {err.decode(errors='replace')[-800:]}")
    return out


def request(
    method: str, path: str, *, token: str = "", body: bytes = b"", kind: str = "application/fhir+json", **more: str
) -> bytes:
    """One HTTP/1.1 request. Names in `more` become headers: `yima_visit` is `yima-visit`."""
    headers = {"host": "127.0.0.1", "accept": "*/*"} | ({"authorization": f"Bearer {token}"} if token else {})
    if body:
        headers |= {"content-type": kind, "content-length": str(len(body))}
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + body


def in_series(*rates: float) -> float:
    """The rate of a request that has to do all of these, one after the other, on the same cores."""
    return 1 / sum(1 / rate for rate in rates)
