"""The log that cannot lie: sealing, verifying all of it, and a proof in a tree of a hundred million lines."""

from __future__ import annotations

import asyncio
import os
import random
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

from bench import cpu
from bench.cases.inside import log_event
from bench.measure import Cost, Limit, Line, spoken
from bench.stage import Stage
from yima import audit
from yima.audit.proof import Findings, Log, Spread, Tree, check
from yima.runtime import clock

_BATCH: Final = 1000
_SIMULATED: Final = 5000
"""Leaves of the simulated tree for each line that is really written: 100 million of 20,000."""
_PROOFS: Final = 300
_PROCESSES: Final = 4
_WIDTH: Final = 256
_LOOK: Final = 0.2
"""Seconds between two looks at what a command spends."""


async def log(stage: Stage) -> list[Line]:
    """Seal, verify, prove."""
    sealed = Log(stage.access.database, stage.keys)
    count = stage.plan.sealed
    before = (await sealed.seal(clock.now())).size
    appended = await _appended(stage, count)
    sealing = await _sealing(sealed, before + count)
    verified = [await _verified(stage, sealed, processes) for processes in (1, _PROCESSES)]
    return [appended, sealing, *verified, await _command(stage), await _proofs(stage)]


async def _sealing(sealed: Log, size: int) -> Line:
    """All of them in the tree. The server under measurement seals too, and a line waits for older transactions: what
    one turn of ours did is measured, and turns are taken until none is left out."""
    had, began, spent = await sealed.latest(), time.perf_counter(), time.process_time()
    head = await sealed.seal(clock.now() + timedelta(minutes=1))
    seconds, spent = time.perf_counter() - began, time.process_time() - spent
    done = max(1, head.size - (had.size if had else 0))
    while head.size < size:
        await asyncio.sleep(0.5)
        head = await sealed.seal(clock.now() + timedelta(minutes=1))
    what, note = "lines put into the tree, one process", f"{done:,} in one turn; two hashes a line are the limit"
    return Line("log-seal", what, done / seconds, Cost(spent / done * 1e6), _hashing(), "", note, "lines")


async def _appended(stage: Stage, count: int) -> Line:
    """Lines written by the thousand, each thousand made and then durable, one after the other."""
    began, spent, postgres = time.perf_counter(), time.process_time(), cpu.seconds([stage.server.postgres])[0]
    for _ in range(0, count, _BATCH):
        events = [log_event(n) for n in range(_BATCH)]
        async with stage.access.database.transaction() as c:
            await audit.append(c, events)
    seconds, spent = time.perf_counter() - began, time.process_time() - spent
    cost = Cost(spent / count * 1e6, (cpu.seconds([stage.server.postgres])[0] - postgres) / count * 1e6)
    what = f"lines made and written, {_BATCH:,} in a transaction, durable, one process and connection"
    return Line("log-append", what, count / seconds, cost, None, "20,000/s", f"{count:,} in {seconds:.1f} s", "lines")


async def _command(stage: Stage) -> Line:
    """`yima audit verify` as its user runs it, from its start to its last word."""
    command = [sys.executable, "-m", "yima", "audit", "verify", "--processes", str(_PROCESSES)]
    env = os.environ | {"YIMA_DATABASE_URL": stage.url, "YIMA_DATA": stage.spec.data}
    before, postgres = _spent(stage), cpu.seconds([stage.server.postgres])[0]
    began, spent = time.perf_counter(), before
    saying = asyncio.create_task(spoken([*command, "--data", stage.spec.data], env=env))
    while not saying.done():  # looked at while it runs: its processes end after it, and are then nobody's
        await asyncio.wait({saying}, timeout=_LOOK)
        spent = max(spent, _spent(stage))
    said = saying.result().decode().split()
    seconds, spent = time.perf_counter() - began, spent - before
    postgres = cpu.seconds([stage.server.postgres])[0] - postgres
    what = f"`yima audit verify`, {_PROCESSES} processes, from its start to its end"
    lines = int(said[0])
    cost = Cost(spent / lines * 1e6, postgres / lines * 1e6)
    note = f"{lines:,} lines in {seconds:.1f} s"
    return Line("log-verify-command", what, lines / seconds, cost, None, "10 s a million", note, "lines")


