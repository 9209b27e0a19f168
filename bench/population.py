"""A synthetic population's registrations with truth: errors as windows make them, and the people who are hard to tell
apart. Nobody in it exists: the area prefix 60 is not assigned, nor is the phone prefix 129."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from random import Random
from typing import Final, NamedTuple

from yima.synth.names import given, others, surnames
from yima.synth.numbers import resident_number

Row = dict[str, str]


class Record(NamedTuple):
    """A row of the input, who it is, and what was done to it (`plain`: nothing, the person's first registration)."""

    row: Row
    person: int
    kind: str


_SURNAMES: Final = [(name, int(n)) for name, n in re.findall(r"([^\d\s]+)(\d+)", surnames.COMMON)]
_FAMILY: Final = [name for name, _ in _SURNAMES]
_SHARES: Final = [n for _, n in _SURNAMES]
_LOOK_ALIKE: Final = dict(
    [
        *zip(
            "己未土日天木晴睛洁浩皓梓辛悦怡燕艳莹颖伟玮静婧",
            "已末士曰夫本睛晴浩洁浩辛梓怡悦艳燕颖莹玮伟婧静",
            strict=True,
        )
    ]
)
_KEYS: Final = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华玉兰文建国志海晓春红金鑫宇浩轩子涵欣怡佳琪"
_LATIN: Final = re.findall(
    r"\w+", "James Robert Maria Anna Ahmed Fatima Kim Minh Olga Ivan Jean Marie Hans Petra Yuki Aiko"
)
_LATIN_FAMILY: Final = re.findall(
    r"\w+", "Smith Johnson Garcia Mueller Schmidt Nguyen Tran Ivanov Petrov Dupont Tanaka Sato Khan"
)
_STREETS: Final = re.findall("..", "和平解放人民建设中山胜利光明新华文化长安东风红旗团结幸福友谊青年")
COUNTIES: Final = [f"60{city:02d}{county:02d}" for city in range(1, 11) for county in range(1, 13)]


class _Person(NamedTuple):
    name: str
    sex: str
    born: date
    kind: str
    number: str
    phone: str
    area: str
    address: str
    mother: str = ""


def records(people: int, seed: int, repeats: float = 0.3) -> Iterator[Record]:
    """Registrations of about `people` persons in households; `repeats` of them are registered again, with an error."""
    rng = Random(seed)
    who = serial = 0
    while who < people:
        home = _household(rng)
        for person in home:
            yield _record(serial, person, who, "plain")
            serial += 1
            if rng.random() < repeats:
                kind = rng.choice(_KINDS[person.kind])
                changed = ERRORS[kind](rng, person)
                yield _record(serial, changed, who, kind)
                serial += 1
            who += 1
        if home[-1].kind == "twin" and home[-1].number and rng.random() < 0.01:  # and one twin's for the other
            yield _record(serial, home[-2]._replace(number=home[-1].number), who - 2, "twin's number")
            serial += 1
        if rng.random() < 0.002:  # a clerk writes one person's number for another of the home
            wrong = home[0]._replace(number=home[-1].number)
            if len(home) > 1:
                yield _record(serial, wrong, who - len(home), "shared number")
                serial += 1


def _record(serial: int, person: _Person, who: int, kind: str) -> Record:
    passport = person.kind == "foreign"
    row = {
        "record_id": f"r{serial}", "name": person.name, "sex": person.sex, "birth_date": f"{person.born:%Y-%m-%d}",
        "id_type": ("passport" if passport else "resident-number") if person.number else "", "id_no": person.number,
        "phone": person.phone, "area_code": person.area, "address": person.address,
    }  # fmt: skip
    return Record(row, who, kind)


def _household(rng: Random) -> list[_Person]:
    area = rng.choice(COUNTIES)
    street, door = f"{rng.choice(_STREETS)}路{rng.randint(1, 400)}号", rng.randint(101, 1806)
    address = f"{street}{rng.randint(1, 30)}号楼{rng.randint(1, 6)}单元{door}室"
    phone = _phone(rng)
    if rng.random() < 0.02:
        name = f"{rng.choice(_LATIN)} {rng.choice(_LATIN)} {rng.choice(_LATIN_FAMILY)}"
        sex = rng.choice(("male", "female"))
        return [_Person(name, sex, _born(rng, 18, 70), "foreign", _passport(rng), phone, area, address)]
    if rng.random() < 0.06:
        return [_minority(rng, area, address, phone) for _ in range(rng.randint(1, 4))]
    father, mother = rng.choices(_FAMILY, _SHARES)[0], rng.choices(_FAMILY, _SHARES)[0]
    age = rng.randint(20, 75)
    found = [
        _han(rng, father, "male", _born(rng, age, age + 4), area, address, phone),
        _han(rng, mother, "female", _born(rng, age - 2, age + 2), area, address, rng.choice((phone, _phone(rng)))),
    ]
    child_born = date(2026, 1, 1) - timedelta(days=rng.randint(1, 365 * max(age - 22, 1)))
    if rng.random() < 0.03:
        found += _twins(rng, father, child_born, area, address, phone)
    elif rng.random() < 0.6:
        child = _han(rng, father, rng.choice(("male", "female")), child_born, area, address, phone)
        newborn = rng.random() < 0.06
        if newborn:
            child = child._replace(born=date(2026, rng.randint(1, 10), rng.randint(1, 28)), kind="newborn", number="")
            child = child._replace(name=child.name, mother=found[1].name, phone=found[1].phone)
        found.append(child)
    return found[: rng.randint(1, len(found))] if rng.random() < 0.4 and found[-1].kind != "twin" else found


def _twins(rng: Random, family: str, born: date, area: str, address: str, phone: str) -> list[_Person]:
    sex = rng.choice(("male", "female"))
    first = _han(rng, family, sex, born, area, address, phone)._replace(kind="twin")
    second = first._replace(name=first.name[:-1] + rng.choice(_KEYS), number=_number(rng, area, born, sex))
    while second.number == first.number:
        second = second._replace(number=_number(rng, area, born, sex))
    if second.name == first.name:
        second = second._replace(name=family + rng.choice(_KEYS) + rng.choice(_KEYS))
    if (date(2026, 11, 1) - born).days < 365 * 14 and rng.random() < 0.5:  # children are often registered without
        first, second = first._replace(number=""), second._replace(number="")
    return [first, second]


def _han(rng: Random, family: str, sex: str, born: date, area: str, address: str, phone: str) -> _Person:
    table = given.FEMALE if sex == "female" else given.MALE
    row = next((row for row in table if born.year < row[0]), table[-1])
    pick = rng.choice
    name = family + (pick(row[4]) if rng.random() < row[1] else pick(row[2]) + pick(row[3]))
    return _Person(name, sex, born, "han", _number(rng, area, born, sex), phone, area, address)


def _minority(rng: Random, area: str, address: str, phone: str) -> _Person:
    sex = rng.choice(("male", "female"))
    own = others.UYGHUR_FEMALE if sex == "female" else others.UYGHUR_MALE
    name = f"{rng.choice(own)[0]}·{rng.choice(others.UYGHUR_MALE)[0]}"
    born = _born(rng, 1, 80)
    return _Person(name, sex, born, "minority", _number(rng, area, born, sex), phone, area, address)


def _number(rng: Random, area: str, born: date, sex: str) -> str:
    return resident_number(area, born, rng.randrange(1, 500) * 2 - (sex == "male"))


def _passport(rng: Random) -> str:
    return f"{rng.choice('ABCDEFGH')}{rng.randint(0, 99_999_999):08d}"


def _born(rng: Random, youngest: int, oldest: int) -> date:
    return date(2026, 1, 1) - timedelta(days=rng.randint(max(youngest, 0) * 365, max(oldest, 1) * 365 + 364))


def _phone(rng: Random) -> str:
    return f"129{rng.randint(0, 99_999_999):08d}"


def _again(_: Random, person: _Person) -> _Person:
    return person


def _character(rng: Random, person: _Person) -> _Person:
    at = rng.randrange(1, len(person.name))
    return person._replace(name=person.name[:at] + rng.choice(_KEYS) + person.name[at + 1 :])


def _look_alike(rng: Random, person: _Person) -> _Person:
    name = "".join(_LOOK_ALIKE.get(c, c) for c in person.name)
    return person._replace(name=name) if name != person.name else _character(rng, person)


def _no_number(_: Random, person: _Person) -> _Person:
    return person._replace(number="")


def _typed_number(rng: Random, person: _Person) -> _Person:
    at = rng.randrange(6, max(len(person.number), 7))
    digit = str((int(person.number[at : at + 1] or "1", 36) + rng.randint(1, 8)) % 10)
    return person._replace(number=person.number[:at] + digit + person.number[at + 1 :] if person.number else "")


def _new_phone(rng: Random, person: _Person) -> _Person:
    return person._replace(phone=_phone(rng), number=person.number if rng.random() < 0.7 else "")


def _moved(rng: Random, person: _Person) -> _Person:
    number = person.number if rng.random() < 0.7 else ""
    return person._replace(
        area=rng.choice(COUNTIES), address=f"{rng.choice(_STREETS)}路{rng.randint(1, 400)}号", number=number
    )


def _moved_with_phone(rng: Random, person: _Person) -> _Person:
    return _moved(rng, person)._replace(phone=_phone(rng), number=person.number if rng.random() < 0.9 else "")


def _lunar(rng: Random, person: _Person) -> _Person:
    return person._replace(
        born=person.born - timedelta(days=rng.randint(20, 50)), number=rng.choice((person.number, ""))
    )


def _swapped(rng: Random, person: _Person) -> _Person:
    if person.born.day > 12 or person.born.day == person.born.month:
        return _lunar(rng, person)
    return person._replace(born=person.born.replace(month=person.born.day, day=person.born.month))


def _named(_: Random, person: _Person) -> _Person:
    """A newborn before it has a name."""
    return person._replace(name=f"{person.mother}之{'子' if person.sex == 'male' else '女'}")


def _renewed(rng: Random, person: _Person) -> _Person:
    return person._replace(number=_passport(rng))


def _middle(_: Random, person: _Person) -> _Person:
    words = person.name.split()
    return person._replace(name=f"{words[0]} {words[-1]}")


def _other_order(_: Random, person: _Person) -> _Person:
    words = person.name.split()
    return person._replace(name=" ".join([words[-1], *words[:-1]]).upper())


def _other_dot(rng: Random, person: _Person) -> _Person:
    return person._replace(name=person.name.replace("·", rng.choice(("•", ".", "・", ""))))


def _father_dropped(_: Random, person: _Person) -> _Person:
    return person._replace(name=person.name.split("·")[0])


ERRORS: Final[dict[str, Callable[[Random, _Person], _Person]]] = {
    "again": _again, "character": _character, "look-alike": _look_alike, "no number": _no_number,
    "mistyped number": _typed_number, "new phone": _new_phone, "moved": _moved, "moved, new phone": _moved_with_phone,
    "lunar date": _lunar, "day-month": _swapped, "newborn": _named, "new passport": _renewed, "middle name": _middle,
    "order": _other_order, "other dot": _other_dot, "father's name dropped": _father_dropped,
}  # fmt: skip
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
