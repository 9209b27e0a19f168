"""`train`, `run` and `apply`: the whole of each, from the input file to the files in the output folder."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import msgspec

from yima.mpi.bulk import linking, report, spark, sql, training
from yima.mpi.bulk.columns import DERIVED
from yima.mpi.bulk.engine import connect, keep, needed, quoted, told
from yima.mpi.bulk.linking import Linked, Progress
from yima.mpi.bulk.normalising import normalise
from yima.mpi.bulk.reading import BATCH, tables
from yima.mpi.model import Model, check_version, differences, model_named, read_model, read_model_file
from yima.mpi.normalise import VERSION
from yima.runtime.errors import Refusal

_WORTH_PROCESSES: Final = 8_000_000
"""Bytes of input; less is done sooner than processes start."""
_PATTERN: Final = "*?["
"""The engine would take a folder so named for all that are like it: another run's steps among them."""


def _silent(step: str, share: float) -> None:
    """Progress that nobody looks at."""


@dataclass(frozen=True, slots=True)
class Task:
    """What to link, where to, and how much of the machine it may use."""

    input: Path
    out: Path
    engine: str = "duckdb"
    model: Path | None = None
    """A model file; None: the one in the wheel."""
    memory: str = "2GB"
    """Most that DuckDB holds; it spills to OUT/steps. The processes that normalise come on top, some 100 MB each."""
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    progress: Progress = _silent


@told("--out")
def run(task: Task) -> Linked:
    """Link the input; writes pairs, clusters, issues, the model and the report."""
    began = time.monotonic()
    with _prepared(task) as (connection, model, shards, records):
        return _linked(task, connection, model, shards, records, began)


@told("--out")
def train(task: Task, version: str, today: date) -> Model:
    """Train on the input; writes `model-<version>.json` and the report with what it changes."""
    began = time.monotonic()
    check_version(version)
    needed("splink")  # before an hour's work, not after it
    with _prepared(task) as (connection, present, shards, records):
        made = training.train(connection, records, present, version, today.isoformat(), task.progress)
        path = task.out / f"model-{version}.json"
        text = msgspec.json.format(msgspec.json.encode(made.model), indent=1)
        read_model(text)  # what is written can be read
        path.write_bytes(text + b"\n")
        report.write(
            task.out,
            {
                "input": task.input.name,
                "model": version,
                "seconds": round(time.monotonic() - began, 1),
                "counts": {"records": records, **{f"pairs seen by {name}": n for name, n in made.sessions.items()}},
                "issues": report.issues(connection, shards / "issues-*.parquet"),
                "differences": differences(present, made.model),
                "kept": made.kept,
                "notes": [f"The model is in {path.name}. Nothing uses it until it is chosen."],
            },
        )
        return made.model


@told("--out")
def apply(task: Task) -> int:
    """A dry run: the clusters as proposals for the review path, in `proposals.parquet`. The number of proposals.

    Nothing of the platform is changed: a population is never merged by a file.
    """
    run(task)
    connection = connect(task.out / "steps" / "apply", task.memory, task.workers)
    try:
        pairs = quoted(task.out / "pairs.parquet")
        keep(
            connection,
            f"""SELECT record_id_l, record_id_r, CASE decision WHEN 'auto' THEN 'link' ELSE 'review' END AS proposal,
              score, probability, name_level, birth_level, number_level, sex_level, household_level
              FROM read_parquet({pairs})""",
            task.out / "proposals.parquet",
        )
        return int(
            connection.execute(
                f"SELECT count(*) FROM read_parquet({quoted(task.out / 'proposals.parquet')})"
            ).fetchall()[0][0]
        )
    finally:
        connection.close()
        shutil.rmtree(task.out / "steps" / "apply", ignore_errors=True)


