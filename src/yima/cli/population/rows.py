"""From a line of a table to an arrival: decoding, cells, the index's own checks, the column that was wrong. Pure."""

from __future__ import annotations

import codecs
import csv
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

from yima import mpi
from yima.access import Arrival
from yima.cli.population import columns
from yima.runtime.errors import Refusal

Encoding = Literal["utf-8", "gb18030"]
_BIRTH: Final = slice(6, 14)
_SEX_DIGIT: Final = 16
_LONGEST: Final = 200
"""Characters of a cell that is no name and no address."""
_DATE_CELLS: Final = ("birth_date", "since", "change_date")
_MTH: Final = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-RoleCode", "code": "MTH"}]}
_COLUMN_OF: Final = (
    ("Patient.name", "name"), ("Patient.identifier", "id_no"), ("Patient.birthDate", "birth_date"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Table:
    """How the lines of one file are read: the same for its whole length."""

    encoding: Encoding
    separator: str
    places: Mapping[str, int]
    """Our name of a column -> its place."""
    width: int


def table_of(header: bytes, sample: bytes, given: Mapping[str, str]) -> Table:
    """From the header line and the first line that is not ASCII (its header, or a later one; empty for none).

    Refusals: those of `columns.mapping_of`, `field-invalid` for a header that is no table.
    """
    encoding: Encoding = "utf-8" if _is(sample, "utf-8") else "gb18030"
    text = _text(header.removeprefix(codecs.BOM_UTF8), encoding, "header")
    separator = "\t" if text.count("\t") > text.count(",") else ","
    titles = _cells(text, separator)
    return Table(encoding, separator, columns.mapping_of(titles, given), len(titles))


def arrival_of(line: bytes, table: Table, today: date) -> Arrival:
    """What a line says. Refusals `field-invalid` and `field-missing`, whose field is our name of the column."""
    text = _text(line, table.encoding, "line")
    cells = _cells(text, table.separator)
    if len(cells) > table.width and any(cells[table.width :]):
        raise Refusal("field-invalid", field="line", expected=f"{table.width} cells, as the header has")
    row = {field: cells[place] for field, place in table.places.items() if place < len(cells)}
    _check_lengths(row)
    return _arrival(row, text, today)


def _arrival(row: Mapping[str, str], text: str, today: date) -> Arrival:
    def cell(name: str) -> str:
        return row.get(name, "")

    system = columns.document_of(cell("id_type"))
    number = mpi.number_key(cell("id_no"))
    status, change = columns.status_of(cell("status")), columns.change_of(cell("change"))
    if change == "death":
        status = "deceased"
    elif change == "moved-out":
        status = "moved"
    elif not change:
        change = {"deceased": "death", "moved": "moved-out"}.get(status, "")
    if not cell("name"):
        raise Refusal("field-missing", field="name", expected="the person's name")
    sex = columns.sex_of(cell("sex"))
    birth = columns.fhir_date(cell("birth_date"), "birth_date", today)
    said = _registration(_patient(row, system, number, sex, birth, status == "deceased"))
    birth, sex = _agreed(said, birth, sex)
    if (birth, sex) != (said.birth_date, said.sex):  # the number tells what the row leaves out
        said = _registration(_patient(row, system, number, sex, birth, status == "deceased"))
    day = columns.fhir_date(cell("change_date"), "change_date", today, partial=False)
    since = columns.fhir_date(cell("since"), "since", today, partial=False)
    former = mpi.number_key(cell("former_id_no"))
    return Arrival(
        key=_key(row, said), content=text, said=said, status=status, change=change,
        as_of=date.fromisoformat(day) if day else None, household=cell("household"), relation=cell("relation"),
        since=date.fromisoformat(since) if since else None, former_name=cell("former_name"),
        former_number=mpi.Identifier.of(system, former) if former else None,
    )  # fmt: skip


def _patient(row: Mapping[str, str], system: str, number: str, sex: str, birth: str, deceased: bool) -> dict[str, Any]:
    """The row as a Patient, so that it meets the same checks as what institutions send."""
    patient: dict[str, Any] = {
        "name": [{"use": "official", "text": row["name"]}], "gender": sex, "birthDate": birth,
        "identifier": [{"system": system, "value": number}] if number else [],
        "telecom": [{"system": "phone", "value": row["phone"]}] if row.get("phone") else [],
        "deceasedBoolean": deceased,
    }  # fmt: skip
    area, address = row.get("area_code", ""), row.get("address", "")
    if area or address:
        patient["address"] = [{"text": address, "extension": [{"url": "urn:yima:area", "valueCode": area}]}]
    if order := row.get("birth_order", ""):
        if not (order.isascii() and order.isdecimal() and 0 <= int(order) <= 12):
            raise Refusal("field-invalid", field="birth_order", expected="1, 2 .. of twins; 0 when it is not known")
        patient |= {"multipleBirthInteger": int(order)} if int(order) else {"multipleBirthBoolean": True}
    if mother := row.get("mother_name", ""):
        known = {"system": mpi.RESIDENT_NUMBER, "value": mpi.number_key(row.get("mother_id_no", ""))}
        extension = [{"url": "urn:yima:contact-identifier", "valueIdentifier": known}] if known["value"] else []
        patient["contact"] = [{"relationship": [_MTH], "name": {"text": mother}, "extension": extension}]
    return patient


def _registration(patient: dict[str, Any]) -> mpi.Registration:
    """The person index's reading, with our name of the column in place of the path."""
    try:
        said = mpi.registration(patient)
    except Refusal as refusal:
        named = next((column for path, column in _COLUMN_OF if (refusal.field or "").startswith(path)), None)
        expected = str(refusal.params.get("expected", ""))
        raise Refusal(refusal.code, field=named or refusal.field, expected=expected) from None
    return said


def _agreed(said: mpi.Registration, birth: str, sex: str) -> tuple[str, str]:
    """Birth date and sex, from the resident number where the row leaves them out (GB 11643: digits 7 to 14, and 17).

    Refusal `field-invalid` where a row and its own number say two things: cells of two people, or swapped.
    """
    number = next((n.value for n in said.identifiers if n.system == mpi.RESIDENT_NUMBER), "")
    if not number:
        return birth, sex
    told = date.fromisoformat(number[_BIRTH]).isoformat()
    told_sex = "male" if int(number[_SEX_DIGIT]) % 2 else "female"
    if birth and not told.startswith(birth):
        raise Refusal("field-invalid", field="birth_date", expected="the birth date that the resident number tells")
    if sex in ("male", "female") and sex != told_sex:
        raise Refusal("field-invalid", field="sex", expected="the sex that the resident number tells")
    return told, told_sex


def _key(row: Mapping[str, str], said: mpi.Registration) -> str:
    """The source's own number of the row; else the document; else all that identifies the person."""
    if row.get("record_id"):
        return f"record|{row['record_id']}"
    if number := next((n for n in said.identifiers if n.national), None):
        return f"{number.system}|{number.value}|{mpi.name_key(said.name)}"
    identifying = (
        said.name,
        said.sex,
        said.birth_date,
        *said.phones,
        said.area,
        said.address,
        row.get("household", ""),
    )
    return "words|" + hashlib.sha256("\x1f".join(identifying).encode()).hexdigest()


def _check_lengths(row: Mapping[str, str]) -> None:
    for field, value in row.items():
        if len(value) > _LONGEST and field not in ("name", "address"):
            raise Refusal("field-invalid", field=field, expected=f"at most {_LONGEST} characters")


def _cells(text: str, separator: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([text], delimiter=separator, strict=True), [])]
    except csv.Error:
        expected = "one row a line, with quotes in pairs (RFC 4180)"
        raise Refusal("field-invalid", field="line", expected=expected) from None


def _text(line: bytes, encoding: Encoding, field: str) -> str:
    try:
        text = line.decode(encoding)
    except UnicodeDecodeError:
        name = "UTF-8" if encoding == "utf-8" else "GB 18030"
        raise Refusal("field-invalid", field=field, expected=f"text in {name}, as the rest of the file is") from None
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f]", text):
        raise Refusal("field-invalid", field=field, expected="text without control characters")
    return text


def _is(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True
