"""How often somebody may call: so many at once, and so many a second in the long run, each by a key.

The generic cell rate algorithm (ITU-T I.371, annex A, its "virtual scheduling" form): of each key only the moment is
kept at which all it has had would be paid for. What is kept is bounded: those who are paid up are forgotten first, then
those who were seen first. Each worker counts for itself.
"""

from __future__ import annotations

import ipaddress
import math
from itertools import islice
from typing import Final

from yima.runtime.errors import Refusal

_MOST_KEYS: Final = 50_000
"""Some 5 MB."""
_ROUNDING: Final = 1e-9
"""Seconds that are none."""
_IPV6_NETWORK: Final = 64
"""What one subscriber has of IPv6: whoever has an address there has 2**64 of them (RFC 6177)."""


class Pace:
    """A limit by key. `rate` in units a second, 0 for none; `burst` units at once. `most`: keys remembered."""

    def __init__(self, rate: float, burst: float, *, most: int = _MOST_KEYS) -> None:
        self.limits: Final = rate > 0
        """Whether there is a limit at all."""
        self._interval = 1 / rate if rate else 0.0
        self._ahead = burst * self._interval
        self._most = most
        self._due: dict[str, float] = {}

    def wait(self, key: str, now: float, units: float = 1) -> float:
        """Take so many units, and 0; or nothing, and the seconds after which they can be had."""
        if not self._interval:
            return 0.0
        due = self._due.get(key, now)
        if due - now > self._ahead + _ROUNDING:  # nobody can owe so much: the clock went back
            due = now
        due = (due if due > now else now) + units * self._interval
        late = due - now - self._ahead
        if late > _ROUNDING:
            return late
        if len(self._due) >= self._most and key not in self._due:
            self._forget(now)
        self._due[key] = due
        return 0.0

    def check(self, key: str, now: float, units: float = 1) -> None:
        """As `wait`; Refusal `too-many-requests` with the seconds to wait."""
        due = self._due.get(key)  # every request of a token comes here: whom one knows and who is on time, at once
        if due is not None:
            due = (due if due > now else now) + units * self._interval
            if due - now <= self._ahead:
                self._due[key] = due
                return
        if late := self.wait(key, now, units):
            raise Refusal("too-many-requests", retry_after=math.ceil(late))

    def charge(self, key: str, now: float, units: float) -> None:
        """Take units that are owed, whether they are there or not; never more debt than a whole burst."""
        due = max(self._due.get(key, now), now) + units * self._interval
        self._due[key] = min(due, now + self._ahead)

    def __len__(self) -> int:
        return len(self._due)

    def _forget(self, now: float) -> None:
        self._due = {key: due for key, due in self._due.items() if due > now}
        if len(self._due) > self._most // 2:  # a flood of keys: the oldest half goes, so that this is seldom
            self._due = dict(islice(self._due.items(), len(self._due) // 2, None))


def network_of(address: str) -> str:
    """The network that counts as one caller: an IPv4 address, or the /64 of an IPv6 address; else the text as it is."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if found.version == 4:
        return str(found)
    if found.ipv4_mapped:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((int(found), _IPV6_NETWORK), strict=False))


def sender_of(peer: str, forwarded: str, proxies: frozenset[str]) -> str:
    """Who sent a request: the peer, or behind proxies of one's own the last address of X-Forwarded-For that is none of
    them. What stands further left anybody may have written."""
    if peer not in proxies:
        return peer
    for said in reversed(forwarded.split(",")):
        if (address := said.strip()) and address not in proxies:
            return address
    return peer
