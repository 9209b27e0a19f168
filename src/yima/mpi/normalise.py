"""Pure normalisation of what identifies a person. Version 1; a change of any rule here is a new version."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from functools import lru_cache
from typing import Final

from stdnum.cn import ric

VERSION: Final = 1

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

_DOTS = re.compile(r"[·•・‧∙.．]")
_BLANK = re.compile(r"[\s\-]")
_SPACE = re.compile(r"\s+")
_NEWBORN = re.compile(r"之[长次三大小]?[子女婴]|婴儿|\b(?:baby|newborn)\b", re.IGNORECASE)
_UNIDENTIFIED = re.compile(r"无名氏|未知|\bunknown\b", re.IGNORECASE)
_DUMMY_PHONES: Final = frozenset({"13800138000", "13000000000", "13800000000", "12345678", "12345678901"})
_SHORTEST_PHONE: Final = 7


def is_national(system: str | None) -> bool:
    """Whether an identifier system is a national document, one number space for all institutions."""
    return system in NATIONAL


def name_key(name: str) -> str:
    """A name for exact comparison: NFKC, without spaces, one kind of middle dot, case folded."""
    text = unicodedata.normalize("NFKC", name)
    # Composed again at the end: taking out a blank can bring a letter and its accent together.
    return unicodedata.normalize("NFKC", _DOTS.sub("·", _SPACE.sub("", text)).casefold())


def is_newborn(name: str) -> bool:
    """Whether a name stands in for a newborn's, made from the mother's."""
    return bool(_NEWBORN.search(name))


def is_unidentified(name: str) -> bool:
    """Whether a name says that nobody knows who the patient is."""
    return bool(_UNIDENTIFIED.search(name))


def is_placeholder(name: str) -> bool:
    """Whether a name only stands in for one."""
    return is_newborn(name) or is_unidentified(name)


def names_are_close(one: str, other: str) -> bool:
    """Whether two names may be one written twice: the same sounds, a part left out, or one character of three wrong.

    Not enough by itself to link anybody; siblings' names are often this close.
    """
    a, b = name_key(one), name_key(other)
    if not a or not b:
        return False
    if a == b or _sounds(one) & _sounds(other):
        return True
    short, long = sorted((a, b), key=len)
    if long.startswith(short):
        return len(short) >= (4 if short.isascii() else 2)
    wrong = sum(x != y for x, y in zip(a, b, strict=False))
    return len(a) == len(b) >= 3 and a[0] == b[0] and wrong == 1 and not a.isascii()


@lru_cache(4096)
def _sounds(name: str) -> frozenset[str]:
    """A name in Latin letters without tones; of a Latin name also with its last word, the family name, in front."""
    from pypinyin import lazy_pinyin  # noqa: PLC0415  its dictionaries take 0.1 s, and most processes never need them

    words = [w for w in re.split(r"[^a-z]+", _latin(" ".join(lazy_pinyin(name)))) if w]
    if not words:
        return frozenset()
    orders = [words, [words[-1], *words[:-1]]] if name_key(name).isascii() else [words]
    return frozenset("".join(order) for order in orders)


def _latin(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.replace("ü", "v"))
    return "".join(c for c in plain if not unicodedata.combining(c)).casefold()


def phone_key(phone: str) -> str:
    """Digits of a phone number without the prefix of mainland China; empty for what cannot be somebody's number."""
    digits = re.sub(r"[^0-9]", "", unicodedata.normalize("NFKC", phone)).removeprefix("00")
    digits = digits[2:] if len(digits) == 13 and digits.startswith("86") else digits
    # Windows that must fill the field type these; as a second factor they would make strangers one person.
    if len(digits) < _SHORTEST_PHONE or digits in _DUMMY_PHONES or len(set(digits[-_SHORTEST_PHONE:])) == 1:
        return ""
    return digits


def number_key(value: str) -> str:
    """A document number for comparison: NFKC, no spaces or hyphens, upper case."""
    return unicodedata.normalize("NFKC", _BLANK.sub("", unicodedata.normalize("NFKC", value)).upper())


def resident_number_is_valid(number: str) -> bool:
    """Whether a resident number has 18 digits, a real date and its check digit (GB 11643-1999, ISO 7064 MOD 11-2).

    The area code is not asked for: areas are renamed and dissolved, and synthetic people have one that never was.
    """
    if not re.fullmatch(r"[0-9]{17}[0-9X]", number):
        return False
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    return str(ric.calc_check_digit(number)) == number[17]


def document_is_plausible(number: str) -> bool:
    """Whether a number can be that of another document: fillers such as 0 or 00000000 would name many people."""
    return bool(re.fullmatch(r"[A-Z0-9]{5,24}", number)) and len(set(number)) > 1
