"""The table that people read, and the JSON that programs read."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from bench.measure import Line
from bench.stage import Plan


def table(lines: Sequence[Line]) -> Table:
    """The lines as a table for a terminal."""
    shown = Table(title="Yima beside its limits, in one run", title_justify="left", header_style="bold")
    for name in ("what", "per second", "p50 / p99 ms", "CPU us: ours + PG", "limit/s", "ratio", "CPU ratio", "aim"):
        shown.add_column(name, justify="left" if name in ("what", "aim") else "right", overflow="fold")
    for line in lines:
        small = [f"limit: {line.limit.what}" if line.limit else "", line.note]
        cost = line.cost
        shown.add_row(
            "\n".join([f"[bold]{line.name}[/] {line.what}", *(f"[dim]{text}[/]" for text in small if text)]),
            f"{_number(line.rate)} {line.unit}",
            "" if cost.p50 is None else f"{cost.p50:.1f} / {cost.p99:.1f}",
            " + ".join(_number(part) for part in (cost.ours, cost.postgres) if part is not None),
            _number(line.limit.rate if line.limit else None),
            _percent(line.ratio),
            _percent(line.cpu_ratio),
            line.aim,
        )
    return shown


def document(
    lines: Sequence[Line], plan: Plan, began: datetime, seconds: float, load: tuple[float, float]
) -> dict[str, Any]:
    """The lines as JSON, with what is needed to judge them. `load` is the machine's load average before and after."""
    return {
        "began": began.isoformat(timespec="seconds"),
        "seconds": round(seconds, 1),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_before": load[0],
        "load_after": load[1],
        "plan": asdict(plan),
        "lines": [asdict(line) | {"ratio": line.ratio, "cpu_ratio": line.cpu_ratio} for line in lines],
    }


def keep(described: dict[str, Any], path: Path) -> None:
    """Write the JSON; its directory is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(described, option=orjson.OPT_INDENT_2) + b"\n")


def show(lines: Sequence[Line]) -> None:
    """Print the table, wide enough to be read also when it goes into a file."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=150)
    console.print(table(lines))


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"
