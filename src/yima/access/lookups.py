"""What a decision asks about, for many requests at once: one question for all that came in one turn of the loop.

Nothing is kept. Each answer is as fresh as a question of one's own, since a batch is asked after its last member came:
a withdrawn consent, an ended visit or a merge counts from the next request on, on every worker.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from yima import consent, healthcode, mpi, records
from yima.runtime.database import Batcher, Database
from yima.runtime.ids import PersonId

_MOST: Final = 200
_LANES: Final = 2


class Lookups:
    """Coalesced look-ups; one per worker process."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._visits = Batcher(self._visits_behind, limit=_MOST, lanes=_LANES)
        self._standings = Batcher(self._standing_of_each, limit=_MOST, lanes=_LANES)
        self._patients = Batcher(self._persons_of, limit=_MOST, lanes=_LANES)
        self._persons = Batcher(self._wholes_of, limit=_MOST, lanes=_LANES)

    async def visit(self, handle: str, now: datetime) -> healthcode.Visit:
        """As `healthcode.open_visit`."""
        return healthcode.still_open(await self._visits.submit(handle), now)

    async def standing(self, person: PersonId, now: datetime) -> list[consent.Standing]:
        """As `consent.standing_of` one person."""
        return await self._standings.submit((person, now))

    async def standing_of_all(self, members: Iterable[PersonId], now: datetime) -> list[consent.Standing]:
        """What was decided by each of those who are read as one: of persons that were merged, one no is a no."""
        found = await asyncio.gather(*(self.standing(member, now) for member in members))
        return [said for one in found for said in one]

    async def person_of_patient(self, patient: str) -> PersonId | None:
        """As `mpi.person_of_patient`."""
        return None if "\x00" in patient else await self._patients.submit(patient)

    async def whole(self, person: PersonId) -> mpi.Whole:
        """As `mpi.whole_of`."""
        return await self._persons.submit(person)

    async def whole_of_row(self, row: records.Stored) -> mpi.Whole:
        """Whose a row is now. Its Patient needs to be asked for only where a home is several persons'."""
        whole = await self.whole(row.home)
        if whole.patients is None or row.patient in whole.patients:
            return whole
        person = await self.person_of_patient(row.patient)
        return whole if person is None else await self.whole(person)

    async def _visits_behind(self, handles: list[str]) -> Sequence[healthcode.Visit | None]:
        found = await healthcode.visits_behind(self._db, handles)
        return [found.get(handle) for handle in handles]

    async def _standing_of_each(self, asked: list[tuple[PersonId, datetime]]) -> Sequence[list[consent.Standing]]:
        return await consent.standing_of_each(self._db, asked)

    async def _persons_of(self, patients: list[str]) -> Sequence[PersonId | None]:
        found = await mpi.persons_of_patients(self._db, patients)
        return [found.get(patient) for patient in patients]

    async def _wholes_of(self, persons: list[PersonId]) -> Sequence[mpi.Whole]:
        found = await mpi.wholes_of(self._db, persons)
        return [found[person] for person in persons]
