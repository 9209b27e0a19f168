"""A person before the city gives numbers, phones and keys: what a household invents."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from random import Random

from . import names, prevalence
from .chance import Weighted
from .days import AS_OF, add_months, age_on, between
from .names import Name, Sex


@dataclass(slots=True)
class Draft:
    """A person of a household; ``mother``, ``father`` and ``spouse`` are places in it."""

    name: Name
    sex: Sex
    born: date
    ethnicity: str = "01"
    country: str = "CHN"
    mother: int | None = None
    father: int | None = None
    spouse: int | None = None
    birth_order: int | None = None
    died: date | None = None
    stories: tuple[str, ...] = ()
    special: tuple[str, ...] = ()
    moved_in: bool = field(default=False)


ETHNICITIES = Weighted(
    [("01", 911.0), ("08", 14.0), ("05", 8.0), ("03", 8.0), ("06", 8.0), ("11", 8.0), ("07", 7.0),
     ("02", 5.0), ("04", 5.0), ("10", 2.0), ("17", 1.0)]
)  # fmt: skip
"""GB/T 3304 codes by the shares of the 2020 census (per thousand, rounded)."""

_SPLIT_NAMES = {"05", "17", "04", "02"}
"""Ethnicities whose children do not carry the father's surname."""


def born_at_age(rng: Random, age: int) -> date:
    """A birthday of somebody who is that old on AS_OF."""
    last = add_months(AS_OF, -12 * age)
    return between(rng, add_months(last, -12), last)


def person(rng: Random, sex: Sex, born: date, ethnicity: str = "01", family: str = "") -> Draft:
    """Somebody with a name of their people and the stories of their age."""
    if ethnicity == "01":
        name = names.han(family or names.surname(rng), names.han_given(rng, sex, born.year))
    else:
        name = names.minority(rng, sex, born.year, ethnicity, family)
    return Draft(name, sex, born, ethnicity, stories=prevalence.stories(rng, sex, born))


def couple(rng: Random, age: int, ethnicity: str = "01") -> list[Draft]:
    """A man and a woman of about that age; she may be of another people."""
    hers = ethnicity if rng.random() < 0.8 else ETHNICITIES.draw(rng)
    man = person(rng, "male", born_at_age(rng, age + rng.randint(0, 4)), ethnicity)
    woman = person(rng, "female", born_at_age(rng, age), hers)
    man.spouse, woman.spouse = 1, 0
    return [man, woman]


def child(rng: Random, family: Sequence[Draft], born: date, sex: Sex | None = None) -> Draft:
    """A child of the two people at the head of the list (father, mother)."""
    father, mother = family[0], family[1]
    chosen: Sex = sex or ("male" if rng.random() < 0.52 else "female")
    parent = mother if rng.random() < 0.08 else father
    surname = "" if parent.ethnicity in _SPLIT_NAMES else parent.name.family
    taken = {member.name.text for member in family}
    draft = person(rng, chosen, born, parent.ethnicity, surname)
    while draft.name.text in taken:  # no family gives one name twice
        draft = person(rng, chosen, born, parent.ethnicity, surname)
    draft.father, draft.mother = 0, 1
    return draft


def twins(rng: Random, family: Sequence[Draft], born: date, sex: Sex) -> list[Draft]:
    """Two children of one birth, in order, with different given names of one pattern."""
    first = child(rng, family, born, sex)
    second = child(rng, family, born, sex)
    stem, tails = first.name.given[0], ("轩", "宸") if sex == "male" else ("涵", "萱")
    for order, twin in enumerate((first, second)):
        twin.name = names.han(family[0].name.family, stem + tails[order])
        twin.birth_order = order + 1
        twin.special = ("twin",)
    return [first, second]


def can_have_child(mother: Draft, born: date) -> bool:
    """Whether a birth that day is plausible for the mother."""
    return 20 <= age_on(mother.born, born) <= 43 and born < AS_OF
