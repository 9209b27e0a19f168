"""Names of the synthetic city: Chinese, minority, foreign, each with a Latin form."""

import re
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Literal

from yima.synth.chance import Weighted

from . import given, others, surnames

Sex = Literal["male", "female"]

_SURNAMES: Weighted[str] = Weighted([(name, float(n)) for name, n in re.findall(r"([^\d\s]+)(\d+)", surnames.COMMON)])


@dataclass(frozen=True, slots=True)
class Name:
    """A name as its parts: ``family`` is empty where the culture has none.

    ``text`` is the full form as written on the document; ``latin_family`` and
    ``latin_given`` are pinyin for Han names, the passport form for others.
    """

    text: str
    family: str
    given: str
    latin_family: str
    latin_given: str

    @property
    def latin(self) -> str:
        """Family name first, as Chinese documents print it."""
        return f"{self.latin_family} {self.latin_given}".strip()


@lru_cache(maxsize=4096)
def pinyin(word: str) -> str:
    """Tone-less pinyin of a word, joined and capitalised; ü as yu (GB/T 28039)."""
    if word in surnames.READINGS:
        return surnames.READINGS[word]
    from pypinyin import lazy_pinyin  # noqa: PLC0415  half a second that a demo with its city already made should not pay

    syllables: str = "".join(lazy_pinyin(word))
    spelt: str = re.sub(r"([ln])v", r"\1yu", syllables)
    return spelt.capitalize()


def han(family: str, first: str) -> Name:
    """A Chinese name from surname and given name."""
    return Name(family + first, family, first, pinyin(family), pinyin(first))


def surname(rng: Random) -> str:
    """A surname by its frequency in the country."""
    return _SURNAMES.draw(rng)


def han_given(rng: Random, sex: Sex, year: int) -> str:
    """A given name of the fashion of a birth year."""
    rows = given.MALE if sex == "male" else given.FEMALE
    row = next(r for r in rows if year < r[0])
    if rng.random() < row[1]:
        return _front(rng, row[4])
    first, second = _front(rng, row[2]), _front(rng, row[3])
    return first + second


def _front(rng: Random, characters: str) -> str:
    """One character, the first ones about three times as likely as the last."""
    return rng.choices(characters, weights=range(3 * len(characters), len(characters), -2))[0]


def _joined(rng: Random, own: others.Pairs, fathers: others.Pairs) -> Name:
    """Own name, middle dot, father's name: Uyghur and Kazakh custom."""
    mine, latin = rng.choice(own)
    father, father_latin = rng.choice(fathers)
    return Name(f"{mine}·{father}", father, mine, father_latin, latin)


def _single(rng: Random, table: others.Pairs) -> Name:
    text, latin = rng.choice(table)
    return Name(text, "", text, "", latin)


def minority(rng: Random, sex: Sex, year: int, ethnicity: str, family: str = "") -> Name:
    """A name in the custom of a GB/T 3304 ethnicity; ``family`` keeps a father's surname."""
    man = sex == "male"
    match ethnicity:
        case "05":
            own = others.UYGHUR_MALE if man else others.UYGHUR_FEMALE
            return _joined(rng, own, others.UYGHUR_MALE)
        case "17":
            return _joined(rng, others.KAZAKH_MALE if man else others.KAZAKH_FEMALE, others.KAZAKH_MALE)
        case "04":
            return _single(rng, others.TIBETAN_MALE if man else others.TIBETAN_FEMALE)
        case "02":
            return _single(rng, others.MONGOL_MALE if man else others.MONGOL_FEMALE)
        case "07":
            return _yi(rng, others.YI_MALE if man else others.YI_FEMALE, family)
    pools = {
        "08": others.ZHUANG_SURNAMES,
        "03": others.HUI_SURNAMES,
        "06": others.MIAO_SURNAMES,
        "10": others.KOREAN_SURNAMES,
    }
    pool = pools.get(ethnicity)
    chosen = family or (rng.choice(pool) if pool else surname(rng))
    return han(chosen, han_given(rng, sex, year))


def _yi(rng: Random, table: others.Pairs, family: str) -> Name:
    clans = [c for c in others.YI_CLANS if c[0] == family] or list(others.YI_CLANS)
    clan, clan_latin = rng.choice(clans)
    own, latin = rng.choice(table)
    return Name(clan + own, clan, own, clan_latin, latin)


def foreign(rng: Random, sex: Sex) -> tuple[str, Name]:
    """An ISO 3166 alpha-3 country and a Latin name, family in capitals as passports print it."""
    table = others.FOREIGN_MALE if sex == "male" else others.FOREIGN_FEMALE
    country, first, family = rng.choice(table)
    return country, Name(f"{family.upper()} {first}", family, first, family, first)


def cross_strait(rng: Random, sex: Sex, region: str) -> Name:
    """A name from Hong Kong, Macau (Cantonese spelling) or Taiwan (Wade-Giles)."""
    man = sex == "male"
    if region == "TWN":
        families = others.TAIWAN_SURNAMES
        firsts = others.TAIWAN_MALE if man else others.TAIWAN_FEMALE
    else:
        families = others.CANTONESE_SURNAMES
        firsts = others.CANTONESE_MALE if man else others.CANTONESE_FEMALE
    family, latin_family = rng.choice(families)
    first, latin_given = rng.choice(firsts)
    return Name(family + first, family, first, latin_family, latin_given)


def placeholder(mother: Name, sex: Sex, order: int | None) -> Name:
    """What a maternity ward calls a child before it is registered: 某某之子, 某某之长女."""
    rank = "" if order is None else ("长", "次", "三")[min(order, 3) - 1]
    text = f"{mother.text}之{rank}{'子' if sex == 'male' else '女'}"
    english = "Boy" if sex == "male" else "Girl"
    suffix = "" if order is None else f" {'ABC'[min(order, 3) - 1]}"
    return Name(text, "", text, "", f"{mother.latin} Baby {english}{suffix}")
