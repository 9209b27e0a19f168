"""Scanning: each refusal, the one use of a code under concurrency, retries, printed codes, and the visits they open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from deployments import NOW, PROFILES, SeededKeys

from support import as_owner
from yima.healthcode import (
    PURPOSES,
    STEPS,
    Card,
    RefusedScan,
    Verification,
    Verifier,
    batch,
    card_of,
    dynamic_text,
    issue,
    issue_many,
    open_visit,
    static_text,
    visits_of,
)
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import new_person_id
from yima.runtime.keys import FileKeyStore

KEYS = SeededKeys(1)
SECOND = timedelta(seconds=1)


class Desk:
    """A deployment's verifier with the facts of a scan filled in, and what it was told of refusals."""

    def __init__(self, db: Database, **settings: object) -> None:
        self.refused: list[RefusedScan] = []
        self.verifier = Verifier(
            db, KEYS, terminal_known=self._known, on_refused=self._refused, visit_seconds=3600, **settings
        )

    async def scan(self, text: str, *, now: datetime = NOW, **facts: object) -> Verification:
        asked = {"institution": 7, "terminal": "T1", "step": "010101", "purpose": "treatment", "practitioner": 42}
        return await self.verifier.verify(text, now=now, **{**asked, **facts})

    async def outcome(self, text: str, **facts: object) -> str:
        """The handle of the visit, or the code of the refusal."""
        try:
            return (await self.scan(text, **facts)).visit
        except Refusal as refusal:
            return refusal.code

    async def _known(self, institution: int, terminal: str) -> bool:
        return institution < 100 and terminal.startswith("T")

    async def _refused(self, refused: RefusedScan) -> None:
        self.refused.append(refused)


@pytest.fixture
def desk(db: Database) -> Desk:
    return Desk(db)


@pytest.fixture
async def card(db: Database) -> Card:
    async with db.transaction() as c:
        return await issue(c, KEYS, new_person_id(), NOW)


@pytest.mark.parametrize("profile", PROFILES)
async def test_a_code_from_the_phone_opens_a_visit(db: Database, desk: Desk, card: Card, profile: str) -> None:
    found = await desk.scan(dynamic_text(KEYS, profile, card.person, NOW))
    assert found == Verification(card.person, found.visit, "dynamic", NOW + timedelta(hours=1), "active", reused=False)
    visit = await open_visit(db, found.visit, NOW + timedelta(minutes=59))
    assert (visit.person, visit.institution, visit.terminal, visit.practitioner) == (card.person, 7, "T1", 42)
    assert (visit.step, visit.purpose, visit.assurance) == ("010101", "treatment", "dynamic")
    assert (visit.started, visit.expires) == (NOW, found.expires)
    assert await visits_of(db, card.person, NOW) == [visit]
    assert await visits_of(db, card.person, NOW + SECOND) == []
    async with db.transaction() as c:
        assert await open_visit(c, found.visit, NOW) == visit


async def test_a_printed_code_identifies_again_and_again(db: Database, desk: Desk, card: Card) -> None:
    first = await desk.scan(static_text(card, KEYS), practitioner=None)
    second = await desk.scan(static_text(card, KEYS), terminal="T2")
    assert (first.person, first.assurance, first.card_status, first.reused) == (card.person, "static", "active", False)
    assert first.visit != second.visit
    assert (await open_visit(db, first.visit, NOW)).assurance == "static"
    assert len(await visits_of(db, card.person, NOW)) == 2


def other(card: Card, profile: str = "INTL") -> str:
    return dynamic_text(SeededKeys(2), profile, card.person, NOW)


