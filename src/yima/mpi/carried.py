"""What a Patient brought to a person goes along when it moves or is split off: candidate keys and words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from yima.mpi.heard import heard
from yima.mpi.registration import Registration
from yima.mpi.resolve import SQL
from yima.runtime.database import Connection, Queries
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

CARRY = Queries(__package__, "merge.sql")


@dataclass(frozen=True, slots=True)
class Brought:
    """What a Patient said of the person, in all its versions, and what the person's other Patients said."""

    newest: Registration | None = None
    keys: tuple[int, ...] = ()
    words: tuple[bytes, ...] = ()
    """Digests."""
    others_keys: tuple[int, ...] = ()
    others_words: tuple[bytes, ...] = ()


NOTHING = Brought()


def brought(vault: Vault, moves: Sequence[Registration], stays: Sequence[Registration]) -> Brought:
    """From the versions of the Patient that moves, newest first, and those of the person's other Patients."""
    ours, theirs = [heard(vault, said) for said in moves], [heard(vault, said) for said in stays]
    return Brought(
        moves[0] if moves else None,
        tuple({key for one in ours for key in one.keys}),
        tuple({one.digest for one in ours}),
        tuple({key for one in theirs for key in one.keys}),
        tuple({one.digest for one in theirs}),
    )


async def carry(c: Connection, number: int, before: PersonId, after: PersonId, said: Brought) -> None:
    """Give `after` what the Patient brought, as far as `before` has it; `before` keeps what others brought as well."""
    if said.keys:
        await c.execute(CARRY.carry_keys, before, after, list(said.keys), list(said.others_keys), number)
        await c.execute(CARRY.carry_words, before, after, list(said.words), list(said.others_words), number)


async def bring_back(c: Connection, number: int, before: PersonId, after: PersonId) -> None:
    """Undo `carry` exactly."""
    await c.execute(CARRY.bring_back, before, after, number)


async def forget_carried(c: Connection, patients: Sequence[str]) -> None:
    """Forget what acts kept of these Patients, whose content is erased: undoing such an act brings back no words."""
    await c.execute(CARRY.forget_carried, list(patients))


async def named_by(c: Connection, person: PersonId, said: Brought, at: datetime) -> None:
    """A person that was split off is called as its own Patient says."""
    if said.newest is not None:
        new = said.newest
        row = (person, at, new.name, new.latin_name, new.sex, new.birth_date, new.multiple_birth, new.deceased)
        await c.execute(SQL.update_person, *row, None, None)
