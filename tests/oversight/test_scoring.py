"""What explains a look, what is odd about it, and where it goes: on the list, noted, or nowhere."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from yima.oversight import Care, Circumstances, Look, is_repeated, judge

AT = datetime(2026, 3, 9, 3, tzinfo=UTC)
HOUR = timedelta(hours=1)
HERE = Care("scan", AT - HOUR, "0300", visit="mine")
BESIDE = Care("scan", AT - HOUR, "0500", visit="theirs")


def look(**also: Any) -> Look:
    said = {
        "person": 1, "reader": "practitioner/1", "institution": 1, "department": "0300", "first": AT, "last": AT,
        "lines": 1, "bases": ("visit",), "line": "x",
    }  # fmt: skip
    return Look(**(said | also))


GLASS = {"bases": ("break-glass",)}
CASES = {
    "care in the own department": (look(), [HERE], {}, "withdrawn", ()),
    "care in another": (look(), [BESIDE], {}, "withdrawn", ("other-department",)),
    "another's visit, though the own department saw them too": (
        look(visits=("theirs",)), [HERE, BESIDE], {}, "withdrawn", ("other-department",)),
    "the own visit, though others saw them too": (look(visits=("mine",)), [HERE, BESIDE], {}, "withdrawn", ()),
    "a colleague in another department": (
        look(visits=("theirs",)), [BESIDE], {"colleague": True}, "open", ("other-department", "colleague")),
    "nothing": (look(), [], {}, "open", ("no-relation",)),
    "registered long ago": (look(), [Care("registration", AT - 400 * 24 * HOUR)], {}, "noted", ("known-here-only",)),
    "registered long ago, again and again": (
        look(), [Care("registration", AT - 400 * 24 * HOUR)], {"repeated": True}, "open",
        ("known-here-only", "repeated")),
    "glass without care stands before the officer anyway": (look(**GLASS), [], {}, "noted", ("glass-without-care",)),
    "glass at night is an emergency": (look(**GLASS, first=AT + 14 * HOUR, last=AT + 14 * HOUR), [], {}, "noted",
                                       ("glass-without-care",)),
    "glass for one's own household": (
        look(**GLASS), [], {"household": True}, "open", ("glass-without-care", "household")),
    "glass, submitted the next day": (
        look(**GLASS), [Care("submission", AT + 20 * HOUR)], {"household": True}, "withdrawn", ("household",)),
    "again and again, but explained": (look(), [HERE], {"repeated": True}, "withdrawn", ()),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_where_a_look_goes(name: str) -> None:
    one, cares, about, state, why = CASES[name]
    judged = judge(one, cares, Circumstances(**about))
    assert (judged.state, judged.why) == (state, why)


@pytest.mark.parametrize(
    ("unexplained", "seen", "rate", "repeated"),
    [(2, 2, 0.0, False), (3, 3, 0.02, True), (6, 225, 0.02, False), (14, 225, 0.02, True), (40, 40, 0.1, True)],
)
def test_again_and_again_is_more_than_chance(unexplained: int, seen: int, rate: float, repeated: bool) -> None:
    assert is_repeated(unexplained, seen, rate) is repeated
