"""What becomes of codes when something happens to the card: printed, on phones, and offline."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from deployments import NOW, SeededKeys

from support import be_humans
from yima import healthcode
from yima.healthcode import (
    Act,
    Card,
    Verification,
    Verifier,
    advance,
    card_of,
    dynamic_text,
    issue_many,
    merge,
    static_text,
    survivor_of,
    unmerge,
)
from yima.healthcode.life import reissue
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import new_person_id
from yima.runtime.keys import Vault

KEYS = SeededKeys(1)
ACT = Act(actor="system/test", at=NOW)
LATER = NOW + timedelta(minutes=5)
SOON = NOW + timedelta(seconds=1)


async def _anywhere(_institution: int, _terminal: str) -> bool:
    return True


@pytest.fixture
async def verifier(db: Database) -> Verifier:
    """A verifier to which every terminal is known."""
    return Verifier(db, KEYS, terminal_known=_anywhere)


@pytest.fixture
async def two(db: Database) -> list[Card]:
    """Two cards."""
    async with db.transaction() as c:
        return await issue_many(c, KEYS, [new_person_id(), new_person_id()], NOW)


async def scan(verifier: Verifier, text: str, now: datetime = NOW) -> Verification:
    return await verifier.verify(text, institution=7, terminal="T1", step="010101", purpose="treatment", now=now)


async def outcome(verifier: Verifier, text: str, now: datetime = NOW) -> str:
    try:
        await scan(verifier, text, now)
    except Refusal as refusal:
        return refusal.code
    return "accepted"


def phone(card: Card, now: datetime = NOW) -> str:
    return dynamic_text(KEYS, "INTL", card.person, now, card.generation)


async def happen(db: Database, work: Any, *args: Any, **also: Any) -> Any:
    async with db.transaction() as c:
        return await work(c, *args, **also)


@pytest.mark.parametrize("event", ["report-lost", "cancel", "report-death"])
async def test_codes_die_at_once_and_come_back_with_the_card(
    db: Database, verifier: Verifier, two: list[Card], event: Any
) -> None:
    card = two[0]
    await happen(db, advance, card.person, event, ACT)
    for text in (phone(card), static_text(card, KEYS)):
        assert await outcome(verifier, text) == "code-cancelled"
    back = {"report-lost": "report-found", "cancel": "restore", "report-death": "undo-death"}[event]
    again = await happen(db, advance, card.person, back, ACT)
    assert await outcome(verifier, static_text(card, KEYS)) == "accepted"
    assert await outcome(verifier, phone(again)) == "accepted"
    # What a phone kept before is dead where it may have been in other hands; a wrong death report leaves it alone.
    old = await outcome(verifier, phone(card, LATER), LATER)
    assert old == ("accepted" if event == "report-death" else "code-cancelled")


async def test_a_reissue_kills_the_old_print_and_the_kept_codes(
    db: Database, verifier: Verifier, two: list[Card]
) -> None:
    card = two[0]
    made = await happen(db, reissue, KEYS, card.person, ACT)
    assert await outcome(verifier, static_text(card, KEYS)) == "code-cancelled"
    assert await outcome(verifier, phone(card)) == "code-cancelled"
    assert await outcome(verifier, static_text(made, KEYS)) == "accepted"
    assert await outcome(verifier, phone(made)) == "accepted"
    assert (await healthcode.card_by_number(db, card.number)).status == "cancelled"


async def test_a_card_that_is_not_active_yet(db: Database, verifier: Verifier) -> None:
    person = new_person_id()
    assert await happen(db, healthcode.open_cards, KEYS, [person], "pre-issue", ACT) == [person]
    assert await happen(db, healthcode.open_cards, KEYS, [person], "pre-issue", ACT) == []
    card = await card_of(db, person)
    assert (card.status, card.standing(NOW)) == ("pre-issued", "pre-issued")
    assert await outcome(verifier, static_text(card, KEYS)) == "code-not-active"
    await happen(db, advance, person, "activate", ACT)
    assert await outcome(verifier, static_text(card, KEYS)) == "accepted"


async def test_a_suspension_ends_by_itself(db: Database, vault: Vault, verifier: Verifier, two: list[Card]) -> None:
    card = two[0]
    await be_humans(db, vault, "op-1", "op-2")
    said = Act(actor="operator/op-1", at=NOW, reason="本人申请暂停使用", legal_basis="holder-request")
    made = await happen(db, healthcode.propose, card.person, said, ends=LATER, longest=timedelta(days=30))
    assert await outcome(verifier, static_text(card, KEYS)) == "accepted"
    await happen(db, healthcode.approve, made, Act(actor="operator/op-2", at=NOW))
    for text in (phone(card), static_text(card, KEYS)):
        assert await outcome(verifier, text) == "code-suspended"
    before = LATER - timedelta(seconds=1)
    assert await outcome(verifier, static_text(card, KEYS), before) == "code-suspended"
    assert await outcome(verifier, static_text(card, KEYS), LATER) == "accepted"
    assert await outcome(verifier, phone(card, LATER), LATER) == "accepted"
    # The row still says suspended; the next who looks writes the end down, with the time at which it was.
    assert (await card_of(db, card.person)).status == "suspended"
    await happen(db, healthcode.current, card.person, LATER + timedelta(hours=1))
    assert (await healthcode.history(db, card.person))[-1].at == LATER


async def test_codes_of_a_merged_person_lead_to_the_survivor(db: Database, verifier: Verifier, two: list[Card]) -> None:
    gone, stays = two
    await happen(db, merge, gone.person, stays.person, ACT)
    await happen(db, merge, gone.person, stays.person, ACT)
    assert [line.event for line in await healthcode.history(db, gone.person)] == ["merge"]
    assert await survivor_of(db, gone.person) == stays.person
    assert await survivor_of(db, stays.person) == stays.person
    for text in (phone(gone), static_text(gone, KEYS)):
        found = await scan(verifier, text)
        assert found.person == stays.person
        assert (await healthcode.open_visit(db, found.visit, NOW)).person == stays.person
    text = phone(gone, LATER)
    first, again = await scan(verifier, text, LATER), await scan(verifier, text, LATER + timedelta(seconds=2))
    assert (again.visit, again.reused) == (first.visit, True)
    assert await outcome(verifier, text, LATER + timedelta(seconds=10)) == "code-already-used"
    await happen(db, advance, stays.person, "report-lost", ACT)
    assert await outcome(verifier, static_text(gone, KEYS)) == "code-cancelled"
    await happen(db, advance, stays.person, "report-found", ACT)
    await happen(db, unmerge, gone.person, ACT)
    assert (await scan(verifier, static_text(gone, KEYS))).person == gone.person
    assert await card_of(db, gone.person) == gone


async def test_a_chain_of_merges_and_its_undoing(db: Database, verifier: Verifier) -> None:
    people = sorted(new_person_id() for _ in range(3))
    async with db.transaction() as c:
        cards = await issue_many(c, KEYS, people, NOW)
    await happen(db, merge, people[0], people[1], ACT)
    await happen(db, merge, people[1], people[2], ACT)
    assert (await scan(verifier, static_text(cards[0], KEYS))).person == people[2]
    with pytest.raises(Refusal, match="card-state"):
        await happen(db, merge, people[2], people[0], ACT)
    with pytest.raises(Refusal, match="card-state"):
        await happen(db, merge, people[0], people[2], ACT)
    await happen(db, unmerge, people[1], ACT)
    assert (await scan(verifier, static_text(cards[0], KEYS))).person == people[1]
    assert (await scan(verifier, static_text(cards[1], KEYS))).person == people[1]


async def test_a_card_found_again_after_a_merge_is_not_a_second_card(
    db: Database, verifier: Verifier, two: list[Card]
) -> None:
    gone, stays = two
    await happen(db, advance, gone.person, "report-lost", ACT)
    await happen(db, merge, gone.person, stays.person, ACT)
    assert (await card_of(db, gone.person)).status == "lost"
    found = await happen(db, advance, gone.person, "report-found", ACT)
    assert found.status == "merged"
    assert (await scan(verifier, static_text(gone, KEYS))).person == stays.person


async def test_a_temporary_card_becomes_formal_and_stays_the_same(db: Database, two: list[Card]) -> None:
    person = new_person_id()
    async with db.transaction() as c:
        card = await healthcode.issue(c, KEYS, person, NOW, "INTL", "temporary")
    made = await happen(db, advance, person, "formalise", ACT)
    assert (card.kind, made.kind) == ("temporary", "formal")
    assert (made.card_id, made.number, made.status, made.generation) == (card.card_id, card.number, "active", 0)
    await happen(db, advance, person, "formalise", ACT)
    assert len(await healthcode.history(db, person)) == 1
    assert two


ENDS_VISITS = {"report-lost": True, "reissue": True, "cancel": True, "report-death": False, "formalise": False}


@pytest.mark.parametrize(("event", "ends"), ENDS_VISITS.items(), ids=list(ENDS_VISITS))
async def test_what_was_opened_with_the_card_ends_with_it(
    db: Database, verifier: Verifier, two: list[Card], event: Any, ends: bool
) -> None:
    """Also what was opened with the codes of who was merged into the holder since; nobody else's."""
    async with db.transaction() as c:
        former, own, other = [two[0], two[1], (await issue_many(c, KEYS, [new_person_id()], NOW))[0]]
    visits = [(await scan(verifier, phone(card))).visit for card in (former, own, other)]
    await happen(db, merge, former.person, own.person, ACT)
    at = NOW + timedelta(minutes=1)
    act = Act(actor="resident/x", at=at)
    await (
        happen(db, reissue, KEYS, own.person, act)
        if event == "reissue"
        else happen(db, advance, own.person, event, act)
    )
    before = [await is_open(db, visit, at - timedelta(seconds=1)) for visit in visits]
    after = [await is_open(db, visit, at) for visit in visits]
    assert (before, after) == ([True, True, True], [not ends, not ends, True])


