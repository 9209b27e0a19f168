"""Who signs: two roots, an issuer CA under each, and document signers that take turns.

Certificates stand in the database, one row each; private keys follow from the key store's named secrets and are written
nowhere. So every worker and every restart finds the same signer. The next signer of each use is made, and published in
the trust list, when the present one begins: a scanner that fetched the list in the last months knows it already.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final, Protocol, runtime_checkable

from yima.crypto import ALGORITHMS, Algorithm, SigningKey, signing_key
from yima.healthcode.card import Source
from yima.healthcode.trust.certificate import Subject, Use, certify, key_id_of, read_certificate
from yima.healthcode.trust.rules import DEFAULT_RULES, Rules
from yima.runtime import logs
from yima.runtime.database import Connection, Queries
from yima.runtime.errors import Refusal
from yima.runtime.keys import KeyStore

SQL = Queries(__package__)
LOCK: Final = 0x5452555354  # "TRUST"
_STRIPES: Final = 16
_SKEW: Final = timedelta(hours=1)
"""Certificates begin this much before they are made: scanners' clocks may be behind."""
_log = logs.get("trust")


@runtime_checkable
class SigningStore(Protocol):
    """A key store that signs inside itself, as an HSM does: what it offers besides `KeyStore.secret`.

    A store without this method gives 32 bytes by name, from which the private key is derived in the process.
    """

    def signing_key(self, algorithm: Algorithm, name: str) -> SigningKey:
        """The key of that name, made on first use; its `sign` asks the device. Names begin `healthcode/trust/`."""
        ...


@dataclass(frozen=True, slots=True)
class Signer:
    """A document signer of this deployment, with its private key."""

    number: int
    """Also the number of its status list."""
    key_id: bytes
    """8 bytes: what credentials name it by."""
    algorithm: Algorithm
    use: Use
    key: SigningKey
    certificate: bytes
    """DER."""
    chain: tuple[bytes, ...]
    """The certificate and its issuer's, DER; the root is pinned and not in it."""
    ends: datetime
    """It signs nothing from then on."""
    not_after: datetime
    """The end of its certificate: what it signs may not live longer."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A root or an issuer CA."""

    level: str
    algorithm: Algorithm
    key_id: bytes
    certificate: bytes
    """DER."""

    @property
    def not_after(self) -> datetime:
        """The end of its certificate."""
        return read_certificate(self.certificate).not_after


async def signer(
    c: Connection, keys: KeyStore, algorithm: Algorithm, use: Use, now: datetime, rules: Rules = DEFAULT_RULES
) -> Signer:
    """The signer whose turn it is; made with its CAs on first use, changed when its time or its cap is used up.

    In the caller's transaction, which is not SERIALIZABLE: whoever waited for another worker must see what that made.
    """
    row = await c.fetchrow(SQL.present_signer, algorithm, use, now)
    if row is None:
        row = await _begin(c, keys, algorithm, use, now, rules)
    issuer = next(one for one in await authorities(c, [algorithm]) if one.key_id == row["issuer"])
    return Signer(
        row["number"], row["key_id"], algorithm, use, signer_key(keys, algorithm, row["number"]), row["certificate"],
        (row["certificate"], issuer.certificate), row["ends"], row["not_after"],
    )  # fmt: skip


async def authorities(source: Source, algorithms: Sequence[Algorithm]) -> list[Authority]:
    """The CAs of these families that there are, roots first."""
    rows = await source.fetch(SQL.authorities, list(algorithms))
    return [Authority(r["level"], r["algorithm"], r["key_id"], r["certificate"]) for r in rows]


async def ensure_authorities(
    c: Connection, keys: KeyStore, algorithm: Algorithm, now: datetime, rules: Rules = DEFAULT_RULES
) -> None:
    """Root and issuer CA of a family, made where they are missing."""
    if not await authorities(c, [algorithm]):
        await c.execute(SQL.lock, LOCK)
        if not await authorities(c, [algorithm]):
            await _make_authorities(c, keys, algorithm, now, rules)


@dataclass(frozen=True, slots=True)
class Standing:
    """A signer as the operator sees it."""

    number: int
    key_id: bytes
    algorithm: Algorithm
    use: Use
    state: str
    """`waiting`, `signing`, `resting` (signs no more, what it signed is good) or `revoked`."""
    created: datetime
    begins: datetime | None
    ends: datetime
    not_after: datetime
    signed: int
    """Credentials it signed so far."""
    cap: int
    reason: str | None


async def signers(source: Source, now: datetime) -> list[Standing]:
    """Every signer whose certificate has not ended, oldest first."""
    return [
        Standing(
            row["number"], row["key_id"], row["algorithm"], row["use"], _state(row, now), row["created"], row["begins"],
            row["ends"], row["not_after"], row["signed"], row["cap"], row["reason"],
        )
        for row in await source.fetch(SQL.signers, list(ALGORITHMS), now)
    ]  # fmt: skip


def _state(row: Any, now: datetime) -> str:
    if row["revoked"] is not None:
        return "revoked"
    if row["begins"] is None:
        return "waiting"
    return "signing" if now < row["ends"] and row["signed"] < row["cap"] else "resting"


def signer_key(keys: KeyStore, algorithm: Algorithm, number: int) -> SigningKey:
    """The private key of a signer."""
    return _key(keys, algorithm, f"signer/{algorithm}/{number}")


