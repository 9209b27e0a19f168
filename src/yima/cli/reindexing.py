"""`yima reindex`: the searchable side of all resources by the present rules, while the platform serves."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import orjson
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from yima.access import Access, ReindexPosition
from yima.cli.running import with_access, write_private

_BATCH = 1_000


@dataclass(slots=True)
class Reindexed:
    """What a run did."""

    seen: int = 0
    written: int = 0
    unreadable: int = 0


def reindex_command(
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the last run was interrupted.")] = False,
    data: Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")] = None,
) -> None:
    """Compute search tokens anew after search parameters changed; online, only rows that differ are written."""
    done = with_access(data, lambda access: reindex(access, resume=resume))
    typer.echo(f"{done.seen} resources, {done.written} written, {done.unreadable} unreadable")
    if done.unreadable:
        raise typer.Exit(1)


async def reindex(
    access: Access, *, resume: bool, batch: int = _BATCH, file: str = "reindex.json", bare: bool = False
) -> Reindexed:
    """Look at every resource once. The position is kept in `file` of the data directory until the end. `bare`: what
    cannot be read loses its tokens."""
    kept, done = access.settings.data / file, Reindexed()
    position = _read(kept) if resume else ReindexPosition()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress:
        task = progress.add_task("reindexing", total=await access.reindexing.total())
        while (made := await access.reindexing.batch(position, batch, bare=bare)).seen:
            position = made.position
            write_private(kept, asdict(position))
            done.seen += made.seen
            done.written += made.written
            done.unreadable += len(made.unreadable)
            for name in made.unreadable:
                progress.console.print(f"{'not found by searches any more' if bare else 'left as it is'}: {name}")
            progress.advance(task, made.seen)
    kept.unlink(missing_ok=True)
    return done


def _read(file: Path) -> ReindexPosition:
    """Where the last run ended; the beginning when it ended well or never was."""
    try:
        return ReindexPosition(**orjson.loads(file.read_bytes()))
    except (OSError, ValueError, TypeError):
        return ReindexPosition()
