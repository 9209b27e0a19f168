"""Keyed hashes that can change their key although nobody knows any more what was hashed.

What is stored is a keyed hash of a value under a layer: the hash, encrypted by the key of a generation. The key of the
hash stays for ever, that of the layer is changed: who knows the old layer and the new one turns a stored hash into what
it is under the new, without the value. Without the key of its layer a hash cannot be tried out, whatever else is known.

A stored hash says its generation: a long one (17 bytes) by its first byte, a short one (64 bits) by its top two bits.
So it is seen at any time what is still to be turned, and turning twice changes nothing.

A rotation has three steps, each of which must have reached every worker before the next (ADR 0032):

1. `announce`: everybody asks for both forms and writes the old one.
2. `write`: everybody asks for both and writes the new one. Now what is stored is turned.
3. `settle`: everybody asks for the new one only; the old key can be destroyed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from time import monotonic
from typing import Final

from yima.runtime.errors import Refusal
from yima.runtime.key_store import KeyStore
from yima.runtime.layers import TAGS, Layer, Turn, short_bytes, short_of
from yima.runtime.moments import unchanging

INNER: Final = "vault/blind-index/1"
"""The key of the hashes themselves."""
_LAYER: Final = "vault/index"
_WRITTEN: Final = "vault/index-written"
_ONLY: Final = "vault/index-only"
"""Not keys but marks: the highest number under these names is the generation that is written, and the oldest that is
asked for. Marks, because all that a key store of several workers tells is which names it holds."""
_MOST: Final = 255
_LOOK: Final = 0.05
"""Seconds after which a worker looks at the key store again."""


@dataclass(frozen=True, slots=True)
class _State:
    """What the key store says: the generation that is written, None in a key store of before there were any; and those
    that are asked for besides."""

    written: Layer | None
    others: tuple[Layer, ...]
    tokens: bytes


class Hashes:
    """The generations of one key store. What another process changes there counts here 0.05 s later, and for what is in
    a transaction from the next one on."""

    def __init__(self, store: KeyStore) -> None:
        self._store = store
        if store.held(INNER) is None:  # a new key store; others' hashes have no layer, and stay as they are
            store.secret(f"{_LAYER}/1")
        self._layer = lru_cache(8)(Layer)
        self._until, self._edition = 0.0, -1
        self._held = _State(None, (), b"")

    # --- what is stored, and what is asked for ------------------------------------------------------------------------

    def long(self, inner: bytes) -> bytes:
        """A hash of 16 bytes as it is written."""
        layer = self._state().written
        return layer.long(inner) if layer else inner

    def forms(self, long: bytes) -> tuple[bytes, ...]:
        """All forms in which a stored hash may be found: while a rotation goes on two, the written one first."""
        state = self._state()
        if not state.others:
            return (long,)
        inner = next((one.inner(long) for one in self._asked(state) if one.has(long)), None)
        return (long,) if inner is None else tuple(one.long(inner) for one in self._asked(state))

    def now(self, long: bytes) -> bytes:
        """A stored hash in the form that is written: what is compared with `Vault.blind`."""
        return self.forms(long)[0]

    def shorts(self, inner: Sequence[int]) -> list[int]:
        """64-bit hashes as they are written."""
        layer = self._state().written
        return layer.shorts(inner) if layer else list(inner)

    def other_shorts(self, shorts: Sequence[int]) -> list[list[int]]:
        """The other forms in which these, as they are written, may be found; nothing while no rotation goes on."""
        state = self._state()
        if not state.others or state.written is None:
            return []
        inner = state.written.inner_shorts(shorts)
        return [layer.shorts(inner) for layer in state.others]

    def short_forms(self, short: int) -> list[int]:
        """`forms` of a short hash as it is written."""
        return [short, *(found for (found,) in self.other_shorts([short]))]

    def shorts_now(self, stored: Sequence[int]) -> list[int]:
        """Stored short hashes in the form that is written."""
        state = self._state()
        for layer in state.others:
            if state.written:
                stored = Turn(layer, state.written).shorts(stored)
        return list(stored)

    def short_bytes_now(self, stored: bytes) -> bytes:
        """The same of one that is stored as 8 bytes."""
        return short_bytes(self.shorts_now([short_of(stored)])[0]) if self._state().others else stored

    @property
    def tokens(self) -> bytes:
        """The key of the search tokens that are written, 32 bytes."""
        return self._state().tokens

    @property
    def asked_tokens(self) -> tuple[bytes, ...]:
        """The keys of the search tokens that are asked for, the written one first."""
        state = self._state()
        return (state.tokens, *(one.tokens for one in state.others))

    @property
    def several(self) -> bool:
        """Whether stored hashes may have more than one form: a rotation goes on."""
        return bool(self._state().others)

    @property
    def turn(self) -> Turn | None:
        """What writers do to what they touch while a rotation goes on; None otherwise."""
        return next(iter(self.turns), None)

    @property
    def turns(self) -> list[Turn]:
        """From every older generation that is asked for; mostly one, or none."""
        state, new = self._state(), self._state().written
        return [Turn(one, new) for one in state.others if new and one.number < new.number]

    def turn_from(self, number: int) -> Turn:
        """From a generation that is held, whether it is asked for or not."""
        old, new = self._store.held(f"{_LAYER}/{number}"), self._state(look=True).written
        if new is None or old is None:
            raise Refusal("key-store-invalid", field="vault", reason=f"hash key {number} is not in the key file")
        return Turn(self._layer(number, old), new)

    # --- rotation -----------------------------------------------------------------------------------------------------

    @property
    def written(self) -> int:
        """The generation that is written; 0 in a key store of before there were any."""
        layer = self._state(look=True).written
        return layer.number if layer else 0

    @property
    def asked(self) -> list[int]:
        """The generations that are asked for."""
        return sorted(one.number for one in self._asked(self._state(look=True)))

    @property
    def held(self) -> list[int]:
        """The generations whose keys are there."""
        newest = self._store.newest(_LAYER)
        return [n for n in range(1, newest + 1) if self._store.held(f"{_LAYER}/{n}") is not None]

    def announce(self) -> int:
        """Step 1: make the next generation, to be asked for; its number. One that was announced already is it.

        Refusal `key-change-refused` where hashes have no generation, after 255, and while a key is held whose short
        hashes would have the same two bits.
        """
        if not self.written:
            raise Refusal("key-change-refused", reason="the hashes of this database have no generations")
        waiting = [n for n in self.held if n > self.written]
        if waiting or len(self.asked) > 1:
            return max(self.asked)
        number = self.written + 1
        if number > _MOST:
            raise Refusal("key-change-refused", reason="there are 255 generations already")
        if alike := [n for n in self.held if n % TAGS == number % TAGS]:
            first = f"yima keys forget-index {alike[0]} --yes"
            raise Refusal("key-change-refused", reason=f"there is room for {TAGS} hash keys: `{first}` comes first")
        self._store.secret(f"{_LAYER}/{number}")
        return max(self.asked)

    def write(self, number: int) -> None:
        """Step 2: write this generation, which was announced."""
        self._store.secret(f"{_WRITTEN}/{number}")

    def settle(self, number: int) -> None:
        """Step 3: ask for this generation and later ones only. The caller has turned everything to it; somebody else
        may have begun with the next one meanwhile."""
        self._store.secret(f"{_ONLY}/{number}")

    def ask_again(self, number: int) -> None:
        """Ask for an older generation again: the database has hashes of it, a backup that was put back. Refusal
        `key-store-invalid` when its key was destroyed."""
        if number not in self.held:
            raise Refusal("key-store-invalid", field="keys.json", reason=f"hash key {number} is not in the key file")
        for mark in range(number + 1, _MOST + 1):
            if self._store.held(f"{_ONLY}/{mark}") is not None:
                self._store.drop(f"{_ONLY}/{mark}")
        self._until = 0.0

    def forget(self, number: int) -> None:
        """Destroy the key of a generation that is asked for no more. Refusal `key-change-refused` for any
        other."""
        if number not in self.held or number >= min(self.asked, default=0):
            raise Refusal("key-change-refused", reason=f"hash key {number} is in use, or is not held")
        self._store.drop(f"{_LAYER}/{number}")

    def _asked(self, state: _State) -> Iterable[Layer]:
        return (state.written, *state.others) if state.written else ()

    def _state(self, *, look: bool = False) -> _State:
        return self._seen(look=True) if look else unchanging(self, self._seen)

    def _seen(self, *, look: bool = False) -> _State:
        if monotonic() < self._until and not look:
            return self._held
        edition = self._store.edition()
        if edition != self._edition or look:
            self._held, self._edition = self._read(), edition
        self._until = monotonic() + _LOOK
        return self._held

    def _read(self) -> _State:
        first = self._store.newest(_ONLY)
        asked = [n for n in self.held if n >= first]
        if not asked:
            return _State(None, (), self._store.secret("records/index/1"))
        written = self._store.newest(_WRITTEN)
        layers = {n: self._layer(n, self._store.secret(f"{_LAYER}/{n}")) for n in asked}
        if written not in layers:
            raise Refusal("key-store-invalid", field="vault", reason=f"hash key {written} is not in the key file")
        others = tuple(layer for n, layer in layers.items() if n != written)
        return _State(layers[written], others, layers[written].tokens)
