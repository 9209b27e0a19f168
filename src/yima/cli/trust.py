"""`yima trust`: the keys that sign credentials, for whoever runs the platform."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, get_args

import typer

from yima import crypto, healthcode
from yima.access import Access
from yima.cli.running import with_access
from yima.runtime import clock
from yima.runtime.civil import civil_day
from yima.runtime.errors import Refusal

trust_app = typer.Typer(no_args_is_help=True, help="The keys that sign offline credentials.")
Data = Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")]
_HEAD: Final = ("key", "algorithm", "use", "state", "signs until", "certificate until", "signed", "of")


@trust_app.command("list")
def trust_list(data: Data = None) -> None:
    """Show the keys that sign credentials: turns, dates, how much each has signed."""
    typer.echo(with_access(data, listed))


@trust_app.command("rotate")
def trust_rotate(
    algorithm: Annotated[str, typer.Argument(help="ES256 or SM2.")],
    use: Annotated[str, typer.Argument(help="identity, shc, device, status-list, trust-list or facility.")],
    data: Data = None,
) -> None:
    """End the present key's turn early. What it signed stays good."""
    typer.echo(with_access(data, lambda access: rotate(access, algorithm, use)))


@trust_app.command("revoke")
def trust_revoke(
    key_id: Annotated[str, typer.Argument(help="Key id in hex, as `yima trust list` shows it.")],
    reason: Annotated[str, typer.Option(help="Why; stands in the log of the keys.")],
    data: Data = None,
) -> None:
    """Revoke a key, and with it every credential it signed. It cannot be undone."""
    typer.echo(with_access(data, lambda access: revoke(access, key_id, reason)))


async def listed(access: Access) -> str:
    """The keys as a table: roots and issuers, then signers with their dates and counts."""
    now = clock.now()
    async with access.database.connection() as c:
        above = await healthcode.trust.authorities(c, crypto.ALGORITHMS)
        below = await healthcode.trust.signers(c, now)
    rows = [(one.key_id.hex(), one.algorithm, one.level, "", "", _day(one.not_after), "", "") for one in above]
    rows += [
        (
            one.key_id.hex(), one.algorithm, one.use, one.state, _day(one.ends), _day(one.not_after),
            f"{one.signed}", f"{one.cap}",
        )
        for one in below
    ]  # fmt: skip
    return _table(rows) if rows else "no keys yet: they are made when the first credential or list is signed"


async def rotate(access: Access, algorithm: str, use: str) -> str:
    """End the present signer's turn and begin the next one's; what it says to the operator."""
    if algorithm not in crypto.ALGORITHMS or use not in healthcode.trust.USES:
        raise Refusal("field-invalid", field="ALGORITHM USE", expected=_choices())
    chosen = next(one for one in crypto.ALGORITHMS if one == algorithm)
    named = next(one for one in get_args(healthcode.trust.Use) if one == use)
    begun = await access.publisher.rotate(chosen, named, by=_operator(), now=clock.now())
    return f"{begun.key_id.hex()} signs {use} ({algorithm}) until {_day(begun.ends)}"


async def revoke(access: Access, key: str, reason: str) -> str:
    """Revoke a signer and all that it signed; what it says to the operator. Refusal `signer-unknown`."""
    try:
        key_id = bytes.fromhex(key)
    except ValueError:
        raise Refusal("signer-unknown", field="KEY_ID") from None
    await access.database.retry(
        lambda c: healthcode.trust.revoke_signer(c, key_id, reason=reason, by=_operator(), now=clock.now())
    )
    return f"{key_id.hex()} is revoked; the next trust list says so, and another key takes its turn"


def _operator() -> str:
    return f"operator:{getpass.getuser()}"


def _choices() -> str:
    return f"{' or '.join(crypto.ALGORITHMS)}, then one of {', '.join(healthcode.trust.USES)}"


def _day(moment: datetime) -> str:
    return civil_day(moment).isoformat()


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[n]) for row in (_HEAD, *rows)) for n in range(len(_HEAD))]
    lines = (zip(row, widths, strict=True) for row in (_HEAD, *rows))
    return "\n".join("  ".join(cell.ljust(width) for cell, width in line).rstrip() for line in lines)
