"""Card use: reports of steps and every way in which one may be wrong, what is missing, and what is counted."""

from __future__ import annotations

import dataclasses
import inspect
import itertools
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, get_type_hints

import pytest
from deployments import NOW, SeededKeys
from hypothesis import given
from hypothesis import strategies as st

from yima import healthcode
from yima.healthcode import (
    SMALL,
    Cell,
    Report,
    Reported,
    Verification,
    Verifier,
    count_day,
    dynamic_text,
    forget_redemptions,
    issue,
    missing,
    protected,
    report,
    static_text,
    statistics,
    uses_of,
)
from yima.runtime.civil import civil_day
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import new_person_id, person_text

KEYS = SeededKeys(1)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
_places = itertools.count(1000)
_keys = (f"r{n}" for n in itertools.count())


async def _known(_institution: int, _terminal: str) -> bool:
    return True


@dataclasses.dataclass
class Place:
    """An institution with a desk, and its system that reports."""

    db: Database
    number: int

    async def scan(self, text: str, at: datetime = NOW, step: str = "010101") -> Verification:
        verifier = Verifier(self.db, KEYS, terminal_known=_known, visit_seconds=4 * 3600)
        return await verifier.verify(
            text, institution=self.number, terminal="T1", step=step, purpose="treatment", now=at
        )  # fmt: skip

    async def newcomer(self, at: datetime = NOW, step: str = "010101") -> Verification:
        """Somebody new whose phone is scanned here."""
        return await self.scan(dynamic_text(KEYS, "INTL", await person(self.db), at), at, step)

    async def report(self, now: datetime = NOW + HOUR, **said: Any) -> Reported:
        right = {
            "institution": self.number,
            "key": next(_keys),
            "step": "010103",
            "channel": "0100",
            "at": NOW + MINUTE,
        }
        async with self.db.transaction() as c:
            return await report(c, KEYS, Report(**{**right, **said}), now)

    async def refused(self, **said: Any) -> str:
        with pytest.raises(Refusal) as refused:
            await self.report(**said)
        return refused.value.code


async def person(db: Database) -> int:
    number = new_person_id()
    async with db.transaction() as c:
        await issue(c, KEYS, number, NOW)
    return number


@pytest.fixture
def place(db: Database) -> Place:
    return Place(db, next(_places))


async def test_a_verification_and_each_reported_step_are_uses(place: Place) -> None:
    visit = await place.newcomer()
    # Sent late and in any order: what counts is when the step was done.
    await place.report(visit=visit.visit, step="010103", at=NOW + 30 * MINUTE)
    await place.report(
        visit=visit.visit, step="0101051", at=NOW + 20 * MINUTE, cost_types=("0100",), department="030001", serial="H-7"
    )
    uses = await uses_of(place.db, visit.person, NOW)
    assert [(use.kind, use.step, use.scene, use.at - NOW) for use in uses] == [
        ("reported", "010103", "", 30 * MINUTE),
        ("reported", "010105", "0101051", 20 * MINUTE),
        ("verified", "010101", "", 0 * MINUTE),
    ]
    assert {use.institution for use in uses} == {place.number}


async def test_the_code_that_was_scanned_names_the_visit_too(place: Place) -> None:
    who = await person(place.db)
    text = dynamic_text(KEYS, "INTL", who, NOW)
    visit = await place.scan(text)
    assert (await place.report(code=text.lower())).visit == visit.visit
    async with place.db.transaction() as c:
        printed = static_text(await healthcode.card_of(c, who), KEYS)
    opened = await place.scan(printed, NOW + HOUR)
    assert (await place.report(code=printed, at=NOW + 2 * HOUR, now=NOW + 3 * HOUR)).visit == opened.visit


async def test_a_resend_changes_nothing_and_another_report_under_its_key_is_refused(place: Place) -> None:
    visit, other = await place.newcomer(), await place.newcomer()
    first = await place.report(visit=visit.visit, key="k1")
    again = await place.report(visit=visit.visit, key="k1", now=NOW + 5 * HOUR)
    assert (first.repeated, again.repeated, again.visit) == (False, True, visit.visit)
    assert await place.refused(visit=visit.visit, key="k1", step="010104") == "idempotency-mismatch"
    assert await place.refused(visit=other.visit, key="k1") == "idempotency-mismatch"
    assert len(await uses_of(place.db, visit.person, NOW)) == 2
    elsewhere = Place(place.db, next(_places))
    theirs = await elsewhere.newcomer()
    assert not (await elsewhere.report(visit=theirs.visit, key="k1")).repeated, "keys are an institution's own"