@pytest.mark.parametrize(
    ("expected", "person_is_known", "facts"),
    [
        ("clock-skew", True, {"now": NOW - timedelta(minutes=5)}),
        ("code-expired", True, {"now": NOW + timedelta(minutes=5)}),
        ("purpose-not-allowed", True, {"purpose": "venue"}),
        ("purpose-not-allowed", True, {"purpose": "gate"}),
        ("purpose-not-allowed", True, {"purpose": ""}),
        ("purpose-not-allowed", True, {"purpose": "Treatment"}),
        ("field-invalid", True, {"step": "999999"}),
        ("field-invalid", True, {"step": ""}),
        ("field-invalid", True, {"channel": "9999"}),
        ("field-invalid", True, {"channel": ""}),
        ("field-invalid", True, {"scene": "9999999"}),
        ("terminal-unknown", True, {"terminal": "X1"}),
        ("terminal-unknown", True, {"institution": 100}),
        ("terminal-unknown", True, {"terminal": ""}),
        ("terminal-unknown", True, {"terminal": "T\x00"}),
        ("terminal-unknown", True, {"terminal": "T\ud800"}),
        ("terminal-unknown", True, {"terminal": "T" * 65}),
    ],
)
async def test_a_wrong_scan_is_refused_and_uses_nothing_up(
    desk: Desk, card: Card, expected: str, person_is_known: bool, facts: dict[str, object]
) -> None:
    text = dynamic_text(KEYS, "INTL", card.person, NOW)
    assert await desk.outcome(text, **facts) == expected
    (told,) = desk.refused
    assert (told.code, told.person) == (expected, card.person if person_is_known else None)
    assert not (await desk.scan(text)).reused


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda _: "https://example.org/", "code-unreadable"),
        (lambda card: dynamic_text(KEYS, "INTL", card.person, NOW)[:-3] + "000", "code-signature-invalid"),
        (other, "code-issuer-unknown"),
        (lambda card: other(card, "SM"), "code-issuer-unknown"),
        (lambda card: static_text(card, SeededKeys(2)), "code-issuer-unknown"),
        (lambda card: static_text(replace(card, card_id=bytes(10)), KEYS)[:-3] + "000", "code-signature-invalid"),
    ],
)
async def test_a_text_that_is_no_code_of_ours_names_nobody(desk: Desk, card: Card, make, expected: str) -> None:
    assert await desk.outcome(make(card)) == expected
    (told,) = desk.refused
    assert (told.code, told.person, told.at) == (expected, None, NOW)


@pytest.mark.parametrize(
    ("status", "expected"),
    [("suspended", "code-suspended"), ("lost", "code-cancelled"), ("cancelled", "code-cancelled")],
)
@pytest.mark.parametrize("shown", ["dynamic", "static"])
async def test_a_card_that_does_not_stand_is_refused(
    db: Database, desk: Desk, card: Card, status: str, expected: str, shown: str
) -> None:
    text = static_text(card, KEYS) if shown == "static" else dynamic_text(KEYS, "INTL", card.person, NOW)
    sql = "update healthcode.card set status = $2, ended = $3 where person_id = $1"
    await as_owner(db, sql, card.person, status, NOW if status == "cancelled" else None)
    assert await desk.outcome(text) == expected
    assert desk.refused[0].person == card.person
    assert await visits_of(db, card.person, NOW) == []
    await as_owner(db, sql, card.person, "active", None)
    assert (await desk.scan(text)).person == card.person  # a refused scan used nothing up


async def test_a_person_or_a_print_without_a_card_is_refused(desk: Desk, card: Card) -> None:
    assert await desk.outcome(dynamic_text(KEYS, "INTL", new_person_id(), NOW)) == "code-cancelled"
    assert await desk.outcome(static_text(replace(card, card_id=bytes(10)), KEYS)) == "code-cancelled"


async def test_a_reissue_ends_the_codes_of_a_lost_phone(db: Database, desk: Desk, card: Card) -> None:
    text = dynamic_text(KEYS, "INTL", card.person, NOW)
    await as_owner(db, "update healthcode.card set generation = 1 where person_id = $1", card.person)
    assert (await card_of(db, card.person)).generation == 1
    assert await desk.outcome(text) == "code-cancelled"
    assert desk.refused[0].person == card.person
    found = await desk.scan(dynamic_text(KEYS, "INTL", card.person, NOW, generation=1))
    assert (found.person, found.reused) == (card.person, False)


