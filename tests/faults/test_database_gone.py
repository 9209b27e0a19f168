"""The database goes away under a running server: honest answers meanwhile, and back to work by itself."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from pathlib import Path

import pytest

from support import Institution, Platform, assert_refused, patient, report, serving


@pytest.mark.slow
async def test_a_database_that_stops_and_goes_on(tmp_path: Path) -> None:
    """SIGSTOP to PostgreSQL for three seconds: readiness says so, liveness does not fail, work goes on by itself."""
    data = tmp_path / "data"
    data.mkdir()
    for parent in data.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o011)  # PostgreSQL's account must get through to its own files
    with serving(data) as running:
        url = json.loads((data / "running.json").read_bytes())["database_url"]
        platform = await Platform.attach(running.base, url, data)
        hospital = await platform.institution("A")
        made = await hospital.create(patient())
        address = f"/fhir/Patient/{made['id']}"
        stopped = [pid for pid in running.tree() if _is_postgres(pid)]
        for pid in stopped:
            os.kill(pid, signal.SIGSTOP)
        try:
            waiting = asyncio.create_task(hospital.call("GET", address))
            assert (await platform.client.get("/health/live")).status_code == 200
            unready = await platform.client.get("/health/ready")
            assert_refused(unready, 503, "not-ready")
            assert unready.headers["retry-after"] == "1"
        finally:
            for pid in stopped:
                os.kill(pid, signal.SIGCONT)
        began = time.perf_counter()
        assert (await waiting).status_code == 200
        assert (await platform.client.get("/health/ready")).status_code == 200
        report("database-stopped", {"seconds_until_work_goes_on": round(time.perf_counter() - began, 3)})
        await _connections_break(platform, hospital, address)
        await platform.stop()


async def _connections_break(platform: Platform, hospital: Institution, address: str) -> None:
    """Every connection is cut by the database: nobody is told of an internal error, the next request works."""
    call = hospital.call
    others = "pid <> pg_backend_pid() and backend_type = 'client backend'"
    cut = platform.database.fetch(f"select pg_terminate_backend(pid) from pg_stat_activity where {others}")
    answers, _ = await asyncio.gather(asyncio.gather(*(call("GET", address) for _ in range(40))), cut)
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert (await call("GET", address)).status_code == 200


def _is_postgres(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "comm").read_text().strip() == "postgres"
    except OSError:
        return False  # ended meanwhile
