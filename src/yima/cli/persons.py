"""`yima mpi`: the person index from the command line, for whoever runs the platform."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from yima import mpi
from yima.access import Access
from yima.cli.running import with_access
from yima.directory import Caller
from yima.runtime import clock, ids
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

Run = Callable[[Path | None, Callable[[Access], Coroutine[Any, Any, Any]]], Any]
"""Runs work with the door open, as `commands` does for every command."""
Person = Annotated[str, typer.Argument(help="Person id, ten characters.")]
Data = Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")]
Reason = Annotated[str, typer.Option(help="Why; it stands with the act and cannot be changed.")]
_CALLER: Final = Caller(kind="system", agent_id="command-line", name_zh="命令行", name_en="Command line")


def person_commands(run: Run) -> typer.Typer:
    """The commands of `yima mpi`."""
    app = typer.Typer(no_args_is_help=True, help="The person index: explain, merge, undo.")

    @app.command("explain")
    def explain(person: Person, other: Person, data: Data = None) -> None:
        """How likely two persons are one, comparison by comparison, in words; written on both persons' logs."""
        pair = _person(person), _person(other, "OTHER")
        found = run(data, lambda access: access.stewards.explain(_CALLER, *pair, clock.now()))
        why = [*found.vetoes, *found.hindrances]
        lines = [*found.zh, *(f"  {mpi.WHY[key][0]}" for key in why), ""]
        typer.echo("\n".join([*lines, *found.en, *(f"  {mpi.WHY[key][1]}" for key in why)]))

    @app.command("merge")
    def merge(person: Person, survivor: Person, reason: Reason, data: Data = None) -> None:
        """PERSON turned out to be SURVIVOR: one record and one active card from now on."""
        pair = _person(person), _person(survivor, "SURVIVOR")
        number = run(data, lambda access: access.stewards.merge(_CALLER, *pair, reason=reason, now=clock.now()))
        typer.echo(f"merged; undo with: yima mpi undo {number}")

    @app.command("split")
    def split(patient: Annotated[str, typer.Argument(help="Patient id.")], reason: Reason, data: Data = None) -> None:
        """A Patient is nobody known: a new person with a card of its own."""
        number, person = run(
            data, lambda access: access.stewards.split(_CALLER, patient, reason=reason, now=clock.now())
        )
        typer.echo(f"person {ids.person_text(person)}; undo with: yima mpi undo {number}")

    @app.command("move")
    def move(
        patient: Annotated[str, typer.Argument(help="Patient id.")], person: Person, reason: Reason, data: Data = None
    ) -> None:
        """A Patient is another person's."""
        who = _person(person)
        number = run(data, lambda access: access.stewards.move(_CALLER, patient, who, reason=reason, now=clock.now()))
        typer.echo(f"moved; undo with: yima mpi undo {number}")

    @app.command("apart")
    def apart(person: Person, other: Person, reason: Reason, data: Data = None) -> None:
        """These two are never one."""
        pair = _person(person), _person(other, "OTHER")
        number = run(data, lambda access: access.stewards.keep_apart(_CALLER, *pair, reason=reason, now=clock.now()))
        typer.echo(f"kept apart; undo with: yima mpi undo {number}")

    _history_commands(app, run)
    _upkeep_commands(app, run)
    return app


def _history_commands(app: typer.Typer, run: Run) -> None:
    """What was done to a person, and undoing it."""

    @app.command("undo")
    def undo(
        number: Annotated[int, typer.Argument(min=1, max=2**62, help="Number of the act.")],
        reason: Reason,
        data: Data = None,
    ) -> None:
        """Undo an act exactly."""
        done = run(data, lambda access: access.stewards.undo(_CALLER, number, reason=reason, now=clock.now()))
        typer.echo(f"undone ({done})")

    @app.command("events")
    def events(person: Person, data: Data = None) -> None:
        """What was done to a person, and on whose word."""
        who = _person(person)
        for one in run(data, lambda access: access.stewards.events(_CALLER, who)):
            other = f" {ids.person_text(one.other)}" if one.other else ""
            undoes = f" undoes {one.undoes}" if one.undoes else ""
            typer.echo(f"{one.number} {one.at:%Y-%m-%d %H:%M} {one.kind}{other}{undoes}, {one.actor} {one.reason}")


def _upkeep_commands(app: typer.Typer, run: Run) -> None:
    """Commands about numbers, models and keys rather than about one person."""

    @app.command("freeze")
    def freeze(
        reason: Reason,
        system: Annotated[str, typer.Option(help="Identifier system of the document.")] = mpi.RESIDENT_NUMBER,
        data: Data = None,
    ) -> None:
        """A document number is in dispute and names nobody from now on. The number is asked for, not shown."""
        value = mpi.number_key(typer.prompt("Number", hide_input=True))
        number = run(
            data, lambda access: access.stewards.freeze(_CALLER, system, value, reason=reason, now=clock.now())
        )
        typer.echo(f"frozen; undo with: yima mpi undo {number}")

    @app.command("move-number")
    def move_number(
        person: Annotated[str, typer.Argument(help="Whose number it is: person id, ten characters.")],
        reason: Reason,
        system: Annotated[str, typer.Option(help="Identifier system of the document.")] = mpi.RESIDENT_NUMBER,
        data: Data = None,
    ) -> None:
        """A document number was first sent for somebody else and is PERSON's. The number is asked for, not shown."""
        to, value = _person(person), mpi.number_key(typer.prompt("Number", hide_input=True))
        act = run(
            data,
            lambda access: access.stewards.move_number(_CALLER, system, value, to, reason=reason, now=clock.now()),
        )
        typer.echo(f"moved; undo with: yima mpi undo {act}")

    @app.command("try-model")
    def try_model(
        model: Annotated[Path, typer.Argument(help="Model file of `yima link train`.")],
        data: Data = None,
        limit: Annotated[int, typer.Option(min=0, help="Most decisions listed.")] = 100,
    ) -> None:
        """What another model would have decided on every registration that was scored. Nothing is changed."""
        tried = run(data, lambda access: access.stewards.try_model(_CALLER, mpi.read_model_file(model)))
        typer.echo(f"{tried.decisions} decisions, {len(tried.flips)} otherwise")
        for change, count in sorted(tried.counts.items()):
            typer.echo(f"  {change}: {count}")
        for flip in tried.flips[:limit]:
            of, other = ids.person_text(flip.person), ids.person_text(flip.candidate)
            typer.echo(f"{of} decision {flip.number}: {flip.before} -> {flip.after} (candidate {other})")

    @app.command("rekey")
    def rekey(data: Data = None) -> None:
        """Give persons registered by an older version their candidate keys; may be stopped and run again."""
        typer.echo(f"{run(data, lambda access: access.stewards.rekey(_CALLER))} persons have new keys")


def _person(text: str, field: str = "PERSON") -> PersonId:
    person = ids.person_from_text(text)
    if person is None:
        raise Refusal("field-invalid", field=field, expected="a person id of ten characters")
    return person


person_app = person_commands(with_access)
