"""Ids of the national electronic health card: person index id, user key, card id, validity block. Pure.

As read in public integrators' code, and checked against the vector of the design note (healthcode, 6.1). Ids are
upper-case hexadecimal; keys are 16 bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Literal, get_args

from yima.healthcode.national.sm import BLOCK, decrypt, encrypt, hmac_sm3, sm3
from yima.runtime.civil import CIVIL

MindexRecipe = Literal["keyed", "sm3-type-number-name", "sm3-type-number"]
MINDEX_RECIPES: Final[tuple[MindexRecipe, ...]] = get_args(MindexRecipe)
"""What goes into a person index id. The national recipe is not public. A plain SM3 of a document number is found by
trying all numbers, in hours: whoever must be compatible with one chooses it, everybody else stays with `keyed`."""
CARD_ID: Final = re.compile(r"(?:[0-9A-F]{32}){1,2}")
"""A card id: 32 digits for a short document number, 64 for one of 15 to 30 characters."""
_LONGEST: Final = 30
_BCD_BYTES: Final = 7


def mindex(recipe: MindexRecipe, key: bytes, document_type: str, number: str, name: str) -> str:
    """The person index id (主索引ID) of a document and a name: 64 hexadecimal digits."""
    if recipe == "sm3-type-number":
        return sm3(f"{document_type}{number}".encode()).hex().upper()
    if recipe == "sm3-type-number-name":
        return sm3(f"{document_type}{number}{name}".encode()).hex().upper()
    return hmac_sm3(key, f"{document_type}\x1f{number}\x1f{name}".encode()).hex().upper()


def spreading_factor(index: str) -> bytes:
    """The exclusive or of the four 8-byte groups of a person index id."""
    groups = bytes.fromhex(index)
    factor = 0
    for start in range(0, 32, 8):
        factor ^= int.from_bytes(groups[start : start + 8], "big")
    return factor.to_bytes(8, "big")


def holder_key(root: bytes, index: str) -> bytes:
    """The key of one person's card: SM4(root, factor | not factor)."""
    factor = spreading_factor(index)
    return encrypt(root, factor + bytes(byte ^ 0xFF for byte in factor))


def card_id(root: bytes, index: str, document_type: str, number: str) -> str:
    """The card id (电子健康卡ID): SM4(user key, document type | number, zero padded). ValueError when too long."""
    plain = f"{document_type}{number}".encode("ascii")
    if not 0 < len(plain) <= _LONGEST + 2:
        raise ValueError("a document type and number of at most 32 characters")
    return encrypt(holder_key(root, index), plain + bytes(-len(plain) % BLOCK)).hex().upper()


def document_of(root: bytes, index: str, card: str) -> str:
    """Document type and number inside a card id: what its issuer, and nobody else, can read out of it."""
    return decrypt(holder_key(root, index), bytes.fromhex(card)).rstrip(b"\0").decode("ascii")


def temporary_number(randbelow: Callable[[int], int]) -> str:
    """A number for somebody without a document: `T` and 17 random digits, so that it looks like no resident number."""
    return f"T{randbelow(10**17):017d}"


def validity_block(protect: bytes, until: datetime) -> str:
    """The validity block: SM4(protect key, China Standard Time as 7 bytes BCD, zero padded), 32 hexadecimal digits."""
    digits = until.astimezone(CIVIL).strftime("%Y%m%d%H%M%S")
    return encrypt(protect, bytes.fromhex(digits) + bytes(BLOCK - _BCD_BYTES)).hex().upper()


def read_validity(protect: bytes, block: str) -> datetime | None:
    """Until when a block says it is valid, in UTC; None when it was not made with this key."""
    plain = decrypt(protect, bytes.fromhex(block))
    digits = plain[:_BCD_BYTES].hex()
    if any(plain[_BCD_BYTES:]) or not digits.isdecimal():
        return None
    try:
        moment = datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=CIVIL)
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.year > 1 else None