@contextlib.contextmanager
def _prepared(task: Task) -> Iterator[tuple[Any, Model, Path, int]]:
    """The input normalised and loaded: connection, model, folder of the shards, number of records."""
    for module in ("duckdb", "pyarrow", *(("pyspark.sql",) if task.engine == "spark" else ())):
        needed(module, "spark" if module == "pyspark.sql" else "link")
    if any(one in str(task.out) for one in _PATTERN):
        raise Refusal("linkage-stopped", field="--out", reason=f"its name holds one of {_PATTERN}")
    model = _model(task)
    shards = task.out / "steps" / _fingerprint(task.input)
    _normalised(task, shards)
    task.progress("fields", 1.0)
    for left in shards.glob("work.duckdb*"):
        left.unlink()  # of a try that was cut short; what counts is in the shards
    connection = connect(shards, task.memory, task.workers)
    try:
        yield connection, model, shards, linking.load(connection, shards, model)
    finally:
        connection.close()
        for left in shards.glob("work.duckdb*"):
            left.unlink()
        shutil.rmtree(shards / "spill", ignore_errors=True)


def _normalised(task: Task, shards: Path) -> None:
    """All shards of the input; the mark `whole` says that they are, so that it is not read again."""
    whole = shards / "whole"
    if whole.exists():
        return
    done = 0
    size = max(task.input.stat().st_size, 1) if task.input.is_file() else 1
    workers = task.workers if size > _WORTH_PROCESSES else 1
    for done in normalise(tables(task.input), shards, BATCH, workers):
        task.progress("fields", 1 - 1 / (1 + done * 120 / size))  # the number of rows is known at the end only
    if not done:
        raise Refusal("input-unreadable", field=task.input.name, reason="it has no rows")
    whole.touch()


def _linked(task: Task, connection: Any, model: Model, shards: Path, records: int, began: float) -> Linked:
    # The same model under other rules is another step: what was scored is taken up again only when both are the same.
    rules = sql.judged(sql.scored(sql.levels("candidates"), model), model) + linking.RULES
    digest = blake2b(msgspec.json.encode(model) + rules.encode(), digest_size=6).hexdigest()
    folder = shards / f"{'spark' if task.engine == 'spark' else 'model'}-{model.version}-{digest}"
    if task.engine == "spark":
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        large = spark.score(
            shards, folder, model, linking.kept(model), linking.MOST_PER_KEY,
            memory=task.memory, workers=task.workers, records=records, progress=task.progress,
        )  # fmt: skip
    else:
        large = linking.block(connection, task.progress)
        linking.score(connection, folder, records, model, task.progress)
    linking.decide(connection, folder, model, task.progress)
    linking.write(connection, task.out)
    keep(
        connection,
        f"""SELECT * FROM read_parquet({quoted(shards / "issues-*.parquet")}) UNION ALL
          SELECT record_id, 'id_no', 'also the number of somebody else' FROM people SEMI JOIN anothers USING (n)""",
        task.out / "issues.parquet",
    )
    (task.out / f"model-{model.version}.json").write_bytes(msgspec.json.format(msgspec.json.encode(model), indent=1))
    found = linking.counts(connection, folder, task.out, records, large)
    report.write(
        task.out,
        {
            "input": task.input.name,
            "model": model.version,
            "seconds": round(time.monotonic() - began, 1),
            "counts": {name: count for name, count in found._asdict().items() if isinstance(count, int)},
            "large_keys": large,
            "issues": report.issues(connection, task.out / "issues.parquet"),
            "levels": report.levels(connection, task.out / "pairs.parquet"),
        },
    )
    return found


def _model(task: Task) -> Model:
    return read_model_file(task.model) if task.model else model_named()


def _fingerprint(path: Path) -> str:
    """Names the input as it stands, so that steps of another file or an older normaliser are never taken for its."""
    stat = path.stat() if path.is_file() else None
    text = (
        f"{path.absolute()}|{stat.st_size if stat else 0}|{stat.st_mtime_ns if stat else 0}|{VERSION}|{BATCH}|{DERIVED}"
    )
    return blake2b(text.encode(), digest_size=6).hexdigest()
