"""Changes that somebody makes to the own account, in a session that was proved just before."""

from __future__ import annotations

from yima.authentication.accounts import Account
from yima.authentication.passwords import Passwords, check_password
from yima.authentication.statements import SQL
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal


async def new_password(passwords: Passwords, account: Account, password: str) -> str:
    """What is kept of a new password. Refusals `not-found` for an account that has none, `password-too-short`, `-long`,
    `-common`."""
    if account.password is None:
        raise Refusal("not-found", field="password")
    check_password(password, (account.name, account.subject))
    return await passwords.hash(password)


async def set_password(c: Connection, account: Account, kept: str) -> None:
    """Keep it."""
    await c.execute(SQL.set_password, account.account_id, kept)


async def drop_passkey(c: Connection, account: Account, credential: bytes) -> None:
    """Take a passkey away. Refusals `not-found`, `last-way` for the last one of an account without a password."""
    # Held until the end of the transaction, so that two who take the last two away wait for one another.
    await c.execute(SQL.hold_account, account.account_id)
    held = {row["credential"] for row in await c.fetch(SQL.passkeys_of, account.account_id)}
    if credential not in held:
        raise Refusal("not-found", field="passkey")
    if account.password is None and len(held) == 1:
        raise Refusal("last-way", field="passkey")
    await c.execute(SQL.drop_passkey, account.account_id, credential)
