"""What readers of SMART Health Cards fetch: the keys for `jwks.json`, and the card revocation lists of version 1.4."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import datetime

from yima.crypto import VerifyKey
from yima.healthcode.card import Source
from yima.healthcode.trust.certificate import read_certificate
from yima.healthcode.trust.signers import SQL


@dataclass(frozen=True, slots=True)
class HealthCardKey:
    """A key that signs or signed health cards which may still be valid."""

    number: int
    """Of the signer and its status list."""
    key: VerifyKey
    version: int
    """Of its revocations: rises with each."""


async def health_card_keys(source: Source, now: datetime) -> list[HealthCardKey]:
    """The keys to publish: those of revoked signers are left out, and with them all their cards."""
    rows = await source.fetch(SQL.health_card_signers, now)
    return [HealthCardKey(r["number"], read_certificate(r["certificate"]).key, r["status_version"]) for r in rows]


async def revoked_cards(source: Source, one: HealthCardKey) -> list[str]:
    """`rid` of the revoked cards of a key, `shard-index` as in the cards."""
    row = await source.fetchrow(SQL.revoked_until, one.number, 0, one.version)
    return [f"{one.number}-{index}" for (index,) in struct.iter_unpack(">i", row["indexes"])]
