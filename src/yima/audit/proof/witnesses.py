"""The witnesses whose signatures are kept beside the heads: who they are, and what they signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from yima.audit.proof.cosigning import cosignature, is_witness_name
from yima.audit.proof.hashes import SQL
from yima.audit.proof.head import COSIGNER, Verifier, read_head, read_verifier
from yima.runtime.database import Database, UniqueViolation
from yima.runtime.errors import Refusal

_AHEAD: Final = timedelta(minutes=5)
"""So far a witness's clock may be ahead of ours."""


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness as the platform knows it, with the newest head that it signed: None before the first."""

    name: str
    key: str
    added: datetime
    ended: datetime | None
    size: int | None
    sealed: datetime | None
    at: datetime | None
    """When it signed, by its own clock."""


class Witnesses:
    """Those whose cosignatures the platform takes. Whoever checks the log must know their keys another way."""

    def __init__(self, database: Database, verifier: Verifier) -> None:
        self._database = database
        self._verifier = verifier

    async def known(self) -> Sequence[Witness]:
        """All witnesses, those that ended too, by name."""
        return [Witness(*row.values()) for row in await self._database.fetch(SQL.witnesses)]

    async def add(self, key: str, now: datetime) -> Witness:
        """Take cosignatures of this key from now on. Refusals `field-invalid`, `witness-known` for a name in use."""
        said = read_verifier(key, COSIGNER)
        if not is_witness_name(said.name):
            raise Refusal("field-invalid", field="key", expected="a name of letters, digits and ._/-")
        try:
            await self._database.execute(SQL.add_witness, said.name, said.text(), now)
        except UniqueViolation:
            raise Refusal("witness-known", field=said.name) from None
        return Witness(said.name, said.text(), now, None, None, None, None)

    async def end(self, name: str, now: datetime) -> None:
        """Take nothing more from a witness; what it signed stays. Refusal `not-found`."""
        if await self._database.fetchrow(SQL.end_witness, name, now) is None:
            raise Refusal("not-found", field="witness")

    async def take(self, note: str, now: datetime) -> list[str]:
        """Keep the cosignatures under one of the log's own heads; the names of the witnesses whose they are.

        Refusals: `head-invalid` for a head that is not the log's or that it has not signed, `witness-unknown` when no
        signature is that of a witness that was added, or is of a time to come.
        """
        head = read_head(note, self._verifier)
        row = await self._database.fetchrow(SQL.head_at, head.size, head.sealed)
        if row is None or bytes(row["root"]) != head.root:
            raise Refusal("head-invalid", reason="the log has no such head")
        taken: list[str] = []
        for witness in await self.known():
            found = cosignature(note, read_verifier(witness.key, COSIGNER)) if witness.ended is None else None
            if found is not None and found.at <= now + _AHEAD:
                await self._database.execute(
                    SQL.add_cosignature, head.size, head.sealed, witness.name, found.at, found.line
                )
                taken.append(witness.name)
        if not taken:
            raise Refusal("witness-unknown")
        return taken
