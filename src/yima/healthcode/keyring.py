"""The keys of the codes: derived from the key store's secrets, told apart by a short key id, rotated by time.

Dynamic keys have the number `unix time // 30 days`. New batches are made under the present number; codes of the number
before are accepted too, so a batch survives the change. Static keys live as long as the cards printed under them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from yima.healthcode.profiles import Function, Profile, profile_named
from yima.runtime.keys import KeyStore

ROTATION_SECONDS: Final = 30 * 86400
STATIC_NUMBER: Final = 1
KEY_ID_BITS: Final = 12
_NEXT_KEY_SECONDS: Final = 60  # clocks of two workers may differ at the moment of rotation


@dataclass(frozen=True, slots=True)
class StaticKey:
    """The MAC key of printed codes."""

    profile: Profile
    key_id: int
    mac: Function


@dataclass(frozen=True, slots=True)
class DynamicKey:
    """One period's keys of dynamic codes: the block cipher that hides the person, the MAC that derives code keys."""

    profile: Profile
    key_id: int
    number: int
    encrypt: Function
    decrypt: Function
    device_mac: Function


def key_number(unix: int) -> int:
    """The number of the dynamic key under which codes are made at that time (seconds since 1970)."""
    return unix // ROTATION_SECONDS


class Keyring:
    """Derived keys of one key store, made once and kept."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store
        self._static: dict[str, StaticKey] = {}
        self._dynamic: dict[tuple[str, int], DynamicKey] = {}
        self._accepted: dict[tuple[str, int, int], dict[int, tuple[DynamicKey, ...]]] = {}

    def static(self, profile: str) -> StaticKey:
        """The key of printed codes in a profile."""
        key = self._static.get(profile)
        if key is None:
            secret = self._store.secret(f"healthcode/static/{profile}/{STATIC_NUMBER}")
            key = self._static[profile] = _static_key(profile_named(profile), secret)
        return key

    def dynamic(self, profile: str, unix: int) -> DynamicKey:
        """The key under which dynamic codes are made at that time."""
        return self._numbered(profile, key_number(unix))

    def accepted(self, profile: str, unix: int) -> dict[int, tuple[DynamicKey, ...]]:
        """The dynamic keys that open codes at that time, by key id: the present one and the one before.

        In the last minute of a period also the next one. Two keys may share an id by chance (1 in 4096): both are kept.
        """
        periods = (profile, key_number(unix), key_number(unix + _NEXT_KEY_SECONDS))
        known = self._accepted.get(periods)
        if known is None:
            known = {}
            for number in sorted({periods[1] - 1, periods[1], periods[2]}, reverse=True):
                key = self._numbered(profile, number)
                known[key.key_id] = (*known.get(key.key_id, ()), key)
            self._accepted = {**{p: k for p, k in self._accepted.items() if p[0] != profile}, periods: known}
        return known

    def _numbered(self, profile: str, number: int) -> DynamicKey:
        key = self._dynamic.get((profile, number))
        if key is None:
            secret = self._store.secret(f"healthcode/dynamic/{profile}/{number}")
            key = self._dynamic[profile, number] = _dynamic_key(profile_named(profile), number, secret)
        return key


def keyring(store: KeyStore) -> Keyring:
    """The keyring of a key store; one per store and process."""
    return _keyring(store)  # type: ignore[arg-type]  # the Protocol does not promise hashing; stores hash by identity


_keyring: Final = lru_cache(maxsize=8)(Keyring)


def _static_key(profile: Profile, secret: bytes) -> StaticKey:
    return StaticKey(profile, _key_id(profile, secret), profile.keyed_mac(profile.mac(secret, b"yima static mac")))


def _dynamic_key(profile: Profile, number: int, secret: bytes) -> DynamicKey:
    encrypt, decrypt = profile.blocks(profile.mac(secret, b"yima dynamic block")[:16])
    device = profile.keyed_mac(profile.mac(secret, b"yima dynamic device"))
    return DynamicKey(profile, _key_id(profile, secret), number, encrypt, decrypt, device)


def _key_id(profile: Profile, secret: bytes) -> int:
    # A one-way function of the secret, so that keys of different deployments have different ids without a registry.
    return int.from_bytes(profile.mac(secret, b"yima key id")[:2], "big") >> (16 - KEY_ID_BITS)
