"""Proving who one is: by password and code, or by passkey. One answer for everything that is wrong."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from yima.authentication import totp, written
from yima.authentication.accounts import Account, account_named, account_of_row
from yima.authentication.passkeys import Challenges, Passkey, Passkeys, claimed_credential
from yima.authentication.passwords import Passwords
from yima.authentication.sessions import Method
from yima.authentication.statements import SQL
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.keys import Vault

_NOBODYS: Final = bytes(totp.SECRET_BYTES)
"""Codes are compared also where there is no account, so that it takes as long."""


class Proofs:
    """Checks what somebody says to prove who they are."""

    def __init__(
        self, db: Database, vault: Vault, passwords: Passwords, passkeys: Passkeys, challenges: Challenges
    ) -> None:
        self._db = db
        self._vault = vault
        self._passwords = passwords
        self._passkeys = passkeys
        self._challenges = challenges

    async def password(self, kind: str, name: str, password: str, code: str, now: datetime) -> tuple[Account, Method]:
        """Name, password, and a code of the app or a recovery code. Refusal `sign-in-failed` for whatever is wrong,
        also for a name that nobody has: with the same work."""
        account = await account_named(self._db, kind, name)
        right = await self._passwords.matches(account.password if account else None, password)
        method = await self.code(account if right else None, code, now)
        if account is None or not right or method is None:
            raise Refusal("sign-in-failed")
        if account.password and self._passwords.is_outdated(account.password):
            await self._db.execute(SQL.set_password, account.account_id, await self._passwords.hash(password))
        return account, method

    async def code(self, account: Account | None, code: str, now: datetime) -> Method | None:
        """By what a code proves an account, taking it: of the app (each step once), or a recovery code; else None."""
        sealed = account.totp if account else None
        secret = self._vault.open(account.wrap, sealed) if account and sealed else _NOBODYS
        step = totp.step_of(secret, code.replace(" ", ""), now)
        if account is None or sealed is None:
            return None
        if step is not None:
            return "password" if await self._db.fetchrow(SQL.take_step, account.account_id, step) else None
        if written.looks_written(code):
            taken = await self._db.fetchrow(SQL.take_recovery_code, account.account_id, written.digest(code))
            return "recovery" if taken else None
        return None

    async def passkey(self, kind: str, answer: str, *, use: str, session: str, now: datetime) -> Account:
        """An answer of a browser to a challenge of this use and session. Refusal `passkey-invalid`."""
        async with self._db.transaction() as c:
            challenge = await self._challenges.spend(c, answer, use, session, now)
        row = await self._db.fetchrow(SQL.passkey_account, claimed_credential(answer), kind)
        if row is None:
            raise Refusal("passkey-invalid", field="passkey")
        account = account_of_row(row)
        kept = Passkey(row["credential"], row["public"], row["counter"], row["label"], row["passkey_made"], row["used"])
        counter = self._passkeys.asserted(answer, challenge, kept, account.account_id)
        # The counter is compared once more as it is kept: two copies that answer at once are not both right.
        if not await self._db.fetchrow(SQL.use_passkey, kept.credential, counter, now):
            raise Refusal("passkey-invalid", field="passkey")
        return account
