"""Rows as they come -> `Fields`: the habits of other programs are read, and what cannot be is said and left out."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Final

import msgspec

from yima.mpi.bulk.reading import Row
from yima.mpi.documents import NATIONAL, RESIDENT_NUMBER, resident_number_is_valid, resident_number_key
from yima.mpi.fields import Fields, fields
from yima.mpi.places import latin_street

Issue = tuple[str, str, str]
"""record_id, column, what is wrong."""
Problem = tuple[str, str]
"""Column, what is wrong."""
PROBLEMS: Final[tuple[Problem, ...]] = (
    LONG_NAME := ("name", "longer than 200 characters"),
    TWO_NAMES := ("name", "two people in one name"),
    NO_DATE := ("birth_date", "no such date"),
    UNKNOWN_KIND := ("id_type", "unknown kind of document"),
    NO_NUMBER := ("id_no", "cannot be a number of this document"),
    BAD_NUMBER := ("id_no", "wrong form or check digit"),
    OTHER_DATE := ("birth_date", "not the date in the resident number"),
    OTHER_SEX := ("sex", "not the sex in the resident number"),
    NO_PHONE := ("phone", "cannot be somebody's number"),
)
"""In the order in which a row's are said."""
LONGEST_NAME: Final = 200
DATE_LENGTH: Final = len("1990-01-02")

_SEXES: Final = {
    "male": "male", "m": "male", "1": "male", "男": "male", "男性": "male",
    "female": "female", "f": "female", "2": "female", "女": "female", "女性": "female",
}  # fmt: skip
_TYPES: Final = {
    **{word: system for system, word in NATIONAL.items()},
    **{system: system for system in NATIONAL},
    # WS 364.3 CV02.01.101, the codes that hospitals export.
    "01": RESIDENT_NUMBER, "1": RESIDENT_NUMBER, "居民身份证": RESIDENT_NUMBER, "身份证": RESIDENT_NUMBER,
    "03": "urn:yima:id:passport", "护照": "urn:yima:id:passport",
    "06": "urn:yima:id:permit-hk-mo", "07": "urn:yima:id:permit-tw",
}  # fmt: skip
_PARTS: Final = (
    ("passport", "urn:yima:id:passport"), ("护照", "urn:yima:id:passport"),
    ("taiwan", "urn:yima:id:permit-tw"), ("台湾", "urn:yima:id:permit-tw"), ("台胞", "urn:yima:id:permit-tw"),
    ("macau", "urn:yima:id:permit-hk-mo"), ("macao", "urn:yima:id:permit-hk-mo"),
    ("hong-kong", "urn:yima:id:permit-hk-mo"), ("港澳", "urn:yima:id:permit-hk-mo"),
    ("permanent", "urn:yima:id:foreign-permanent-residence"), ("永久", "urn:yima:id:foreign-permanent-residence"),
    ("birth", "urn:yima:id:birth-certificate"), ("出生", "urn:yima:id:birth-certificate"),
    ("resident", RESIDENT_NUMBER), ("身份证", RESIDENT_NUMBER), ("id-card", RESIDENT_NUMBER),
    ("identity", RESIDENT_NUMBER), ("national-id", RESIDENT_NUMBER),
)  # fmt: skip
"""What the name of a kind of document may hold; the first that fits."""
_DATE: Final = re.compile(r"([0-9]{4})(?:[-/.年]?([0-9]{1,2})(?:[-/.月]?([0-9]{1,2}))?)?(?:月|日)?(?:[ T].*)?")
_DAY_FIRST: Final = re.compile(r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})")
_JOINTS: Final = re.compile(r"[\s_-]+")
_BETWEEN: Final = re.compile(r"[,，;；/、\s]+")
_TWO: Final = re.compile(r"[,，、;；/&]|(?<=[㐀-鿿])[和与及](?=[㐀-鿿])")
_LONGEST: Final = 4_000
_SEX_AT: Final = 16


@lru_cache(65_536)
def birth_date(text: str) -> str:
    """A birth date as a FHIR date; '' when it cannot be read. `1990/1/2`, `19900102`, `1990年1月2日`, `1990-01`.

    `13/2/1990` is read where only one order of day and month can be meant.
    """
    text = unicodedata.normalize("NFKC", text).removesuffix(".0")
    if (last := _DAY_FIRST.fullmatch(text)) and (int(last[1]) > 12 or last[1] == last[2]):
        text = f"{last[3]}-{last[2]}-{last[1]}"
    elif last and int(last[2]) > 12:
        text = f"{last[3]}-{last[1]}-{last[2]}"
    found = _DATE.fullmatch(text)
    return "-".join(part.zfill(2) for part in found.groups() if part) if found else ""


def document_system(kind: str, number: str) -> str:
    """The identifier system of a kind of document, in the words of the interface, of WS 364.3 or of daily use; '' when
    it is not known. A valid resident number is one whatever it is called."""
    return _system(kind) or (RESIDENT_NUMBER if resident_number_is_valid(resident_number_key(number)) else "")


