"""`yima reindex`: the searchable side of all resources by the present rules, while the platform serves."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from yima.access import Access, ReindexPosition
from yima.cli.running import write_private

_BATCH = 1_000


@dataclass(slots=True)
class Reindexed:
    """What a run did."""

    seen: int = 0
    written: int = 0
    unreadable: int = 0


async def reindex(access: Access, *, resume: bool, batch: int = _BATCH) -> Reindexed:
    """Look at every resource once. The position is kept in `reindex.json` of the data directory until the end."""
    file, done = access.settings.data / "reindex.json", Reindexed()
    position = _read(file) if resume else ReindexPosition()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        task = progress.add_task("reindexing", total=await access.reindexing.total())
        while (made := await access.reindexing.batch(position, batch)).seen:
            position = made.position
            write_private(file, asdict(position))
            done.seen += made.seen
            done.written += made.written
            done.unreadable += len(made.unreadable)
            for name in made.unreadable:
                progress.console.print(f"left as it is: {name}")
            progress.advance(task, made.seen)
    file.unlink(missing_ok=True)
    return done


def _read(file: Path) -> ReindexPosition:
    """Where the last run ended; the beginning when it ended well or never was."""
    try:
        return ReindexPosition(**orjson.loads(file.read_bytes()))
    except (OSError, ValueError, TypeError):
        return ReindexPosition()