async def revoke_signer(c: Connection, key_id: bytes, *, reason: str, by: str, now: datetime) -> None:
    """Revoke a signer, and with it all that it signed. Final. Refusal `signer-unknown`, also for one revoked before."""
    row = await c.fetchrow(SQL.revoke_signer, key_id, now, reason)
    if row is None:
        raise Refusal("signer-unknown", field=key_id.hex())
    await _note(c, key_id, now, "revoked", by, reason)


async def rotate(
    c: Connection, keys: KeyStore, algorithm: Algorithm, use: Use, now: datetime, rules: Rules = DEFAULT_RULES,
    *, by: str,
) -> Signer:  # fmt: skip
    """End the present signer's turn early and begin the next one's. What it signed stays good."""
    await c.execute(SQL.lock, LOCK)
    present = await c.fetchrow(SQL.present_signer, algorithm, use, now)
    if present is not None:
        await c.execute(SQL.end_turn, present["number"], now)
    await _begin(c, keys, algorithm, use, now, rules, (by, "rotated by hand"))
    return await signer(c, keys, algorithm, use, now, rules)


async def _begin(
    c: Connection, keys: KeyStore, algorithm: Algorithm, use: Use, now: datetime, rules: Rules,
    why: tuple[str, str] = ("platform", "its turn"),
) -> Any:  # fmt: skip
    """Begin the turn of the waiting signer, or of a new one, and make the one that waits after it."""
    await ensure_authorities(c, keys, algorithm, now, rules)
    await c.execute(SQL.lock, LOCK)
    row = await c.fetchrow(SQL.present_signer, algorithm, use, now)
    if row is not None:  # another worker was faster
        return row
    waiting = await c.fetchrow(SQL.waiting_signer, algorithm, use, now + rules.sign / 2)
    if waiting is None:
        waiting = await _make(c, keys, algorithm, use, now, rules)
    elif now - waiting["created"] < rules.notice:
        _log.warning("signer begins before its notice has passed", key=waiting["key_id"].hex(), use=use)
    await c.execute(SQL.begin_signer, waiting["number"], now, min(now + rules.sign, waiting["ends"]))
    await _note(c, waiting["key_id"], now, "begun", *why)
    if await c.fetchrow(SQL.waiting_signer, algorithm, use, now + rules.sign / 2) is None:
        await _make(c, keys, algorithm, use, now, rules)
    row = await c.fetchrow(SQL.present_signer, algorithm, use, now)
    if row is None:
        raise RuntimeError("a signer that has just begun is not the present one")
    return row


async def _make(c: Connection, keys: KeyStore, algorithm: Algorithm, use: Use, now: datetime, rules: Rules) -> Any:
    """One more signer, waiting. It may wait for a whole turn of its predecessor and then sign for one."""
    number = (await c.fetchrow(SQL.next_number))["number"]
    key, ends = signer_key(keys, algorithm, number), now + 2 * rules.sign + rules.notice
    not_after = ends + rules.credential
    issuer_key = _key(keys, algorithm, f"issuer/{algorithm}/1")
    subject = Subject(f"Yima signer {number} {use}", key.public, now - _SKEW, not_after, use=use)
    certificate = certify(subject, _authority_name(algorithm, "issuer"), issuer_key, _serial())
    issuer = next(one for one in await authorities(c, [algorithm]) if one.level == "issuer")
    key_id = key_id_of(certificate)
    await c.execute(
        SQL.add_signer, number, key_id, algorithm, use, certificate, issuer.key_id, rules.cap, rules.status_bits, now,
        None, ends, not_after,
    )  # fmt: skip
    await c.execute(SQL.add_room, number, [(rules.cap + stripe) // _STRIPES for stripe in range(_STRIPES)])
    await _note(c, key_id, now, "made", "platform", "waits for its turn")
    return await c.fetchrow(SQL.signer_by_key, key_id)


async def _make_authorities(c: Connection, keys: KeyStore, algorithm: Algorithm, now: datetime, rules: Rules) -> None:
    root, issuer = (_key(keys, algorithm, f"{level}/{algorithm}/1") for level in ("root", "issuer"))
    root_name, issuer_name = (_authority_name(algorithm, level) for level in ("root", "issuer"))
    began = now - _SKEW
    for level, subject in (
        ("root", Subject(root_name, root.public, began, now + rules.root, depth=1)),
        ("issuer", Subject(issuer_name, issuer.public, began, now + rules.issuer, depth=0)),
    ):
        certificate = certify(subject, root_name, root, _serial())
        key_id = key_id_of(certificate)
        await c.execute(SQL.add_authority, algorithm, level, 1, key_id, certificate, now)
        await _note(c, key_id, now, "made", "platform", level)


async def _note(c: Connection, key_id: bytes, now: datetime, act: str, by: str, reason: str) -> None:
    await c.execute(SQL.add_event, key_id, now, act, by, reason)
    _log.info("signer", key=key_id.hex(), act=act, by=by)


def _authority_name(algorithm: Algorithm, level: str) -> str:
    return f"Yima {level} CA {algorithm}"


def _serial() -> int:
    return secrets.randbits(127) | 1 << 126  # RFC 5280, section 4.1.2.2: positive, at most 20 bytes


def _key(keys: KeyStore, algorithm: Algorithm, name: str) -> SigningKey:
    return _derived(keys, algorithm, name)  # type: ignore[arg-type]  # stores hash by identity; the Protocol does not say so


@lru_cache(maxsize=256)
def _derived(keys: KeyStore, algorithm: Algorithm, name: str) -> SigningKey:
    full = f"healthcode/trust/{name}"
    if isinstance(keys, SigningStore):
        return keys.signing_key(algorithm, full)
    return signing_key(algorithm, keys.secret(full))