@lru_cache(1024)
def _system(kind: str) -> str:
    word = unicodedata.normalize("NFKC", kind).strip().lower().removesuffix(".0")
    plain = _JOINTS.sub("-", word)
    return _TYPES.get(word) or _TYPES.get(plain) or next((s for part, s in _PARTS if part in plain), "")


def cut(value: str) -> str:
    """A value as far as it is read."""
    return value[:_LONGEST]


def plain(value: str) -> str:
    """A number as text, without the `.0` of a program that took it for a quantity."""
    return value[:_LONGEST].removesuffix(".0")


def name_said(name: str, given: str, family: str) -> str:
    """The name, or what the two parts make together."""
    given, family = cut(given), cut(family)
    return cut(name) or (f"{given} {family}".strip() if (given + family).isascii() else family + given)


def are_two(name: str) -> bool:
    """Whether a Chinese name is that of two people."""
    return bool(_TWO.search(name))


def sex_said(value: str) -> str:
    """`male`, `female`, or '' for any other word."""
    return _SEXES.get(plain(value.lower()), "")


def documents_said(system: str, number: str) -> list[tuple[str, str]]:
    """The document of a row, as `fields` asks for it."""
    return [(system, plain(number))] if system and number else []


def phones_said(value: str) -> list[str]:
    """The phones of a row, one by one."""
    return [phone.removesuffix(".0") for phone in _BETWEEN.split(cut(value))]


def order_said(value: str) -> int | None:
    """The birth order, None for what is no number."""
    return int(value) if (value := cut(value)).isdecimal() else None


def time_said(value: str) -> str:
    """The time of birth, HH:MM."""
    return value[:5]


def told_by(number: str) -> tuple[str, str]:
    """Birth date and sex that a valid resident number tells (GB 11643)."""
    return f"{number[6:10]}-{number[10:12]}-{number[12:14]}", "male" if int(number[_SEX_AT]) % 2 else "female"


@lru_cache(65_536)
def day_of(born: str) -> int | None:
    """A whole date as a number of days; None for a part of one, or when there is no such day."""
    try:
        return date.fromisoformat(born).toordinal() if len(born) == DATE_LENGTH else None
    except ValueError:
        return None


def is_date(born: str) -> bool:
    """Whether a date was read, and if it was a whole one, whether there is such a day."""
    return bool(born) and (len(born) != DATE_LENGTH or day_of(born) is not None)


def row_fields(row: Row) -> tuple[Fields, list[Issue]]:
    """The fields of a row and what is wrong with it. Values that cannot be are left out, never repaired by guess."""
    said = {name: cut(value) for name, value in row.items()}
    born, system = birth_date(said["birth_date"]), document_system(said["id_type"], said["id_no"])
    family = said.get("family_name", "")
    made = fields(
        name=name_said(said["name"], said.get("given_name", ""), family),
        family=family,
        latin_name=said.get("latin_name", ""),
        sex=sex_said(said["sex"]),
        birth_date=born,
        documents=documents_said(system, said["id_no"]),
        phones=phones_said(said["phone"]),
        area=plain(said["area_code"]),
        address=said["address"],
        order=order_said(said.get("birth_order", "")),
        birth_time=time_said(said.get("birth_time", "")),
        mother_name=said.get("mother_name", ""),
        mother_numbers=filter(None, [said.get("mother_id_no", "")]),
        mother_phones=filter(None, [said.get("mother_phone", "")]),
    )
    if not made.address and (street := latin_street(said["address"])):
        made = msgspec.structs.replace(made, site=street)
    if made.number_class == "valid":  # which tells both, where the row does not
        day, sex = told_by(made.number)
        made = msgspec.structs.replace(
            made, sex=made.sex or sex, birth=made.birth or ("" if row["birth_date"] else day)
        )
    return made, [(row["record_id"], *problem) for problem in _problems(row, made, born, system)]


def _problems(row: Row, made: Fields, born: str, system: str) -> Iterator[Problem]:
    if len(row["name"]) > LONGEST_NAME:
        yield LONG_NAME
    if made.script == "han" and are_two(row["name"]):
        yield TWO_NAMES
    if row["birth_date"] and not is_date(born):
        yield NO_DATE
    if row["id_no"] and not system:
        yield UNKNOWN_KIND
    elif row["id_no"] and not (made.number or made.documents):
        yield NO_NUMBER
    if made.number_class == "bad":
        yield BAD_NUMBER
    elif made.number:
        day, sex = told_by(made.number)
        if len(born) == DATE_LENGTH and day != born:
            yield OTHER_DATE
        if made.sex and sex != made.sex:
            yield OTHER_SEX
    if row["phone"] and not made.phones:
        yield NO_PHONE
