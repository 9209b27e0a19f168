"""A real server process, as `yima serve` runs it, for tests of clients and of faults."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(slots=True)
class Serving:
    """A running `yima serve`."""

    process: subprocess.Popen[bytes]
    base: str
    data: Path
    seconds: float
    """How long it took until it answered /health/ready."""

    def tree(self) -> list[int]:
        """All processes under it, PostgreSQL included, itself last."""
        parents: dict[int, list[int]] = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                pid, _, rest = stat.read_text().partition(" (")
                parents.setdefault(int(rest.rpartition(") ")[2].split()[1]), []).append(int(pid))
        found, waiting = [], [self.process.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            waiting += parents.get(pid, [])
        return found[::-1]

    def kill(self) -> list[int]:
        """SIGKILL to the whole tree at once; what was killed."""
        killed = self.tree()
        for pid in killed:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(30)
        return killed

    def stop(self, seconds: float = 120) -> int:
        """SIGTERM and wait; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)


def start(data: Path, port: int, **environment: str) -> Serving:
    """Start `yima serve` and wait until it is ready."""
    base, began = f"http://127.0.0.1:{port}", time.perf_counter()
    own = {name: value for name, value in os.environ.items() if not name.startswith("YIMA_")}
    with (data / "serve.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "yima", "serve", "--port", str(port), "--data", str(data)],
            env=own | {"YIMA_LOG_LEVEL": "warning"} | environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=data,
        )
    while True:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{base}/health/ready", timeout=2):  # noqa: S310  our own
            return Serving(process, base, data, time.perf_counter() - began)
        if process.poll() is not None or time.perf_counter() - began > 120:
            process.kill()
            raise AssertionError(f"no server: {(data / 'serve.log').read_text()[-2000:]}")
        time.sleep(0.02)


@contextlib.contextmanager
def serving(data: Path, port: int | None = None, **environment: str) -> Iterator[Serving]:
    """A server for the length of a block."""
    running = start(data, port or free_port(), **environment)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()
