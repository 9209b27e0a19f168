"""Cards in a real database, played with by Hypothesis and compared with the table after every move."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from itertools import pairwise
from typing import Any, TypeVar

import asyncpg
import pytest
from deployments import NOW, SeededKeys
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from support import be_humans
from yima import healthcode
from yima.healthcode import Act, Card, advance, card_of
from yima.healthcode.life import open_cards, reissue
from yima.healthcode.lifecycle import EVENTS, NEW_GENERATION, STANDS, TABLE, Before, Refused
from yima.healthcode.suspension import approve, end_suspension, propose, suspensions_of
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import new_person_id
from yima.runtime.keys import Vault

T = TypeVar("T")
KEYS = SeededKeys(1)
LONGEST = timedelta(days=30)
PLAIN = tuple(e for e in EVENTS if e not in ("apply", "pre-issue", "issue", "suspend", "reissue", "merge", "unmerge"))
REASON = "身份信息正在重新核实"


class Cards(RuleBasedStateMachine):
    """One person, one clock; the model is the state, the kind and the state before a death."""

    runner: asyncio.Runner
    db: Database
    people = Bundle("people")

    def __init__(self) -> None:
        super().__init__()
        self.person, self.now = new_person_id(), NOW
        self.state, self.kind, self.before = "none", "formal", ""
        self.card: Card | None = None
        self.written = 0
        self.ends = NOW
        self.left = timedelta(0)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    def act(self, actor: str = "operator/op-1", **also: Any) -> Act:
        self.now += timedelta(seconds=1)
        return Act(actor=actor, at=self.now, **also)

    async def _within(self, work: Any, *args: Any, **also: Any) -> Any:
        async with self.db.transaction() as c:
            return await work(c, *args, **also)

    def _tried(self, work: Any, *args: Any, **also: Any) -> tuple[str | None, Any]:
        """The code of the refusal, or what was done."""
        try:
            return None, self.run(self._within(work, *args, **also))
        except Refusal as refusal:
            return refusal.code, None

    def _expected(self, event: str) -> str | Refused:
        step = TABLE[self._present()][event]  # type: ignore[index]
        return self.before if isinstance(step, Before) else step

    def _present(self) -> str:
        """The state as a moment later will find it: a suspension whose time is over is over."""
        return "active" if self.state == "suspended" and self.ends <= self.now + timedelta(seconds=1) else self.state

    def _settle(self) -> None:
        if self._present() != self.state:
            self.state, self.written = "active", self.written + 1

    @rule(event=st.sampled_from(["apply", "pre-issue", "issue"]), kind=st.sampled_from(["formal", "temporary"]))
    def open(self, event: str, kind: str) -> None:
        """A card where there was none; where there is one nothing happens."""
        if event == "issue":
            self.run(self._within(healthcode.issue, KEYS, self.person, self.now, "INTL", kind))
        else:
            self.run(self._within(open_cards, KEYS, [self.person], event, self.act(), kind=kind))
        if self.state == "none":
            self.kind, self.written = kind, int(event != "issue")
            self.state = {"apply": "applied", "pre-issue": "pre-issued", "issue": "active"}[event]

    @rule(event=st.sampled_from(PLAIN))
    def happen(self, event: str) -> None:
        """Any event that needs nobody else."""
        expected = self._expected(event) if event != "end-suspension" else TABLE[self.state][event]  # type: ignore[index]
        held = self.card
        refused, _ = self._tried(advance, self.person, event, self.act())
        assert refused == (expected.code if isinstance(expected, Refused) else None), (self.state, event)
        if refused:
            return
        if event != "end-suspension":
            self._settle()
        if expected != self.state or (event == "formalise" and self.kind == "temporary"):
            self.written += 1
        if event == "formalise":
            self.kind = "formal"
        if event == "report-death" and self.state != "deceased":
            self.before = self.state
        moved, self.state = expected != self.state, str(expected)
        made = self.run(card_of(self.db, self.person))
        assert held is None or made.card_id == held.card_id
        assert held is None or made.generation == (held.generation + (moved and event in NEW_GENERATION)) % 256

    @precondition(lambda self: self.state != "none")
    @rule()
    def replace(self) -> None:
        """A reissue, and the old print."""
        old, expected = self.run(card_of(self.db, self.person)), self._expected("reissue")
        refused, made = self._tried(reissue, KEYS, self.person, self.act())
        assert refused == (expected.code if isinstance(expected, Refused) else None)
        if refused:
            return
        self._settle()
        self.state, self.written = "active", self.written + 1
        assert made.card_id != old.card_id
        assert made.number != old.number
        assert made.generation == (old.generation + 1) % 256
        assert made.kind == old.kind
        assert self.run(healthcode.card_by_id(self.db, old.card_id)).status == "cancelled"

    @precondition(lambda self: self.state != "none")
    @rule(days=st.integers(1, 30), same=st.booleans(), stop=st.booleans())
    def suspend(self, days: int, same: bool, stop: bool) -> None:
        """A proposal; approved by somebody else, by the same person, or withdrawn."""
        expected, ends = self._expected("suspend"), self.now + timedelta(days=days)
        said = self.act(reason=REASON, legal_basis="identity-doubt")
        refused, made = self._tried(propose, self.person, said, ends=ends, longest=LONGEST)
        assert refused == (expected.code if isinstance(expected, Refused) else None)
        if refused:
            return  # and rolled back, with the end of a suspension that it had written down
        self._settle()
        if stop:
            self.run(self._within(end_suspension, made, self.act("operator/op-2")))
            with pytest.raises(Refusal, match="not-found"):
                self.run(self._within(approve, made, self.act("operator/op-2")))
        elif same:
            with pytest.raises(Refusal, match="second-person-needed"):
                self.run(self._within(approve, made, self.act("operator/op-1")))
        else:
            self.run(self._within(approve, made, self.act("operator/op-2")))
            self.state, self.ends, self.written = "suspended", ends, self.written + 1
            running = [s.suspension for s in self.run(suspensions_of(self.db, self.person)) if s.stands(self.now)]
            assert running == [made]

    @rule(days=st.integers(1, 40))
    def wait(self, days: int) -> None:
        """Time passes."""
        self.now += timedelta(days=days)

    @invariant()
    def the_database_agrees(self) -> None:
        """State, kind, one card that is not ended, and the history's length and chain."""
        if self.state == "none":
            return
        self.card = card = self.run(card_of(self.db, self.person))
        assert (card.status, card.kind) == (self.state, self.kind)
        assert (card.ended is not None) == (self.state == "cancelled")
        current = self.run(
            self.db.fetch("select from healthcode.card where person_id=$1 and ended is null", self.person)
        )
        assert len(current) == (self.state != "cancelled")
        lines = self.run(healthcode.history(self.db, self.person))
        assert len(lines) == self.written
        for earlier, later in pairwise(lines):
            assert earlier.became == later.was
        assert (card.standing(self.now) in STANDS) == (self.state == "active" or self._over())

    def _over(self) -> bool:
        return self.state == "suspended" and self.ends <= self.now


