"""Acting for somebody else: may this person do this for that one, now? Pure, and it explains itself.

A guardian acts for a child until the child is 18; from 14 on the child's privacy counts (a setting): card and basics
stay, sensitive classes and decisions are the child's own. An adult gives a mandate in person, for some things and a
period. Ages are those of the calendar, at midnight of China's civil time; who was born on 29 February is a year older
on 1 March of a common year. Of a birth date that is only a year or a month the earliest day counts: privacy then comes
early, not late.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from yima.consent.classes import CLASSES
from yima.consent.decide import Acting, Step
from yima.runtime.civil import CIVIL
from yima.runtime.ids import PersonId

Kind = Literal["guardian", "given"]
Scope = Literal["show-code", "see-record", "decide"]
What = Literal["show-code", "manage-card", "see-record", "decide"]
"""What somebody wants to do. `manage-card` (report it lost, replace it) is part of `decide`, and of guardianship."""

Void = Literal["", "person-deceased", "agent-deceased", "kept-apart"]
"""A death was reported (Civil Code, articles 39, 173 and 175), or an order keeps the two apart: also of those whom the
index only later found to be the two."""

SCOPES: Final[tuple[Scope, ...]] = ("show-code", "see-record", "decide")
EVIDENCE: Final = {
    "own-session": ("The person gave it, signed in", "本人登录后授权"),
    "in-person": ("The person was there and said so", "本人到场当面授权"),
    "birth-certificate": ("Birth certificate", "出生医学证明"),
    "household-register": ("Household register", "户口簿"),
    "court-decision": ("Decision of a court or a civil affairs authority", "法院或民政部门文书"),
}
"""What was seen when a mandate was recorded, in English and Chinese."""
PRIVATE_FROM: Final = 14
OF_AGE: Final = 18
BASICS: Final = frozenset({"Patient", "AllergyIntolerance", "Immunization"})
"""The resource types a guardian still reads of a child of 14 to 17."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mandate:
    """That one person may act for another."""

    mandate: str
    person: PersonId
    """For whom."""
    agent: PersonId
    """Who acts."""
    kind: Kind
    scopes: frozenset[Scope]
    starts: datetime
    ends: datetime | None
    ended: datetime | None
    evidence: str
    born: str = ""
    """Birth date of `person` as the person index has it now (FHIR date, possibly partial)."""
    void: Void = ""
    """Why nobody acts under it now, whatever it says itself."""


def age_reached(born: str, years: int) -> datetime | None:
    """The moment at which somebody born then is that old; None when nothing is known of the birth date."""
    parts = [int(part) for part in born.split("-") if part.isdigit()]
    if not 1 <= len(parts) <= 3 or len(parts) != born.count("-") + 1:
        return None
    year, month, day = (*parts, 1, 1)[:3]
    try:
        datetime(year, month, day, tzinfo=CIVIL)  # a date that is none proves nothing
        if (month, day) == (2, 29) and not _leap(year + years):
            month, day = 3, 1
        return datetime(year + years, month, day, tzinfo=CIVIL)
    except ValueError:
        return None


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def may_act(
    mandates: Iterable[Mandate], agent: PersonId, person: PersonId, what: What, now: datetime,
    *, private_teens: bool = True,
) -> Acting:  # fmt: skip
    """May `agent` do `what` for `person` now? With the chain of reasons; of several mandates the widest counts."""
    if agent == person:
        return Acting(True, "own-record", (Step("own-record"),))
    found = [
        _judge(mandate, what, now, private_teens)
        for mandate in mandates
        if (mandate.agent, mandate.person) == (agent, person)
    ]
    if not found:
        return Acting(False, "none", (Step("no-mandate"),))
    return min(found, key=lambda a: (not a.permit, a.only_types is not None, len(a.closed)))


def _judge(m: Mandate, what: What, now: datetime, private_teens: bool) -> Acting:
    ground = Step(m.kind, m.mandate)
    for over, code in (
        (m.void != "", m.void),
        (m.starts > now, "mandate-not-begun"),
        (m.ended is not None and m.ended <= now, "mandate-ended"),
        (m.ends is not None and m.ends <= now, "mandate-over"),
    ):
        if over:
            return Acting(False, "none", (ground, Step(code)))
    return _guardian(m, what, now, private_teens, ground) if m.kind == "guardian" else _given(m, what, ground)


def _guardian(m: Mandate, what: What, now: datetime, private_teens: bool, ground: Step) -> Acting:
    private, of_age = age_reached(m.born, PRIVATE_FROM), age_reached(m.born, OF_AGE)
    if private is None or of_age is None:
        return Acting(False, "none", (ground, Step("birth-date-unknown")))
    if now >= of_age:
        return Acting(False, "none", (ground, Step("of-age")))
    if now < private or not private_teens:
        return Acting(True, "guardian", (ground, Step("child" if now < private else "teenager")), mandate=m.mandate)
    reasons = (ground, Step("teenager"), Step("teenagers-privacy"))
    if what == "decide":
        return Acting(False, "none", reasons)
    return Acting(True, "guardian", reasons, frozenset(CLASSES), BASICS, m.mandate)


def _given(m: Mandate, what: What, ground: Step) -> Acting:
    scope = "decide" if what == "manage-card" else what
    if scope not in m.scopes:
        return Acting(False, "none", (ground, Step("not-in-mandate", what)))
    # What is most private is not handed on with the rest: the person opens it for clinicians, or shows it in person.
    return Acting(True, "mandate", (ground, Step("in-mandate", what)), frozenset(CLASSES), None, m.mandate)
