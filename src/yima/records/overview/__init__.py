"""The home page of the record: tags, basics, activities, timeline, the clinician's lists, trends, and what needs
doing.

Pure: resources and today's date in, :class:`Overview` out. Nothing is read, written or logged, and no shape of a
resource raises. What access withholds is simply not among the resources.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, tzinfo
from typing import Any

from yima.runtime.civil import CIVIL

from .ages import months_old
from .basics import basics, identity
from .concepts import Concept
from .digest import RULES, TYPES, Digest, Digester
from .entries import denials, lists
from .episodes import activities, episodes
from .gather import gather
from .merge import Merged
from .model import (
    Activity,
    Basics,
    Contradiction,
    Entry,
    Episode,
    EpisodeKind,
    Flag,
    Level,
    Line,
    LineKind,
    Measure,
    Overview,
    Part,
    Result,
    ResultGroup,
    Stage,
    Step,
    Suggestion,
    Tag,
    Text,
    Track,
    Trend,
)
from .quality import contradictions, expected_parts
from .results import groups, readings, trends
from .schedule import UNTIL_MONTHS, Gap, gaps
from .stages import stages
from .suggestions import suggestions
from .tags import tags

__all__ = [
    "RULES",
    "TYPES",
    "Activity",
    "Basics",
    "Concept",
    "Contradiction",
    "Digest",
    "Digester",
    "Entry",
    "Episode",
    "EpisodeKind",
    "Flag",
    "Level",
    "Line",
    "LineKind",
    "Measure",
    "Overview",
    "Part",
    "Result",
    "ResultGroup",
    "Stage",
    "Step",
    "Suggestion",
    "Tag",
    "Text",
    "Track",
    "Trend",
    "assembled",
    "overview",
]


def overview(resources: Sequence[Mapping[str, Any]], today: date, *, zone: tzinfo = CIVIL) -> Overview:
    """Build the overview of one person from parsed FHIR R4 resources of any number of institutions.

    ``today`` is the reader's calendar day; ``zone`` the reader's time zone (China by default), in which instants
    become days.
    Rules about time ignore facts dated after today; lists, timeline and diagnosis tags keep them.
    """
    digester = Digester(zone=zone)
    digests = [one for body in resources if (one := digester.digest(body))]
    return assembled([(digester.concepts, digests)], today, zone=zone)


def assembled(
    parts: Iterable[tuple[Sequence[Concept], Iterable[Digest]]], today: date, *, zone: tzinfo = CIVIL
) -> Overview:
    """The overview of digests that were kept, each part with its table of concepts: see `overview`."""
    case = gather(parts, today, zone)
    who = identity(case)
    born = who.born.day if who.born else None
    read = readings(case, born)
    timeline = episodes(case, read)
    found = lists(case)
    missing: list[Gap] = []
    if born and 0 <= months_old(born, today) < UNTIL_MONTHS and not who.dead:
        missing = gaps(case.of("Immunization"), born, today)
    told = tags(case, who, found, read, timeline, missing)
    due = suggestions(case, who, found.problems, read, timeline, missing)
    return Overview(
        tags=told,
        basics=basics(case, who, read, found.allergies, bool(denials(case))),
        problems=_entries(found.problems),
        allergies=_entries(found.allergies),
        medicines=_entries(found.medicines),
        immunisations=_entries(found.immunisations),
        procedures=_entries(found.procedures),
        devices=_entries(found.devices),
        results=groups(read),
        trends=trends(read),
        activities=activities(timeline),
        episodes=timeline,
        suggestions=due,
        stages=stages(case, who, found, read, timeline, told, due),
        parts=expected_parts(case, who, found.problems, read, timeline, due),
        contradictions=contradictions(case, who, read),
    )


def _entries(found: Iterable[Merged]) -> tuple[Entry, ...]:
    return tuple(one.entry for one in found)
