"""The levels at which two registrations agree, one a comparison. Pure; README.md has the same definitions in SQL."""

from __future__ import annotations

import re
from datetime import date
from operator import ne
from typing import Final, NamedTuple

from rapidfuzz.distance import Levenshtein

from yima.mpi.fields import Fields
from yima.mpi.look_alike import shape_of
from yima.mpi.lunar import solar_of
from yima.mpi.places import latin_site, site_pieces

LEVELS: Final[dict[str, tuple[str, ...]]] = {
    "name": ("exact", "order", "sound", "shape", "cut", "character", "close", "surname", "given", "different"),
    "birth": ("exact", "swapped", "lunar", "digit", "near", "month", "year", "different"),
    "number": ("same", "other", "document", "mistyped", "renewed", "different"),
    "sex": ("same", "different"),
    "household": ("both", "phone", "address", "site", "county", "elsewhere", "different"),
}
"""The levels of each comparison, strongest first: the first that fits is the level. `unknown` when none of them could
be asked, because one side says nothing."""

UNKNOWN: Final = "unknown"
_NEAR_DAYS: Final = 60
_FULL: Final = 10
_MONTH: Final = 7
_LATIN_ONE: Final = 6
_LATIN_TWO: Final = 8
_PINYIN_TWO: Final = 12
_ALIKE: Final = 8
_PIECES: Final = 10
_NUMBERS: Final = re.compile("[^0-9]")
_LETTERS: Final = re.compile("[0-9]")
_HAN_CHARACTERS: Final = 3
_CUT_HAN, _CUT_LATIN = 2, 4


class Levels(NamedTuple):
    """One level a comparison."""

    name: str
    birth: str
    number: str
    sex: str
    household: str


def compare(one: Fields, other: Fields) -> Levels:
    """All levels of a pair; it does not matter which is which."""
    return Levels(
        name_level(one, other),
        birth_level(one.birth, other.birth),
        number_level(one, other),
        UNKNOWN if not one.sex or not other.sex else "same" if one.sex == other.sex else "different",
        household_level(one, other),
    )


def name_level(one: Fields, other: Fields) -> str:
    """exact: the same characters · order: the same words · sound: the same letters, or the same Latin form · shape: the
    same but for characters that look alike · cut: cut short, or words left out · character: one of at least three
    Chinese characters, or one edit of at least six letters · close: few edits of many letters · surname · given: the
    first names of two Latin ones · different."""
    if not one.name or not other.name:
        return UNKNOWN
    if one.name == other.name:
        return "exact"
    if one.name_ordered == other.name_ordered:
        return "order"
    if _same_sound(one, other):
        return "sound"
    if one.script == other.script == "han" and shape_of(one.name) == shape_of(other.name):
        return "shape"
    if _cut(one, other):
        return "cut"
    if _one_character(one, other):
        return "character"
    if _close(one, other):
        return "close"
    if one.surname_sound and one.surname_sound == other.surname_sound:
        return "surname"
    if one.script == other.script == "latin" and one.given_sound and one.given_sound == other.given_sound:
        return "given"
    return "different"


def _same_sound(one: Fields, other: Fields) -> bool:
    if one.latin and one.latin == other.latin:
        return True
    a, b = one.sound, other.sound
    return bool(a and b) and (a in (b, other.sound_other) or b == one.sound_other)


def _one_character(one: Fields, other: Fields) -> bool:
    a, b = one.name, other.name
    if one.script == "latin" and other.script == "latin":
        return min(len(a), len(b)) >= _LATIN_ONE and Levenshtein.distance(a, b, score_cutoff=1) <= 1
    if one.script != "han" or other.script != "han" or len(a) != len(b) or len(a) < _HAN_CHARACTERS:
        return False
    return bool(sum(map(ne, a, b)) == 1)


def _cut(one: Fields, other: Fields) -> bool:
    a, b = one.name, other.name
    short, long = (a, b) if len(a) <= len(b) else (b, a)
    if one.script == other.script == "latin" and long.startswith(short) | long.endswith(short):
        return len(short) >= _CUT_LATIN
    if one.script == other.script and long.startswith(short):
        return len(short) >= _CUT_HAN
    return bool(
        one.words and other.words and (set(one.words) <= set(other.words) or set(other.words) <= set(one.words))
    )


