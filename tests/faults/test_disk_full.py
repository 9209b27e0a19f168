"""No room for the log: nothing is disclosed meanwhile, nothing that was answered is lost, and work goes on by itself.

The cluster lies on a small file system of its own, so this needs root on Linux and is skipped elsewhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support import Institution, Platform, as_owner, assert_refused, patient, report, serving
from support.process import Serving

_ROOM = "300m"
_AT_ONCE = 20
_MOST = 200
"""Waves of reads after which the log must have been full."""
_SECONDS = 60
_SEGMENTS = 20


@pytest.fixture
def small() -> Iterator[Path]:
    """A file system with room for a cluster and little more."""
    # Not below tmp_path, whose parents pytest makes private again whenever it starts somewhere.
    mount = Path(tempfile.mkdtemp(prefix="yima-small-"))
    options = f"size={_ROOM},mode=0711"  # PostgreSQL's account must get through to its own files
    mounted = subprocess.run(
        ["/usr/bin/mount", "-t", "tmpfs", "-o", options, "tmpfs", mount], capture_output=True, check=False
    )
    try:
        if mounted.returncode:
            pytest.skip("only root can mount a small file system")
        yield mount
        subprocess.run(["/usr/bin/umount", "-l", mount], check=True)
    finally:
        mount.rmdir()


@pytest.mark.slow
async def test_a_full_disk_stops_reads_and_loses_no_line(small: Path) -> None:
    """First no page can be added to the log; then, with room again, none to the write-ahead log either."""
    data = small / "data"
    data.mkdir()
    data.chmod(0o711)
    with serving(data) as running:
        assert (data / "postgres" / "data").resolve().is_relative_to(small)
        platform = await _attached(running)
        hospital = await platform.institution("A")
        address = f"/fhir/Patient/{(await hospital.create(patient()))['id']}"
        _fill(small)
        full = await _refused(platform, hospital, address)
        (small / "ballast").unlink()
        seconds = await _until_answered(hospital, address)
        assert await _compared(platform, full) == (0, 0)
        _fill(small)
        with contextlib.suppress(Exception):  # the next file of the write-ahead log: PostgreSQL ends for want of room
            for _ in range(_SEGMENTS):
                await as_owner(platform.database, "select pg_switch_wal(), pg_current_xact_id()")
        ended = await _refused(platform, hospital, address)
        (small / "ballast").unlink()
        await platform.stop()
    began = time.perf_counter()
    with serving(data) as running:  # as whoever watches over the service starts it again
        platform = await _attached(running)
        lost = await _compared(platform, ended)
        assert lost[0] == 0, "a read was answered, and its line is gone"
        await platform.stop()
    report(
        "disk-full",
        {
            "answered": _answered(full) + _answered(ended), "refused": len(full) + len(ended) - _answered(full + ended),
            "lost": 0, "seconds_to_go_on": seconds, "seconds_to_start_again": round(time.perf_counter() - began, 1),
        },
    )  # fmt: skip


async def _attached(running: Serving) -> Platform:
    url = json.loads((running.data / "running.json").read_bytes())["database_url"]
    return await Platform.attach(running.base, url, running.data)


async def _refused(platform: Platform, hospital: Institution, address: str) -> list[httpx.Response]:
    """All answers to reads until none was given for a while; what was refused says so well."""
    answers = await _until_refused(hospital, address)
    for answer in answers:
        if answer.status_code != 200:
            assert_refused(answer, 503, "not-ready")
            assert answer.headers["retry-after"] == "1"
    assert (await platform.client.get("/health/live")).status_code == 200
    return answers


def _answered(answers: list[httpx.Response]) -> int:
    return sum(answer.status_code == 200 for answer in answers)


async def _until_refused(hospital: Institution, address: str) -> list[httpx.Response]:
    """Every answer to reads, up to the wave in which the first was refused and five more."""
    answers: list[httpx.Response] = []
    more = 5
    for _ in range(_MOST):
        answers += await asyncio.gather(*(hospital.call("GET", address) for _ in range(_AT_ONCE)))
        more -= any(answer.status_code != 200 for answer in answers)
        if not more:
            return answers
    raise AssertionError("the log was never full")


async def _until_answered(hospital: Institution, address: str) -> float:
    """Seconds until a read is answered again."""
    began = time.perf_counter()
    while time.perf_counter() - began < _SECONDS:
        if (await hospital.call("GET", address)).status_code == 200:
            return round(time.perf_counter() - began, 2)
        await asyncio.sleep(0.1)
    raise AssertionError("reads do not go on")


async def _compared(platform: Platform, answers: list[httpx.Response]) -> tuple[int, int]:
    """How many answers have no line, and how many lines are of reads that were refused."""
    asked = [answer.headers["x-request-id"] for answer in answers]
    rows = await platform.database.fetch(
        "select request_id, count(*) as lines from audit.event where request_id = any($1) group by 1", asked
    )
    lines = Counter({row["request_id"]: row["lines"] for row in rows})
    answered = {answer.headers["x-request-id"] for answer in answers if answer.status_code == 200}
    return len(answered - set(lines)), len(set(lines) - answered)


def _fill(place: Path) -> None:
    """Take all the room that is left."""
    left = os.statvfs(place)
    with (place / "ballast").open("wb") as ballast:
        os.posix_fallocate(ballast.fileno(), 0, left.f_bavail * left.f_frsize)
