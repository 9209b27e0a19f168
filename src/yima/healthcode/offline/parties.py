"""Who signs and who is trusted, as offline credentials need them; `healthcode.trust` and `trustfile` provide them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import msgspec

from yima.crypto import SigningKey
from yima.healthcode.offline.cose import SM2_ALGORITHM
from yima.runtime.errors import Refusal


class Checking(Protocol):
    """A key that checks; `verify` never raises."""

    @property
    def algorithm(self) -> str:
        """`ES256`, `SM2`, or in a foreign trust file also `PS256` and the like."""
        ...

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether this is the signature of that message."""
        ...


class Signer(Protocol):
    """A signer at work: its key, and the certificate in the trust list under whose key id its credentials go."""

    @property
    def key_id(self) -> bytes:
        """8 bytes."""
        ...

    @property
    def key(self) -> SigningKey:
        """The private key; signatures are 64 bytes r||s."""
        ...

    @property
    def algorithm(self) -> str:
        """`ES256` or `SM2`."""
        ...

    @property
    def not_after(self) -> datetime:
        """The end of its certificate: no credential of it lives longer."""
        ...


class Trusted(Protocol):
    """A signer as the one who checks knows it."""

    @property
    def key(self) -> Checking:
        """The public key."""
        ...

    @property
    def not_before(self) -> datetime:
        """From when on its certificate is valid."""
        ...

    @property
    def not_after(self) -> datetime:
        """Until when."""
        ...

    @property
    def use(self) -> str:
        """What it may sign: `identity` (emergency cards too), `shc`, `device`; empty for everything (foreign files)."""
        ...

    @property
    def revoked(self) -> datetime | None:
        """Since when it is revoked, or None."""
        ...


class StatusList(Protocol):
    """A status list as held here."""

    @property
    def issued(self) -> datetime:
        """When it was signed."""
        ...

    def is_revoked(self, index: int) -> bool:
        """The bit of one credential."""
        ...


Trust = Callable[[bytes], Trusted | None]
"""The signer behind a key id: 8 bytes in COSE and device codes, the ASCII bytes of `kid` in a JWS."""
Lists = Callable[[str], StatusList | None]
"""The list behind a URI (Token Status List) or, for a device code, behind `/status-lists/{shard}`."""


class StatusRef(msgspec.Struct, frozen=True, gc=False):
    """Where a credential's bit is: the list's address and the place in it (Token Status List, section 6)."""

    uri: str
    index: int

    @property
    def shard(self) -> int:
        """The number at the end of the address. Refusal `internal` when there is none: the address is ours."""
        tail = self.uri.rpartition("/")[2]
        if not tail.isascii() or not tail.isdigit():
            raise Refusal("internal")
        return int(tail)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a verifier accepts."""

    warn: timedelta = timedelta(hours=24)
    """Older status lists are said to be old."""
    refuse: timedelta = timedelta(days=7)
    """Older ones are not enough to accept a credential."""
    skew: timedelta = timedelta(seconds=30)
    """How far the clocks of those concerned may differ."""
    fresh: timedelta = timedelta(seconds=75)
    """How long a device-signed code lives."""
    sm2_algorithm: int = SM2_ALGORITHM
    """The COSE number of SM2."""
