"""CPU time of processes, from /proc (Linux): user and system, with everything they started."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")


def seconds(roots: Sequence[int]) -> list[float]:
    """CPU seconds of each process tree, ended children included. A process that is gone counts nothing."""
    parents, own = _processes()
    children: dict[int, list[int]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    return [_tree(root, children, own) for root in roots]


def _tree(root: int, children: dict[int, list[int]], own: dict[int, float]) -> float:
    total, waiting = 0.0, [root]
    while waiting:
        pid = waiting.pop()
        total += own.get(pid, 0.0)
        waiting += children.get(pid, [])
    return total


def _processes() -> tuple[dict[int, int], dict[int, float]]:
    """Of every process its parent, and its CPU seconds with those of children it has waited for (proc(5), stat)."""
    parents, own = {}, {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            # The name in brackets may hold blanks and brackets itself: fields are counted behind the last one.
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue  # ended meanwhile
        pid = int(entry.name)
        parents[pid] = int(fields[1])
        own[pid] = sum(int(field) for field in fields[11:15]) / _TICKS
    return parents, own
