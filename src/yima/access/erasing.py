"""Erasure of what a record need not hold any more: proposed by one, approved by another, told to the holder, certified.

The certificate is a JWS under the platform's published key (`/.well-known/jwks.json`): what went, on which legal basis,
who decided, and a digest by which holders of copies can tell that theirs are meant.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import orjson
from joserfc import jws
from joserfc.jwk import ECKey

from yima import audit, directory, healthcode, mpi, records
from yima.access.cards import actor_of
from yima.access.context import Context
from yima.access.decision import Asking, event_of
from yima.access.residents import everybody
from yima.access.rights import check_right
from yima.access.words import Pen, opened, opened_one, pen_of
from yima.directory import Caller
from yima.runtime import words
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId, person_text
from yima.runtime.keys import signing_key

_SHOWN: Final = timedelta(days=90)
ERASURE_BASES: Final = {
    term.code: term
    for term in (
        healthcode.Term("purpose-ended", "The purpose has been achieved or has ended", "处理目的已实现或无法实现"),
        healthcode.Term("retention-over", "The legal period of keeping is over", "法定保存期限已届满"),
        healthcode.Term("consent-withdrawn", "The resident withdrew consent", "个人撤回同意"),
        healthcode.Term("unlawful", "It was processed unlawfully or against an agreement", "违法或违约处理"),
        healthcode.Term("wrong-record", "It belongs to nobody or to another record", "错录、误归他人"),
        healthcode.Term("court-order", "Order of a court", "法院裁定"),
    )
}
"""Personal Information Protection Law of China, article 47; and filing errors."""


class Erasures:
    """What operators with the right `erase` do, two of them for each act."""

    def __init__(self, cx: Context) -> None:
        self._cx = cx

    async def propose(
        self, caller: Caller, card_number: str, *, resource: str, institution: str, reason: str, legal_basis: str,
        now: datetime,
    ) -> str:  # fmt: skip
        """Propose to erase, of the record behind a card: one resource (`Type/id`), or all, or what one institution (its
        code) wrote. The id of the proposal; nothing goes yet.

        Refusals: `right-needed`, `card-not-found`, `not-found`, `field-invalid`.
        """
        check_right(caller, "erase")
        if legal_basis not in ERASURE_BASES:
            raise Refusal("field-invalid", field="legal_basis", expected=", ".join(ERASURE_BASES))
        reason, actor = words.checked(reason), actor_of(caller)
        card = await healthcode.card_by_number(self._cx.database, card_number)
        kind, _, name = resource.strip().partition("/")
        if resource.strip() and not await self._holds(card.person, kind, name):
            raise Refusal("not-found", field="resource")
        scope = records.Scope(kind, name, await self._institution(institution.strip()))
        async with self._cx.database.transaction() as c:
            sealed = (await pen_of(c, self._cx.vault)).seal("records.erasure.reason", (actor, now), reason)
            proposal = records.Proposal(actor, sealed, legal_basis)
            made = await records.propose_erasure(c, card.person, scope, proposal, now)
            await _tell(c, caller, card.person, {"event": "propose-erasure", "legal_basis": legal_basis}, now)
        return made

    async def approve(self, c: Connection, caller: Caller, erasure: str, now: datetime) -> records.Erased:
        """Approve what somebody else proposed, in the caller's transaction: with the commit the content is gone.

        Refusals: `right-needed`, `step-up-needed`, `not-found`, `second-person-needed`, `human-unknown`.
        """
        check_right(caller, "erase")
        caller.check_fresh(now)
        found = await opened_one(c, self._cx.vault, await records.erasure_by_id(c, erasure))
        whole = await mpi.whole_at_rest(c, found.home)
        sight = records.Sight(patients=whole.patients)
        erased = await records.erase(c, self._cx.vault, whole.homes, sight, erasure, actor_of(caller), now)
        await mpi.forget_carried(c, await _patients(c, found, whole.person))
        said = self._said(found, erased, actor_of(caller), now)
        pen = await pen_of(c, self._cx.vault)  # the shelf's: who erased, and why, is told when the record is gone
        signed = pen.seal("records.erasure.certificate", (erasure,), self._signed(said))
        await records.certify(c, erasure, erased, signed)
        detail = {
            "event": "erase", "reason": found.reason, "legal_basis": found.legal_basis, "types": erased.types,
            "proposed_by": found.proposer, "certificate": erasure,
        }  # fmt: skip
        await _tell(c, caller, found.home, detail, now, pen)
        return erased

    async def withdraw(self, caller: Caller, erasure: str, now: datetime) -> None:
        """Take back a proposal. Refusals: `right-needed`, `not-found`."""
        check_right(caller, "erase")
        async with self._cx.database.transaction() as c:
            found = await records.withdraw_erasure(c, erasure, now)
            await _tell(c, caller, found.home, {"event": "withdraw-erasure"}, now)

    async def proposals(self, caller: Caller, now: datetime) -> list[records.Erasure]:
        """What waits, and what was proposed in the last ninety days. Refusal `right-needed`."""
        check_right(caller, "erase")
        found = await records.erasures(self._cx.database, now - _SHOWN)
        return await opened(self._cx.database, self._cx.vault, found)

    async def public_counts(self, at_least: int) -> dict[str, int | None]:
        """Erasures by legal basis, for everybody; None stands for some, but fewer than `at_least`."""
        held = await records.erasure_counts(self._cx.database)
        counts = {basis: held.get(basis, 0) for basis in ERASURE_BASES}
        return {basis: None if 0 < count < at_least else count for basis, count in counts.items()}

    async def certificates(self, caller: Caller) -> list[records.Erasure]:
        """What was erased of the resident's own record. Refusal `sign-in-needed`."""
        found = await records.certificates(self._cx.database, await everybody(self._cx, caller))
        return await opened(self._cx.database, self._cx.vault, found)

    async def _institution(self, code: str) -> int:
        if not code:
            return 0
        for one in await directory.institutions(self._cx.database):
            if one.code == code:
                return one.institution_id
        raise Refusal("not-found", field="institution")

    async def _holds(self, person: PersonId, kind: str, name: str) -> bool:
        """Whether a resource, deleted or not, is in the record of a person."""
        whole = await mpi.whole_of(self._cx.database, person)
        sight = records.Sight(patients=whole.patients)
        row = await self._cx.reader.read(kind, name)
        return row is not None and row.home in whole.homes and sight.owns(row)

    def _said(self, found: records.Erasure, erased: records.Erased, approver: str, now: datetime) -> dict[str, Any]:
        what = f"{found.type}/{found.id}" if found.type else "record"
        return {
            "certificate": found.erasure, "person": person_text(found.home), "what": what,
            "institution": found.institution_id or None, "resources": erased.resources, "versions": erased.versions,
            "types": erased.types, "sha256": erased.digest, "reason": found.reason, "legal_basis": found.legal_basis,
            "proposed_by": found.proposer, "approved_by": approver, "erased": now.isoformat(timespec="seconds"),
        }  # fmt: skip

    def _signed(self, said: dict[str, Any]) -> str:
        key = ECKey.import_key(signing_key(self._cx.keys, "platform/signing/1"))
        header = {"alg": "ES256", "typ": "erasure+json", "kid": key.thumbprint()}
        return jws.serialize_compact(header, orjson.dumps(said, option=orjson.OPT_SORT_KEYS), key)


async def _patients(c: Connection, found: records.Erasure, person: PersonId) -> list[str]:
    """The Patients that are erased with what is erased."""
    if found.type:
        return [found.id] if found.type == "Patient" else []
    registered = await mpi.patients_of(c, person)
    return [patient for patient, institution in registered if found.institution_id in (0, institution)]


async def _tell(
    c: Connection, caller: Caller, person: int, detail: dict[str, Any], now: datetime, pen: Pen | None = None
) -> None:
    basis = "two-people" if detail["event"] == "erase" else "proposal"
    line = event_of(Asking(caller=caller, now=now), person, "erase", "ok", basis, detail)
    await audit.append(c, [pen.line(line) if pen else line])
