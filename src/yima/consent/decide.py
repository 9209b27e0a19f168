"""The decision: may this caller see this of that person, now, for this purpose? Pure, and it explains itself.

Treatment at the institution that scanned the person's own code; the resident's own request; an institution's own
submissions; emergency with a reason: each within what the table of `permissions` permits a role for a purpose.
Psychiatric, HIV and STD resources (level 5) stay closed to everybody but the resident and the institution that wrote
them, unless the resident said otherwise; there, only who attends the person reaches them. Everything else is denied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final, Literal

from yima.consent.classes import CLASSES
from yima.consent.permissions import CARE, Reach, may_for, reach, role_of
from yima.directory import PURPOSES, Caller
from yima.runtime.ids import PersonId

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
    """`dynamic`, `static`; of a break-glass `emergency-set` first and `break-glass` once it was widened."""
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
    """Empty: the purpose of the visit."""
    visit: Visit | None = None
    acting: Acting | None = None
    """Of a resident who asks for somebody else's record."""
    operation: str = "read"
    """What is to be done with it, of `permissions.OPERATIONS`."""
    emergency_set: bool = False
    """Whether only the emergency set is asked for: the first step of a break-glass opens nothing else."""


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
    purpose: str = ""
    """For what it was decided; what the log line says."""


def decide(ask: Ask, standing: Sequence[Standing], now: datetime) -> Decision:
    """Decide. Default deny; each rule adds its reason, so that the chain can be shown to resident and clinician."""
    caller = ask.caller
    purpose = ask.purpose or (ask.visit.purpose if ask.visit else "")
    # 1 The purpose is from the closed list.
    if purpose not in PURPOSES:
        return Decision(False, "none", "purpose-not-allowed", (Step("purpose-unknown", purpose),), purpose=purpose)
    # 2 A resident sees all of their own record, and others' as far as they may act for them.
    if caller.kind == "resident":
        return _by_resident(ask, purpose, standing, now)
    # 3 Operators and the platform itself never see records.
    if caller.kind not in ("app", "practitioner") or not caller.institution:
        return Decision(False, "none", "not-found", (Step("no-care-role", caller.kind),), purpose=purpose)
    # 4 With a visit at this institution: care, or emergency.
    if ask.visit:
        return _with_visit(ask, ask.visit, standing, now)
    # 5 Without: an institution's system reads back what the institution itself wrote.
    if caller.kind == "app":
        role = role_of(caller)
        return _by_table(ask, role, purpose) or _own_submission(
            caller.institution, caller.institution_code, role, ask.operation, purpose
        )
    return Decision(False, "none", "visit-needed", (Step("no-visit"),), purpose=purpose)


def _by_table(ask: Ask, role: str, purpose: str) -> Decision | None:
    """The refusal of who may not do this for this purpose at all: by the table, or as an app by its registration."""
    if ask.caller.kind == "app" and purpose not in ask.caller.purposes:
        return Decision(
            False, "none", "purpose-not-allowed", (Step("purpose-not-registered", purpose),), purpose=purpose
        )
    if reach(role, ask.operation, purpose) is not None:
        return None
    if may_for(role, ask.operation):
        step = Step("purpose-is-not-care" if purpose not in CARE else "purpose-not-of-role", purpose)
        return Decision(False, "none", "purpose-not-allowed", (Step("role", role), step), purpose=purpose)
    return Decision(False, "none", "role-not-permitted", (Step("role-not-permitted", role),), purpose=purpose)


def _by_resident(ask: Ask, purpose: str, standing: Sequence[Standing], now: datetime) -> Decision:
    caller, acting = ask.caller, ask.acting if ask.person != ask.caller.person else None
    if refused := _by_table(ask, _ACTS_AS.get(acting.basis, "resident") if acting else role_of(caller), purpose):
        return refused
    if acting:
        # Who may see less than the person themself sees nothing of what the person holds back from everybody either.
        items = _held_back(standing, 0, "", now) if acting.closed else frozenset()
        return Decision(
            acting.permit, acting.basis, "" if acting.permit else "mandate-needed", acting.reasons, acting.closed,
            only_types=acting.only_types, mandate=acting.mandate, withheld=items, purpose=purpose,
        )  # fmt: skip
    own = caller.person == ask.person and caller.person > 0
    step = Step("own-record" if own else "other-person")
    return Decision(own, "own-record" if own else "none", "" if own else "not-found", (step,), purpose=purpose)


def without_names(standing: Sequence[Standing], now: datetime) -> tuple[bool, frozenset[str]]:
    """Whether a record may go into an export without names, and the single resources that may not."""
    purpose = "public-health"
    return _said(standing, "all", 0, purpose, now) is not False, _held_back(standing, 0, purpose, now)


def closed_to_all(standing: Sequence[Standing], now: datetime) -> frozenset[str]:
    """The single resources that are closed to every institution for care: they are left off what may be found by
    anybody."""
    return frozenset(item for purpose in CARE for item in _held_back(standing, 0, purpose, now))


_ACTS_AS: Final = {"guardian": "guardian", "mandate": "agent"}
"""Basis of acting for another -> the role it is done in."""


