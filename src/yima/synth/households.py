"""Households of the city: who lives with whom, at what ages."""

from collections.abc import Callable
from datetime import date, timedelta
from random import Random

from . import names
from .chance import Weighted
from .days import AS_OF, add_months, between
from .drafts import ETHNICITIES, Draft, born_at_age, can_have_child, child, couple, person, twins

Maker = Callable[[Random, str], list[Draft]]


def household(rng: Random) -> list[Draft]:
    """One random household of one to six people; the adults come first."""
    if rng.random() < 0.012:
        return _from_abroad(rng)
    people = _KINDS.draw(rng)(rng, ETHNICITIES.draw(rng))
    for draft in people:
        _mortality(rng, draft)
        draft.moved_in = rng.random() < 0.22
    return people


def _mortality(rng: Random, draft: Draft) -> None:
    """A few of the old have died in the last years; their records remain."""
    age = AS_OF.year - draft.born.year
    if age >= 70 and rng.random() < 0.004 * (age - 65):
        draft.died = between(rng, AS_OF - timedelta(days=1200), AS_OF - timedelta(days=20))


def _old_age(rng: Random) -> int:
    return min(99, int(65 + abs(rng.gauss(0, 11))))


def _elder(rng: Random, ethnicity: str) -> list[Draft]:
    sex: names.Sex = "female" if rng.random() < 0.64 else "male"
    return [person(rng, sex, born_at_age(rng, _old_age(rng) + 4), ethnicity)]


def _elder_couple(rng: Random, ethnicity: str) -> list[Draft]:
    return couple(rng, min(88, _old_age(rng)), ethnicity)


def _middle_couple(rng: Random, ethnicity: str) -> list[Draft]:
    """Past their children's school years; one in three still has a grown child at home."""
    family = couple(rng, rng.randint(47, 64), ethnicity)
    if rng.random() < 0.35:
        day = add_months(family[1].born, 12 * rng.randint(24, 31))
        family.append(child(rng, family, day))
    return family


def _single(rng: Random, ethnicity: str) -> list[Draft]:
    sex: names.Sex = "male" if rng.random() < 0.55 else "female"
    return [person(rng, sex, born_at_age(rng, min(58, 20 + int(rng.expovariate(1 / 12)))), ethnicity)]


def _parents(rng: Random, ethnicity: str) -> list[Draft]:
    """A couple with children at home; the mother's age at birth clusters at 28."""
    family = couple(rng, rng.randint(25, 48), ethnicity)
    wanted = rng.choices((0, 1, 2, 3), weights=(10, 50, 35, 5))[0]
    births: list[date] = []
    for _ in range(wanted):
        day = add_months(family[1].born, 12 * round(min(42, max(20, rng.gauss(28.3, 4.2)))) + rng.randint(0, 11))
        if can_have_child(family[1], day) and all(abs((day - other).days) > 500 for other in births):
            births.append(day)
    for day in sorted(births):
        if rng.random() < 0.012 and family[0].ethnicity == "01":
            family += twins(rng, family, day, "female" if rng.random() < 0.5 else "male")
        elif AS_OF.year - day.year <= 23:
            family.append(child(rng, family, day))
    return family


def _three_generations(rng: Random, ethnicity: str) -> list[Draft]:
    """Parents, children, and the father's mother or both his parents."""
    family = _parents(rng, ethnicity)
    father = family[0]
    surname = "" if ethnicity in {"02", "04", "05", "17"} else father.name.family
    years = AS_OF.year - father.born.year
    grandfather = person(rng, "male", born_at_age(rng, years + rng.randint(23, 32)), ethnicity, surname)
    grandmother = person(rng, "female", born_at_age(rng, years + rng.randint(21, 29)), ethnicity)
    place = len(family)
    father.father, father.mother = place, place + 1
    grandfather.spouse, grandmother.spouse = place + 1, place
    return [*family, grandfather, grandmother]


def _from_abroad(rng: Random) -> list[Draft]:
    """A foreigner, or somebody from Hong Kong, Macau or Taiwan, living alone."""
    sex: names.Sex = "male" if rng.random() < 0.55 else "female"
    draft = person(rng, sex, born_at_age(rng, rng.randint(22, 66)))
    if rng.random() < 0.55:
        draft.country, draft.name = names.foreign(rng, sex)
        draft.ethnicity, draft.special = "", ("foreigner",)
    else:
        region = rng.choices(("HKG", "TWN", "MAC"), weights=(5, 4, 1))[0]
        draft.country, draft.name = region, names.cross_strait(rng, sex, region)
        draft.ethnicity, draft.special = "", ("cross-strait",)
    return [draft]


_KINDS: Weighted[Maker] = Weighted(
    [(_elder, 6.0), (_elder_couple, 7.0), (_middle_couple, 23.0), (_single, 19.0), (_parents, 34.0),
     (_three_generations, 14.0)]
)  # fmt: skip
