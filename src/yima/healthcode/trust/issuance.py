"""The issuance log, the places in the status lists, and revocation.

Every credential gets a random place in the status list of its signer and one line in a log that no program can change.
A place is never given out twice, and a revoked credential is never reinstated.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from yima.healthcode.card import Source
from yima.healthcode.trust.rules import CREDENTIAL_KINDS
from yima.healthcode.trust.signers import SQL
from yima.runtime import logs
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

ProofLevel = Literal["low", "substantial", "high"]
"""How sure it was who asked (the three levels of ISO/IEC TS 29003 and eIDAS): said by oneself; by what the person holds
or what a trusted register says; by a document seen by somebody whose work it is."""
CredentialKind = Literal["identity", "emergency", "shc", "device"]

_DRAWN: Final = 32
_TRIES: Final = 16
_log = logs.get("trust")


@dataclass(frozen=True, slots=True)
class Proofing:
    """On whose word a credential was given to somebody; no identity number and no phone in any of it."""

    asked_by: str
    """Who asked for the credential, e.g. `resident`, `practitioner:42`, `app:7`, `operator`."""
    proofed_by: str
    """Who made sure who it is, in the same form; `platform` for a sign-in."""
    how: str
    """E.g. `sign-in`, `document-seen`, `code-scanned`, `bulk`."""
    assurance: ProofLevel


@dataclass(frozen=True, slots=True)
class StatusRef:
    """A credential's place in a status list; both numbers belong inside what is signed."""

    list: int
    """The number of the list, which is the number of the signer."""
    index: int

    def uri(self, base_url: str) -> str:
        """Where the list is published: `status_list.uri` of the Token Status List draft, section 6."""
        return status_uri(base_url, self.list)


@dataclass(frozen=True, slots=True)
class Credential:
    """One line of the issuance log, with its present standing."""

    person: PersonId
    ref: StatusRef
    kind: str
    key_id: bytes
    issued: datetime
    expires: datetime
    proofing: Proofing
    revoked: datetime | None = None
    reason: str | None = None


def status_uri(base_url: str, number: int) -> str:
    """The address of a status list; also the `sub` of its tokens."""
    return f"{base_url}/.well-known/status-lists/{number}"


async def allot(
    c: Connection, person: PersonId, kind: CredentialKind, key_id: bytes, expires: datetime, proofing: Proofing,
    now: datetime,
) -> StatusRef:  # fmt: skip
    """A place for a new credential of that person, under the signer that will sign it; written to the issuance log.

    In the caller's transaction: sign only what was allotted, and hand it out only after the commit. Refusals:
    `signer-unknown` when the signer signs no such kind, is revoked or over; `field-invalid` when the credential would
    outlive the signer's certificate; `overloaded` when its cap was used up meanwhile (ask `signer` again).
    """
    row = await c.fetchrow(SQL.signer_by_key, key_id)
    if row is None or row["revoked"] or row["use"] != CREDENTIAL_KINDS[kind] or row["ends"] <= now:
        raise Refusal("signer-unknown", field=key_id.hex())
    if not now < expires <= row["not_after"]:
        raise Refusal("field-invalid", field="expires", expected="a time after now and before the signer's end")
    number = row["number"]
    if not (
        await c.fetchrow(SQL.take_room, number, secrets.randbelow(16)) or await c.fetchrow(SQL.take_last_room, number)
    ):  # the signer was chosen with room to spare: this is a rush of more than a thousand in one moment
        raise Refusal("overloaded", retry_after=1)
    ref = StatusRef(number, await _place(c, number, row["status_bits"], person))
    await c.execute(
        SQL.log_issuance, person, ref.list, ref.index, kind, key_id, now, expires, proofing.asked_by,
        proofing.proofed_by, proofing.how, proofing.assurance,
    )  # fmt: skip
    return ref


async def _place(c: Connection, number: int, places: int, person: PersonId) -> int:
    for _ in range(_TRIES):
        taken = await c.fetchrow(SQL.take_index, number, [secrets.randbelow(places) for _ in range(_DRAWN)], person)
        if taken is not None:
            return int(taken["index"])
    # 512 draws all taken: at 95 % full, which is what the cap allows, one in 250,000,000,000
    raise Refusal("overloaded", retry_after=1)


async def credentials_of(source: Source, person: PersonId, now: datetime) -> list[Credential]:
    """The person's credentials that have not expired, newest first; revoked ones among them say so."""
    return [
        Credential(
            row["person_id"], StatusRef(row["list"], row["index"]), row["kind"], row["key_id"], row["issued"],
            row["expires"], Proofing(row["asked_by"], row["proofed_by"], row["proofing"], row["assurance"]),
            row["revoked"], row["reason"],
        )
        for row in await source.fetch(SQL.credentials, person, now)
    ]  # fmt: skip


async def revoke_credential(c: Connection, person: PersonId, ref: StatusRef, now: datetime, reason: str) -> bool:
    """Revoke one credential of that person. False when it is not theirs or was revoked before. Final."""
    return await _revoke(c, person, [ref], now, reason) > 0


async def revoke_of(c: Connection, person: PersonId, now: datetime, reason: str = "card-ended") -> int:
    """Revoke every credential of that person that has not expired; how many there were. In the caller's transaction."""
    live = [one.ref for one in await credentials_of(c, person, now) if one.revoked is None]
    return await _revoke(c, person, live, now, reason) if live else 0


async def _revoke(c: Connection, person: PersonId, refs: list[StatusRef], now: datetime, reason: str) -> int:
    rows = await c.fetch(SQL.revoke, person, [r.list for r in refs], [r.index for r in refs], now, reason)
    _log.info("credentials revoked", count=len(rows), reason=reason)
    return len(rows)
