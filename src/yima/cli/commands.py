"""The commands. Each says what it does in its help; a refusal ends with its code, its words and exit status 1."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar

import typer
from rich.console import Console

from yima import directory, healthcode
from yima.access import Access
from yima.cli import apps, bulk, city, codes, demo, printing, registering, reindexing, running, trust
from yima.cli.auditing import audit_commands
from yima.cli.cards import card_commands
from yima.cli.clearing import sandbox_app
from yima.cli.keeping import key_commands
from yima.cli.linking import link_app
from yima.cli.people import operator_commands, staff_commands
from yima.cli.persons import person_commands
from yima.cli.population import population_commands
from yima.cli.privacy import privacy_commands
from yima.cli.profiles import profile_commands
from yima.cli.running import with_access, with_database
from yima.cli.terminology import terminology_commands
from yima.cli.witness import witness
from yima.runtime import logs, migrate, postgres, settings
from yima.runtime.errors import Refusal
from yima.server import serve as serve_until_stopped

T = TypeVar("T")
app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="Yima 一码: one code, one record."
)
register_app = typer.Typer(no_args_is_help=True, help="Put institutions, terminals and apps on the register.")
app.add_typer(codes.code_app, name="code")
app.add_typer(key_commands, name="keys")
app.add_typer(link_app, name="link")
codes.code_app.command("card")(printing.code_card)

terminal_app = typer.Typer(no_args_is_help=True, help="Terminals: list, suspend, resume, keys.")
app.add_typer(register_app, name="register")
app.add_typer(sandbox_app, name="sandbox")
app.add_typer(terminal_app, name="terminal")
trust_app = typer.Typer(no_args_is_help=True, help="The keys that sign offline credentials.")
app.add_typer(trust_app, name="trust")
app.add_typer(card_commands(with_access), name="card")
app.add_typer(person_commands(with_access), name="mpi")
app.add_typer(population_commands(with_database), name="population")
app.add_typer(terminology_commands(with_access), name="terminology")
app.add_typer(profile_commands(with_access), name="profiles")
app.add_typer(audit_commands(with_access), name="audit")
app.add_typer(privacy_commands(with_access), name="privacy")
app.add_typer(staff_commands(with_access), name="staff")
app.add_typer(operator_commands(with_access), name="operator")
app.command("verify-offline")(codes.verify_offline)
app.command("witness")(witness)
_err = Console(stderr=True)

Config = Annotated[Path | None, typer.Option("--config", help="Settings file (TOML).")]
Data = Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")]
Port = Annotated[int | None, typer.Option("--port", help="TCP port (default 8420).")]


def main() -> None:
    """Entry point: run a command; refusals become one readable message."""
    # SIGTERM must unwind as Ctrl-C does, so that the embedded PostgreSQL is stopped cleanly.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        app()
    except Refusal as refusal:
        _fail(refusal)


@app.command("demo")
def demo_command(
    port: Port = None,
    data: Data = None,
    residents: Annotated[
        int, typer.Option(min=1, max=200_000, help="How many residents the synthetic city has.")
    ] = 120,
    seed: Annotated[int, typer.Option(help="Seed of the synthetic city; the same seed gives the same city.")] = 1,
    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Add an institution whose app may search across its own test patients.")
    ] = False,
) -> None:
    """Start the whole platform with a synthetic city, on this machine only."""
    chosen = settings.load(
        {"port": port, "data": data, "development": True, "log_format": "console", "log_level": "warning"}
    )
    demo.run(chosen, residents=residents, seed=seed, sandbox=sandbox)


@app.command("serve")
def serve_command(port: Port = None, data: Data = None, config: Config = None) -> None:
    """Serve with the settings of yima.toml and the environment."""
    chosen = settings.load({"port": port, "data": data, "config": config})
    logs.configure(chosen.log_format, chosen.log_level)
    with postgres.provide(chosen.data, database_url=chosen.database_url) as server:
        asyncio.run(migrate.migrate(server.url()))
        with running.said_to_run(chosen, server.url()):
            serve_until_stopped(chosen, server.url(), ready=lambda: print(f"ready {chosen.public_url}", flush=True))  # noqa: T201  the line that scripts wait for


@app.command("migrate")
def migrate_command(data: Data = None, config: Config = None) -> None:
    """Bring the database up to date and list the steps taken."""
    chosen = settings.load({"data": data, "config": config})
    with postgres.provide(chosen.data, database_url=chosen.database_url) as server:
        steps = asyncio.run(migrate.migrate(server.url()))
    typer.echo("\n".join(steps) or "nothing to do")


@app.command("synth")
def synth_command(
    out: Annotated[Path, typer.Option(help="Directory to write to.")],
    residents: Annotated[int, typer.Option(min=1, max=1_000_000)] = 120,
    seed: Annotated[int, typer.Option()] = 1,
) -> None:
    """Write a synthetic city: institutions, residents and their submissions, as files."""
    counts = city.write(residents, seed, out)
    typer.echo(json.dumps(counts, ensure_ascii=False))


@app.command("load")
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

    async def work(access: Access, url: str) -> bulk.Report:
        bulk.tune()
        return await bulk.load(access, url, paths, institution=institution, resume=resume, processes=processes)

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


@app.command("reindex")
def reindex_command(
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the last run was interrupted.")] = False,
    data: Data = None,
) -> None:
    """Compute search tokens anew after search parameters changed; online, only rows that differ are written."""
    done = with_access(data, lambda access: reindexing.reindex(access, resume=resume))
    typer.echo(f"{done.seen} resources, {done.written} written, {done.unreadable} unreadable")
    if done.unreadable:
        raise typer.Exit(1)


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


@terminal_app.command("list")
def terminal_list(
    institution: Annotated[str, typer.Argument(help="Code of the institution.")], data: Data = None
) -> None:
    """List an institution's terminals with their keys and when they were last seen."""
    typer.echo("\n".join(with_access(data, lambda access: registering.terminals(access, institution))))


