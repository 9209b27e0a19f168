"""`yima sandbox`: what an operator does to test tenants."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from yima import directory, exchange
from yima.access import Access
from yima.cli.running import with_access
from yima.runtime import clock
from yima.runtime.errors import Refusal

sandbox_app = typer.Typer(no_args_is_help=True, help="Test tenants: clear.")


@sandbox_app.command("clear")
def clear(
    institution: Annotated[str, typer.Option(help="Code of the institution; all its apps have matching off.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this nothing is changed.")] = False,
    data: Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")] = None,
) -> None:
    """Remove all that a sandbox wrote: resources, versions, chosen ids, receipts. It cannot be undone."""
    if not yes:
        typer.echo("nothing was changed; say --yes to remove everything this sandbox wrote", err=True)
        raise typer.Exit(1)

    async def work(access: Access) -> int:
        place = await directory.institution_by_code(access.database, institution)
        if place is None:
            raise Refusal("field-invalid", field="--institution", expected="the code of an institution")
        total = await access.clearing.clear(
            place.institution_id, clock.now(), told=lambda n: typer.echo(f"{n} resources", err=True)
        )
        await exchange.forget(access, place.institution_id)
        return total

    typer.echo(f"{with_access(data, work)} resources of {institution} are gone")
