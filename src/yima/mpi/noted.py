"""What registrations add to the index: persons, numbers, keys, words and decisions; one statement for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from yima.mpi import normalise
from yima.mpi.decide import Decision
from yima.mpi.heard import Heard
from yima.mpi.held import SQL, literal
from yima.mpi.match import Match
from yima.mpi.model import model_named
from yima.mpi.registration import Identifier, Registration
from yima.mpi.sealed import UNKNOWN, renewed, seal_number, seal_profile, sealed_row, words_of
from yima.mpi.turning import turn_persons
from yima.runtime import ids
from yima.runtime.database import Connection
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault


@dataclass(frozen=True, slots=True)
class News:
    """What one registration adds."""

    institution: int
    said: Registration
    words: Heard | None
    kept: dict[bytes, Identifier]
    """Numbers nobody held."""
    match: Match
    scored: Decision | None


@dataclass(frozen=True, slots=True)
class Notes:
    """What is to be written, rows by kind as `note` in queries.sql takes them."""

    vault: Vault
    now: datetime
    persons: list[tuple[object, ...]] = field(default_factory=list)
    numbers: list[tuple[object, ...]] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    keyed: list[PersonId] = field(default_factory=list)
    """Whose key, for each of `keys`."""
    profiles: list[tuple[object, ...]] = field(default_factory=list)
    decisions: list[tuple[object, ...]] = field(default_factory=list)
    known: list[PersonId] = field(default_factory=list)
    """Persons of before who take something."""

    def new_person(self, news: News) -> PersonId:
        """A person nobody knew, with all that was said."""
        person, wrap, said = ids.new_person_id(), self.vault.new_wrap(), news.said
        words = sealed_row(self.vault, wrap, person, renewed(UNKNOWN, said, name=said.name))
        self.persons.append((person, said.sex, said.multiple_birth, said.deceased, wrap, *words))
        self._add(person, wrap, news, told=True)
        return person

    def known_person(self, row: Mapping[str, Any], news: News, *, new_patient: bool) -> None:
        """Numbers, keys and words that were not known, and the decision; nothing when there is nothing new. `row` is
        the person's of `mpi.known`."""
        if row["wrap"] is None:  # without its data key a person is erased and takes nothing any more
            return
        told = new_patient or bool(news.match.review)
        new_words = news.words is not None and news.words.digest not in map(bytes, row["profiles"])
        if told or news.kept or new_words:
            self.known.append(row["own"])
            self._add(row["own"], row["wrap"], news, told=told)

    def _add(self, person: PersonId, wrap: bytes, news: News, *, told: bool) -> None:
        vault, words = self.vault, news.words
        for key, number in news.kept.items():
            kind, institution = ("national", 0) if number.national else ("local", news.institution)
            sealed = seal_number(vault, wrap, key, number.value)
            self.numbers.append((key, person, kind, number.system, institution, sealed))
        if words:
            self.keys.extend(words.keys)
            self.keyed.extend([person] * len(words.keys))
            sealed = seal_profile(vault, wrap, person, words.digest, words.stored)
            self.profiles.append((person, words.digest, sealed))
        if told:
            self.decisions.append((person, _decision(news)))

    async def write(self, c: Connection) -> None:
        """All of it; nothing when there is nothing."""
        await turn_persons(c, self.vault, self.known)
        if self.persons or self.numbers or self.keys or self.profiles or self.decisions:
            keys = (literal(self.keys), literal(self.keyed))
            rows = (*_columns(self.persons, 9), *_columns(self.numbers, 6), *keys)
            rows = (*rows, *_columns(self.profiles, 3), *_columns(self.decisions, 2))
            await c.execute(SQL.note, self.now, normalise.VERSION, *rows)


def _columns(rows: Sequence[tuple[object, ...]], width: int) -> list[list[object]]:
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(width)]


async def refresh(c: Connection, vault: Vault, known: Mapping[str, Any], said: Registration, now: datetime) -> None:
    """Newer words replace older ones, but never better ones.

    A name that stands in for one, or only its Latin form, is not better than what is known.
    """
    if known["wrap"] is None:  # without its data key a person is erased, and is called nothing any more
        return
    held = words_of(vault, known, known["own"])
    poorer = normalise.is_placeholder(said.name) and not normalise.is_placeholder(held.name)
    only_latin = said.name == said.latin_name and not held.name.isascii()
    words = renewed(held, said, name="" if poorer or only_latin else said.name)
    same_sex = said.sex in ("", "unknown", known["sex"])
    same_state = said.multiple_birth in (None, known["multiple_birth"]) and (known["deceased"] or not said.deceased)
    if words == held and same_sex and same_state:
        return
    row = (said.sex, said.multiple_birth, said.deceased, *sealed_row(vault, known["wrap"], known["own"], words))
    await c.execute(SQL.update_person, known["own"], now, *row)


def _decision(news: News) -> str:
    found, review = news.scored, bool(news.match.review)
    kind = "automatic" if news.match.person is not None else "review" if review else "new"
    return orjson.dumps(
        {
            "institution": news.institution,
            "kind": kind,
            "rule": news.match.rule,
            "model": model_named().version if found else "",
            "evidence": {
                "candidates": found.evidence() if found else [],
                "hindrances": found.hindrances if found else (),
                "review": [str(person) for person in news.match.review],
            },
        }
    ).decode()
