"""Names as they are compared: Chinese, of minorities with middle dots, Latin in any order. Pure; of normaliser 2."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final, Literal

import msgspec

from yima.mpi.simplified import simplify
from yima.mpi.surnames import COMPOUND, PINYIN, READINGS

Placeholder = Literal["", "newborn", "unidentified"]

_DOTS: Final = re.compile(r"[·•・‧∙.．]")
_SPACE: Final = re.compile(r"\s+")
_HAN: Final = re.compile(r"[㐀-鿿豈-﫿\U00020000-\U000323af]")
_NEWBORN: Final = re.compile(r"^(.*?)之([长次三大小]?)[子女婴]|婴儿|\b(?:baby|newborn)\b", re.IGNORECASE)
_UNIDENTIFIED: Final = re.compile(r"无名氏|未知|不详|\bunknown\b", re.IGNORECASE)
_LETTERS: Final = re.compile(r"[^a-z]")
_TOKENS: Final = re.compile(r"[^\w']+|_")
_RANKS: Final = {"长": 1, "大": 1, "次": 2, "小": 2, "三": 3}
_UMLAUT: Final = re.compile("([ln])u\u0308")
_FOLDED: Final = str.maketrans(
    {"ß": "ss", "æ": "ae", "ø": "o", "œ": "oe", "ð": "d", "þ": "th", "ł": "l", "đ": "d", "ı": "i"}
)
_LYU: Final = re.compile("([ln])yu")
_LONGEST_WITH_SURNAME: Final = 4


class NameParts(msgspec.Struct, frozen=True):
    """A name taken apart; every part is '' (or empty) where it is not known. All comparisons look at these."""

    key: str = ""
    """Everything, simplified, folded, without spaces; one kind of middle dot."""
    ordered: str = ""
    """Its words in alphabetical order with a blank between, so that the order they were written in does not count."""
    sound: str = ""
    """Letters a-z only: pinyin without tones (ü is v), or the Latin letters; family name first."""
    sound_other: str = ""
    """The same with the family name last, for a Latin name whose order nobody said."""
    surname: str = ""
    surname_sound: str = ""
    given: str = ""
    given_sound: str = ""
    words: tuple[str, ...] = ()
    """The words of a name that has several: a Latin one, or one with middle dots."""
    script: Literal["", "han", "latin", "other"] = ""
    placeholder: Placeholder = ""
    mother: str = ""
    """Of `<mother>之子`: the mother's name."""
    order: int | None = None
    """Of `<mother>之次子`: the birth order."""


def name_key(name: str) -> str:
    """A name for exact comparison: NFKC, simplified, without spaces, one kind of middle dot, case folded."""
    text = unicodedata.normalize("NFKC", name)
    # Composed again at the end: taking out a blank can bring a letter and its accent together.
    return unicodedata.normalize("NFKC", simplify(_DOTS.sub("·", _SPACE.sub("", text)).casefold()))


def placeholder_of(name: str) -> Placeholder:
    """Whether a name only stands in for one: a newborn's made from the mother's, or of somebody nobody knows."""
    text = simplify(name)
    return "newborn" if _NEWBORN.search(text) else "unidentified" if _UNIDENTIFIED.search(text) else ""


@lru_cache(65_536)
def read_name(text: str, family: str = "") -> NameParts:
    """Take a name apart. `family` is the family name where the source said which part that is.

    Nothing is refused: what cannot be read has empty parts, and counts neither for nor against anybody.
    """
    key = name_key(text)
    if not key:
        return NameParts()
    placeholder = placeholder_of(text)
    if placeholder:
        found = _NEWBORN.search(simplify(text))
        mother, rank = (found[1] or "", found[2] or "") if found else ("", "")
        return NameParts(placeholder=placeholder, mother=name_key(mother), order=_RANKS.get(rank))
    if _HAN.search(key):
        return _dotted(key) if "·" in key else _han(key, name_key(family))
    return _latin(text, family)


def _han(key: str, family: str) -> NameParts:
    if not (family and key.startswith(family) and len(family) < len(key)):
        family = "" if len(key) == 1 else key[:2] if key[:2] in COMPOUND and len(key) > 2 else key[:1]
        # Four characters and more without a surname of two: a Tibetan, Mongolian or foreign name in Chinese script.
        family = "" if len(key) > _LONGEST_WITH_SURNAME - (len(family) < 2) else family
    given = key.removeprefix(family)
    family_sound, given_sound = _reading(family), "".join(map(_syllable, given))
    return NameParts(
        key=key, ordered=key, sound=family_sound + given_sound, surname=family, surname_sound=family_sound,
        given=given, given_sound=given_sound, script="han",
    )  # fmt: skip


def _dotted(key: str) -> NameParts:
    """Own name, father's name: there is no surname, and the first word is the given name."""
    words = tuple(word for word in key.split("·") if word)
    sounds = ["".join(map(_syllable, word)) for word in words]
    return NameParts(
        key="·".join(words), ordered=" ".join(sorted(words)), sound="".join(sounds), given=words[0] if words else "",
        given_sound=sounds[0] if words else "", words=words, script="han",
    )  # fmt: skip


def _latin(text: str, family: str) -> NameParts:
    words = tuple(filter(None, _TOKENS.split(_fold(text))))
    if not words:
        return NameParts()
    known = tuple(filter(None, _TOKENS.split(_fold(family))))
    if known and len(known) < len(words) and words[-len(known) :] == known:
        first, rest = known, words[: -len(known)]
    elif known and len(known) < len(words) and words[: len(known)] == known:
        first, rest = known, words[len(known) :]
    elif len(words) > 1 and words[0] in PINYIN:
        first, rest = words[:1], words[1:]
    else:
        first, rest = (words[-1:], words[:-1]) if len(words) > 1 else ((), words)
    front, back = (_sound("".join(part)) for part in (first, rest))
    return NameParts(
        key="".join(words), ordered=" ".join(sorted(words)), sound=front + back,
        sound_other=back + front if not known and first else "", surname="".join(first), surname_sound=front,
        given="".join(rest), given_sound=back, words=words if len(words) > 1 else (),
        script="latin" if "".join(words).isascii() else "other",
    )  # fmt: skip


def _fold(text: str) -> str:
    """Lower case without accents."""
    plain = _UMLAUT.sub(r"\1v", unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold()))
    return "".join(c for c in plain if not unicodedata.combining(c)).translate(_FOLDED).replace("'", "")


def _sound(word: str) -> str:
    """Letters only; ü, which passports write yu (GB/T 28039) and machines v, in one way."""
    return _LYU.sub(r"\1v", _LETTERS.sub("", word))


def _reading(surname: str) -> str:
    return READINGS.get(surname) or "".join(map(_syllable, surname))


@lru_cache(32_768)
def _syllable(character: str) -> str:
    """The usual reading of one character without its tone; '' of what is none."""
    from pypinyin.constants import PINYIN_DICT  # noqa: PLC0415  its table takes 0.1 s; most processes never need it

    readings = PINYIN_DICT.get(ord(character), "" if not character.isascii() else character)
    return _sound(_fold(readings.split(",")[0]))
