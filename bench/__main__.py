"""`./dev bench`: start everything, measure, print the table, keep the JSON. Exit status 1 when anything failed."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import uvloop

from bench import profiling, report
from bench.cases import CASES
from bench.cases.growth import growth
from bench.measure import BenchError, Line
from bench.stage import Plan, database, stage
from yima.runtime import logs
from yima.runtime.errors import Refusal
from yima.runtime.postgres import Postgres

_RESULTS: Final = Path(__file__).parent / "results"
_QUICK: Final = Plan(
    residents=4, seconds=1.0, scans=3_000, sustained=1.0, lines=2_000, sealed=2_000, status_lists=4, synthea=False
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the arguments say; the exit status."""
    said = _arguments(arguments)
    logs.configure("console", "error")
    # SIGTERM must unwind as Ctrl-C does, so that PostgreSQL and the servers are stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    plan = replace(_QUICK if said.quick else Plan(), workers=said.workers, log_level=said.log_level)
    if said.long:
        plan = replace(plan, sustained=60.0, sealed=1_000_000)
    began, clock, load = datetime.now(UTC), time.perf_counter(), os.getloadavg()[0]
    try:
        with database(said.folder) as server:
            if said.profile:
                print(uvloop.run(profiling.profile(plan, server, said.profile)))
                return 0
            if said.growth:
                lines = asyncio.run(growth(plan, server, said.growth))
            else:
                lines = asyncio.run(measured(plan, server, said.only or list(CASES)))
    except (BenchError, Refusal) as error:
        print(f"bench failed: {error}", file=sys.stderr)
        return 1
    path = said.json or _RESULTS / f"{began:%Y%m%dT%H%M%S}.json"
    seconds = time.perf_counter() - clock
    report.keep(report.document(lines, plan, began, seconds, (load, os.getloadavg()[0])), path)
    report.show(lines)
    print(f"{seconds:.0f} s, load average {load:.1f} before; zero errors; {path}")
    return 0


async def measured(plan: Plan, server: Postgres, names: Sequence[str]) -> list[Line]:
    """The lines of the named cases, in that order."""
    lines: list[Line] = []
    async with stage(plan, server) as prepared:
        for name in names:
            print(f"measuring {name}", file=sys.stderr, flush=True)
            lines += await CASES[name](prepared)
    return lines


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="./dev bench", description="Measure Yima beside its limits, on this machine only."
    )
    parser.add_argument(
        "--only",
        action="append",
        choices=sorted(CASES),
        metavar="NAME",
        help=f"one of {', '.join(CASES)}; may be repeated",
    )
    parser.add_argument(
        "--quick", action="store_true", help="tiny counts: shows that everything runs, measures nothing"
    )
    parser.add_argument(
        "--long", action="store_true", help="verify for 60 seconds on end instead of 10, and a million lines of the log"
    )
    parser.add_argument("--workers", type=int, choices=(1, 2, 3, 4), default=1, help="server processes (default 1)")
    parser.add_argument(
        "--log-level", choices=("info", "warning"), default="info", help="of the server; info logs every request"
    )
    parser.add_argument("--json", type=Path, metavar="PATH", help="where to write the JSON (default bench/results/)")
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", help="where to put the database (default the temporary directory)"
    )
    parser.add_argument(
        "--growth",
        action="append",
        type=int,
        metavar="RESIDENTS",
        help="instead: the same figures among so many residents; may be repeated. A million takes 15 GB in --folder",
    )
    parser.add_argument(
        "--profile", choices=sorted(profiling.PROFILED), help="instead: where the CPU time of one kind of request goes"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
