"""The decision: may this caller see this of that person, now, for this purpose? Pure, and it explains itself.

First policy: treatment at the institution that scanned the person's own code; the resident's own request; an
institution's own submissions; emergency with a reason. Psychiatric, HIV and STD resources stay closed to everybody but
the resident and the institution that wrote them, unless the resident said otherwise. Everything else is denied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, Literal

from yima.consent.classes import CLASSES
from yima.directory import Caller
from yima.runtime.ids import PersonId

PURPOSES: Final = ("treatment", "emergency-treatment", "payment", "own-request", "public-health")
"""The closed list of purposes (GB/T 39725; FHIR v3-PurposeOfUse TREAT, ETREAT, HPAYMT, PATRQT, PUBHLTH)."""
CARE: Final = ("treatment", "emergency-treatment")
"""The purposes for which a visit opens a record. Settling a bill or reporting a case needs rules of its own first."""
DECIDABLE: Final = (*CARE, "public-health")
"""The purposes a resident can decide about by name; `public-health` covers exports without names."""
ITEM: Final = "item"
"""In place of a class: one single resource."""

Basis = Literal["own-record", "guardian", "mandate", "visit", "break-glass", "own-submission", "none"]


@dataclass(frozen=True, slots=True)
class Visit:
    """What the decision needs to know of a scanned code's visit, or of a break-glass."""

    person: PersonId
    institution: int
    assurance: str
    """`dynamic`, `static` or `break-glass`."""
    expires: datetime
    purpose: str = "treatment"


@dataclass(frozen=True, slots=True)
class Standing:
    """One standing decision of a resident: about what, for which institution (0 = every one), yes or no."""

    cls: str
    """A sensitive class, `all`, or `item` for the one resource that `resource` names."""
    institution: int
    permit: bool
    ends: datetime | None = None
    starts: datetime | None = None
    purpose: str = ""
    """One of `DECIDABLE`, or empty for every purpose."""
    resource: str = ""
    """`Type/id` of a single item."""


@dataclass(frozen=True, slots=True)
class Step:
    """One link of the chain of reasons: a stable code and what it was about."""

    code: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class Acting:
    """Whether somebody may act for another person, and within what: see `consent.mandate.may_act`."""

    permit: bool
    basis: Basis
    reasons: tuple[Step, ...]
    closed: frozenset[str] = frozenset()
    """Sensitive classes that stay closed to who acts."""
    only_types: frozenset[str] | None = None
    """The resource types that may be read, where not all may."""
    mandate: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked."""

    caller: Caller
    person: PersonId
    purpose: str
    visit: Visit | None = None
    acting: Acting | None = None
    """Of a resident who asks for somebody else's record."""


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer. `closed` classes are withheld (and named); `only_institution` limits rows to that author."""

    permit: bool
    basis: Basis
    refusal: str
    """Error code when not permitted, else empty."""
    reasons: tuple[Step, ...]
    closed: frozenset[str] = frozenset()
    only_institution: int | None = None
    author: int = 0
    """The institution for which closed classes stay open in what it wrote itself; 0 = none."""
    only_types: frozenset[str] | None = None
    """The resource types that may be read, where not all may."""
    mandate: str = ""
    """The mandate under which a resident reads somebody else's record."""
    withheld: frozenset[str] = frozenset()
    """Single resources (`Type/id`) that the resident holds back; named only as "something is withheld"."""


def decide(ask: Ask, standing: Sequence[Standing], now: datetime) -> Decision:
    """Decide. Default deny; each rule adds its reason, so that the chain can be shown to resident and clinician."""
    caller = ask.caller
    # 1 The purpose is from the closed list.
    if ask.purpose not in PURPOSES:
        return Decision(False, "none", "purpose-not-allowed", (Step("purpose-unknown", ask.purpose),))
    # 2 A resident sees all of their own record, and others' as far as they may act for them.
    if caller.kind == "resident" and ask.acting and ask.person != caller.person:
        a = ask.acting
        # Who may see less than the person themself sees nothing of what the person holds back from everybody either.
        items = _held_back(standing, 0, ("",), now) if a.closed else frozenset()
        return Decision(
            a.permit, a.basis, "" if a.permit else "mandate-needed", a.reasons, a.closed, only_types=a.only_types,
            mandate=a.mandate, withheld=items,
        )  # fmt: skip
    if caller.kind == "resident":
        own = caller.person == ask.person and caller.person > 0
        return Decision(
            own,
            "own-record" if own else "none",
            "" if own else "not-found",
            (Step("own-record" if own else "other-person"),),
        )
    # 3 Operators and the platform itself never see records.
    if caller.kind not in ("app", "practitioner") or not caller.institution:
        return Decision(False, "none", "not-found", (Step("no-care-role", caller.kind),))
    # 4 With a visit at this institution: care, or emergency.
    if ask.visit:
        return _with_visit(ask, ask.visit, standing, now)
    # 5 Without: an institution's system reads back what the institution itself wrote.
    if caller.kind == "app":
        return _own_submission(caller.institution, caller.institution_code)
    return Decision(False, "none", "visit-needed", (Step("no-visit"),))