async def test_a_batch_carries_the_generation(card: Card) -> None:
    one, other = (batch(KEYS, "INTL", card.person, NOW, slots=1, generation=number).slots[0] for number in (0, 255))
    assert one.slot == other.slot
    assert one.p != other.p
    assert one.key != other.key


async def test_a_visit_keeps_channel_and_scene(db: Database, desk: Desk, card: Card) -> None:
    said = await desk.scan(static_text(card, KEYS), channel="0200", scene="0101011")
    silent = await desk.scan(static_text(card, KEYS))
    kept = [await open_visit(db, found.visit, NOW) for found in (said, silent)]
    assert [(visit.channel, visit.scene) for visit in kept] == [("0200", "0101011"), (None, None)]


async def test_the_print_of_a_replaced_card_is_refused_while_the_phone_goes_on(
    db: Database, desk: Desk, card: Card
) -> None:
    await as_owner(
        db, "update healthcode.card set status = 'cancelled', ended = $2 where person_id = $1", card.person, NOW
    )
    await as_owner(
        db, "insert into healthcode.card values ($1, $2, '1000000000000096', 'active', 'INTL', $3, null)",
        card.person, b"0123456789", NOW,
    )  # fmt: skip
    assert await desk.outcome(static_text(card, KEYS)) == "code-cancelled"
    assert (await desk.scan(dynamic_text(KEYS, "INTL", card.person, NOW))).person == card.person


@pytest.mark.parametrize(
    ("seconds", "facts", "expected"),
    [
        (0, {}, "same visit"),
        (4.9, {}, "same visit"),
        (5, {}, "same visit"),
        (5.1, {}, "code-already-used"),
        (30, {}, "code-already-used"),
        (1, {"terminal": "T2"}, "code-already-used"),
        (1, {"institution": 8}, "code-already-used"),
    ],
)
async def test_only_the_same_terminal_may_repeat_within_five_seconds(
    desk: Desk, card: Card, seconds: float, facts: dict[str, object], expected: str
) -> None:
    text = dynamic_text(KEYS, "INTL", card.person, NOW)
    first = await desk.scan(text)
    later = NOW + timedelta(seconds=seconds)
    if expected == "same visit":
        assert await desk.scan(text, now=later, **facts) == Verification(
            card.person, first.visit, "dynamic", first.expires, "active", reused=True
        )
        assert desk.refused == []
    else:
        assert await desk.outcome(text, now=later, **facts) == expected
        assert [(told.code, told.person) for told in desk.refused] == [("code-already-used", card.person)]


async def test_the_next_code_of_the_same_person_is_another(desk: Desk, card: Card) -> None:
    one = await desk.scan(dynamic_text(KEYS, "INTL", card.person, NOW))
    two = await desk.scan(dynamic_text(KEYS, "INTL", card.person, NOW + 15 * SECOND), now=NOW + 15 * SECOND)
    assert one.visit != two.visit


@pytest.fixture
async def desks(db: Database, database_url: str) -> AsyncIterator[list[Desk]]:
    """Two verifiers with pools and batches of their own, as in two worker processes."""
    other_pool = await Database.connect(database_url, size=4)
    yield [Desk(db), Desk(other_pool)]
    await other_pool.close()


@pytest.mark.parametrize("profile", PROFILES)
async def test_of_fifty_scans_of_one_code_one_wins(db: Database, desks: list[Desk], card: Card, profile: str) -> None:
    text = dynamic_text(KEYS, profile, card.person, NOW)
    outcomes = await asyncio.gather(*(desks[i % 2].outcome(text, terminal=f"T{i}") for i in range(50)))
    assert outcomes.count("code-already-used") == 49
    (visit,) = set(outcomes) - {"code-already-used"}
    assert [found.visit for found in await visits_of(db, card.person, NOW)] == [visit]
    assert sum(len(desk.refused) for desk in desks) == 49


async def test_one_terminal_sending_a_code_fifty_times_gets_one_visit(desks: list[Desk], card: Card) -> None:
    text = dynamic_text(KEYS, "INTL", card.person, NOW)
    found = await asyncio.gather(*(desks[i % 2].scan(text) for i in range(50)))
    assert len({each.visit for each in found}) == 1
    assert [each.reused for each in found].count(False) == 1


