"""`yima load` as it is typed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from yima.access import Access
from yima.cli.bulk.run import Report
from yima.cli.bulk.run import load as load_files
from yima.cli.bulk.worker import tune
from yima.cli.running import with_database

Data = Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")]


def load_command(
    paths: Annotated[
        list[Path],
        typer.Argument(help="NDJSON, Bundles (.json), submissions of `yima synth`; .gz; directories.", exists=True),
    ],
    institution: Annotated[
        str | None, typer.Option(help="Code of the submitting institution, for all but `yima synth`.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Do not send again what the state file says is stored.")
    ] = False,
    processes: Annotated[
        int | None, typer.Option(min=1, max=64, help="Worker processes (default: as the machine and the load allow).")
    ] = None,
    data: Data = None,
) -> None:
    """Load files through the same path as POST /fhir; a repeated load changes nothing. See docs/loading.md."""

    async def work(access: Access, url: str) -> Report:
        tune()
        return await load_files(access, url, paths, institution=institution, resume=resume, processes=processes)

    report = with_database(data, work)
    skipped = f", {report.skipped} skipped" if report.skipped else ""
    typer.echo(
        f"{report.submissions} submissions, {report.resources} resources, {report.refused} refused{skipped}, "
        f"{report.seconds:.1f} s"
    )
    if report.refused:
        for code, count in sorted(report.codes.items()):
            typer.echo(f"  {code}: {count}", err=True)
        typer.echo(f"rejects: {report.rejects}", err=True)
        raise typer.Exit(1)