async def test_a_suspension_ends_visits_and_its_end_brings_none_back(
    db: Database, verifier: Verifier, two: list[Card]
) -> None:
    card = two[0]
    visit = (await scan(verifier, phone(card))).visit
    said = Act(actor="operator/op-1", at=NOW, reason="本人申请暂停使用", legal_basis="holder-request")
    made = await happen(db, healthcode.propose, card.person, said, ends=LATER, longest=timedelta(days=30))
    assert await is_open(db, visit, NOW)
    await happen(db, advance, card.person, "suspend", replace(said, actor="operator/op-2", suspension=made))
    assert not await is_open(db, visit, NOW)
    await happen(db, healthcode.end_suspension, made, Act(actor="operator/op-1", at=NOW))
    assert not await is_open(db, visit, NOW)
    # A scan that was under way when the card was stopped is found a moment later; one of the card
    # that stands again is not.
    late = (await scan(verifier, phone(card, SOON), SOON)).visit
    fresh = (await scan(verifier, phone(card, LATER), LATER)).visit
    assert await healthcode.end_late_visits(db, LATER) >= 1
    assert (await is_open(db, late, LATER), await is_open(db, fresh, LATER)) == (False, True)


async def is_open(db: Database, visit: str, now: datetime) -> bool:
    try:
        await healthcode.open_visit(db, visit, now)
    except Refusal as refusal:
        return refusal.code != "visit-expired"  # no other refusal may pass for it
    return True
