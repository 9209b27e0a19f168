"""`yima witness`: a regulator's program, run elsewhere, that remembers the log's heads and sees when it is rewritten.

It needs the platform's address and nothing else of it. What it has seen stands in one file: the key, every head, and
what was wrong. A log that shrank, forked, fell silent or changed its key ends the program with status 1.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import msgspec
import typer

from yima.audit import proof
from yima.runtime import clock
from yima.runtime.errors import Refusal

_SILENT: Final = timedelta(minutes=15)
_LARGEST: Final = 1 << 20
_TIMEOUT: Final = 20
_KEPT: Final = 100_000
Fetch = Callable[[str], bytes]


class State(msgspec.Struct):
    """What a witness remembers, as its file holds it."""

    key: str
    heads: list[str] = []
    """Signed notes, in the order in which they were seen; each proven to grow out of the one before."""
    alarms: list[str] = []


def witness(
    base: Annotated[str, typer.Option(help="Address of the platform, e.g. https://yima.example.")],
    state: Annotated[Path, typer.Option(help="File in which it remembers; made on the first run.")],
    key: Annotated[
        str | None, typer.Option(help="The log's key, got another way; without it the first answer is believed.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Seconds between looks.")] = 60,
    once: Annotated[bool, typer.Option("--once", help="Look once and end.")] = False,
) -> None:
    """Watch a log from outside: keep its signed heads, check that each grows out of the last."""
    fetch = _fetcher(base)
    while True:
        try:
            typer.echo(look(fetch, state, key, clock.now()))
        except (URLError, TimeoutError, ConnectionError) as error:
            if once:
                raise Refusal("platform-unreachable", field=base, reason=type(error).__name__) from None
            typer.echo(f"no answer ({type(error).__name__}); asking again", err=True)
        if once:
            return
        time.sleep(every)


def look(fetch: Fetch, path: Path, key: str | None, now: datetime) -> str:
    """One look: what was seen, in words. What is wrong is written down first.

    Refusals: `log-forked` (another log of the same size, a shorter one, or one that does not grow out of the last),
    `head-invalid` (signed by another key), `log-silent`.
    """
    state = _read(path)
    if state is None:
        state = State(key or fetch("/audit/key").decode().strip())
    elif key is not None and key != state.key:
        raise Refusal("head-invalid", reason="--key is not the key of the state file")
    try:
        said = _grown(fetch, state, now)
    except Refusal as refusal:
        state.alarms.append(f"{now.isoformat()} {refusal.code}: {refusal.text('en')}")
        _write(path, state)
        raise
    _write(path, state)
    return said


def _grown(fetch: Fetch, state: State, now: datetime) -> str:
    verifier = proof.read_verifier(state.key)
    note = fetch("/audit/checkpoint").decode("utf-8", "replace")
    head = proof.read_head(note, verifier)
    if state.heads:
        last = proof.read_head(state.heads[-1], verifier)
        _check(fetch, last, head)
    if not state.heads or state.heads[-1] != note:
        state.heads = [*state.heads[-_KEPT + 1 :], note]
    if now - head.sealed > _SILENT:
        raise Refusal("log-silent", since=f"{head.sealed:%Y-%m-%d %H:%M} UTC")
    return f"{head.size} lines, sealed {head.sealed:%Y-%m-%d %H:%M:%S} UTC, grown out of all before"


def _check(fetch: Fetch, last: proof.Head, head: proof.Head) -> None:
    if head.size < last.size or head.sealed < last.sealed:
        raise Refusal("log-forked", first=last.size, second=head.size)
    path: list[str] = []
    if last.size not in (0, head.size):
        try:
            said = fetch(f"/audit/consistency?from={last.size}&to={head.size}")
        except HTTPError:  # who cannot prove growth has not grown
            raise Refusal("log-forked", first=last.size, second=head.size) from None
        with contextlib.suppress(msgspec.DecodeError):
            path = msgspec.json.decode(said, type=_Path).path
    proof.check_growth(last, head, path)


class _Path(msgspec.Struct):
    path: list[str]


def kept_heads(path: Path, verifier: proof.Verifier) -> list[proof.Head]:
    """The heads that a witness kept. Refusals `input-unreadable`, `head-invalid`."""
    state = _read(path)
    if state is None:
        raise Refusal("input-unreadable", field=str(path), reason="it is not there")
    return [proof.read_head(note, verifier) for note in state.heads]


def _read(path: Path) -> State | None:
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except msgspec.DecodeError as error:
        raise Refusal("input-unreadable", field=str(path), reason=str(error)) from None


def _write(path: Path, state: State) -> None:
    """Whole or not at all: what a witness forgets, nobody else remembers."""
    temporary = path.with_name(f"{path.name}.new")
    with temporary.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(state), indent=1))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _fetcher(base: str) -> Fetch:
    if urlsplit(base).scheme not in ("http", "https"):
        raise Refusal("field-invalid", field="--base", expected="an http or https address")

    def fetch(path: str) -> bytes:
        asked = Request(f"{base.rstrip('/')}{path}", headers={"User-Agent": "yima-witness"})  # noqa: S310  scheme checked above
        with urlopen(asked, timeout=_TIMEOUT) as answer:  # noqa: S310  scheme checked above
            return bytes(answer.read(_LARGEST))

    return fetch
