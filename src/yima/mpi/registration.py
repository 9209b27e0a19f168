"""What one institution says of one human being, read from its FHIR Patient. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from yima.mpi import normalise
from yima.runtime.errors import Refusal


@dataclass(frozen=True, slots=True)
class Identifier:
    """One number of a person: a national document, or the patient number of the submitting institution."""

    system: str
    value: str

    @property
    def national(self) -> bool:
        """Whether the number means the same person at every institution."""
        return normalise.is_national(self.system)


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
    deceased: bool = False


def registration(patient: Mapping[str, Any]) -> Registration:
    """Read a Patient. Refusal `field-invalid` for a resident number whose check digit is wrong."""
    chinese, latin = _names(patient.get("name") or ())
    multiple = patient.get("multipleBirthInteger")
    return Registration(
        name=chinese,
        latin_name=latin,
        sex=patient.get("gender", "unknown"),
        birth_date=patient.get("birthDate", ""),
        identifiers=tuple(_identifiers(patient.get("identifier") or ())),
        phones=tuple(
            key for t in patient.get("telecom") or () if t.get("system") == "phone" and (key := normalise.phone_key(t.get("value", "")))
        ),
        multiple_birth=multiple if isinstance(multiple, int) else None,
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


def _identifiers(rows: Iterable[Mapping[str, Any]]) -> Iterable[Identifier]:
    for position, row in enumerate(rows):
        system, value = row.get("system", ""), row.get("value", "")
        if not value or row.get("use") == "old":
            continue
        if normalise.is_national(system):
            value = normalise.number_key(value)
            if normalise.NATIONAL[system] == "resident-number" and not normalise.resident_number_is_valid(value):
                raise Refusal(
                    "field-invalid", field=f"Patient.identifier[{position}].value",
                    expected="an 18-digit resident number with its right check digit (GB 11643)",
                )  # fmt: skip
        yield Identifier(system, value)