BAD: dict[str, tuple[str, dict[str, Any]]] = {
    "before the verification": ("use-before-verification", {"at": NOW - MINUTE}),
    "after the visit had ended": ("visit-expired", {"at": NOW + 5 * HOUR, "now": NOW + 6 * HOUR}),
    "in the future": ("use-in-future", {"at": NOW + 2 * HOUR}),
    "an unknown visit": ("visit-unknown", {"visit": "0000000001-00000000000000000000"}),
    "no handle at all": ("visit-unknown", {"visit": "n'importe"}),
    "a NUL in the handle": ("visit-unknown", {"visit": "\x00" * 31}),
    "visit and code": ("field-invalid", {"code": "YM1:ABC"}),
    "neither": ("field-invalid", {"visit": ""}),
    "a code of somebody else's making": ("code-unreadable", {"visit": "", "code": "https://example.org"}),
    "an unknown step": ("field-invalid", {"step": "999999"}),
    "a scene of another step": ("field-invalid", {"scene": "0101012"}),
    "an unknown channel": ("field-invalid", {"channel": "9"}),
    "no channel": ("field-invalid", {"channel": ""}),
    "an unknown department": ("field-invalid", {"department": "9900"}),
    "an unknown visit type": ("field-invalid", {"visit_type": "X"}),
    "an unknown cost type": ("field-invalid", {"cost_types": ("0100", "1")}),
    "no key": ("field-invalid", {"key": ""}),
    "a key that is too long": ("field-invalid", {"key": "k" * 65}),
    "a key in another script": ("field-invalid", {"key": "键"}),
    "a serial with a control character": ("field-invalid", {"serial": "a\x00"}),
}


@pytest.mark.parametrize("wrong", BAD)
async def test_refused_and_nothing_written(place: Place, wrong: str) -> None:
    visit = await place.newcomer()
    code, said = BAD[wrong]
    assert await place.refused(**{"visit": visit.visit, **said}) == code
    assert len(await uses_of(place.db, visit.person, NOW)) == 1
    assert not await place.db.fetch("select from healthcode.use_key where institution = $1", place.number)


async def test_another_institutions_visit_is_refused(place: Place) -> None:
    elsewhere = Place(place.db, next(_places))
    visit = await elsewhere.newcomer()
    assert await place.refused(visit=visit.visit) == "visit-elsewhere"
    text = dynamic_text(KEYS, "INTL", visit.person, NOW + MINUTE)
    await elsewhere.scan(text, NOW + MINUTE)
    assert await place.refused(code=text) == "visit-elsewhere"


async def test_a_code_that_was_never_verified_is_kept_and_listed(place: Place) -> None:
    who = await person(place.db)
    text = dynamic_text(KEYS, "INTL", who, NOW)
    assert await place.refused(code=text, at=NOW + 20 * MINUTE) == "field-invalid", "shown long before it was used"
    said = await place.report(code=text, serial="H-1", key="u1")
    assert (said.visit, said.person) == ("", who)
    assert [use.kind for use in await uses_of(place.db, who, NOW)] == ["unverified"], "its holder sees it"
    found = await missing(place.db, place.number, NOW + HOUR)
    assert [(one.key, one.serial) for one in found.never_verified] == [("u1", "H-1")]


async def test_what_was_verified_and_never_reported_is_found_after_its_hours(place: Place) -> None:
    reported, forgotten, otherwise = [await place.newcomer(step="0101012") for _ in range(3)]
    await place.report(visit=reported.visit, step="010101")
    await place.report(visit=otherwise.visit, step="010103")  # another step of the visit is not this one
    assert not (await missing(place.db, place.number, NOW + 23 * HOUR)).never_reported
    found = (await missing(place.db, place.number, NOW + 25 * HOUR)).never_reported
    assert {one.ending for one in found} == {visit.visit[-8:] for visit in (forgotten, otherwise)}
    assert all(person_text(forgotten.person) not in repr(one) for one in found)
    await place.report(visit=forgotten.visit, step="0101012", now=NOW + 30 * HOUR)  # late is not too late
    assert len((await missing(place.db, place.number, NOW + 31 * HOUR)).never_reported) == 1
    assert not (await missing(place.db, next(_places), NOW + 25 * HOUR)).never_reported


