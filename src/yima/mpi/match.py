"""The rules that go before the score: identifiers and scanned codes. Pure.

Two errors are very unequal: a false merge puts a stranger's allergies into a record, a missed match splits one. So a
link needs agreement beyond one number, and whatever contradicts goes to review or is refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from yima.mpi import normalise
from yima.mpi.registration import Registration
from yima.runtime.ids import PersonId

Rule = Literal["new", "local-number", "scanned-code", "national-number", "score"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A registered person who may be the one a registration speaks of, found by one key."""

    person: PersonId
    name: str
    latin_name: str
    sex: str
    birth_date: str
    multiple_birth: int | None
    via: Rule
    other_number: bool = False
    """The person holds another valid resident number: a veto, not a weight, since that number is for life."""
    other_document: bool = False
    """The person holds another number of a document that can be replaced: no veto, but a reason to ask."""
    same_number: bool = False
    """The person holds one of the resident numbers that the registration names."""
    frozen: bool = False
    """The number is in dispute: it names nobody until a steward has decided."""
    tells_birth: bool = False
    """The key is a resident number: whoever knows it knows birth date and sex, so these confirm nothing."""


@dataclass(frozen=True, slots=True)
class Match:
    """The decision: `person` None is a new one, `review` names persons it may be, `conflict` refuses the submission."""

    person: PersonId | None
    rule: Rule
    review: tuple[PersonId, ...] = ()
    conflict: bool = False


def match(said: Registration, candidates: Sequence[Candidate]) -> Match:
    """Decide who is meant: by the institution's own number, a scanned code, or a document. What none of
    them decides is `new` here: the score is asked next."""
    local = [c for c in candidates if c.via == "local-number"]
    national = [c for c in candidates if c.via == "national-number"]
    # 1 The institution's own patient number names a person it registered before.
    if local:
        known = local[0]
        if contradicts(said, known):
            return Match(known.person, "local-number", conflict=True)
        return Match(known.person, "local-number", review=_others([*local, *national], known.person))
    # 2 The person's own code was scanned here for this visit, and nothing they are called contradicts it.
    for scanned in (c for c in candidates if c.via == "scanned-code"):
        if not contradicts(said, scanned):
            return Match(scanned.person, "scanned-code", review=_others(national, scanned.person))
        national = [*national, scanned]
    # 3 A national document, if the rest agrees with it. Otherwise somebody may be taking over a person.
    agreeing = [c for c in national if _confirms(said, c)]
    if agreeing:
        return Match(agreeing[0].person, "national-number", review=_others(national, agreeing[0].person))
    return Match(None, "new", review=_others(national, None))


def _others(candidates: Iterable[Candidate], person: PersonId | None) -> tuple[PersonId, ...]:
    return tuple(dict.fromkeys(c.person for c in candidates if c.person != person))


def _confirms(said: Registration, known: Candidate) -> bool:
    """Whether a registration with this person's document number speaks of this person."""
    if known.frozen or known.other_number or _other_twin(said, known):
        return False
    if _same_name(said, known):
        return True
    if not (_birth(said, known) is True and len(said.birth_date) == 10 and _sex(said, known) is not False):
        return False
    if not _named(known.name, known.latin_name):
        return True  # a newborn, or somebody nobody knew, gets a name
    # Twins are born on one day and named alike; a sister's document at the counter must not make them one. One name
    # written otherwise (sound, look-alike characters, cut short) is no twin's, one character of another kind may be.
    if said.multiple_birth is None and known.multiple_birth is None and _close_name(said, known, twins=True):
        return True
    # A passport with a name in another script: two names cannot be compared, but the birth date is evidence of its own.
    return not known.tells_birth and said.name.isascii() != known.name.isascii() and _named(said.name, said.latin_name)


def contradicts(said: Registration, known: Candidate) -> bool:
    """Whether the institution's own number was given to somebody else: two of name, birth date and sex disagree."""
    if known.same_number:
        return False
    if known.other_number or _other_twin(said, known):
        return True
    birth, sex = _birth(said, known), _sex(said, known)
    if normalise.is_unidentified(known.name) or not _named(known.name, known.latin_name, newborn=True):
        return False  # it was not known who this was; now it is
    if normalise.is_newborn(known.name):
        return birth is False or sex is False  # a name and a number come later, another birthday does not
    if (said.name or said.latin_name) and not _same_name(said, known) and not _close_name(said, known):
        return birth is not True or sex is False
    return birth is False and sex is False


def says_otherwise(said: Registration, known: Candidate) -> bool:
    """Whether a registration gives a person another name or birth date than they are known by."""
    return not _same_name(said, known) or _birth(said, known) is False


def _same_name(said: Registration, known: Candidate) -> bool:
    ours = {normalise.name_key(n) for n in (known.name, known.latin_name) if n}
    theirs = {normalise.name_key(n) for n in (said.name, said.latin_name) if n}
    return bool(ours & theirs) and not normalise.is_placeholder(said.name)


def _close_name(said: Registration, known: Candidate, *, twins: bool = False) -> bool:
    if normalise.is_placeholder(said.name) or normalise.is_placeholder(known.name):
        return False  # "mother's name" and "mother's name, her son" are two people
    return any(
        (normalise.is_one_name if twins else normalise.names_are_close)(ours, theirs)
        for ours in {known.name, known.latin_name}
        for theirs in {said.name, said.latin_name}
    )


def _named(name: str, latin_name: str, *, newborn: bool = False) -> bool:
    """Whether there is a real name (or, with `newborn`, at least a newborn's)."""
    stands_in = normalise.is_unidentified if newborn else normalise.is_placeholder
    return any(n and not stands_in(n) for n in (name, latin_name))


def _birth(said: Registration, known: Candidate) -> bool | None:
    """Whether the birth dates agree as far as both are known; None when one is not known."""
    if not said.birth_date or not known.birth_date:
        return None
    short, long = sorted((said.birth_date, known.birth_date), key=len)
    return long.startswith(short)


def _sex(said: Registration, known: Candidate) -> bool | None:
    if said.sex not in ("male", "female") or known.sex not in ("male", "female"):
        return None
    return said.sex == known.sex


def _other_twin(said: Registration, known: Candidate) -> bool:
    return bool(said.multiple_birth and known.multiple_birth and said.multiple_birth != known.multiple_birth)
