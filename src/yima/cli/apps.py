"""`yima register app`: an institution's own program (keys, system scopes), or one that residents use (addresses to be
sent back to, patient scopes)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from yima import directory
from yima.access import Access
from yima.cli import registering
from yima.cli.running import with_access
from yima.directory import App, PatientApp

Data = Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")]


def register_client(  # noqa: PLR0913, PLR0917  one option a fact, each said by its name
    institution: Annotated[str, typer.Argument(help="Code of its institution, which answers for it.")],
    client_id: Annotated[str, typer.Argument(help="The client_id with which it will sign in.")],
    jwks: Annotated[
        Path | None, typer.Option(help="File with its public keys (JWK Set, RFC 7517).", exists=True)
    ] = None,
    jwks_url: Annotated[str, typer.Option(help="Where it publishes them instead: https, no --redirect-uri.")] = "",
    name: Annotated[str, typer.Option(help="Name shown in access logs.")] = "",
    name_en: Annotated[str, typer.Option(help="English name; of residents' apps.")] = "",
    scope: Annotated[str, typer.Option(help="SMART scopes it may ask for.")] = "",
    matching: Annotated[str, typer.Option(help="full, identifier or off.")] = "full",
    right: Annotated[list[str] | None, typer.Option(help="demographics: may ask who a stranger is.")] = None,
    purpose: Annotated[
        list[str] | None, typer.Option(help="For what it may act; default treatment, emergency-treatment.")
    ] = None,
    redirect_uri: Annotated[
        list[str] | None, typer.Option(help="Makes it an app for residents: where it may be sent back to.")
    ] = None,
    origin: Annotated[
        list[str] | None, typer.Option(help="https://host of an app for residents that runs in a browser.")
    ] = None,
    launch_url: Annotated[
        str, typer.Option(help="With --redirect-uri: an app that staff open in a visit, and where.")
    ] = "",
    public: Annotated[bool, typer.Option("--public", help="An app for residents that cannot keep a key.")] = False,
    data: Data = None,
) -> None:
    """Register an app: an institution's own, with its keys, or (--redirect-uri) one that residents use."""
    if public + (jwks is not None) + bool(jwks_url) != 1:
        raise typer.BadParameter("one of --jwks, --jwks-url and --public", param_hint="--jwks")
    if jwks_url and redirect_uri:
        raise typer.BadParameter("an app for residents registers its keys themselves", param_hint="--jwks-url")
    if public and not redirect_uri:
        raise typer.BadParameter("a public app is one for residents: say where it is", param_hint="--redirect-uri")
    keys = jwks.read_bytes() if jwks else None
    if launch_url and not redirect_uri:
        raise typer.BadParameter("an app that staff open says where it is sent back to", param_hint="--redirect-uri")
    if redirect_uri:
        usual = directory.STAFF_SCOPES if launch_url else directory.PATIENT_SCOPES
        app = PatientApp(
            client_id=client_id, institution_id=0, name_zh=name or client_id, name_en=name_en or name or client_id,
            redirect_uris=tuple(redirect_uri), scopes=tuple(scope.split()) or usual, launch_url=launch_url,
            origins=tuple(origin or ()),
        )  # fmt: skip
        with_access(data, lambda access: registering.patient_app(access, institution, app, keys))
    else:
        scopes = tuple((scope or "system/*.cruds").split())
        purposes = frozenset(purpose or directory.USUAL_PURPOSES)
        made = App(client_id, 0, name or client_id, {}, scopes, matching, frozenset(right or ()), jwks_url, purposes)
        with_access(data, lambda access: registering.client(access, institution, made, keys or b"{}"))
    typer.echo(f"app {client_id} is registered for {institution}")


def staff_role(
    practitioner: Annotated[int, typer.Argument(help="Number of the member of staff.")],
    role: Annotated[str, typer.Argument(help=", ".join(directory.STAFF_ROLES))],
    data: Data = None,
) -> None:
    """Give a member of staff a role (docs/permissions.md); it counts from their next request on."""

    async def give(access: Access) -> None:
        async with access.database.transaction() as c:
            await directory.set_practitioner_role(c, practitioner, role)

    with_access(data, give)
    typer.echo(f"practitioner {practitioner} is {directory.STAFF_ROLES[role].en.lower()}")


def app_status(
    client_id: Annotated[str, typer.Argument(help="The client_id of an app that residents use.")],
    status: Annotated[str, typer.Argument(help="active or suspended.")],
    data: Data = None,
) -> None:
    """Suspend an app that residents use, or let it work again; it counts within a second."""
    if status not in ("active", "suspended"):
        raise typer.BadParameter("active or suspended", param_hint="STATUS")
    said = status
    with_access(
        data,
        lambda access: directory.set_patient_app_status(
            access.database, client_id, "active" if said == "active" else "suspended"
        ),
    )
    typer.echo(f"app {client_id} is {status}")
