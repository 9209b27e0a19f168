"""`yima audit`: the heads of the log, a proof for a line, and whether all is as it was sealed."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import typer

from yima import audit
from yima.access import Access
from yima.audit import proof
from yima.cli.witness import kept_heads
from yima.runtime import clock, settings
from yima.runtime.errors import Refusal
from yima.runtime.keys import FileKeyStore

Run = Callable[[Path | None, Callable[[Access], Coroutine[Any, Any, Any]]], Any]
Data = Annotated[Path | None, typer.Option("--data", help="Data directory (default .yima).")]
Key = Annotated[
    str | None, typer.Option("--key", help="The log's key as /audit/key gives it; else the data directory's own.")
]
Head = Annotated[str | None, typer.Option(help="A file of `yima audit head`, or a size in lines.")]
_INDENT: Final = 1
_SMALL: Final = 200_000
"""Lines; fewer are checked in one process: others would take as long to start."""


def audit_commands(run: Run) -> typer.Typer:
    """The commands of `yima audit`."""
    app = typer.Typer(no_args_is_help=True, help="The log that cannot lie: heads, proofs, verification.")

    @app.command("head")
    def head(
        since: Annotated[
            int | None, typer.Option("--from", min=0, help="Prove that the log of this size is its beginning.")
        ] = None,
        data: Data = None,
    ) -> None:
        """Seal what was written and print the signed head; with --from as JSON with a proof of growth."""
        typer.echo(run(data, lambda access: _head(access, since)), nl=since is not None)

    @app.command("prove")
    def prove(
        line: Annotated[str, typer.Argument(help="Id of the line (of the AuditEvent).")], data: Data = None
    ) -> None:
        """Print a line with the proof that it is in the log, to be checked by `yima audit verify --line FILE`."""
        typer.echo(run(data, lambda access: _prove(access, line)))

    @app.command("verify")
    def verify(  # noqa: PLR0913, PLR0917  one for each option
        since: Annotated[str | None, typer.Option("--from", help="A head kept before: file, or size in lines.")] = None,
        until: Annotated[str | None, typer.Option("--to", help="A later head: file, or size in lines.")] = None,
        line: Annotated[Path | None, typer.Option("--line", help="A proof of `yima audit prove`.", exists=True)] = None,
        kept: Annotated[
            Path | None,
            typer.Option("--kept", help="State file of a witness: its heads are compared too.", exists=True),
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
            _verify_growth(run, data, (since, until), _verifier(key, data), witnesses)
        if line is None and since is None and until is None:
            _verify_all(run, data, lambda access: _check(access, kept, witnesses, processes))

    @app.command("witness")
    def witnesses(
        add: Annotated[str | None, typer.Option(help="Take signatures of this key, as `yima witness` says it.")] = None,
        end: Annotated[str | None, typer.Option(help="Take nothing more from the witness of this name.")] = None,
        data: Data = None,
    ) -> None:
        """Add or end a witness whose signatures are kept beside the heads; list them all."""
        for line in run(data, lambda access: _witnesses(access, add, end)):
            typer.echo(line)

    return app


async def _witnesses(access: Access, add: str | None, end: str | None) -> list[str]:
    known = access.log.witnesses
    if add is not None:
        await known.add(add, clock.now())
    if end is not None:
        await known.end(end, clock.now())
    return [_said(one) for one in await known.known()]


def _said(one: proof.Witness) -> str:
    seen = f"signed {one.size} lines at {one.at:%Y-%m-%d %H:%M:%S} UTC" if one.at else "has signed nothing"
    ended = f", ended {one.ended:%Y-%m-%d} UTC" if one.ended else ""
    return f"{one.key}  {seen}{ended}"


async def _head(access: Access, since: int | None) -> str:
    head = await access.log.seal(clock.now())
    if since is None:
        return head.note
    path = [proof.text_of(one) for one in await access.log.consistency(since, head.size)]
    return _paper(proof.HeadPaper(head.note, access.log.verifier.text(), since, path))


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
    run: Run,
    data: Path | None,
    named: tuple[str | None, str | None],
    verifier: proof.Verifier,
    witnesses: Sequence[proof.Verifier],
) -> None:
    since, until = named
    if since is None or until is None:
        missing = "--from" if since is None else "--to"
        raise Refusal("field-missing", field=missing, expected="two heads: --from and --to")
    first, later = _named(run, data, since), _named(run, data, until)
    one, two = proof.read_head(first.head, verifier), proof.read_head(later.head, verifier)
    path = later.path if later.path and later.since == one.size else None
    if path is None and one.size != two.size and one.size:
        path = run(data, lambda access: _growth(access, one.size, two.size))
    proof.check_growth(one, two, path or [])
    _check_cosigned(two, witnesses)
    typer.echo(f"good: the log of {one.size} lines is the beginning of the log of {two.size}")


async def _growth(access: Access, first: int, second: int) -> list[str]:
    return [proof.text_of(one) for one in await access.log.consistency(first, second)]


def _named(run: Run, data: Path | None, named: str) -> proof.HeadPaper:
    if named.isascii() and named.isdigit() and not Path(named).exists():
        return proof.HeadPaper(run(data, lambda access: _note(access, int(named))))
    try:
        return proof.read_head_paper(Path(named).read_bytes())
    except OSError as error:
        raise Refusal("input-unreadable", field=named, reason=type(error).__name__) from None


async def _note(access: Access, size: int) -> str:
    return (await access.log.head_of(size)).note


def _verify_all(run: Run, data: Path | None, check: Callable[[Access], Coroutine[Any, Any, proof.Findings]]) -> None:
    findings = run(data, check)
    typer.echo(f"{findings.lines} lines, {findings.tiles} tiles, {findings.heads} heads")
    for problem in proof.differences(findings):
        typer.echo(problem)
    if not findings.whole:
        raise Refusal("log-changed", count=findings.found)
    typer.echo("good: all is as it was sealed")


async def _check(
    access: Access, kept: Path | None, witnesses: Sequence[proof.Verifier], processes: int | None
) -> proof.Findings:
    heads = kept_heads(kept, access.log.verifier) if kept else []
    latest = await access.log.latest()
    if processes is None:
        processes = 1 if latest is None or latest.size < _SMALL else min(4, os.cpu_count() or 1)
    spread = proof.Spread(access.database.url, processes)
    findings = await proof.check(access.database, access.log.verifier, heads, spread, witnesses)
    checked = audit.Verification(clock.now(), findings.lines, findings.found)
    await audit.put_verification(access.database, checked)
    return findings
