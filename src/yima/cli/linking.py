"""`yima link`: bulk linkage of a population; see docs/linkage.md."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TaskID

from yima import mpi
from yima.cli import applying
from yima.cli.running import with_access
from yima.mpi import bulk
from yima.runtime.civil import civil_day

link_app = typer.Typer(no_args_is_help=True, help="Link or de-duplicate a population (extra `link`).")

Input = Annotated[Path, typer.Option("--input", help="Parquet, or CSV in UTF-8 or GBK.")]
Out = Annotated[Path, typer.Option("--out", help="Folder for the results; a second try goes on where the first ended.")]
Engine = Annotated[str, typer.Option("--engine", help="duckdb or spark.")]
ModelFile = Annotated[Path | None, typer.Option("--model", help="Model file (default: the one of this version).")]
ModelName = Annotated[str, typer.Argument(help="A model file (.json), or the version of one in the wheel.")]
Data = Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")]
Memory = Annotated[str, typer.Option("--memory", help="Most memory of the engine, e.g. 2GB; it spills to --out.")]
Workers = Annotated[int | None, typer.Option("--workers", min=1, help="Processes and threads (default: all cores).")]


@link_app.command("run")
def link_run(
    input_: Input, out: Out, engine: Engine = "duckdb", model: ModelFile = None, memory: Memory = "2GB",
    workers: Workers = None,
) -> None:  # fmt: skip
    """Find the records of one person: writes pairs.parquet, clusters.parquet, issues.parquet and the report."""
    with _bars() as bars:
        found = bulk.run(_task(bars, input_, out, engine, model, memory, workers))
    typer.echo(
        f"{found.records} records, {found.candidates} candidate pairs: {found.automatic} automatic, "
        f"{found.review} to review; {found.clusters} persons with several records; see {out / 'report.md'}"
    )


@link_app.command("train")
def link_train(
    input_: Input,
    out: Out,
    engine: Engine = "duckdb",
    model: ModelFile = None,
    memory: Memory = "2GB",
    workers: Workers = None,
    version: Annotated[str | None, typer.Option(help="Version of the new model (default: the date).")] = None,
) -> None:
    """Train a model on the input and show what it changes; nothing uses it until it is chosen."""
    now = datetime.now(UTC)
    with _bars() as bars:
        task = _task(bars, input_, out, engine, model, memory, workers)
        made = bulk.train(task, version or f"{now:%Y.%m%d.%H%M}", civil_day(now))
    typer.echo(f"{out / f'model-{made.version}.json'}: {made.note} See {out / 'report.md'}")


@link_app.command("apply")
def link_apply(  # noqa: PLR0913, PLR0917  one option each
    input_: Input, out: Out, engine: Engine = "duckdb", model: ModelFile = None, memory: Memory = "2GB",
    workers: Workers = None, data: Data = None,
    platform: Annotated[bool, typer.Option("--platform", help="The input is this platform's own persons.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Change the platform.")] = False,
    reason: Annotated[str, typer.Option(help="Stands with each act.")] = "批量关联 · bulk linkage",
) -> None:  # fmt: skip
    """Link, and write what linking proposes (proposals.parquet). With --platform the input is what `yima link export`
    wrote: also what each proposal would change (changes.csv). Only --yes changes anything."""
    with _bars() as bars:
        count = bulk.apply(_task(bars, input_, out, engine, model, memory, workers))
    typer.echo(f"{count} proposals in {out / 'proposals.parquet'}")
    if not (platform or yes):
        typer.echo("Nothing was changed.")
        return
    with _bars() as bars:
        found = with_access(
            data, lambda access: applying.apply(access, out, yes=yes, reason=reason, progress=_shown(bars))
        )
    for what, number in sorted(found.items()):
        typer.echo(f"  {what}: {number}")
    typer.echo(f"{'Done' if yes else 'Nothing was changed; --yes does this'}: see {out / applying.file_of(yes=yes)}")


@link_app.command("export")
def link_export(
    out: Annotated[Path, typer.Option("--out", help="Parquet; names and numbers in the clear. Delete it afterwards.")],
    data: Data = None,
) -> None:
    """Write the platform's own persons for `yima link`; one line on each person's log."""
    count = with_access(data, lambda access: applying.export(access, out))
    typer.echo(f"{count} persons in {out}: names and numbers in the clear, delete it when you are done")


@link_app.command("explain-model")
def explain_model(
    model: ModelName,
    out: Annotated[Path, typer.Option("--out", help="The page that is written.")],
    against: Annotated[str | None, typer.Option(help="Another model, drawn as outlines.")] = None,
) -> None:
    """A model as one page of bars: what every level of every comparison weighs, with m and u. Needs no network."""
    page = mpi.model_page(_model(model), _model(against) if against else None)
    with bulk.told("--out"):
        out.write_text(page, encoding="utf-8")
    typer.echo(str(out))


@link_app.command("diff")
def link_diff(old: ModelName, new: ModelName) -> None:
    """What differs between two models: bits a level, prior and thresholds."""
    found = mpi.differences(_model(old), _model(new))
    for name, (before, after) in found.items():
        typer.echo(f"{name:<22} {before:>10.3f} -> {after:>10.3f}  {after - before:+.3f}")
    typer.echo(f"{len(found)} differences")


def _model(name: str) -> mpi.Model:
    path = Path(name)
    return mpi.read_model_file(path) if path.suffix == ".json" else mpi.model_named(name)


def _bars() -> Progress:
    return Progress(console=Console(stderr=True), transient=True)


def _shown(bars: Progress) -> Callable[[str, float], None]:
    rows: dict[str, TaskID] = {}

    def progress(step: str, share: float) -> None:
        if step not in rows:
            rows[step] = bars.add_task(step, total=1.0)
        bars.update(rows[step], completed=share)

    return progress


def _task(
    bars: Progress, input_: Path, out: Path, engine: str, model: Path | None, memory: str, workers: int | None
) -> bulk.Task:
    progress = _shown(bars)
    if engine not in ("duckdb", "spark"):
        raise typer.BadParameter("duckdb or spark", param_hint="--engine")
    made = bulk.Task(input_, out, engine, model, memory, progress=progress)
    return made if workers is None else bulk.Task(input_, out, engine, model, memory, workers, progress)
