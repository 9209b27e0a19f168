"""Two hospitals and their patients, for tests of who may see what."""

from __future__ import annotations

from dataclasses import dataclass

from support import (
    Institution,
    Platform,
    bundle,
    encounter,
    entry,
    observation,
    patient,
    resident_number,
    urn,
)

PSYCHIATRIC = {"coding": [{"system": "http://hl7.org/fhir/sid/icd-10", "code": "F32.1"}]}


@dataclass
class Record:
    """What one institution holds of one person."""

    patient: str
    encounter: str
    observation: str
    condition: str
    """Closed: psychiatric."""
    person: int


@dataclass
class Town:
    """Hospital A knows Ann, hospital B knows Bob; both know Sam, who was at both."""

    a: Institution
    b: Institution
    ann: Record
    bob: Record
    sam_at_a: Record
    sam_at_b: Record


async def _admit(at: Institution, national: str | None = None, name: str = "山姆") -> Record:
    who, where, sad = urn(), urn(), urn()
    said = patient(at.code, national=national, name=[{"text": name}])
    condition = {
        "resourceType": "Condition",
        "code": PSYCHIATRIC,
        "subject": {"reference": who},
        "encounter": {"reference": sad},
    }
    sent = bundle(
        entry(said, fullUrl=who),
        entry(encounter(who), fullUrl=where),
        entry(observation(who, encounter={"reference": where})),
        entry(encounter(who), fullUrl=sad),
        entry(condition),
    )
    addresses = await at.submit(sent)
    return Record(addresses[0], addresses[1], addresses[2], addresses[4], at.platform.person_of(addresses[0]))


async def build(platform: Platform) -> Town:
    """Register both hospitals and admit everybody."""
    a, b = await platform.institution("A"), await platform.institution("B")
    number = resident_number()
    sam = [await _admit(place, number) for place in (a, b)]
    town = Town(a, b, await _admit(a), await _admit(b), *sam)
    assert town.sam_at_a.person == town.sam_at_b.person
    return town
