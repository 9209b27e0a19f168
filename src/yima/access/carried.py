"""What goes into an offline credential, of a person's record: pure, short, nothing that the holder would not expect.

The sensitive classes (psychiatric, HIV, STD) are left out before this is called: whoever finds a card can read it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from yima import mpi
from yima.healthcode import offline
from yima.records import Overview

MOST_LINES: Final = 5
"""Allergies, conditions or medicines on an emergency card."""
LINE_CHARACTERS: Final = 20
_CONTACT_CHARACTERS: Final = 32
_CODINGS: Final = 2
_MOST_VACCINATIONS: Final = 60


def identity(known: mpi.Identity, card_number: str) -> offline.Identity:
    """Who this is; a birth date that is not known to the day is left out."""
    try:
        born = date.fromisoformat(known.birth_date)
    except ValueError:
        born = None
    return offline.Identity(known.name, born, known.sex, card_number, known.latin_name)


def birth_year(known: mpi.Identity) -> int | None:
    """The year of birth, where even only that is known."""
    year = known.birth_date[:4]
    return int(year) if year.isascii() and year.isdigit() and 0 < int(year) < 4096 else None


def emergency(overview: Overview, resources: Sequence[Mapping[str, Any]]) -> offline.Emergency:
    """What an ambulance needs first: present allergies, conditions and medicines, five lines each, and whom to call."""
    return offline.Emergency(
        overview.basics.blood_group.zh,
        _lines([one.title.zh or one.title.en for one in overview.allergies if one.active]),
        _lines([one.title.zh or one.title.en for one in overview.problems if one.active]),
        _lines([one.title.zh or one.title.en for one in overview.medicines if one.active]),
        next((said for one in resources for said in contacts_of(one)), ""),
    )


def vaccinations(known: mpi.Identity, resources: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Bundle entries of a SMART Health Card: the Patient, then the vaccinations, newest first, each once.

    Names and codes only: no identifiers, phones, addresses, notes or staff.
    """
    names = [name for one in resources if one.get("resourceType") == "Patient" for name in _names(one)]
    patient = {
        "resourceType": "Patient",
        "name": [dict(pairs) for pairs in dict.fromkeys(tuple(n.items()) for n in names)][:2] or [{"text": known.name}],
    }
    if known.birth_date:
        patient["birthDate"] = known.birth_date
    given = {_key(shot): shot for one in resources if (shot := _vaccination(one))}
    newest = sorted(given.values(), key=lambda shot: str(shot["occurrenceDateTime"]), reverse=True)
    return [
        {"fullUrl": f"resource:{number}", "resource": one}
        for number, one in enumerate([patient, *newest[:_MOST_VACCINATIONS]])
    ]


def _lines(found: Sequence[str]) -> tuple[str, ...]:
    short = [line if len(line) <= LINE_CHARACTERS else line[: LINE_CHARACTERS - 1] + "…" for line in found if line]
    return tuple(dict.fromkeys(short))[:MOST_LINES]


def contacts_of(resource: Mapping[str, Any]) -> list[str]:
    """Name and phone of each contact of a Patient who has a phone."""
    found = []
    for contact in _maps(resource.get("contact")) if resource.get("resourceType") == "Patient" else ():
        phones = [one.get("value") for one in _maps(contact.get("telecom")) if one.get("system") == "phone"]
        name = contact.get("name")
        if phones and isinstance(phones[0], str):
            shown = _name_text(name) if isinstance(name, Mapping) else ""
            found.append(f"{shown} {phones[0]}".strip()[:_CONTACT_CHARACTERS])
    return found


def _name_text(name: Mapping[str, Any]) -> str:
    given = name.get("given")
    parts = [name.get("family"), *(given if isinstance(given, list) else [])]
    joined = "".join(part for part in parts if isinstance(part, str))
    text = name.get("text")
    return text if isinstance(text, str) and text else joined


def _names(patient: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = []
    for name in _maps(patient.get("name")):
        family, given = name.get("family"), name.get("given")
        kept: dict[str, Any] = {}
        if isinstance(family, str):
            kept["family"] = family
        if isinstance(given, list) and all(isinstance(part, str) for part in given):
            kept["given"] = tuple(given)
        if not kept and isinstance(name.get("text"), str):
            kept["text"] = name["text"]
        if kept and name.get("use") != "old":
            found.append(kept)
    return found


def _vaccination(resource: Mapping[str, Any]) -> dict[str, Any] | None:
    """A vaccination that was given on a known day, with its codes; None for anything else."""
    day = resource.get("occurrenceDateTime")
    code = resource.get("vaccineCode")
    if resource.get("resourceType") != "Immunization" or resource.get("status") != "completed":
        return None
    if not isinstance(day, str) or not isinstance(code, Mapping):
        return None
    codings = [
        {"system": one["system"], "code": one["code"]}
        for one in _maps(code.get("coding"))
        if isinstance(one.get("system"), str) and isinstance(one.get("code"), str)
    ][:_CODINGS]
    said: dict[str, Any] = {"coding": codings} if codings else {"text": str(code.get("text") or "?")[:60]}
    shot: dict[str, Any] = {
        "resourceType": "Immunization",
        "status": "completed",
        "vaccineCode": said,
        "patient": {"reference": "resource:0"},
        "occurrenceDateTime": day[:10],
    }
    lot = resource.get("lotNumber")
    return shot | ({"lotNumber": lot[:20]} if isinstance(lot, str) and lot else {})


def _key(shot: Mapping[str, Any]) -> tuple[str, str]:
    code = shot["vaccineCode"]
    return str(code.get("coding", [{"code": code.get("text")}])[0]["code"]), str(shot["occurrenceDateTime"])


def _maps(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
