"""The keys of hashes change: numbers, phones, candidate keys, search tokens. A maintenance job of the operator;
nobody's record is shown, so nothing is logged. How it is safe beside working servers: `yima.runtime.blinding`."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

from yima import authentication, directory, healthcode, mpi
from yima.access.context import Context
from yima.runtime.database import Queries
from yima.runtime.errors import Refusal
from yima.runtime.layers import Turn

_SQL: Final = Queries(__package__)
_POLL: Final = 0.05
SPREAD: Final = 5.0
"""Seconds given to every worker to see a step and to begin the transactions whose hashes it had made before."""
More = Callable[[Turn], Awaitable[dict[str, int]]]


class Turning:
    """The door's part for `yima keys rotate-index`; `Access.turning`."""

    def __init__(self, cx: Context) -> None:
        self._cx, self._hashes = cx, cx.vault.hashes

    async def check(self) -> None:
        """Ask for the hashes that the database has, where it is older than the key file: a backup that was put back.

        Refusal `key-store-invalid` when the key of these was destroyed.
        """
        if self._hashes.written:
            for number in sorted(await mpi.generations(self._cx.database) - {*self._hashes.asked}):
                self._hashes.ask_again(number)

    @property
    def held(self) -> list[int]:
        """The generations whose keys are held."""
        return self._hashes.held

    @property
    def written(self) -> int:
        """The generation that is written; 0 where hashes have none."""
        return self._hashes.written

    @property
    def asked(self) -> list[int]:
        """The generations that are asked for: more than one while a rotation goes on."""
        return self._hashes.asked

    @property
    def turns(self) -> list[Turn]:
        """What there is to turn: nothing while no rotation goes on."""
        return self._hashes.turns

    async def begin(self, spread: float = SPREAD) -> list[Turn]:
        """Make the next generation and have every worker write it; what there is to turn from then on. Goes on with a
        rotation that was interrupted. Refusal `key-change-refused`."""
        number = self._hashes.announce()
        await self._spread(spread)
        self._hashes.write(number)
        await self._spread(spread)
        return self._hashes.turns

    async def turn(self, turn: Turn, most: int) -> AsyncIterator[int]:
        """Turn what the rooms below hold, but search tokens, in steps of at most so many rows; how many each step had.
        It may be stopped at any moment and begun again."""
        db, vault = self._cx.database, self._cx.vault
        for steps in (
            directory.turn_humans(db, turn),
            authentication.turn_sign_in(db, turn, most),
            healthcode.national.turn_applicants(db, turn, most),
            mpi.turn_index(db, vault, turn, most),
        ):
            async for step in steps:
                yield step

    async def unturned(self, turn: Turn) -> dict[str, int]:
        """How many rows still have hashes of the old key, by table: those of `turn`."""
        db = self._cx.database
        counts = await mpi.unturned(db, turn) | await authentication.unturned_sign_in(db, turn)
        counts |= await directory.unturned_humans(db, turn)
        return counts | await healthcode.national.unturned_applicants(db, turn)

    async def settle(self, turns: Sequence[Turn], more: More, spread: float = SPREAD) -> None:
        """Ask for the new generation only. The caller has turned everything, search tokens as well; `more`: what is
        left in rooms above. Refusal `key-change-refused` when something is left."""
        for turn in turns:
            if left := await self._left(turn, more):
                raise Refusal("key-change-refused", reason=f"rows of the old hash key are left: {left}")
        for number in {turn.new.number for turn in turns}:
            self._hashes.settle(number)
        await self._spread(spread)

    async def forget(self, number: int, more: More) -> None:
        """Destroy the key of a generation that nothing has any more. Refusal `key-change-refused` for one that is asked
        for, and when something is left of it, which is asked for from then on."""
        if number in self.asked or number not in self.held:
            raise Refusal("key-change-refused", reason=f"hash key {number} is in use, or is not held")
        if left := await self._left(self._hashes.turn_from(number), more):
            self._hashes.ask_again(number)
            raise Refusal("key-change-refused", reason=f"rows of hash key {number} are left: {left}")
        self._hashes.forget(number)

    async def _left(self, turn: Turn, more: More) -> str:
        counts = Counter(await self.unturned(turn)) + Counter(await more(turn))
        return ", ".join(f"{table} {count}" for table, count in sorted(counts.items()))

    async def _spread(self, seconds: float) -> None:
        """Wait until every worker has seen what was changed: some time, and then the end of every transaction that had
        begun before."""
        await asyncio.sleep(seconds)
        before = await self._running()
        while before:
            await asyncio.sleep(_POLL)
            before &= await self._running()

    async def _running(self) -> set[str]:
        return {row["virtualxid"] for row in await self._cx.database.fetch(_SQL.running)}
