"""`yima sign-in provider`: OpenID providers by which people may come in."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from yima.access import Access
from yima.authentication.external import Provider
from yima.cli import registering
from yima.cli.running import with_access
from yima.directory import Caller
from yima.runtime import clock

Run = Callable[[Path | None, Callable[[Access], Coroutine[Any, Any, Any]]], Any]
"""Runs work with the door open, as `commands` does for every command."""
Data = Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")]
Id = Annotated[str, typer.Argument(metavar="ID", help="What it is called here; it stands in addresses (a-z, 0-9, -).")]
_CALLER: Final = Caller(kind="system", agent_id="command-line", name_zh="命令行", name_en="Command line")
_WHOM: Final = {
    "staff": ("practitioner", "clinician"),
    "operators": ("operator", "operator"),
    "residents": ("resident", "resident"),
}
"""As said on the command line -> kind of account, and its door."""
_DOORS: Final = dict(_WHOM.values())
_SAID: Final = {kind: said for said, (kind, _) in _WHOM.items()}


def sign_in_commands(run: Run) -> typer.Typer:
    """The commands of `yima sign-in`."""
    app = typer.Typer(no_args_is_help=True, help="Ways of signing in.")
    providers = typer.Typer(no_args_is_help=True, help="OpenID providers by which people may come in.")
    app.add_typer(providers, name="provider")

    providers.command("add")(_adding(run))

    @providers.command("list")
    def listed(data: Data = None) -> None:
        """All of them: id, for whom, status, issuer, client_id, proof of who asks, factors, redirect address."""
        for line in run(data, _listed):
            typer.echo(line)

    @providers.command("suspend")
    def suspend(provider_id: Id, data: Data = None) -> None:
        """Nobody comes in by it, and every session that it opened ends."""
        run(data, lambda a: a.provider_register.set_status(_CALLER, provider_id, "suspended", clock.now()))

    @providers.command("resume")
    def resume(provider_id: Id, data: Data = None) -> None:
        """People come in by it again, as they were bound."""
        run(data, lambda a: a.provider_register.set_status(_CALLER, provider_id, "active", clock.now()))

    @providers.command("remove")
    def remove(provider_id: Id, data: Data = None) -> None:
        """Take it away: whoever is bound to it must be invited anew, or come in another way."""
        run(data, lambda a: a.provider_register.remove(_CALLER, provider_id, clock.now()))

    return app


def _adding(run: Run) -> Callable[..., None]:
    def add(  # noqa: PLR0913, PLR0917  one option a fact, each said by its name
        provider_id: Id,
        issuer: Annotated[str, typer.Option(help="Its issuer, character by character.")],
        client_id: Annotated[str, typer.Option(help="What this deployment is called there.")],
        whom: Annotated[str, typer.Option("--for", help=f"{', '.join(_WHOM)}.")],
        name_zh: Annotated[str, typer.Option(help="Its name on the sign-in page, Chinese.")],
        name_en: Annotated[str, typer.Option(help="The same, English.")],
        client_secret_file: Annotated[
            Path | None, typer.Option(help="File with the secret it gave; without, private_key_jwt.", exists=True)
        ] = None,
        institution: Annotated[str, typer.Option(help="With --for staff: of this institution only.")] = "",
        acr: Annotated[
            list[str] | None, typer.Option(help="VALUE=1 or VALUE=2: how many factors an acr of its tokens proves.")
        ] = None,
        factors: Annotated[int, typer.Option(min=1, max=2, help="How many it proves when it says none of these.")] = 1,
        host: Annotated[
            list[str] | None, typer.Option(help="A host of its endpoints (with port) that is not the issuer's.")
        ] = None,
        private: Annotated[bool, typer.Option("--private", help="It stands in a network of the house.")] = False,
        data: Data = None,
    ) -> None:
        """Register a provider, or change one; it is asked at once what it says of itself."""
        if whom not in _WHOM:
            raise typer.BadParameter(", ".join(_WHOM), param_hint="--for")
        if institution and whom != "staff":
            raise typer.BadParameter("for staff only", param_hint="--institution")
        kind, role = _WHOM[whom]
        secret = client_secret_file.read_text(encoding="utf-8").strip() if client_secret_file else ""
        if client_secret_file and not secret:
            raise typer.BadParameter("the file is empty", param_hint="--client-secret-file")
        one = Provider(
            provider_id=provider_id, kind=kind, issuer=issuer, client_id=client_id, name_zh=name_zh, name_en=name_en,
            levels=dict(_level(said) for said in acr or ()), level=factors, hosts=tuple(host or ()), private=private,
            secret=secret,
        )  # fmt: skip
        for line in run(data, lambda access: _add(access, one, role, institution)):
            typer.echo(line)

    return add


def _level(said: str) -> tuple[str, int]:
    acr, _, level = said.rpartition("=")
    if not acr or level not in ("1", "2"):
        raise typer.BadParameter("VALUE=1 or VALUE=2", param_hint="--acr")
    return acr, int(level)


async def _add(access: Access, one: Provider, role: str, institution: str) -> list[str]:
    number = await registering.number_of(access, institution) if institution else 0
    endpoints = await access.provider_register.register(_CALLER, replace(one, institution=number), clock.now())
    proof = "client secret" if one.secret else f"private_key_jwt, keys at {access.base_url}/.well-known/jwks.json"
    return [
        f"provider {one.provider_id} is registered; there, this deployment is registered as {one.client_id} with",
        f"  redirect address     {access.external.redirect_uri(role, one.provider_id)}",
        f"  back-channel logout  {access.provider_register.logout_uri(one.provider_id)}",
        f"  proof of who asks    {proof}",
        f"it signs people in at {endpoints.authorization}",
    ]


async def _listed(access: Access) -> list[str]:
    return [
        "\t".join((
            one.provider_id, _SAID[one.kind], one.status, one.issuer, one.client_id,
            "secret" if one.secret else "private_key_jwt",
            ",".join((*(f"{acr}={level}" for acr, level in one.levels.items()), f"else={one.level}")),
            access.external.redirect_uri(_DOORS[one.kind], one.provider_id),
        ))
        for one in await access.provider_register.registered(_CALLER)
    ]  # fmt: skip


sign_in_app = sign_in_commands(with_access)
