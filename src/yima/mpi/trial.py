"""What another model would have decided: a dry run over the decisions that are kept with their evidence.

Nothing is changed, and no name or number is read: every decision holds the levels of its best candidates, and a model
is a weight a level. What the old model did not keep as evidence (candidates far below the review bound) is not seen.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import orjson

from yima.mpi.compare import LEVELS
from yima.mpi.held import SQL
from yima.mpi.model import Model
from yima.mpi.score import probability
from yima.runtime.database import Database
from yima.runtime.ids import PersonId

_BATCH: Final = 2_000
_NOT_BY_WEIGHT: Final = frozenset({"probability", "runner-up"})


@dataclass(frozen=True, slots=True)
class Flip:
    """A decision that another model would have made otherwise."""

    person: PersonId
    number: int
    before: str
    after: str
    """automatic, review, new."""
    candidate: PersonId


@dataclass(frozen=True, slots=True)
class Trial:
    """A model tried on the decisions that were scored."""

    decisions: int
    flips: tuple[Flip, ...]
    counts: dict[str, int]
    """`before -> after` -> decisions."""


async def try_model(db: Database, old: Model, new: Model) -> Trial:
    """Every scored decision that is kept, decided again by `new`; `old` is the model that decided."""
    decisions, flips, counts = 0, list[Flip](), Counter[str]()
    after = (0, 0)
    while rows := await db.fetch(SQL.scored_decisions, *after, _BATCH):
        for row in rows:
            evidence = orjson.loads(row["evidence"]) if isinstance(row["evidence"], str) else row["evidence"]
            found = evidence["candidates"]
            if not found:
                continue
            decisions += 1
            was = row["kind"]
            kind, candidate = again(found, was, old, new)
            if kind == again(found, was, old, old)[0]:  # what else was looked at (other documents) stands as it did
                kind = was
            counts[f"{was} -> {kind}"] += 1
            if kind != was:
                flips.append(Flip(row["person_id"], row["number"], was, kind, candidate))
        after = (rows[-1]["person_id"], rows[-1]["number"])
    return Trial(decisions, tuple(flips), dict(counts))


def again(found: list[dict[str, Any]], was: str, old: Model, new: Model) -> tuple[str, PersonId]:
    """What `new` decides on the evidence of a decision, and on whom."""
    scored = sorted(((_bits(one, old, new), one) for one in found if not one["vetoes"]), key=lambda s: -s[0])
    if not scored:
        return was, int(found[0]["person"])
    bits, best = scored[0]
    bounds, person = new.thresholds, int(best["person"])
    lead = bits - scored[1][0] if len(scored) > 1 else bounds.margin
    rules = set(best["hindrances"]) - _NOT_BY_WEIGHT
    if not rules and probability(bits) >= bounds.automatic and lead >= bounds.margin:
        return "automatic", person
    asked = probability(bits) >= bounds.review
    # Who was asked about for another reason than the weight (a document in dispute, the same mother) still is.
    by_weight = probability(best["bits"]) >= old.thresholds.review
    return ("review" if asked or (was == "review" and not by_weight) else "new"), person


def _bits(one: dict[str, Any], old: Model, new: Model) -> float:
    """The bits under `new`: a common name keeps the difference that its frequency made under `old`."""
    total = new.prior_bits
    for name, weight in zip(LEVELS, one["weights"], strict=True):
        level = one["levels"][name]
        own = weight - old.bits(name, level) if (name, level) == ("name", "exact") else 0.0
        total += new.bits(name, level) + own if level == "unknown" or level in LEVELS[name] else weight
    return float(total)
