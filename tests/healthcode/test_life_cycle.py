"""The life cycle as a table: every event in every state, in Python, in the database and on the page that draws it."""

from __future__ import annotations

import itertools
import re
import sys
from pathlib import Path

import pytest

from yima.healthcode import lifecycle
from yima.healthcode.lifecycle import EVENTS, STATES, TABLE, Before, Refused, next_state
from yima.runtime.database import Database
from yima.runtime.errors import KINDS, Refusal

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
import life_cycle  # noqa: E402  a tool, not a package

PRODUCT = list(itertools.product(STATES, EVENTS))
REFUSALS = {"card-not-found", "card-state", "card-suspended", "card-deceased"}


def test_the_table_has_an_answer_for_every_event_in_every_state() -> None:
    assert set(TABLE) == set(STATES)
    for state, event in PRODUCT:
        step = TABLE[state][event]
        assert isinstance(step, Refused | Before) or step in STATES, (state, event)
        if isinstance(step, Refused):
            assert step.code in REFUSALS & KINDS.keys()
    assert len(PRODUCT) == len(STATES) * len(EVENTS) == 144


@pytest.mark.parametrize(("state", "event"), PRODUCT)
def test_the_function_says_what_the_table_says(state: lifecycle.State, event: lifecycle.Event) -> None:
    step = TABLE[state][event]
    if isinstance(step, Refused):
        with pytest.raises(Refusal) as refusal:
            next_state(state, event, "active")
        assert refusal.value.code == step.code
        assert all(refusal.value.text(lang) and refusal.value.mend(lang) for lang in ("en", "zh"))
    elif isinstance(step, Before):
        assert [next_state(state, event, back) for back in STATES] == list(STATES)
    else:
        assert next_state(state, event) == step


SUSPENDING = [(state, event) for state, event in PRODUCT if TABLE[state][event] == "suspended" and state != "suspended"]


def test_only_the_suspension_of_an_active_card_suspends() -> None:
    assert SUSPENDING == [("active", "suspend")]


def test_nobody_leaves_a_suspension_but_by_its_end_or_by_death() -> None:
    out = {event for event in EVENTS if not isinstance(TABLE["suspended"][event], Refused)}
    moved = {event for event in out if TABLE["suspended"][event] != "suspended"}
    assert moved == {"end-suspension", "report-death"}


def test_only_who_asks_again_revives_a_cancelled_card() -> None:
    assert {event for event in EVENTS if TABLE["cancelled"][event] == "active"} == {"restore"}


def test_a_death_is_undone_by_one_event_only() -> None:
    alive = {event for event in EVENTS if TABLE["deceased"][event] not in ("deceased",)}
    assert {e for e in alive if not isinstance(TABLE["deceased"][e], Refused)} == {"undo-death"}


def test_every_state_can_be_reached_from_no_card() -> None:
    reached, edges = {"none"}, {(was, became) for _, was, became in lifecycle.moves()}
    while more := {b for a, b in edges if a in reached} - reached:
        reached |= more
    assert reached == set(STATES)


async def test_the_database_holds_the_same_moves(db: Database) -> None:
    held = {tuple(row.values()) for row in await db.fetch("select event, was, became from healthcode.card_move")}
    assert held == set(lifecycle.moves())


def test_the_page_draws_the_table() -> None:
    page = (ROOT / "docs" / "healthcode" / "life-cycle.md").read_text(encoding="utf-8")
    assert life_cycle.written(page) == page, "run python tools/life_cycle.py"


def test_no_other_statement_writes_the_standing_of_a_card() -> None:
    """Every text of SQL in the package: who writes to the card table is the functions of the migration, and `issue`."""
    writes = re.compile(
        r"(?:update|delete\s+from|insert\s+into|truncate|merge\s+into|copy)\s+(?:only\s+)?(?:healthcode\.)?card\b(?!_)",
        re.IGNORECASE,
    )
    found = {}
    for path in (ROOT / "src" / "yima").rglob("*"):
        if path.suffix in (".sql", ".py"):
            text = re.sub(r"--[^\n]*", "", path.read_text(encoding="utf-8"))
            if hits := writes.findall(text):
                found[path.name] = len(hits)
    assert found == {"queries.sql": 1, "0003_lifecycle.sql": 5}
    issue = (ROOT / "src/yima/healthcode/queries.sql").read_text(encoding="utf-8").split("-- name: ")[1]
    assert issue.startswith("issue\n")
    assert "insert into healthcode.card (person_id, card_id, number, profile, issued, kind)" in issue
