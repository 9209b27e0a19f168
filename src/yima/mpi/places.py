"""Phones and addresses as they are compared. Pure; part of normaliser 2."""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from yima.mpi.simplified import simplify

_DUMMY_PHONES: Final = frozenset({"13800138000", "13000000000", "13800000000", "12345678", "12345678901"})
_SHORTEST_PHONE: Final = 7
_ADMINISTRATIVE: Final = re.compile(
    r"^(?:中国)?(?:[^省市县区]{1,8}(?:省|自治区|特别行政区))?(?:[^省市县区]{1,10}(?:市|自治州|地区|盟))?(?:[^省市县区]{1,10}(?:区|县|市|旗))?"
)
_HOUSE: Final = re.compile(r"^(.*?[0-9]+)(?:号(?!楼)|[弄组]|$)")
_PUNCTUATION: Final = re.compile(r"[\s,，。、;；()（）#＃·.]+")
_DIGITS: Final = str.maketrans("零〇一二三四五六七八九", "00123456789")
_NO_DIGIT: Final = re.compile("[^0-9]")
_SPACE: Final = re.compile(r"\s")
_WORDS: Final = re.compile("号楼|[栋幢座]|单元|[室户]|[-–—]")
_AREA: Final = re.compile("[1-9][0-9]{5}(?:[0-9]{3}|[0-9]{6})?")
_DIGIT: Final = re.compile("[0-9]")
_BEYOND_F: Final = re.compile("[g-z]")
_CHINESE_NUMBER: Final = re.compile(r"[零〇一二三四五六七八九]+(?=[号栋幢座单室楼层弄组])")


def phone_key(phone: str) -> str:
    """Digits of a phone number without the prefix of mainland China; empty for what cannot be somebody's number."""
    digits = _NO_DIGIT.sub("", unicodedata.normalize("NFKC", phone)).removeprefix("00")
    digits = digits[2:] if len(digits) == 13 and digits.startswith("86") else digits
    # Windows that must fill the field type these; as a second factor they would make strangers one person.
    if len(digits) < _SHORTEST_PHONE or digits in _DUMMY_PHONES or len(set(digits[-_SHORTEST_PHONE:])) == 1:
        return ""
    return digits


def address_key(text: str) -> str:
    """An address below its district, without blanks and with the many words for `building` and `flat` as one; empty
    where no number stands in it: half a town lives there."""
    plain = _PUNCTUATION.sub("", simplify(unicodedata.normalize("NFKC", text)).casefold())
    plain = _CHINESE_NUMBER.sub(lambda found: found[0].translate(_DIGITS), plain)
    below = _ADMINISTRATIVE.sub("", plain, count=1)
    key = _WORDS.sub("-", below).rstrip("-")
    return key if any(c.isdigit() for c in key) else ""


def site_key(address: str) -> str:
    """Of an `address_key` the part up to the house number in the street or the group in the village; empty when that
    cannot be told. Of an address in Latin letters the whole."""
    if address.isascii():
        return address
    found = _HOUSE.match(address.partition("-")[0])
    return found[1] if found else ""


def latin_site(site: str) -> bool:
    """Whether a `site_key` is in Latin letters. What stands for one where addresses are kept as hashes is not: its
    letters are a to f."""
    return site.isascii() and bool(_BEYOND_F.search(site))


def latin_street(text: str) -> str:
    """The key of an address in Latin letters that has no number, for comparing by its letters; else empty."""
    key = _PUNCTUATION.sub("", unicodedata.normalize("NFKC", text)).casefold()
    return key if latin_site(key) and not any(c.isdigit() for c in key) else ""


def site_pieces(site: str) -> tuple[str, ...]:
    """Of a Latin `site_key` every two letters that stand together, each once: lines written in another order have
    nearly the same. Empty for other scripts."""
    if not latin_site(site):
        return ()
    letters = _DIGIT.sub("", site)
    return tuple(sorted({letters[at : at + 2] for at in range(len(letters) - 1)}))


def area_code(code: str) -> str:
    """A GB/T 2260 code of county level (six digits), from one of this or a lower level; empty for anything else."""
    digits = _SPACE.sub("", unicodedata.normalize("NFKC", code))
    return digits[:6] if _AREA.fullmatch(digits) else ""
