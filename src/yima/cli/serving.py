"""`yima serve`: the platform with the settings of a file and the environment."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from yima.cli import running
from yima.runtime import logs, migrate, postgres, settings
from yima.server import serve as serve_until_stopped

Config = Annotated[Path | None, typer.Option("--config", help="Settings file (TOML).")]
Data = Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")]
Port = Annotated[int | None, typer.Option("--port", help="TCP port (default 8420).")]


def serve_command(port: Port = None, data: Data = None, config: Config = None) -> None:
    """Serve with the settings of yima.toml and the environment."""
    chosen = settings.load({"port": port, "data": data, "config": config})
    logs.configure(chosen.log_format, chosen.log_level)
    with postgres.provide(chosen.data, database_url=chosen.database_url) as server:
        asyncio.run(migrate.migrate(server.url()))
        with running.said_to_run(chosen, server.url()):
            serve_until_stopped(chosen, server.url(), ready=lambda: print(f"ready {chosen.public_url}", flush=True))  # noqa: T201  the line that scripts wait for