def test_the_database_lives_by_the_table(database_url: str, vault: Vault) -> None:
    with asyncio.Runner() as runner:
        Cards.runner, Cards.db = runner, runner.run(Database.connect(database_url, size=2))
        runner.run(be_humans(Cards.db, vault, "op-1", "op-2"))
        checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
        chosen = settings(max_examples=30, stateful_step_count=25, deadline=None, suppress_health_check=checks)
        run_state_machine_as_test(Cards, settings=chosen)  # type: ignore[no-untyped-call]
        runner.run(Cards.db.close())


OUT_OF_REACH = [
    "update healthcode.card set status = 'suspended' where person_id = $1",
    "update healthcode.card set status = 'active' where person_id = $1",
    "update healthcode.card set generation = 9 where person_id = $1",
    "update healthcode.card set suspended_until = 'infinity' where person_id = $1",
    "delete from healthcode.card where person_id = $1",
    "delete from healthcode.card_lookup where holder = $1",
    "update healthcode.card_lookup set holder = $1",
    "insert into healthcode.card (person_id, card_id, number, status, profile, issued)"
    " values ($1::bigint + 1, '0123456789', '1000000000000096', 'suspended', 'INTL', 'epoch')",
    "update healthcode.card_event set reason = '' where person_id = $1",
    "delete from healthcode.card_event where person_id = $1",
    "insert into healthcode.card_event (person_id, card_id, at, event, was, became, actor, reason, legal_basis)"
    " values ($1, '', 'epoch', '', '', '', '', '', '')",
    "update healthcode.suspension set approver = 'operator/op-2', approved = proposed where person_id = $1",
    "delete from healthcode.suspension where person_id = $1",
    "insert into healthcode.card_move values ('apply', 'active', $1::text)",
]


@pytest.fixture
async def card(db: Database) -> Card:
    """An active card."""
    async with db.transaction() as c:
        return await healthcode.issue(c, KEYS, new_person_id(), NOW)


@pytest.mark.parametrize("statement", OUT_OF_REACH)
async def test_the_application_cannot_reach_a_cards_standing(db: Database, card: Card, statement: str) -> None:
    value: object = str(card.person) if "::text" in statement else card.person
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await db.execute(statement, value)


MOVE = "select healthcode.move_card($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) as done"


