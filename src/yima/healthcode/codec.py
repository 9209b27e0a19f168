"""Yima's own codes as bytes and text: pure functions of text, keys and time.

Static, 20 bytes: `header 2 | card id 10 | MAC 8`. Dynamic, 34 bytes: `header 2 | P 16 | t 4 | MAC 12`.
The header's first four bits name the form (version, static or dynamic, profile), the other twelve are the key id.
`P` is one cipher block over `person 6 | slot 4 | generation 1 | bearer 3 | zero 2`; the code key is
`K_P = HMAC(K_dev, "dev" | P)`, the MAC is `HMAC(K_P, everything before)`, cut. `slot = unix // 900`, `t = unix // 15`.
Integers are big-endian.
"""

from __future__ import annotations

import hmac
import struct
from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from yima.healthcode import base45
from yima.healthcode.keyring import KEY_ID_BITS, DynamicKey, Keyring, StaticKey, key_number
from yima.healthcode.profiles import ProfileName
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

PREFIX: Final = "YM1:"
STEP_SECONDS: Final = 15
SLOT_SECONDS: Final = 900
SKEW_STEPS: Final = 2
"""Steps by which a phone's clock may differ, either way: 30 s."""
BATCH_SECONDS: Final = 86400
"""How far ahead a phone is given keys: for so long a code's time may be newer than its key's period."""
CARD_ID_BYTES: Final = 10
STATIC_TEXT: Final = len(PREFIX) + 30
DYNAMIC_TEXT: Final = len(PREFIX) + 51

Assurance = Literal["static", "dynamic"]

_STEPS_PER_SLOT: Final = SLOT_SECONDS // STEP_SECONDS
_LONGEST_SCAN: Final = 130
_FORMS: Final[dict[int, tuple[Assurance, ProfileName]]] = {
    1: ("static", "INTL"), 2: ("static", "SM"), 3: ("dynamic", "INTL"), 4: ("dynamic", "SM"),
}  # fmt: skip
_FORM_NUMBER: Final = {form: number for number, form in _FORMS.items()}
_BLOCK: Final = struct.Struct(
    ">QII"
)  # person in the upper 48 bits of the first eight bytes, slot, generation, bearer, zeros
_UINT32: Final = struct.Struct(">I")
_STATIC: Final = struct.Struct(">H10s8s")
_DYNAMIC: Final = struct.Struct(">H16sI12s")
_KEY_ID: Final = (1 << KEY_ID_BITS) - 1


class StaticCode(msgspec.Struct, frozen=True, gc=False):
    """A printed code, parsed but not yet believed."""

    profile: ProfileName
    key_id: int
    signed: bytes
    card_id: bytes
    mac: bytes


class DynamicCode(msgspec.Struct, frozen=True, gc=False):
    """A code from a phone, parsed but not yet believed."""

    profile: ProfileName
    key_id: int
    signed: bytes
    block: bytes
    """P: the person and the slot, enciphered."""
    t: int
    """The time step at which the phone made it, `unix // 15`."""
    mac: bytes


class Opened(msgspec.Struct, frozen=True, gc=False):
    """What a dynamic code says about itself once its block is deciphered and its MAC agrees."""

    person: PersonId
    slot: int
    generation: int
    """0 to 255: of the card for which the phone was given its keys. The card's present one decides."""
    bearer: int = 0
    """24 bits: the mandate under which somebody else's phone was given them (`bearers.bearer_of`); 0: the holder's."""


def make_block(key: DynamicKey, person: PersonId, slot: int, generation: int, bearer: int = 0) -> bytes:
    """P of a person for one slot, under the card of that generation, for the phone of that bearer."""
    # Packed as three words: the slot lies across the first two, the bearer across the last two.
    low = (slot & 0xFFFF) << 16 | generation << 8 | bearer >> 16
    return key.encrypt(_BLOCK.pack(person << 16 | slot >> 16, low, (bearer & 0xFFFF) << 16))


def code_key(key: DynamicKey, block: bytes) -> bytes:
    """K_P, 32 bytes: what a phone holds for one slot, and what the platform derives again."""
    return key.device_mac(b"dev" + block)


def header(assurance: Assurance, key: DynamicKey | StaticKey) -> bytes:
    """The first two bytes of a code made under that key."""
    return (_FORM_NUMBER[assurance, key.profile.name] << 12 | key.key_id).to_bytes(2, "big")


