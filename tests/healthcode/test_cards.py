"""Cards in the database: one a person, found by what is printed, issued inside another room's transaction."""

from __future__ import annotations

import asyncio

import pytest
from deployments import NOW, SeededKeys

from support import as_owner
from yima.healthcode import Card, card, card_by_id, card_by_number, card_of, issue, issue_many
from yima.healthcode.number import new_number
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import new_person_id

KEYS = SeededKeys(1)


async def new_card(db: Database, person: int | None = None) -> Card:
    async with db.transaction() as c:
        return await issue(c, KEYS, person or new_person_id(), NOW)


async def test_a_card_is_found_by_all_that_is_printed_on_it(db: Database) -> None:
    made = await new_card(db)
    assert (made.status, made.profile, made.issued, made.ended) == ("active", "INTL", NOW, None)
    assert len(made.card_id) == 10
    assert made.shown_number.replace(" ", "") == made.number
    assert await card_of(db, made.person) == made
    assert await card_by_id(db, made.card_id) == made
    assert await card_by_number(db, made.shown_number) == made


async def test_issuing_again_gives_the_same_card(db: Database) -> None:
    made = await new_card(db)
    assert await new_card(db, made.person) == made


async def test_an_ended_card_is_not_revived_by_a_late_submission(db: Database) -> None:
    made = await new_card(db)
    await as_owner(
        db, "update healthcode.card set status = 'cancelled', ended = $2 where person_id = $1", made.person, NOW
    )
    again = await new_card(db, made.person)
    assert (again.card_id, again.status, again.ended) == (made.card_id, "cancelled", NOW)


@pytest.mark.parametrize("serializable", [False, True])
async def test_concurrent_issues_make_one_card(db: Database, serializable: bool) -> None:
    person = new_person_id()

    async def once() -> Card:
        if serializable:
            return await db.serializable(lambda c: issue(c, KEYS, person, NOW))
        return await new_card(db, person)

    cards = await asyncio.gather(*(once() for _ in range(20)))
    assert len(set(cards)) == 1
    assert await card_by_number(db, cards[0].number) == cards[0]
    assert len(await db.fetch("select from healthcode.card where person_id = $1", person)) == 1
    assert len(await db.fetch("select from healthcode.card_lookup where holder = $1", person)) == 1


async def test_a_card_is_gone_with_the_transaction_that_issued_it(db: Database) -> None:
    person = new_person_id()

    async def fail_after_issue() -> None:
        async with db.transaction() as c:
            await issue(c, KEYS, person, NOW)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail_after_issue()
    with pytest.raises(Refusal) as refusal:
        await card_of(db, person)
    assert refusal.value.code == "card-not-found"


async def test_many_are_issued_at_once_in_the_order_asked(db: Database) -> None:
    held = await new_card(db)
    persons = [new_person_id() for _ in range(500)]
    asked = [persons[0], held.person, *persons]
    async with db.transaction() as c:
        cards = await issue_many(c, KEYS, asked, NOW, "SM")
    assert [made.person for made in cards] == asked
    assert cards[1] == held
    assert len({made.number for made in cards}) == 501
    assert {made.profile for made in cards[2:]} == {"SM"}


async def test_a_number_that_is_taken_is_drawn_again(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    held = await new_card(db)
    draws = iter([held.number])
    monkeypatch.setattr(card, "new_number", lambda: next(draws, None) or new_number())
    made = await new_card(db)
    assert made.number != held.number
    assert await card_by_number(db, made.number) == made
    assert await card_by_number(db, held.number) == held


async def test_a_number_nobody_holds(db: Database) -> None:
    with pytest.raises(Refusal) as refusal:
        await card_by_number(db, new_number())
    assert refusal.value.code == "card-not-found"


async def test_an_unknown_profile_issues_nothing(db: Database) -> None:
    person = new_person_id()
    with pytest.raises(Refusal) as refusal:
        async with db.transaction() as c:
            await issue(c, KEYS, person, NOW, "TLS")
    assert refusal.value.code == "setting-invalid"
    with pytest.raises(Refusal):
        await card_of(db, person)
