"""That a Patient is the person its registration was resolved to, and which of the institution's own numbers mean it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from yima.mpi.held import SQL
from yima.mpi.registration import Registration
from yima.mpi.resolve import Resolution, Source, digest
from yima.runtime import ids, metrics
from yima.runtime.database import Connection
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault


@dataclass(frozen=True, slots=True)
class Link:
    """That a Patient is the person its registration was resolved to."""

    resolution: Resolution
    said: Registration
    source: Source
    patient_id: str
    home: PersonId | None = None
    """Where the Patient lies, for an id that does not say so."""

    @property
    def new(self) -> bool:
        """Whether it was not said before."""
        found = self.resolution
        return found.patient_id != self.patient_id or found.new_numbers or bool(found.review)


async def link(  # noqa: PLR0913  each is one independent fact of the link
    c: Connection,
    vault: Vault,
    resolution: Resolution,
    said: Registration,
    source: Source,
    patient_id: str,
    *,
    now: datetime,
    home: PersonId | None = None,
) -> None:
    """Say that a Patient is the resolved person, and that the institution's own numbers mean this Patient.

    `home`: where the Patient lies, for an id that does not say so.
    """
    await link_many(c, vault, [Link(resolution, said, source, patient_id, home)], now=now)


async def link_many(c: Connection, vault: Vault, links: Sequence[Link], *, now: datetime) -> None:
    """`link` for many Patients, in one round trip."""
    new = [one for one in links if one.new]
    if new:
        await c.executemany(SQL.add_link, [_row(vault, one, now) for one in new])
    for one in new:
        found = one.resolution
        if found.created:
            metrics.persons.inc()
        if found.review:
            asked = (found.person, list(found.review), one.source.institution, "possible-duplicate", now)
            await c.execute(SQL.add_reviews, *asked)


def _row(vault: Vault, one: Link, now: datetime) -> tuple[object, ...]:
    local = [
        form
        for number in one.said.identifiers
        if not number.national
        for form in vault.hashes.forms(digest(vault, number, one.source.institution))
    ]
    home = ids.home_of(one.patient_id) if one.home is None else one.home
    return (
        one.resolution.side, one.patient_id, home, one.source.institution, one.resolution.rule, now, local,
    )  # fmt: skip
