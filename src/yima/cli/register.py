"""`yima register`: institutions, terminals, counters, apps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from yima import directory, healthcode
from yima.access import Access
from yima.cli import apps, registering
from yima.cli.running import with_access

register_app = typer.Typer(no_args_is_help=True, help="Put institutions, terminals and apps on the register.")
Data = Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")]


@register_app.command("institution")
def register_institution(
    code: Annotated[str, typer.Argument(help="Public code, e.g. 6001A0001.")],
    name_zh: Annotated[str, typer.Option(help="Chinese name.")],
    name_en: Annotated[str, typer.Option(help="English name.")],
    kind: Annotated[str, typer.Option(help="Institution class of WS 218, e.g. A100.")] = "A100",
    area: Annotated[str, typer.Option(help="GB/T 2260 code of the place.")] = "000000",
    data: Data = None,
) -> None:
    """Register an institution, or change its words."""
    number = with_access(data, lambda access: registering.institution(access, code, (name_zh, name_en), kind, area))
    typer.echo(f"institution {code} is registered (number {number})")


@register_app.command("institution-status")
def register_institution_status(
    code: Annotated[str, typer.Argument(help="Code of a registered institution.")],
    status: Annotated[str, typer.Argument(help="active or suspended.")],
    data: Data = None,
) -> None:
    """Suspend an institution with its staff, programs and terminals, or let it work again; counts within a second."""
    with_access(data, lambda access: registering.institution_status(access, code, status))
    typer.echo(f"institution {code} is {status}")


@register_app.command("terminal")
def register_terminal(  # noqa: PLR0913, PLR0917  one option a fact, each said by its name
    institution: Annotated[str, typer.Argument(help="Code of its institution.")],
    terminal: Annotated[str, typer.Argument(help="Terminal id, unique on the platform.")],
    kind: Annotated[str, typer.Option(help="window, kiosk, desk or handheld.")] = "desk",
    department: Annotated[str, typer.Option(help="Department code.")] = "",
    location: Annotated[str, typer.Option(help="Where it stands, in words residents understand.")] = "",
    step: Annotated[str, typer.Option(help="The usual step there, e.g. 010101.")] = "",
    scene: Annotated[str, typer.Option(help="The usual scene there, e.g. 0101012.")] = "",
    key: Annotated[Path | None, typer.Option(help="File with one public key (JWK) for its sign-in.")] = None,
    data: Data = None,
) -> None:
    """Register a terminal at which codes are scanned; with --key it can sign in by itself (two keys at most)."""
    made = directory.Terminal(terminal, kind, department, location, step, scene)
    public = key.read_bytes() if key else None
    kid = with_access(data, lambda access: registering.terminal(access, institution, made, public))
    typer.echo(f"terminal {terminal} is registered at {institution}" + (f" with key {kid}" if kid else ""))


@register_app.command("counter")
def register_counter(  # noqa: PLR0913, PLR0917  one option a fact, each said by its name
    institution: Annotated[str, typer.Argument(help="Code of its institution.")],
    department: Annotated[str, typer.Argument(help="Department code, e.g. 0300.")],
    prefix: Annotated[str, typer.Option(help="Before the numbers, e.g. N; unique at the institution.")],
    name_zh: Annotated[str, typer.Option(help="Chinese name.")],
    name_en: Annotated[str, typer.Option(help="English name.")],
    location: Annotated[str, typer.Option(help="Where it is.")] = "",
    out: Annotated[Path | None, typer.Option(help="Poster: .svg (A4) or .png (the code alone).")] = None,
    data: Data = None,
) -> None:
    """Register a counter whose printed code residents scan for a number; prints the text of the code."""
    made = healthcode.Counter("", 0, department, prefix, name_zh, name_en, location)
    kind = out.suffix if out else ""
    text, poster = with_access(data, lambda access: registering.counter(access, institution, made, kind))
    if out:
        out.write_bytes(poster)
    typer.echo(text)


register_app.command("app")(apps.register_client)
register_app.command("app-status")(apps.app_status)
register_app.command("role")(apps.staff_role)


@register_app.command("gateway")
def register_gateway(
    institution: Annotated[str, typer.Argument(help="Code of its institution.")],
    app_id: Annotated[str, typer.Argument(help="The app id with which it will call.")],
    family: Annotated[str, typer.Option(help="card (business.do) or open-platform.")] = "card",
    terminal: Annotated[
        list[str] | None, typer.Option(help="A terminal it may speak for; the first is meant when none is named.")
    ] = None,
    dialect: Annotated[str | None, typer.Option(help="Code tables; default: the setting national_dialect.")] = None,
    right: Annotated[
        list[str] | None, typer.Option(help="organisations: may write institutions. in-person: see docs.")
    ] = None,
    data: Data = None,
) -> None:
    """Register an app of the national gateway and print its secrets: they are shown this once."""

    async def work(access: Access) -> directory.GatewaySecrets:
        options = {"terminals": tuple(terminal or ()), "rights": tuple(right or ())}
        named = dialect or access.settings.national_dialect
        return await registering.gateway(access, institution, app_id, family, dialect=named, **options)

    made = with_access(data, work)
    secrets = {name: getattr(made, name) for name in ("app_id", "app_secret", "sm4_key", "term_id")}
    typer.echo(json.dumps(secrets, ensure_ascii=False))


@register_app.command("gateway-status")
def register_gateway_status(
    app_id: Annotated[str, typer.Argument(help="The app id of a gateway app.")],
    status: Annotated[str, typer.Argument(help="active or suspended.")],
    data: Data = None,
) -> None:
    """Suspend an app of the national gateway, or let it work again; it counts within a second."""
    with_access(data, lambda access: registering.gateway_status(access, app_id, status))
    typer.echo(f"app {app_id} is {status}")
