"""Public keys of apps that publish them at an address of their own (SMART App Launch 2.2, client authentication).

Only the address that was registered is asked: nothing in an assertion names one. It is asked when the keys held are
old, or when an assertion names a key that is not among them, and then within a budget, so that nobody can make this
server knock at another's door by sending assertions. The address is resolved once and that address connected to: a name
that means an inner host, now or a moment later, is not followed there.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import ipaddress
import socket
import ssl
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, cast
from urllib.parse import SplitResult, urlsplit

import orjson

from yima.directory.register import is_public_key
from yima.runtime.errors import Refusal

FRESH: Final = timedelta(minutes=5)
"""How long keys count without asking again: so long at most works a key that was taken away."""
_STALE: Final = timedelta(hours=1)
"""How long they count when the address does not answer."""
_INTERVAL: Final = timedelta(seconds=60)
"""Between two questions to one address, whatever came of the first."""
_BUDGET: Final = 30
"""Questions a minute of one worker, to all addresses together."""
_SECONDS: Final = 3.0
_BYTES: Final = 64 * 1024
_MOST_KEYS: Final = 20


class KeySets:
    """Key sets by address, remembered. One per worker. `development`: loopback addresses may be asked, also by http."""

    def __init__(self, *, development: bool) -> None:
        self._development = development
        self._held: dict[str, _Held] = {}
        self._asked: deque[datetime] = deque(maxlen=_BUDGET)

    async def keys(self, url: str, kid: str, now: datetime) -> list[dict[str, Any]]:
        """The public keys at a registered address, as JWKs. `kid`: the one looked for, "" if none was named.

        Refusal `client-invalid` when there are none that count any more.
        """
        held = self._held.setdefault(url, _Held())
        async with held.lock:  # who comes while it is asked waits for that answer
            if held.wanting(kid, now) and self._may_ask(held, now):
                held.tried = now
                self._asked.append(now)
                found = await asyncio.to_thread(_fetched, url, self._development)
                if found is not None:
                    held.keys, held.got = found, now
        if held.got is None or now - held.got >= _STALE:
            raise Refusal("client-invalid", reason="its keys cannot be had from the registered jwks_url")
        return held.keys

    def _may_ask(self, held: _Held, now: datetime) -> bool:
        waited = held.tried is None or now - held.tried >= _INTERVAL
        spent = len(self._asked) == _BUDGET and now - self._asked[0] < timedelta(minutes=1)
        return waited and not spent


@dataclass(slots=True)
class _Held:
    keys: list[dict[str, Any]] = field(default_factory=list)
    got: datetime | None = None
    tried: datetime | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def wanting(self, kid: str, now: datetime) -> bool:
        if self.got is None or now - self.got >= FRESH:
            return True
        return bool(kid) and all(key.get("kid") != kid for key in self.keys)


def _fetched(url: str, development: bool) -> list[dict[str, Any]] | None:
    """The keys at the address; None for whatever went wrong: who asks learns nothing of what stands there."""
    parts = urlsplit(url)
    try:
        body = _body(parts, development)
        said = orjson.loads(body)
        keys = said["keys"] if isinstance(said, dict) else None
    except (OSError, ValueError, KeyError, http.client.HTTPException):
        return None
    if not isinstance(keys, list) or len(keys) > _MOST_KEYS:
        return None
    good = [key for key in keys if is_public_key(key)]  # a set may hold keys for other uses, or of newer kinds
    return good or None


def _body(parts: SplitResult, development: bool) -> bytes:
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    address = _allowed(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), development)
    sockets = [socket.create_connection((address, port), timeout=_SECONDS)]
    # However slowly it is answered, in whatever pieces: after this long it is over.
    late = threading.Timer(_SECONDS, lambda: _cut(sockets[-1]))
    late.start()
    try:
        if parts.scheme == "https":
            context = ssl.create_default_context()
            sockets.append(context.wrap_socket(sockets[0], server_hostname=host, do_handshake_on_connect=False))
            cast(ssl.SSLSocket, sockets[-1]).do_handshake()
        return _answer(sockets[-1], parts, host, port)
    finally:
        late.cancel()
        for one in sockets:
            one.close()


def _answer(opened: socket.socket, parts: SplitResult, host: str, port: int) -> bytes:
    connection = http.client.HTTPConnection(host, port, timeout=_SECONDS)
    connection.sock = opened
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request("GET", path, headers={"Accept": "application/json", "Connection": "close"})
    answer = connection.getresponse()
    if answer.status != HTTPStatus.OK:  # a redirect as well: it would lead where nobody registered
        raise ValueError(answer.status)
    body = answer.read(_BYTES + 1)
    if len(body) > _BYTES:
        raise ValueError("too large")
    return body


def _cut(opened: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed in the meantime
        opened.shutdown(socket.SHUT_RDWR)


def _allowed(found: Sequence[Any], development: bool) -> str:
    """The first address that the name means, if all of them are public, or loopback in development."""
    addresses = [ipaddress.ip_address(one[4][0].partition("%")[0]) for one in found]
    if not addresses or not all(a.is_global or (development and a.is_loopback) for a in addresses):
        raise ValueError("not a public address")
    return str(addresses[0])
