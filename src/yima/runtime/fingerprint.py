"""Whether this key store is the one that the database was written with."""

from __future__ import annotations

from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.keys import Vault


async def check_fingerprint(database: Database, vault: Vault) -> None:
    """Refusal `key-store-invalid` unless this is the key store that the database was first used with.

    With other keys every number would look new: the whole population would silently be registered a second time.
    """
    ours = vault.steady("fingerprint", "key store")
    await database.execute(
        "insert into runtime.key_fingerprint (fingerprint) values ($1) on conflict (one) do nothing", ours
    )
    row = await database.fetchrow("select fingerprint from runtime.key_fingerprint")
    if row is None or bytes(row["fingerprint"]) != ours:
        raise Refusal("key-store-invalid", field="keys.json", reason="the database was written with another key store")