def _with_visit(ask: Ask, visit: Visit, standing: Sequence[Standing], now: datetime) -> Decision:
    if refused := _not_of_visit(ask, visit, now):
        return refused
    here, role, purpose = visit.institution, role_of(ask.caller), visit.purpose
    if visit.assurance in ("break-glass", "emergency-set"):
        return _in_emergency(role, ask.operation, purpose, here)
    if _said(standing, "all", here, purpose, now) is False:
        return Decision(False, "none", "consent-denied", (Step("resident-said-no"),), purpose=purpose)
    opened = frozenset(cls for cls in CLASSES if _said(standing, cls, here, purpose, now) is True)
    return _in_visit(role, ask.operation, purpose, opened, here, _held_back(standing, here, purpose, now))


def _not_of_visit(ask: Ask, visit: Visit, now: datetime) -> Decision | None:
    """Why this visit opens nothing for what is asked; None when it does."""
    said = ask.purpose or visit.purpose
    if visit.person != ask.person or visit.institution != ask.caller.institution:
        refusal, step = "visit-needed", Step("visit-is-for-another")
    elif visit.expires <= now:
        refusal, step = "visit-expired", Step("visit-expired")
    elif said != visit.purpose:
        # What the code was scanned for binds: nobody reads for another purpose than the one the resident was there for.
        refusal, step = "purpose-not-of-visit", Step("purpose-not-of-visit", said)
    elif refused := _by_table(ask, role_of(ask.caller), said):
        return refused
    elif visit.assurance == "emergency-set" and not ask.emergency_set:
        refusal, step = "emergency-set-only", Step("emergency-set-only")
    elif visit.assurance not in ("dynamic", "break-glass", "emergency-set"):
        refusal, step = "code-assurance-too-low", Step("printed-code-identifies-only")
    else:
        return None
    return Decision(False, "none", refusal, (step,), purpose=said)


# What these three say follows from their arguments alone, so each is made once: most reads end in one of them.
@lru_cache(4096)
def _own_submission(institution: int, code: str, role: str, operation: str, purpose: str) -> Decision:
    held = _reached(role, operation, purpose)
    closed = frozenset[str]() if held.level_five else frozenset(CLASSES)
    steps = (Step("own-submission", code), *_steps_of(role, held), *_closed_steps(closed))
    return Decision(
        True, "own-submission", "", steps, closed, only_institution=institution, only_types=held.types, purpose=purpose
    )


@lru_cache(4096)
def _in_emergency(role: str, operation: str, purpose: str, institution: int) -> Decision:
    held, closed = _reached(role, operation, purpose), frozenset(CLASSES)
    steps = (Step("break-glass"), *_steps_of(role, held), *_closed_steps(closed))
    author = institution if held.level_five else 0
    return Decision(True, "break-glass", "", steps, closed, author=author, only_types=held.types, purpose=purpose)


@lru_cache(4096)
def _in_visit(
    role: str, operation: str, purpose: str, opened: frozenset[str], institution: int, withheld: frozenset[str]
) -> Decision:
    held = _reached(role, operation, purpose)
    # Level 5 needs the resident's yes and a role that attends; what one's own institution wrote needs the role alone.
    opened, author = (opened, institution) if held.level_five else (frozenset(), 0)
    closed = frozenset(CLASSES) - opened
    reasons = (
        Step("code-scanned-here"),
        Step("purpose", purpose),
        *_steps_of(role, held),
        *(Step("resident-opened", cls) for cls in sorted(opened)),
    )
    held_back = (Step("items-held-back"),) if withheld else ()
    steps = (*reasons, *_closed_steps(closed), *held_back)
    return Decision(
        True, "visit", "", steps, closed, author=author, only_types=held.types, withheld=withheld, purpose=purpose
    )


def _reached(role: str, operation: str, purpose: str) -> Reach:
    return reach(role, operation, purpose) or Reach(frozenset(), level_five=False)


def _steps_of(role: str, held: Reach) -> tuple[Step, ...]:
    """Which row of the table this stands on, and what it leaves out."""
    types = () if held.types is None else (Step("types-of-role", role),)
    return (Step("role", role), *types, *(() if held.level_five else (Step("level-five-not-of-role", role),)))


def _closed_steps(closed: frozenset[str]) -> tuple[Step, ...]:
    return tuple(Step("class-closed", cls) for cls in sorted(closed))


def _held_back(standing: Sequence[Standing], institution: int, purpose: str, now: datetime) -> frozenset[str]:
    """The single resources closed to this institution."""
    named = {s.resource for s in standing if s.cls == ITEM}
    return frozenset(r for r in named if _said(standing, ITEM, institution, purpose, now, r) is False)


def _said(
    standing: Sequence[Standing], cls: str, institution: int, purpose: str, now: datetime, resource: str = ""
) -> bool | None:
    """What the resident said of this; None when nothing was said."""
    live = [
        s
        for s in standing
        if s.cls == cls
        and s.resource == resource
        and (s.ends is None or s.ends > now)
        and (s.starts is None or s.starts <= now)
    ]
    return _nearest(live, institution, purpose) if live else None


def _nearest(live: Sequence[Standing], institution: int, purpose: str) -> bool | None:
    """The decision for this institution and purpose, for this institution, for this purpose, for all; the first there
    is.

    Persons that were merged may have decided differently: one no is a no.
    """
    for wanted in ((institution, purpose), (institution, ""), (0, purpose), (0, "")):
        if said := [s.permit for s in live if (s.institution, s.purpose) == wanted]:
            return all(said)
    return None
