"""History across resources: every version of what a sandbox wrote, newest first (R4 http.html#history)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from yima.records.pages import Page, page_of
from yima.records.spots import Keys, Wanted, beyond, order_by
from yima.runtime.database import Database
from yima.runtime.keys import Vault

_KEYS: Final[Keys] = (("updated", True), ("type", False), ("id", False), ("version", True))
_ALL: Final = """
with every as (
  select home, type, id, version, updated, institution_id, class, deleted, content, patient
  from records.resource where sandbox and institution_id = $1 and ($2::text is null or type = $2)
  union all
  select h.home, h.type, h.id, h.version, h.updated, h.institution_id, h.class, h.deleted, h.content,
    r.patient
  from records.history h join records.resource r using (home, type, id)
  where r.sandbox and r.institution_id = $1 and ($2::text is null or r.type = $2)),
timed as (select *, lead(updated) over (partition by home, type, id order by version) as until from every),
meant as (select * from timed where ($3::timestamptz is null or updated >= $3)
  and ($4::timestamptz is null or until is null or until > $4) and ($5::timestamptz is null or updated <= $5))
"""


@dataclass(frozen=True, slots=True)
class Times:
    """Of when: written since, or current at some moment between two (`_since`, `_at`)."""

    since: datetime | None = None
    first: datetime | None = None
    last: datetime | None = None


async def sandbox_history(
    db: Database, vault: Vault, institution: int, resource_type: str | None, times: Times, wanted: Wanted
) -> Page:
    """A page of the versions of one type, or of all."""
    args: list[Any] = [institution, resource_type, times.since, times.first, times.last]
    total = int((await db.fetchrow(f"{_ALL} select count(*) from meant", *args))[0])
    spot, count = wanted.spot, wanted.spot.take or wanted.count
    there = beyond(_KEYS, spot, args)
    order = order_by(_KEYS, spot.back)
    wrap = "(select k.wrap from records.key k where k.home = meant.home) as wrap"
    rows = await db.fetch(
        f"{_ALL} select *, {wrap} from meant where {there} order by {order} limit ${len(args) + 1}", *args, count + 1
    )
    found = list(rows[:count])
    if spot.back:
        found.reverse()
    return page_of(vault, found, total, _KEYS, spot, len(rows) > count)