@pytest.mark.parametrize(
    ("event", "was", "became", "suspension"),
    [
        ("suspend", "active", "suspended", ""),
        ("suspend", "active", "suspended", "no such proposal"),
        ("report-lost", "active", "suspended", ""),
        ("cancel", "active", "active", ""),
        ("undo-death", "deceased", "suspended", ""),
        ("hide", "active", "lost", ""),
        ("reissue", "active", "active", ""),
    ],
)
async def test_the_function_makes_no_move_that_is_not_in_the_table(
    db: Database, card: Card, event: str, was: str, became: str, suspension: str
) -> None:
    row = await db.fetchrow(
        MOVE, card.person, card.card_id, event, was, became, NOW, "operator/op-1", "reason", "court-order", suspension
    )
    assert row["done"] is False
    assert await card_of(db, card.person) == card
    assert await healthcode.history(db, card.person) == []


async def test_the_database_itself_wants_a_second_person(db: Database, card: Card) -> None:
    said = Act(actor="operator/op-1", at=NOW, reason=REASON, legal_basis="court-order")
    async with db.transaction() as c:
        made = await propose(c, card.person, said, ends=NOW + LONGEST, longest=LONGEST)
    args = (card.person, card.card_id, "suspend", "active", "suspended", NOW)
    assert not (await db.fetchrow(MOVE, *args, "operator/op-1", REASON, "court-order", made))["done"]
    assert not (await db.fetchrow(MOVE, *args, "operator/op-2", REASON, "fraud-inquiry", made))["done"]
    assert not (await db.fetchrow(MOVE, *args[:5], NOW + LONGEST, "operator/op-2", REASON, "court-order", made))["done"]
    assert (await db.fetchrow(MOVE, *args, "operator/op-2", REASON, "court-order", made))["done"]
    assert not (await db.fetchrow(MOVE, *args, "operator/op-3", REASON, "court-order", made))["done"]


@pytest.mark.parametrize(
    ("said", "days", "field"),
    [
        ({"legal_basis": "infection"}, 3, "legal_basis"),
        ({"legal_basis": ""}, 3, "legal_basis"),
        ({"reason": "so   be"}, 3, "reason"),
        ({"reason": "        "}, 3, "reason"),
        ({}, 0, "ends"),
        ({}, -1, "ends"),
        ({}, 31, "ends"),
    ],
)
async def test_a_proposal_lacks_something(
    db: Database, card: Card, said: dict[str, str], days: int, field: str
) -> None:
    act = Act(**{"actor": "operator/op-1", "at": NOW, "reason": REASON, "legal_basis": "court-order"} | said)  # type: ignore[arg-type]
    with pytest.raises(Refusal) as refusal:
        async with db.transaction() as c:
            await propose(c, card.person, act, ends=NOW + timedelta(days=days), longest=LONGEST)
    assert (refusal.value.code, refusal.value.field) == ("field-invalid", field)


async def test_two_approvals_at_once_make_one_suspension(db: Database, vault: Vault, card: Card) -> None:
    await be_humans(db, vault, *(f"op-{n}" for n in range(1, 7)))
    act = Act(actor="operator/op-1", at=NOW, reason=REASON, legal_basis="court-order")
    async with db.transaction() as c:
        made = await propose(c, card.person, act, ends=NOW + LONGEST, longest=LONGEST)

    async def once(n: int) -> str:
        try:
            async with db.transaction() as c:
                await approve(c, made, Act(actor=f"operator/op-{n}", at=NOW))
        except Refusal as refusal:
            return refusal.code
        return "approved"

    outcomes = sorted(await asyncio.gather(*(once(n) for n in range(2, 7))))
    assert outcomes.count("approved") == 1
    assert set(outcomes) <= {"approved", "not-found", "card-suspended"}
    assert len(await healthcode.history(db, card.person)) == 1


async def test_counts_for_everybody_hide_small_numbers(db: Database) -> None:
    people = [new_person_id() for _ in range(4)]
    async with db.transaction() as c:
        await healthcode.issue_many(c, KEYS, people, NOW)
        for person in people:
            act = Act(actor="operator/op-1", at=NOW, reason=REASON, legal_basis="identity-misuse")
            made = await propose(c, person, act, ends=NOW + timedelta(days=2), longest=LONGEST)
            await approve(c, made, Act(actor="operator/op-2", at=NOW))
    shown = await healthcode.suspended_counts(db, NOW, at_least=4)
    assert shown["identity-misuse"] == 4
    assert (await healthcode.suspended_counts(db, NOW, at_least=5))["identity-misuse"] is None
    assert shown["holder-request"] == 0
    assert (await healthcode.suspended_counts(db, NOW + timedelta(days=2), at_least=4))["identity-misuse"] == 0
    assert await healthcode.end_due(db, NOW + timedelta(days=2)) >= 4
    assert await healthcode.end_due(db, NOW + timedelta(days=2)) == 0
    line = (await healthcode.history(db, people[0]))[-1]
    assert (line.event, line.actor, line.at) == ("end-suspension", "system/end", NOW + timedelta(days=2))
