"""Accounts: what somebody proves who they are with, and what is known of it afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from yima.authentication.passkeys import Passkey
from yima.authentication.statements import SQL
from yima.runtime.database import Connection, Database

_KEPT: Final = timedelta(days=90)
_LONGEST_SESSION: Final = timedelta(days=31)
_COUNTED: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Account:
    """One account. Its secrets are hashes, or sealed."""

    account_id: bytes
    """16 random bytes; what passkeys call the account."""
    kind: str
    subject: str
    name: str
    """What is typed at sign-in, "" for nothing."""
    made: datetime
    password: str | None = field(repr=False)
    wrap: bytes = field(repr=False)
    totp: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that a person should know of the own account."""

    at: datetime
    what: str
    """signed-in, recovery-used, invited, enrolled, password-changed, passkey-added, passkey-removed, codes-renewed,
    signed-out-everywhere, human-named."""
    detail: str
    """A device, a passkey's label, or who invited (kind/id)."""


@dataclass(frozen=True, slots=True)
class Ways:
    """How an account is signed in to, as its owner is shown."""

    name: str
    password: bool
    recovery_codes: int
    passkeys: tuple[Passkey, ...]
    happenings: tuple[Happening, ...]


async def account_of(db: Database, kind: str, subject: str) -> Account | None:
    """The account of a subject, or None."""
    row = await db.fetchrow(SQL.account, kind, subject)
    return account_of_row(row) if row else None


async def account_named(db: Database, kind: str, name: str) -> Account | None:
    """The account that is signed in to under this name, or None."""
    row = await db.fetchrow(SQL.account_by_name, kind, folded(name))
    return account_of_row(row) if row else None


async def enrolled(db: Database, kind: str) -> frozenset[str]:
    """The subjects of this kind that have an account."""
    return frozenset(row["subject"] for row in await db.fetch(SQL.enrolled, kind))


async def ways_of(db: Database, account: Account, shown: int = 20) -> Ways:
    """What its owner may see of an account."""
    left = await db.fetchrow(SQL.recovery_codes_left, account.account_id)
    rows = await db.fetch(SQL.happenings, account.kind, account.subject, shown)
    happenings = tuple(Happening(row["at"], row["what"], row["detail"]) for row in rows)
    passkeys = tuple(await passkeys_of(db, account))
    return Ways(account.name, account.password is not None, left["left"], passkeys, happenings)


async def passkeys_of(db: Database, account: Account) -> Sequence[Passkey]:
    """The passkeys of an account, the oldest first."""
    rows = await db.fetch(SQL.passkeys_of, account.account_id)
    return [Passkey(r["credential"], r["public"], r["counter"], r["label"], r["made"], r["used"]) for r in rows]


async def happened(c: Connection, kind: str, subject: str, what: str, detail: str, now: datetime) -> None:
    """Note what a person should know of the own account."""
    await c.execute(SQL.put_happening, kind, subject, now, what, detail)


async def forget_old(c: Connection, now: datetime) -> None:
    """Drop invitations, challenges, sessions and counts that ended, and what happened ninety days ago."""
    await c.execute(SQL.forget_old, now, now - _KEPT, now - _LONGEST_SESSION, now - _COUNTED)


def folded(name: str) -> str:
    """A sign-in name as it is kept: capitals and blanks around it make no difference."""
    return name.strip().lower().replace("\x00", "")[:200]


def account_of_row(row: Any) -> Account:
    """A row of the table as the account it is."""
    return Account(
        row["account_id"], row["kind"], row["subject"], row["name"] or "", row["made"], row["password"], row["wrap"],
        row["totp"],
    )  # fmt: skip
