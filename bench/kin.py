"""Two people who are easily taken for one: `python -m bench.kin --pairs 100000`.

Twins, siblings, parents with children, and strangers of one name, birth date, sex and county: how many of the second
the person index would link to the first by itself (aim: 0 of 100,000 of each kind). Half of the registrations have no
number; nobody is registered with an error. One JSON value.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from random import Random
from typing import Final

from bench.linkage import bound
from bench.population import resident_number_for, twins
from bench.slips import COUNTIES, STREETS, Person, phone_number
from yima import mpi
from yima.runtime.ids import PersonId

Pair = tuple[Person, Person]
_TODAY: Final = date(2026, 1, 1)
_FAMILIES: Final = "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗"


def _twins(rng: Random) -> Pair:
    born = _TODAY - timedelta(days=rng.randint(1, 365 * 60))
    address = f"{rng.choice(STREETS)}路{rng.randint(1, 400)}号{rng.randint(1, 30)}号楼{rng.randint(101, 1806)}室"
    one, other = twins(rng, rng.choice(_FAMILIES), born, rng.choice(COUNTIES), address, phone_number(rng))
    return one, other


def _later(rng: Random, pair: Pair, days: int) -> Pair:
    one, other = pair
    born = one.born + timedelta(days=days)
    return one, other._replace(born=born, number=resident_number_for(rng, other.area, born, other.sex))


def _siblings(rng: Random) -> Pair:
    """Of one sex and home, named alike, ten months to six years apart."""
    return _later(rng, _twins(rng), rng.randint(300, 2200))


def _parent_and_child(rng: Random) -> Pair:
    """Of one sex and home; a third of the children bear the whole name, as in some countries."""
    one, other = _later(rng, _twins(rng), rng.randint(365 * 18, 365 * 40))
    return one, other._replace(name=one.name if rng.random() < 1 / 3 else other.name)


def _namesakes(rng: Random) -> Pair:
    """One name, birth date, sex and county; nothing else in common."""
    one, other = _twins(rng)
    stranger = _twins(rng)[0]
    return one, other._replace(name=one.name, address=stranger.address, phone=stranger.phone)


KINDS: Final[dict[str, Callable[[Random], Pair]]] = {
    "twins": _twins, "siblings": _siblings, "parent and child": _parent_and_child, "namesakes": _namesakes,
}  # fmt: skip


def measured(kind: str, pairs: int, seed: int) -> dict[str, float | int]:
    """How the second of each pair is decided when the first is known."""
    rng, model, found = Random(seed), mpi.model_named(), Counter[str]()
    for one, other in _numbered(rng, KINDS[kind], pairs):
        found[mpi.decide(_said(other), [mpi.Known(PersonId(1), (_said(one),))], model).kind] += 1
    linked = found["automatic"]
    return {"pairs": pairs, **found, "automatic": linked, "bound_95": bound(linked, pairs)}


def _numbered(rng: Random, make: Callable[[Random], Pair], pairs: int) -> Iterator[Pair]:
    for _ in range(pairs):
        one, other = (who._replace(number=who.number if rng.random() < 1 / 2 else "") for who in make(rng))
        yield one, other


def _said(who: Person) -> mpi.Fields:
    return mpi.fields(
        name=who.name, sex=who.sex, birth_date=f"{who.born:%Y-%m-%d}", phones=[who.phone], area=who.area,
        address=who.address, documents=[(mpi.RESIDENT_NUMBER, who.number)] if who.number else (),
    )  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    print(json.dumps({kind: measured(kind, asked.pairs, asked.seed) for kind in KINDS}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
