"""Changes that somebody makes to the own account, in a session that was proved just before."""

from __future__ import annotations

from datetime import datetime

from yima.authentication.accounts import Account, happened
from yima.authentication.passwords import Passwords, check_password
from yima.authentication.statements import SQL
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal


async def change_password(c: Connection, passwords: Passwords, account: Account, password: str, now: datetime) -> None:
    """A new password. Refusals `not-found` for an account that has none, `password-too-short`, `-long`, `-common`."""
    if account.password is None:
        raise Refusal("not-found", field="password")
    check_password(password, (account.name, account.subject))
    await c.execute(SQL.set_password, account.account_id, await passwords.hash(password))
    await happened(c, account.kind, account.subject, "password-changed", "", now)


async def drop_passkey(c: Connection, account: Account, credential: bytes, now: datetime) -> None:
    """Take a passkey away. Refusals `not-found`, `last-way` for the last one of an account without a password."""
    # Held until the end of the transaction, so that two who take the last two away wait for one another.
    await c.execute(SQL.hold_account, account.account_id)
    rows = await c.fetch(SQL.passkeys_of, account.account_id)
    label = next((row["label"] for row in rows if row["credential"] == credential), None)
    if label is None:
        raise Refusal("not-found", field="passkey")
    if account.password is None and len(rows) == 1:
        raise Refusal("last-way", field="passkey")
    await c.execute(SQL.drop_passkey, account.account_id, credential)
    await happened(c, account.kind, account.subject, "passkey-removed", label, now)
