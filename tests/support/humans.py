"""Operators who are somebody: on the register, and each a human of their own."""

from __future__ import annotations

from yima import directory
from yima.runtime.database import Database
from yima.runtime.keys import Vault


async def be_humans(db: Database, vault: Vault, *codes: str) -> None:
    """Say that these operators are humans, no two of them one; who is not registered is, without rights."""
    async with db.transaction() as c:
        for code in codes:
            if await directory.operator(db, code) is None:
                await directory.register_operator(c, directory.Operator(code, code, code, frozenset()))
            await directory.name_human(c, vault, code, f"test|{code}")
