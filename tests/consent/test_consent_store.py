"""What residents decided, and emergencies, as they are kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from yima.consent import (
    Emergency,
    Standing,
    emergency_visit,
    open_emergency,
    put,
    standing_of,
    standing_of_each,
    widen_emergency,
)
from yima.runtime import ids
from yima.runtime.database import Database
from yima.runtime.errors import Refusal

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


async def say(db: Database, person: int, said: Standing, now: datetime = NOW) -> None:
    async with db.transaction() as c:
        await put(c, person, said, agent="resident", now=now)


async def said_by(db: Database, person: int, now: datetime = NOW) -> dict[tuple[str, int], bool]:
    found = {(s.cls, s.institution): s.permit for s in await standing_of(db, [person], now)}
    # Asked for many at once, each at its own moment, it is the same.
    long_ago, nobody = (person, NOW - 9 * HOUR), (ids.new_person_id(), now)
    each = await standing_of_each(db, [long_ago, (person, now), nobody, (person, now)])
    assert [{(s.cls, s.institution): s.permit for s in one} for one in each] == [{}, found, {}, found]
    return found


async def test_a_decision_counts_from_the_next_request_on_and_the_newest_one_counts(db: Database) -> None:
    person = ids.new_person_id()
    assert await said_by(db, person) == {}
    await say(db, person, Standing("all", 0, False))
    assert await said_by(db, person) == {("all", 0): False}
    await say(db, person, Standing("all", 0, True), NOW + HOUR)
    await say(db, person, Standing("hiv", 7, True), NOW + HOUR)
    assert await said_by(db, person, NOW + HOUR) == {("all", 0): True, ("hiv", 7): True}
    assert await said_by(db, person, NOW) == {("all", 0): False}, "any day can be asked for again"


async def test_a_decision_for_a_while_gives_way_to_the_one_before_it(db: Database) -> None:
    person = ids.new_person_id()
    await say(db, person, Standing("all", 0, False))
    await say(db, person, Standing("all", 0, True, NOW + 2 * HOUR), NOW + HOUR)
    assert await said_by(db, person, NOW + HOUR) == {("all", 0): True}
    assert await said_by(db, person, NOW + 2 * HOUR) == {("all", 0): False}


async def test_of_two_decisions_at_one_moment_no_counts(db: Database) -> None:
    person = ids.new_person_id()
    for permit in (True, False, True):
        await say(db, person, Standing("std", 0, permit))
    assert await said_by(db, person) == {("std", 0): False}


async def test_others_decisions_are_not_read(db: Database) -> None:
    one, other = ids.new_person_id(), ids.new_person_id()
    await say(db, one, Standing("all", 0, False))
    assert await said_by(db, other) == {}
    assert len(await standing_of(db, [one, other], NOW)) == 1


@pytest.mark.parametrize("cls", ["", "ALL", "hiv ", "cancer", "all;"])
async def test_only_classes_that_exist_can_be_decided_on(db: Database, cls: str) -> None:
    with pytest.raises(Refusal) as refused:
        await say(db, 1, Standing(cls, 0, True))
    assert (refused.value.code, refused.value.field) == ("field-invalid", "class")


async def test_a_decision_undone_with_its_transaction_was_never_made(db: Database) -> None:
    person = ids.new_person_id()

    async def undone() -> None:
        async with db.transaction() as c:
            await put(c, person, Standing("all", 0, False), agent="resident", now=NOW)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await undone()
    assert await said_by(db, person) == {}


@pytest.mark.parametrize(
    "statement",
    [
        "update consent.standing set permit = true",
        "delete from consent.standing",
        "update consent.emergency set reason = ''",
        "delete from consent.emergency",
    ],
)
async def test_the_application_cannot_rewrite_what_was_decided(db: Database, statement: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await db.execute(statement)


def emergency(person: int, reason: str) -> Emergency:
    return Emergency(person=person, institution=7, practitioner=1, terminal="ER-1", ground="unconscious", reason=reason)


SHORT = ["", "急救", "       ", "a b c d", "1234567", "a          b", "\n\n\n\n\n\n\n\n\n"]


@pytest.mark.parametrize("reason", SHORT)
async def test_an_emergency_without_a_real_reason_is_refused(db: Database, reason: str) -> None:
    with pytest.raises(Refusal) as refused:
        async with db.transaction() as c:
            await open_emergency(c, emergency(1, reason), now=NOW, lasts=HOUR)
    assert (refused.value.code, refused.value.field) == ("break-glass-reason-missing", "reason")
    assert await db.fetch("select 1 from consent.emergency where person_id = 1") == []


async def test_an_emergency_opens_for_a_while_and_keeps_its_reason(db: Database) -> None:
    person = ids.new_person_id()
    async with db.transaction() as c:
        handle = await open_emergency(
            c, emergency(person, "  车祸昏迷,  需了解过敏史 " + "x" * 600), now=NOW, lasts=HOUR
        )
    visit = await emergency_visit(db, handle)
    assert visit is not None
    assert (visit.person, visit.institution, visit.assurance, visit.expires) == (person, 7, "emergency-set", NOW + HOUR)
    async with db.transaction() as c:
        await widen_emergency(c, person, handle, "transfer", "转院交接，须带病史", NOW)
    wide = await emergency_visit(db, handle)
    assert wide is not None
    assert wide.assurance == "break-glass"
    row = await db.fetchrow("select reason from consent.emergency where handle = $1", handle)
    assert row["reason"].startswith("车祸昏迷, 需了解过敏史 xxx")
    assert len(row["reason"]) == 500


@pytest.mark.parametrize(
    "handle",
    ["", "x", "0000000000.00000000000000000000", "0000000005.mtn0ysqk6yy2j8tbexz1", "0000000005-yvc43qsmmh7pb"],
)
async def test_handles_that_were_never_given_out_open_nothing(db: Database, handle: str) -> None:
    assert await emergency_visit(db, handle) is None
