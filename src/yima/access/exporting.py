"""Handing out many records at once: for exports that two organisations approved; each log is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from yima import audit, consent, records
from yima.access.context import Context
from yima.runtime.database import Connection
from yima.runtime.ids import PersonId

EXPORT_BASES: Final = {
    "public-health": ("Statutory public health duty", "法定公共卫生职责"),
    "statistics": ("Official statistics", "法定统计"),
    "research": ("Research approved by an ethics committee", "经伦理审查批准的研究"),
    "own-data": ("An institution's own records", "机构本单位数据"),
}
"""The closed list of grounds for an export."""
NEVER_DEIDENTIFIED: Final = frozenset(
    {
        "AuditEvent", "Binary", "Bundle", "Communication", "CommunicationRequest", "Composition", "Consent",
        "DocumentManifest", "DocumentReference", "List", "Media", "Person", "Provenance", "QuestionnaireResponse",
        "RelatedPerson",
    }
)  # fmt: skip
"""Types that are about people or are free text and pictures through and through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOrder:
    """An approved export, as far as reading needs to know it."""

    export: str
    institution: int
    institution_zh: str
    client: str
    types: tuple[str, ...]
    since: datetime | None
    deidentified: bool
    legal_basis: str


@dataclass(frozen=True, slots=True)
class Portion:
    """The next persons of an export. `reached` is the last home looked at; None when there are no more."""

    rows: Sequence[records.Stored]
    persons: int
    reached: PersonId | None


class Exporting:
    """The door's side of an export."""

    def __init__(self, cx: Context) -> None:
        self._cx = cx

    async def portion(self, c: Connection, order: ExportOrder, after: PersonId, limit: int, now: datetime) -> Portion:
        """The resources of the next persons, their log lines written in the caller's transaction.

        Identified: what the institution itself wrote. De-identified: everybody's, but sensitive classes, single items
        that somebody closed, and but who closed the whole record.
        """
        own = None if order.deidentified else order.institution
        homes = await records.homes_after(c, after, own, limit)
        if not homes:
            return Portion((), 0, None)
        open_ones, withheld = await self._open(c, homes, now) if order.deidentified else (homes, frozenset[str]())
        found = await records.rows_of(c, open_ones, order.types, own, order.since)
        rows = [row for row in found if f"{row.type}/{row.id}" not in withheld] if withheld else found
        counts: dict[PersonId, dict[str, int]] = {}
        for row in rows:
            types = counts.setdefault(row.home, {})
            types[row.type] = types.get(row.type, 0) + 1
        await audit.append(c, [_line(order, home, types, now) for home, types in sorted(counts.items())])
        return Portion(rows, len(counts), homes[-1])

    async def _open(
        self, c: Connection, homes: Sequence[PersonId], now: datetime
    ) -> tuple[list[PersonId], frozenset[str]]:
        """The homes that are not closed to everybody, and the single resources that are."""
        decisions = await consent.standing_of_each(c, [(home, now) for home in homes])
        judged = [consent.without_names(said, now) for said in decisions]
        shared = [home for home, (permit, _) in zip(homes, judged, strict=True) if permit]
        return shared, frozenset(item for _, items in judged for item in items)


def _line(order: ExportOrder, person: PersonId, types: dict[str, int], now: datetime) -> audit.Event:
    detail: dict[str, Any] = {"types": types, "export": order.export, "deidentified": order.deidentified}
    return audit.Event(
        person=person, recorded=now, action="export", outcome="ok", basis="two-organisations",
        purpose="public-health" if order.legal_basis == "public-health" else "", agent="app", agent_id=order.client,
        institution=order.institution, institution_name=order.institution_zh, detail=detail,
    )  # fmt: skip
