"""Clinical stories: each turns a life into consultations.

A story is a function of a `Life`. It draws only from its own stream, so adding a story
changes no other, and it may propose contacts outside the life or the record years:
`consultations` drops those in one place.
"""

from collections.abc import Callable, Iterator
from itertools import chain

from yima.synth.facts import Consultation
from yima.synth.life import Life

from . import childhood, diabetes, everyday, hypertension, pregnancy

Story = Callable[[Life], Iterator[Consultation]]

STORIES: dict[str, Story] = {
    "everyday": everyday.story,
    "childhood": childhood.story,
    "hypertension": hypertension.story,
    "diabetes": diabetes.story,
    "pregnancy": pregnancy.story,
    "expecting": pregnancy.expecting,
}
"""Every story by the name that residents carry."""


def consultations(life: Life) -> list[Consultation]:
    """All contacts of a life in time order, inside the record years and the life."""
    told = (STORIES[name](life) for name in life.resident.stories if name in STORIES)
    found = [contact for contact in chain.from_iterable(told) if life.possible(contact)]
    found.sort(key=lambda contact: contact.at)
    return found
