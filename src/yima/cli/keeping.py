"""`yima keys`: what is sealed and by which master key; sealing, rotation, destruction of an old key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from yima import exchange
from yima.access import Access
from yima.cli.running import with_access
from yima.runtime.errors import Refusal

key_commands = typer.Typer(no_args_is_help=True, help="Keys at rest: status, seal, rotate, forget.")
Data = Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")]
_STEP = 500


@key_commands.command("status")
def status(data: Data = None) -> None:
    """Which master keys are held, and how much is still readable."""

    async def work(access: Access) -> str:
        persons, rows = await access.keeping.readable()
        held = ", ".join(map(str, access.keeping.masters))
        return f"master keys {held}; not sealed yet: {persons} persons, {rows} rows of records"

    typer.echo(with_access(data, work))


@key_commands.command("seal")
def seal(data: Data = None) -> None:
    """Seal what was stored before content was sealed. Online; it may be stopped and begun again."""

    async def work(access: Access) -> None:
        total = sum(await access.keeping.readable())
        await _shown("sealing", access.keeping.seal(_STEP), total)
        await _shown("answers", exchange.reseal_answers(access, _STEP), None)

    with_access(data, work)
    status(data)


@key_commands.command("rotate")
def rotate(
    resume: Annotated[bool, typer.Option("--resume", help="Make no new key: finish what was interrupted.")] = False,
    data: Data = None,
) -> None:
    """Make a new master key, and wrap every data key by it. Online; afterwards back up the key file."""

    async def work(access: Access) -> int:
        number = access.keeping.masters[-1] if resume else access.keeping.rotate()
        await _rewrapped(access)
        return number

    typer.echo(f"everything is wrapped by master key {with_access(data, work)}; back up the key file now")


@key_commands.command("forget")
def forget(
    number: Annotated[int, typer.Argument(help="Number of an older master key.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this nothing is changed.")] = False,
    data: Data = None,
) -> None:
    """Destroy an older master key: backups from before the rotation open no more, with no other copy of it."""
    if not yes:
        typer.echo("nothing was changed; say --yes to make backups from before the rotation unreadable", err=True)
        raise typer.Exit(1)

    async def work(access: Access) -> None:
        if number not in access.keeping.masters[:-1]:
            raise Refusal("field-invalid", field="number", expected="an older master key that is held")
        await _rewrapped(access)  # whatever a worker wrapped at the last moment
        access.keeping.forget(number)

    with_access(data, work)
    status(data)


async def _rewrapped(access: Access) -> None:
    await _shown("rewrapping", access.keeping.rewrap(_STEP), None)
    await _shown("answers", exchange.reseal_answers(access, _STEP), None)


async def _shown(what: str, steps: AsyncIterator[int] | AsyncIterator[None], total: int | None) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns) as progress:
        task = progress.add_task(what, total=total)
        async for step in steps:
            progress.advance(task, 1 if step is None else step)
