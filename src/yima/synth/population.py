"""Filling the city: households in order, until there are enough people.

Household ``h`` draws only from its own stream, so the people before it never change
with the number of residents. The last household may be cut.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from . import numbers, places
from .cast import CAST
from .chance import dice
from .days import AS_OF as TODAY
from .days import RECORDS_FROM, add_months, age_on
from .drafts import Draft
from .households import household
from .names import Name, placeholder
from .people import Document, Resident

UNREGISTERED_DAYS = 30
"""A child younger than this has no identity number yet."""


@dataclass(slots=True)
class Registrar:
    """Gives out identity numbers, never the same one twice."""

    used: set[str] = field(default_factory=set)

    def number(self, rng: Random, area: str, draft: Draft) -> str:
        """A fresh GB 11643 number; a taken sequence moves on to the next of that sex."""
        sequence = rng.randrange(1 if draft.sex == "male" else 0, 1000, 2)
        while (number := numbers.resident_number(area, draft.born, sequence)) in self.used:
            sequence = (sequence + 2) % 1000
        self.used.add(number)
        return number


def populate(seed: int, residents: int) -> Iterator[Resident]:
    """Exactly ``residents`` people, the cast first."""
    registrar, index, number = Registrar(), 0, 0
    while index < residents:
        rng = dice(seed, "household", number)
        drafts = CAST[number](rng) if number < len(CAST) else household(rng)
        yield from _Home(seed, number, index, drafts).settle(registrar)[: residents - index]
        index += len(drafts)
        number += 1


def _key(index: int) -> str:
    return f"P{index + 1:06d}"


class _Home:
    """One household moving in: gives its people home, phones, numbers and keys."""

    def __init__(self, seed: int, number: int, start: int, drafts: list[Draft]) -> None:
        self.seed, self.number, self.start, self.drafts = seed, number, start, drafts
        self.rng = dice(seed, "home", number)
        self.address = places.home(self.rng)

    def settle(self, registrar: Registrar) -> list[Resident]:
        """The household as residents, in the order of the drafts."""
        return [self._seal(place, draft, registrar) for place, draft in enumerate(self.drafts)]

    def _seal(self, place: int, draft: Draft, registrar: Registrar) -> Resident:
        return Resident(
            key=_key(self.start + place),
            index=self.start + place,
            household=self.number,
            name=self._name(draft),
            sex=draft.sex,
            born=draft.born,
            ethnicity=draft.ethnicity,
            country=draft.country,
            documents=self._documents(draft, registrar),
            phone=numbers.mobile(self.start + self._phone_owner(place), self.seed),
            address=self.address,
            mother=self._member(draft.mother),
            father=self._member(draft.father),
            spouse=self._member(draft.spouse),
            birth_order=draft.birth_order,
            died=draft.died,
            stories=self._stories(place),
            special=draft.special,
        )

    def _member(self, place: int | None) -> str | None:
        return None if place is None else _key(self.start + place)

    def _name(self, draft: Draft) -> Name:
        """The name, or the ward's placeholder where a child has not been registered yet."""
        if draft.mother is None or (TODAY - draft.born).days >= UNREGISTERED_DAYS:
            return draft.name
        return placeholder(self.drafts[draft.mother].name, draft.sex, draft.birth_order)

    def _phone_owner(self, place: int) -> int:
        """Children, and the old who have no phone, give the number of an adult at home."""
        draft = self.drafts[place]
        if age_on(draft.born, TODAY) < 14 and draft.mother is not None:
            return draft.mother
        alone_old = age_on(draft.born, TODAY) >= 84 and len(self.drafts) > 2
        return 0 if alone_old or "without-phone" in draft.special else place

    def _documents(self, draft: Draft, registrar: Registrar) -> tuple[Document, ...]:
        area = self.rng.choice(places.ELSEWHERE) if draft.moved_in else self.address.district.code
        if draft.country in {"HKG", "MAC"}:
            return (Document("permit_hk_mo", numbers.permit(self.rng, draft.country)),)
        if draft.country == "TWN":
            return (Document("permit_tw", numbers.permit(self.rng, "TWN")),)
        if draft.country != "CHN":
            return (Document("passport", numbers.passport(self.rng, draft.country)),)
        if (TODAY - draft.born).days < UNREGISTERED_DAYS:
            return ()
        return (Document("resident_number", registrar.number(self.rng, area, draft)),)

    def _stories(self, place: int) -> tuple[str, ...]:
        """Own stories, and a pregnancy where a child of the record years is at home."""
        births = [d for d in self.drafts if d.mother == place and d.born >= add_months(RECORDS_FROM, 9)]
        dying = ("last_illness",) if self.drafts[place].died else ()
        return self.drafts[place].stories + (("pregnancy",) if births else ()) + dying
