"""Questions to web addresses that somebody registered: one address, one answer, little time, and no way to inner hosts.

A name is resolved once and that address connected to: a name that means an inner host, now or a moment later, is not
followed there. Redirects are not followed. What is asked often is remembered, and asked within a budget, so that nobody
can make this server knock at another's door.
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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final, Generic, TypeVar, cast
from urllib.parse import SplitResult, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
T = TypeVar("T")
_SECONDS: Final = 3.0
_BYTES: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Reach:
    """Which addresses may be connected to, beside public ones."""

    loopback: bool = False
    """This machine itself: on development servers."""
    private: bool = False
    """Networks of the house (RFC 1918, RFC 4193): where who runs the deployment said so of this very address."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: a GET, or with a body the POST of a form (`application/x-www-form-urlencoded`)."""

    url: str
    reach: Reach
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    statuses: tuple[int, ...] = (HTTPStatus.OK,)
    """Those that are answers."""


def fetch(question: Question) -> bytes:
    """The body at an address, at most 64 KiB, within three seconds. OSError or ValueError for whatever went wrong; a
    redirect is that as well: it would lead where nobody registered. Blocks: for a thread of its own."""
    parts = urlsplit(question.url)
    try:
        return _body(parts, question)
    except http.client.HTTPException as error:
        raise ConnectionError(type(error).__name__) from None


def _body(parts: SplitResult, question: Question) -> bytes:
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    address = _allowed(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM), question.reach)
    sockets = [socket.create_connection((address, port), timeout=_SECONDS)]
    # However slowly it is answered, in whatever pieces: after this long it is over.
    late = threading.Timer(_SECONDS, lambda: _cut(sockets[-1]))
    late.start()
    try:
        if parts.scheme == "https":
            context = ssl.create_default_context()
            sockets.append(context.wrap_socket(sockets[0], server_hostname=host, do_handshake_on_connect=False))
            cast(ssl.SSLSocket, sockets[-1]).do_handshake()
        return _answer(sockets[-1], parts, question)
    finally:
        late.cancel()
        for one in sockets:
            one.close()


def _answer(opened: socket.socket, parts: SplitResult, question: Question) -> bytes:
    connection = http.client.HTTPConnection(parts.netloc, timeout=_SECONDS)
    connection.sock = opened
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"Accept": "application/json", "Connection": "close", **question.headers}
    if question.body is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    connection.request("GET" if question.body is None else "POST", path, body=question.body, headers=headers)
    answer = connection.getresponse()
    if answer.status not in question.statuses:
        raise ValueError(answer.status)
    body = answer.read(_BYTES + 1)
    if len(body) > _BYTES:
        raise ValueError("too large")
    return body


def _cut(opened: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed in the meantime
        opened.shutdown(socket.SHUT_RDWR)


def _allowed(found: Sequence[Any], reach: Reach) -> str:
    """The first address that the name means, if all of them may be connected to."""
    addresses = [ipaddress.ip_address(one[4][0].partition("%")[0]) for one in found]
    if not addresses or not all(_is_allowed(one, reach) for one in addresses):
        raise ValueError("not an address that may be asked")
    return str(addresses[0])


def _is_allowed(one: Address, reach: Reach) -> bool:
    one = _reached(one)
    if one.is_loopback:
        return reach.loopback
    if one.is_global:
        return not one.is_multicast and not (one.version == 6 and (one.is_site_local or one in _LOCAL_NAT))
    return reach.private and any(one in network for network in _PRIVATE if network.version == one.version)


def _reached(one: Address) -> Address:
    """The IPv4 address where an IPv6 one ends by itself: mapped, compatible, 6to4, or of NAT64's own network."""
    if one.version == 4:
        return one
    inside = one.ipv4_mapped or one.sixtofour
    if inside is None and any(one in network for network in _INSIDE) and int(one) & 0xFFFFFFFF > 1:
        inside = ipaddress.IPv4Address(int(one) & 0xFFFFFFFF)
    return inside or one


_INSIDE: Final = tuple(ipaddress.IPv6Network(one) for one in ("::/96", "64:ff9b::/96"))
"""Networks whose addresses hold an IPv4 address at their end (RFC 4291 2.5.5.1, RFC 6052 2.1)."""
_LOCAL_NAT: Final = ipaddress.IPv6Network("64:ff9b:1::/48")
"""NAT64 of somebody's own making (RFC 8215): global to older Pythons."""
_PRIVATE: Final = tuple(
    ipaddress.ip_network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)


@dataclass(frozen=True, slots=True)
class Pacing:
    """How long an answer counts, and how often it is asked for."""

    fresh: timedelta
    """How long it counts without asking again."""
    stale: timedelta
    """How long it counts when the address does not answer."""
    interval: timedelta = timedelta(seconds=60)
    """Between two questions to one address, whatever came of the first."""
    budget: int = 30
    """Questions a minute of one worker, to all addresses together."""


class Remembered(Generic[T]):
    """Answers by address, read by `read`, which gives None (or raises ValueError) for what is none. One per worker."""

    def __init__(self, read: Callable[[bytes], T | None], pacing: Pacing) -> None:
        self._read = read
        self._pacing = pacing
        self._held: dict[str, _Held[T]] = {}
        self._asked: deque[datetime] = deque(maxlen=pacing.budget)

    async def get(
        self, url: str, reach: Reach, now: datetime, lacking: Callable[[T], bool] = lambda _: False
    ) -> T | None:
        """What stands there; None when nothing that counts is known. `lacking`: whether a fresh answer would be worth
        asking for although one is held."""
        held = self._held.setdefault(url, _Held())
        async with held.lock:  # who comes while it is asked waits for that answer
            old = held.got is None or now - held.got >= self._pacing.fresh
            if (old or (held.value is not None and lacking(held.value))) and self._may_ask(held, now):
                held.tried = now
                self._asked.append(now)
                found = await asyncio.to_thread(self._found, Question(url, reach))
                if found is not None:
                    held.value, held.got = found, now
        return held.value if held.got is not None and now - held.got < self._pacing.stale else None

    def _found(self, question: Question) -> T | None:
        try:
            return self._read(fetch(question))
        except (OSError, ValueError, KeyError):  # who asks learns nothing of what stands there
            return None

    def _may_ask(self, held: _Held[T], now: datetime) -> bool:
        waited = held.tried is None or now - held.tried >= self._pacing.interval
        spent = len(self._asked) == self._pacing.budget and now - self._asked[0] < timedelta(minutes=1)
        return waited and not spent


@dataclass(slots=True)
class _Held(Generic[T]):
    value: T | None = None
    got: datetime | None = None
    tried: datetime | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
