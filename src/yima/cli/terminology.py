"""`yima terminology`: code systems, value sets and maps from files; see docs/terminology.md."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, Protocol, TypeVar

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from yima.access import Access
from yima.cli.running import with_access
from yima.runtime import clock
from yima.runtime.errors import Refusal
from yima.terminology import Columns, Loaded, Loading, Table, Terminology, read_file

T = TypeVar("T")
Data = Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")]
_REJECTS: Final = "terminology-rejects.ndjson"


class Run(Protocol):
    """Runs work with the door open: `yima.cli.running.with_access`."""

    def __call__(self, data: Path | None, work: Callable[[Access], Coroutine[Any, Any, T]]) -> T:
        """Open, work, close."""
        ...


@dataclass(slots=True)
class Report:
    """What a run did."""

    loaded: list[Loaded] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    """Files that could not be loaded at all."""
    rejects: int = 0
    path: Path | None = None
    """Where the rejected rows stand, with their reasons."""


def terminology_commands(run: Run) -> typer.Typer:
    """The commands below `yima terminology`."""
    app = typer.Typer(no_args_is_help=True, help="Code systems, value sets and maps: load, list, remove.")

    @app.command("load")
    def load(  # noqa: PLR0913, PLR0917  one option a column, each said by its name
        files: Annotated[
            list[Path],
            typer.Argument(help="FHIR JSON (.json) or tables of codes (.csv, .tsv, .txt); .gz.", exists=True),
        ],
        system: Annotated[str, typer.Option(help="Tables: address of the code system, e.g. http://loinc.org.")] = "",
        version: Annotated[str, typer.Option(help="Tables: its version.")] = "",
        name: Annotated[str, typer.Option(help="Tables: its name (default: the file's).")] = "",
        code: Annotated[str, typer.Option(help="Tables: column with the codes (default: told from the head).")] = "",
        display: Annotated[str, typer.Option(help="Tables: column with their names.")] = "",
        parent: Annotated[str, typer.Option(help="Tables: column with the code above; several with commas.")] = "",
        definition: Annotated[str, typer.Option(help="Tables: column with definitions.")] = "",
        status: Annotated[str, typer.Option(help="Tables: column that says what is not in use any more.")] = "",
        designation: Annotated[
            list[str] | None, typer.Option(help="Tables: further names, COLUMN=LANGUAGE, e.g. ENGLISH=en.")
        ] = None,
        property_: Annotated[list[str] | None, typer.Option("--property", help="Tables: a column to keep.")] = None,
        nested: Annotated[
            bool, typer.Option("--nested", help="Tables: a code lies under the longest one it begins with (ICD-10).")
        ] = False,
        data: Data = None,
    ) -> None:
        """Load files, each in one transaction. The same address and version again replaces what was there."""
        if bool(code) is not bool(display):
            raise Refusal("field-missing", field="--display" if code else "--code", expected="both columns, or neither")
        columns = Columns(
            code, display, parent, definition, status, _languages(designation or ()), tuple(property_ or ()), nested
        )
        table = Table(system, version, name, columns if code else None, nested=nested)
        report = run(data, lambda access: load_files(access, files, table))
        _tell(report)

    @app.command("list")
    def list_(data: Data = None) -> None:
        """List what was loaded; what R4 itself brings is always there."""
        rows = run(data, lambda access: Terminology(access.database).loaded())
        for row in rows:
            concepts = f", {row.concepts} concepts" if row.type == "CodeSystem" else ""
            typer.echo(
                f"{row.type} {row.url}{'|' if row.version else ''}{row.version}{concepts}, {row.loaded:%Y-%m-%d}"
            )
        if not rows:
            typer.echo("nothing was loaded")

    @app.command("remove")
    def remove(
        url: Annotated[str, typer.Argument(help="Address, as `yima terminology list` shows it.")],
        version: Annotated[str, typer.Option(help="Only this version.")] = "",
        data: Data = None,
    ) -> None:
        """Take out what was loaded under an address."""
        count = run(data, lambda access: Terminology(access.database).unload(url, version))
        typer.echo(f"{count} removed")

    return app


def _languages(pairs: Sequence[str]) -> dict[str, str]:
    found = dict(pair.rpartition("=")[::2] for pair in pairs)
    if not all(found) or not all(found.values()):
        raise Refusal("field-invalid", field="--designation", expected="COLUMN=LANGUAGE")
    return found


def _tell(report: Report) -> None:
    for one in report.loaded:
        concepts = f", {one.concepts} concepts" if one.type == "CodeSystem" else ""
        typer.echo(f"{one.type} {one.url}{'|' if one.version else ''}{one.version}{concepts}")
    if report.rejects:
        typer.echo(f"{report.rejects} rows rejected: {report.path}", err=True)
    for refusal in report.refused:
        typer.echo(f"{refusal.code}: {refusal.text('en')}", err=True)
    if report.refused or report.rejects:
        raise typer.Exit(1)


async def load_files(access: Access, files: Sequence[Path], table: Table) -> Report:
    """Load each file; one that cannot be read stops no other. Rejected rows go to a file of the data directory."""
    terminology, report = Terminology(access.database), Report()
    rejects = access.settings.data / _REJECTS
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns) as progress, rejects.open("w", encoding="utf-8") as out:
        for path in files:
            task = progress.add_task(path.name, total=None)
            try:
                found = read_file(path.name, _content(path), table)
            except Refusal as refusal:
                report.refused.append(refusal)
                continue
            progress.update(task, total=sum(len(one.concepts) for one in found))
            for one in found:
                report.rejects += _write(out, path, one)
                report.loaded.append(await terminology.load(one, clock.now(), partial(progress.advance, task)))
    if report.rejects:
        report.path = rejects
    else:
        rejects.unlink()
    return report


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    if path.suffix != ".gz":
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise Refusal("terminology-file-invalid", field=path.name, reason="its gzip stream is damaged") from error


def _write(out: Any, path: Path, one: Loading) -> int:
    for reject in one.rejects:
        out.write(json.dumps({"file": path.name, "place": reject.place, "reason": reject.reason}, ensure_ascii=False))
        out.write("\n")
    return len(one.rejects)


terminology_app = terminology_commands(with_access)
