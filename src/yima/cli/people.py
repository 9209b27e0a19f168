"""`yima staff` and `yima operator`: people on the register, and their invitations to set up sign-in.

Whoever runs these commands holds the keys of the deployment; that is who may invite operators.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from yima import authentication, directory, mpi
from yima.access import Access, Invited
from yima.cli import registering
from yima.cli.running import with_access
from yima.directory import Caller, Operator, Practitioner
from yima.runtime import clock
from yima.runtime.errors import Refusal

Run = Callable[[Path | None, Callable[[Access], Coroutine[Any, Any, Any]]], Any]
"""Runs work with the door open, as `commands` does for every command."""
Data = Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")]
Institution = Annotated[str, typer.Argument(help="Code of the institution.")]
Number = Annotated[str, typer.Argument(help="Number of the member of staff at that institution.")]
Code = Annotated[str, typer.Argument(help="Code of the operator: what they sign in with.")]
_CALLER: Final = Caller(kind="system", agent_id="command-line", name_zh="命令行", name_en="Command line")
_WAYS: Final[dict[str, str]] = {
    "suspend": "Suspend: refused everywhere within a second, signed out, no invitation counts.",
    "resume": "Let in again, by the ways there were.",
    "close": "Take the account away, with its ways and sessions; a new invitation begins from nothing.",
}


def staff_commands(run: Run) -> typer.Typer:
    """The commands of `yima staff`."""
    app = typer.Typer(no_args_is_help=True, help="Staff of institutions, and their sign-in.")

    @app.command("add")
    def add(  # noqa: PLR0913, PLR0917  one option a fact, each said by its name
        institution: Institution,
        number: Number,
        name: Annotated[str, typer.Option(help="Name, Chinese.")],
        name_en: Annotated[str, typer.Option(help="English name.")] = "",
        title: Annotated[str, typer.Option(help="Title, Chinese.")] = "",
        title_en: Annotated[str, typer.Option(help="English title.")] = "",
        department: Annotated[str, typer.Option(help="Department code.")] = "",
        role: Annotated[str, typer.Option(help=f"One of {', '.join(directory.STAFF_ROLES)}.")] = directory.DEFAULT_ROLE,
        data: Data = None,
    ) -> None:
        """Put a member of staff on the register, or change their words."""
        one = Practitioner(0, 0, number, name, name_en or name, title, title_en, department, role=role)
        run(data, lambda access: _add_staff(access, institution, one))

    @app.command("list")
    def listed(institution: Institution, data: Data = None) -> None:
        """The staff of an institution: number, name, status, whether sign-in is set up."""
        for row in run(data, lambda access: _staff_of(access, institution)):
            typer.echo(row)

    @app.command("invite")
    def invite(institution: Institution, number: Number, data: Data = None) -> None:
        """Make an invitation to set up sign-in; its link is printed once, and good once, for a day."""
        _told(run(data, lambda access: _invite_staff(access, institution, number)))

    for name, about in _WAYS.items():
        app.command(name, help=about)(_staff_way(run, name))
    return app


def operator_commands(run: Run) -> typer.Typer:
    """The commands of `yima operator`."""
    app = typer.Typer(no_args_is_help=True, help="People of the operator, and their sign-in.")

    @app.command("add")
    def add(
        code: Code,
        name: Annotated[str, typer.Option(help="Name, Chinese.")],
        name_en: Annotated[str, typer.Option(help="English name.")] = "",
        right: Annotated[
            list[str] | None, typer.Option(help=f"Of {', '.join(directory.OPERATOR_RIGHTS)}; may be repeated.")
        ] = None,
        organisation: Annotated[str, typer.Option(help="Whom they work for.")] = "",
        data: Data = None,
    ) -> None:
        """Put an operator on the register, or change their words and rights."""
        one = Operator(code, name, name_en or name, frozenset(right or ()), organisation=organisation)
        run(data, lambda access: _add_operator(access, one))

    @app.command("human")
    def human(
        code: Code,
        system: Annotated[str, typer.Option(help="Identifier system of the document.")] = mpi.RESIDENT_NUMBER,
        data: Data = None,
    ) -> None:
        """Say which human being an operator is, document in hand. The number is asked for, not shown, not kept."""
        number = typer.prompt("Number", hide_input=True)
        run(data, lambda access: access.accounts.name_human(_CALLER, code, system, number, clock.now()))
        typer.echo("known")

    @app.command("list")
    def listed(data: Data = None) -> None:
        """All operators: code, name, status, rights, whether sign-in is set up, whether it is known who they are."""
        for row in run(data, _operators):
            typer.echo(row)

    @app.command("invite")
    def invite(code: Code, data: Data = None) -> None:
        """Make an invitation to set up sign-in; its link is printed once, and good once, for a day."""
        _told(run(data, lambda access: access.accounts.invite(_CALLER, "operator", code, clock.now())))

    for name, about in _WAYS.items():
        app.command(name, help=about)(_operator_way(run, name))
    return app


def _staff_way(run: Run, name: str) -> Callable[..., None]:
    def way(institution: Institution, number: Number, data: Data = None) -> None:
        async def work(access: Access) -> None:
            await _carry_out(access, name, "practitioner", await _subject(access, institution, number))

        run(data, work)

    return way


def _operator_way(run: Run, name: str) -> Callable[..., None]:
    def way(code: Code, data: Data = None) -> None:
        run(data, lambda access: _carry_out(access, name, "operator", code))

    return way


async def _carry_out(access: Access, name: str, kind: str, subject: str) -> None:
    accounts = access.accounts
    way = {"suspend": accounts.suspend, "resume": accounts.resume, "close": accounts.close}[name]
    await way(_CALLER, kind, subject, clock.now())


def _told(invited: Invited) -> None:
    typer.echo(f"{invited.name} sets up sign-in at (once, until {invited.expires:%Y-%m-%d %H:%M} UTC):")
    typer.echo(invited.address)


async def _add_staff(access: Access, institution: str, one: Practitioner) -> None:
    number = await registering.number_of(access, institution)
    async with access.database.transaction() as c:
        made = Practitioner(
            0, number, one.code, one.name_zh, one.name_en, one.title_zh, one.title_en, one.department, role=one.role
        )
        await directory.register_practitioner(c, made)


async def _staff_of(access: Access, institution: str) -> list[str]:
    number = await registering.number_of(access, institution)
    known = await authentication.enrolled(access.database, "practitioner")
    found = [one for one in await directory.practitioners(access.database) if one.institution_id == number]
    return [
        "\t".join((one.code, one.name_zh, one.role, one.status, _set_up(str(one.practitioner_id) in known)))
        for one in found
    ]


async def _operators(access: Access) -> list[str]:
    set_up = await authentication.enrolled(access.database, "operator")
    known = await directory.known_humans(access.database)
    return [
        "\t".join(
            (
                one.code, one.name_zh, one.status, ",".join(sorted(one.rights)) or "-", _set_up(one.code in set_up),
                "human known" if one.code in known else "human not known",
            )
        )
        for one in await directory.operators(access.database)
    ]  # fmt: skip


def _set_up(yes: bool) -> str:
    return "set up" if yes else "not set up"


async def _add_operator(access: Access, one: Operator) -> None:
    async with access.database.transaction() as c:
        await directory.register_operator(c, one)


async def _invite_staff(access: Access, institution: str, number: str) -> Invited:
    subject = await _subject(access, institution, number)
    return await access.accounts.invite(_CALLER, "practitioner", subject, clock.now())


async def _subject(access: Access, institution: str, number: str) -> str:
    place = await registering.number_of(access, institution)
    for one in await directory.practitioners(access.database):
        if one.institution_id == place and one.code == number:
            return str(one.practitioner_id)
    raise Refusal("field-invalid", field="NUMBER", expected="the number of a registered member of its staff")


staff_app = staff_commands(with_access)


operator_app = operator_commands(with_access)
