"""`yima keys`: what is sealed by which master key, what is hashed by which key; sealing, rotation, destruction."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from yima import exchange
from yima.access import SPREAD, Access
from yima.cli.reindexing import reindex
from yima.cli.running import with_access
from yima.runtime.errors import Refusal

key_commands = typer.Typer(no_args_is_help=True, help="Keys at rest: sealing, rotation, destruction of old ones.")
Data = Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")]
_STEP = 500
_ROUNDS = 20
"""How often what somebody held is tried again."""


@key_commands.command("status")
def status(data: Data = None) -> None:
    """Which master keys and hash keys are held, how much is still readable, and how much is under an older hash key."""

    async def work(access: Access) -> str:
        persons, rows, lives, typed = await access.keeping.readable()
        masters, turning = access.keeping.masters, access.turning
        unsealed = f"{persons} persons, {rows} rows of records, {lives} of the population register, {typed} typed words"
        lines = [f"master keys {_listed(masters)}; not sealed yet: {unsealed}"]
        if not turning.written:
            lines.append("hashes of before there were keys that change: they stay under the key they have")
            return "\n".join(lines)
        lines.append(
            f"hash keys {_listed(turning.held)}; written: {turning.written}, asked for: {_listed(turning.asked)}"
        )
        for turn in turning.turns:
            left = +(Counter(await turning.unturned(turn)) + Counter(await exchange.unturned_receipts(access, turn)))
            rows_left = ", ".join(f"{table} {count}" for table, count in left.items()) or "nothing but search tokens"
            lines.append(
                f"still under hash key {turn.old.number}: {rows_left}; finish with `yima keys rotate-index --resume`"
            )
        return "\n".join(lines)

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


@key_commands.command("rotate-index")
def rotate_index(
    resume: Annotated[bool, typer.Option("--resume", help="Make no new key: finish what was interrupted.")] = False,
    data: Data = None,
) -> None:
    """Make a new hash key; numbers, phones, candidate keys and search tokens go over to it. Online; afterwards back up
    the key file."""

    async def work(access: Access) -> int:
        under_way = len(access.turning.asked) > 1
        if under_way != resume:
            said = "a rotation is under way: --resume" if under_way else "there is none to resume"
            raise Refusal("field-invalid", field="--resume", expected=said)
        await turned(access, resume=resume)
        return access.turning.written

    typer.echo(f"everything is hashed by hash key {with_access(data, work)}; back up the key file now")


@key_commands.command("forget-index")
def forget_index(
    number: Annotated[int, typer.Argument(help="Number of an older hash key.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this nothing is changed.")] = False,
    data: Data = None,
) -> None:
    """Destroy an older hash key: nobody is found any more in backups from before the rotation."""
    if not yes:
        typer.echo("nothing was changed; say --yes to make backups from before the rotation unusable", err=True)
        raise typer.Exit(1)
    with_access(data, lambda access: access.turning.forget(number, partial(exchange.unturned_receipts, access)))
    status(data)


async def turned(access: Access, *, resume: bool, spread: float = SPREAD, step: int = _STEP) -> None:
    """Carry out a rotation of the hash key, or go on with one."""
    turning, more = access.turning, partial(exchange.unturned_receipts, access)
    turns = await turning.begin(spread)
    for turn in turns:
        for _ in range(_ROUNDS):
            await _shown("hashes", turning.turn(turn, step), None)
            await _shown("receipts", exchange.turn_receipts(access, turn, step), None)
            if not any((await turning.unturned(turn) | await more(turn)).values()):
                break
    await reindex(access, resume=resume, batch=step, file=f"turning-{turning.written}.json", bare=True)
    await turning.settle(turns, more, spread)


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))


async def _rewrapped(access: Access) -> None:
    await _shown("rewrapping", access.keeping.rewrap(_STEP), None)
    await _shown("answers", exchange.reseal_answers(access, _STEP), None)
    await exchange.rewrap_exports(access)


async def _shown(what: str, steps: AsyncIterator[int] | AsyncIterator[None], total: int | None) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns) as progress:
        task = progress.add_task(what, total=total)
        async for step in steps:
            progress.advance(task, 1 if step is None else step)
