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
from yima.runtime.layers import short_bytes

_BLIND: Final = 8
_FULL: Final = 10
_ENCODER = msgspec.msgpack.Encoder()


@dataclass(frozen=True, slots=True)
class Heard:
    """One registration in the form of the index. Nothing of it is in the clear that the index does not store so."""

    fields: Fields
    """Veiled: numbers, phones, addresses, mothers are keyed hashes."""
    keys: tuple[int, ...]
    """All candidate keys as they are stored, those of `locked` first."""
    others: tuple[tuple[int, ...], ...]
    """The same keys in other forms, while hashes change their key; mostly none."""
    locked: tuple[int, ...]
    """The first of `keys`: registrations with one in common go one after the other."""
    locks: tuple[int, ...]
    """Advisory locks of `locked`, and those without a key: the name, with the year of birth and those years that the
    date means when it is lunar. Who writes the same birthday otherwise comes later, and finds who came first by other
    keys. No rotation changes them."""
    stored: bytes
    """The fields in MessagePack, for `mpi.sealed`."""
    digest: bytes
    """Keyed hash of `stored`: the same words have the same digest, and nobody can try words against it."""

    @property
    def asked_locked(self) -> tuple[int, ...]:
        """`locked` in every form."""
        return tuple(key for form in (self.keys, *self.others) for key in form[: len(self.locked)])


def heard(vault: Vault, said: Registration | Fields) -> Heard:
    """Normalise, hash, veil. About 60 microseconds."""
    plain = said if isinstance(said, Fields) else said.fields
    secret = vault.store.secret("mpi/candidate-keys/1")
    found = keys(plain)
    locked = [hashed(key, secret) for key in found if key.rule in LOCKED]
    wide = [hashed(key, secret) for key in found if key.rule not in LOCKED]
    # They lie sealed, and are compared with those of other years: no rotation changes them.
    fields = veiled(plain, lambda purpose, value: vault.steady(f"mpi/{purpose}", value)[:_BLIND].hex())
    stored = _ENCODER.encode(fields)
    near = [hashed(key, secret) for key in _near(plain)]
    *every, words = vault.hashes.shorts([*locked, *wide, _words(vault, stored)])
    others = tuple(map(tuple, vault.hashes.other_shorts(every)))
    kept = tuple(every)
    return Heard(fields, kept, others, kept[: len(locked)], (*locked, *near), stored, short_bytes(words))


def words_digest(vault: Vault, stored: bytes) -> bytes:
    """Keyed hash of `Heard.stored`, 8 bytes."""
    return short_bytes(vault.hashes.shorts([_words(vault, stored)])[0])


def _words(vault: Vault, stored: bytes) -> int:
    digest = blake2b(stored, digest_size=_BLIND, key=vault.store.secret("mpi/profile/1")).digest()
    return int.from_bytes(digest, signed=True)


def _near(of: Fields) -> list[Key]:
    if len(of.birth) != _FULL or not of.name_ordered or of.placeholder:
        return []
    years = {day[:4] for day in (of.birth, *solar_of(of.birth))}
    return [Key("name-year", f"{of.name_ordered}|{year}") for year in sorted(years)]
