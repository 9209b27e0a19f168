"""Far too many scans at once: what is taken on succeeds, the rest hears 503 at once, and nothing is half-written."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from support import Institution, Platform, assert_refused, report, serving
from yima import healthcode
from yima.runtime import clock, ids

_PERSONS = 280
_STEPS = (0, 15, -15)


@pytest.mark.slow
async def test_a_flood_of_scans_while_the_database_stands_still(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for parent in data.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o011)  # PostgreSQL's account must get through to its own files
    with serving(data) as running:
        url = json.loads((data / "running.json").read_bytes())["database_url"]
        platform = await Platform.attach(running.base, url, data)
        hospital = await platform.institution("A")
        requests = await _requests(platform, hospital)
        stopped = [pid for pid in running.tree() if _is_postgres(pid)]
        async with httpx.AsyncClient(base_url=running.base, timeout=60, limits=httpx.Limits()) as client:
            for pid in stopped:
                os.kill(pid, signal.SIGSTOP)
            began = time.perf_counter()
            try:
                flood = [asyncio.create_task(client.post("/code/verify", **request)) for request in requests]
                done: set[asyncio.Task[httpx.Response]] = set()
                while not done:  # those for whom there is no room hear so while the others wait
                    done, _ = await asyncio.wait(flood, timeout=20, return_when=asyncio.FIRST_COMPLETED)
                    assert done
                assert (await client.get("/health/live")).status_code == 200
            finally:
                for pid in stopped:
                    os.kill(pid, signal.SIGCONT)
            answers = await asyncio.gather(*flood)
        taken = [answer for answer in answers if answer.status_code == 200]
        for answer in answers:
            if answer.status_code == 410:  # on a machine so slow that its turn came after its code's end
                assert_refused(answer, 410, "code-expired")
            elif answer.status_code != 200:
                assert_refused(answer, 503, "overloaded")
                assert answer.headers["retry-after"] in ("1", "2", "3")
        assert taken
        assert len(taken) < len(answers)
        await _nothing_half_written(platform, len(taken))
        again = await hospital.call("GET", "/fhir/Organization")
        assert again.status_code == 200, again.text
        report("overload", {"taken": len(taken), "turned_away": len(answers) - len(taken),
                            "seconds": round(time.perf_counter() - began, 3)})  # fmt: skip
        await platform.stop()


async def _requests(platform: Platform, hospital: Institution) -> list[dict[str, object]]:
    now = clock.now()
    persons = [ids.new_person_id() for _ in range(_PERSONS)]
    async with platform.database.transaction() as c:
        await c.executemany(
            "insert into mpi.person (person_id, created, updated, name, latin_name, sex, birth_date, deceased)"
            " values ($1, $2, $2, '测试', '', 'female', '1950-01-01', false)",
            [(person, now) for person in persons],
        )
        await healthcode.issue_many(c, platform.keys, persons, now)
    token = await hospital.token()
    moments = [datetime.now(UTC) + timedelta(seconds=shift) for shift in _STEPS]
    return [
        {
            "json": {"code": healthcode.dynamic_text(platform.keys, "INTL", person, at), "terminal": hospital.terminal},
            "headers": {"authorization": f"Bearer {token}"},
        }
        for at in moments
        for person in persons
    ]


async def _nothing_half_written(platform: Platform, taken: int) -> None:
    """As many uses, visits and log lines as scans that were answered 200, each visit with its use and its line."""
    row = await platform.database.fetchrow(
        "select (select count(*) from healthcode.redemption) as uses,"
        " (select count(*) from healthcode.visit) as visits,"
        " (select count(*) from audit.event where action = 'scan') as lines,"
        " (select count(*) from healthcode.visit v join healthcode.redemption r using (person_id, visit)"
        "   join audit.event e on e.person_id = v.person_id and e.visit = v.visit) as whole"
    )
    assert dict(row) == {"uses": taken, "visits": taken, "lines": taken, "whole": taken}


def _is_postgres(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "comm").read_text().strip() == "postgres"
    except OSError:
        return False  # ended meanwhile
