"""The commands of `yima population`."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from yima.access import Access, Figures
from yima.cli.bulk import tune
from yima.cli.population.run import Options, Report, load
from yima.cli.running import with_database
from yima.directory import Caller
from yima.runtime import clock, ids
from yima.runtime.errors import Refusal

Run = Callable[[Path | None, Callable[[Access, str], Coroutine[Any, Any, Any]]], Any]
"""Runs work with the door open and the database's address, as `running.with_database` does."""
Data = Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")]
_CALLER: Final = Caller(kind="system", agent_id="command-line", name_zh="命令行", name_en="Command line")
_NUMBERS: Final = ("persons", "no_card", "no_record", "neither")


def population_commands(run: Run) -> typer.Typer:
    """The commands of `yima population`."""
    app = typer.Typer(no_args_is_help=True, help="The population register: load a base, count coverage.")
    _load_command(app, run)
    _reading_commands(app, run)
    return app


def _load_command(app: typer.Typer, run: Run) -> None:
    @app.command("load")
    def load_command(
        paths: Annotated[list[Path], typer.Argument(help="CSV or TSV, also .gz.", exists=True, dir_okay=False)],
        columns: Annotated[
            list[str] | None, typer.Option("--map", help="FIELD=COLUMN for a header that is not understood by itself.")
        ] = None,
        institution: Annotated[str, typer.Option(help="Code of the institution whose base it is.")] = "POPULATION",
        resume: Annotated[bool, typer.Option("--resume", help="Leave out what the state file says is stored.")] = False,
        processes: Annotated[int | None, typer.Option(min=1, max=64, help="Worker processes.")] = None,
        issue_cards: Annotated[
            bool, typer.Option("--issue-cards", help="Make a card in advance for everybody living who has none.")
        ] = False,
        data: Data = None,
    ) -> None:
        """Bring the rows of a population base to their persons. See docs/population.md."""
        options = Options(
            columns=_given(columns or []), institution=institution, resume=resume, processes=processes,
            issue_cards=issue_cards,
        )  # fmt: skip

        async def work(access: Access, url: str) -> Report:
            tune()
            return await load(access, url, paths, options)

        _say(run(data, work))


def _reading_commands(app: typer.Typer, run: Run) -> None:
    @app.command("count")
    def count(data: Data = None) -> None:
        """Count coverage anew; the operator's page and `coverage` show the last count."""
        total = run(data, lambda access, _: access.population.count(_CALLER, clock.now()))
        typer.echo(f"{total} residents counted")

    @app.command("coverage")
    def coverage(
        area: Annotated[str, typer.Option(help="GB/T 2260: province (2 digits), city (4), county (6).")] = "",
        form: Annotated[str, typer.Option("--format", help="json or csv.")] = "json",
        data: Data = None,
    ) -> None:
        """Who has no card and no record, by area, age and sex; small numbers are left out."""
        if form not in ("json", "csv"):
            raise Refusal("field-invalid", field="--format", expected="json or csv")
        figures = run(data, lambda access, _: access.population.coverage(_CALLER, area))
        typer.echo(orjson.dumps(figures, option=orjson.OPT_INDENT_2).decode() if form == "json" else _csv(figures))

    @app.command("person")
    def person(who: Annotated[str, typer.Argument(help="Person id, ten characters.")], data: Data = None) -> None:
        """Households and changes of a person; the look is on the person's log."""
        found = ids.person_from_text(who)
        if found is None:
            raise Refusal("field-invalid", field="WHO", expected="a person id of ten characters")
        homes, changes = run(data, lambda access, _: access.population.of_person(_CALLER, found, clock.now()))
        for home in homes:
            household = f"{home.household & (1 << 64) - 1:016x}"
            span = f"{home.since or '?'} to {home.until or 'now'}"
            typer.echo(f"household {household}: {ids.person_text(home.person)} {home.relation or '-'}, {span}")
        for change in changes:
            typer.echo(
                f"{change.happened}{'' if change.dated else ' (loaded)'} {change.kind}, source {change.institution}"
            )


def _given(pairs: list[str]) -> dict[str, str]:
    """`--map FIELD=COLUMN`. Refusal `field-invalid`."""
    if not all("=" in pair for pair in pairs):
        raise Refusal("field-invalid", field="--map", expected="FIELD=COLUMN")
    return {field.strip(): column.strip() for field, _, column in (pair.partition("=") for pair in pairs)}


def _say(report: Report) -> None:
    fates = ", ".join(f"{report.fates[name]} {name}" for name in ("new", "found", "review", "unchanged")
                      if report.fates.get(name))  # fmt: skip
    skipped = f", {report.skipped} skipped" if report.skipped else ""
    typer.echo(
        f"{report.rows} rows: {fates or 'nothing'}, {report.refused} refused{skipped}; {report.cards} cards made in "
        f"advance; {report.seconds:.1f} s"
    )
    if report.refused:
        for code, count in sorted(report.codes.items()):
            typer.echo(f"  {code}: {count}", err=True)
        typer.echo(f"rejects: {report.rejects}", err=True)
        raise typer.Exit(1)


def _csv(figures: Figures) -> str:
    """A line a group: by area, age band, sex. A cell is empty where the number is too small to be shown."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(("by", "key", *_NUMBERS))
    groups = {"total": (figures.total,), "area": figures.by_area, "age": figures.by_age, "sex": figures.by_sex}
    for name, group in groups.items():
        rows.writerows((name, one.key, *(getattr(one, number) for number in _NUMBERS)) for one in group)
    return out.getvalue().rstrip("\n")


population_app = population_commands(with_database)
