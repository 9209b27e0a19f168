"""Pure normalisation of what identifies a person. Version 1; a change of any rule here is a new version."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from stdnum.cn import ric

VERSION: Final = 1

NATIONAL: Final = {
    "urn:oid:2.16.156.10011.1.3": "resident-number",
    "urn:yima:id:passport": "passport",
    "urn:yima:id:permit-hk-mo": "hk-macau-permit",
    "urn:yima:id:permit-tw": "taiwan-permit",
    "urn:yima:id:foreign-permanent-residence": "foreign-permanent-residence",
    "urn:yima:id:birth-certificate": "birth-certificate",
}
"""Identifier systems whose numbers name one human being for every institution."""

_DOTS = re.compile(r"[·•・‧∙.．]")
_SPACE = re.compile(r"\s+")
_PLACEHOLDER = re.compile(r"(之子|之女|之婴|婴儿|无名氏|未知|baby|newborn|unknown)", re.IGNORECASE)


def is_national(system: str | None) -> bool:
    """Whether an identifier system is a national document, one number space for all institutions."""
    return system in NATIONAL


def name_key(name: str) -> str:
    """A name for exact comparison: NFKC, without spaces, one kind of middle dot, case folded."""
    text = unicodedata.normalize("NFKC", name)
    return _DOTS.sub("·", _SPACE.sub("", text)).casefold()


def is_placeholder(name: str) -> bool:
    """Whether a name only stands in for one: a newborn named after the mother, an unidentified patient."""
    return bool(_PLACEHOLDER.search(name))


def phone_key(phone: str) -> str:
    """Digits of a phone number, without the country prefix of mainland China."""
    digits = re.sub(r"\D", "", unicodedata.normalize("NFKC", phone))
    return digits[2:] if len(digits) == 13 and digits.startswith("86") else digits


def number_key(value: str) -> str:
    """A document number for comparison: NFKC, no spaces or hyphens, upper case."""
    return re.sub(r"[\s\-]", "", unicodedata.normalize("NFKC", value)).upper()


def resident_number_is_valid(number: str) -> bool:
    """Whether an 18-digit resident number has its right check digit (GB 11643-1999, ISO 7064 MOD 11-2).

    The area code is not asked for: areas are renamed and dissolved, and synthetic people have one that never was.
    """
    if not re.fullmatch(r"\d{17}[\dX]", number):
        return False
    return str(ric.calc_check_digit(number)) == number[17]
