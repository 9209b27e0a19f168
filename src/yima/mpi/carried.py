"""What a Patient brought to a person goes along when it moves or is split off: candidate keys and words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import msgspec

from yima.mpi import normalise
from yima.mpi.heard import heard
from yima.mpi.held import SQL
from yima.mpi.noted import refresh
from yima.mpi.registration import Registration
from yima.mpi.sealed import UNKNOWN, Words, profile_of, renewed, seal_profile, sealed_row, words_of
from yima.mpi.sealing import seal_person
from yima.mpi.turning import turn_persons
from yima.runtime.database import Connection, Queries
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

CARRY = Queries(__package__, "merge.sql")
_NOBODYS_ACT: Final = 0
"""Numbers of acts begin at 1."""


@dataclass(frozen=True, slots=True)
class Brought:
    """What a Patient said of the person, in all its versions, and what the person's other Patients said."""

    moved: tuple[Registration, ...] = ()
    """The Patient's, newest first."""
    remaining: tuple[Registration, ...] = ()
    """The others', newest first."""
    keys: tuple[int, ...] = ()
    words: tuple[bytes, ...] = ()
    """Digests."""
    others_keys: tuple[int, ...] = ()
    others_words: tuple[bytes, ...] = ()

    @property
    def newest(self) -> Registration | None:
        """What the Patient says now."""
        return self.moved[0] if self.moved else None


NOTHING = Brought()


def brought(vault: Vault, moves: Sequence[Registration], stays: Sequence[Registration]) -> Brought:
    """From the versions of the Patient that moves, and those of the person's other Patients; each newest first."""
    ours, theirs = [heard(vault, said) for said in moves], [heard(vault, said) for said in stays]
    return Brought(
        tuple(moves),
        tuple(stays),
        tuple({key for one in ours for key in one.keys}),
        tuple({one.digest for one in ours}),
        tuple({key for one in theirs for key in one.keys}),
        tuple({one.digest for one in theirs}),
    )


async def carry(c: Connection, vault: Vault, number: int, before: PersonId, after: PersonId, said: Brought) -> None:
    """Give `after` what the Patient brought, as far as `before` has it; `before` keeps what others brought as well."""
    if not (said.keys or said.words):
        return
    await seal_person(c, vault, before)  # words of before have other digests
    await turn_persons(c, vault, [before, after])
    await c.execute(CARRY.carry_keys, before, after, list(said.keys), list(said.others_keys), number)
    wrap = (await c.fetchrow(CARRY.words, after))["wrap"]
    sealed: dict[bytes, bytes] = {}
    for key, held, theirs in await c.fetch(CARRY.words_said, before, list(said.words)):
        stored = profile_of(vault, theirs, before, key, held)
        if stored is not None and wrap is not None:
            sealed[key] = seal_profile(vault, wrap, after, key, stored)
    await c.execute(
        CARRY.carry_words, before, after, list(sealed), list(said.others_words), number, list(sealed.values())
    )


async def unsay(c: Connection, vault: Vault, number: int, before: PersonId, said: Brought, at: datetime) -> None:
    """What only the Patient had said of `before` (a phone, a name, a sex) goes with it: they are called as their other
    Patients say. A death stays until a steward takes it back: it is on the card, too."""
    if not said.moved:
        return
    await seal_person(c, vault, before)
    row = await c.fetchrow(CARRY.words, before)
    if row["wrap"] is None:
        return
    held, left, sex = words_of(vault, row), UNKNOWN, ""
    for one in reversed(said.remaining):
        left = renewed(left, one, name="" if normalise.is_placeholder(one.name) and left.name else one.name)
        sex = one.sex if one.sex not in ("", "unknown") else sex
    theirs, others = ([renewed(UNKNOWN, one, name=one.name) for one in some] for some in (said.moved, said.remaining))

    def of(field: str) -> str:
        value = str(getattr(held, field))
        only_theirs = any(getattr(one, field) == value for one in theirs) and not any(
            getattr(one, field) == value for one in others
        )
        fallback = "" if field == "phone" else value
        return str(getattr(left, field)) or fallback if only_theirs else value

    words = Words(*map(of, Words.__struct_fields__))
    only_their_sex = sex and row["sex"] in {one.sex for one in said.moved} - {one.sex for one in said.remaining}
    if words != held or only_their_sex:
        sealed = sealed_row(vault, row["wrap"], before, words)
        await c.execute(CARRY.unsay, before, number, at, sex if only_their_sex else row["sex"], *sealed)


async def bring_back(c: Connection, number: int, before: PersonId, after: PersonId) -> None:
    """Undo `carry` and `unsay` exactly; what `before` has been called anew since stays."""
    await c.execute(CARRY.bring_back, before, after, number)
    await c.execute(CARRY.say_again, before, number)


async def hand_back(
    c: Connection, vault: Vault, number: int, after: PersonId, before: PersonId, since: Brought, at: datetime
) -> None:
    """Act `number` had given a Patient of `before` to `after`, and is undone: what it has said since it went there goes
    back with it, and so they are called."""
    if since.newest is None:
        return
    rows = await c.fetch(CARRY.carried_keys, before, number)
    known, words = {row["key"] for row in rows}, {bytes(row["digest"]) for row in rows if row["digest"]}
    news = replace(
        since,
        keys=tuple(key for key in since.keys if key not in known),
        words=tuple(one for one in since.words if one not in words),
    )
    await carry(c, vault, _NOBODYS_ACT, after, before, news)
    await unsay(c, vault, _NOBODYS_ACT, after, since, at)
    await c.execute(CARRY.forget_act, after, _NOBODYS_ACT)  # an undoing is not undone
    await c.execute(CARRY.forget_called, after, _NOBODYS_ACT)
    await refresh(c, vault, await c.fetchrow(CARRY.words, before), since.newest, at)


async def forget_carried(c: Connection, patients: Sequence[str]) -> None:
    """Forget what acts kept of these Patients, whose content is erased: undoing such an act brings back no words."""
    await c.execute(CARRY.forget_carried, list(patients))
    await c.execute(CARRY.forget_former, list(patients))


async def add_like(
    c: Connection, vault: Vault, person: PersonId, before: PersonId, newest: Registration | None, at: datetime
) -> None:
    """A person that is split off: called as its own Patient says, and in the rest like the one it leaves."""
    row, wrap = await c.fetchrow(CARRY.words, before), vault.new_wrap()
    words = msgspec.structs.replace(words_of(vault, row) if row else UNKNOWN, phone="")
    words = renewed(words, newest, name=newest.name) if newest else words
    sealed = sealed_row(vault, wrap, person, words)
    await c.execute(CARRY.add_like, person, before, at, wrap, *sealed)
    if newest:
        await c.execute(SQL.update_person, person, at, newest.sex, newest.multiple_birth, newest.deceased, *sealed)
