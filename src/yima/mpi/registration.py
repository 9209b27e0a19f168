"""What one institution says of one human being, read from its FHIR Patient. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from yima.mpi import normalise
from yima.runtime.errors import Refusal

_MOST_IDENTIFIERS: Final = 32
_MOST_PHONES: Final = 8


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


def registration(patient: Mapping[str, Any]) -> Registration:
    """Read a Patient. Refusal `field-invalid` for a document number that cannot be one, and for too many numbers."""
    chinese, latin = _names(patient.get("name") or ())
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
    )


def _names(names: Iterable[Mapping[str, Any]]) -> tuple[str, str]:
    """The name in its own script, and its Latin form; the official name before others, old names never."""
    main = latin = ""
    for name in sorted(names, key=lambda n: n.get("use") != "official"):
        if name.get("use") == "old":
            continue
        text = _text(name)
        if text.isascii():
            latin = latin or text
        else:
            main = main or text
    return main or latin, latin


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
    if number.system == normalise.RESIDENT_NUMBER:
        valid = normalise.resident_number_is_valid(number.value)
        expected = "an 18-digit resident number with its right check digit (GB 11643)"
    else:
        valid = not number.national or normalise.document_is_plausible(number.value)
        expected = "a document number of 5 to 24 letters and digits"
    if not valid:
        raise Refusal("field-invalid", field=f"Patient.identifier[{position}].value", expected=expected)
    return number
