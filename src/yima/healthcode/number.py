"""The 16-digit card number that people read out: 14 random digits and two check digits.

Check digits: ISO 7064 (ISO/IEC 7064:2003) MOD 97-10, which finds every wrong digit and every exchange of two.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Final

from yima.runtime.errors import Refusal

_LOWEST: Final = 10**13  # no leading zero: a spreadsheet would drop it


def new_number(randbelow: Callable[[int], int] = secrets.randbelow) -> str:
    """A fresh card number, 16 digits."""
    body = _LOWEST + randbelow(9 * _LOWEST)
    return f"{body}{98 - body * 100 % 97:02d}"


def grouped(number: str) -> str:
    """The number as printed: four groups of four."""
    return " ".join(number[i : i + 4] for i in range(0, 16, 4))


def parse_number(text: str) -> str:
    """The 16 digits somebody typed, blanks and hyphens aside; Refusal `field-invalid` for wrong check digits."""
    digits = text.strip().replace(" ", "").replace("-", "")
    if len(digits) != 16 or not (digits.isascii() and digits.isdigit()) or int(digits) % 97 != 1:
        raise Refusal("field-invalid", field="number", expected="the 16 digits printed on the card")
    return digits
