"""Keys at rest: what is readable is sealed, data keys go over to a new master key. A maintenance job of the operator;
nobody's record is shown, so nothing is logged."""

from __future__ import annotations

from collections.abc import AsyncIterator

from yima import authentication, directory, mpi, records
from yima.access.context import Context
from yima.access.words import ROOMS, seal_before


class Keeping:
    """The door's part for `yima keys`; `Access.keeping`."""

    def __init__(self, cx: Context) -> None:
        self._cx = cx

    @property
    def masters(self) -> list[int]:
        """The numbers of the master keys that are held; the last wraps what is new."""
        return self._cx.vault.masters()

    async def readable(self) -> tuple[int, int, int, int]:
        """How many persons, rows of records, rows of the population register and typed words are not sealed yet. Lines
        of the log stay as they were written: their hashes are in the tree."""
        db = self._cx.database
        typed = sum([await room.count(db) for room in ROOMS])
        return await mpi.unsealed(db), await records.unsealed(db), await mpi.unsealed_lives(db), typed

    async def seal(self, most: int) -> AsyncIterator[int]:
        """Seal persons, rows of records, of the population register, then words, in steps of at most so many; how many
        each step had. It may be stopped at any moment and begun again."""
        db, vault = self._cx.database, self._cx.vault
        while done := await mpi.seal_persons(db, vault, most):
            yield done
        while done := await records.seal_rows(db, vault, most):
            yield done
        while done := await mpi.seal_lives(db, vault, most):
            yield done
        for room in ROOMS:
            while done := await seal_before(db, vault, room, most):
                yield done

    def rotate(self) -> int:
        """Make the next master key; its number. Every worker uses it from its next key on."""
        return self._cx.vault.rotate()

    async def rewrap(self, most: int) -> AsyncIterator[None]:
        """Wrap every data key by the newest master key, in steps. What is done already is passed over; it may be
        stopped at any moment and begun again."""
        db, vault = self._cx.database, self._cx.vault
        await directory.rewrap_apps(db, vault)
        await authentication.rewrap_accounts(db, vault)
        for step in (mpi.rewrap_persons, records.rewrap_keys):
            after: int | None = -1
            while after is not None:
                after = await step(db, vault, after, most)
                yield

    def forget(self, number: int) -> None:
        """Destroy a master key; the caller has wrapped everything anew. Refusal `key-change-refused` for the newest."""
        self._cx.vault.forget(number)
