"""Expressions of clients: as Python's own engine matches them, in time linear in the text."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yima.runtime.errors import Refusal
from yima.terminology.pattern import Pattern

PIECES = st.recursive(
    st.sampled_from(["a", "b", "[ab]", "[^a]", ".", r"\d", r"\w", "c", "[a-c1]", r"\."]),
    lambda inner: (
        st.tuples(inner, inner).map("".join)
        | st.tuples(inner, inner).map(lambda p: f"({p[0]}|{p[1]})")
        | st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}"])).map(
            lambda p: f"(?:{p[0]}){p[1]}"
        )
    ),
    max_leaves=8,
)


@given(PIECES, st.lists(st.text("abc1.", max_size=8), max_size=8))
def test_it_matches_as_others_do(expression: str, texts: list[str]) -> None:
    try:
        pattern = Pattern(expression)
    except Refusal:
        return  # too large, written out
    for text in texts:
        assert pattern.matches(text) is bool(re.fullmatch(expression, text)), (expression, text)


def test_what_would_take_others_for_ever_ends() -> None:
    began = time.process_time()
    assert not Pattern("(a|a)*(a+)+(a?){20}a{20}").matches("a" * 900 + "b")
    assert time.process_time() - began < 20  # a backtracking engine would take longer than the universe has lasted


@pytest.mark.parametrize(
    "expression",
    ["(", ")", "a)", "[a", "*", "a**", "a{", "a{x}", "a{3,1}", "a{0}", "a{99999}", r"(a)\1", "(?=a)", "(?P<n>a)",
     "\\", r"\b", "[b-a]", "(" * 30 + "a" + ")" * 30, "a" * 201, "((((a{99}){99}){99}){99})"],
)  # fmt: skip
def test_what_is_not_in_the_subset_is_refused(expression: str) -> None:
    with pytest.raises(Refusal, match="field-invalid"):
        Pattern(expression)


def test_anchors_say_what_is_so_anyway() -> None:
    assert Pattern("^[A-Z]{2}$").matches("CN")
    assert not Pattern("^[A-Z]{2}$").matches("CNX")
    assert Pattern(r"a\$").matches("a$")
    assert not Pattern("a*").matches("a" * 1001)
