"""Acting for somebody else: ages to the second, scopes, ends, and the reasons given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yima import consent
from yima.consent import CLASSES, Mandate, age_reached, may_act
from yima.consent.mandate import BASICS
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.ids import new_person_id

CHINA = timezone(timedelta(hours=8))
NOW = datetime(2026, 3, 2, 9, 7, 3, tzinfo=UTC)
SECOND = timedelta(seconds=1)
WHAT = ("show-code", "manage-card", "see-record", "decide")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


def mandate(**also: Any) -> Mandate:
    made = {
        "mandate": "m", "person": 1, "agent": 2, "kind": "given", "scopes": frozenset(consent.SCOPES),
        "starts": NOW - timedelta(days=1), "ends": NOW + timedelta(days=1), "ended": None, "evidence": "in-person",
        "born": "1950-01-01",
    }  # fmt: skip
    return Mandate(**(made | also))


def guardian(born: str, **also: Any) -> Mandate:
    return mandate(**{"kind": "guardian", "ends": None, "starts": at("2000-01-01"), "born": born} | also)


def codes(acting: consent.Acting) -> list[str]:
    return [step.code for step in acting.reasons]


@pytest.mark.parametrize(
    ("born", "years", "moment"),
    [
        ("2012-05-07", 14, "2026-05-07"),
        ("2012-02-29", 14, "2026-03-01"),
        ("2012-02-29", 18, "2030-03-01"),
        ("2010-02-28", 18, "2028-02-28"),
        ("2010-03-01", 18, "2028-03-01"),
        ("2008-02-29", 20, "2028-02-29"),
        ("2012-12-31", 18, "2030-12-31"),
        ("2012-01-01", 18, "2030-01-01"),
        ("2012-02-29", 100, "2112-02-29"),
        ("2000-02-29", 100, "2100-03-01"),
        ("2012-05", 14, "2026-05-01"),
        ("2012", 14, "2026-01-01"),
    ],
)
def test_an_age_is_reached_at_midnight_in_china(born: str, years: int, moment: str) -> None:
    assert age_reached(born, years) == at(moment)


@pytest.mark.parametrize(
    "born", ["", "unknown", "2012-02-30", "2011-02-29", "2012-13-01", "12-05-07-01", "-", "2012--1"]
)
def test_a_birth_date_that_is_none_gives_no_age(born: str) -> None:
    assert age_reached(born, 14) is None
    assert not may_act([guardian(born)], 2, 1, "show-code", NOW).permit


@pytest.mark.parametrize(("born", "day"), [("2012-05-07", "2026-05-07"), ("2012-02-29", "2026-03-01")])
def test_privacy_begins_at_fourteen(born: str, day: str) -> None:
    turn = at(day)
    for what in WHAT:
        before = may_act([guardian(born)], 2, 1, what, turn - SECOND)  # type: ignore[arg-type]
        assert (before.permit, before.closed, before.only_types) == (True, frozenset(), None)
        after = may_act([guardian(born)], 2, 1, what, turn)  # type: ignore[arg-type]
        assert after.permit is (what != "decide")
        assert "teenagers-privacy" in codes(after)
        if after.permit:
            assert (after.closed, after.only_types) == (frozenset(CLASSES), BASICS)
        open_ = may_act([guardian(born)], 2, 1, what, turn, private_teens=False)  # type: ignore[arg-type]
        assert (open_.permit, open_.closed, open_.only_types) == (True, frozenset(), None)


@pytest.mark.parametrize(("born", "day"), [("2012-05-07", "2030-05-07"), ("2012-02-29", "2030-03-01")])
@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize("what", WHAT)
def test_guardianship_ends_at_eighteen_by_itself(born: str, day: str, private: bool, what: Any) -> None:
    turn = at(day)
    before = may_act([guardian(born)], 2, 1, what, turn - SECOND, private_teens=private)
    after = may_act([guardian(born)], 2, 1, what, turn, private_teens=private)
    assert before.permit is (what != "decide" or not private)
    assert (after.permit, codes(after)) == (False, ["guardian", "of-age"])


@pytest.mark.parametrize(
    ("scopes", "allowed"),
    [
        ({"show-code"}, {"show-code"}),
        ({"see-record"}, {"see-record"}),
        ({"decide"}, {"decide", "manage-card"}),
        ({"show-code", "see-record", "decide"}, set(WHAT)),
    ],
)
def test_a_mandate_covers_what_it_says(scopes: set[str], allowed: set[str]) -> None:
    given_ = [mandate(scopes=frozenset(scopes))]
    assert {what for what in WHAT if may_act(given_, 2, 1, what, NOW).permit} == allowed  # type: ignore[arg-type]
    refused = may_act([mandate(scopes=frozenset({"decide"}))], 2, 1, "see-record", NOW)
    assert codes(refused) == ["given", "not-in-mandate"]
    assert may_act(given_, 2, 1, next(iter(allowed)), NOW).closed == frozenset(CLASSES)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "moment", "reason"),
    [
        ({"starts": NOW}, NOW - SECOND, "mandate-not-begun"),
        ({"starts": NOW}, NOW, None),
        ({"ends": NOW}, NOW - SECOND, None),
        ({"ends": NOW}, NOW, "mandate-over"),
        ({"ended": NOW}, NOW - SECOND, None),
        ({"ended": NOW}, NOW, "mandate-ended"),
        ({"void": "kept-apart"}, NOW - SECOND, "kept-apart"),
        ({"void": "agent-deceased"}, NOW - SECOND, "agent-deceased"),
    ],
)
@pytest.mark.parametrize("kind", ["given", "guardian"])
def test_a_mandate_counts_between_its_ends(change: dict[str, Any], moment: datetime, reason: Any, kind: str) -> None:
    found = may_act([mandate(kind=kind, born="2020-01-01", **change)], 2, 1, "show-code", moment)
    assert found.permit is (reason is None)
    assert reason is None or reason in codes(found)


PEOPLE = st.integers(1, 3)
MANDATES = st.lists(
    st.builds(
        mandate,
        person=PEOPLE,
        agent=PEOPLE,
        kind=st.sampled_from(["given", "guardian"]),
        born=st.sampled_from(["1950-01-01", "2010-06-01", "2020-06-01", "", "2010"]),
        scopes=st.frozensets(st.sampled_from(consent.SCOPES), min_size=1),
        ended=st.sampled_from([None, NOW - SECOND]),
    ),
    max_size=4,
)


@given(MANDATES, PEOPLE, PEOPLE, st.sampled_from(WHAT))
def test_nobody_acts_without_a_ground(mandates: list[Mandate], agent: int, person: int, what: Any) -> None:
    found = may_act(mandates, agent, person, what, NOW)
    assert found.reasons
    if agent == person:
        assert found.permit
        return
    ours = [m for m in mandates if (m.agent, m.person) == (agent, person)]
    assert found.permit is any(may_act([m], agent, person, what, NOW).permit for m in ours)
    assert found.permit is (found.mandate != "")
    if found.permit:
        assert all(
            not one.permit or (one.only_types is None) <= (found.only_types is None)
            for one in (may_act([m], agent, person, what, NOW) for m in ours)
        )


# --- kept in the database ---------------------------------------------------------------------------------------------


def giving(**also: Any) -> consent.Giving:
    made = {
        "person": new_person_id(), "born": "1950-01-01", "agent": new_person_id(), "agent_born": "1985-01-01",
        "kind": "given", "scopes": ["show-code"], "ends": NOW + timedelta(days=30), "evidence": "in-person",
        "recorded_by": "practitioner/1",
    }  # fmt: skip
    return consent.Giving(**(made | also))


async def give(db: Database, one: consent.Giving) -> str:
    async with db.transaction() as c:
        return await consent.give(c, one, NOW)


async def test_a_mandate_is_found_from_both_sides(db: Database) -> None:
    one = giving()
    made = await give(db, one)
    of_agent = await consent.mandates_of_agent(db, one.agent)
    assert of_agent == await consent.mandates_for(db, one.person)
    assert [(m.mandate, m.person, m.agent, m.scopes) for m in of_agent] == [
        (made, one.person, one.agent, frozenset({"show-code"}))
    ]
    async with db.transaction() as c:
        assert await consent.end_mandate(c, made, "resident/x", NOW) == one.agent
        assert await consent.end_mandate(c, made, "resident/x", NOW) is None
    (ended,) = await consent.mandates_for(db, one.person)
    assert ended.ended == NOW
    assert not may_act([ended], one.agent, one.person, "show-code", NOW).permit


@pytest.mark.parametrize(
    ("also", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["everything"]}, "scopes"),
        ({"evidence": "a letter"}, "evidence"),
        ({"ends": None}, "ends"),
        ({"ends": NOW}, "ends"),
        ({"ends": NOW + timedelta(days=5 * 366 + 1)}, "ends"),
        ({"agent_born": "2010-01-01"}, "agent"),
        ({"agent_born": ""}, "agent"),
        ({"agent_born": "2008-03-03"}, "agent"),
        ({"person": 5, "agent": 5}, "agent"),
        ({"kind": "guardian"}, "kind"),
        ({"born": "2012-03-03"}, "kind"),
        ({"kind": "guardian", "born": "2008-03-02"}, "kind"),
        ({"kind": "guardian", "born": ""}, "kind"),
    ],
)
async def test_a_mandate_that_cannot_be(db: Database, also: dict[str, Any], field: str) -> None:
    one = giving(**also)
    with pytest.raises(Refusal) as refusal:
        await give(db, one)
    assert (refusal.value.code, refusal.value.field) == ("field-invalid", field)
    assert await consent.mandates_for(db, one.person) == []


async def test_a_guardian_has_no_end_but_the_birthday(db: Database) -> None:
    one = giving(kind="guardian", born="2008-03-03", ends=NOW + timedelta(days=1), evidence="birth-certificate")
    await give(db, one)
    (kept,) = await consent.mandates_for(db, one.person)
    assert (kept.kind, kept.ends) == ("guardian", None)
