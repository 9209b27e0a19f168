"""Clinical stories: each turns a life into consultations.

A story is a function of a `Life`. It draws only from its own stream, so adding a story
changes no other, and it may propose contacts outside the life or the record years:
`consultations` drops those in one place.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import chain

from yima.synth.facts import Consultation
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

_NOT_WHEN_PREGNANT = {"everyday", "workplace_check", "injury", "screening", "dental"}
"""Stories whose films and painkillers a pregnancy forbids; those contacts do not happen."""


def consultations(life: Life) -> list[Consultation]:
    """All contacts of a life in time order, inside the record years and the life."""
    told = chain.from_iterable(STORIES[name](life) for name in life.resident.stories)
    found = [contact for contact in told if life.possible(contact) and not _forbidden(life, contact)]
    found.sort(key=lambda contact: contact.at)
    return list(_one_place_at_a_time(found))


def _forbidden(life: Life, contact: Consultation) -> bool:
    return contact.story in _NOT_WHEN_PREGNANT and life.pregnant(contact.at.date())


def _one_place_at_a_time(contacts: list[Consultation]) -> Iterator[Consultation]:
    """Nobody sees a clinic while lying in a ward."""
    free: datetime | None = None
    for contact in contacts:
        if free is not None and contact.at < free:
            continue
        if contact.kind == "IMP":
            free = contact.end
        yield contact
