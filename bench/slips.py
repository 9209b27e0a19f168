"""What goes wrong when a person is registered again: slips of the pen and of the mouth, and what changes in a life."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from random import Random
from typing import Final, NamedTuple

_LOOK_ALIKE: Final = dict(
    [
        *zip(
            "己未土日天木晴睛洁浩皓梓辛悦怡燕艳莹颖伟玮静婧",
            "已末士曰夫本睛晴浩洁浩辛梓怡悦艳燕颖莹玮伟婧静",
            strict=True,
        )
    ]
)
_SOUND_ALIKE: Final = {
    c: group
    for group in re.findall(
        r"\w+",
        "伟玮炜 静婧靖净 丽莉俐 芳方 杰洁捷 婷亭庭 宇雨语羽 欣心新馨 佳嘉家 梓子紫 涵晗寒 轩萱宣 琪奇齐 明铭鸣 英瑛 "
        "文雯 建健 军君均 红虹鸿 志智致 强蔷 华桦 玉钰",
    )
    for c in group
}
CHARACTERS: Final = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超霞平刚桂英华玉兰文建国志海晓春红金鑫宇浩轩子涵欣怡佳琪"
STREETS: Final = re.findall("..", "和平解放人民建设中山胜利光明新华文化长安东风红旗团结幸福友谊青年")
COUNTIES: Final = [f"60{city:02d}{county:02d}" for city in range(1, 11) for county in range(1, 13)]


class Person(NamedTuple):
    """Somebody as the next registration says it."""

    name: str
    sex: str
    born: date
    kind: str
    number: str
    phone: str
    area: str
    address: str
    mother: str = ""
    told: bool = False
    """Registrations name the mother."""
    known: int = 10
    """Characters of the birth date that are written: 7 to the month, 4 to the year."""


def passport_number(rng: Random) -> str:
    """A passport number."""
    return f"{rng.choice('ABCDEFGH')}{rng.randint(0, 99_999_999):08d}"


def phone_number(rng: Random) -> str:
    """A mobile number nobody has."""
    return f"129{rng.randint(0, 99_999_999):08d}"


def _no_phone(_: Random, person: Person) -> Person:
    return person._replace(phone="")


def _no_address(_: Random, person: Person) -> Person:
    return person._replace(address="")


def _month_only(_: Random, person: Person) -> Person:
    return person._replace(known=7)


def _year_only(_: Random, person: Person) -> Person:
    return person._replace(known=4)


def _again(_: Random, person: Person) -> Person:
    return person


def _character(rng: Random, person: Person) -> Person:
    at = rng.randrange(1, len(person.name))
    return person._replace(name=person.name[:at] + rng.choice(CHARACTERS) + person.name[at + 1 :])


def _look_alike(rng: Random, person: Person) -> Person:
    name = "".join(_LOOK_ALIKE.get(c, c) for c in person.name)
    return person._replace(name=name) if name != person.name else _character(rng, person)


def _sound_alike(rng: Random, person: Person) -> Person:
    """A character of the same sound, as an input method offers them."""
    places = [at for at, c in enumerate(person.name) if at and c in _SOUND_ALIKE]
    if not places:
        return _look_alike(rng, person)
    at = rng.choice(places)
    other = rng.choice([c for c in _SOUND_ALIKE[person.name[at]] if c != person.name[at]])
    return person._replace(name=person.name[:at] + other + person.name[at + 1 :])


def _no_number(_: Random, person: Person) -> Person:
    return person._replace(number="")


def _typed_number(rng: Random, person: Person) -> Person:
    at = rng.randrange(6, max(len(person.number), 7))
    digit = str((int(person.number[at : at + 1] or "1", 36) + rng.randint(1, 8)) % 10)
    return person._replace(number=person.number[:at] + digit + person.number[at + 1 :] if person.number else "")


def _new_phone(rng: Random, person: Person) -> Person:
    return person._replace(phone=phone_number(rng), number=person.number if rng.random() < 0.7 else "")


def _moved(rng: Random, person: Person) -> Person:
    number = person.number if rng.random() < 0.7 else ""
    return person._replace(
        area=rng.choice(COUNTIES), address=f"{rng.choice(STREETS)}路{rng.randint(1, 400)}号", number=number
    )


def _moved_with_phone(rng: Random, person: Person) -> Person:
    return _moved(rng, person)._replace(phone=phone_number(rng), number=person.number if rng.random() < 0.9 else "")


def _lunar(rng: Random, person: Person) -> Person:
    return person._replace(
        born=person.born - timedelta(days=rng.randint(20, 50)), number=rng.choice((person.number, ""))
    )


def _swapped(rng: Random, person: Person) -> Person:
    if person.born.day > 12 or person.born.day == person.born.month:
        return _lunar(rng, person)
    return person._replace(born=person.born.replace(month=person.born.day, day=person.born.month))


def _named(_: Random, person: Person) -> Person:
    """A newborn before it has a name."""
    return person._replace(name=f"{person.mother}之{'子' if person.sex == 'male' else '女'}")


def _renewed(rng: Random, person: Person) -> Person:
    return person._replace(number=passport_number(rng))


def _middle(_: Random, person: Person) -> Person:
    words = person.name.split()
    return person._replace(name=f"{words[0]} {words[-1]}")


def _misspelt(rng: Random, person: Person) -> Person:
    """Two letters of a Latin name exchanged."""
    at = rng.randrange(1, len(person.name) - 1)
    name = person.name
    return person._replace(name=name[:at] + name[at + 1] + name[at] + name[at + 2 :])


def _other_order(_: Random, person: Person) -> Person:
    words = person.name.split()
    return person._replace(name=" ".join([words[-1], *words[:-1]]).upper())


def _other_dot(rng: Random, person: Person) -> Person:
    return person._replace(name=person.name.replace("·", rng.choice(("•", ".", "・", ""))))


def _father_dropped(_: Random, person: Person) -> Person:
    return person._replace(name=person.name.split("·")[0])


ERRORS: Final[dict[str, Callable[[Random, Person], Person]]] = {
    "again": _again, "character": _character, "look-alike": _look_alike, "no number": _no_number,
    "mistyped number": _typed_number, "new phone": _new_phone, "moved": _moved, "moved, new phone": _moved_with_phone,
    "lunar date": _lunar, "day-month": _swapped, "newborn": _named, "new passport": _renewed, "middle name": _middle,
    "order": _other_order, "other dot": _other_dot, "father's name dropped": _father_dropped,
    "sound-alike": _sound_alike, "no phone": _no_phone, "no address": _no_address, "month only": _month_only,
    "year only": _year_only, "misspelt": _misspelt,
}  # fmt: skip
"""Kind of error -> what it makes of a registration."""
BARE: Final = (_no_number, _no_phone, _no_address)
"""What a first registration may lack."""
