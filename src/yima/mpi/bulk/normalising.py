"""The input -> shards of Parquet with the columns of `Fields`, one for each batch, in many processes; what is there is
kept for the next try."""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from yima.mpi.bulk.columns import columns_of
from yima.mpi.bulk.engine import needed


def normalise(found: Iterable[Any], folder: Path, size: int, workers: int) -> Iterator[int]:
    """Write `people-<k>.parquet` and `issues-<k>.parquet` for each batch of `reading.tables` into `folder`; yields the
    rows done so far.

    Shards that are there are not made again. Refusal `field-invalid` for a row without record_id.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = 0
    jobs = ((k * size, batch, folder / f"people-{k:05d}.parquet") for k, batch in enumerate(found))
    if workers <= 1:
        for job in jobs:
            done += _shard(job)
            yield done
        return
    context = multiprocessing.get_context("spawn")
    # Looking for cycles among facts, where there are none, costs a tenth.
    with context.Pool(workers, initializer=gc.disable) as pool:
        pending: list[Any] = []
        for job in jobs:
            pending.append(pool.apply_async(_shard, (job,)))
            if len(pending) >= workers * 2:  # no more of the input in memory than the processes can eat
                done += pending.pop(0).get()
                yield done
        for one in pending:
            done += one.get()
            yield done


def _shard(job: tuple[int, Any, Path]) -> int:
    first, batch, path = job
    if path.exists():
        return int(batch.num_rows)
    arrow, parquet = needed("pyarrow"), needed("pyarrow.parquet")
    people, issues = columns_of(batch, first)
    names = ("record_id", "column", "problem")
    said = {name: arrow.array([issue[k] for issue in issues], arrow.string()) for k, name in enumerate(names)}
    _written(parquet, arrow.table(said), path.with_name(path.name.replace("people", "issues")))
    # Last, since this is the file by which a later try knows that the batch is done.
    _written(parquet, people, path)
    return int(batch.num_rows)


def _written(parquet: Any, table: Any, path: Path) -> None:
    part = path.with_suffix(".part")
    parquet.write_table(table, part, compression="zstd")
    part.replace(path)
