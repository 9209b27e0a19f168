"""The decision: automatic, review or new, from scored candidates. Vetoes first, then a strict rule. Pure.

The score alone is unsafe: twins share birth date, sex, mother, phone and address, and one character of the name is what
tells them apart. So nothing links by itself without full agreement on what a person is called and born, and something
besides.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from rapidfuzz.distance import Levenshtein

from yima.mpi.compare import Levels
from yima.mpi.fields import Fields
from yima.mpi.model import Model
from yima.mpi.score import Score, scorer
from yima.runtime.ids import PersonId

Kind = Literal["automatic", "review", "new"]
_MOST_REVIEWS: Final = 5
_TOLD: Final = 3
_SAME_NAME: Final = frozenset({"exact", "order"})
_ALIKE_NAME: Final = frozenset({"sound", "shape", "cut"})
"""One name written otherwise: nobody calls two children so."""
_NEAR_NAME: Final = frozenset({"character", "close"})
"""A slip of the pen, or a sister's name."""
_SISTERS_NAME: Final = frozenset({"character", "surname"})
_SAME_BIRTH: Final = frozenset({"exact", "swapped", "lunar"})
_LIKE_BIRTH: Final = _SAME_BIRTH | {"digit", "near", "month"}
_SAME_NUMBER: Final = frozenset({"same", "document"})
_SAME_HOUSEHOLD: Final = frozenset({"both", "phone", "address"})
_OTHER_NAME: Final = frozenset({"surname", "different"})
_GENERATION: Final = 10
"""Years."""
_OTHER_BIRTH: Final = frozenset({"year", "different"})


@dataclass(frozen=True, slots=True)
class Known:
    """A candidate: a person with everything different that was ever said of it."""

    person: PersonId
    said: tuple[Fields, ...]
    apart: bool = False
    """A steward said that this is never the same."""
    here: bool = True
    """The registering institution has a Patient of this person already, or that is not known."""
    sides: tuple[PersonId, ...] = ()
    """Of whom each of `said` was said: the person, or who was merged with it; empty where nobody asks."""


@dataclass(frozen=True, slots=True)
class Assessed:
    """What was found of one candidate."""

    person: PersonId
    score: Score
    """Of what was said of it that fits best."""
    vetoes: tuple[str, ...]
    hindrances: tuple[str, ...]
    """Why it is not linked by itself; empty when the strict rule is met (the lead over others not yet asked for)."""
    relative: bool
    """Somebody of the same home, by all that is known: not asked about."""
    mother: bool
    """The same mother and birth date."""
    newborn: bool = False
    """It is only by the mother that it would be linked."""


@dataclass(frozen=True, slots=True)
class Decision:
    """`person` when automatic; `review`: whom it may be. `found` is the evidence, best first."""

    kind: Kind
    person: PersonId | None
    review: tuple[PersonId, ...]
    found: tuple[Assessed, ...]
    hindrances: tuple[str, ...] = ()

    def evidence(self) -> list[dict[str, Any]]:
        """What is stored: levels, weights, vetoes of the best candidates. No names, no numbers."""
        return [
            {
                "person": str(one.person),
                "bits": round(one.score.bits, 2),
                "levels": one.score.levels._asdict(),
                "weights": [round(weight, 2) for weight in one.score.weights],
                "vetoes": list(one.vetoes),
                "hindrances": list(one.hindrances),
            }
            for one in self.found[:_TOLD]
        ]


