"""What COPY stores is what INSERT stores, to the last bit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from tests.records.store import VAULT, Shelf, seen

from yima.records import Write, everything
from yima.runtime import ids
from yima.runtime.database import Database

DATES: list[Any] = ["1900", "2024-02-29", "2024-02-29T23:59:59.999+14:00", "9999-12-31T23:59:59Z", "0001-01-01", None]
_ROWS = (
    "select home, type, version, updated, institution_id, class, deleted, low, high, tokens, sandbox, patient "
    "from records.resource where home = $1 order by id"
)


def _found(date: Any, text: str) -> dict[str, Any]:
    resource = {"resourceType": "Observation", "status": "final", "code": {"text": text}}
    return resource | ({"effectiveDateTime": date} if date else {})


@pytest.mark.parametrize("text", ["x", "心电图 😀", 'a "quoted" \\ line'])
async def test_many_rows_are_stored_as_single_ones_are(db: Database, text: str) -> None:
    one, many = Shelf(db), Shelf(db)
    now = datetime(2026, 3, 1, 8, 0, 0, 123456, tzinfo=UTC)
    writes = [many.new(_found(date, text), cls="hiv") for date in DATES]
    await many.write(*writes, now=now)
    for write in writes:
        name = ids.person_text(one.home) + write.id[10:]
        await one.write(Write("create", one.home, write.type, name, write.resource, "hiv"), now=now)
    rows = [[tuple(row)[1:] for row in await db.fetch(_ROWS, shelf.home)] for shelf in (one, many)]
    assert rows[0] == rows[1]
    assert len(rows[0]) == len(DATES)
    contents = [stored.content for stored in await everything(db, VAULT, [many.home], seen())]
    assert all(text.encode() in content or b"\\" in content for content in contents)
