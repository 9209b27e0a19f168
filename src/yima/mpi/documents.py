"""Numbers of identity documents: their form and check digits. Pure; part of normaliser 2.

Sources: GB 11643-1999 (resident numbers; ISO 7064 MOD 11-2), the forms printed on the National Immigration
Administration's permits (2013, 2015, 2018, 2023), and of the birth certificate (7th edition: a letter and nine digits).
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import Final, Literal

from stdnum.cn import ric

RESIDENT_NUMBER: Final = "urn:oid:2.16.156.10011.1.3"
NATIONAL: Final = {
    RESIDENT_NUMBER: "resident-number",
    "urn:yima:id:passport": "passport",
    "urn:yima:id:permit-hk-mo": "hk-macau-permit",
    "urn:yima:id:permit-tw": "taiwan-permit",
    "urn:yima:id:foreign-permanent-residence": "foreign-permanent-residence",
    "urn:yima:id:birth-certificate": "birth-certificate",
}
"""Identifier systems whose numbers name one human being for every institution. Only the resident number is for life and
tells the birth date and sex; the others are replaced when they run out, so that two of them may be one person's."""

NumberClass = Literal["valid", "bad", "other"]
"""`valid`: form and check digit are right. `bad`: they are wrong, it was mistyped. `other`: nothing can be checked."""

_BLANK = re.compile(r"[\s\-]")
_OLD_LENGTH: Final = 15
_RESIDENT: Final = re.compile(r"[0-9]{17}[0-9X]")
_FIRST_GENERATION: Final = re.compile(r"[0-9]{15}")
_DOCUMENT: Final = re.compile(r"[A-Z0-9]{5,24}")
_FORMS: Final = {
    "passport": re.compile(r"[A-Z0-9]{5,20}"),
    "hk-macau-permit": re.compile(r"[HM][0-9]{8}(?:[0-9]{2})?|8[12]0000[0-9]{11}[0-9X]"),
    "taiwan-permit": re.compile(r"[0-9]{8}(?:[0-9]{2}[A-Z]?)?|830000[0-9]{11}[0-9X]"),
    "foreign-permanent-residence": re.compile(r"[A-Z]{3}[0-9]{12}|9[0-9]{16}[0-9X]"),
    "birth-certificate": re.compile(r"[A-Z][0-9]{9}"),
}


def is_national(system: str | None) -> bool:
    """Whether an identifier system is a national document, one number space for all institutions."""
    return system in NATIONAL


def number_key(value: str) -> str:
    """A document number for comparison: NFKC, no spaces or hyphens, upper case."""
    return unicodedata.normalize("NFKC", _BLANK.sub("", unicodedata.normalize("NFKC", value)).upper())


def resident_number_is_valid(number: str) -> bool:
    """Whether a resident number has 18 digits, a real date and its check digit (GB 11643-1999, ISO 7064 MOD 11-2).

    The area code is not asked for: areas are renamed and dissolved, and synthetic people have one that never was.
    """
    if not _RESIDENT.fullmatch(number):
        return False
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    return str(ric.calc_check_digit(number)) == number[17]


def resident_number_key(number: str) -> str:
    """A resident number for comparison; one of the first generation (15 digits, before 1999) in its 18-digit form."""
    key = number_key(number)
    if _FIRST_GENERATION.fullmatch(key):
        body = f"{key[:6]}19{key[6:]}"
        return body + str(ric.calc_check_digit(body + "0"))
    return key


def number_class(system: str, number: str) -> NumberClass:
    """How sure a number of a national document is, by its form and check digit alone."""
    if system == RESIDENT_NUMBER:
        return "valid" if resident_number_is_valid(number) else "bad"
    kind = NATIONAL.get(system, "")
    if kind not in _FORMS:
        return "other"
    if not _FORMS[kind].fullmatch(number):
        return "bad" if kind != "passport" else "other"
    # Residence permits of Hong Kong, Macau, Taiwan and of foreigners have the resident number's check digit.
    if len(number) == len("110101199001020011"):
        return "valid" if str(ric.calc_check_digit(number)) == number[-1] else "bad"
    return "other" if kind == "passport" else "valid"


def human_of_number(system: str, number: str) -> str | None:
    """What names one human being, for who keeps a hash of it: system and number, however it was typed. None for a
    number that its system cannot have."""
    key = resident_number_key(number) if system == RESIDENT_NUMBER else number_key(number)
    if not is_national(system) or number_class(system, key) == "bad" or not document_is_plausible(key):
        return None
    return f"{system}|{key}"


def document_is_plausible(number: str) -> bool:
    """Whether a number can be that of another document: fillers such as 0 or 00000000 would name many people."""
    return bool(_DOCUMENT.fullmatch(number)) and len(set(number)) > 1
