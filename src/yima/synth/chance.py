"""Seeded chance: every draw in the city comes from a named, independent stream."""

from collections.abc import Sequence
from itertools import accumulate
from random import Random
from typing import Generic, TypeVar

T = TypeVar("T")


def dice(seed: int, part: str, index: int | str) -> Random:
    """The stream of one part of one thing, e.g. ``dice(7, "household", 12)``.

    Streams are independent, so changing how one story draws leaves the others alone.
    """
    return Random(f"{seed}:{part}:{index}")


class Weighted(Generic[T]):
    """A table drawn from in proportion to its weights."""

    def __init__(self, items: Sequence[tuple[T, float]]) -> None:
        self._values = [value for value, _ in items]
        self._sums = list(accumulate(weight for _, weight in items))

    def draw(self, rng: Random) -> T:
        """One value, by one draw of the stream."""
        return rng.choices(self._values, cum_weights=self._sums)[0]


def spread(index: int, salt: int, size: int) -> int:
    """A scattered but collision-free number below ``size`` (a power of ten).

    Multiplying by a number coprime to ten is a bijection, so numbers stay unique
    without a table of those already used.
    """
    return (index * 61_803_399 + salt * 7_919 + 2_718_281) % size
