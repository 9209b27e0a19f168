"""What bulk linkage costs: `python -m bench.bulk --people 846000 --seed 7001 --train --out FOLDER`.

Makes the CSV of a population once (FOLDER/people-<N>-<S>.csv), then trains (`--train`) and links it, and prints JSON:
seconds and CPU seconds by step, the most memory that all processes had together, disk, and what was found.
`--compare` links with DuckDB and with Spark, and says in how many rows their files differ. Linux only (/proc).
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench.population import records
from yima.mpi import bulk
from yima.mpi.bulk import engine

_EVERY: Final = 0.25
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_FILES: Final = ("pairs", "clusters", "issues")


class Meter:
    """Seconds and CPU seconds by step, of this process and all that it started, and the most memory they had at once.

    Pages that processes share count for each, so that the memory is an upper bound.
    """

    def __init__(self, out: Path) -> None:
        self.seconds: dict[str, float] = {}
        self.cpu: dict[str, float] = {}
        self.peak: dict[str, int] = {}
        """Bytes by step."""
        self.disk = 0
        """Most bytes in `out` at the end of a step."""
        self._out = out
        self._used: dict[int, float] = {}
        self._most = 0
        self._told = 0.0
        self._prefix = ""
        self._look()
        self._since = (time.monotonic(), sum(self._used.values()))  # making the population is no step
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def part(self, name: str) -> None:
        """What follows is another part; its steps have names of their own."""
        self._prefix = f"{name} "

    def progress(self, step: str, share: float) -> None:
        """For `bulk.Task`: a step ends when all of it is done; what follows belongs to the next."""
        if share >= 1.0:
            self.ended(step)
        elif time.monotonic() - self._told > 5:
            self._told = time.monotonic()
            print(f"{self._prefix}{step} {share:.0%}", file=sys.stderr, flush=True)

    def ended(self, step: str) -> None:
        """Book what was used since the last step ended."""
        self._look()
        now, used, step = time.monotonic(), sum(self._used.values()), self._prefix + step
        self.seconds[step] = round(self.seconds.get(step, 0) + now - self._since[0], 1)
        self.cpu[step] = round(self.cpu.get(step, 0) + used - self._since[1], 1)
        self.peak[step] = max(self._most, self.peak.get(step, 0))
        self._since, self._most = (now, used), 0
        self.disk = max(self.disk, sum(file.stat().st_size for file in self._out.rglob("*") if file.is_file()))
        print(f"{step}: {self.seconds[step]} s, CPU {self.cpu[step]} s", file=sys.stderr, flush=True)

    def close(self) -> None:
        """No more looking."""
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(_EVERY):
            self._look()

    def _look(self) -> None:
        held = 0
        for pid in _family(os.getpid()):
            try:
                told = (
                    Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
                )
            except OSError:  # it ended meanwhile
                continue
            self._used[pid] = (int(told[11]) + int(told[12])) / _TICKS
            held += int(told[21]) * _PAGE
        self._most = max(self._most, held)


def _family(root: int) -> list[int]:
    """A process and all that it started, and these."""
    found = [root]
    for pid in found:
        for task in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                found += map(int, task.read_text(encoding="ascii").split())
            except OSError:
                continue
    return found


def made(people: int, seed: int, out: Path) -> Path:
    """The CSV of a population; about 130 bytes a record, and half a minute a million."""
    path = out / f"people-{people}-{seed}.csv"
    if path.exists():
        return path
    part = path.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        for at, record in enumerate(records(people, seed)):
            if at == 0:
                writer.writerow(record.row)
            writer.writerow(record.row.values())
            if at % 500_000 == 0:
                print(f"input {at:,} records", file=sys.stderr, flush=True)
    part.replace(path)
    return path


def measured(args: argparse.Namespace) -> dict[str, Any]:
    """Train and link as the arguments say; what `main` prints."""
    args.out.mkdir(parents=True, exist_ok=True)
    source, out = made(args.people, args.seed, args.out), args.out / "linked"
    if not args.resume:
        shutil.rmtree(out, ignore_errors=True)
    meter = Meter(out)

    def task(which: str, model: Path | None) -> bulk.Task:
        return bulk.Task(source, out, which, model, args.memory, args.workers, meter.progress)

    model, found = args.model, {}
    if args.train:
        meter.part("train")
        bulk.train(task("duckdb", None), "trained.1", datetime.now(UTC).date())
        meter.ended("files")
        model = out / "model-trained.1.json"
    engines = ("duckdb", "spark") if args.compare else (args.engine,)
    for which in engines:
        meter.part(which)
        found[which] = bulk.run(task(which, model))._asdict()
        meter.ended("files")
        for name in _FILES if args.compare else ():
            (out / f"{name}.parquet").replace(out / f"{name}-{which}.parquet")
    meter.close()
    return {
        "people": args.people, "seed": args.seed, "workers": args.workers, "memory": args.memory,
        "resumed": args.resume,
        "seconds": round(sum(meter.seconds.values()), 1), "cpu": round(sum(meter.cpu.values()), 1),
        "seconds_by_step": meter.seconds, "cpu_by_step": meter.cpu,
        "peak_mb_by_step": {step: size >> 20 for step, size in meter.peak.items()},
        "disk_mb": meter.disk >> 20,
        "found": found,
        **({"rows that differ": _differ(out, engines)} if args.compare else {}),
    }  # fmt: skip


def _differ(out: Path, engines: tuple[str, ...]) -> dict[str, int]:
    """Of each file how many rows one engine has and the other has not."""
    with bulk.needed("duckdb").connect() as connection:
        return {name: _of_one(connection, *(out / f"{name}-{which}.parquet" for which in engines)) for name in _FILES}


def _of_one(connection: Any, one: Path, other: Path) -> int:
    left, right = (f"FROM read_parquet({engine.quoted(path)})" for path in (one, other))
    query = f"SELECT count(*) FROM ((({left}) EXCEPT ALL ({right})) UNION ALL (({right}) EXCEPT ALL ({left})))"
    return int(engine.one(connection, query))


def main(argv: list[str] | None = None, write: Callable[[str], Any] = print) -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="bench.bulk", description=__doc__)
    parser.add_argument("--people", type=int, required=True, help="persons; records are 1.3 times as many")
    parser.add_argument("--seed", type=int, default=901)
    parser.add_argument(
        "--out", type=Path, required=True, help="folder of the CSV and of what is made: 0.4 GB a million"
    )
    parser.add_argument("--train", action="store_true", help="train first, and link with what was trained")
    parser.add_argument("--model", type=Path, help="a model file; without it the one in the wheel")
    parser.add_argument("--engine", choices=("duckdb", "spark"), default="duckdb")
    parser.add_argument("--compare", action="store_true", help="both engines, and in how many rows they differ")
    parser.add_argument("--memory", default="2GB", help="most that the engine holds")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--resume", action="store_true", help="go on where it was interrupted: figures are of the rest")
    write(json.dumps(measured(parser.parse_args(argv)), ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
