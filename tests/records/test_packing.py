"""Packed content: what comes back, of what was ever packed; and what is not unpacked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from importlib.resources import files

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from yima.records.packing import MOST, packed, unpacked
from yima.runtime.errors import Refusal

DEFLATED = "0123368762642b70c8001b7960772b3dddb3f4d99ed5cf1a96bfd8bbe5f996454ab500"
FRAME = "28b52ffd22018058650100b8302253747222e5bca5e6bcabe680a7e8bdb4e7b4a2227d06fc6158087143208234ce72c8511288d2e09703"
CONTENT = '{"resourceType":"Observation","id":"0","status":"final","valueString":"弥漫性轴索"}'.encode()


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: b'{"resourceType":"%b"}' % text.encode()))
def test_what_was_packed_comes_back(content: bytes) -> None:
    assert unpacked(packed(content)) == content


def test_long_content_comes_back_and_short_is_short() -> None:
    assert unpacked(packed(CONTENT * 100_000)) == CONTENT * 100_000
    assert len(packed(CONTENT)) < len(CONTENT) * 0.8


@pytest.mark.parametrize("stored", ["DEFLATED", "FRAME"])
def test_what_was_packed_by_any_release_comes_back(stored: str) -> None:
    assert unpacked(bytes.fromhex({"DEFLATED": DEFLATED, "FRAME": FRAME}[stored])) == CONTENT


def test_the_dictionary_is_never_another() -> None:
    held = files("yima.records").joinpath("content_1.dict").read_bytes()
    assert sha256(held).hexdigest() == "3bfa5af685ccc560c720c7dee9a9ecafd8155b32c18598a51f03c0901094352c"


def _claiming(length: int) -> bytes:
    """A frame that says of its content how long it is (RFC 8878, 3.1.1.1): 8 bytes of length, no dictionary."""
    return bytes.fromhex("28b52ffd e0".replace(" ", "")) + length.to_bytes(8, "little") + b"\x01\x00\x00"


@pytest.mark.parametrize(
    "frame",
    [
        b"", b"{", b"\x02\x00", packed(CONTENT)[:-1], packed(CONTENT)[:3], _claiming(MOST + 1), _claiming(2**64 - 3),
        zstandard.ZstdCompressor(write_content_size=False).compress(CONTENT), bytes.fromhex("01ff"),
        packed(CONTENT) + b"\0", packed(CONTENT) * 2, bytes.fromhex(DEFLATED) + b"\0",
        *(bytes.fromhex(DEFLATED)[:n] for n in (1, 20, 34)),
        zstandard.ZstdCompressor(dict_data=zstandard.train_dictionary(2_000, [CONTENT * 5] * 50)).compress(CONTENT),
    ],
)  # fmt: skip
def test_what_was_not_packed_here_is_not_unpacked(frame: bytes) -> None:
    with pytest.raises(Refusal, match="key-store-invalid"):
        unpacked(frame)


def test_threads_do_not_meet() -> None:
    def work(number: int) -> bool:
        contents = [CONTENT * (number + n) for n in range(1, 40)]
        return all(unpacked(packed(content)) == content for content in contents)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(32)))
