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
from http.client import HTTPException
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Annotated, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import msgspec
import typer

from yima.audit import proof
from yima.runtime import clock
from yima.runtime.errors import Refusal

_SILENT: Final = timedelta(minutes=15)
_AHEAD: Final = timedelta(minutes=5)
"""So far the platform's clock may be ahead of ours. A head of a time to come would never look silent."""
_BUSY: Final = (429, 502, 503, 504)
_LARGEST: Final = 1 << 20
_TIMEOUT: Final = 20
"""Seconds that an answer may pause."""
_LONGEST: Final = 60
"""Seconds for the whole of it."""
_KEPT: Final = 100_000
_SEED_BYTES: Final = 32
Fetch = Callable[[str], bytes]
Hand = Callable[[str, bytes], bytes]
_UNANSWERED: Final = (URLError, TimeoutError, ConnectionError)


class State(msgspec.Struct):
    """What a witness remembers, as its file holds it."""

    key: str
    heads: list[str] = []
    """Signed notes, in the order in which they were seen; each proven to grow out of the one before."""
    alarms: list[str] = []
    secret: str = ""
    """The seed of its own key, base64. Whoever has it can sign as this witness."""
    name: str = ""
    taken: str = ""
    """What the last head said whose cosignature the platform took."""

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
        _write(state, begun(key or _key(fetch), name))
    typer.echo(f"signs as {own_key(state)}")
    while True:
        try:
            typer.echo(look(fetch, state, key, clock.now(), hand))
        except _UNANSWERED as error:
            if once:
                raise Refusal("platform-unreachable", field=base, reason=_why(error)) from None
            typer.echo(f"no answer ({_why(error)}); asking again", err=True)
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
    `head-invalid` (signed by another key, or of a time to come), `log-silent`.
    """
    state = _state(path) if path.exists() else begun(key or _key(fetch))
    if key is not None and key != state.key:
        raise Refusal("head-invalid", reason="--key is not the key of the state file")
    try:
        said = _answered(fetch, state, now)
    except Refusal as refusal:
        state.alarms.append(f"{now.isoformat()} {refusal.code}: {refusal.text('en')}")
        _write(path, state)
        raise
    _write(path, state)  # before the signature leaves: it must never sign what it could forget
    if hand is None or state.taken == _newest(state).body:
        return said
    taken = _hand_in(hand, state)
    _write(path, state)
    return f"{said}; {taken}"


def _answered(fetch: Fetch, state: State, now: datetime) -> str:
    """What the log says. Who gives no answer for long, or breaks off where growth is to be proven, is silent."""
    try:
        return _grown(fetch, state, now)
    except _UNANSWERED:
        last = _newest(state).sealed if state.heads else now
        if now - last <= _SILENT:
            raise
        raise Refusal("log-silent", since=f"{last:%Y-%m-%d %H:%M} UTC") from None


def _hand_in(hand: Hand, state: State) -> str:
    """Give the newest head with its own signature to the platform. It may refuse it: the state file holds it all the
    same."""
    try:
        hand("/audit/cosignatures", state.heads[-1].encode())
    except _UNANSWERED as error:
        return f"its signature was not taken ({_why(error)})"
    state.taken = _newest(state).body
    return "its signature was taken"


def _why(error: OSError) -> str:
    return f"HTTP {error.code}" if isinstance(error, HTTPError) else type(error).__name__


def _newest(state: State) -> proof.Head:
    return proof.read_head(state.heads[-1], proof.read_verifier(state.key))


def _grown(fetch: Fetch, state: State, now: datetime) -> str:
    verifier = proof.read_verifier(state.key)
    head = proof.read_head(fetch("/audit/checkpoint").decode("utf-8", "replace"), verifier)
    last = proof.read_head(state.heads[-1], verifier) if state.heads else None
    if head.sealed > now + _AHEAD:
        raise Refusal("head-invalid", reason="it is of a time to come")
    if last is not None:
        _check(fetch, last, head, now)
    if last is None or last.body != head.body:
        # What else stood under it is not kept: it is not ours to fill the disk with.
        note = f"{head.body}\n\n{head.signature}{state.cosigner.cosign(head, now)}"
        state.heads = [*state.heads[-_KEPT + 1 :], note]
    if now - head.sealed > _SILENT:
        raise Refusal("log-silent", since=f"{head.sealed:%Y-%m-%d %H:%M} UTC")
    return f"{head.size} lines, sealed {head.sealed:%Y-%m-%d %H:%M:%S} UTC, grown out of all before"


def _check(fetch: Fetch, last: proof.Head, head: proof.Head, now: datetime) -> None:
    if head.size < last.size or head.sealed < last.sealed:
        raise Refusal("log-forked", first=last.size, second=head.size)
    path: list[str] = []
    if last.size not in (0, head.size):
        try:
            said = fetch(f"/audit/consistency?from={last.size}&to={head.size}")
        except HTTPError as error:  # who cannot prove growth has not grown; who is busy may say so for a while
            if error.code in _BUSY and now - last.sealed <= _SILENT:
                raise ConnectionError(error.code) from None
            raise Refusal("log-forked", first=last.size, second=head.size) from None
        with contextlib.suppress(msgspec.DecodeError, RecursionError):
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
        if state.secret and len(base64.b64decode(state.secret, validate=True)) != _SEED_BYTES:
            raise ValueError("its secret key has another length")
    except (OSError, ValueError, RecursionError) as error:  # what is no JSON, no state or no base64 is a ValueError
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


def _key(fetch: Fetch) -> str:
    return fetch("/audit/key").decode("utf-8", "replace").strip()


def _in_time(ask: Callable[[], bytes]) -> bytes:
    """The answer, if it is whole within a minute: a byte now and then must not hold a witness for ever. TimeoutError;
    ConnectionError for what is no HTTP."""
    answer = SimpleQueue[bytes | Exception]()

    def work() -> None:
        try:
            answer.put(ask())
        except HTTPException as error:
            answer.put(ConnectionError(type(error).__name__))
        except Exception as error:  # given to who waits
            answer.put(error)

    Thread(target=work, daemon=True).start()
    try:
        found = answer.get(timeout=_LONGEST)
    except Empty:
        raise TimeoutError from None
    if isinstance(found, Exception):
        raise found
    return found


class _Here(HTTPRedirectHandler):
    """Whoever answers for the platform must not send a witness knocking elsewhere in its own house."""

    def redirect_request(self, *_: object, **__: object) -> None:
        """Nowhere: the answer that would lead there is an HTTPError."""


_opener: Final = build_opener(_Here)


def _opened(asked: Request) -> bytes:
    with _opener.open(asked, timeout=_TIMEOUT) as answer:
        return bytes(answer.read(_LARGEST))


def _fetcher(base: str) -> Fetch:
    if urlsplit(base).scheme not in ("http", "https"):
        raise Refusal("field-invalid", field="--base", expected="an http or https address")

    def fetch(path: str) -> bytes:
        asked = Request(f"{base.rstrip('/')}{path}", headers={"User-Agent": "yima-witness"})  # noqa: S310  scheme checked above
        return _in_time(lambda: _opened(asked))

    return fetch


def _hander(base: str) -> Hand:
    def hand(path: str, body: bytes) -> bytes:
        headers = {"User-Agent": "yima-witness", "Content-Type": "text/plain; charset=utf-8"}
        asked = Request(f"{base.rstrip('/')}{path}", body, headers)  # noqa: S310  scheme checked by `_fetcher`
        return _in_time(lambda: _opened(asked))

    return hand
