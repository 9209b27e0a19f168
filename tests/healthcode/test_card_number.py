"""The 16-digit number: every single mistake of a clerk is found."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yima.healthcode import grouped, parse_number
from yima.healthcode.number import new_number
from yima.runtime.errors import Refusal

numbers = st.integers(0, 9 * 10**13 - 1).map(lambda n: new_number(lambda _: n))


@given(numbers)
def test_a_number_reads_back_however_it_is_typed(number: str) -> None:
    assert len(number) == 16
    assert number[0] != "0"
    shown = grouped(number)
    assert shown.count(" ") == 3
    assert parse_number(shown) == parse_number(f" {shown.replace(' ', '-')}\n") == number


@given(numbers, st.integers(0, 15), st.integers(1, 9))
def test_a_wrong_digit_is_found(number: str, at: int, add: int) -> None:
    wrong = number[:at] + str((int(number[at]) + add) % 10) + number[at + 1 :]
    with pytest.raises(Refusal) as refusal:
        parse_number(wrong)
    assert refusal.value.code == "field-invalid"


@given(numbers, st.integers(0, 14))
def test_two_neighbours_exchanged_are_found(number: str, at: int) -> None:
    swapped = number[:at] + number[at + 1] + number[at] + number[at + 2 :]
    if swapped != number:
        with pytest.raises(Refusal):
            parse_number(swapped)


@pytest.mark.parametrize("text", ["", "1234", "0" * 16, "x" * 16, "１" * 16, "9" * 17, "²" * 16, "1e15", "-" * 16])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as refusal:
        parse_number(text)
    assert refusal.value.code == "field-invalid"
    assert not text or text not in str(refusal.value)
