"""Decisions by purpose, period and single item: tables of what counts, and how they are kept."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from yima.consent import (
    ITEM,
    NEWEST,
    WORDINGS,
    Ask,
    Standing,
    Visit,
    closed_to_all,
    decide,
    decided,
    put,
    standing_of,
    without_names,
)
from yima.directory import Caller
from yima.runtime import ids
from yima.runtime.database import Database
from yima.runtime.errors import Refusal

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
HERE, ELSEWHERE, PERSON = 7, 8, 1
ONE, OTHER = "Observation/1", "Observation/2"
DOCTOR = Caller(kind="practitioner", agent_id="1", institution=HERE, role="attending-physician")


def said(permit: bool, cls: str = "all", institution: int = 0, purpose: str = "", resource: str = "") -> Standing:
    return Standing(cls, institution, permit, purpose=purpose, resource=resource)


def item(permit: bool, institution: int = 0, purpose: str = "", resource: str = ONE) -> Standing:
    return said(permit, ITEM, institution, purpose, resource)


CASES: list[tuple[str, list[Standing], str, bool, set[str], set[str]]] = [
    # what was decided, purpose of the visit, permitted, opened classes, items held back
    ("nothing", [], "treatment", True, set(), set()),
    ("opted out", [said(False)], "treatment", False, set(), set()),
    ("out but for here", [said(False), said(True, institution=HERE)], "treatment", True, set(), set()),
    ("out but for elsewhere", [said(False), said(True, institution=ELSEWHERE)], "treatment", False, set(), set()),
    ("not here", [said(False, institution=HERE)], "treatment", False, set(), set()),
    ("not for treatment", [said(False, purpose="treatment")], "treatment", False, set(), set()),
    ("not for emergencies", [said(False, purpose="emergency-treatment")], "treatment", True, set(), set()),
    ("not for treatment, in an emergency", [said(False, purpose="treatment")], "emergency-treatment", True, set(),
     set()),
    ("here, but not to treat", [said(True, institution=HERE), said(False, institution=HERE, purpose="treatment")],
     "treatment", False, set(), set()),
    ("institution before purpose", [said(True, institution=HERE), said(False, purpose="treatment")], "treatment", True,
     set(), set()),
    ("a class to treat", [said(True, "hiv", purpose="treatment")], "treatment", True, {"hiv"}, set()),
    ("a class not for this", [said(True, "hiv", purpose="treatment")], "emergency-treatment", True, set(), set()),
    ("exports", [said(False, purpose="public-health")], "treatment", True, set(), set()),
    ("an item", [item(False)], "treatment", True, set(), {ONE}),
    ("an item, not here", [item(False, HERE), item(False, ELSEWHERE, resource=OTHER)], "treatment", True, set(), {ONE}),
    ("an item, but for here", [item(False), item(True, HERE)], "treatment", True, set(), set()),
    ("an item to treat", [item(False, purpose="treatment")], "treatment", True, set(), {ONE}),
    ("two of merged persons", [item(False), item(True)], "treatment", True, set(), {ONE}),
]  # fmt: skip


@pytest.mark.parametrize(("standing", "purpose", "permit", "opened", "held"), [case[1:] for case in CASES],
                         ids=[case[0] for case in CASES])  # fmt: skip
def test_what_counts(standing: list[Standing], purpose: str, permit: bool, opened: set[str], held: set[str]) -> None:
    visit = Visit(PERSON, HERE, "dynamic", NOW + DAY, purpose)
    decision = decide(Ask(DOCTOR, PERSON, "", visit), standing, NOW)
    assert decision.permit is permit
    assert decision.withheld == held
    assert {step.about for step in decision.reasons if step.code == "resident-opened"} == opened
    assert ("items-held-back" in {step.code for step in decision.reasons}) is bool(held)
    assert not any(ONE in step.about for step in decision.reasons), "the reason never says which"


def test_a_decision_counts_in_its_period() -> None:
    visit = Visit(PERSON, HERE, "dynamic", NOW + 9 * DAY)
    standing = [Standing("all", 0, False, NOW + 2 * DAY, NOW + DAY)]
    seen = [decide(Ask(DOCTOR, PERSON, "treatment", visit), standing, NOW + n * DAY).permit for n in range(4)]
    assert seen == [True, False, True, True]


def test_emergency_opens_what_was_closed_but_for_the_classes() -> None:
    visit = Visit(PERSON, HERE, "break-glass", NOW + DAY, "emergency-treatment")
    decision = decide(Ask(DOCTOR, PERSON, "emergency-treatment", visit), [said(False), item(False)], NOW)
    assert (decision.permit, decision.withheld, len(decision.closed)) == (True, frozenset(), 3)


def test_exports_without_names_and_cards() -> None:
    assert without_names([], NOW) == (True, frozenset())
    assert without_names([said(False, purpose="public-health")], NOW)[0] is False
    assert without_names([said(False, purpose="treatment")], NOW)[0] is True
    assert without_names([item(False), item(False, HERE, resource=OTHER)], NOW) == (True, {ONE})
    assert closed_to_all([item(False, purpose="treatment"), item(False, HERE, resource=OTHER)], NOW) == {ONE}


async def test_kept_and_taken_back(db: Database) -> None:
    person = ids.new_person_id()
    async with db.transaction() as c:
        await put(c, person, item(False, HERE), agent="resident", now=NOW)
        await put(c, person, said(False, purpose="treatment"), agent="resident", now=NOW)
        await put(c, person, Standing("hiv", 0, True, starts=NOW + DAY), agent="resident", now=NOW)
    assert set(await standing_of(db, [person], NOW)) == {item(False, HERE), said(False, purpose="treatment")}
    coming = Standing("hiv", 0, True, starts=NOW + DAY)
    shown = await decided(db, [person], NOW)
    assert {one.standing for one in shown} == {item(False, HERE), said(False, purpose="treatment"), coming}
    assert {(one.wording, one.agent) for one in shown} == {(NEWEST, "resident")}
    async with db.transaction() as c:
        await put(c, person, item(False, HERE), agent="resident", now=NOW + DAY, withdrawn=True)
    assert set(await standing_of(db, [person], NOW + DAY)) == {said(False, purpose="treatment"), coming}
    assert item(False, HERE) in await standing_of(db, [person], NOW), "that day is answered as it was"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (said(True, "cancer"), "class"),
        (said(True, "hiv", resource=ONE), "resource"),
        (said(True, ITEM), "resource"),
        (item(True, resource="observation/1"), "resource"),
        (item(True, resource="Observation/1/_history/2"), "resource"),
        (item(True, resource="Observation/\x00"), "resource"),
        (said(True, purpose="payment"), "purpose"),
        (Standing("all", 0, True, NOW), "ends"),
        (Standing("all", 0, True, NOW + DAY, NOW + 2 * DAY), "ends"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_no_decision(db: Database, wrong: Standing, field: str) -> None:
    with pytest.raises(Refusal) as caught:
        async with db.transaction() as c:
            await put(c, ids.new_person_id(), wrong, agent="resident", now=NOW)
    assert (caught.value.code, caught.value.field) == ("field-invalid", field)


PUBLISHED = {"2026-11": "16c724154fd57b56"}


def test_a_published_wording_is_never_changed() -> None:
    """A new text is a new version: add it here too."""
    made = {
        version: hashlib.sha256("\n".join((*words.zh, *words.en)).encode()).hexdigest()[:16]
        for version, words in WORDINGS.items()
    }
    assert made == PUBLISHED
    assert all(len(words.zh) == len(words.en) for words in WORDINGS.values())
