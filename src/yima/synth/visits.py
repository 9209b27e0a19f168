"""All contacts of all residents, in the order institutions would send them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from .city import City
from .facts import Consultation
from .people import Resident
from .registration import Registration, register
from .render import bundle
from .stories import consultations

COHORT = 5_000
"""Residents whose lives are held in memory together (about 15 KB each)."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One submission: the sending institution, its idempotency key, when, and the bundle.

    ``at`` is the end of the contact, when a hospital system sends it (+08:00). ``resident``
    and ``patient`` are ground truth for tests and matching figures: the true person's key
    and the institution's own number for that person.
    """

    institution: str
    key: str
    at: datetime
    bundle: dict[str, Any]
    resident: str
    patient: str


def visits(city: City) -> Iterator[Visit]:
    """Every visit; globally chronological up to `COHORT` residents, beyond that per cohort.

    Only one cohort of (small) consultations is in memory; bundles are made one at a time.
    """
    for first in range(0, len(city.residents), COHORT):
        yield from _cohort(city, city.residents[first : first + COHORT])


def _cohort(city: City, residents: tuple[Resident, ...]) -> Iterator[Visit]:
    queue = [(c.end, r.index, c) for r in residents for c in consultations(city.life(r))]
    queue.sort(key=lambda row: (row[0], row[1]))
    for _, index, contact in queue:
        yield _visit(city, city.residents[index], contact)


def _visit(city: City, resident: Resident, contact: Consultation) -> Visit:
    code = contact.institution.code
    key = f"{code}-{contact.at:%Y%m%d%H%M%S}-{resident.index + 1:06d}"
    mother = city.mother_of(resident)
    written: Registration = register(city.seed, resident, contact.institution, mother, contact.at.date())
    content = bundle(f"{city.seed}:{key}", contact, resident, written, mother)
    return Visit(code, key, contact.end, content, resident.key, written.number)
