"""`bench.bulk` measures a whole linkage: every step is booked, and its result is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench.bulk import main

pytest.importorskip("duckdb")


def test_a_linkage_is_measured_by_step(tmp_path: Path) -> None:
    said: list[str] = []
    main(["--people", "200", "--seed", "3", "--out", str(tmp_path), "--workers", "1"], said.append)
    told = json.loads(said[0])
    steps = {f"duckdb {step}" for step in ("fields", "keys", "pairs", "decision", "files")}
    assert set(told["seconds_by_step"]) == set(told["cpu_by_step"]) == set(told["peak_mb_by_step"]) == steps
    assert told["found"]["duckdb"]["records"] == len((tmp_path / "people-200-3.csv").read_text().splitlines()) - 1
    assert told["peak_mb_by_step"]["duckdb pairs"] > 10
