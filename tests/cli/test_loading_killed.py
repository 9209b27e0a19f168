"""`yima load` as a process: killed in the middle, resumed, and what it says when lines are refused."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from support.makers import observation, patient, resident_number
from yima import directory
from yima.runtime.database import Database

COUNT = 120


def command(database_url: str, data: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"YIMA_DATABASE_URL": database_url}
    line = [sys.executable, "-m", "yima", *arguments, "--data", str(data)]
    return subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


async def run(database_url: str, data: Path, *arguments: str) -> tuple[int, str]:
    process = command(database_url, data, *arguments)
    out, err = await asyncio.to_thread(process.communicate, timeout=100)
    return process.returncode, out + err


async def test_killed_and_resumed_it_has_everything_once(db: Database, database_url: str, tmp_path: Path) -> None:
    files, data = tmp_path / "export", tmp_path / "data"
    files.mkdir()
    async with db.transaction() as c:
        await directory.register_institution(c, code="K9", name_zh="甲", name_en="A", kind="A100", area="000000")
    people = [patient(id=f"p{i}") for i in range(COUNT)]
    found = [observation(f"Patient/p{i}", id=f"o{i}") for i in range(COUNT)]
    for name, rows in (("Patient", people), ("Observation", found)):
        (files / f"{name}.ndjson").write_text("\n".join(map(json.dumps, rows)))
    loading = ("load", str(files), "--institution", "K9")

    async def stored() -> int:
        return int((await db.fetchrow("select count(*) from records.resource"))[0])

    process = command(database_url, data, *loading)
    while await stored() == 0 and process.poll() is None:  # noqa: ASYNC110  it is another process that stores
        await asyncio.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert 0 < await stored() < 2 * COUNT
    code, said = await run(database_url, data, *loading, "--resume")
    assert (code, " 0 refused" in said) == (0, True), said
    assert await stored() == 2 * COUNT
    rows = await db.fetchrow(
        "select (select count(*) from records.history) as versions, (select count(*) from mpi.person) as persons"
    )
    assert tuple(rows) == (0, COUNT)
    code, said = await run(database_url, data, "reindex")
    assert (code, f"{2 * COUNT} resources, 0 written, 0 unreadable" in said) == (0, True), said

    number = resident_number()
    (files / "Patient.ndjson").write_text(json.dumps(patient(national=number, wrong=number)))
    code, said = await run(database_url, data, *loading, "--resume")
    assert code == 1
    assert f"{COUNT} skipped" in said
    assert "field-unknown: 1" in said
    assert number not in said
    (rejects,) = data.glob("load-rejects-*.ndjson")
    assert str(rejects) in said
    assert number in json.loads(rejects.read_text())["content"]
