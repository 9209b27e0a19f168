"""A store for the tests: one institution's writes, each in a transaction of its own."""

from __future__ import annotations

import itertools
import tempfile
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from yima import fhir, records
from yima.records import Origin, Sight, Stored, Write, Written, transact
from yima.runtime import ids
from yima.runtime.database import Database
from yima.runtime.keys import FileKeyStore, Vault

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
KEY = b"the key of the tests"
VAULT = Vault(FileKeyStore(Path(tempfile.mkdtemp(prefix="yima-test-")) / "keys.json"))
seen = partial(Sight, patients=None)
"""A sight of homes that hold nobody else's rows."""
ALL = seen()
_numbers = itertools.count(1)


def observation(**parts: Any) -> dict[str, Any]:
    """An Observation with what the test adds."""
    return {"resourceType": "Observation", "status": "final", "code": {"text": "x"}} | parts


class Shelf:
    """One person's home as one institution writes to it; every write is a second later than the last."""

    def __init__(self, db: Database, institution: int = 7, home: int | None = None) -> None:
        self.db = db
        self.institution = institution
        self.home = ids.new_person_id() if home is None else home
        self.now = NOW

    async def write(self, *writes: Write, now: datetime | None = None) -> list[Written]:
        """Store in one transaction."""
        self.now += timedelta(seconds=1)
        async with self.db.transaction() as c:
            origin = Origin(
                institution=self.institution, source=f"urn:test:{self.institution}",
                submission=f"s{next(_numbers)}", now=now or self.now,
            )  # fmt: skip
            return await transact(c, VAULT, writes, origin, index_key=KEY)

    def new(self, resource: dict[str, Any], cls: str = "") -> Write:
        """The creation of a resource."""
        return Write("create", self.home, resource["resourceType"], ids.new_resource_id(self.home), resource, cls)

    async def create(self, resource: dict[str, Any], cls: str = "") -> Written:
        """Store a new resource."""
        return (await self.write(self.new(resource, cls)))[0]

    async def update(
        self, to: Written, resource: dict[str, Any], *, cls: str = "", if_match: int | None = None
    ) -> Written:
        """Store the next version."""
        return (await self.write(Write("update", self.home, to.type, to.id, resource, cls, if_match)))[0]

    async def delete(self, of: Written, *, if_match: int | None = None) -> Written:
        """Delete it."""
        return (await self.write(Write("delete", self.home, of.type, of.id, {}, "", if_match)))[0]

    async def current(self, of: Written) -> Stored | None:
        """The present version."""
        return await records.Reader(self.db, VAULT).read(of.type, of.id)

    async def search(
        self,
        params: list[tuple[str, str]],
        *,
        sight: Sight = ALL,
        spot: records.Spot = records.START,
        count: int = 100,
    ) -> records.Page:
        """Search Observations in this home."""
        query = fhir.compile_query("Observation", params, key=KEY, now=NOW)
        return await records.search(
            self.db, VAULT, [self.home], "Observation", query, sight, records.Wanted(spot=spot, count=count)
        )
