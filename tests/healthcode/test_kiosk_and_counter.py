"""Kiosks' questions and counters' queues: one decision each; no number twice and none left out."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from deployments import NOW, SeededKeys
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from yima.healthcode import counter, issue, kiosk, open_visit
from yima.healthcode.counter import MOVES, Counter, Share
from yima.healthcode.kiosk import LIVES, Authorisation
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import new_person_id

KEYS = SeededKeys(1)
SECOND = timedelta(seconds=1)
_places = itertools.count(5000)


async def person(db: Database) -> int:
    number = new_person_id()
    async with db.transaction() as c:
        await issue(c, KEYS, number, NOW)
    return number


async def outcome(db: Database, work: Callable[[Any], Awaitable[Any]]) -> Any:
    """What the work gives in a transaction of its own, or the code of the refusal."""
    try:
        async with db.transaction() as c:
            return await work(c)
    except Refusal as refusal:
        return refusal.code


@pytest.fixture
async def asked(db: Database) -> Authorisation:
    async with db.transaction() as c:
        return await kiosk.ask(
            c, institution=7, terminal="K1", step="010101", scene="0101012", purpose="treatment", now=NOW
        )


# --- kiosk -----------------------------------------------------------------------------------------------------------


async def test_a_yes_opens_a_visit_at_the_kiosk(db: Database, asked: Authorisation) -> None:
    who = await person(db)
    text = kiosk.authorisation_text(KEYS, "INTL", asked.session)
    assert await kiosk.scanned_authorisation(db, KEYS, text, NOW) == asked
    made = await outcome(db, lambda c: kiosk.approve(c, asked, who, NOW + SECOND))
    assert await open_visit(db, made.visit, NOW + SECOND) == made
    assert (made.person, made.institution, made.terminal, made.assurance) == (who, 7, "K1", "dynamic")
    assert (made.step, made.scene, made.channel, made.purpose) == ("010101", "0101012", "0200", "treatment")
    answered = await kiosk.authorisation(db, asked.session)
    assert (answered.state, answered.visit) == ("approved", made.visit)
    for again in (
        lambda c: kiosk.approve(c, asked, who, NOW + SECOND),
        lambda c: kiosk.refuse(c, asked, NOW + SECOND),
        lambda c: kiosk.scanned_authorisation(c, KEYS, text, NOW),
    ):
        assert await outcome(db, again) == "code-already-used"


async def test_a_no_is_final(db: Database, asked: Authorisation) -> None:
    await outcome(db, lambda c: kiosk.refuse(c, asked, NOW))
    assert await outcome(db, lambda c: kiosk.approve(c, asked, 1, NOW)) == "card-not-found"
    who = await person(db)
    assert await outcome(db, lambda c: kiosk.approve(c, asked, who, NOW)) == "code-already-used"
    assert not await db.fetch("select from healthcode.visit where person_id = $1", who)
    assert (await kiosk.authorisation(db, asked.session)).standing(NOW + LIVES) == "refused"


async def test_it_lives_two_minutes(db: Database, asked: Authorisation) -> None:
    who, late = await person(db), NOW + LIVES
    assert asked.standing(late - SECOND) == "waiting"
    assert asked.standing(late) == "expired"
    text = kiosk.authorisation_text(KEYS, "SM", asked.session)
    assert await outcome(db, lambda c: kiosk.scanned_authorisation(c, KEYS, text, late)) == "code-expired"
    assert await outcome(db, lambda c: kiosk.approve(c, asked, who, late)) == "code-expired"
    assert not await db.fetch("select from healthcode.visit where person_id = $1", who)
    async with db.transaction() as c:
        await kiosk.forget_authorisations(c, late + SECOND)
    assert await outcome(db, lambda c: kiosk.scanned_authorisation(c, KEYS, text, NOW)) == "code-expired"
    assert await outcome(db, lambda c: kiosk.authorisation(c, asked.session)) == "not-found"


async def test_of_many_who_say_yes_at_once_one_is_meant(db: Database, asked: Authorisation) -> None:
    people = [await person(db) for _ in range(8)]
    found = await asyncio.gather(*(outcome(db, lambda c, w=who: kiosk.approve(c, asked, w, NOW)) for who in people))
    assert sorted(str(one) for one in found if isinstance(one, str)) == ["code-already-used"] * 7
    opened = await db.fetch("select visit from healthcode.visit where person_id = any($1::bigint[])", people)
    assert [row["visit"] for row in opened] == [(await kiosk.authorisation(db, asked.session)).visit]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"purpose": "entry-gate"}, "purpose-not-allowed"),
        ({"step": "999"}, "field-invalid"),
        ({"scene": "0101051"}, "field-invalid"),
    ],
)
async def test_what_a_kiosk_may_not_ask(db: Database, wrong: dict[str, str], code: str) -> None:
    right = {"institution": 7, "terminal": "K1", "step": "010101", "purpose": "treatment", "now": NOW}
    assert await outcome(db, lambda c: kiosk.ask(c, **{**right, **wrong})) == code


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("suspended", "code-suspended"),
        ("applied", "code-not-active"),
        ("pre-issued", "code-not-active"),
        ("lost", "code-cancelled"),
        ("cancelled", "code-cancelled"),
        ("deceased", "code-cancelled"),
    ],
)
def test_a_card_that_does_not_stand_says_yes_to_nothing(status: Any, code: str) -> None:
    kiosk.check_standing("active")
    with pytest.raises(Refusal) as refused:
        kiosk.check_standing(status)
    assert refused.value.code == code


# --- counter ---------------------------------------------------------------------------------------------------------


async def opened(db: Database, prefix: str = "N", institution: int | None = None) -> Counter:
    async with db.transaction() as c:
        place = institution or next(_places)
        return await counter.register_counter(
            c, Counter("", place, "0300", prefix, "内科门诊", "Internal medicine", "二楼东"), NOW
        )


async def take(db: Database, at: Counter, who: int, **said: Any) -> tuple[Share, bool]:
    async with db.transaction() as c:
        return await counter.share(c, at, who, **{"now": NOW, "phone": False, "document": False, **said})


async def test_a_poster_leads_to_its_counter_until_it_is_closed(db: Database) -> None:
    at = await opened(db)
    text = counter.counter_text(KEYS, "INTL", at.counter_id)
    assert await counter.scanned_counter(db, KEYS, text) == at
    renamed = await opened(db, institution=at.institution)
    assert renamed.counter_id == at.counter_id, "registering again keeps the printed code"
    await counter.set_counter_status(db, at.counter_id, "closed")
    assert await outcome(db, lambda c: counter.scanned_counter(c, KEYS, text)) == "counter-closed"
    kiosks = kiosk.authorisation_text(KEYS, "INTL", at.counter_id)
    assert await outcome(db, lambda c: counter.scanned_counter(c, KEYS, kiosks)) == "code-unreadable"


@pytest.mark.parametrize(
    "wrong",
    [
        {"prefix": "n"},
        {"prefix": "ABCDE"},
        {"prefix": ""},
        {"department": "9999"},
        {"name_zh": ""},
        {"name_en": "x" * 61},
    ],
)
async def test_what_is_no_counter(db: Database, wrong: dict[str, str]) -> None:
    words = {"department": "0300", "prefix": "N", "name_zh": "内科", "name_en": "Medicine", "location": ""} | wrong
    assert await outcome(db, lambda c: counter.register_counter(c, Counter("", 1, **words), NOW)) == "field-invalid"


async def test_a_number_opens_a_visit_that_only_identifies(db: Database) -> None:
    at, who = await opened(db, "A1"), await person(db)
    made, new = await take(db, at, who, phone=True)
    assert (new, made.ticket, made.number, made.phone, made.document) == (True, "A1001", 1, True, False)
    visit = await open_visit(db, made.visit, NOW)
    assert (visit.assurance, visit.institution, visit.person) == ("static", at.institution, who)
    again, new = await take(db, at, who)
    assert (new, again.share_id) == (False, made.share_id), "who still waits keeps the number"
    assert await counter.shares_of(db, who, made.day) == [made]
    async with db.transaction() as c:
        await counter.mark(c, at.institution, made.share_id, "done", NOW)
    after, new = await take(db, at, who)
    assert (new, after.number) == (True, 2)


async def test_numbers_have_no_gaps_whoever_comes_at_once(db: Database) -> None:
    at = await opened(db)
    people = [await person(db) for _ in range(12)]

    async def one(who: int, fails: bool) -> int:
        try:
            async with db.transaction() as c:
                made, _ = await counter.share(c, at, who, NOW, phone=False, document=False)
                if fails:
                    raise ZeroDivisionError  # a worker that dies between the number and the commit
                return made.number
        except ZeroDivisionError:
            return 0

    given = await asyncio.gather(*(one(who, n % 4 == 3) for n, who in enumerate(people)))
    assert sorted(given) == [0, 0, 0, *range(1, 10)]
    tomorrow, _ = await take(db, at, people[0], now=NOW + timedelta(days=1))
    assert tomorrow.number == 1
    twice = await asyncio.gather(*(take(db, at, people[3]) for _ in range(4)))
    assert {made.number for made, _ in twice} == {10}, "four taps, one number"


async def test_the_place_in_the_queue(db: Database) -> None:
    at = await opened(db)
    shares = [(await take(db, at, await person(db)))[0] for _ in range(4)]
    assert [await counter.ahead(db, share) for share in shares] == [0, 1, 2, 3]
    async with db.transaction() as c:
        await counter.mark(c, at.institution, shares[0].share_id, "called", NOW)
        await counter.mark(c, at.institution, shares[1].share_id, "received", NOW)
    assert [await counter.ahead(db, share) for share in shares] == [0, 0, 1, 2]


async def test_an_institution_reads_its_own_until_it_has_acknowledged(db: Database) -> None:
    at = await opened(db)
    early, late = [(await take(db, at, await person(db), now=NOW + n * SECOND))[0] for n in range(2)]
    assert await counter.waiting_shares(db, at.institution, NOW) == [early, late]
    assert await counter.waiting_shares(db, at.institution, NOW + SECOND) == [late]
    assert await counter.waiting_shares(db, at.institution, NOW, department="0400") == []
    assert await counter.waiting_shares(db, next(_places), NOW) == []
    async with db.transaction() as c:
        assert await counter.deliver(c, [early, late], NOW) == {early.share_id, late.share_id}
        assert await counter.deliver(c, [early, late], NOW) == frozenset()
        await counter.mark(c, at.institution, early.share_id, "received", NOW)
    assert await counter.waiting_shares(db, at.institution, NOW) == [late]


async def test_states_go_forward_only_and_at_home_only(db: Database) -> None:
    at = await opened(db)
    made, _ = await take(db, at, await person(db))
    for name, share_id, institution, code in (
        ("done", made.share_id, next(_places), "not-found"),
        ("done", "nobody", at.institution, "not-found"),
        ("\x00", made.share_id, at.institution, "field-invalid"),
        ("waiting", made.share_id, at.institution, "field-invalid"),
    ):
        assert await outcome(db, lambda c, i=institution, s=share_id, n=name: counter.mark(c, i, s, n, NOW)) == code
    for before in MOVES:
        for after in MOVES:
            await db.execute("update healthcode.share set state = $1 where person_id = $2", before, made.person)
            done = await outcome(db, lambda c, n=after: counter.mark(c, at.institution, made.share_id, n, NOW))
            assert (done != "field-invalid") == (before in MOVES[after]), (before, after)


async def test_old_shares_are_forgotten(db: Database) -> None:
    at = await opened(db)
    made, _ = await take(db, at, await person(db))
    async with db.transaction() as c:
        await counter.forget_shares(c, NOW + SECOND)
    assert await outcome(db, lambda c: counter.share_of(c, made.person, made.share_id)) == "not-found"
    assert await open_visit(db, made.visit, NOW)


class Questions(RuleBasedStateMachine):
    """A question against the table of what may happen to it: pure, by `standing`."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = Authorisation("s", 1, "K", "010101", "", "treatment", "waiting", "", NOW, NOW + LIVES)
        self.now = NOW

    @rule(seconds=st.integers(0, 90))
    def wait(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.asked.standing(self.now) == "waiting")
    @rule(state=st.sampled_from(["approved", "refused"]))
    def answer(self, state: Any) -> None:
        self.asked = Authorisation(*(*_fields(self.asked)[:6], state, "v", self.asked.created, self.asked.expires))

    @invariant()
    def an_answer_stays_and_silence_ends(self) -> None:
        standing = self.asked.standing(self.now)
        assert (standing == "expired") == (self.asked.state == "waiting" and self.now - NOW >= LIVES)
        assert standing in ("expired", self.asked.state)


def _fields(asked: Authorisation) -> tuple[Any, ...]:
    return tuple(getattr(asked, name) for name in Authorisation.__slots__)


TestQuestions = Questions.TestCase
TestQuestions.settings = settings(max_examples=20, stateful_step_count=10, deadline=None)
