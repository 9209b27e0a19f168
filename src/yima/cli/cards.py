"""`yima card`: the life of a card from the command line, for whoever runs the platform."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from yima.access import Access
from yima.cli.running import with_access
from yima.directory import Caller
from yima.healthcode import Card, Event
from yima.runtime import clock, ids
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

Run = Callable[[Path | None, Callable[[Access], Coroutine[Any, Any, Any]]], Any]
"""Runs work with the door open, as `commands` does for every command."""
Person = Annotated[str, typer.Argument(help="Person id, as in demo.json.")]
Data = Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")]
Reason = Annotated[str, typer.Option(help="Why; it stands in the card's history.")]
_CALLER: Final = Caller(kind="system", agent_id="command-line", name_zh="命令行", name_en="Command line")
_BATCH: Final = 500
_EVENTS: Final[tuple[tuple[str, Event, str], ...]] = (
    ("lost", "report-lost", "Report the card lost: its codes are refused from now on."),
    ("found", "report-found", "Take a report of loss back; codes kept on phones before stay dead."),
    ("reissue", "reissue", "A new card with a new number in its place; the old print is dead at once."),
    ("cancel", "cancel", "Cancel the card."),
    ("restore", "restore", "Give a cancelled card back."),
    ("activate", "activate", "Activate a card that was applied for or made in advance."),
)


def card_commands(run: Run) -> typer.Typer:
    """The commands of `yima card`."""
    app = typer.Typer(no_args_is_help=True, help="The life of a card: lost, reissued, cancelled, made in advance.")

    @app.command("status")
    def status(person: Person, data: Data = None) -> None:
        """How a card stands, and what happened to it."""
        typer.echo(run(data, lambda access: _status(access, _person(person))))

    @app.command("pre-issue")
    def pre_issue(
        file: Annotated[Path, typer.Argument(help="One person id a line.", exists=True, dir_okay=False)],
        data: Data = None,
    ) -> None:
        """Make cards in advance for many persons; who has a card keeps it."""
        persons = list(_lines(file))
        made = run(data, lambda access: _pre_issue(access, persons))
        typer.echo(f"{made} cards made in advance, {len(persons) - made} persons left as they are")

    @app.command("verify")
    def verify(data: Data = None) -> None:
        """Check every card against its history, its suspension and the holder's log. Ends with 0 only if all agree."""
        found = run(data, lambda access: access.privacy.verify_cards(clock.now()))
        for one in found:
            typer.echo(f"{one.kind}: {ids.person_text(one.person)}")
        if found:
            raise Refusal("cards-changed", count=len(found))
        typer.echo("good: every card is as its history says")

    for name, event, about in _EVENTS:
        app.command(name, help=about)(_changing(run, event))
    return app


def _changing(run: Run, event: Event) -> Callable[..., None]:
    def command(person: Person, reason: Reason = "", data: Data = None) -> None:
        who = _person(person)
        card = run(data, lambda access: access.cards.change(_CALLER, who, event, now=clock.now(), reason=reason))
        typer.echo(_line(card))

    return command


def _line(card: Card) -> str:
    return f"{card.status} {card.kind} {card.shown_number} generation {card.generation}"


async def _status(access: Access, person: PersonId) -> str:
    found = await access.cards.standing(_CALLER, person, clock.now())
    lines = [_line(found.card), f"{found.card.issued:%Y-%m-%d %H:%M} issued"]
    if found.suspension:
        lines.append(f"suspended until {found.suspension.ends:%Y-%m-%d %H:%M}: {found.suspension.legal_basis}")
    lines += [
        f"{line.at:%Y-%m-%d %H:%M} {line.event}: {line.was} -> {line.became}, {line.actor} {line.reason}".rstrip()
        for line in found.history
    ]
    return "\n".join(lines)


async def _pre_issue(access: Access, persons: list[PersonId]) -> int:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TimeRemainingColumn(), transient=True) as progress:
        task, made = progress.add_task("making cards", total=len(persons)), 0
        for first in range(0, len(persons), _BATCH):
            batch = persons[first : first + _BATCH]
            made += await access.cards.pre_issue(_CALLER, batch, clock.now())
            progress.advance(task, len(batch))
            await asyncio.sleep(0)
    return made


def _lines(file: Path) -> Iterator[PersonId]:
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
        if text := line.strip():
            yield _person(text, f"line {number}")


def _person(text: str, field: str = "PERSON") -> PersonId:
    person = ids.person_from_text(text)
    if person is None:
        raise Refusal("field-invalid", field=field, expected="a person id of ten characters")
    return person


card_app = card_commands(with_access)
