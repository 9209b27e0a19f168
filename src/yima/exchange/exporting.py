"""Making an export: a job that writes NDJSON in portions, so that a killed worker's work goes on where it stood."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Final

import msgspec

from yima import directory, fhir
from yima.access import Access, ExportOrder, Stored
from yima.exchange.export_files import Size
from yima.exchange.exports import FORGET_EXPORTS, JOB, SQL, Export, by_id, file_of, forget_exports, throw_away
from yima.runtime import jobs
from yima.runtime.civil import civil_day
from yima.runtime.database import Connection, Database

_PERSONS: Final = 200
_SECONDS: Final = 30.0
"""One job works so long, then puts the next on the table: a lease is a minute."""


class Exporter:
    """The job's handler for one worker."""

    def __init__(self, access: Access, now: Callable[[], datetime]) -> None:
        self._access = access
        self._now = now

    @property
    def handlers(self) -> dict[str, jobs.Handler]:
        """What it does, by kind of job."""
        return {JOB: self.run, FORGET_EXPORTS: self.forget}

    async def forget(self, _database: Database, _job: jobs.Job) -> None:
        """Throw away the files whose week is over."""
        await forget_exports(self._access, self._now())

    async def run(self, database: Database, job: jobs.Job) -> None:
        """Go on with an export until it is finished or the time is up."""
        export, until = str(job.payload["export"]), time.monotonic() + _SECONDS
        while await self._portion(export):
            if time.monotonic() > until:
                async with database.transaction() as c:
                    reached = (await by_id(c, export, SQL.one)).reached
                    key = f"{export}/{reached}"
                    await jobs.enqueue(c, JOB, {"export": export}, key=key, now=self._now())
                return

    async def _portion(self, export: str) -> bool:
        """Write the next persons; whether there are more. Files are as long as the table says before it begins."""
        now = self._now()
        async with self._access.database.transaction() as c:
            found = await by_id(c, export, SQL.locked)
            if found.finished or found.rejected or found.deleted:
                return False
            order = await self._order(c, found)
            portion = await self._access.exporting.portion(c, order, found.reached, _PERSONS, now)
            if portion.reached is None:
                await self._finish(c, found, now)
                return False
            wrap = found.wrap or self._access.vault.new_wrap()
            sizes = self._write(found, wrap, portion.rows, civil_day(now))
            said = msgspec.json.encode(sizes).decode()
            await c.execute(SQL.advance, export, portion.reached, portion.persons, said, wrap)
        return True

    async def _finish(self, c: Connection, found: Export, now: datetime) -> None:
        few = found.deidentified and found.persons < self._access.settings.public_least
        if few:  # so few could be told apart
            throw_away(self._access, found.export_id)
        elif found.wrap:
            for name, size in found.sizes.items():
                file_of(self._access, found.export_id, found.wrap, name).end(size)
        await c.execute(SQL.finish, found.export_id, now, "too-few-persons" if few else "")

    async def _order(self, c: Connection, found: Export) -> ExportOrder:
        place = await directory.institution(c, found.institution_id)
        return ExportOrder(
            export=found.export_id, institution=found.institution_id, institution_zh=place.name_zh if place else "",
            client=found.client_id, types=tuple(found.types), since=found.since, deidentified=found.deidentified,
            legal_basis=found.legal_basis,
        )  # fmt: skip

    def _write(self, found: Export, wrap: bytes, rows: Sequence[Stored], today: date) -> dict[str, Size]:
        veil = fhir.Veil(self._access.vault.export_key(found.export_id)) if found.deidentified else None
        lines: dict[str, list[bytes]] = {}
        for row in rows:
            content = row.content
            if veil is not None:
                content = fhir.encode(fhir.deidentified(fhir.parse(content), veil, row.home, today))
            lines.setdefault(row.type, []).append(content)
        sizes = dict(found.sizes)
        for name, held in lines.items():
            file = file_of(self._access, found.export_id, wrap, name)
            sizes[name] = file.append(sizes.get(name, Size()), held)
        return sizes
