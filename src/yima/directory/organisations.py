"""Institutions as card systems write them: added and changed by code, with what they say of themselves kept as said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from yima.directory.gateway import institution_by_code
from yima.directory.register import Institution, register_institution
from yima.runtime.database import Connection, Database, Queries
from yima.runtime.errors import Refusal

_SQL = Queries(__package__, "gateway.sql")
_SUSPEND = Queries(__package__).set_institution_status


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """What one call says of an institution; empty = not said."""

    code: str
    name: str
    kind: str = ""
    area: str = ""
    status: str = ""
    """`active` or `suspended`."""
    said: Mapping[str, str] = field(default_factory=dict)
    """Everything else, by the caller's own names."""


async def add_organisation(c: Connection, new: Organisation) -> None:
    """Put an institution on the register. Refusal `field-invalid` when its code is on it already."""
    if await institution_by_code(c, new.code):
        raise Refusal("field-invalid", field="orgcode", expected="a code that is not registered yet")
    number = await register_institution(
        c, code=new.code, name_zh=new.name, name_en=new.name, kind=new.kind, area=new.area or "000000"
    )
    await c.execute(_SQL.put_said, number, orjson.dumps(dict(new.said)).decode())


async def update_organisation(c: Connection, changed: Organisation, now: datetime) -> None:
    """Change what is said of an institution; what is not said stays. Refusal `not-found`."""
    held = await _held(c, changed.code)
    name_en = held.name_en if held.name_en != held.name_zh else changed.name or held.name_en
    await register_institution(
        c, code=held.code, name_zh=changed.name or held.name_zh, name_en=name_en, kind=changed.kind or held.kind,
        area=changed.area or held.area,
    )  # fmt: skip
    if changed.status:
        await c.execute(_SUSPEND, held.institution_id, changed.status, now)
    await c.execute(_SQL.put_said, held.institution_id, orjson.dumps(dict(changed.said)).decode())


async def organisation(db: Database, code: str) -> tuple[Institution, dict[str, str]]:
    """An institution and what card systems said of it. Refusal `not-found`."""
    held = await _held(db, code)
    row = await db.fetchrow(_SQL.said, held.institution_id)
    return held, orjson.loads(row["said"]) if row else {}


async def _held(source: Database | Connection, code: str) -> Institution:
    held = await institution_by_code(source, code)
    if held is None:
        raise Refusal("not-found", field="orgcode")
    return held
