"""Whether a pregnancy is under way: by signs inside 42 weeks, and no birth or end after the last of them."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from . import words
from .basics import Identity
from .gather import Case, Fact
from .model import Episode
from .reading import items, mapping, quantity, string
from .words_snomed import BIRTH_PROCEDURES, NOT_PREGNANT, PREGNANT

LONGEST = timedelta(weeks=42)
_TERM = timedelta(weeks=40)
_SIGNS = (("Z33", "Z36"), ("O10", "O48"), ("O98", "O99"))
_ENDS = (("O00", "O08"), ("O60", "O89"), ("Z37", "Z37"), ("Z39", "Z39"))
_STATUS, _DUE_DATES, _LAST_PERIOD = "82810-3", ("11778-8", "11779-6", "11780-4"), "8665-2"
_WEEKS = "18185-9"
_PREGNANCY_RESULTS = (_WEEKS, "11881-0", "55283-6")  # weeks pregnant, height of the womb, baby's heart rate


class Pregnancy(NamedTuple):
    """The pregnancy under way: last sign, due date if known, and what says so."""

    last: date
    due: date | None
    sources: tuple[str, ...]


class _Sign(NamedTuple):
    day: date
    source: str


def pregnancy(case: Case, who: Identity, episodes: Sequence[Episode]) -> Pregnancy | None:
    """The pregnancy under way today, or None. Men and the dead have none."""
    if who.sex == "male" or who.dead:
        return None
    ends = [sign for sign in _ends(case, episodes) if sign.day <= case.today]
    ended = max((sign.day for sign in ends), default=date.min)
    signs = sorted((s for s in _signs(case, episodes) if ended < s.day <= case.today), reverse=True)
    if not signs or case.today - signs[0].day > LONGEST:
        return None
    due = _due(case, ended)
    if due and case.today > due + timedelta(weeks=2):
        return None
    started = (due or signs[0].day) - LONGEST
    sources = tuple(dict.fromkeys(sign.source for sign in signs if sign.day >= started))
    return Pregnancy(signs[0].day, due, sources[:20])


def _signs(case: Case, episodes: Sequence[Episode]) -> Iterator[_Sign]:
    for fact in case.of("Condition"):
        if fact.day and words.in_ranges(fact.concept.category, _SIGNS) and fact.status not in ("resolved", "inactive"):
            yield _Sign(fact.day, fact.source)
    for fact in case.of("Observation"):
        if fact.day is None:
            continue
        code = fact.concept.loinc
        if code in _PREGNANCY_RESULTS or code in _DUE_DATES or (code == _STATUS and PREGNANT in _answers(fact)):
            yield _Sign(fact.day, fact.source)
    for episode in episodes:
        if episode.kind == "antenatal" and episode.start:
            yield _Sign(episode.start, episode.sources[0])


def _ends(case: Case, episodes: Sequence[Episode]) -> Iterator[_Sign]:
    for fact in case.of("Condition"):
        if fact.day and words.in_ranges(fact.concept.category, _ENDS):
            yield _Sign(fact.day, fact.source)
    for fact in case.of("Procedure"):
        if fact.day and fact.concept.snomed in BIRTH_PROCEDURES:
            yield _Sign(fact.day, fact.source)
    for fact in case.of("Observation"):
        if fact.day and fact.concept.loinc == _STATUS and NOT_PREGNANT in _answers(fact):
            yield _Sign(fact.day, fact.source)
    for episode in episodes:
        if episode.kind in ("birth", "postnatal") and episode.start:
            yield _Sign(episode.start, episode.sources[0])


def _answers(fact: Fact) -> set[str]:
    value = mapping(fact.body.get("valueCodeableConcept"))
    return {string(coding.get("code")) for coding in items(value.get("coding"))}


def _due(case: Case, ended: date) -> date | None:
    """The newest due date, stated or counted from weeks pregnant or the last period (40 weeks).

    Statements from before the last end do not count.
    """
    for fact in case.of("Observation"):
        if fact.day is None or not ended < fact.day <= case.today or case.today - fact.day > LONGEST:
            continue
        if fact.concept.loinc == _WEEKS:
            weeks = quantity(fact.body.get("valueQuantity"))[0]
            if weeks is not None and 0 < weeks <= 42:
                return fact.day + _TERM - timedelta(weeks=int(weeks))
        stated = case.time(fact.body.get("valueDateTime"))
        if stated is None or abs(stated.day - fact.day) > LONGEST:
            continue  # no pregnancy lasts that long: a slip of the pen
        if fact.concept.loinc in _DUE_DATES:
            return stated.day
        if fact.concept.loinc == _LAST_PERIOD:
            return stated.day + _TERM
    return None
