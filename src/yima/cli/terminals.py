"""`yima terminal`: the terminals of an institution and their keys."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from yima import directory
from yima.cli import registering
from yima.cli.running import with_access

terminal_app = typer.Typer(no_args_is_help=True, help="Terminals: list, suspend, resume, keys.")
Data = Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")]


@terminal_app.command("list")
def terminal_list(
    institution: Annotated[str, typer.Argument(help="Code of the institution.")], data: Data = None
) -> None:
    """List an institution's terminals with their keys and when they were last seen."""
    typer.echo("\n".join(with_access(data, lambda access: registering.terminals(access, institution))))


@terminal_app.command("suspend")
def terminal_suspend(terminal: str, data: Data = None) -> None:
    """Suspend a terminal: refused on every worker within a second."""
    with_access(data, lambda access: directory.set_terminal_status(access.database, terminal, "suspended"))
    typer.echo(f"terminal {terminal} is suspended")


@terminal_app.command("resume")
def terminal_resume(terminal: str, data: Data = None) -> None:
    """Make a suspended terminal active again."""
    with_access(data, lambda access: directory.set_terminal_status(access.database, terminal, "active"))
    typer.echo(f"terminal {terminal} is active")


@terminal_app.command("remove-key")
def terminal_remove_key(
    terminal: str,
    kid: Annotated[str, typer.Argument(help="Key id, as `yima terminal list` shows it.")],
    data: Data = None,
) -> None:
    """Take a key from a terminal; its tokens end."""
    with_access(data, lambda access: registering.remove_key(access, terminal, kid))
    typer.echo(f"key {kid} of terminal {terminal} is gone")
