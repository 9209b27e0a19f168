"""`yima audit`: the heads of the log, a proof for a line, and whether all is as it was sealed."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
import typer

from yima import audit
from yima.audit import proof
from yima.audit.proof import Log
from yima.cli.running import with_access, with_log
from yima.cli.witness import kept_heads
from yima.runtime import clock, settings
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.keys import FileKeyStore

if TYPE_CHECKING:
    from yima.access import Access

audit_app = typer.Typer(no_args_is_help=True, help="The log that cannot lie: heads, proofs, verification.")
Data = Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")]
Key = Annotated[
    str | None, typer.Option("--key", help="The log's key as /audit/key gives it; else the data directory's own.")
]
Head = Annotated[str | None, typer.Option(help="A file of `yima audit head`, or a size in lines.")]
_INDENT: Final = 1
_DIGITS: Final = 18
"""So many has the size of a head at most."""
_SMALL: Final = 200_000
"""Lines; fewer are checked in one process: others would take as long to start."""


@audit_app.command("head")
def head(
    since: Annotated[
        int | None, typer.Option("--from", min=0, help="Prove that the log of this size is its beginning.")
    ] = None,
    data: Data = None,
) -> None:
    """Seal what was written and print the signed head; with --from as JSON with a proof of growth."""
    typer.echo(with_log(data, lambda log, _: _head(log, since)), nl=since is not None)


@audit_app.command("prove")
def prove(line: Annotated[str, typer.Argument(help="Id of the line (of the AuditEvent).")], data: Data = None) -> None:
    """Print a line with the proof that it is in the log, to be checked by `yima audit verify --line FILE`."""
    typer.echo(with_access(data, lambda access: _prove(access, line)))


@audit_app.command("verify")
def verify(  # noqa: PLR0913, PLR0917  one for each option
    since: Annotated[str | None, typer.Option("--from", help="A head kept before: file, or size in lines.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="A later head: file, or size in lines.")] = None,
    line: Annotated[
        Path | None, typer.Option("--line", help="A proof of `yima audit prove`.", exists=True, dir_okay=False)
    ] = None,
    kept: Annotated[
        Path | None,
        typer.Option(
            "--kept", help="State file of a witness: its heads are compared too.", exists=True, dir_okay=False
        ),
    ] = None,
    witness: Annotated[
        list[str] | None,
        typer.Option("--witness", help="Key of a witness that must have signed the head; may be repeated."),
    ] = None,
    processes: Annotated[
        int | None,
        typer.Option(min=1, max=64, help="For checking all (default: as the machine and the log allow)."),
    ] = None,
    key: Key = None,
    data: Data = None,
) -> None:
    """Verify a proof, the growth between two heads, or (without options) every line, tile and head. Ends with 0
    only if whole.

    Files alone are verified without a database or network.
    """
    witnesses = [proof.read_verifier(one, proof.COSIGNER) for one in witness or ()]
    if line is not None:
        _verify_line(line, _verifier(key, data), witnesses)
    if since is not None or until is not None:
        _verify_growth(data, (since, until), _verifier(key, data), witnesses)
    if line is None and since is None and until is None:
        _verify_all(data, lambda log, database: _check(log, database, kept, witnesses, processes))


@audit_app.command("witness")
def witnesses(
    add: Annotated[str | None, typer.Option(help="Take signatures of this key, as `yima witness` says it.")] = None,
    end: Annotated[str | None, typer.Option(help="Take nothing more from the witness of this name.")] = None,
    data: Data = None,
) -> None:
    """Add or end a witness whose signatures are kept beside the heads; list them all."""
    for line in with_log(data, lambda log, _: _witnesses(log, add, end)):
        typer.echo(line)


async def _witnesses(log: Log, add: str | None, end: str | None) -> list[str]:
    known = log.witnesses
    if add is not None:
        await known.add(add, clock.now())
    if end is not None:
        await known.end(end, clock.now())
    return [_said(one) for one in await known.known()]


def _said(one: proof.Witness) -> str:
    seen = f"signed {one.size} lines at {one.at:%Y-%m-%d %H:%M:%S} UTC" if one.at else "has signed nothing"
    ended = f", ended {one.ended:%Y-%m-%d} UTC" if one.ended else ""
    return f"{one.key}  {seen}{ended}"


async def _head(log: Log, since: int | None) -> str:
    head = await log.seal(clock.now())
    if since is None:
        return head.note
    path = [proof.text_of(one) for one in await log.consistency(since, head.size)]
    return _paper(proof.HeadPaper(head.note, log.verifier.text(), since, path))


async def _prove(access: Access, line: str) -> str:
    return _paper(await access.proven_line(line, clock.now()))


def _paper(what: msgspec.Struct) -> str:
    return msgspec.json.format(msgspec.json.encode(what), indent=_INDENT).decode()


def _verifier(key: str | None, data: Path | None) -> proof.Verifier:
    """The key that was pinned: given, or this deployment's own. One that comes with a proof proves nothing."""
    if key is not None:
        return proof.read_verifier(key)
    store = settings.load({"data": data, "development": True}).data / "keys.json"
    if not store.exists():
        raise Refusal("field-missing", field="--key", expected="the key that /audit/key gives")
    return proof.HeadSigner(FileKeyStore(store)).verifier