async def test_a_day_is_counted_anew_each_time(place: Place) -> None:
    visits = [await place.newcomer() for _ in range(9)]
    for visit in visits[:3]:
        await place.report(visit=visit.visit, step="010101", channel="0200")
    await place.newcomer(NOW + timedelta(days=1))  # the next day's
    day = civil_day(NOW)
    for _ in range(2):
        async with place.db.transaction() as c:
            await count_day(c, day, NOW + timedelta(days=2))
    counted = await statistics(place.db, place.number, day, day)
    assert counted.total == Cell("", 9, 6)
    assert counted.total.share == pytest.approx(66.67, abs=0.01)
    assert counted.by_day == (Cell(day.isoformat(), 9, 6),)
    assert counted.by_step == (Cell("010101", 9, 6),)
    nobody = await statistics(place.db, next(_places), day, day)
    assert nobody.total == Cell("", 0, 0)
    assert nobody.total.share is None


async def test_small_numbers_are_not_shown(place: Place) -> None:
    for step in ("010101", "010102", "010102", *["010103"] * 6, *["010104"] * 20):
        await place.newcomer(step=step)
    async with place.db.transaction() as c:
        await count_day(c, civil_day(NOW), NOW + timedelta(days=2))
    counted = await statistics(place.db, place.number, civil_day(NOW), civil_day(NOW))
    assert counted.total.verified == 29
    shown = {cell.key: cell.verified for cell in counted.by_step}
    # 1 and 2 are small; 29 - 6 - 20 would say that they are 3 together, so the 6 is hidden with them.
    assert shown == {"010101": None, "010102": None, "010103": None, "010104": 20}


@given(st.lists(st.integers(0, 30), max_size=12))
def test_no_small_number_can_be_worked_out(numbers: list[int]) -> None:
    cells = protected([(str(n), verified, 0) for n, verified in enumerate(numbers)])
    assert all(cell.verified is None or cell.verified == 0 or cell.verified >= SMALL for cell in cells)
    hidden = sum(v for v, cell in zip(numbers, cells, strict=True) if cell.verified is None)
    if any(cell.verified for cell in cells):
        assert hidden == 0 or hidden >= SMALL
    assert (hidden == 0) == all(v == 0 or v >= SMALL for v in numbers)


async def test_redemptions_go_after_a_day_in_portions(db: Database) -> None:
    place = Place(db, next(_places))
    long_ago = NOW - timedelta(days=40)
    for minute in range(3):
        await place.newcomer(long_ago + minute * MINUTE)
    fresh = await place.newcomer()
    went = [await forget_redemptions(db, NOW - timedelta(days=1), limit=2) for _ in range(3)]
    assert went == [2, 1, 0]
    assert await db.fetch("select from healthcode.redemption where person_id = $1", fresh.person)


def _answers(function: Callable[..., Any]) -> set[str]:
    """The field names of everything a function gives back."""
    seen: set[str] = set()
    waiting = [get_type_hints(function).get("return")]
    while waiting:
        kind = waiting.pop()
        waiting += list(getattr(kind, "__args__", ()))
        if dataclasses.is_dataclass(kind):
            names = {field.name for field in dataclasses.fields(kind)}
            if not names <= seen:
                seen |= names
                waiting += list(get_type_hints(kind).values())
    return seen


def test_nobody_can_ask_who_was_at_a_place() -> None:
    """Whatever is asked by institution, and not of one person or by one's own key, comes back without persons."""
    asked_by_place = []
    for module in (healthcode, healthcode.use, healthcode.use_statistics):
        for name, function in inspect.getmembers(module, inspect.iscoroutinefunction):
            takes = set(inspect.signature(function).parameters)
            if takes & {"institution", "since", "until", "day"} and not takes & {"person", "said", "code", "c"}:
                asked_by_place.append(name)
                assert not _answers(function) & {"person", "visit", "code", "name", "holder"}, name
    assert {"missing", "statistics", "by_institution"} <= set(asked_by_place)
