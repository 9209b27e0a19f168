"""kill -9 of everything at once, while institutions submit over HTTP: what was acknowledged is there, a resend
changes nothing.

The writers and their ledger stand outside the system: an acknowledgement counts once it is fsynced to the ledger.
`YIMA_TRIALS=50 ./dev test tests/faults -rP` for more trials.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from support import Institution, Platform, Serving, free_port, report, visit_bundle
from support.process import start

TRIALS = int(os.environ.get("YIMA_TRIALS", "3"))
WRITERS = 6


@dataclass
class Ledger:
    """What was sent, and what was acknowledged, on disk."""

    path: Path
    sent: dict[str, dict[str, Any]] = field(default_factory=dict)
    acknowledged: dict[str, bytes] = field(default_factory=dict)

    def note(self, key: str, answer: bytes) -> None:
        """Keep an acknowledgement durably."""
        with self.path.open("ab") as file:
            file.write(orjson.dumps([key, answer.decode()]) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.acknowledged[key] = answer

    def addresses(self, key: str) -> list[str]:
        """The resources of an acknowledged submission."""
        answer = json.loads(self.acknowledged[key])
        return [entry["response"]["location"].partition("/_history")[0] for entry in answer["entry"]]


@dataclass
class Town:
    """The running platform, its writers and their ledger."""

    data: Path
    port: int
    ledger: Ledger
    serving: Serving
    platform: Platform
    writers: list[Institution] = field(default_factory=list)

    async def reconnect(self) -> None:
        """After a restart: the same institutions, with new connections."""
        await self.platform.client.aclose()
        self.platform.client = httpx.AsyncClient(base_url=self.serving.base, timeout=30)


async def _start(data: Path, port: int) -> tuple[Serving, Platform]:
    serving = await asyncio.to_thread(start, data, port)
    url = json.loads((data / "running.json").read_bytes())["database_url"]
    return serving, await Platform.attach(serving.base, url, data)


def _make_reachable(data: Path) -> None:
    data.mkdir()
    for parent in data.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o011)  # PostgreSQL's account must get through to its own files


@pytest.fixture
async def town(tmp_path: Path) -> Any:
    data, port = tmp_path / "data", free_port()
    _make_reachable(data)
    serving, platform = await _start(data, port)
    town = Town(data, port, Ledger(tmp_path / "ledger"), serving, platform)
    town.writers = [await platform.institution("W") for _ in range(WRITERS)]
    for writer in town.writers:
        await writer.token()
    await platform.database.close()
    yield town
    await town.platform.client.aclose()
    if town.serving.process.poll() is None:
        await asyncio.to_thread(town.serving.stop)


async def _write(town: Town, writer: Institution, seed: int) -> None:
    """Submit one visit after the other until the server is gone."""
    chance = random.Random(seed)
    for n in range(100_000):
        key = f"{writer.code}/{seed}/{n}"
        sent = visit_bundle(writer.code, observations=chance.randint(1, 12))
        town.ledger.sent[key] = sent
        try:
            answer = await writer.call("POST", "/fhir", sent, idempotency_key=key)
        except httpx.TransportError:
            return
        if answer.status_code == 503:
            return  # the database was killed a moment before its server: not acknowledged, and said so
        assert answer.status_code == 200, answer.text
        town.ledger.note(key, answer.content)


async def _counts(town: Town) -> dict[str, int]:
    url = json.loads((town.data / "running.json").read_bytes())["database_url"]
    observer = await Platform.attach(town.serving.base, url, town.data)
    try:
        return await observer.counts()
    finally:
        await observer.stop()


def _writer_of(town: Town, key: str) -> Institution:
    return next(writer for writer in town.writers if writer.code == key.partition("/")[0])


async def _lost(town: Town, keys: list[str]) -> int:
    """How many of these acknowledged submissions are not wholly there."""
    lost = 0
    for key in keys:
        addresses = town.ledger.addresses(key)
        whole = await _writer_of(town, key).call("GET", f"/fhir/{addresses[0]}/$everything")
        held = {f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in whole.json().get("entry", [])}
        lost += held != set(addresses)
    return lost


@pytest.mark.slow
@pytest.mark.timeout(120 + 60 * TRIALS)
async def test_nothing_acknowledged_is_lost(town: Town) -> None:
    figures: list[dict[str, Any]] = []
    for trial in range(TRIALS):
        known = set(town.ledger.acknowledged)
        writing = asyncio.gather(*(_write(town, writer, 100 * trial + n) for n, writer in enumerate(town.writers)))
        await asyncio.sleep(random.uniform(0.4, 1.6))
        killed = town.serving.kill()
        await writing
        assert len(killed) >= 4, "the command, a worker, PostgreSQL and its children"
        began = time.perf_counter()
        town.serving = await asyncio.to_thread(start, town.data, town.port)
        seconds = time.perf_counter() - began
        await town.reconnect()
        fresh = [key for key in town.ledger.acknowledged if key not in known]
        lost = await _lost(town, fresh)
        # A resend of everything, acknowledged or not, in any order.
        keys = list(town.ledger.sent)
        random.shuffle(keys)
        resent = await asyncio.gather(*(_resend(town, key) for key in keys))
        changed = sum(resent)
        counts = await _counts(town)
        entries = sum(len(sent["entry"]) for sent in town.ledger.sent.values())
        distinct = len(town.ledger.sent)
        expected = {
            "exchange.submission": distinct,
            "mpi.person": distinct,
            "healthcode.card": distinct,
            "mpi.link": distinct,
        }
        assert {name: counts[name] for name in expected} == expected
        assert counts["records.resource"] == entries
        assert counts["records.history"] == 0
        figures.append(
            {
                "acknowledged": len(fresh),
                "lost": lost,
                "changed_by_resend": changed,
                "seconds_to_serve": round(seconds, 2),
            }
        )
    total = {name: sum(f[name] for f in figures) for name in ("acknowledged", "lost", "changed_by_resend")}
    slowest = max(f["seconds_to_serve"] for f in figures)
    report("kill-9", {"trials": TRIALS} | total | {"slowest_restart": slowest, "each": figures})
    assert total["lost"] == 0
    assert total["changed_by_resend"] == 0
    assert total["acknowledged"] > 10 * TRIALS, "too little was going on when it was killed"


async def _resend(town: Town, key: str) -> int:
    """Send again; 1 when an acknowledged submission gets another answer than before."""
    async with _AT_ONCE:
        answer = await _writer_of(town, key).call("POST", "/fhir", town.ledger.sent[key], idempotency_key=key)
    assert answer.status_code == 200, answer.text
    if key not in town.ledger.acknowledged:
        town.ledger.note(key, answer.content)
    return int(answer.content != town.ledger.acknowledged[key])


_AT_ONCE = asyncio.Semaphore(12)


@pytest.mark.slow
async def test_a_stop_finishes_what_is_under_way(town: Town) -> None:
    """SIGTERM during load: requests that were taken are answered, PostgreSQL is stopped in order, nobody stays
    behind."""
    torn: list[str] = []

    async def write(writer: Institution, seed: int) -> None:
        for n in range(100_000):
            key = f"{writer.code}/stop{seed}/{n}"
            sent = visit_bundle(writer.code, observations=10)
            try:
                answer = await writer.call("POST", "/fhir", sent, idempotency_key=key)
            except httpx.ConnectError:
                return  # not taken any more
            except httpx.TransportError as error:
                torn.append(type(error).__name__)
                return
            if answer.status_code != 200:
                return
            town.ledger.sent[key] = sent
            town.ledger.note(key, answer.content)

    writing = asyncio.gather(*(write(writer, n) for n, writer in enumerate(town.writers)))
    await asyncio.sleep(1)
    tree = town.serving.tree()
    began = time.perf_counter()
    status = await asyncio.to_thread(town.serving.stop)
    seconds = time.perf_counter() - began
    await writing
    alive = [pid for pid in tree if _runs(pid)]
    report(
        "stop",
        {
            "acknowledged": len(town.ledger.acknowledged),
            "torn": torn,
            "seconds": round(seconds, 2),
            "status": status,
        },
    )
    assert status in (0, 143)
    assert alive == [], "orphans"
    assert "database system is shut down" in (town.data / "postgres.log").read_text()
    assert not (town.data / "running.json").exists()
    assert town.ledger.acknowledged
    town.serving = await asyncio.to_thread(start, town.data, town.port)
    await town.reconnect()
    assert await _lost(town, list(town.ledger.acknowledged)) == 0
    # A connection may be closed under a request that had not arrived yet; what was carried out was also answered.
    assert (await _counts(town))["exchange.submission"] == len(town.ledger.acknowledged)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except OSError:
        return False
    return state != "Z"
