"""`yima migrate`: the database brought up to date."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from yima.runtime import migrate, postgres, settings

Config = Annotated[Path | None, typer.Option("--config", help="Settings file (TOML).")]
Data = Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")]


def migrate_command(data: Data = None, config: Config = None) -> None:
    """Bring the database up to date and list the steps taken."""
    chosen = settings.load({"data": data, "config": config})
    with postgres.provide(chosen.data, database_url=chosen.database_url) as server:
        steps = asyncio.run(migrate.migrate(server.url()))
    typer.echo("\n".join(steps) or "nothing to do")
