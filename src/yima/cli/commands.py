"""All commands by name. Only the module of the command that runs is imported; the others are listed by their help.

A refusal ends with its code, its words and exit status 1.
"""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from typing import Any, Final, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from yima.runtime.errors import Refusal

COMMANDS: Final = {
    "verify-offline": (
        "codes:verify_offline",
        "Judge an offline credential. With --trust it needs no database and no network; exit status 0 means valid.",
    ),
    "witness": (
        "witness:witness",
        "Watch a log from outside: keep its signed heads, check that each grows out of the last, sign them too.",
    ),
    "demo": ("demo:demo_command", "Start the whole platform with a synthetic city, on this machine only."),
    "serve": ("serving:serve_command", "Serve with the settings of yima.toml and the environment."),
    "migrate": ("migrating:migrate_command", "Bring the database up to date and list the steps taken."),
    "synth": (
        "city:synth_command",
        "Write a synthetic city: institutions, residents and their submissions, as files.",
    ),
    "load": (
        "bulk:load_command",
        "Load files through the same path as POST /fhir; a repeated load changes nothing. See docs/loading.md.",
    ),
    "reindex": (
        "reindexing:reindex_command",
        "Compute search tokens anew after search parameters changed; online, only rows that differ are written.",
    ),
    "code": ("codes:code_app", "Show or verify a health code."),
    "keys": ("keeping:key_commands", "Keys at rest: sealing, rotation, destruction of old ones."),
    "link": ("linking:link_app", "Link or de-duplicate a population (extra `link`)."),
    "register": ("register:register_app", "Put institutions, terminals and apps on the register."),
    "sandbox": ("clearing:sandbox_app", "Test tenants: clear."),
    "terminal": ("terminals:terminal_app", "Terminals: list, suspend, resume, keys."),
    "trust": ("trust:trust_app", "The keys that sign offline credentials."),
    "card": ("cards:card_app", "The life of a card: lost, reissued, cancelled, made in advance."),
    "mpi": ("persons:person_app", "The person index: explain, merge, undo."),
    "population": ("population:population_app", "The population register: load a base, count coverage."),
    "terminology": ("terminology:terminology_app", "Code systems, value sets and maps: load, list, remove."),
    "profiles": ("profiles:profile_app", "Profiles of FHIR packages, for $validate: load, list."),
    "audit": ("auditing:audit_app", "The log that cannot lie: heads, proofs, verification."),
    "privacy": ("privacy:privacy_app", "The watch over who looks: marks, staff, and watching now."),
    "staff": ("people:staff_app", "Staff of institutions, and their sign-in."),
    "operator": ("people:operator_app", "People of the operator, and their sign-in."),
    "sign-in": ("providers:sign_in_app", "Ways of signing in."),
}
"""Where each is, as "module:attribute" of this room, and the first words of its help as its module says them."""


class Commands(TyperGroup):
    """The commands as the table lists them, and the one that runs as its module declares it."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, (_, said) in COMMANDS.items():
            self.add_command(TyperCommand(name, help=said))

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """The command that is meant, from its module, and what is left of the arguments."""
        name, _, rest = super().resolve_command(ctx, args)
        return name, name and declared(name), rest


def declared(name: str) -> Any:
    """A command, or a group of them, as its module declares it; imports the module."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    found = getattr(import_module(f"yima.cli.{module}"), attribute)
    if isinstance(found, typer.Typer):
        return typer.main.get_group(found)
    alone = typer.Typer(add_completion=False)
    alone.command(name)(found)
    return typer.main.get_command(alone)


app = typer.Typer(
    cls=Commands,
    callback=lambda: None,  # what makes it a group, for typer
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Yima 一码: one code, one record.",
)


def main() -> None:
    """Entry point: run a command; refusals become one readable message."""
    # SIGTERM must unwind as Ctrl-C does, so that the embedded PostgreSQL is stopped cleanly.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        app()
    except Refusal as refusal:
        _fail(refusal)


def _fail(refusal: Refusal) -> NoReturn:
    from rich.console import Console  # noqa: PLC0415  0.1 s that only a refused command should pay

    err = Console(stderr=True)
    for one in (refusal, *refusal.also):
        err.print(f"[bold red]{one.code}[/]: {one.text('en')} {one.mend('en')}\n  {one.text('zh')}{one.mend('zh')}")
    raise SystemExit(1)
