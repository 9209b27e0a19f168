"""Fields of the gateway's calls: text within bounds, dates, documents, and the application for a card made of them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from yima import healthcode, mpi
from yima.access import Application, Mother
from yima.runtime.civil import CIVIL
from yima.runtime.errors import Refusal

"""Times without an offset are China Standard Time."""
_LONGEST: Final = 200
_DATE: Final = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})")
_TIME: Final = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})[ T]?([0-9]{2}):?([0-9]{2}):?([0-9]{2})")
_RESIDENT: Final = "urn:oid:2.16.156.10011.1.3"
_CHILD: Final = "2"


@dataclass(frozen=True, slots=True)
class Names:
    """What the fields of an application are called in one family."""

    document_type: str
    number: str
    name: str
    sex: str
    birthday: str
    phones: tuple[str, ...]
    addresses: tuple[str, ...]
    apply_mode: str
    patient_number: str


CARD_SYSTEM: Final = Names(
    "id_type", "id_no", "name", "gender", "birthday", ("cellphone", "telephone"), ("address", "domicile"),
    "apply_type", "patid",
)  # fmt: skip
OPEN_PLATFORM: Final = Names(
    "idType", "idNumber", "name", "gender", "birthday", ("phone1", "phone2"), ("address",), "applyType", "patid"
)


class Fields:
    """The members of one JSON object, read as text. What is not named is ignored: callers send more than is read."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def text(self, name: str, *, most: int = _LONGEST) -> str:
        """The text of a field without blanks around it, empty when it is missing or null. Refusal `field-invalid`."""
        value = self.values.get(name)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise Refusal("field-invalid", field=name, expected="text")
        found = str(value).strip()
        if len(found) > most or not found.isprintable():
            raise Refusal("field-invalid", field=name, expected=f"at most {most} printable characters")
        return found

    def needed(self, name: str, expected: str, *, most: int = _LONGEST) -> str:
        """A field that must be there. Refusals `field-missing`, `field-invalid`."""
        return self.text(name, most=most) or _missing(name, expected)

    def inner(self, name: str) -> Fields:
        """A field that is an object; without members when it is missing."""
        value = self.values.get(name)
        if value is not None and not isinstance(value, dict):
            raise Refusal("field-invalid", field=name, expected="an object")
        return Fields(value or {})

    def day(self, name: str) -> str:
        """A date, `YYYY-MM-DD` or `YYYYMMDD`, as FHIR writes it; empty when missing. Refusal `field-invalid`."""
        found = self.text(name)
        match = _DATE.fullmatch(found)
        try:
            return date(*map(int, match.groups())).isoformat() if match else _blank_or_refused(name, found, "a date")
        except ValueError:
            return _blank_or_refused(name, found, "a date")

    def moment(self, name: str) -> datetime | None:
        """A time such as `2026-11-23 08:30:00` (China Standard Time), None when missing. Refusal `field-invalid`."""
        found = self.text(name)
        match = _TIME.fullmatch(found)
        try:
            if match:
                year, month, day, hour, minute, second = map(int, match.groups())
                return datetime(year, month, day, hour, minute, second, tzinfo=CIVIL)
        except ValueError:
            pass
        _blank_or_refused(name, found, "a time such as 2026-11-23 08:30:00")
        return None


def parse(text: bytes | str, what: str) -> dict[str, Any]:
    """One JSON object. Refusals `json-malformed` (also for GBK), `json-duplicate-key`."""
    try:
        plain = text.decode() if isinstance(text, bytes) else text
    except UnicodeDecodeError:
        raise Refusal("json-malformed", reason=f"{what} is not UTF-8; GBK bytes are not read") from None
    try:
        found = json.loads(plain, object_pairs_hook=_once, parse_constant=_no_number)
        if "\\u" in plain:
            json.dumps(found, ensure_ascii=False).encode()  # half of a surrogate pair is no text
    except (ValueError, RecursionError):
        raise Refusal("json-malformed", reason=f"{what} is not one JSON object") from None
    if not isinstance(found, dict):
        raise Refusal("json-malformed", reason=f"{what} is not one JSON object")
    return found