def decide(said: Fields, candidates: Sequence[Known], model: Model, *, capped: bool = False) -> Decision:
    """Who is meant. `capped`: there were more candidates than could be looked at, so that the answer is never `new`."""
    found = tuple(sorted(_worth_assessing(said, candidates, model, every=capped), key=_best, reverse=True))
    able = [one for one in found if not one.vetoes]
    clear = [one for one in able if not one.hindrances]
    best = clear[0] if clear else None
    lost: tuple[str, ...] = ()
    if best is not None:
        rivals = [one for one in able if one is not best]
        close = any(best.score.bits - one.score.bits < model.thresholds.margin for one in rivals)
        # Two children of one mother and day: which of them gets this name is not for a machine.
        if close or (best.newborn and any(one.mother for one in rivals)):
            best, lost = None, ("runner-up",)
    if best is not None:
        return Decision("automatic", best.person, (), found)
    hindrances = lost or (able[0].hindrances if able else ())
    doubtful = [one.person for one in able if _worth_asking(one, model)]
    if capped and not doubtful:
        doubtful = [one.person for one in able[:1]]
    review = tuple(doubtful[:_MOST_REVIEWS])
    return Decision("review" if review or capped else "new", None, review, found, hindrances)


def _worth_assessing(said: Fields, candidates: Sequence[Known], model: Model, *, every: bool) -> Iterator[Assessed]:
    """Candidates that could be linked, asked about, or stand in the way of another: most share a key and nothing else.

    Below both bounds nobody is asked about, nor within the margin of somebody who is linked.
    """
    score, bounds = scorer(model), model.thresholds
    least = min(_odds(bounds.review), _odds(bounds.automatic) - bounds.margin)
    for known in candidates:
        scored = [(score(said, theirs), theirs) for theirs in known.said]
        if every or any(one.bits >= least or _shared(said.mother, theirs.mother) for one, theirs in scored):
            yield _assess(said, known, scored, model)


def assess(said: Fields, known: Known, model: Model) -> Assessed:
    """One candidate: the best of what was said of it, and the vetoes of all of it."""
    score = scorer(model)
    return _assess(said, known, [(score(said, theirs), theirs) for theirs in known.said], model)


def _assess(said: Fields, known: Known, scored: Sequence[tuple[Score, Fields]], model: Model) -> Assessed:
    best, theirs = max(scored, key=lambda one: one[0].bits)
    vetoes = dict.fromkeys(veto for one, fields in scored for veto in _vetoes(said, fields, one))
    if any(one.levels.number == "same" for one, _ in scored):
        vetoes.pop("other-number", None)  # both numbers are the person's already; a steward sorts that out
    if known.apart:
        vetoes["never-same"] = None
    mother = _mother(said, theirs, best)
    hindrances = _hindrances(said, theirs, best, model)
    newborn = bool(hindrances) and mother and all(fields.placeholder or said.placeholder for fields in known.said)
    if newborn:
        hindrances = _newborn_hindrances(said, theirs, best, known.here)
    relative = _relative(best) or (known.here and _sister(said, theirs, best))
    return Assessed(known.person, best, tuple(vetoes), hindrances, relative, mother, newborn)


def _odds(probability: float) -> float:
    return math.log2(probability / (1 - probability))


def _best(one: Assessed) -> tuple[bool, float]:
    return not one.vetoes, one.score.bits


def _vetoes(one: Fields, other: Fields, score: Score) -> list[str]:
    """What no weight can outweigh: a resident number is for life, and twins are two."""
    found = []
    if score.levels.number == "other":
        found.append("other-number")
    if one.order not in ("", "0") and other.order not in ("", "0") and one.order != other.order:
        found.append("other-twin")
    if one.birth_time and other.birth_time and score.levels.birth == "exact" and one.birth_time != other.birth_time:
        found.append("other-birth-time")
    return found


def _hindrances(one: Fields, other: Fields, score: Score, model: Model) -> tuple[str, ...]:
    """The strict rule, as the list of what is missing."""
    levels, missing = score.levels, []
    number, home = levels.number in _SAME_NUMBER, levels.household in _SAME_HOUSEHOLD
    if not ((number and _by_number(levels, home)) or _by_name(levels, _vouched(one, other))):
        missing.append("name-and-birth")
    if number and levels.name in _NEAR_NAME:
        missing.append("possible-twin")
    if levels.sex != "same":
        missing.append("sex")
    mother = levels.birth == "exact" and _shared(one.mother, other.mother)
    if not (number or home or mother):
        missing.append("second-factor")
    if levels.number == "different" or (levels.number in ("renewed", "mistyped") and levels.birth != "exact"):
        missing.append("document")
    if one.placeholder or other.placeholder:
        missing.append("placeholder")
    if one.order != other.order or one.order == "0":
        missing.append("multiple-birth")
    if score.probability < model.thresholds.automatic:
        missing.append("probability")
    return tuple(missing)