def without_names(standing: Sequence[Standing], now: datetime) -> tuple[bool, frozenset[str]]:
    """Whether a record may go into an export without names, and the single resources that may not."""
    purposes = ("public-health",)
    return _said(standing, "all", 0, purposes, now) is not False, _held_back(standing, 0, purposes, now)


def closed_to_all(standing: Sequence[Standing], now: datetime) -> frozenset[str]:
    """The single resources that are closed to every institution for care: they are left off what may be found by
    anybody."""
    return frozenset(item for purpose in CARE for item in _held_back(standing, 0, (purpose,), now))


def _with_visit(ask: Ask, visit: Visit, standing: Sequence[Standing], now: datetime) -> Decision:
    if visit.person != ask.person or visit.institution != ask.caller.institution:
        return Decision(False, "none", "visit-needed", (Step("visit-is-for-another"),))
    if visit.expires <= now:
        return Decision(False, "none", "visit-expired", (Step("visit-expired"),))
    for purpose in (ask.purpose, visit.purpose):
        if purpose not in CARE:
            return Decision(False, "none", "purpose-not-allowed", (Step("purpose-is-not-care", purpose),))
    if visit.assurance == "break-glass":
        closed = frozenset(CLASSES)
        return Decision(
            True, "break-glass", "", (Step("break-glass"), *_closed_steps(closed)), closed, author=visit.institution
        )
    if visit.assurance != "dynamic":
        return Decision(False, "none", "code-assurance-too-low", (Step("printed-code-identifies-only"),))
    # Of a scan and a request that name different purposes, what is refused for one is refused.
    purposes = tuple({ask.purpose, visit.purpose})
    if _said(standing, "all", visit.institution, purposes, now) is False:
        return Decision(False, "none", "consent-denied", (Step("resident-said-no"),))
    opened = frozenset(cls for cls in CLASSES if _said(standing, cls, visit.institution, purposes, now) is True)
    return _in_visit(ask.purpose, opened, visit.institution, _held_back(standing, visit.institution, purposes, now))


# What these two say follows from their arguments alone, so each is made once: most reads end in one of them.
@lru_cache(4096)
def _own_submission(institution: int, code: str) -> Decision:
    return Decision(True, "own-submission", "", (Step("own-submission", code),), only_institution=institution)


@lru_cache(4096)
def _in_visit(purpose: str, opened: frozenset[str], institution: int, withheld: frozenset[str]) -> Decision:
    closed = frozenset(CLASSES) - opened
    reasons = (
        Step("code-scanned-here"),
        Step("purpose", purpose),
        *(Step("resident-opened", cls) for cls in sorted(opened)),
    )
    held_back = (Step("items-held-back"),) if withheld else ()
    steps = (*reasons, *_closed_steps(closed), *held_back)
    return Decision(True, "visit", "", steps, closed, author=institution, withheld=withheld)


def _closed_steps(closed: frozenset[str]) -> tuple[Step, ...]:
    return tuple(Step("class-closed", cls) for cls in sorted(closed))


def _held_back(
    standing: Sequence[Standing], institution: int, purposes: Sequence[str], now: datetime
) -> frozenset[str]:
    """The single resources closed to this institution."""
    named = {s.resource for s in standing if s.cls == ITEM}
    return frozenset(r for r in named if _said(standing, ITEM, institution, purposes, now, r) is False)


def _said(
    standing: Sequence[Standing], cls: str, institution: int, purposes: Sequence[str], now: datetime, resource: str = ""
) -> bool | None:
    """Yes when it is yes for all of the purposes, no when it is no for any, None when nothing was said."""
    live = [
        s
        for s in standing
        if s.cls == cls
        and s.resource == resource
        and (s.ends is None or s.ends > now)
        and (s.starts is None or s.starts <= now)
    ]
    if not live:
        return None
    answers = [_nearest(live, institution, purpose) for purpose in purposes]
    return False if False in answers else True if all(answers) else None


def _nearest(live: Sequence[Standing], institution: int, purpose: str) -> bool | None:
    """The decision for this institution and purpose, for this institution, for this purpose, for all; the first there
    is.

    Persons that were merged may have decided differently: one no is a no.
    """
    for wanted in ((institution, purpose), (institution, ""), (0, purpose), (0, "")):
        if said := [s.permit for s in live if (s.institution, s.purpose) == wanted]:
            return all(said)
    return None
