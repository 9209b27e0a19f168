"""Signers: their certificates, their turns, their caps; the same for every worker."""

from __future__ import annotations

from deployments import NOW, SeededKeys

from yima.healthcode import trust
from yima.runtime.database import Database
from yima.runtime.ids import new_person_id

KEYS = SeededKeys(31)
AT_WINDOW = trust.Proofing("resident", "platform", "sign-in", "substantial")


async def test_a_credential_gets_a_signer_and_a_place(db: Database) -> None:
    async with db.transaction() as c:
        chosen = await trust.signer(c, KEYS, "ES256", "identity", NOW)
        ref = await trust.allot(c, new_person_id(), "identity", chosen.key_id, chosen.not_after, AT_WINDOW, NOW)
    assert ref.list == chosen.number
