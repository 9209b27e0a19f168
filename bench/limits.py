"""The limits: what PostgreSQL, OpenSSL and a bare server can do on this machine, at this moment."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from bench import cpu
from bench.measure import BenchError, Limit, spoken
from yima.runtime import postgres
from yima.runtime.database import Database


class Recorder:
    """A database that remembers what it was asked, so that pgbench can ask the very same."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asked: list[tuple[str, tuple[object, ...]]] = []

    async def fetch(self, sql: str, *args: object) -> list[Any]:
        """All rows of one statement."""
        self._asked.append((sql, args))
        return await self._database.fetch(sql, *args)

    async def fetchrow(self, sql: str, *args: object) -> Any:
        """The first row of one statement, or None."""
        self._asked.append((sql, args))
        return await self._database.fetchrow(sql, *args)

    def script(self) -> str:
        """The statements with their arguments written into them: what pgbench runs as one transaction."""
        return "".join(f"{_filled(sql, args)};\n" for sql, args in self._asked)


def _filled(sql: str, args: tuple[object, ...]) -> str:
    return re.sub(r"\$(\d+)", lambda found: literal(args[int(found[1]) - 1]), sql).replace("\n", " ")


def literal(value: object) -> str:
    """A value as SQL. For values of our own making only."""
    if value is None:
        return "null"
    if isinstance(value, list | tuple | frozenset | set):
        values = list(value)
        kind = "bigint" if values and isinstance(values[0], int) else "text"
        return f"array[{', '.join(map(literal, values))}]::{kind}[]"
    if isinstance(value, datetime):
        return f"'{value.isoformat()}'::timestamptz"
    return str(value) if isinstance(value, int) else "'" + str(value).replace("'", "''") + "'"


def pgbench_program() -> str:
    """pgbench beside the PostgreSQL in use, else on PATH. BenchError where there is none."""
    beside = postgres.locate().bin / "pgbench"
    found = str(beside) if beside.exists() else shutil.which("pgbench")
    if not found:
        raise BenchError("no pgbench: neither beside the PostgreSQL in use nor on PATH (Debian: postgresql-contrib)")
    return found


async def pgbench(url: str, scripts: Sequence[str], *, clients: int, seconds: float, server: int) -> Limit:
    """Run the scripts, each transaction one of them by chance, prepared, over as many connections."""
    parts = urlsplit(url)
    said = {name: values[0] for name, values in parse_qs(parts.query).items()}
    env = os.environ | {
        "PGPASSWORD": unquote(parts.password or ""),
        "PGHOST": said.get("host", parts.hostname or ""),
        "PGPORT": said.get("port", str(parts.port or 5432)),
        "PGUSER": unquote(parts.username or ""),
    }
    with tempfile.TemporaryDirectory(prefix="yima-bench-") as folder:
        paths = [Path(folder) / f"{number}.sql" for number in range(len(scripts))]
        for path, script in zip(paths, scripts, strict=True):
            await asyncio.to_thread(path.write_text, script, "utf-8")
        command = [
            pgbench_program(),
            "-n",
            "-M",
            "prepared",
            "-c",
            str(clients),
            "-j",
            "1",
            "-T",
            str(max(1, round(seconds))),
        ]
        before = cpu.seconds([server])[0]
        output = await spoken([*command, *(f"--file={path}" for path in paths), parts.path.lstrip("/")], env=env)
        spent = cpu.seconds([server])[0] - before
    text = output.decode()
    rate, done = re.search(r"^tps = ([\d.]+)", text, re.MULTILINE), re.search(r"actually processed: (\d+)", text)
    if rate is None or done is None or not int(done[1]):
        raise BenchError(f"pgbench said nothing useful: {text[-300:]}")
    return Limit("pgbench", float(rate[1]), spent / int(done[1]) * 1e6)


async def openssl_speed(*what: str, size: int = 16) -> float | None:
    """Operations per second of one core on `size` bytes each, by `openssl speed`; None where there is no openssl."""
    program = shutil.which("openssl")
    if not program:
        return None
    try:
        output = await spoken([program, "speed", "-bytes", str(size), "-seconds", "1", "-mr", *what])
    except BenchError:
        return None
    found = re.search(r"\+F:\d+:[^:]+:([\d.]+)", output.decode())  # bytes per second
    return float(found[1]) / size if found else None
