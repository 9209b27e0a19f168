"""The cast: the first households, always the same roles, so that every demonstration has them.

Names still come from the seed. Each function is one household; adults come first.
"""

from collections.abc import Callable
from datetime import date, timedelta
from random import Random

from . import names
from .days import AS_OF, add_months
from .drafts import Draft, born_at_age, child, couple, person, twins

BASE = ("everyday",)


def _lead(draft: Draft, special: str, *stories: str) -> Draft:
    """Give a member of the cast the stories of the role, instead of drawn ones."""
    draft.special = (*draft.special, special)
    draft.stories = BASE + stories
    return draft


def _chronic_couple(rng: Random) -> list[Draft]:
    family = couple(rng, 68)
    _lead(family[0], "hypertension", "hypertension", "diabetes", "elderly_check", "dental")
    _lead(family[1], "diabetes", "diabetes", "elderly_check", "cataract")
    return family


def _newborn(rng: Random) -> list[Draft]:
    family = couple(rng, 29)
    _lead(family[1], "mother-of-newborn")
    baby = child(rng, family, AS_OF - timedelta(days=12), "female")
    baby.special = ("newborn",)
    return [*family, baby]


def _twin_family(rng: Random) -> list[Draft]:
    family = couple(rng, 33)
    _lead(family[1], "mother-of-twins")
    return family + twins(rng, family, date(2023, 4, 18), "female")


def _three_generations(rng: Random) -> list[Draft]:
    family = couple(rng, 39)
    family += [child(rng, family, date(2017, 9, 5), "male"), child(rng, family, date(2024, 2, 20), "female")]
    grandmother = person(rng, "female", born_at_age(rng, 66))
    family[0].mother = len(family)
    _lead(family[0], "proxy", "workplace_check", "allergic_rhinitis")
    _lead(family[1], "proxy")
    return [*family, _lead(grandmother, "without-phone", "hypertension", "elderly_check", "injury")]


def _uyghur(rng: Random) -> list[Draft]:
    family = couple(rng, 34, "05")
    family[1] = person(rng, "female", born_at_age(rng, 32), "05")
    family[1].spouse = 0
    family[1].name = names.Name("阿依古丽·买买提江", "买买提江", "阿依古丽", "Memetjan", "Aygul")
    _lead(family[1], "minority-name", "dental")
    return [*family, child(rng, family, date(2021, 6, 12), "male")]


def _alone(sex: names.Sex, age: int, special: str, *stories: str, ethnicity: str = "01") -> "Household":
    """A household of one, for a role that needs no family."""

    def _make(rng: Random) -> list[Draft]:
        return [_lead(person(rng, sex, born_at_age(rng, age), ethnicity), special, *stories)]

    return _make


def _compound(rng: Random) -> list[Draft]:
    family = couple(rng, 41)
    family[0] = person(rng, "male", born_at_age(rng, 42), "01", "欧阳")
    family[0].spouse = 1
    _lead(family[0], "compound-surname", "workplace_check", "injury")
    return [*family, child(rng, family, date(2014, 5, 30), "male")]


def _abroad(sex: names.Sex, country: str, special: str, *stories: str) -> "Household":
    def _make(rng: Random) -> list[Draft]:
        draft = _lead(person(rng, sex, born_at_age(rng, rng.randint(29, 48))), special, *stories)
        draft.ethnicity = ""
        if country:
            draft.country, draft.name = country, names.cross_strait(rng, sex, country)
        else:
            draft.country, draft.name = names.foreign(rng, sex)
        return [draft]

    return _make


def _namesake(text: str, sex: names.Sex, born: date, *stories: str) -> "Household":
    """People who share name, sex and birthday and nothing else: the matcher must keep them apart."""

    def _make(rng: Random) -> list[Draft]:
        draft = _lead(person(rng, sex, born), "same-name", *stories)
        draft.name = names.han(text[0], text[1:])
        return [draft]

    return _make


def _centenarian(rng: Random) -> list[Draft]:
    return [_lead(person(rng, "female", date(1924, 3, 8)), "centenarian", "elderly_check", "hypertension")]


def _deceased(rng: Random) -> list[Draft]:
    draft = _lead(person(rng, "male", born_at_age(rng, 81)), "deceased", "copd", "stroke", "elderly_check")
    draft.died = date(2026, 2, 14)
    return [draft]


def _expecting(rng: Random) -> list[Draft]:
    family = couple(rng, 28)
    _lead(family[1], "expecting", "expecting")
    return family


def _schoolchild(rng: Random) -> list[Draft]:
    family = couple(rng, 36)
    return [*family, child(rng, family, add_months(AS_OF, -12 * 8 - 3), "male")]


Household = Callable[[Random], list[Draft]]

CAST: tuple[Household, ...] = (
    _chronic_couple,
    _newborn,
    _twin_family,
    _three_generations,
    _uyghur,
    _alone("male", 71, "copd", "copd", "elderly_check"),
    _alone("female", 52, "breast-cancer", "breast_cancer"),
    _alone("male", 63, "colon-cancer", "colon_cancer", "hypertension"),
    _alone("male", 34, "psychiatric", "psychosis"),
    _alone("female", 27, "depression", "depression"),
    _alone("male", 31, "hiv", "hiv"),
    _alone("male", 38, "syphilis", "syphilis"),
    _alone("female", 44, "penicillin-anaphylaxis", "penicillin_allergy", "screening"),
    _compound,
    _alone("male", 47, "minority-name", "hypertension", ethnicity="04"),
    _alone("female", 36, "minority-name", "screening", ethnicity="02"),
    _alone("male", 29, "minority-name", "injury", ethnicity="07"),
    _alone("female", 58, "minority-name", "diabetes", ethnicity="08"),
    _abroad("male", "", "foreigner", "injury"),
    _abroad("female", "", "foreigner", "dental"),
    _abroad("male", "HKG", "cross-strait", "workplace_check"),
    _abroad("female", "TWN", "cross-strait", "allergic_rhinitis"),
    _abroad("male", "MAC", "cross-strait", "dental"),
    _namesake("张伟", "male", date(1985, 10, 1), "workplace_check"),
    _namesake("张伟", "male", date(1985, 10, 1), "hypertension"),
    _namesake("李娜", "female", date(1990, 7, 16), "dental"),
    _namesake("李娜", "female", date(1988, 7, 16), "screening"),
    _centenarian,
    _deceased,
    _expecting,
    _schoolchild,
)