async def test_workers_redeeming_the_same_codes_in_other_orders_neither_deadlock_nor_share(
    db: Database, desks: list[Desk]
) -> None:
    persons = [new_person_id() for _ in range(60)]
    async with db.transaction() as c:
        await issue_many(c, KEYS, persons, NOW)
    texts = [dynamic_text(KEYS, "INTL", person, NOW) for person in persons]
    orders = [texts, texts[::-1], texts[30:] + texts[:30], texts[::2] + texts[1::2]]
    outcomes = await asyncio.gather(
        *(
            desk.outcome(text, terminal=f"T{number}")
            for number, (desk, order) in enumerate(zip(desks * 2, orders, strict=True))
            for text in order
        )
    )
    assert outcomes.count("code-already-used") == 3 * 60
    assert len(set(outcomes)) == 61


async def test_a_used_code_stays_used_after_a_restart(db: Database, card: Card, database_url: str) -> None:
    text = dynamic_text(KEYS, "INTL", card.person, NOW)
    await Desk(db).scan(text)
    restarted = await Database.connect(database_url, size=1)
    try:
        assert await Desk(restarted).outcome(text, terminal="T2") == "code-already-used"
    finally:
        await restarted.close()


async def test_workers_share_keys_through_the_file(tmp_path: Path) -> None:
    one, two = (FileKeyStore(tmp_path / "keys.json") for _ in range(2))
    for profile in PROFILES:
        assert dynamic_text(one, profile, 1, NOW) == dynamic_text(two, profile, 1, NOW)


async def test_profiles_may_be_switched_off(db: Database, card: Card) -> None:
    desk = Desk(db, profiles=["SM"])
    assert await desk.outcome(dynamic_text(KEYS, "INTL", card.person, NOW)) == "code-issuer-unknown"
    assert (await desk.scan(dynamic_text(KEYS, "SM", card.person, NOW))).person == card.person
    with pytest.raises(Refusal):
        Desk(db, profiles=["TLS"])


@pytest.mark.parametrize("purpose", PURPOSES)
async def test_each_purpose_of_the_list_is_accepted(desk: Desk, card: Card, purpose: str) -> None:
    assert (await desk.scan(static_text(card, KEYS), purpose=purpose)).person == card.person


@pytest.mark.parametrize("step", STEPS)
async def test_each_step_of_the_table_is_accepted(desk: Desk, card: Card, step: str) -> None:
    assert (await desk.scan(static_text(card, KEYS), step=step)).person == card.person


HANDLES = [
    "",
    "x",
    "0" * 31,
    "0000000001-" + "0" * 20,
    "a" * 10_000,
    "\x00" * 31,
    "码" * 31,
    "' or true; -- 12345678901234",
]


@pytest.mark.parametrize("handle", HANDLES, ids=range(len(HANDLES)))
async def test_an_unknown_handle_needs_a_visit(db: Database, handle: str) -> None:
    with pytest.raises(Refusal) as refusal:
        await open_visit(db, handle, NOW)
    assert refusal.value.code == "visit-needed"


async def test_a_visit_ends(db: Database, desk: Desk, card: Card) -> None:
    visit = (await desk.scan(static_text(card, KEYS))).visit
    with pytest.raises(Refusal) as refusal:
        await open_visit(db, visit, NOW + timedelta(hours=1))
    assert refusal.value.code == "visit-expired"


async def test_refusals_never_carry_the_scanned_text(desk: Desk, card: Card) -> None:
    text = dynamic_text(KEYS, "INTL", card.person, NOW)
    await desk.scan(text)
    for scanned in (text, other(card), text[:-3] + "000", "http://example.org/secret"):
        await desk.outcome(scanned, terminal="T2")
    for told in desk.refused:
        shown = f"{told!r} {told.refusal} {told.refusal.text('zh')} {told.refusal.params}"
        assert text not in shown
        assert "secret" not in shown
