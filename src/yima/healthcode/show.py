"""Showing codes: the printed text, the text of this second, and the batch with which a phone makes its own offline."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from yima.healthcode.bearers import HOLDER, Bearer
from yima.healthcode.card import Card
from yima.healthcode.codec import (
    BATCH_SECONDS,
    PREFIX,
    SLOT_SECONDS,
    STEP_SECONDS,
    code_key,
    header,
    make_block,
    make_dynamic,
    make_static,
)
from yima.healthcode.keyring import keyring
from yima.runtime.ids import PersonId
from yima.runtime.keys import KeyStore


@dataclass(frozen=True, slots=True)
class BatchSlot:
    """What a phone needs for one slot of 15 minutes; `p` and `key` are base64url without padding."""

    slot: int
    p: str
    key: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Codes for hours to come, to be kept on the phone only. `as_json` is what `phone/code.js` reads."""

    profile: str
    prefix: str
    header: str
    """The code's first two bytes, hex."""
    server_time: int
    """Seconds since 1970 when the batch was made: the phone keeps the difference to its own clock."""
    step: int
    """Seconds for which one code is shown."""
    slot_seconds: int
    slots: tuple[BatchSlot, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values for any JSON encoder."""
        return asdict(self)


def static_text(card: Card, keys: KeyStore) -> str:
    """The text of the card's printed code: identifies only."""
    return make_static(keyring(keys).static(card.profile), card.card_id)


def dynamic_text(
    keys: KeyStore,
    profile: str,
    person: PersonId,
    now: datetime,
    generation: int = 0,
    bearer: Bearer = HOLDER,
) -> str:
    """The code of this moment, made by the platform (command line, page without scripts).

    `generation` is that of the person's card: codes of any other are refused. A first card has 0. `bearer`: on
    whose phone.
    """
    unix = int(now.timestamp())
    return make_dynamic(keyring(keys).dynamic(profile, unix), person, unix, generation, bearer.number)


def batch(
    keys: KeyStore, profile: str, person: PersonId, now: datetime, slots: int = BATCH_SECONDS // SLOT_SECONDS,
    *, generation: int = 0, bearer: Bearer = HOLDER,
) -> Batch:  # fmt: skip
    """`slots` slots of 15 minutes from now on, a day at most. Whoever has it has the person's codes: never cache it.

    `generation` is that of the person's card; a reissue ends the batch. `bearer`: on whose phone; the end of a
    mandate ends what was given under it.
    """
    unix = int(now.timestamp())
    key = keyring(keys).dynamic(profile, unix)
    first = unix // SLOT_SECONDS
    made = []
    end = first + min(slots, BATCH_SECONDS // SLOT_SECONDS)
    if bearer.until is not None:
        end = min(end, -(-int(bearer.until.timestamp()) // SLOT_SECONDS))
    for slot in range(first, end):
        block = make_block(key, person, slot, generation, bearer.number)
        made.append(BatchSlot(slot, _text(block), _text(code_key(key, block))))
    return Batch(profile, PREFIX, header("dynamic", key).hex(), unix, STEP_SECONDS, SLOT_SECONDS, tuple(made))


@cache
def phone_scripts() -> dict[str, bytes]:
    """The ES modules pages serve, by file name: `code.js` and `device.js` make codes on a phone without a network,
    `offline/verify.js` checks offline credentials in any browser."""
    folder = files("yima.healthcode").joinpath("phone")
    parts = (("", folder), ("offline/", folder.joinpath("offline")))
    return {
        f"{prefix}{entry.name}": entry.read_bytes()
        for prefix, part in parts
        for entry in part.iterdir()
        if entry.name.endswith(".js")
    }


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
