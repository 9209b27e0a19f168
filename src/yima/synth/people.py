"""The people of the city as they truly are: what a matcher should find out."""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from .names import Name, Sex
from .places import Address

Kind = Literal["resident_number", "passport", "permit_hk_mo", "permit_tw"]


@dataclass(frozen=True, slots=True)
class Document:
    """An identity document; its kind names the FHIR identifier system."""

    kind: Kind
    value: str


@dataclass(frozen=True, slots=True)
class Resident:
    """One human being. Family links are keys of other residents (None: not in the city).

    ``stories`` names the clinical stories that happen to this person; ``special`` names
    why a demonstration would look for them (twin, newborn, same-name, ..).
    """

    key: str
    index: int
    household: int
    name: Name
    sex: Sex
    born: date
    ethnicity: str
    country: str
    documents: tuple[Document, ...]
    phone: str
    address: Address
    mother: str | None = None
    father: str | None = None
    spouse: str | None = None
    birth_order: int | None = None
    died: date | None = None
    stories: tuple[str, ...] = ()
    special: tuple[str, ...] = field(default=())
