"""A synthetic population's registrations with truth: errors as windows make them, and the people who are hard to tell
apart. Nobody in it exists: the area prefix 60 is not assigned, nor is the phone prefix 129."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Final, NamedTuple

from bench.slips import BARE, CHARACTERS, COUNTIES, ERRORS, STREETS, Person, passport_number, phone_number
from yima.synth.names import given, others, surnames
from yima.synth.numbers import resident_number

Row = dict[str, str]


class Record(NamedTuple):
    """A row of the input, who it is, and what was done to it (`plain`: nothing, the person's first registration)."""

    row: Row
    person: int
    kind: str
    group: str = "others"
    """`newborn`, `minority`, `foreign`, `old` (70 and more), `others`."""


_SURNAMES: Final = [(name, int(n)) for name, n in re.findall(r"([^\d\s]+)(\d+)", surnames.COMMON)]
_FAMILY: Final = [name for name, _ in _SURNAMES]
_SHARES: Final = [n for _, n in _SURNAMES]
_OLD: Final = 1956
"""Born in this year or before: 70 and more in 2026."""
_LATIN: Final = re.findall(
    r"\w+", "James Robert Maria Anna Ahmed Fatima Kim Minh Olga Ivan Jean Marie Hans Petra Yuki Aiko"
)
_LATIN_FAMILY: Final = re.findall(
    r"\w+", "Smith Johnson Garcia Mueller Schmidt Nguyen Tran Ivanov Petrov Dupont Tanaka Sato Khan"
)


class Mix(NamedTuple):
    """How registrations go wrong in a population, and who lives in it; shares are of 1."""

    repeats: float = 0.3
    """Persons who are registered a second time, with an error."""
    errors: tuple[str, ...] = ()
    """More errors for everybody, beside those of their kind; one that stands twice is twice as frequent."""
    second: float = 0.0
    """Second registrations with two errors at once."""
    bare: float = 0.0
    """First registrations that lack number, phone or address already, one of them."""
    clerical: float = 0.002
    """Homes in which a clerk writes one person's number for another."""
    twin_number: float = 0.01
    """Pairs of twins of whom one is registered with the other's number."""
    foreign: float = 0.02
    minority: float = 0.06
    elders: float = 0.0
    """Homes with a grandmother of 70 to 95."""
    numberless: float = 0.0
    """Persons whose registrations never have a number."""
    mothers: float = 0.5
    """Newborns whose registrations name the mother."""
    hostels: float = 0.0
    """Homes that are a hostel's: two to six of one sex, of like age and no relation, with one address and one phone."""


MIXES: Final[dict[str, Mix]] = {
    "usual": Mix(),
    "typing": Mix(
        errors=("character", "look-alike", "sound-alike", "sound-alike", "mistyped number", "day-month") * 2,
        second=0.15,
    ),
    "missing": Mix(errors=("no number", "no phone", "no address", "month only") * 3, second=0.2, bare=0.15),
    "clerical": Mix(errors=("new phone", "mistyped number"), clerical=0.03, twin_number=0.2),
    "groups": Mix(foreign=0.15, minority=0.3, elders=0.15, errors=("lunar date", "year only")),
    "alone": Mix(repeats=0.0, numberless=1.0, clerical=0.0, twin_number=0.0),
    "left out": Mix(repeats=0.0, numberless=0.5, clerical=0.0, twin_number=0.0),
    "hostels": Mix(repeats=0.0, numberless=0.5, clerical=0.0, twin_number=0.0, hostels=0.5),
}
"""Populations to measure on: `usual`; four that are worse in one way each; and three in which everybody is registered
once, so that each record without a number is a trial in which the person's own is not there, and each link is a false
one: `alone` without any number, `left out` against a register of which half has numbers, `hostels` among strangers."""


def records(people: int, seed: int, repeats: float = 0.3, mix: Mix | None = None) -> Iterator[Record]:
    """Registrations of about `people` persons in households; some of them are registered again, with an error."""
    rng, mix = Random(seed), mix or Mix(repeats=repeats)
    who = serial = 0
    while who < people:
        home = _household(rng, mix)
        if mix.numberless:
            home = [p._replace(number="") if rng.random() < mix.numberless else p for p in home]
        for person in home:
            first = rng.choice(BARE)(rng, person) if rng.random() < mix.bare else person
            yield _record(serial, first, who, "plain")
            serial += 1
            if rng.random() < mix.repeats:
                kind, changed = _changed(rng, person, mix)
                yield _record(serial, changed, who, kind)
                serial += 1
            who += 1
        for wrong, whose, kind in _clerks(rng, home, mix):
            yield _record(serial, wrong, who - len(home) + whose, kind)
            serial += 1


def _changed(rng: Random, person: Person, mix: Mix) -> tuple[str, Person]:
    kinds = _KINDS[person.kind] + (mix.errors if person.kind != "foreign" else mix.errors and ("no phone", "misspelt"))
    kind = rng.choice(kinds)
    changed = ERRORS[kind](rng, person)
    if rng.random() < mix.second and kind not in ("again", "newborn"):
        return "two errors", ERRORS[rng.choice([k for k in kinds if k not in ("again", "newborn", kind)])](rng, changed)
    return kind, changed


def _clerks(rng: Random, home: list[Person], mix: Mix) -> Iterator[tuple[Person, int, str]]:
    """A number written for somebody else of the home: the registration, whose it is, what was done."""
    last = len(home) - 1
    if home[last].kind == "twin" and home[last].number and rng.random() < mix.twin_number:
        yield home[last - 1]._replace(number=home[last].number), last - 1, "twin's number"
    if last and rng.random() < mix.clerical and home[0].number != home[last].number:
        yield home[0]._replace(number=home[last].number), 0, "shared number"


def _record(serial: int, person: Person, who: int, kind: str) -> Record:
    passport = person.kind == "foreign"
    row = {
        "record_id": f"r{serial}", "name": person.name, "sex": person.sex,
        "birth_date": f"{person.born:%Y-%m-%d}"[: person.known],
        "id_type": ("passport" if passport else "resident-number") if person.number else "", "id_no": person.number,
        "phone": person.phone, "area_code": person.area, "address": person.address,
        "mother_name": person.mother if person.told else "", "mother_phone": person.phone if person.told else "",
    }  # fmt: skip
    return Record(row, who, kind, _group(person))


def _group(person: Person) -> str:
    if person.kind in ("newborn", "minority", "foreign"):
        return person.kind
    return "old" if person.born.year <= _OLD else "others"


def _household(rng: Random, mix: Mix) -> list[Person]:
    area = rng.choice(COUNTIES)
    street, door = f"{rng.choice(STREETS)}路{rng.randint(1, 400)}号", rng.randint(101, 1806)
    address = f"{street}{rng.randint(1, 30)}号楼{rng.randint(1, 6)}单元{door}室"
    phone = phone_number(rng)
    if rng.random() < mix.foreign:
        name = f"{rng.choice(_LATIN)} {rng.choice(_LATIN)} {rng.choice(_LATIN_FAMILY)}"
        sex = rng.choice(("male", "female"))
        return [Person(name, sex, _born(rng, 18, 70), "foreign", passport_number(rng), phone, area, address)]
    if rng.random() < mix.minority:
        return _minority_home(rng, area, address, phone)
    if rng.random() < mix.hostels:
        return _hostel(rng, area, address, phone)
    father, mother = rng.choices(_FAMILY, _SHARES)[0], rng.choices(_FAMILY, _SHARES)[0]
    age = rng.randint(20, 75)
    found = [
        _han(rng, father, "male", _born(rng, age, age + 4), area, address, phone),
        _han(
            rng,
            mother,
            "female",
            _born(rng, age - 2, age + 2),
            area,
            address,
            rng.choice((phone, phone_number(rng))),
        ),
    ]
    found[1] = found[1]._replace(phone=rng.choice((phone, phone_number(rng))))
    child_born = date(2026, 1, 1) - timedelta(days=rng.randint(1, 365 * max(age - 22, 1)))
    if rng.random() < 0.03:
        found += twins(rng, father, child_born, area, address, phone)
    elif rng.random() < 0.6:
        child = _han(rng, father, rng.choice(("male", "female")), child_born, area, address, phone)
        newborn = rng.random() < 0.06
        if newborn:
            child = child._replace(born=date(2026, rng.randint(1, 10), rng.randint(1, 28)), kind="newborn", number="")
            told = rng.random() < mix.mothers
            child = child._replace(mother=found[1].name, phone=found[1].phone, told=told)
        found.append(child)
    if rng.random() < mix.elders:
        elder = _han(rng, rng.choices(_FAMILY, _SHARES)[0], "female", _born(rng, 70, 95), area, address, phone)
        found.insert(0, elder)
    return found[: rng.randint(1, len(found))] if rng.random() < 0.4 and found[-1].kind != "twin" else found


def twins(rng: Random, family: str, born: date, area: str, address: str, phone: str) -> list[Person]:
    """Two of one sex whose names differ in the last character; half of those below fourteen have no number."""
    sex = rng.choice(("male", "female"))
    first = _han(rng, family, sex, born, area, address, phone)._replace(kind="twin")
    second = first._replace(
        name=first.name[:-1] + rng.choice(CHARACTERS), number=resident_number_for(rng, area, born, sex)
    )
    while second.number == first.number:
        second = second._replace(number=resident_number_for(rng, area, born, sex))
    if second.name == first.name:
        second = second._replace(name=family + rng.choice(CHARACTERS) + rng.choice(CHARACTERS))
    if (date(2026, 11, 1) - born).days < 365 * 14 and rng.random() < 0.5:  # children are often registered without
        first, second = first._replace(number=""), second._replace(number="")
    return [first, second]


def _han(rng: Random, family: str, sex: str, born: date, area: str, address: str, phone: str) -> Person:
    table = given.FEMALE if sex == "female" else given.MALE
    row = next((row for row in table if born.year < row[0]), table[-1])
    pick = rng.choice
    name = family + (pick(row[4]) if rng.random() < row[1] else pick(row[2]) + pick(row[3]))
    return Person(name, sex, born, "han", resident_number_for(rng, area, born, sex), phone, area, address)


def _minority_home(rng: Random, area: str, address: str, phone: str) -> list[Person]:
    """Parents and up to two children, who bear the father's name after their own, each an own one."""
    age = rng.randint(20, 75)
    father = _minority(rng, "male", "", _born(rng, age, age + 4), area, address, phone)
    mother = _minority(rng, "female", "", _born(rng, age - 2, age + 2), area, address, phone)
    called = father.name.partition("·")[0]
    first = date(2026, 1, 1) - timedelta(days=rng.randint(500, 365 * max(age - 20, 2)))
    born = (first, min(first + timedelta(days=rng.randint(330, 2000)), date(2026, 10, 1)))
    sexes = [rng.choice(("male", "female")) for _ in born]
    home = [father, mother] + [
        _minority(rng, sex, called, day, area, address, phone) for sex, day in zip(sexes, born, strict=True)
    ]
    while home[3].name == home[2].name:
        home[3] = _minority(rng, sexes[1], called, born[1], area, address, phone)
    return home[: rng.randint(1, 4)]


def _hostel(rng: Random, area: str, address: str, phone: str) -> list[Person]:
    sex, age = rng.choice(("male", "female")), rng.randint(18, 40)
    if rng.random() < 0.3:
        called = [rng.choice(others.UYGHUR_MALE)[0] for _ in range(rng.randint(2, 6))]
        return [_minority(rng, sex, name, _born(rng, age, age + 3), area, address, phone) for name in called]
    families = rng.choices(_FAMILY, _SHARES, k=rng.randint(2, 6))
    return [_han(rng, family, sex, _born(rng, age, age + 3), area, address, phone) for family in families]


def _minority(rng: Random, sex: str, father: str, born: date, area: str, address: str, phone: str) -> Person:
    own = others.UYGHUR_FEMALE if sex == "female" else others.UYGHUR_MALE
    name = f"{rng.choice(own)[0]}·{father or rng.choice(others.UYGHUR_MALE)[0]}"
    return Person(name, sex, born, "minority", resident_number_for(rng, area, born, sex), phone, area, address)


def resident_number_for(rng: Random, area: str, born: date, sex: str) -> str:
    """A resident number of a place, day and sex."""
    return resident_number(area, born, rng.randrange(1, 500) * 2 - (sex == "male"))


def _born(rng: Random, youngest: int, oldest: int) -> date:
    return date(2026, 1, 1) - timedelta(days=rng.randint(max(youngest, 0) * 365, max(oldest, 1) * 365 + 364))


_COMMON: Final = (
    "again", "again", "again", "again", "character", "look-alike", "no number", "no number", "mistyped number",
    "new phone", "new phone", "moved", "moved, new phone", "lunar date", "day-month",
)  # fmt: skip
_KINDS: Final = {
    "han": _COMMON,
    "twin": ("again", "no number", "new phone", "moved"),
    "newborn": ("newborn", "newborn", "again", "new phone"),
    "minority": (*_COMMON, "other dot", "other dot", "father's name dropped", "father's name dropped"),
    "foreign": ("again", "new passport", "new passport", "middle name", "order", "new phone", "day-month"),
}
