"""Base45 against the examples of RFC 9285 and against itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yima.healthcode import base45
from yima.runtime.errors import Refusal


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581"), (b"ietf!", "QED8WEX0"), (b"", "")],
)
def test_the_examples_of_rfc_9285(data: bytes, text: str) -> None:
    assert base45.encode(data) == text
    assert base45.decode(text) == data


@given(st.binary(max_size=80))
def test_every_byte_string_comes_back(data: bytes) -> None:
    assert base45.decode(base45.encode(data)) == data


@pytest.mark.parametrize(
    "text", ["A", "BB8A", "GGW", ":::", "::", "GGWGGW", "bb8", "BB8\n", "Ａ00", "A\x000", "\ud800"]
)
def test_what_is_not_base45_is_unreadable(text: str) -> None:
    with pytest.raises(Refusal) as refusal:
        base45.decode(text)
    assert refusal.value.code == "code-unreadable"


@given(st.text(max_size=60))
def test_any_text_is_decoded_or_refused(text: str) -> None:
    try:
        data = base45.decode(text)
    except Refusal as refusal:
        found = refusal.code
    else:
        found = base45.encode(data)
    assert found in ("code-unreadable", text)
