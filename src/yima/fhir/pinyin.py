"""Chinese text found by how it is spelled: 欧阳 by `ouyang`, by any reading of each character, without tones."""

from __future__ import annotations

import unicodedata
from functools import cache, lru_cache
from typing import Final

_LONGEST: Final = 60


def spelled(text: str, wanted: str, *, anywhere: bool = False) -> bool:
    """Whether Chinese text, spelled in Latin letters, starts with `wanted` (lower case), or from any character on."""
    letters = "".join(wanted.split())
    if not letters.isascii() or not letters.isalpha() or len(letters) > _LONGEST or text.isascii():
        return False
    characters = text.replace(" ", "")[:_LONGEST]
    starts = range(len(characters)) if anywhere else (0,)
    return any(_from(characters, start, letters) for start in starts)


def _from(characters: str, at: int, letters: str) -> bool:
    """Whether the spelling from one character on begins with these letters."""
    ends = {0}  # how many letters are used up, in each way of reading
    while ends:
        if at == len(characters):
            return False
        nexts: set[int] = set()
        for reading in _readings(characters[at]):
            for used in ends:
                rest = letters[used:]
                if reading.startswith(rest):
                    return True
                if rest.startswith(reading):
                    nexts.add(used + len(reading))
        ends, at = nexts, at + 1
    return False


@lru_cache(20_000)
def _readings(character: str) -> frozenset[str]:
    """Every reading of a character without tones, `ü` as v and as u; a Latin letter reads as itself."""
    if character.isascii():
        return frozenset((character.lower(),))
    said = _table().get(ord(character), "")
    return frozenset(plain for reading in said.split(",") if reading for plain in _plain(reading))


def _plain(reading: str) -> tuple[str, str]:
    return _toneless(reading), _toneless(reading.translate(_V))


def _toneless(reading: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", reading) if not unicodedata.combining(c))


_V: Final = str.maketrans(dict.fromkeys("üǖǘǚǜ", "v"))


@cache
def _table() -> dict[int, str]:
    from pypinyin.constants import PINYIN_DICT  # noqa: PLC0415  its table takes 0.1 s; most processes never need it

    return PINYIN_DICT
