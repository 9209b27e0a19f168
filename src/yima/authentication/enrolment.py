"""Invitations and what they lead to: an account set up by the person it is for, once, in private.

Nobody ever knows another's password. Who is entitled makes an invitation; its code is shown once and ends within a day.
Until it is used the account keeps the ways it has, and its owner is shown that there is an invitation. Using one
replaces every way and ends every session. Who invited themselves sets up password and app anew and keeps the passkeys.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from yima.authentication import totp, written
from yima.authentication.accounts import Account, account_of_row, folded, happened
from yima.authentication.external.providers import bind
from yima.authentication.passkeys import Passkeys
from yima.authentication.passwords import Passwords, check_password
from yima.authentication.sessions import end_sessions
from yima.authentication.statements import SQL
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal
from yima.runtime.keys import Vault

INVITED: Final = timedelta(hours=24)
_RECOVERY_CODES: Final = 8
_ID_BYTES: Final = 16
_LABEL_CHARS: Final = 40


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation that stands."""

    kind: str
    subject: str
    name: str
    inviter: str
    """kind/id"""
    made: datetime
    expires: datetime
    account_id: bytes
    """Of the account that this makes, from the hash of its code: passkeys are made for it before it is there."""
    secret: bytes = field(repr=False)
    """Of the authenticator app that the person sets up."""
    wrap: bytes = field(repr=False)

    @property
    def own(self) -> bool:
        """Whether somebody invited themselves: other ways than password and app then stay."""
        return self.inviter == f"{self.kind}/{self.subject}"


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the owner of an account is shown of an invitation."""

    inviter: str
    made: datetime
    expires: datetime


class Enrolment:
    """Makes invitations and carries them out."""

    def __init__(self, db: Database, vault: Vault, passwords: Passwords, passkeys: Passkeys) -> None:
        self._db = db
        self._vault = vault
        self._passwords = passwords
        self._passkeys = passkeys

    async def invite(self, c: Connection, kind: str, subject: str, name: str, *, inviter: str, now: datetime) -> str:
        """A new invitation in place of those before it; its code, which is not kept. `name`: to sign in with."""
        await c.execute(SQL.drop_invitations, kind, subject)
        code, wrap = written.new_code(), self._vault.new_wrap()
        sealed = self._vault.seal(wrap, secrets.token_bytes(totp.SECRET_BYTES))
        await c.execute(
            SQL.put_invitation, written.digest(code), kind, subject, folded(name) or None, wrap, sealed, inviter, now,
            now + INVITED,
        )  # fmt: skip
        await happened(c, kind, subject, "invited", inviter, now)
        return code

    async def invitation(self, kind: str, code: str, now: datetime) -> Invitation:
        """The invitation with this code. Refusal `invitation-invalid` when it was used, ended, or never was."""
        return self._standing(await self._db.fetchrow(SQL.invitation, written.digest(code)), kind, now)

    async def waiting(self, kind: str, subject: str, now: datetime) -> Sequence[Waiting]:
        """The invitations that stand for somebody."""
        rows = await self._db.fetch(SQL.invitations_of, kind, subject, now)
        return [Waiting(row["inviter"], row["made"], row["expires"]) for row in rows]

    async def with_password(
        self, c: Connection, kind: str, code: str, *, password: str, app_code: str, now: datetime
    ) -> tuple[Invitation, list[str]]:
        """Set up password and authenticator app; the recovery codes, which are not kept.

        Refusals: `invitation-invalid`, `password-too-short`, `-long`, `-common`, `app-code-wrong`: the invitation then
        still stands.
        """
        found = self._standing(await c.fetchrow(SQL.invitation, written.digest(code)), kind, now)
        check_password(password, (found.name, found.subject))
        step = totp.step_of(found.secret, app_code.replace(" ", ""), now)
        if step is None:
            raise Refusal("app-code-wrong", field="code")
        kept = await self._passwords.hash(password)
        used = self._standing(await c.fetchrow(SQL.invitation_for_use, written.digest(code)), kind, now)
        sealed = self._vault.seal(used.wrap, used.secret)
        before = await c.fetchrow(SQL.account, kind, used.subject) if used.own else None
        if before is not None:
            account_id = before["account_id"]
            await c.execute(SQL.drop_invitations, kind, used.subject)
            await end_sessions(c, kind, used.subject)
            await happened(c, kind, used.subject, "enrolled", used.inviter, now)
            await c.execute(SQL.set_password_and_totp, account_id, kept, used.wrap, sealed, step, used.name or None)
        else:
            account_id = await self._anew(c, used, (kept, sealed, step), now)
        return used, await renew_codes(c, account_id)

    async def with_passkey(
        self, c: Connection, kind: str, code: str, *, answer: str, challenge: bytes, label: str, now: datetime
    ) -> Invitation:
        """Set up a passkey and nothing else. `challenge` was spent by the caller. Refusals `invitation-invalid`,
        `passkey-invalid`."""
        found = self._standing(await c.fetchrow(SQL.invitation_for_use, written.digest(code)), kind, now)
        made = self._passkeys.registered(answer, challenge)
        await put_passkey(c, await self._anew(c, found, (None, None, 0), now), made, label, now)
        return found

    async def with_provider(
        self, c: Connection, kind: str, code: str, *, provider_id: str, subject: bytes, now: datetime
    ) -> tuple[Invitation, Account]:
        """Bind the account to a provider's subject and to nothing else. Refusals `invitation-invalid`, also for one of
        oneself; `provider-bound`."""
        found = self._standing(await c.fetchrow(SQL.invitation_for_use, written.digest(code)), kind, now)
        if found.own:
            raise Refusal("invitation-invalid", field="invitation")
        account_id = await self._anew(c, found, (None, None, 0), now)
        await bind(c, provider_id, subject, account_id, now)
        return found, account_of_row(await c.fetchrow(SQL.account, kind, found.subject))

    async def _anew(
        self, c: Connection, invitation: Invitation, ways: tuple[str | None, bytes | None, int], now: datetime
    ) -> bytes:
        """An account in place of the one there was, with all its ways and sessions."""
        kind, subject = invitation.kind, invitation.subject
        await c.execute(SQL.drop_account, kind, subject)
        await c.execute(SQL.drop_invitations, kind, subject)
        await end_sessions(c, kind, subject)
        account_id = invitation.account_id
        password, sealed, step = ways
        name = invitation.name or None
        await c.execute(SQL.put_account, account_id, kind, subject, name, password, invitation.wrap, sealed, step, now)
        await happened(c, kind, subject, "enrolled", invitation.inviter, now)
        return account_id

    def _standing(self, row: Any, kind: str, now: datetime) -> Invitation:
        if row is None or row["kind"] != kind or row["expires"] <= now:
            raise Refusal("invitation-invalid", field="invitation")
        secret = self._vault.open(row["wrap"], row["totp"])
        return Invitation(
            kind, row["subject"], row["name"] or "", row["inviter"], row["made"], row["expires"],
            row["digest"][:_ID_BYTES], secret, row["wrap"],
        )  # fmt: skip


async def withdraw_invitations(c: Connection, kind: str, subject: str) -> None:
    """Nobody can use an invitation of this subject any more."""
    await c.execute(SQL.drop_invitations, kind, subject)


async def renew_codes(c: Connection, account_id: bytes) -> list[str]:
    """Fresh recovery codes in place of those there were: shown once, not kept."""
    codes = [written.new_code() for _ in range(_RECOVERY_CODES)]
    await c.execute(SQL.put_recovery_codes, account_id, [written.digest(code) for code in codes])
    return codes


async def put_passkey(
    c: Connection, account_id: bytes, made: tuple[bytes, bytes, int], label: str, now: datetime
) -> None:
    """Keep a passkey. Refusal `passkey-invalid` for one that is kept already, by whomever."""
    credential, public, counter = made
    shown = "".join(sign for sign in label.strip() if sign.isprintable())[:_LABEL_CHARS]
    if not await c.fetchval(SQL.put_passkey, credential, account_id, public, counter, shown or "passkey", now):
        raise Refusal("passkey-invalid", field="passkey")


async def kept_account(c: Connection, vault: Vault, kind: str, subject: str, now: datetime) -> Account:
    """The account of a subject, made with no way into it when there is none: a resident has the phone besides."""
    await c.execute(SQL.keep_account, secrets.token_bytes(_ID_BYTES), kind, subject, vault.new_wrap(), now)
    return account_of_row(await c.fetchrow(SQL.account, kind, subject))


async def remove_account(c: Connection, kind: str, subject: str) -> bool:
    """Take somebody's account away, with its ways, sessions and invitations; whether there was one, or a session."""
    account = await c.fetchval(SQL.drop_account, kind, subject)
    await c.execute(SQL.drop_invitations, kind, subject)
    return await end_sessions(c, kind, subject) > 0 or bool(account)
