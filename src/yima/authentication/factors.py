"""Changes that somebody makes to the own account, in a session that was proved just before."""

from __future__ import annotations

from yima.authentication.accounts import Account
from yima.authentication.external.providers import EXTERNAL_SQL
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


async def hold_account(c: Connection, account: Account) -> None:
    """Until the end of the transaction nobody takes the account away. Refusal `sign-in-failed` when it is gone."""
    if not await c.fetchval(SQL.hold_account, account.account_id):
        raise Refusal("sign-in-failed")


async def drop_passkey(c: Connection, account: Account, credential: bytes) -> None:
    """Take a passkey away. Refusals `not-found`, `last-way` for the last way into an account without a password."""
    # Held until the end of the transaction, so that two who take the last two away wait for one another.
    await c.execute(SQL.hold_account, account.account_id)
    held = {row["credential"] for row in await c.fetch(SQL.passkeys_of, account.account_id)}
    if credential not in held:
        raise Refusal("not-found", field="passkey")
    await _check_other_way(c, account, "passkey")
    await c.execute(SQL.drop_passkey, account.account_id, credential)


async def drop_provider(c: Connection, account: Account, provider_id: str) -> None:
    """Sign in by this provider no longer; the sessions it opened end. Refusals `not-found`, and `last-way` as above;
    a resident has the phone in any case."""
    await c.execute(SQL.hold_account, account.account_id)
    if provider_id not in {row["provider_id"] for row in await c.fetch(SQL.providers_of, account.account_id)}:
        raise Refusal("not-found", field="provider")
    if account.kind != "resident":
        await _check_other_way(c, account, "provider")
    await c.execute(EXTERNAL_SQL.unbind, account.account_id, provider_id)
    await c.execute(EXTERNAL_SQL.end_sessions_by, account.kind, account.subject, provider_id, "")


async def _check_other_way(c: Connection, account: Account, field: str) -> None:
    """Refusal `last-way` when an account is signed in to by one thing only."""
    ways = [*await c.fetch(SQL.passkeys_of, account.account_id), *await c.fetch(SQL.providers_of, account.account_id)]
    if account.password is None and len(ways) == 1:
        raise Refusal("last-way", field=field)
