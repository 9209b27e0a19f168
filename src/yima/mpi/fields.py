"""The fields: everything of one registration that is compared, normalised, in the form both engines read. Pure.

Real time holds them as `Fields`; bulk as the columns of a table with the same names and values (README.md says how each
level is written in SQL). Text is '' and a list is empty where nothing is known; nothing else means `unknown`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from yima.mpi.documents import (
    RESIDENT_NUMBER,
    document_is_plausible,
    is_national,
    number_key,
    resident_number_is_valid,
    resident_number_key,
)
from yima.mpi.names import NameParts, name_key, read_name
from yima.mpi.places import address_key, area_code, phone_key, site_key

_LONGEST_NAME: Final = 200
_DATE: Final = re.compile(r"[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?")


class Fields(msgspec.Struct, frozen=True, array_like=True, kw_only=True):
    """What is compared. The order of the fields is that in which they are stored: new ones only at the end."""

    name: str = ""
    """`NameParts.key`: '' of a placeholder."""
    name_ordered: str = ""
    sound: str = ""
    sound_other: str = ""
    latin: str = ""
    """The Latin form's words in alphabetical order, where the person has one beside the name."""
    surname: str = ""
    surname_sound: str = ""
    given: str = ""
    given_sound: str = ""
    words: tuple[str, ...] = ()
    script: str = ""
    """han, latin, other."""
    placeholder: str = ""
    """newborn, unidentified."""
    sex: str = ""
    """male, female."""
    birth: str = ""
    """FHIR date: YYYY, YYYY-MM or YYYY-MM-DD."""
    number: str = ""
    """The resident number."""
    number_class: str = ""
    """Of the resident number: valid, bad (mistyped); '' without one."""
    documents: tuple[str, ...] = ()
    """Other national documents, `system|number`."""
    phones: tuple[str, ...] = ()
    area: str = ""
    """County: six digits of GB/T 2260."""
    address: str = ""
    site: str = ""
    """The address up to the house number."""
    order: str = ""
    """Birth order of a twin: 1.., 0 when the order is not known; '' single or unknown."""
    birth_time: str = ""
    """HH:MM, of newborns."""
    mother: tuple[str, ...] = ()
    """What names the mother: `number|..`, `phone|<name>|<phone>`."""


def fields(  # noqa: PLR0913  one argument a fact, each said by its name
    *,
    name: str = "",
    family: str = "",
    latin_name: str = "",
    sex: str = "",
    birth_date: str = "",
    documents: Iterable[tuple[str, str]] = (),
    phones: Iterable[str] = (),
    area: str = "",
    address: str = "",
    order: int | None = None,
    birth_time: str = "",
    mother_name: str = "",
    mother_numbers: Iterable[str] = (),
    mother_phones: Iterable[str] = (),
) -> Fields:
    """The fields of a registration or of a row of a population, from the words as they were written.

    `documents` are (system, number) with the identifier systems of `NATIONAL`; others are left out. Nothing is refused:
    what cannot be read is unknown.
    """
    parts, latin = names_of(name, family, latin_name)
    number, number_class, others = numbers_of(documents)
    own = phones_of(phones)
    below = address_key(address)
    rank = parts.order if order is None else order  # wards write the order of twins into the name
    mothers = mothers_of(mother_name or parts.mother, mother_numbers, mother_phones, own if parts.mother else ())
    return Fields(
        name=parts.key, name_ordered=parts.ordered, sound=parts.sound, sound_other=parts.sound_other,
        latin=latin, surname=parts.surname,
        surname_sound=parts.surname_sound, given=parts.given, given_sound=parts.given_sound, words=parts.words,
        script=parts.script, placeholder=parts.placeholder, sex=sex if sex in ("male", "female") else "",
        birth=birth_date if _DATE.fullmatch(birth_date) else "", number=number, number_class=number_class,
        documents=others, phones=own, area=area_code(area), address=below, site=site_key(below),
        order="" if rank is None else str(rank), birth_time=birth_time, mother=mothers,
    )  # fmt: skip


def names_of(name: str, family: str = "", latin_name: str = "") -> tuple[NameParts, str]:
    """The name taken apart, and the words of its Latin form in alphabetical order."""
    parts = read_name(name[:_LONGEST_NAME], family[:_LONGEST_NAME])
    latin = read_name(latin_name[:_LONGEST_NAME]) if latin_name and latin_name != name else parts
    return parts, latin.ordered if latin.script == "latin" else ""


def numbers_of(documents: Iterable[tuple[str, str]]) -> tuple[str, str, tuple[str, ...]]:
    """`number`, `number_class` and `documents` of (system, number)."""
    number, number_class, others = "", "", set[str]()
    for system, value in documents:
        if system == RESIDENT_NUMBER:
            key = resident_number_key(value)
            good = resident_number_is_valid(key)
            if key and document_is_plausible(key) and (good or number_class != "valid"):
                number, number_class = key, "valid" if good else "bad"
        elif is_national(system) and document_is_plausible(key := number_key(value)):
            others.add(f"{system}|{key}")
    return number, number_class, tuple(sorted(others))


def phones_of(phones: Iterable[str]) -> tuple[str, ...]:
    """`phones` of what was written: those that can be somebody's."""
    return tuple(sorted({key for phone in phones if (key := phone_key(phone))}))


def mothers_of(name: str, numbers: Iterable[str], phones: Iterable[str], own: tuple[str, ...]) -> tuple[str, ...]:
    """What names the mother; `own` are the person's phones where a ward wrote her name for the newborn's."""
    known = {f"number|{resident_number_key(number)}" for number in numbers if number}
    key = name_key(name)
    if key:
        known |= {f"phone|{key}|{phone}" for phone in {*phones_of(phones), *own}}
    return tuple(sorted(known))


def veiled(plain: Fields, blind: Callable[[str, str], str]) -> Fields:
    """The fields as they are stored: numbers, phones, addresses and the mother as keyed hashes.

    `blind(purpose, value)` gives the same text for the same value. Names, dates and area codes stay: they are compared
    by more than equality. Levels are the same as of the clear fields, except that of a mistyped number, which the
    platform never stores.
    """

    def each(purpose: str, values: Iterable[str]) -> tuple[str, ...]:
        return tuple(sorted(blind(purpose, value) for value in values))

    systems = (document.rpartition("|")[::2] for document in plain.documents)
    return msgspec.structs.replace(
        plain,
        number=blind("number", plain.number) if plain.number else "",
        documents=tuple(f"{system}|{blind('document/' + system, number)}" for system, number in systems),
        phones=each("phone", plain.phones),
        address=blind("address", plain.address) if plain.address else "",
        site=blind("site", plain.site) if plain.site else "",
        mother=tuple(f"{kind}|{blind('mother', value)}" for kind, _, value in (m.partition("|") for m in plain.mother)),
    )
