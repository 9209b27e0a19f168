"""`yima privacy`: marks and who is who among the staff, for the watch over the readers."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from yima.access import Access, Watched
from yima.cli.running import with_access
from yima.directory import Caller
from yima.runtime import clock, ids
from yima.runtime.errors import Refusal

Run = Callable[[Path | None, Callable[[Access], Coroutine[Any, Any, Any]]], Any]
Data = Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")]
Number = Annotated[str, typer.Argument(help="Card number, the 16 digits on the card.")]
_CALLER: Final = Caller(kind="system", agent_id="command-line", name_zh="命令行", name_en="Command line")


async def _watch(access: Access) -> Watched:
    found = await access.privacy.watch(clock.now())
    await access.privacy.deliver(clock.now())
    return found


def privacy_commands(run: Run) -> typer.Typer:
    """The commands of `yima privacy`."""
    app = typer.Typer(no_args_is_help=True, help="The watch over who looks: marks, staff, and watching now.")

    @app.command("mark")
    def mark(
        number: Number,
        kind: Annotated[str, typer.Argument(help="vip or canary.")],
        off: Annotated[bool, typer.Option("--off", help="Take the mark away.")] = False,
        data: Data = None,
    ) -> None:
        """Mark a person whom everybody knows (vip), or one who does not exist (canary): each access is an alarm."""
        run(data, lambda access: access.privacy.mark(_CALLER, number, kind, clock.now(), off=off))
        typer.echo("done")

    @app.command("staff")
    def staff(
        practitioner: Annotated[int, typer.Argument(help="Number of the member of staff.")],
        number: Number,
        data: Data = None,
    ) -> None:
        """Write down which resident a member of staff is, so that looks at family and colleagues are seen as such."""
        run(data, lambda access: access.privacy.say_who(practitioner, number))
        typer.echo("done")

    @app.command("watch")
    def watch(data: Data = None) -> None:
        """Look at what is new in the log now; a server does so about once a minute."""
        found = run(data, _watch)
        typer.echo(f"{found.looks} looks, {found.findings} findings, {found.alarms} alarms, {found.notices} notices")

    @app.command("verify")
    def verify(data: Data = None) -> None:
        """Check every emergency access of thirty days against its review and the log. Ends with 0 only if all agree."""
        found = run(data, lambda access: access.privacy.verify_glass(clock.now()))
        for one in found:
            typer.echo(f"{one.kind}: {ids.person_text(one.person) if one.person else 'staff'}")
        if found:
            raise Refusal("emergencies-changed", count=len(found))
        typer.echo("good: every emergency access is reviewed and on the log")

    return app


privacy_app = privacy_commands(with_access)