def _close(one: Fields, other: Fields) -> bool:
    """Two edits of eight letters, of Latin names also with given and family name exchanged; of Chinese names' letters
    only one, and two of twelve: half of all given names have five letters or fewer, so that two edits make one name of
    another (wangfang, wangjing)."""
    a, b = one.sound, other.sound
    shorter = min(len(a), len(b))
    if shorter < _LATIN_TWO:
        return False
    latin = one.script == other.script == "latin"
    most = 2 if latin or shorter >= _PINYIN_TWO else 1
    pairs = [(a, b)]
    if latin:
        pairs += [(a, other.given_sound + other.surname_sound), (b, one.given_sound + one.surname_sound)]
    return any(Levenshtein.distance(x, y, score_cutoff=most) <= most for x, y in pairs)


def birth_level(one: str, other: str) -> str:
    """exact · swapped: day and month · lunar: the one, said in the lunar calendar, is the other · digit: one of eight
    wrong · near: within 60 days · month, year: as far as both say it · different. Partial dates are never better than
    `month`."""
    if not one or not other:
        return UNKNOWN
    if len(one) == len(other) == _FULL:
        if one == other:
            return "exact"
        if one[:4] == other[:4] and one[5:7] == other[8:] and one[8:] == other[5:7]:
            return "swapped"
        if other in solar_of(one) or one in solar_of(other):
            return "lunar"
        if _one_digit(one, other):
            return "digit"
        if _days(one, other) <= _NEAR_DAYS:
            return "near"
    elif len(one) >= _MONTH and len(other) >= _MONTH and one[:_MONTH] == other[:_MONTH]:
        return "month"
    return "year" if one[:4] == other[:4] else "different"


def _one_digit(one: str, other: str) -> bool:
    if one[:4] == other[:4]:
        return bool(sum(map(ne, one, other)) == 1)
    return one[4:] == other[4:] and bool(sum(map(ne, one[:4], other[:4])) == 1)


def _days(one: str, other: str) -> int:
    if abs(int(one[:4]) - int(other[:4])) > 1:
        return _NEAR_DAYS + 1
    try:
        return abs((date.fromisoformat(one) - date.fromisoformat(other)).days)
    except ValueError:
        return _NEAR_DAYS + 1  # a date that does not exist is near none


def number_level(one: Fields, other: Fields) -> str:
    """same: one resident number · other: two right ones, a veto · document: another document's number in common ·
    mistyped: up to two edits, one of them with a wrong check digit · renewed: documents of one kind with other
    numbers · different: a mistyped number that is far from the other's."""
    both = one.number and other.number
    if both and one.number == other.number:
        return "same"
    if both and one.number_class == other.number_class == "valid":
        return "other"
    if one.documents and other.documents and not set(one.documents).isdisjoint(other.documents):
        return "document"
    if both:
        return "mistyped" if Levenshtein.distance(one.number, other.number, score_cutoff=2) <= 2 else "different"
    if one.documents and other.documents and not _kinds(one).isdisjoint(_kinds(other)):
        return "renewed"
    return UNKNOWN


def _kinds(one: Fields) -> set[str]:
    return {document.partition("|")[0] for document in one.documents}


def household_level(one: Fields, other: Fields) -> str:
    """both: a phone in common and the same address · phone · address · site: the same house number in the same county,
    or a Latin address of the same numbers, misspelt or in another order · elsewhere: the same address under another
    area code, or a Latin one but for its numbers · county · different. Phone and address are one comparison: who shares
    one mostly shares the other."""
    phones, areas = bool(one.phones and other.phones), bool(one.area and other.area)
    phone = phones and not set(one.phones).isdisjoint(other.phones)
    county = areas and one.area == other.area
    # An address counts in its county; where a side does not say the county, by itself.
    here = county or not areas
    same = bool(one.address) and one.address == other.address
    if here and same:
        return "both" if phone else "address"
    if phone:
        return "phone"
    alike = _alike(one.site, other.site)
    if here and one.site and (one.site == other.site or (alike and _numbers(one.site) == _numbers(other.site))):
        return "site"
    if same or alike:
        return "elsewhere"
    if county:
        return "county"
    return "different" if phones or areas else UNKNOWN


def _numbers(site: str) -> str:
    return _NUMBERS.sub("", site)


def _alike(one: str, other: str) -> bool:
    """Two addresses in Latin letters of one street: misspelt, in another order or with a line left out."""
    if not (latin_site(one) and latin_site(other)):
        return False
    a, b = _LETTERS.sub("", one), _LETTERS.sub("", other)
    if min(len(a), len(b)) < _ALIKE:
        return False
    if Levenshtein.distance(a, b, score_cutoff=2) <= 2:
        return True
    pieces, others = site_pieces(one), site_pieces(other)
    return 4 * len(set(pieces).intersection(others)) >= 3 * min(len(pieces), len(others)) >= 3 * _PIECES
