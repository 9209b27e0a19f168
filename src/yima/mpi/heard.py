"""What the index makes of a registration: its fields as they are compared and stored, and its keys, hashed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import msgspec

from yima.mpi.fields import Fields, veiled
from yima.mpi.keys import LOCKED, Key, hashed, keys
from yima.mpi.lunar import solar_of
from yima.mpi.registration import Registration
from yima.runtime.keys import Vault

_BLIND: Final = 8
_FULL: Final = 10
_ENCODER = msgspec.msgpack.Encoder()


@dataclass(frozen=True, slots=True)
class Heard:
    """One registration in the form of the index. Nothing of it is in the clear that the index does not store so."""

    fields: Fields
    """Veiled: numbers, phones, addresses, mothers are keyed hashes."""
    keys: tuple[int, ...]
    """All candidate keys, those of `locked` first."""
    locked: tuple[int, ...]
    near: tuple[int, ...]
    """Locks without a key: the name, with the year of birth and those years that the date means when it is lunar. Who
    writes the same birthday otherwise comes later, and finds who came first by other keys."""
    stored: bytes
    """The fields in MessagePack, for `mpi.sealed`."""
    digest: bytes
    """Keyed hash of `stored`: the same words have the same digest, and nobody can try words against it."""


def heard(vault: Vault, said: Registration | Fields) -> Heard:
    """Normalise, hash, veil. About 60 microseconds."""
    plain = said if isinstance(said, Fields) else said.fields
    secret = vault.store.secret("mpi/candidate-keys/1")
    found = keys(plain)
    locked = tuple(hashed(key, secret) for key in found if key.rule in LOCKED)
    wide = tuple(hashed(key, secret) for key in found if key.rule not in LOCKED)
    fields = veiled(plain, lambda purpose, value: vault.blind(f"mpi/{purpose}", value)[:_BLIND].hex())
    stored = _ENCODER.encode(fields)
    near = tuple(hashed(key, secret) for key in _near(plain))
    return Heard(fields, locked + wide, locked, near, stored, words_digest(vault, stored))


def words_digest(vault: Vault, stored: bytes) -> bytes:
    """Keyed hash of `Heard.stored`, 8 bytes."""
    return blake2b(stored, digest_size=_BLIND, key=vault.store.secret("mpi/profile/1")).digest()


def _near(of: Fields) -> list[Key]:
    if len(of.birth) != _FULL or not of.name_ordered or of.placeholder:
        return []
    years = {day[:4] for day in (of.birth, *solar_of(of.birth))}
    return [Key("name-year", f"{of.name_ordered}|{year}") for year in sorted(years)]