@terminal_app.command("suspend")
def terminal_suspend(terminal: str, data: Data = None) -> None:
    """Suspend a terminal: refused on every worker within a second."""
    with_access(data, lambda access: directory.set_terminal_status(access.database, terminal, "suspended"))
    typer.echo(f"terminal {terminal} is suspended")


@terminal_app.command("resume")
def terminal_resume(terminal: str, data: Data = None) -> None:
    """Make a suspended terminal active again."""
    with_access(data, lambda access: directory.set_terminal_status(access.database, terminal, "active"))
    typer.echo(f"terminal {terminal} is active")


@terminal_app.command("remove-key")
def terminal_remove_key(
    terminal: str,
    kid: Annotated[str, typer.Argument(help="Key id, as `yima terminal list` shows it.")],
    data: Data = None,
) -> None:
    """Take a key from a terminal; its tokens end."""
    with_access(data, lambda access: registering.remove_key(access, terminal, kid))
    typer.echo(f"key {kid} of terminal {terminal} is gone")


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


@trust_app.command("list")
def trust_list(data: Data = None) -> None:
    """Show the keys that sign credentials: turns, dates, how much each has signed."""
    typer.echo(with_access(data, trust.listed))


@trust_app.command("rotate")
def trust_rotate(
    algorithm: Annotated[str, typer.Argument(help="ES256 or SM2.")],
    use: Annotated[str, typer.Argument(help="identity, shc, device, status-list, trust-list or facility.")],
    data: Data = None,
) -> None:
    """End the present key's turn early. What it signed stays good."""
    typer.echo(with_access(data, lambda access: trust.rotate(access, algorithm, use)))


@trust_app.command("revoke")
def trust_revoke(
    key_id: Annotated[str, typer.Argument(help="Key id in hex, as `yima trust list` shows it.")],
    reason: Annotated[str, typer.Option(help="Why; stands in the log of the keys.")],
    data: Data = None,
) -> None:
    """Revoke a key, and with it every credential it signed. It cannot be undone."""
    typer.echo(with_access(data, lambda access: trust.revoke(access, key_id, reason)))


def _fail(refusal: Refusal) -> NoReturn:
    for one in (refusal, *refusal.also):
        _err.print(f"[bold red]{one.code}[/]: {one.text('en')} {one.mend('en')}\n  {one.text('zh')}{one.mend('zh')}")
    raise SystemExit(1)
