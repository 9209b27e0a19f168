"""What binds a dynamic national code together: a MAC over card id, validity and organisation, in its TOKEN. Pure.

The national format has the validity block enciphered alone, so that a fresh block can be put behind another person's
card id. A code made here is accepted only with the token that was made for exactly its parts (decision 0017).
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass, replace
from typing import Final

from yima.healthcode.national.qr import LONGEST, NationalCode, write
from yima.healthcode.national.sm import hmac_sm3

_NONCE_BYTES: Final = 2
_MAC_BYTES: Final = 10
_CHARS: Final = 20
_IN_PERSON: Final = 0x8000


@dataclass(frozen=True, slots=True)
class Bound:
    """What an authentic token says besides that the code is whole."""

    in_person: bool
    """Shown by an app in which the resident had signed in, so that the code opens what a phone's code opens."""


def bind(key: bytes, code: NationalCode, nonce: int, *, generation: int, in_person: bool) -> NationalCode:
    """The dynamic code with its token; `nonce` (15 bits) keeps two codes of one second apart.

    `generation` is the Yima card's: a reissue counts on, and ends the codes made before.

    The organisation is left out where the text would grow beyond 130 characters with it.
    """
    head = (nonce & (_IN_PERSON - 1)) | (_IN_PERSON if in_person else 0)
    room = replace(code, token="0" * _CHARS)
    length = sum(map(len, (room.card_id, room.validity, room.token, room.organisation))) + 5
    kept = code if length <= LONGEST else replace(code, organisation="")
    packed = head.to_bytes(_NONCE_BYTES, "big")
    return replace(kept, token=base64.b32encode(packed + _mac(key, kept, packed, generation)).decode().rstrip("="))


def check(key: bytes, code: NationalCode, generation: int) -> Bound | None:
    """What the token says; None unless it was made with this key for these parts and this generation of the card."""
    if len(code.token) != _CHARS:
        return None
    try:
        packed = base64.b32decode(code.token + "=" * (-_CHARS % 8))
    except ValueError:
        return None
    head = packed[:_NONCE_BYTES]
    whole = base64.b32encode(packed).decode().rstrip("=") == code.token  # the last character has bits to spare
    if not hmac.compare_digest(packed[_NONCE_BYTES:], _mac(key, code, head, generation)) or not whole:
        return None
    return Bound(in_person=bool(head[0] & 0x80))


def fingerprint(code: NationalCode) -> bytes:
    """16 bytes that stand for a code where its one use is kept."""
    return hmac_sm3(b"yima national redemption", write(code).encode())[:16]


def _mac(key: bytes, code: NationalCode, head: bytes, generation: int) -> bytes:
    said = "\x1f".join((code.card_id, code.validity, code.organisation, str(generation))).encode()
    return hmac_sm3(key, b"yima national code\x1f" + head + said)[:_MAC_BYTES]
