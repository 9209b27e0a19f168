"""What one institution says of one human being, read from its FHIR Patient. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from yima.mpi import normalise
from yima.mpi.fields import Fields, fields
from yima.runtime.errors import Refusal

_MOST_IDENTIFIERS: Final = 32
_MOST_PHONES: Final = 8
_LONGEST_NAME: Final = 10_000
"""Of which 200 characters are compared."""
_LONGEST_ADDRESS: Final = 300
_LONGEST_SYSTEM: Final = 500
"""Systems are looked up by an index of the database, which takes no entry of 2,704 bytes."""
_LOST: Final = re.compile(r"[\x00-\x1f\x7f\ufffd]")
_TWO_PEOPLE: Final = re.compile(r"[\u3400-\u9fff]\s*[、/／,，;；&＆]\s*[\u3400-\u9fff]")
_A_NUMBER: Final = re.compile(r"[0-9]{6}")
_AREA: Final = "urn:yima:area"
_MOTHERS_NUMBER: Final = "urn:yima:contact-identifier"
_MOTHERS_NAME: Final = "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName"
_BIRTH_TIME: Final = "http://hl7.org/fhir/StructureDefinition/patient-birthTime"


@dataclass(frozen=True, slots=True)
class Identifier:
    """One number of a person: a national document, or the patient number of the submitting institution."""

    system: str
    value: str

    @property
    def national(self) -> bool:
        """Whether the number means the same person at every institution."""
        return normalise.is_national(self.system)

    @classmethod
    def of(cls, system: str, value: str) -> Identifier:
        """The identifier as it is compared: national numbers normalised, an institution's own as they are."""
        return cls(system, normalise.number_key(value) if normalise.is_national(system) else value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """The identifying part of a Patient. Numbers and phones are in the clear here, and only here."""

    name: str = ""
    latin_name: str = ""
    sex: str = "unknown"
    birth_date: str = ""
    identifiers: tuple[Identifier, ...] = ()
    phones: tuple[str, ...] = ()
    multiple_birth: int | None = None
    """Birth order of a twin, 0 when the order is not known, None when single or unknown."""
    deceased: bool = False
    family: str = ""
    """The family name, where the source says which part of the name that is."""
    area: str = ""
    """GB/T 2260 code of the address."""
    address: str = ""
    birth_time: str = ""
    """HH:MM as the ward wrote it; of newborns."""
    mother_name: str = ""
    mother_numbers: tuple[str, ...] = ()
    mother_phones: tuple[str, ...] = ()

    @property
    def fields(self) -> Fields:
        """As it is compared."""
        return fields(
            name=self.name,
            family=self.family,
            latin_name=self.latin_name,
            sex=self.sex,
            birth_date=self.birth_date,
            documents=[(number.system, number.value) for number in self.identifiers if number.national],
            phones=self.phones,
            area=self.area,
            address=self.address,
            order=self.multiple_birth,
            birth_time=self.birth_time,
            mother_name=self.mother_name,
            mother_numbers=self.mother_numbers,
            mother_phones=self.mother_phones,
        )


def registration(patient: Mapping[str, Any]) -> Registration:
    """Read a Patient. Refusal `field-invalid` for a document number that cannot be one, for too many numbers, and for a
    name that is none: too long, with characters lost on the way, a number in it, or two people's."""
    chinese, latin, family = _names(patient.get("name") or ())
    area, address = _address(patient.get("address") or ())
    mother, mothers_numbers, mothers_phones = _mother(patient)
    multiple = patient.get("multipleBirthInteger")
    return Registration(
        name=chinese,
        latin_name=latin,
        sex=patient.get("gender", "unknown"),
        birth_date=patient.get("birthDate", ""),
        identifiers=_identifiers(patient.get("identifier") or ()),
        phones=_phones(patient.get("telecom") or ()),
        # A twin whose order nobody wrote down is a twin all the same; 0 says "one of several".
        multiple_birth=multiple
        if isinstance(multiple, int)
        else 0
        if patient.get("multipleBirthBoolean") is True
        else None,
        deceased=bool(patient.get("deceasedBoolean") or patient.get("deceasedDateTime")),
        family=family,
        area=area,
        address=address,
        birth_time=_birth_time(patient),
        mother_name=mother,
        mother_numbers=mothers_numbers,
        mother_phones=mothers_phones,
    )


def _names(names: Sequence[Mapping[str, Any]]) -> tuple[str, str, str]:
    """The name in its own script, its Latin form, and the former's family name; the official name before others, old
    names never."""
    main = latin = ("", "")
    for position, name in sorted(enumerate(names), key=lambda n: n[1].get("use") != "official"):
        if name.get("use") == "old":
            continue
        text = _checked_name(_text(name), position)
        found = (text, str(name.get("family", "")))
        if text.isascii():
            latin = latin if latin[0] else found
        else:
            main = main if main[0] else found
    chosen = main if main[0] else latin
    return chosen[0], latin[0], chosen[1]


def _checked_name(text: str, position: int) -> str:
    expected = (
        f"at most {_LONGEST_NAME} characters" if len(text) > _LONGEST_NAME
        else "a name in Unicode: characters were lost on the way (GBK read as UTF-8?)" if _LOST.search(text)
        else "one person's name" if _TWO_PEOPLE.search(text)
        else "a name, not a number" if _A_NUMBER.search(text)
        else ""
    )  # fmt: skip
    if expected:
        raise Refusal("field-invalid", field=f"Patient.name[{position}]", expected=expected)
    return text


def _address(rows: Iterable[Mapping[str, Any]]) -> tuple[str, str]:
    """Area code and text of the home address, or of the first that is not an old one."""
    living = [row for row in rows if row.get("use") != "old"]
    for row in sorted(living, key=lambda one: one.get("use") != "home")[:1]:
        parts = (row.get("state"), row.get("city"), row.get("district"), *(row.get("line") or ()))
        text = row.get("text") or "".join(str(part) for part in parts if part)
        return _extension(row, _AREA, "valueCode"), str(text)[:_LONGEST_ADDRESS]
    return "", ""


def _mother(patient: Mapping[str, Any]) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Name, resident numbers and phones of the mother: a contact with MTH of v3-RoleCode, or her maiden name."""
    for contact in patient.get("contact") or ():
        codes = [c.get("code") for kind in contact.get("relationship") or () for c in kind.get("coding") or ()]
        if "MTH" in codes:
            rows = [
                e.get("valueIdentifier") or {}
                for e in contact.get("extension") or ()
                if e.get("url") == _MOTHERS_NUMBER
            ]
            known = [str(n["value"]) for n in rows if n.get("system") == normalise.RESIDENT_NUMBER and n.get("value")]
            name = _text(contact.get("name") or {})[:_LONGEST_NAME]
            return name, tuple(known[:1]), _phones(contact.get("telecom") or ())
    return _extension(patient, _MOTHERS_NAME, "valueString")[:_LONGEST_NAME], (), ()


def _birth_time(patient: Mapping[str, Any]) -> str:
    """Hours and minutes of patient-birthTime; a place is in one time zone, so that the zone does not count."""
    written = _extension(patient.get("_birthDate") or {}, _BIRTH_TIME, "valueDateTime")
    found = re.search(r"T([0-9]{2}:[0-9]{2})", written)
    return found[1] if found else ""


def _extension(of: Mapping[str, Any], url: str, value: str) -> str:
    return next((str(e.get(value, "")) for e in of.get("extension") or () if e.get("url") == url), "")


def _text(name: Mapping[str, Any]) -> str:
    if name.get("text"):
        return str(name["text"]).strip()
    family, given = name.get("family", ""), name.get("given") or []
    parts = [*given, family] if "".join([family, *given]).isascii() else [family, *given]
    return (" " if family.isascii() else "").join(part for part in parts if part).strip()


def _phones(rows: Iterable[Mapping[str, Any]]) -> tuple[str, ...]:
    keys = (normalise.phone_key(row.get("value", "")) for row in rows if row.get("system") in ("phone", "sms"))
    return tuple(dict.fromkeys(filter(None, keys)))[:_MOST_PHONES]


def _identifiers(rows: Sequence[Mapping[str, Any]]) -> tuple[Identifier, ...]:
    if len(rows) > _MOST_IDENTIFIERS:  # each is a lock held until the submission is stored
        raise Refusal("field-invalid", field="Patient.identifier", expected=f"at most {_MOST_IDENTIFIERS} identifiers")
    found = [
        _checked(Identifier.of(row.get("system", ""), row["value"]), position)
        for position, row in enumerate(rows)
        if row.get("value") and row.get("use") != "old"
    ]
    return tuple(dict.fromkeys(found))


def _checked(number: Identifier, position: int) -> Identifier:
    if len(number.system) > _LONGEST_SYSTEM:
        expected = f"at most {_LONGEST_SYSTEM} characters"
        raise Refusal("field-invalid", field=f"Patient.identifier[{position}].system", expected=expected)
    if number.system == normalise.RESIDENT_NUMBER:
        valid = normalise.resident_number_is_valid(number.value)
        expected = "an 18-digit resident number with its right check digit (GB 11643)"
    else:
        valid = not number.national or normalise.document_is_plausible(number.value)
        expected = "a document number of 5 to 24 letters and digits"
    if not valid:
        raise Refusal("field-invalid", field=f"Patient.identifier[{position}].value", expected=expected)
    return number