def _verify_line(path: Path, verifier: proof.Verifier, witnesses: Sequence[proof.Verifier]) -> None:
    found = proof.read_line_proof(path.read_bytes())
    head = proof.check_line(found, verifier)
    _check_cosigned(head, witnesses)
    what = "the line" if found.line is not None else "a line with this hash"
    typer.echo(f"good: {what} is number {found.position} of {head.size}, sealed {head.sealed:%Y-%m-%d %H:%M:%S} UTC")


def _check_cosigned(head: proof.Head, witnesses: Sequence[proof.Verifier]) -> None:
    """Refusal `head-not-cosigned` unless every one of them signed it."""
    for witness in witnesses:
        found = proof.cosignature(head.note, witness)
        if found is None:
            raise Refusal("head-not-cosigned", field=witness.name)
        typer.echo(f"signed by {witness.name} at {found.at:%Y-%m-%d %H:%M:%S} UTC")


def _verify_growth(
    data: Path | None,
    named: tuple[str | None, str | None],
    verifier: proof.Verifier,
    witnesses: Sequence[proof.Verifier],
) -> None:
    since, until = named
    if since is None or until is None:
        missing = "--from" if since is None else "--to"
        raise Refusal("field-missing", field=missing, expected="two heads: --from and --to")
    first, later = _named(data, since), _named(data, until)
    one, two = proof.read_head(first.head, verifier), proof.read_head(later.head, verifier)
    path = later.path if later.path and later.since == one.size else None
    if path is None and one.size != two.size and one.size:
        path = with_log(data, lambda log, _: _growth(log, one.size, two.size))
    proof.check_growth(one, two, path or [])
    _check_cosigned(two, witnesses)
    typer.echo(f"good: the log of {one.size} lines is the beginning of the log of {two.size}")


async def _growth(log: Log, first: int, second: int) -> list[str]:
    return [proof.text_of(one) for one in await log.consistency(first, second)]


def _named(data: Path | None, named: str) -> proof.HeadPaper:
    if named.isascii() and named.isdigit() and len(named) <= _DIGITS and not Path(named).exists():
        return proof.HeadPaper(with_log(data, lambda log, _: _note(log, int(named))))
    try:
        return proof.read_head_paper(Path(named).read_bytes())
    except OSError as error:
        raise Refusal("input-unreadable", field=named, reason=type(error).__name__) from None


async def _note(log: Log, size: int) -> str:
    return (await log.head_of(size)).note


_NOTHING_YET: Final = "nothing is sealed yet, so there is nothing to check: a running server signs a head each minute"


def _verify_all(data: Path | None, check: Callable[[Log, Database], Coroutine[Any, Any, proof.Findings]]) -> None:
    findings = with_log(data, check)
    typer.echo(f"{findings.lines} lines, {findings.tiles} tiles, {findings.heads} heads")
    for problem in proof.differences(findings):
        typer.echo(problem)
    if not findings.whole:
        raise Refusal("log-changed", count=findings.found)
    typer.echo("good: all is as it was sealed" if findings.heads else _NOTHING_YET)


async def _check(
    log: Log, database: Database, kept: Path | None, witnesses: Sequence[proof.Verifier], processes: int | None
) -> proof.Findings:
    heads = kept_heads(kept, log.verifier) if kept else []
    latest = await log.latest()
    if processes is None:
        # Each waits half of its time for the database.
        processes = 1 if latest is None or latest.size < _SMALL else min(8, 2 * (os.cpu_count() or 1))
    spread = proof.Spread(database.url, processes)
    findings = await proof.check(database, log.verifier, heads, spread, witnesses, clock.now())
    checked = audit.Verification(clock.now(), findings.lines, findings.found)
    await audit.put_verification(database, checked)
    return findings
