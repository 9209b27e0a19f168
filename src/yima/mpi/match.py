"""The first matching rule: identifiers and exact demographics. Pure; the scoring model of a later issue replaces it here.

Two errors are very unequal: a false merge puts a stranger's allergies into a record, a missed match splits one. So a link
needs agreement beyond one number, and whatever contradicts goes to review or is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from yima.mpi import normalise
from yima.mpi.registration import Registration
from yima.runtime.ids import PersonId

Rule = Literal["new", "local-number", "national-number", "exact-demographics"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A registered person who may be the one a registration speaks of."""

    person: PersonId
    name: str
    latin_name: str
    sex: str
    birth_date: str
    multiple_birth: int | None
    via: Rule
    other_number: bool = False
    """True when the person holds another valid number of the same document type: a veto, not a weight."""
    same_number: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """The decision: `person` None means a new one; `review` names persons it may be; `conflict` refuses the submission."""

    person: PersonId | None
    rule: Rule
    review: tuple[PersonId, ...] = ()
    conflict: bool = False


def match(said: Registration, candidates: Sequence[Candidate]) -> Match:
    """Decide who is meant. Order: the institution's own number, a national document, exact demographics."""
    local = [c for c in candidates if c.via == "local-number"]
    national = [c for c in candidates if c.via == "national-number"]
    # 1 The institution's own patient number names a person it registered before.
    if local:
        known = local[0]
        if _contradicts(said, known):
            return Match(known.person, "local-number", conflict=True)
        others = tuple(c.person for c in national if c.person != known.person)
        return Match(known.person, "local-number", review=others)
    # 2 A national document, if name, or birth date and sex, agree as well. Otherwise somebody may be taking over a person.
    for candidate in national:
        if _name_agrees(said, candidate) or _birth_agrees(said, candidate):
            return Match(candidate.person, "national-number")
    if national:
        return Match(None, "new", review=tuple(c.person for c in national))
    # 3 Exact name, birth date, sex and phone; never for placeholders, multiples, or where two documents differ.
    same = [c for c in candidates if c.via == "exact-demographics"]
    clear = [c for c in same if not c.other_number]
    if len(clear) == 1 and not _ambiguous(said, clear[0]):
        return Match(clear[0].person, "exact-demographics")
    return Match(None, "new", review=tuple(c.person for c in clear))


def _name_agrees(said: Registration, known: Candidate) -> bool:
    ours = {normalise.name_key(n) for n in (known.name, known.latin_name) if n}
    theirs = {normalise.name_key(n) for n in (said.name, said.latin_name) if n}
    return bool(ours & theirs)


def _birth_agrees(said: Registration, known: Candidate) -> bool:
    return len(said.birth_date) == 10 and said.birth_date == known.birth_date and said.sex == known.sex


def _contradicts(said: Registration, known: Candidate) -> bool:
    """Another valid document, or another name and another birth date: the number was given to somebody else."""
    if known.same_number:
        return False
    if normalise.is_placeholder(known.name) and not known.other_number:
        return False  # a newborn gets a name and a number
    other_name = bool(said.name) and not _name_agrees(said, known)
    other_birth = bool(said.birth_date and known.birth_date) and said.birth_date != known.birth_date
    return known.other_number or (other_name and other_birth)


def _ambiguous(said: Registration, known: Candidate) -> bool:
    return (
        said.multiple_birth is not None
        or known.multiple_birth is not None
        or normalise.is_placeholder(said.name)
        or normalise.is_placeholder(known.name)
    )