def application(fields: Fields, names: Names, dialect: healthcode.national.Dialect) -> Application:
    """The application for a card in a call. Refusals `field-missing`, `field-invalid` name the field."""
    mother = _mother(fields, dialect)
    document_type = fields.text(names.document_type, most=8)
    number = mpi.number_key(fields.text(names.number, most=30))
    if not number and mother is None:
        _missing(names.number, "a document number, or personnelType 2 and the mother's name and document")
    system = dialect.system(document_type or "01", names.document_type) if number else ""
    birthday, sex = fields.day(names.birthday), fields.text(names.sex, most=8)
    meant = dialect.sex(sex, names.sex) if sex else "unknown"
    if number:
        birthday, meant = _checked(system, number, names, birthday, meant)
    elif not birthday:
        _missing(names.birthday, "the child's date of birth")
    phones = [fields.text(name, most=40) for name in names.phones]
    return Application(
        name=fields.text(names.name, most=80) or _child_name(mother, meant) or _missing(names.name, "the name"),
        sex=meant,
        birth_date=birthday,
        document_type=(document_type or "01") if number else "",
        system=system,
        number=number,
        phones=tuple(dict.fromkeys(filter(None, [*phones, mother.phone if mother else ""]))),
        addresses=tuple(filter(None, (fields.text(name) for name in names.addresses))),
        patient_number=fields.text(names.patient_number, most=64),
        mother=mother,
        multiple_birth=_birth_order(fields) if mother else None,
        apply_mode=dialect.apply_mode(fields.text(names.apply_mode, most=8), names.apply_mode),
    )


def _checked(system: str, number: str, names: Names, birthday: str, sex: str) -> tuple[str, str]:
    """Birth date and sex as the document says them. Refusal `field-invalid`, which never repeats the number."""
    if system != _RESIDENT:
        if mpi.is_national(system) and not mpi.document_is_plausible(number):
            raise Refusal("field-invalid", field=names.number, expected="a number of 5 to 24 letters and digits")
        if not number.isascii() or not number.isprintable() or "|" in number:
            raise Refusal("field-invalid", field=names.number, expected="letters and digits")
        return birthday, sex
    if not mpi.resident_number_is_valid(number):
        expected = "an 18-digit resident number with its right check digit (GB 11643)"
        raise Refusal("field-invalid", field=names.number, expected=expected)
    born = f"{number[6:10]}-{number[10:12]}-{number[12:14]}"
    if birthday and birthday != born:
        raise Refusal("field-invalid", field=names.birthday, expected="the birth date that the resident number says")
    return born, sex if sex != "unknown" else ("male" if int(number[16]) % 2 else "female")


def _mother(fields: Fields, dialect: healthcode.national.Dialect) -> Mother | None:
    """The mother of a child without a document, as either family writes her."""
    child = fields.inner("childInfo")
    name = fields.text("motherName", most=80) or child.text("motherName", most=80)
    if fields.text("personnelType", most=8) != _CHILD and not name:
        return None
    own = "motherIdCode" if fields.text("motherIdCode") else "motherEmpi"
    number = fields.text("motherIdCode", most=64) or child.text("motherIdNumber", most=64)
    number = mpi.number_key(number or fields.text("motherEmpi", most=64)) or _missing(own, "the mother's document")
    written = fields.text("motherIdType", most=8) or child.text("motherIdType", most=8) or "01"
    system = dialect.system(written, "motherIdType")
    if own == "motherIdCode" and system == _RESIDENT and not mpi.resident_number_is_valid(number):
        expected = "an 18-digit resident number with its right check digit (GB 11643)"
        raise Refusal("field-invalid", field="motherIdCode", expected=expected)
    phone = fields.text("motherPhone", most=40) or child.text("motherPhone", most=40)
    return Mother(name=name or _missing("motherName", "the mother's name"), system=system, number=number, phone=phone)


def _birth_order(fields: Fields) -> int | None:
    """The place among twins: None for a single birth, 0 when the order was not said."""
    child = fields.inner("childInfo")
    marks = [fields.text("multifetalMark", most=4), fields.text("multipleBirthsFlag", most=4)]
    several = any(mark in ("1", "true", "True") for mark in [*marks, child.text("multipleBirthsFlag", most=4)])
    order = fields.text("multipleBirths", most=4) or fields.text("multipleBirthOrder", most=4)
    order = order or child.text("parity", most=4)
    if order and not (order.isascii() and order.isdecimal() and int(order) <= 20):
        raise Refusal("field-invalid", field="multipleBirthOrder", expected="a number from 1 to 20")
    return int(order or 0) if several else None


def _child_name(mother: Mother | None, sex: str) -> str:
    return f"{mother.name}之{'子' if sex == 'male' else '女' if sex == 'female' else '婴'}" if mother else ""


def _missing(name: str, expected: str) -> Any:
    raise Refusal("field-missing", field=name, expected=expected)


def _blank_or_refused(name: str, found: str, expected: str) -> str:
    if found:
        raise Refusal("field-invalid", field=name, expected=expected)
    return ""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise Refusal("json-duplicate-key", field="$", key=key[:64])
        found[key] = value
    return found


def _no_number(word: str) -> Any:
    raise ValueError(word)
