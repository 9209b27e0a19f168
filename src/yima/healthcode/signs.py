"""Short texts that point at a screen or a poster of an institution: `YK1:` a kiosk's question, `YF1:` a counter.

`prefix | 16 characters of id | 13 characters of MAC`, Crockford base32 in capitals: QR alphanumeric mode, and short
enough to type. The id is 80 random bits; the MAC (64 bits, of the deployment's family) lets a phone's page drop
forgeries without a database. A sign names no resident, and says nothing but which row is meant.
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable
from typing import Final

from yima.healthcode.profiles import PROFILE_NAMES, profile_named
from yima.runtime.errors import Refusal
from yima.runtime.ids import base32
from yima.runtime.keys import KeyStore

KIOSK_PREFIX: Final = "YK1:"
COUNTER_PREFIX: Final = "YF1:"
_ID_CHARS: Final = 16
_MAC_CHARS: Final = 13
_LONGEST: Final = 130
_SIGN: Final = re.compile(rf"(Y[KF]1:)([0-9a-hjkmnp-tv-z]{{{_ID_CHARS}}})([0-9a-hjkmnp-tv-z]{{{_MAC_CHARS}}})")


def new_sign_id(randbits: Callable[[int], int] = secrets.randbits) -> str:
    """A fresh id of 80 random bits, 16 characters."""
    return base32(randbits(80), _ID_CHARS)


def sign_text(keys: KeyStore, profile: str, prefix: str, sign_id: str) -> str:
    """The text for the QR code of a screen or poster."""
    return prefix + (sign_id + _mac(keys, profile, prefix, sign_id)).upper()


def read_sign(keys: KeyStore, text: str) -> tuple[str, str]:
    """What a phone scanned, as (prefix, id). Lower case and blanks around it are tolerated.

    Signs of every profile are read: a poster outlives a change of the deployment's family. Refusals: `code-unreadable`
    for whatever is no sign, `code-signature-invalid` for a forged or damaged one.
    """
    bare = text.strip() if len(text) <= _LONGEST else ""
    found = _SIGN.fullmatch(bare[:4].upper() + bare[4:].lower()) if bare.isascii() else None
    if found is None:
        raise Refusal("code-unreadable")
    prefix, sign_id, mac = found.groups()
    if not any(hmac.compare_digest(_mac(keys, profile, prefix, sign_id), mac) for profile in PROFILE_NAMES):
        raise Refusal("code-signature-invalid")
    return prefix, sign_id


def _mac(keys: KeyStore, profile: str, prefix: str, sign_id: str) -> str:
    secret = keys.secret(f"healthcode/sign/{profile}/1")
    digest = profile_named(profile).mac(secret, (prefix + sign_id).encode())
    return base32(int.from_bytes(digest[:8], "big"), _MAC_CHARS)
