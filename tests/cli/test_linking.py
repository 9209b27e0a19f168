"""`yima link export`, `train`, `run`, `apply`: the chain as commands, on a platform that runs."""

from __future__ import annotations

import asyncio
import csv
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from support import Platform, patient, resident_number
from yima.cli.commands import app
from yima.cli.running import said_to_run
from yima.directory import Caller
from yima.runtime import clock, ids, settings
from yima.runtime.errors import Refusal

pytest.importorskip("duckdb")
parquet = pytest.importorskip("pyarrow.parquet")
SYSTEM = Caller(kind="system", agent_id="cli")


async def say(*args: str | Path) -> Result:
    """Run a command in a thread, as a process of its own would."""
    return await asyncio.to_thread(CliRunner().invoke, app, ["link", *map(str, args)])


async def test_the_chain_as_commands(platform: Platform, tmp_path: Path) -> None:
    one, other = await platform.institution("A"), await platform.institution("B")
    persons = set()
    for day in range(1, 6):
        said = patient(national=resident_number(f"1974-04-0{day}"), birthDate=f"1974-04-0{day}")
        first, again = await one.create(said), await other.create(said)
        if day < 3:  # somebody with two persons: a Patient was split off by mistake
            _, made = await platform.access.stewards.split(SYSTEM, again["id"], reason="误拆", now=clock.now())
            two = Platform.person_of(f"Patient/{first['id']}"), made
            persons.add(frozenset(map(ids.person_text, two)))
    here = settings.load({"data": platform.data}, environment={}, directory=platform.data)
    own, out, data = tmp_path / "own.parquet", tmp_path / "own", ("--data", platform.data)
    with said_to_run(here, platform.database_url):
        own.with_suffix(".part").touch(mode=0o644)  # somebody waits for what will be written there
        exported = await say("export", "--out", own, *data)
        assert exported.output.startswith("7 persons"), exported.output
        assert own.stat().st_mode & 0o777 == 0o600
        (tmp_path / "taken").mkdir()
        failed = await say("export", "--out", tmp_path / "taken", *data)
        assert isinstance(failed.exception, Refusal)
        assert failed.exception.code == "linkage-stopped"
        assert not (tmp_path / "taken.part").exists(), "names and numbers are left behind"
        trained = await say("train", "--input", own, "--out", out, "--workers", "1")
        assert isinstance(trained.exception, Refusal)
        assert trained.exception.code == "training-too-little"
        linked = await say("run", "--input", own, "--out", out, "--workers", "1")
        assert "7 records" in linked.output, linked.output
        found = parquet.read_table(out / "pairs.parquet").to_pylist()
        linked_pairs = {(row["record_id_l"], row["record_id_r"]) for row in found if row["decision"] == "auto"}
        assert set(map(frozenset, linked_pairs)) == persons
        apply = ("apply", "--input", own, "--out", out, "--workers", "1", *data)
        assert "Nothing was changed" in (await say(*apply, "--platform")).output
        assert _kinds(out / "changes.csv") == ["merge", "merge"]
        done = await say(*apply, "--platform", "--yes")
        assert "merge: 2" in done.output, done.output
        assert "done before: 2" in (await say(*apply, "--yes")).output
        stood = (out / "applied.csv").read_text(encoding="utf-8")
        (out / "applied.csv").write_text(stood.replace(",link,", ",review,"), encoding="utf-8")
        assert "keep: 2" in (await say(*apply, "--yes")).output, "what was asked only is not done with a link"
        (out / "applied.csv").write_text(stood, encoding="utf-8")
        exported = await say("export", "--out", own, *data)
        assert exported.output.startswith("5 persons"), "who was merged is one"
    assert _kinds(out / "applied.csv") == ["merge", "merge"]


def _kinds(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return [row["kind"] for row in csv.DictReader(file)]
