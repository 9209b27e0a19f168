"""The normaliser: what identifies a person, in the form in which it is compared. Pure. Version 2.

A change of any rule in `names`, `documents`, `places` or `fields` is a new version: what is stored was made by the old
one, and `yima mpi rekey` makes it anew.
"""

from __future__ import annotations

from typing import Final

from rapidfuzz.distance import Levenshtein

from yima.mpi.documents import (
    NATIONAL,
    RESIDENT_NUMBER,
    document_is_plausible,
    is_national,
    number_key,
    resident_number_is_valid,
)
from yima.mpi.look_alike import shape_of
from yima.mpi.names import NameParts, name_key, placeholder_of, read_name
from yima.mpi.places import phone_key

__all__ = [
    "NATIONAL",
    "RESIDENT_NUMBER",
    "VERSION",
    "document_is_plausible",
    "is_national",
    "is_newborn",
    "is_one_name",
    "is_placeholder",
    "is_unidentified",
    "name_key",
    "names_are_close",
    "number_key",
    "phone_key",
    "resident_number_is_valid",
]

VERSION: Final = 2


def is_newborn(name: str) -> bool:
    """Whether a name stands in for a newborn's, made from the mother's."""
    return placeholder_of(name) == "newborn"


def is_unidentified(name: str) -> bool:
    """Whether a name says that nobody knows who the patient is."""
    return placeholder_of(name) == "unidentified"


def is_placeholder(name: str) -> bool:
    """Whether a name only stands in for one."""
    return placeholder_of(name) != ""


def names_are_close(one: str, other: str) -> bool:
    """Whether two names may be one written twice: as `is_one_name`, or one character of three wrong.

    Not enough by itself to link anybody; siblings' names are often this close.
    """
    a, b = read_name(one).key, read_name(other).key
    slip = len(a) == len(b) >= 3 and a[0] == b[0] and not a.isascii() and off_by_one(a, b)
    return is_one_name(one, other) or slip


def is_one_name(one: str, other: str) -> bool:
    """Whether two names are one written otherwise: the same sounds, characters that look alike, a part left out."""
    a, b = read_name(one), read_name(other)
    if not a.key or not b.key:
        return False
    if a.key == b.key or same_sound(a, b) or (a.script == b.script == "han" and shape_of(a.key) == shape_of(b.key)):
        return True
    short, long = sorted((a.key, b.key), key=len)
    return long.startswith(short) and len(short) >= (4 if short.isascii() else 2)


def same_sound(a: NameParts, b: NameParts) -> bool:
    """Whether two names have the same letters, in either order where the order is not known."""
    return bool({a.sound, a.sound_other} & {b.sound, b.sound_other} - {""})


def off_by_one(one: str, other: str) -> bool:
    """Whether two texts of one length differ in exactly one character."""
    return len(one) == len(other) and sum(x != y for x, y in zip(one, other, strict=True)) == 1


def edits(one: str, other: str, most: int) -> int:
    """Levenshtein distance of two ASCII texts, at most `most` + 1."""
    return Levenshtein.distance(one, other, score_cutoff=most)
