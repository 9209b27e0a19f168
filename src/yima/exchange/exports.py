"""Bulk exports (FHIR Bulk Data Access 2.0): asked for, approved by two organisations, handed out, forgotten."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec
import orjson

from yima import consent, directory, fhir
from yima.access import EXPORT_BASES, NEVER_DEIDENTIFIED, Access, Column, check_export, check_right, opened, pen_of
from yima.directory import Caller
from yima.exchange.export_files import SealedFile, Size
from yima.runtime import ids, jobs, words
from yima.runtime.database import Connection, Queries
from yima.runtime.errors import Refusal

SQL = Queries(__package__, "exports.sql")
JOB: Final = "export"
FORGET_EXPORTS: Final = "forget-exports"
KEPT: Final = timedelta(days=7)
"""Files are thrown away after a week."""
COLUMNS: Final = {"reason": Column("exchange.export.reason", lambda one: (one.client_id, one.requested))}
"""What of an export somebody typed. It is published with the approval, and sealed for those that are refused."""


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """An export from its request on."""

    export_id: str
    institution_id: int
    client_id: str
    requested: datetime
    types: list[str]
    since: datetime | None
    deidentified: bool
    reason: str
    legal_basis: str
    first_approver: str | None
    first_organisation: str | None
    first_approved: datetime | None
    second_approver: str | None
    second_organisation: str | None
    approved: datetime | None
    rejected: datetime | None
    rejected_by: str | None
    reached: int
    persons: int
    wrap: bytes | None
    """The data key of its files; None before there are any, and when they are thrown away."""
    sizes: dict[str, Size]
    """What is written for good, by type."""
    finished: datetime | None
    deleted: datetime | None
    failure: str

    @property
    def waits(self) -> bool:
        """Whether it waits for somebody's decision."""
        return self.approved is None and self.rejected is None


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What an app asks for."""

    types: Sequence[str]
    since: datetime | None
    deidentified: bool
    reason: str
    legal_basis: str


async def ask_export(access: Access, caller: Caller, wanted: Wanted, now: datetime) -> str:
    """Ask for an export; its id. Nothing is read before two organisations approve.

    Refusals: `scope-insufficient`, `field-invalid`, `role-not-permitted`.
    """
    reason = words.checked(wanted.reason, "_reason")
    if wanted.legal_basis not in EXPORT_BASES:
        raise Refusal("field-invalid", field="_basis", expected=", ".join(EXPORT_BASES))
    if not wanted.deidentified and wanted.legal_basis != "own-data":
        raise Refusal("field-invalid", field="_deidentify", expected="true, but for an institution's own-data")
    types = _types(caller, wanted)
    check_export(consent.role_of(caller), types, deidentified=wanted.deidentified)
    made = ids.new_handle()
    async with access.database.transaction() as c:
        sealed = (await pen_of(c, access.vault)).seal("exchange.export.reason", (caller.agent_id, now), reason)
        await c.execute(
            SQL.ask, made, caller.institution, caller.agent_id, now, types, wanted.since, wanted.deidentified, sealed,
            wanted.legal_basis,
        )  # fmt: skip
    return made


def _types(caller: Caller, wanted: Wanted) -> list[str]:
    known = {"Patient", *fhir.COMPARTMENT_TYPES} - (NEVER_DEIDENTIFIED if wanted.deidentified else frozenset())
    unknown = sorted(set(wanted.types) - known)
    if unknown:
        raise Refusal("field-invalid", field="_type", expected="types of the patient compartment that may be exported")
    types = sorted(wanted.types or [one for one in known if caller.may(one, "r")])
    closed = [one for one in types if not caller.may(one, "r")]
    if closed or not types:
        raise Refusal("scope-insufficient", field="_type", expected=f"system/{(closed or ['Patient'])[0]}.r")
    return types


async def export_of(access: Access, caller: Caller, export: str) -> Export:
    """An export of the caller's own app. Refusal `not-found`."""
    found = await by_id(access.database, export, SQL.one)
    if (found.institution_id, found.client_id) != (caller.institution, caller.agent_id) or found.deleted:
        raise Refusal("not-found", field="export")
    return found


