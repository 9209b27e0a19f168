"""What came in, from whom, how fast, what failed: the operator's view. No person appears in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from yima import directory, mpi
from yima.access import Access
from yima.exchange.receipts import SQL


@dataclass(frozen=True, slots=True)
class Submission:
    """One submission as an operator sees it; `outcome` is ok, repeated or refused, `code` and `field` say why
    refused."""

    received: datetime
    institution_zh: str
    institution_en: str
    app: str
    resources: int
    bytes: int
    ms: float
    outcome: str
    code: str
    field: str
    request_id: str


@dataclass(frozen=True, slots=True)
class ByInstitution:
    """Totals of one institution; times in milliseconds."""

    institution_zh: str
    institution_en: str
    ok: int
    failed: int
    resources: int
    last: datetime
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Mistake:
    """One kind of mistake in what was sent: stable code, place without indices, how often."""

    code: str
    field: str
    number: int


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Everything on the operator's page."""

    totals: dict[str, int]
    rates: tuple[tuple[str, int, int], ...]
    """(minute as ISO text, accepted, refused) of the last hour; minutes without traffic are absent."""
    by_institution: tuple[ByInstitution, ...]
    recent: tuple[Submission, ...]


async def dashboard(access: Access, now: datetime) -> Dashboard:
    """The present state, from the receipts."""
    db = access.database
    names = {i.institution_id: i for i in await directory.institutions(db)}

    def name(number: int) -> tuple[str, str]:
        return (names[number].name_zh, names[number].name_en) if number in names else ("—", "—")

    recent = tuple(
        Submission(r["received"], *name(r["institution_id"]), *list(r)[2:]) for r in await db.fetch(SQL.recent, 50)
    )
    rates = tuple(
        (r["minute"].isoformat(), r["ok"], r["failed"]) for r in await db.fetch(SQL.rates, now - timedelta(hours=1))
    )
    by = tuple(ByInstitution(*name(r["institution_id"]), *list(r)[1:]) for r in await db.fetch(SQL.by_institution))
    totals = dict(await db.fetchrow(SQL.totals)) | await mpi.totals(db)
    return Dashboard({key: int(value) for key, value in totals.items()}, rates, by, recent)


async def mistakes(access: Access, since: datetime, institution: int = 0) -> list[Mistake]:
    """What was refused since, by kind and place, the most frequent first; of one institution, or (0) of all."""
    return [Mistake(*row.values()) for row in await access.database.fetch(SQL.mistakes, since, institution)]
