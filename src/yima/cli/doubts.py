"""Doubtful pairs for the demonstration, so that a steward's queue has something in it. All are invented people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson

from yima import synth
from yima.access import Access
from yima.cli import loading

_TWINS: Final = "13500000101"
_MOVED: Final = "13500000102"
_ABROAD: Final = "13500000103"
_PAIRS: Final[tuple[tuple[dict[str, Any], dict[str, Any]], ...]] = (
    # Name, date and sex, and nothing besides.
    ({"name": "沈雨桐", "birthDate": "1987-06-21"}, {"name": "沈雨桐", "birthDate": "1987-06-21"}),
    # A foreigner whose names were put in another order, and whose day of birth one side does not know; the same phone.
    (
        {"name": "Aigerim Sadykova", "birthDate": "1992-02-08", "phone": _ABROAD},
        {"name": "Sadykova Aigerim", "birthDate": "1992-02", "phone": _ABROAD},
    ),
    # Twins of one home, whose order nobody wrote down.
    (
        {"name": "秦子涵", "birthDate": "2019-09-09", "phone": _TWINS, "twin": True},
        {"name": "秦子晗", "birthDate": "2019-09-09", "phone": _TWINS, "twin": True},
    ),
    # One digit of the date, and one character of the name; the same phone.
    (
        {"name": "尤晓明", "birthDate": "1958-11-03", "phone": _MOVED},
        {"name": "尤小明", "birthDate": "1958-11-08", "phone": _MOVED},
    ),
)


async def load(access: Access, made: synth.City) -> None:
    """Submit one side of each pair at one institution, then the other at another; and a number under another name."""
    for side, place in enumerate(made.institutions[:2]):
        await loading.load(access, list(_items(made, place.code, side)))


def _items(made: synth.City, place: str, side: int) -> Iterator[loading.Item]:
    for number, pair in enumerate(_PAIRS):
        yield _item(place, f"doubt-{number}", pair[side])
    holder = next((r for r in made.residents if r.documents and r.documents[0].kind == "resident_number"), None)
    if holder is not None and side:
        document = holder.documents[0]
        numbers = [{"system": synth.DOCUMENT_SYSTEMS[document.kind], "value": document.value}]
        yield _item(place, "doubt-number", {"name": "苗不同", "birthDate": "1979-12-30"}, numbers)


def _item(place: str, key: str, said: dict[str, Any], numbers: Sequence[dict[str, str]] = ()) -> loading.Item:
    patient: dict[str, Any] = {
        "resourceType": "Patient",
        "identifier": [{"system": f"urn:yima:synth:institution:{place}:patient", "value": key}, *numbers],
        "name": [{"use": "official", "text": said["name"]}],
        "gender": "female",
        "birthDate": said["birthDate"],
    }
    patient |= {"telecom": [{"system": "phone", "value": said["phone"]}]} if "phone" in said else {}
    patient |= {"multipleBirthBoolean": True} if said.get("twin") else {}
    entry = {"resource": patient, "request": {"method": "POST", "url": "Patient"}}
    bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
    return loading.Item(place, f"{key}/{place}", orjson.dumps(bundle))
