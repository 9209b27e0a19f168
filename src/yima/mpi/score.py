"""The score of a pair: Fellegi-Sunter with levels, in bits, with its evidence. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from yima.mpi.compare import Levels, compare
from yima.mpi.fields import Fields
from yima.mpi.model import Model


@dataclass(frozen=True, slots=True)
class Score:
    """How likely two registrations are of one person, and why."""

    bits: float
    """log2 of the odds, prior included."""
    levels: Levels
    weights: tuple[float, float, float, float, float]
    """The bits of each level, in the order of `levels`; with the prior they sum to `bits`."""

    @property
    def probability(self) -> float:
        """The odds as a probability."""
        return probability(self.bits)


def probability(bits: float) -> float:
    """Odds of 2^bits as a probability; never overflows."""
    return 1.0 / (1.0 + math.exp2(-max(min(bits, 1000.0), -1000.0)))


@lru_cache(8)
def scorer(model: Model) -> Callable[[Fields, Fields], Score]:
    """The function that scores pairs with a model; its weights are looked up once."""
    names, births, numbers, sexes, households = (
        {level: model.bits(comparison, level) for level in (*levels, "unknown")}
        for comparison, levels in model.comparisons.items()
    )
    exact = {name: model.bits("name", "exact", name) for name in model.names.frequency}
    prior = model.prior_bits

    def score(one: Fields, other: Fields) -> Score:
        levels = compare(one, other)
        name = exact.get(one.name, names["exact"]) if levels.name == "exact" else names[levels.name]
        birth, number, sex = births[levels.birth], numbers[levels.number], sexes[levels.sex]
        household = households[levels.household]
        return Score(prior + name + birth + number + sex + household, levels, (name, birth, number, sex, household))

    return score