async def _verified(stage: Stage, sealed: Log, processes: int) -> Line:
    """Every line, tile and head, by so many processes."""
    began, spent, postgres = time.perf_counter(), _spent(stage), cpu.seconds([stage.server.postgres])[0]
    findings = await check(stage.access.database, sealed.verifier, (), Spread(stage.url, processes))
    seconds, spent = time.perf_counter() - began, _spent(stage) - spent
    postgres = cpu.seconds([stage.server.postgres])[0] - postgres
    cost = Cost(spent / findings.lines * 1e6, postgres / findings.lines * 1e6)
    name, what = (
        ("log-verify", "lines verified, one process")
        if processes == 1
        else (f"log-verify-{processes}", f"the same, {processes} processes, their start included")
    )
    return Line(
        name, what, findings.lines / seconds, cost, _hashing(), "100,000/s on 2 cores", _said(findings), "lines"
    )


def _said(findings: Findings) -> str:
    whole = "whole" if findings.whole else "NOT WHOLE"
    return f"{findings.lines} lines, {findings.singly} looked up by their keys, {whole}"


def _spent(stage: Stage) -> float:
    """CPU seconds of this process and of all that it started but the servers, whose own time is told apart."""
    servers = stage.server.postgres, stage.server.server, stage.bare_server.server
    whole, *others = cpu.seconds([os.getpid(), *servers])
    return whole - sum(others)


def _hashing() -> Limit:
    content, began = b"x" * 420, time.perf_counter()
    for _ in range(20_000):
        sha256(b"\x00" + content).digest()
        sha256(b"\x01" + content[:64]).digest()
    return Limit("SHA-256 of a line and of a node", 20_000 / (time.perf_counter() - began))


async def _proofs(stage: Stage) -> Line:
    """Tiles of a tree that nobody wrote: all keys are there, hashes only where they are read."""
    size = stage.plan.lines * _SIMULATED + 77
    chance = random.Random(1)
    places = [chance.randrange(size) for _ in range(_PROOFS)]
    async with stage.owner() as c:
        await c.execute(
            "create table bench_tile as select * from audit.tile; create table bench_leaf as select * from audit.leaf"
        )
        await c.execute("truncate audit.tile, audit.leaf")
        await c.copy_records_to_table("tile", schema_name="audit", records=_tiles(size, places))
        leaves = [(1, str(n), n, bytes(32)) for n in range(size - size % _WIDTH, size)]
        columns = ("person_id", "event_id", "position", "hash")
        await c.copy_records_to_table("leaf", schema_name="audit", records=leaves, columns=columns)
        await c.execute("vacuum analyze audit.tile")
        tree = Tree(stage.access.database)
        cold = await _prove(tree, places, size)
        spent, postgres = time.process_time(), cpu.seconds([stage.server.postgres])[0]
        took = await _prove(tree, places, size)
        spent, postgres = time.process_time() - spent, cpu.seconds([stage.server.postgres])[0] - postgres
        await c.execute("truncate audit.tile, audit.leaf")
        await c.execute(
            "insert into audit.tile select * from bench_tile; insert into audit.leaf select * from bench_leaf"
        )
        await c.execute("drop table bench_tile, bench_leaf")
    one = await stage.pgbench([_TILE], clients=1)
    limit = Limit("pgbench: one point read of a tile", one.rate, one.cpu)
    cost = Cost(
        spent / len(took) * 1e6,
        postgres / len(took) * 1e6,
        p50=took[len(took) // 2] * 1e3,
        p99=took[int(len(took) * 0.99)] * 1e3,
    )
    what = f"inclusion proofs in a tree of {size:,} simulated leaves, one after the other; upper tiles read before"
    note = f"p50 {cold[len(cold) // 2] * 1e3:.1f} ms with nothing read before"
    return Line("log-proof", what, len(took) / sum(took), cost, limit, "p50 < 1 ms", note, "proofs")


async def _prove(tree: Tree, places: Sequence[int], size: int) -> list[float]:
    """Seconds that each proof took, the quickest first."""
    took = []
    for place in places:
        began = time.perf_counter()
        await tree.inclusion(place, size)
        took.append(time.perf_counter() - began)
    return sorted(took)


_TILE: Final = "select level, number, hashes from audit.tile where level = 0 and number = 0;\n"


def _tiles(size: int, places: Sequence[int]) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = []
    level, full = 0, size // _WIDTH
    while full:
        shift = 8 * (level + 1)
        read = {place >> shift for place in places}
        read |= {number ^ 1 for number in read} | {full - 1 - n for n in range(_WIDTH) if n < full}
        whole, short = random.Random(level).randbytes(_WIDTH * 32), bytes(32)
        rows += [(level, n, sha256(b"%d" % n).digest(), whole if n in read else short) for n in range(full)]
        level, full = level + 1, full // _WIDTH
    return rows
