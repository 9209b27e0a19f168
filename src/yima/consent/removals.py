"""An authority's order takes a guardian or a mandate away: proposed by one person, approved by another, undone by two.

It may also keep the two apart until a day: no mandate between them is recorded before that, in whichever way. Words and
references are the caller's to seal.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from yima import directory
from yima.consent.mandate import Mandate
from yima.consent.mandates import end_mandate, mandate_of
from yima.consent.store import SQL
from yima.runtime import ids
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

LONGEST_BAR: Final = timedelta(days=18 * 366)
"""From birth to the day on which a child is of age."""
_SHOWN: Final = timedelta(days=365)
_BY: Final = "removal/"


@dataclass(frozen=True, slots=True)
class RemovalBasis:
    """A legal basis on which a mandate may be taken away."""

    code: str
    en: str
    zh: str


REMOVAL_BASES: Final = {
    basis.code: basis
    for basis in (
        RemovalBasis(
            "guardianship-revoked",
            "Judgment that revokes a guardianship (Civil Code, article 36)",
            "撤销监护人资格的判决（民法典第36条）",
        ),
        RemovalBasis(
            "safety-order",
            "Personal safety protection order (Anti-Domestic Violence Law, article 23)",
            "人身安全保护令（反家庭暴力法第23条）",
        ),
        RemovalBasis("mandate-void", "Judgment that a mandate is void or was forged", "认定授权无效或系伪造的生效裁判"),
    )
}
"""The closed list. What a court or a law has not said takes nobody away from whom they act for."""

Act = Literal["approve", "withdraw", "propose-undo", "undo"]


@dataclass(frozen=True, slots=True)
class Removal:
    """A removal from its proposal on."""

    person: PersonId
    removal: str
    agent: PersonId
    legal_basis: str
    reference: str
    reason: str
    bars_until: datetime | None
    proposed: datetime
    proposer: str
    withdrawn: datetime | None
    approved: datetime | None
    approver: str | None
    undo_proposed: datetime | None
    undo_proposer: str | None
    undo_reason: str | None
    undone: datetime | None
    undone_by: str | None

    @property
    def state(self) -> Literal["waiting", "withdrawn", "stands", "undoing", "undone"]:
        """Where it is: `undoing` still stands, and waits for the second person of its undoing."""
        if self.approved is None:
            return "waiting" if self.withdrawn is None else "withdrawn"
        if self.undone is not None:
            return "undone"
        return "stands" if self.undo_proposer is None else "undoing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Removing:
    """A removal about to be proposed; the words sealed."""

    person: PersonId
    agent: PersonId
    legal_basis: str
    reference: str
    reason: str
    bars_until: datetime | None
    proposer: str


async def hold(c: Connection, person: PersonId) -> None:
    """Wait for whoever else gives or takes away mandates for this person, until the transaction ends."""
    await c.execute(SQL.hold_mandates, person)


async def propose_removal(c: Connection, said: Removing, now: datetime) -> str:
    """Propose it; its id, which carries whom is acted for. Nothing changes yet.

    Refusal `field-invalid` for a basis that is not on the list, or an end that is past or later than `LONGEST_BAR`.
    """
    if said.legal_basis not in REMOVAL_BASES:
        raise Refusal("field-invalid", field="legal_basis", expected=", ".join(REMOVAL_BASES))
    if said.bars_until is not None and not now < said.bars_until <= now + LONGEST_BAR:
        raise Refusal("field-invalid", field="until", expected="a day to come, within eighteen years")
    made = ids.new_resource_id(said.person)
    await c.execute(
        SQL.propose_removal, said.person, made, said.agent, said.legal_basis, said.reference, said.reason,
        said.bars_until, now, said.proposer,
    )  # fmt: skip
    return made


async def decide_removal(c: Connection, found: Removal, act: Act, actor: str, now: datetime, reason: str = "") -> None:
    """One step of it. Refusals `second-person-needed` and `human-unknown` for who approves what was proposed
    (`directory.check_two_people`), `not-found` when it is not in a state for that."""
    first = {"approve": found.proposer, "undo": found.undo_proposer}.get(act)
    if first is not None:
        await directory.check_two_people(c, first, actor)
    if not await c.fetchval(SQL.decide_removal, found.person, found.removal, act, actor, now, reason):
        raise Refusal("not-found", field="removal")


async def take_away(
    c: Connection, found: Removal, persons: Collection[PersonId], agents: Collection[PersonId], now: datetime
) -> list[Mandate]:
    """End every mandate between them that stands; those that were ended. `persons`, `agents`: the two, each with who
    was merged into them."""
    standing = [m for m in await between(c, persons, agents) if _stands(m, now)]
    for mandate in standing:
        await end_mandate(c, mandate.mandate, f"{_BY}{found.removal}", now)
    return standing


async def give_back(c: Connection, found: Removal, persons: Collection[PersonId], now: datetime) -> list[str]:
    """Give again what the removal ended and would still stand, each as a new mandate beside the old one; their ids."""
    rows = await c.fetch(SQL.mandates_ended_by, sorted(persons), f"{_BY}{found.removal}")
    made = []
    for m in (mandate_of(row) for row in rows):
        if m.ends is not None and m.ends <= now:
            continue
        new = ids.new_resource_id(m.person)
        await c.execute(
            SQL.put_mandate, m.person, new, m.agent, m.kind, sorted(m.scopes), now, m.ends, m.evidence,
            f"{_BY}{found.removal}",
        )  # fmt: skip
        await c.execute(SQL.put_acting, m.agent, new, m.person)
        made.append(new)
    return made


async def between(
    source: Database | Connection, persons: Collection[PersonId], agents: Collection[PersonId]
) -> list[Mandate]:
    """Every mandate under which one of these agents acts, or acted, for one of these persons."""
    rows = await source.fetch(SQL.mandates_between, sorted(persons), sorted(agents))
    return [mandate_of(row) for row in rows]


async def is_barred(
    source: Database | Connection, persons: Collection[PersonId], agents: Collection[PersonId], now: datetime
) -> bool:
    """Whether a removal that stands keeps them apart now."""
    return bool(await kept_apart(source, persons, agents, now))


async def kept_apart(
    source: Database | Connection, persons: Collection[PersonId], agents: Collection[PersonId], now: datetime
) -> frozenset[tuple[PersonId, PersonId]]:
    """Which of these agents bars that run now keep from which of these persons."""
    rows = await source.fetch(SQL.kept_apart, sorted(persons), sorted(agents), now)
    return frozenset((row["person_id"], row["agent"]) for row in rows)


async def kept_from(source: Database | Connection, persons: Collection[PersonId]) -> frozenset[PersonId]:
    """Whom orders that stand have taken away from these persons, whether or not they bar a new mandate."""
    return frozenset(row["agent"] for row in await source.fetch(SQL.kept_from, sorted(persons)))


async def removal_by_id(source: Database | Connection, removal: str) -> Removal:
    """One of them. Refusal `not-found`."""
    person = ids.home_of(removal)
    row = await source.fetchrow(SQL.removal, person, removal) if person else None
    if row is None:
        raise Refusal("not-found", field="removal")
    return _removal(row)


async def removals(source: Database | Connection, now: datetime) -> list[Removal]:
    """What waits, what bars, and what was proposed within a year, newest first."""
    return [_removal(row) for row in await source.fetch(SQL.removals, now, now - _SHOWN)]


async def removal_counts(source: Database | Connection, now: datetime, *, at_least: int) -> Mapping[str, int | None]:
    """Removals that stand, of a year or with a bar that runs, by legal basis, for everybody to read: None where there
    are some, but fewer than `at_least`."""
    found = {
        row["legal_basis"]: int(row["number"]) for row in await source.fetch(SQL.removal_counts, now, now - _SHOWN)
    }
    counts = {code: found.get(code, 0) for code in REMOVAL_BASES}
    return {code: n if n == 0 or n >= at_least else None for code, n in counts.items()}


def _stands(mandate: Mandate, now: datetime) -> bool:
    return mandate.ended is None and (mandate.ends is None or mandate.ends > now)


def _removal(row: Any) -> Removal:
    return Removal(*row.values())