def _by_number(levels: Levels, home: bool) -> bool:
    """A number in common: with the same name; or with one that is like it, when the birth date is no other."""
    if levels.name in _SAME_NAME:
        return True
    return levels.birth in _LIKE_BIRTH and (levels.name in _ALIKE_NAME or (levels.name in _NEAR_NAME and home))


def _by_name(levels: Levels, vouched: bool) -> bool:
    """The same name, and the birth date as it is, as it is said or miswritten. Nobody gives two children one name, so
    that in one home, with phone and address the same, a digit, some weeks or a day nobody said do not make another
    person, once a number vouches for one of the dates. Two of which neither is may be two namesakes'."""
    if levels.name not in _SAME_NAME:
        return False
    return levels.birth in _SAME_BIRTH or (vouched and levels.birth in _LIKE_BIRTH and levels.household == "both")


def _vouched(one: Fields, other: Fields) -> bool:
    """Whether a resident number says one of the birth dates (GB 11643), and the two are less than ten years apart: a
    digit of the decade is a father's and a son's."""
    if one.number_class != "valid" != other.number_class:
        return False
    return abs(int(one.birth[:4] or 0) - int(other.birth[:4] or 0)) < _GENERATION


def _newborn_hindrances(one: Fields, other: Fields, score: Score, here: bool) -> tuple[str, ...]:
    """The same list for a child known by the mother's name, on at least one side."""
    missing = []
    if score.levels.birth != "exact" or score.levels.sex != "same":
        missing.append("name-and-birth")
    if one.order != other.order or one.order == "0":
        missing.append("multiple-birth")
    # Unmarked twins in two cots have the same words about them. The minute of birth tells, or the order; or that
    # another institution, which has no Patient of this child yet, names the mother by her number.
    by_number = any(key.startswith("number|") for key in {*one.mother} & {*other.mother})
    same_cot = (one.order not in ("", "0")) or bool(one.birth_time and one.birth_time == other.birth_time)
    same_cot = same_cot or (by_number and not here)
    if one.placeholder and other.placeholder and not same_cot:
        missing.append("placeholder")
    if "unidentified" in (one.placeholder, other.placeholder):
        missing.append("placeholder")
    if score.levels.number in ("mistyped", "different"):
        missing.append("document")
    return tuple(missing)


def _mother(one: Fields, other: Fields, score: Score) -> bool:
    return score.levels.birth == "exact" and _shared(one.mother, other.mother)


def _shared(one: Collection[str], other: Collection[str]) -> bool:
    return bool(one and other) and not set(one).isdisjoint(other)


def _relative(score: Score) -> bool:
    """Another name and another birth date: somebody of the same home."""
    levels = score.levels
    same_number = levels.number in _SAME_NUMBER or levels.number == "mistyped"
    return levels.name in _OTHER_NAME and levels.birth in _OTHER_BIRTH and not same_number


def _sister(one: Fields, other: Fields, score: Score) -> bool:
    """A like birth date under another Chinese name that neither sounds nor looks alike, and no number on either side:
    twins are registered so, and of such pairs nine in ten are twins. With a number on one side it is asked about."""
    if score.levels.birth not in _LIKE_BIRTH or score.levels.name not in _SISTERS_NAME or one.script != "han":
        return False
    numbered = one.number or other.number or one.documents or other.documents
    return not numbered and Levenshtein.distance(one.sound, other.sound, score_cutoff=1) > 1


def _worth_asking(one: Assessed, model: Model) -> bool:
    return one.mother or (not one.relative and one.score.probability >= model.thresholds.review)
