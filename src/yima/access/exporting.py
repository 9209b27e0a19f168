"""Handing out many records at once: for exports that two organisations approved; each log is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from yima import audit, consent, mpi, records
from yima.access.context import Context
from yima.access.rights import check_export
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
        role = "public-health-order" if order.deidentified else "institution-system"
        check_export(role, order.types, deidentified=order.deidentified)
        own = None if order.deidentified else order.institution
        homes = await records.homes_after(c, after, own, limit)
        if not homes:
            return Portion((), 0, None)
        rows = await records.rows_of(c, self._cx.vault, homes, order.types, own, order.since)
        if order.deidentified:
            rows = await _open(c, rows, now)
        counts: dict[tuple[PersonId, str], dict[str, int]] = {}
        for row in rows:
            types = counts.setdefault((row.home, row.patient), {})
            types[row.type] = types.get(row.type, 0) + 1
        await audit.append(c, [_line(order, whose, types, now) for whose, types in sorted(counts.items())])
        return Portion(rows, len({home for home, _ in counts}), homes[-1])


async def _open(c: Connection, rows: Sequence[records.Stored], now: datetime) -> list[records.Stored]:
    """The rows that their person has not closed to everybody, each alone or with the whole record."""
    persons = await mpi.persons_of_patients(c, sorted({row.patient for row in rows}))
    wholes = await mpi.wholes_of(c, set(persons.values()))
    members = sorted({member for whole in wholes.values() for member in whole.members})
    said = dict(zip(members, await consent.standing_of_each(c, [(one, now) for one in members]), strict=True))
    judged = {
        person: consent.without_names([one for member in whole.members for one in said[member]], now)
        for person, whole in wholes.items()
    }

    def is_open(row: records.Stored) -> bool:
        if (person := persons.get(row.patient)) is None:
            return False
        permit, items = judged[person]
        return permit and f"{row.type}/{row.id}" not in items

    return [row for row in rows if is_open(row)]


def _line(order: ExportOrder, whose: tuple[PersonId, str], types: dict[str, int], now: datetime) -> audit.Event:
    home, patient = whose
    detail: dict[str, Any] = {"types": types, "export": order.export, "deidentified": order.deidentified}
    if patient:
        detail["patient"] = patient
    return audit.Event(
        person=home, recorded=now, action="export", outcome="ok", basis="two-organisations",
        purpose="public-health" if order.legal_basis == "public-health" else "", agent="app", agent_id=order.client,
        institution=order.institution, institution_name=order.institution_zh, detail=detail,
    )  # fmt: skip