def make_dynamic(key: DynamicKey, person: PersonId, unix: int, generation: int = 0, bearer: int = 0) -> str:
    """The text of the code that a phone shows for that person at that second."""
    block = make_block(key, person, unix // SLOT_SECONDS, generation, bearer)
    signed = header("dynamic", key) + block + _UINT32.pack(unix // STEP_SECONDS)
    return PREFIX + base45.encode(signed + key.profile.mac(code_key(key, block), signed)[:12])


def make_static(key: StaticKey, card_id: bytes) -> str:
    """The text of the printed code of a card."""
    signed = header("static", key) + card_id
    return PREFIX + base45.encode(signed + key.mac(signed)[:8])


def read(text: str) -> StaticCode | DynamicCode:
    """Step 1 of a verification: is this a code of ours at all?

    Lower case and surrounding blanks or line ends (hand-held scanners) are tolerated. Refusals: `code-unreadable` for
    any text that is not one of ours, two codes joined included; `code-signature-invalid` for a damaged one: cut short,
    or with a header of the other kind of code. The text is never opened, resolved or logged.
    """
    if len(text) > _LONGEST_SCAN or not text.isascii():
        raise Refusal("code-unreadable")
    text = text.strip(" \t\r\n").upper()
    if not text.startswith(PREFIX) or len(text) > DYNAMIC_TEXT:
        raise Refusal("code-unreadable")
    if len(text) not in (STATIC_TEXT, DYNAMIC_TEXT):
        raise Refusal("code-unreadable" if _is_foreign(text) else "code-signature-invalid")
    data = base45.decode(text[len(PREFIX) :])
    form = _FORMS.get(data[0] >> 4)
    if form is None:
        raise Refusal("code-unreadable")
    assurance, profile = form
    if (assurance == "static") is not (len(data) == 20):
        raise Refusal("code-signature-invalid")
    if assurance == "static":
        head, card_id, mac = _STATIC.unpack(data)
        return StaticCode(profile, head & _KEY_ID, data[:12], card_id, mac)
    head, block, t, mac = _DYNAMIC.unpack(data)
    return DynamicCode(profile, head & _KEY_ID, data[:22], block, t, mac)


def _is_foreign(text: str) -> bool:
    """Of a wrong length: cut short, a code still has its header and only our characters. The rest is foreign."""
    return len(text) < len(PREFIX) + 3 or bool(text.encode("ascii").translate(None, base45.ALPHABET))


def open_dynamic(code: DynamicCode, keys: Keyring, profiles: Collection[str], unix: int) -> Opened:
    """Steps 2 and 3: decipher the block, check the MAC. No database is asked.

    Refusals: `code-issuer-unknown` when no key here has the code's key id (`code-expired` when the code itself says
    that it is older than the keys); `code-signature-invalid` when the block has no zero bytes or the MAC differs.
    """
    found = keys.accepted(code.profile, unix).get(code.key_id, ()) if code.profile in profiles else ()
    if not found:
        # Keys of older periods are not kept open: a screenshot from last summer is old, not somebody else's.
        is_old = key_number(code.t * STEP_SECONDS - BATCH_SECONDS) < key_number(unix) - 1
        raise Refusal("code-expired" if is_old else "code-issuer-unknown")
    for key in found:
        high, low, last = _BLOCK.unpack(key.decrypt(code.block))
        if last & 0xFFFF or high >> 63 or not high >> 16:
            continue
        expected = key.profile.mac(code_key(key, code.block), code.signed)
        if hmac.compare_digest(expected[:12], code.mac):
            bearer = (low & 0xFF) << 16 | last >> 16
            return Opened(high >> 16, (high & 0xFFFF) << 16 | low >> 16, low >> 8 & 0xFF, bearer)
    raise Refusal("code-signature-invalid")


def check_time(code: DynamicCode, opened: Opened, unix: int) -> None:
    """Step 4: t is within 30 s of now, and inside the slot for which the phone was given the key.

    Refusals: `clock-skew` (with the platform's time) when it lies ahead, `code-expired` when it lies behind.
    """
    ahead = code.t - unix // STEP_SECONDS
    first = opened.slot * _STEPS_PER_SLOT
    if ahead > SKEW_STEPS or code.t < first - SKEW_STEPS:
        raise Refusal("clock-skew", server_time=datetime.fromtimestamp(unix, UTC).isoformat(timespec="seconds"))
    if ahead < -SKEW_STEPS or code.t >= first + _STEPS_PER_SLOT + SKEW_STEPS:
        raise Refusal("code-expired")


def check_static(code: StaticCode, keys: Keyring, profiles: Collection[str]) -> None:
    """Steps 2 and 3 of a printed code: a guessed or forged id is dropped here, without a database.

    Refusals: `code-issuer-unknown`, `code-signature-invalid`.
    """
    key = keys.static(code.profile) if code.profile in profiles else None
    if key is None or key.key_id != code.key_id:
        raise Refusal("code-issuer-unknown")
    if not hmac.compare_digest(key.mac(code.signed)[:8], code.mac):
        raise Refusal("code-signature-invalid")
