"""Reading what an address or a form of these pages names."""

from __future__ import annotations

from typing import Final

from yima.access import check_right
from yima.portals.layout import SignedIn
from yima.runtime import ids
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

SYSTEMS: Final = {
    "urn:oid:2.16.156.10011.1.3": ("居民身份证", "Resident number"),
    "urn:yima:id:passport": ("护照", "Passport"),
    "urn:yima:id:permit-hk-mo": ("港澳居民来往内地通行证", "Hong Kong or Macau permit"),
    "urn:yima:id:permit-tw": ("台湾居民来往大陆通行证", "Taiwan permit"),
    "urn:yima:id:foreign-permanent-residence": ("外国人永久居留身份证", "Foreign permanent residence"),
    "urn:yima:id:birth-certificate": ("出生医学证明", "Birth certificate"),
}
"""Documents that the forms offer, with their words (zh, en)."""


def number_of(text: str) -> int:
    """The number of a case, proposal or act. Refusal `not-found`."""
    if not (text.isascii() and text.isdecimal() and len(text) < 16):
        raise Refusal("not-found")
    return int(text)


def person_of(text: str, field: str) -> PersonId:
    """A person by id. Refusal `not-found`."""
    person = ids.person_from_text(text.strip())
    if person is None:
        raise Refusal("not-found", field=field)
    return person


def refuse_strangers(who: SignedIn) -> None:
    """Refusal `right-needed` for somebody of the operator who is no steward: pages without a question to the door."""
    check_right(who.caller, "merge")
