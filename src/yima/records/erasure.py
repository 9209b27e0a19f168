"""Erasure at the end of a purpose: the content of resources and all their versions goes, a certificate stays.

One person proposes, another approves; the database looks for both before it lets content go (`erase_content`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeAlias

import msgspec

from yima import directory
from yima.records.content import SQL as CONTENT
from yima.records.content import content_of, wraps_of
from yima.records.read import Sight
from yima.runtime import ids
from yima.runtime.database import Connection, Database, Queries
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

SQL = Queries(__package__, "erasure.sql")
Source: TypeAlias = Connection | Database


@dataclass(frozen=True, slots=True)
class Scope:
    """What is to be erased of a record: one resource, or all; whoever wrote it, or one institution's part."""

    type: str = ""
    id: str = ""
    institution: int = 0


@dataclass(frozen=True, slots=True)
class Proposal:
    """Who proposes, and why. `legal_basis` is from the list of whoever decides about erasure."""

    proposer: str
    reason: str
    legal_basis: str


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """An erasure from its proposal on; done when it has a certificate."""

    home: PersonId
    erasure: str
    type: str
    id: str
    institution_id: int
    proposed: datetime
    proposer: str
    reason: str
    legal_basis: str
    approver: str | None
    approved: datetime | None
    withdrawn: datetime | None
    resources: int
    versions: int
    certificate: str
    """JWS in compact form; empty until it is done."""


@dataclass(frozen=True, slots=True)
class Erased:
    """What went."""

    resources: int
    versions: int
    types: dict[str, int]
    """Resources by type."""
    digest: str
    """SHA-256 over `type/id/version hash-of-content` lines, in order: who kept copies can tell that they are meant."""
    submissions: tuple[str, ...]
    """Those that brought it: their kept answers may repeat it."""


async def propose_erasure(c: Connection, home: PersonId, scope: Scope, what: Proposal, now: datetime) -> str:
    """Write a proposal down; its id."""
    made = ids.new_resource_id(home)
    await c.execute(
        SQL.propose, home, made, scope.type, scope.id, scope.institution, now, what.proposer, what.reason,
        what.legal_basis,
    )  # fmt: skip
    return made


async def erasure_by_id(source: Source, erasure: str) -> Erasure:
    """One erasure; Refusal `not-found`."""
    return await _one(source, erasure, SQL.one)


async def erasures(source: Source, since: datetime) -> list[Erasure]:
    """What waits, and what was proposed since a moment, newest first."""
    return [_erasure(row) for row in await source.fetch(SQL.recent, since)]


async def certificates(source: Source, homes: Sequence[PersonId]) -> list[Erasure]:
    """What was erased of a record, newest first."""
    return [_erasure(row) for row in await source.fetch(SQL.of_person, list(homes))]


async def erasure_counts(source: Source) -> dict[str, int]:
    """How much was erased on each legal basis; bases on which nothing was are left out."""
    return {row["legal_basis"]: row["erasures"] for row in await source.fetch(SQL.counts)}


async def withdraw_erasure(c: Connection, erasure: str, now: datetime) -> Erasure:
    """Take back what nobody has approved. Refusal `not-found`."""
    found = await _waiting(c, erasure)
    await c.execute(SQL.withdraw, found.home, erasure, now)
    return found


async def erase(
    c: Connection, vault: Vault, homes: Sequence[PersonId], sight: Sight, erasure: str, approver: str, now: datetime
) -> Erased:
    """Approve and carry out, in the caller's transaction; `certify` completes it. `homes` and `sight`: of the whole
    record.

    Refusals: `not-found` (none waits, or nothing is left to erase), `second-person-needed` and `human-unknown`
    (`directory.check_two_people`).
    """
    found = await _waiting(c, erasure)
    await directory.check_two_people(c, found.proposer, approver)
    await c.execute(SQL.approve, found.home, erasure, approver, now)
    meant = (list(homes), found.type, found.id)
    await c.fetch(CONTENT.hold_for_erasure, list(homes))  # before the rows: whoever creates holds the key, too
    await c.execute(SQL.lock_meant, *meant)
    rows = await c.fetch(SQL.meant, *meant, found.institution_id, sight.named)
    if not rows:
        raise Refusal("not-found", field="erasure")
    gone = await c.fetchval(SQL.erase, list(homes), found.home, erasure, sight.named)
    if gone < len(rows):
        raise RuntimeError("the database did not let go of what two people approved")
    await c.execute(SQL.forget_digest, list(homes))  # what was digested of it
    await c.execute(CONTENT.forget_keys, list(homes))  # of homes with nothing left in them
    wraps_of(vault).forget(homes)
    resources = {(row["type"], row["id"]) for row in rows}
    lines = "".join(
        f"{row['type']}/{row['id']}/{row['version']} {sha256(content_of(vault, row)).hexdigest()}\n" for row in rows
    )
    return Erased(
        len(resources), len(rows), dict(sorted(Counter(t for t, _ in resources).items())),
        sha256(lines.encode()).hexdigest(), tuple(sorted({row["submission"] for row in rows})),
    )  # fmt: skip


async def certify(c: Connection, erasure: str, erased: Erased, certificate: str) -> None:
    """Keep the certificate of what `erase` did in this transaction."""
    await c.execute(SQL.certify, ids.home_of(erasure), erasure, certificate, erased.resources, erased.versions)


async def _waiting(c: Connection, erasure: str) -> Erasure:
    found = await _one(c, erasure, SQL.locked)
    if found.approver or found.withdrawn:
        raise Refusal("not-found", field="erasure")
    return found


async def _one(source: Source, erasure: str, sql: str) -> Erasure:
    home = ids.home_of(erasure)
    row = await source.fetchrow(sql, home, erasure) if home is not None else None
    if row is None:
        raise Refusal("not-found", field="erasure")
    return _erasure(row)


def _erasure(row: Any) -> Erasure:
    return Erasure(**dict(row))
