"""`yima witness`: a regulator's program, run elsewhere, that remembers the log's heads and sees when it is rewritten.

It needs the platform's address and nothing else of it. What it has seen stands in one file: the log's key, its own
secret key, every head with its own signature under it, and what was wrong. It hands its signatures back to the
platform, which shows them. A log that shrank, forked, fell silent or changed its key ends the program with status 1.
"""

from __future__ import annotations

import base64
import contextlib
import os
import secrets
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
_SEED_BYTES: Final = 32
Fetch = Callable[[str], bytes]
Hand = Callable[[str, bytes], bytes]


class State(msgspec.Struct):
    """What a witness remembers, as its file holds it."""

    key: str
    heads: list[str] = []
    """Signed notes, in the order in which they were seen; each proven to grow out of the one before."""
    alarms: list[str] = []
    secret: str = ""
    """The seed of its own key, base64. Whoever has it can sign as this witness."""
    name: str = ""
    handed: int = 0
    """The size of the last head whose cosignature the platform took."""

    @property
    def cosigner(self) -> proof.Cosigner:
        """Its own key."""
        return proof.Cosigner(base64.b64decode(self.secret), self.name)


def witness(
    base: Annotated[str, typer.Option(help="Address of the platform, e.g. https://yima.example.")],
    state: Annotated[Path, typer.Option(help="File in which it remembers; made on the first run.")],
    key: Annotated[
        str | None, typer.Option(help="The log's key, got another way; without it the first answer is believed.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Seconds between looks.")] = 60,
    once: Annotated[bool, typer.Option("--once", help="Look once and end.")] = False,
    name: Annotated[str, typer.Option(help="What the witness is called under heads; for the first run.")] = "",
) -> None:
    """Watch a log from outside: keep its signed heads, check that each grows out of the last, sign them too."""
    fetch, hand = _fetcher(base), _hander(base)
    if not state.exists():
        _write(state, begun(key or fetch("/audit/key").decode().strip(), name))
    typer.echo(f"signs as {own_key(state)}")
    while True:
        try:
            typer.echo(look(fetch, state, key, clock.now(), hand))
        except (URLError, TimeoutError, ConnectionError) as error:
            if once:
                raise Refusal("platform-unreachable", field=base, reason=type(error).__name__) from None
            typer.echo(f"no answer ({type(error).__name__}); asking again", err=True)
        if once:
            return
        time.sleep(every)


def begun(key: str, name: str = "", seed: bytes = b"") -> State:
    """The state of a witness that has seen nothing, with a key of its own. Refusal `field-invalid`."""
    if name and not proof.is_witness_name(name):
        raise Refusal("field-invalid", field="--name", expected="letters, digits and ._/-")
    seed = seed or secrets.token_bytes(_SEED_BYTES)
    return State(key, secret=base64.b64encode(seed).decode(), name=name)


def own_key(path: Path) -> str:
    """The public key of the witness whose state that is, to be given to whoever checks its signatures."""
    return _state(path).cosigner.verifier.text()


def look(fetch: Fetch, path: Path, key: str | None, now: datetime, hand: Hand | None = None) -> str:
    """One look: what was seen, in words. What is wrong is written down first; only what is right is signed.

    Refusals: `log-forked` (another log of the same size, a shorter one, or one that does not grow out of the last),
    `head-invalid` (signed by another key), `log-silent`.
    """
    state = _state(path) if path.exists() else begun(key or fetch("/audit/key").decode().strip())
    if key is not None and key != state.key:
        raise Refusal("head-invalid", reason="--key is not the key of the state file")
    try:
        said = _grown(fetch, state, now)
    except Refusal as refusal:
        state.alarms.append(f"{now.isoformat()} {refusal.code}: {refusal.text('en')}")
        _write(path, state)
        raise
    _write(path, state)  # before the signature leaves: it must never sign what it could forget
    if hand is None or state.handed == _size(state):
        return said
    taken = _hand_in(hand, state)
    _write(path, state)
    return f"{said}; {taken}"


def _hand_in(hand: Hand, state: State) -> str:
    """Give the newest head with its own signature to the platform. It may refuse it: the state file holds it all the
    same."""
    try:
        hand("/audit/cosignatures", state.heads[-1].encode())
    except (HTTPError, URLError, TimeoutError, ConnectionError) as error:
        reason = error.code if isinstance(error, HTTPError) else type(error).__name__
        return f"its signature was not taken ({reason})"
    state.handed = _size(state)
    return "its signature was taken"


def _size(state: State) -> int:
    return proof.read_head(state.heads[-1], proof.read_verifier(state.key)).size


def _grown(fetch: Fetch, state: State, now: datetime) -> str:
    verifier = proof.read_verifier(state.key)
    head = proof.read_head(fetch("/audit/checkpoint").decode("utf-8", "replace"), verifier)
    last = proof.read_head(state.heads[-1], verifier) if state.heads else None
    if last is not None:
        _check(fetch, last, head)
    if last is None or last.body != head.body:
        state.heads = [*state.heads[-_KEPT + 1 :], f"{head.note}{state.cosigner.cosign(head, now)}"]
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
    return [proof.read_head(note, verifier) for note in _state(path).heads]


def _state(path: Path) -> State:
    try:
        state = msgspec.json.decode(path.read_bytes(), type=State)
    except (OSError, msgspec.DecodeError) as error:
        raise Refusal("input-unreadable", field=str(path), reason=str(error)) from None
    if not state.secret:  # of a release before witnesses signed
        state.secret = begun(state.key).secret
        _write(path, state)
    return state


def _write(path: Path, state: State) -> None:
    """Whole or not at all: what a witness forgets, nobody else remembers."""
    temporary = path.with_name(f"{path.name}.new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
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


def _hander(base: str) -> Hand:
    def hand(path: str, body: bytes) -> bytes:
        headers = {"User-Agent": "yima-witness", "Content-Type": "text/plain; charset=utf-8"}
        asked = Request(f"{base.rstrip('/')}{path}", body, headers)  # noqa: S310  scheme checked by `_fetcher`
        with urlopen(asked, timeout=_TIMEOUT) as answer:  # noqa: S310  scheme checked by `_fetcher`
            return bytes(answer.read(_LARGEST))

    return hand
