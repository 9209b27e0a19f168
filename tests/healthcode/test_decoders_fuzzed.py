"""Whatever is scanned, a decoder answers or refuses; Hypothesis looks for a third way. `./dev fuzz` looks longer."""

from __future__ import annotations

import pytest
from decoders import DECODERS, Decoder
from hypothesis import given, settings
from hypothesis import strategies as st

from yima.runtime.errors import Refusal

decoders = pytest.mark.parametrize("decoder", DECODERS.values(), ids=list(DECODERS))


def outcome(decoder: Decoder, data: bytes) -> str:
    try:
        decoder.of_bytes(data)
    except Refusal as refusal:
        return refusal.code
    return "answered"


def answers_or_refuses(decoder: Decoder, data: bytes) -> None:
    assert outcome(decoder, data).startswith(("code-", "credential-", "answered"))


@decoders
@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=600))
def test_any_bytes(decoder: Decoder, data: bytes) -> None:
    answers_or_refuses(decoder, data)


@decoders
@settings(max_examples=150, deadline=None)
@given(chance=st.data())
def test_good_inputs_with_a_piece_changed(decoder: Decoder, chance: st.DataObject) -> None:
    seed = chance.draw(st.sampled_from(decoder.seeds))
    at = chance.draw(st.integers(0, len(seed)))
    length = chance.draw(st.integers(0, 8))
    put = chance.draw(st.binary(max_size=8))
    answers_or_refuses(decoder, seed[:at] + put + seed[at + length :])


@pytest.mark.parametrize("name", ["CBOR", "COSE", "claims", "HC1", "SHC", "device", "any text"])
def test_good_inputs_are_read(name: str) -> None:
    for seed in DECODERS[name].seeds:
        DECODERS[name].of_bytes(seed)


@pytest.mark.parametrize(
    "data",
    [
        b"\x81" * 100_000 + b"\x01",  # nested deeper than any stack
        b"\x9b" + b"\xff" * 8,  # an array of 2**64 items
        b"\x5b\x7f" + b"\xff" * 7 + b"x",  # a string of exabytes
        b"\xa2\x01\x02\x01\x03",  # a key twice
        b"\xa2\x01\x02\xf9\x3c\x00\x03",  # a key that is a float and equals another
        b"\xbf\x01\x02\x01\x03\xff",  # the same, of indefinite length
        b"\xbf\x01\xff",  # a key without a value
        b"\x01\x01",  # something after it
        b"\xff",  # a break of nothing
        b"\x81\xff",
        b"\xc1\xff",
        b"\x7f\x41a\xff",  # bytes inside a text
        b"\x7f\x7f\x61a\xff\xff",  # an indefinite chunk inside one
        b"\x61\xff",  # not UTF-8
        b"\xf8\x20",  # an unknown simple value
        b"\x1c",  # a reserved length
        b"\xa1\x80\x01",  # a list as a key
        b"",
    ],
    ids=range(18),
)
def test_cbor_that_is_refused(data: bytes) -> None:
    with pytest.raises(Refusal) as caught:
        DECODERS["CBOR"].of_bytes(data)
    assert caught.value.code == "code-unreadable"
