"""Generations of hash keys: layers that turn into one another, steps of a rotation, key stores of before."""

from __future__ import annotations

import asyncio
import secrets
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from yima.runtime.blinding import INNER, Hashes
from yima.runtime.errors import Refusal
from yima.runtime.keys import FileKeyStore, Vault
from yima.runtime.layers import Layer, Turn, short_bytes
from yima.runtime.moments import moment

ONE, TWO, FIVE = (Layer(number, secrets.token_bytes(32)) for number in (1, 2, 5))
SHORTS = st.lists(st.integers(-(1 << 63), (1 << 63) - 1), max_size=70)


@given(st.binary(min_size=16, max_size=16))
def test_a_long_hash_is_turned_without_its_value(inner: bytes) -> None:
    turn, stored = Turn(ONE, TWO), ONE.long(inner)
    assert ONE.inner(stored) == inner != stored[1:]
    assert turn.long(stored) == TWO.long(inner) != stored
    assert turn.long(turn.long(stored)) == turn.long(stored), "turning twice changes nothing"
    low, high = ONE.range
    assert low <= stored < high <= TWO.long(inner)
    assert (ONE.has(stored), TWO.has(stored), ONE.has(stored[1:])) == (True, False, False)


@given(SHORTS)
def test_short_hashes_are_turned_without_their_values(inner: list[int]) -> None:
    turn, stored = Turn(ONE, TWO), ONE.shorts(inner)
    assert ONE.inner_shorts(stored) == [one & ((1 << 62) - 1) for one in inner]
    assert turn.shorts(stored) == TWO.shorts(inner)
    mixed = [one for pair in zip(stored, TWO.shorts(inner), strict=True) for one in pair]
    assert turn.shorts(mixed) == [one for one in TWO.shorts(inner) for _ in range(2)]
    for layer, shorts in ((ONE, stored), (TWO, TWO.shorts(inner)), (FIVE, FIVE.shorts(inner))):
        low, high = layer.short_range
        assert all(low <= one <= high and layer.has_short(one) for one in shorts)
        assert all(short_bytes(one)[0] >> 6 == layer.tag for one in shorts)
    assert [turn.short_bytes(short_bytes(one)) for one in stored] == [short_bytes(one) for one in TWO.shorts(inner)]


def test_short_hashes_of_one_batch_are_those_of_many() -> None:
    inner = list(range(-20, 20))
    assert [ONE.shorts([one])[0] for one in inner] == ONE.shorts(inner)
    assert len(set(ONE.shorts(inner))) == len(inner)


def test_a_rotation_has_three_steps_that_every_worker_sees(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    vault = Vault(FileKeyStore(path))

    def worker() -> Vault:
        return Vault(FileKeyStore(path))

    first, seen, shorts = vault.blind("p", "1"), worker(), vault.hashes.shorts([7])
    assert (vault.hashes.forms(first), vault.hashes.several, vault.hashes.turn) == ((first,), False, None)
    assert vault.hashes.announce() == vault.hashes.announce() == 2
    other = worker()
    assert (other.blind("p", "1"), len(other.hashes.forms(first)), other.hashes.turn) == (first, 2, None)
    vault.hashes.write(2)
    writing = worker()
    second = writing.blind("p", "1")
    assert second != first
    assert writing.hashes.forms(first) == writing.hashes.forms(second) == (second, first)
    assert writing.hashes.now(first) == second
    assert set(other.hashes.forms(first)) == {first, second}, "one that is a step behind asks for both"
    assert writing.hashes.short_forms(writing.hashes.shorts([7])[0])[1:] == shorts
    assert len(writing.hashes.asked_tokens) == 2
    vault.hashes.settle(2)
    assert worker().hashes.forms(second) == (second,)
    for number in (2, 3):
        with pytest.raises(Refusal, match="in use"):
            vault.hashes.forget(number)
    vault.hashes.ask_again(1)
    assert vault.hashes.asked == [1, 2]
    with pytest.raises(Refusal, match="in use"):
        vault.hashes.forget(1)
    vault.hashes.settle(2)
    vault.hashes.forget(1)
    assert (worker().hashes.held, worker().hashes.asked, worker().blind("p", "1")) == ([2], [2], second)
    with pytest.raises(Refusal, match="not in the key file"):
        vault.hashes.ask_again(1)
    assert seen.steady("p", "1") == worker().steady("p", "1"), "no rotation changes it"


def test_a_key_store_of_before_keeps_its_hashes(tmp_path: Path) -> None:
    store = FileKeyStore(tmp_path / "keys.json")
    store.secret(INNER)
    vault = Vault(store)
    assert vault.blind("p", "1") == vault.steady("p", "1")
    assert vault.hashes.shorts([-5, 7]) == [-5, 7]
    assert (vault.hashes.written, vault.hashes.held, vault.hashes.forms(b"x" * 16)) == (0, [], (b"x" * 16,))
    assert vault.hashes.tokens == store.secret("records/index/1")
    with pytest.raises(Refusal, match="no generations"):
        Hashes(store).announce()


def test_no_two_held_keys_have_the_same_two_bits(tmp_path: Path) -> None:
    """Four rotations, and nothing forgotten: the fifth key would take the first one's hashes for its own."""
    vault = Vault(FileKeyStore(tmp_path / "keys.json"))
    for number in (2, 3, 4):
        assert vault.hashes.announce() == number
        vault.hashes.write(number)
        vault.hashes.settle(number)
    with pytest.raises(Refusal, match="forget-index 1") as refused:
        vault.hashes.announce()
    assert refused.value.code == "key-change-refused"
    assert vault.hashes.held == [1, 2, 3, 4]
    written = vault.hashes.shorts([7, 8])
    for number in (1, 2, 3):
        assert vault.hashes.turn_from(number).shorts(written) == written, "what is written is of no older key"
    vault.hashes.forget(1)
    assert vault.hashes.announce() == 5


def test_who_ends_an_earlier_rotation_ends_no_later_one(tmp_path: Path) -> None:
    """Two operators: one finishes key 2 while the other has begun with key 3, whose rows are not turned yet."""
    vault = Vault(FileKeyStore(tmp_path / "keys.json"))
    hashes, held = vault.hashes, vault.hashes.announce()
    hashes.write(held)
    hashes.settle(held)
    hashes.write(hashes.announce())
    hashes.settle(held)
    assert (hashes.written, hashes.asked) == (3, [2, 3])


async def test_a_transaction_keeps_the_key_it_began_with(tmp_path: Path) -> None:
    """And so does a task of it, until it is over."""
    vault = Vault(FileKeyStore(tmp_path / "keys.json"))
    first = vault.blind("p", "1")
    go = asyncio.Event()

    async def child() -> tuple[bytes, bytes]:
        within = vault.blind("p", "1")
        await go.wait()
        return within, vault.blind("p", "1")

    with moment():
        assert vault.blind("p", "1") == first
        number = vault.hashes.announce()
        vault.hashes.write(number)
        task = asyncio.create_task(child())
        await asyncio.sleep(0.06)
        assert vault.blind("p", "1") == first
        with moment():
            second = vault.blind("p", "1")
        assert vault.blind("p", "1") == first
    go.set()
    assert vault.blind("p", "1") == second != first
    assert await task == (first, second)
