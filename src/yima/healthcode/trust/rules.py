"""How long keys sign, how much they sign, and for how long lists are believed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from yima.healthcode.offline.cose import SM2_ALGORITHM
from yima.healthcode.trust.certificate import Use

CAP: Final = 1_000_000
"""Credentials one signer signs at most: revoking it must remain possible (EU certificates were forged under a key that
had signed millions, and nobody could afford to revoke it)."""
STATUS_BITS: Final = 1 << 20
"""Places of a status list: above `CAP`, so that a free place is found by drawing."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a deployment decides about its signers."""

    sign: timedelta = timedelta(days=90)
    """How long one signer signs: 3 to 6 months."""
    credential: timedelta = timedelta(days=366)
    """How long a credential may live after its signer's last day of signing; its certificate lives as long."""
    cap: int = CAP
    status_bits: int = STATUS_BITS
    root: timedelta = timedelta(days=20 * 366)
    issuer: timedelta = timedelta(days=10 * 366)
    notice: timedelta = timedelta(days=1)
    """How long the next signer stands in the trust list before it signs, unless its predecessor was lost."""

    sm2_algorithm: int = SM2_ALGORITHM
    """The COSE number of SM2, of which none is registered."""


DEFAULT_RULES: Final = Rules()


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old a list may be, by the clock of whoever checks a credential offline."""

    warn: timedelta = timedelta(hours=24)
    refuse: timedelta = timedelta(days=7)

    def of(self, age: timedelta) -> str:
        """`fresh`, `stale` (say so, and go on) or `refuse`."""
        if age >= self.refuse:
            return "refuse"
        return "stale" if age >= self.warn else "fresh"


DEFAULT_FRESHNESS: Final = Freshness()

CREDENTIAL_KINDS: Final[Mapping[str, Use]] = MappingProxyType(
    {"identity": "identity", "emergency": "identity", "shc": "shc", "device": "device"}
)
"""The kinds of credentials in the issuance log, and which use of signer signs each."""
