"""`yima profiles`: profiles from FHIR packages; see docs/validation.md."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar

import typer

from yima.access import Access
from yima.cli.running import with_access
from yima.packages import Package, Packages, read_package
from yima.runtime import clock
from yima.runtime.errors import Refusal
from yima.terminology import Table, Terminology, read_file

T = TypeVar("T")
Data = Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")]


class Run(Protocol):
    """Runs work with the door open: `yima.cli.running.with_access`."""

    def __call__(self, data: Path | None, work: Callable[[Access], Coroutine[Any, Any, T]]) -> T:
        """Open, work, close."""
        ...


def profile_commands(run: Run) -> typer.Typer:
    """The commands below `yima profiles`."""
    app = typer.Typer(no_args_is_help=True, help="Profiles of FHIR packages, for $validate: load, list.")

    @app.command("load")
    def load(
        files: Annotated[list[Path], typer.Argument(help="FHIR packages (.tgz, as NPM packs them).", exists=True)],
        data: Data = None,
    ) -> None:
        """Load the profiles, value sets and code systems of packages; load the packages they depend on as well."""
        run(data, lambda access: load_packages(access, files))

    @app.command("list")
    def listed(data: Data = None) -> None:
        """The packages that are loaded, with the number of their profiles."""

        async def show(access: Access) -> None:
            for each in await Packages(access.database).listed():
                typer.echo(f"{each.name} {each.version}  {each.definitions} profiles  {each.loaded:%Y-%m-%d %H:%M}")

        run(data, show)

    return app


async def load_packages(access: Access, files: Sequence[Path]) -> None:
    """Load each package. Refusal `package-invalid` names the file; those before it stay loaded."""
    for path in files:
        try:
            package = read_package(path.read_bytes())
        except Refusal as refusal:
            raise Refusal(refusal.code, **(refusal.params | {"field": path.name})) from None  # type: ignore[arg-type]  # str
        profiles = await Packages(access.database).load(package, clock.now())
        codes = await _terminology(access, package)
        typer.echo(f"{package.name} {package.version}: {profiles} profiles, {codes} value sets, code systems and maps")
        for line in package.left:
            typer.echo(f"  left out: {line}", err=True)


async def _terminology(access: Access, package: Package) -> int:
    terminology, loaded = Terminology(access.database), 0
    for name, body in package.terminology:
        try:
            for one in read_file(name, body, Table()):
                await terminology.load(one, clock.now(), lambda _: None)
                loaded += 1
        except Refusal as refusal:
            package.left.append(f"{name}: {refusal.text('en')}")
    return loaded


profile_app = profile_commands(with_access)
