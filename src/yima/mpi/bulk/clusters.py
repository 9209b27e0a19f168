"""From pairs to persons: which clear pairs stay automatic, so that nobody's cluster holds two people. Pure.

The core asks that the best candidate leads the next by a margin. In bulk the candidates are the clusters themselves: a
record's rival is a record outside its own cluster, whatever was linked first.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

LARGEST = 60
"""Nobody has more records than this by agreement alone; a larger cluster is asked about."""


class Edge(NamedTuple):
    """A clear pair: two rows, their bits, whether a number is what they share, whether mother and birth date are."""

    a: int
    b: int
    bits: float
    number: bool
    mother: bool


class Member(NamedTuple):
    """What two records of one person cannot differ in: valid resident number, birth order, birth date and time."""

    number: str
    order: str
    moment: str


class Rivals(NamedTuple):
    """Of one row: the bits of the best pair that leaves its cluster; whether one of those shares mother and birth."""

    bits: float
    mother: bool


def components(edges: Iterable[Edge]) -> dict[int, int]:
    """Row -> the smallest row of its cluster, for every row that has an edge."""
    root: dict[int, int] = {}

    def find(row: int) -> int:
        top = row
        while (up := root.setdefault(top, top)) != top:
            top = up
        while root[row] != top:
            root[row], row = top, root[row]
        return top

    for edge in edges:
        a, b = find(edge.a), find(edge.b)
        if a != b:
            root[max(a, b)] = min(a, b)
    return {row: find(row) for row in list(root)}


def contradictory(members: Iterable[Member]) -> bool:
    """Whether these cannot all be one person: two valid numbers, two places among twins, two moments of birth."""
    numbers, orders, moments = set[str](), set[str](), dict[str, set[str]]()
    for member in members:
        numbers |= {member.number} - {""}
        orders |= {member.order} - {"", "0"}
        if member.moment:
            day, _, minute = member.moment.partition(" ")
            moments.setdefault(day, set()).add(minute)
    return len(numbers) > 1 or len(orders) > 1 or any(len(minutes) > 1 for minutes in moments.values())


def sensible(edges: Sequence[Edge], member: Callable[[int], Member]) -> list[Edge]:
    """The edges whose cluster does not contradict itself.

    In one that does, only pairs with a number in common stay; when that is not enough, none: a steward sorts it out.
    """
    kept = list(edges)
    for last in (False, True):
        groups: dict[int, set[int]] = defaultdict(set)
        for row, top in components(kept).items():
            groups[top].add(row)
        wrong = {
            row
            for rows in groups.values()
            if len(rows) > LARGEST or (len(rows) > 2 and contradictory(map(member, rows)))
            for row in rows
        }
        kept = [edge for edge in kept if edge.a not in wrong or (edge.number and not last)]
    return kept


def unrivalled(
    edges: Sequence[Edge], margin: float, rivals: Callable[[dict[int, int]], dict[int, Rivals]]
) -> list[Edge]:
    """The edges that lead everything outside their cluster by `margin` bits.

    `rivals` gives, for the rows of a clustering, the best pairs that leave it. Each edge that goes makes clusters
    smaller and so may make rivals: repeated until nothing changes, which it does, since edges only go.
    """
    kept = list(edges)
    while True:
        found = rivals(components(kept))
        stay = [edge for edge in kept if not any(_beaten(edge, found.get(row), margin) for row in (edge.a, edge.b))]
        if len(stay) == len(kept):
            return kept
        kept = stay


def _beaten(edge: Edge, rival: Rivals | None, margin: float) -> bool:
    return rival is not None and (edge.bits - rival.bits < margin or (edge.mother and rival.mother))
