"""Spark gives what DuckDB gives. Needs Java 17 and `pip install 'yima[spark]'`, takes a minute or two: YIMA_SPARK=1."""

from __future__ import annotations

import csv
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from bench.population import MIXES, records

from yima.mpi import bulk

pytestmark = [
    pytest.mark.skipif("YIMA_SPARK" not in os.environ, reason="set YIMA_SPARK=1 to run Spark (Java 17, yima[spark])"),
    pytest.mark.slow,
    pytest.mark.timeout(900),
]


def _read(path: Path) -> list[tuple[Any, ...]]:
    return sorted(tuple(row.values()) for row in bulk.needed("pyarrow.parquet").read_table(path).to_pylist())


def test_spark_agrees_with_duckdb(tmp_path: Path) -> None:
    """Everybody's errors at once: the same pairs, scores to the last bit, decisions, clusters and counts."""
    assert shutil.which("java"), "YIMA_SPARK is set, and there is no Java"
    bulk.needed("pyspark.sql", "spark")
    found = [record.row for seed, mix in enumerate(MIXES.values()) for record in records(80, seed, mix=mix)]
    for n, row in enumerate(found):
        row["record_id"] = f"r{n}"
    source = tmp_path / "in.csv"
    with source.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(found[0]))
        writer.writeheader()
        writer.writerows(found)
    one, other = (
        bulk.run(bulk.Task(source, tmp_path / engine, engine=engine, workers=2, memory="1GB"))
        for engine in ("duckdb", "spark")
    )
    assert one == other
    assert one.automatic > 50
    assert one.review > 5
    for name in ("pairs", "clusters", "issues"):
        mine, theirs = (_read(tmp_path / engine / f"{name}.parquet") for engine in ("duckdb", "spark"))
        assert mine == theirs, (name, [row for row in mine if row not in theirs][:3], len(mine), len(theirs))