async def exports(access: Access) -> list[Export]:
    """The latest two hundred, newest first; without a word about persons."""
    found = [_export(row) for row in await access.database.fetch(SQL.recent)]
    return await opened(access.database, access.vault, found, COLUMNS)


async def approve_export(access: Access, caller: Caller, export: str, now: datetime) -> Export:
    """Approve: the first of the two, or the second, with whom the work begins.

    Refusals: `right-needed`, `step-up-needed`, `not-found`, `second-organisation-needed` (the two must be of two
    organisations), `second-person-needed` and `human-unknown` (and two people).
    """
    who = await _operator(access, caller)
    caller.check_fresh(now)
    async with access.database.transaction() as c:
        found = await _waiting(c, export)
        if found.first_approver is None:
            await c.execute(SQL.approve_first, export, who.code, who.organisation, now)
            return await by_id(c, export, SQL.one)
        if found.first_approver == who.code or _name(found.first_organisation or "") == _name(who.organisation):
            raise Refusal("second-organisation-needed")
        await directory.check_two_people(c, f"operator/{found.first_approver}", f"operator/{who.code}")
        await c.execute(SQL.approve_second, export, who.code, who.organisation, now)
        await jobs.enqueue(c, JOB, {"export": export}, key=export, now=now)
        return await by_id(c, export, SQL.one)


async def reject_export(access: Access, caller: Caller, export: str, now: datetime) -> None:
    """Say no. Refusals: `right-needed`, `not-found`."""
    who = await _operator(access, caller)
    async with access.database.transaction() as c:
        await _waiting(c, export)
        await c.execute(SQL.reject, export, who.code, now)


async def delete_export(access: Access, export: Export, now: datetime) -> None:
    """Throw the files away, now or when their week is over."""
    await access.database.execute(SQL.delete, export.export_id, now)
    throw_away(access, export.export_id)


async def forget_exports(access: Access, now: datetime) -> None:
    """Throw away the files whose week is over."""
    for row in await access.database.fetch(SQL.expired, now - KEPT):
        await delete_export(access, await by_id(access.database, row["export_id"], SQL.one), now)


def throw_away(access: Access, export: str) -> None:
    """Remove the files. What a disk keeps of them opens with nothing once the row has no key."""
    for file in folder_of(access, export).glob("*"):
        file.unlink(missing_ok=True)


def file_of(access: Access, export: str, wrap: bytes, name: str) -> SealedFile:
    """The file of one type."""
    return SealedFile(access.vault, wrap, folder_of(access, export) / f"{name}.ndjson")


async def rewrap_exports(access: Access) -> None:
    """Wrap the data keys of exports by the newest master key; there are never many. One that begins meanwhile, or was
    thrown away, is left as it is."""
    rows = await access.database.fetch(SQL.keys)
    for row in rows:
        await access.database.execute(SQL.rewrap, row["export_id"], row["wrap"], access.vault.rewrapped(row["wrap"]))


def folder_of(access: Access, export: str) -> Path:
    """Where the files of an export lie; its id is not guessable and holds no path."""
    return access.settings.data / "exports" / export


async def _operator(access: Access, caller: Caller) -> directory.Operator:
    check_right(caller, "export")
    found = await directory.operator(access.database, caller.agent_id)
    if found is None or not _name(found.organisation):
        raise Refusal("right-needed", expected="export, with an organisation")
    return found


def _name(organisation: str) -> str:
    """An organisation as it is compared: the same however it was typed."""
    return "".join(unicodedata.normalize("NFKC", organisation).split()).casefold()


async def _waiting(c: Connection, export: str) -> Export:
    found = await by_id(c, export, SQL.locked)
    if not found.waits:
        raise Refusal("not-found", field="export")
    return found


async def by_id(source: Any, export: str, sql: str) -> Export:
    """One export by a statement of `SQL`. Refusal `not-found`."""
    row = await source.fetchrow(sql, export)
    if row is None:
        raise Refusal("not-found", field="export")
    return _export(row)


def _export(row: Any) -> Export:
    values = dict(row)
    values["sizes"] = {name: Size(*size) for name, size in orjson.loads(values["sizes"]).items()}
    return Export(**values)
