"""Clinical stories: each turns a life into consultations.

A story is a function of a `Life`. It draws only from its own stream, so adding a story
changes no other, and it may propose contacts outside the life or the record years:
`consultations` drops those in one place.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import chain

from yima.synth.facts import Consultation, Fact, Problem
from yima.synth.life import Life

from . import (
    ageing,
    allergy,
    cancer,
    checkups,
    childhood,
    copd,
    dental,
    diabetes,
    everyday,
    hypertension,
    infection,
    injury,
    pregnancy,
    psychiatry,
    screening,
)

Story = Callable[[Life], Iterator[Consultation]]

STORIES: dict[str, Story] = {
    "everyday": everyday.story,
    "childhood": childhood.story,
    "hypertension": hypertension.story,
    "diabetes": diabetes.story,
    "pregnancy": pregnancy.story,
    "expecting": pregnancy.expecting,
    "elderly_check": checkups.elderly,
    "workplace_check": checkups.workplace,
    "copd": copd.story,
    "injury": injury.story,
    "screening": screening.story,
    "breast_cancer": cancer.breast,
    "colon_cancer": cancer.colon,
    "psychosis": psychiatry.psychosis,
    "depression": psychiatry.depression,
    "hiv": infection.hiv,
    "syphilis": infection.syphilis,
    "penicillin_allergy": allergy.penicillin,
    "allergic_rhinitis": allergy.rhinitis,
    "stroke": ageing.stroke,
    "cataract": ageing.cataract,
    "dental": dental.story,
    "last_illness": ageing.last_illness,
}
"""Every story by the name that residents carry."""

_WALK = timedelta(minutes=20)

_NOT_WHEN_PREGNANT = {"everyday", "workplace_check", "injury", "screening", "dental"}
"""Stories whose films and painkillers a pregnancy forbids; those contacts do not happen."""


def consultations(life: Life) -> list[Consultation]:
    """All contacts of a life in time order, inside the record years and the life."""
    told = chain.from_iterable(STORIES[name](life) for name in life.resident.stories)
    found = [contact for contact in told if life.possible(contact) and not _forbidden(life, contact)]
    found.sort(key=lambda contact: contact.at)
    return _listed_once([contact for contact in _one_place_at_a_time(found) if life.possible(contact)])


def _forbidden(life: Life, contact: Consultation) -> bool:
    return contact.story in _NOT_WHEN_PREGNANT and life.pregnant(contact.at.date())


def _one_place_at_a_time(contacts: list[Consultation]) -> Iterator[Consultation]:
    """Nobody sees a clinic while lying in a ward; whoever is still at a clinic comes later to the next."""
    before: Consultation | None = None
    for contact in contacts:
        if before is not None and contact.at < before.end:
            if before.kind == "IMP":
                continue
            wait = before.end - contact.at + _WALK
            contact.at, contact.end = contact.at + wait, contact.end + wait
        before = contact
        yield contact


def _listed_once(contacts: list[Consultation]) -> list[Consultation]:
    """An institution puts a chronic illness on its problem list once, the first time it sees it."""
    listed: set[tuple[str, str]] = set()
    for contact in contacts:
        kept: list[Fact] = []
        for fact in contact.facts:
            if isinstance(fact, Problem) and fact.chronic:
                place = (contact.institution.code, fact.icd10)
                if place in listed:
                    continue
                listed.add(place)
            kept.append(fact)
        contact.facts = kept
    return contacts
