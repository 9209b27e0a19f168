"""Giving out offline credentials: through the one door, with a line on the holder's log in the same transaction.

Each is allotted in the issuance log with a place in a status list before it is signed. A person has at most five of a
kind that work: the oldest beyond is revoked.
"""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

from yima import audit, consent, fhir, healthcode, mpi, records
from yima.access import carried
from yima.access.context import Context
from yima.access.decision import Asking, event_of
from yima.access.residents import own
from yima.crypto import Algorithm
from yima.directory import Caller
from yima.healthcode import offline, trust
from yima.runtime.civil import civil_day
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.settings import Settings

T = TypeVar("T")
MOST_LIVE: Final = 5
EMERGENCY: Final = timedelta(days=183)
"""Life of an emergency card at most: what it says gets old."""
_STANDING: Final = {"suspended": "code-suspended", "applied": "code-not-active", "pre-issued": "code-not-active"}


@dataclass(frozen=True, slots=True)
class OfflineRules:
    """What a deployment decided about its offline credentials."""

    issuer: str
    """Address of the deployment."""
    device: timedelta
    """Life of a phone's certificate."""
    sm2_algorithm: int


@dataclass(frozen=True, slots=True)
class Given:
    """A credential that was given out; `text` is worth the whole card, for the holder's own eyes only."""

    kind: trust.CredentialKind
    text: str
    issued: datetime
    expires: datetime
    holder: offline.Identity
    emergency: offline.Emergency | None = None
    vaccinations: int = 0
    left_out: int = 0
    """Older vaccinations that a single code has no room for."""


@dataclass(frozen=True, slots=True)
class DeviceCertificate:
    """What a phone needs to sign codes by itself."""

    text: str
    """The certificate, base64url without padding."""
    expires: datetime
    server_time: int
    """Seconds since 1970: the phone keeps the difference to its own clock."""


@dataclass(frozen=True, slots=True)
class _Turn:
    """One issuance under way: who for, on whose word, under which signer."""

    person: PersonId
    asking: Asking
    known: mpi.Identity
    card: healthcode.Card
    signer: trust.Signer


class Credentials:
    """The calls for one worker. `caller` is the holder, or the command line, which names the person."""

    def __init__(self, cx: Context, settings: Settings, base_url: str) -> None:
        self._cx = cx
        device = timedelta(days=settings.offline_device_days)
        self._rules = OfflineRules(base_url, device, settings.offline_sm2_algorithm)

    async def identity(
        self, caller: Caller, now: datetime, *, person: PersonId = 0, algorithm: Algorithm = "ES256"
    ) -> Given:
        """An identity credential. Refusals `sign-in-needed`, `card-not-found`, and those of a card not in force."""

        async def make(c: Connection, turn: _Turn) -> Given:
            expires, status = await self._allot(c, turn, "identity", self._cx.signing.credential, {})
            holder = carried.identity(turn.known, turn.card.number)
            return Given("identity", self._text(turn, holder, None, expires, status), now, expires, holder)

        return await self._issue(caller, person, now, ("identity", algorithm), make)

    async def emergency(
        self, caller: Caller, now: datetime, *, chosen: bool, person: PersonId = 0, algorithm: Algorithm = "ES256"
    ) -> Given:
        """An emergency card, for a holder who chose it. Refusals as `identity`, and `credential-not-chosen`."""
        if not chosen:
            raise Refusal("credential-not-chosen")
        person = _person(caller, person)
        resources = await self._resources(person, None, now)
        said = carried.emergency(records.overview(resources, civil_day(now)), resources)
        counts = {
            "allergies": len(said.allergies),
            "conditions": len(said.conditions),
            "medicines": len(said.medicines),
        }

        async def make(c: Connection, turn: _Turn) -> Given:
            expires, status = await self._allot(c, turn, "emergency", EMERGENCY, counts)
            holder = carried.identity(turn.known, turn.card.number)
            return Given("emergency", self._text(turn, holder, said, expires, status), now, expires, holder, said)

        return await self._issue(caller, person, now, ("identity", algorithm), make)

    async def health_card(self, caller: Caller, now: datetime, *, person: PersonId = 0) -> Given:
        """A SMART Health Card with the vaccinations of the record, the newest that one code has room for.

        Refusals as `identity`.
        """
        person = _person(caller, person)
        resources = await self._resources(person, ["Patient", "Immunization"], now)

        async def make(c: Connection, turn: _Turn) -> Given:
            entries = carried.vaccinations(turn.known, resources)
            shown = offline.room_for(entries, self._rules.issuer)
            counts = {"vaccinations": len(shown) - 1}
            expires, status = await self._allot(c, turn, "shc", self._cx.signing.credential, counts)
            bundle = {"resourceType": "Bundle", "type": "collection", "entry": shown}
            text = offline.card_text(
                turn.signer, bundle, issuer=self._rules.issuer, times=(now, expires), status=status,
                types=(offline.IMMUNIZATION,) if len(shown) > 1 else (),
            )  # fmt: skip
            holder = carried.identity(turn.known, turn.card.number)
            left = len(entries) - len(shown)
            return Given("shc", text, now, expires, holder, vaccinations=len(shown) - 1, left_out=left)

        return await self._issue(caller, person, now, ("shc", "ES256"), make)

    async def device_certificate(self, caller: Caller, public_key: bytes, now: datetime) -> DeviceCertificate:
        """A certificate for the key of the holder's phone (65 or 33 bytes of a P-256 point).

        Refusals as `identity`, and `field-invalid` when the bytes are no point of the curve.
        """
        point = offline.compressed_point(public_key)

        async def make(c: Connection, turn: _Turn) -> DeviceCertificate:
            expires, status = await self._allot(c, turn, "device", self._rules.device, {})
            certificate = offline.device_certificate(
                turn.signer, point, name=turn.known.name, born=carried.birth_year(turn.known), sex=turn.known.sex,
                times=(now, expires), status=status,
            )  # fmt: skip
            text = urlsafe_b64encode(certificate).rstrip(b"=").decode()
            return DeviceCertificate(text, expires, int(now.timestamp()))

        return await self._issue(caller, 0, now, ("device", "ES256"), make)

    async def health_card_keys(self, now: datetime) -> list[dict[str, str | int]]:
        """The keys of SMART Health Cards as `jwks.json` publishes them, `crlVersion` included (1.4, "Revocation")."""
        found = await trust.health_card_keys(self._cx.database, now)
        return [{**offline.jwk_of(one.key.x, one.key.y), "crlVersion": one.version} for one in found]

    async def health_card_revocations(self, kid: str, now: datetime) -> dict[str, Any]:
        """The card revocation list of a key, by its thumbprint. Refusal `not-found`."""
        for one in await trust.health_card_keys(self._cx.database, now):
            if offline.jwk_of(one.key.x, one.key.y)["kid"] == kid:
                rids = await trust.revoked_cards(self._cx.database, one)
                return {"kid": kid, "method": "rid", "ctr": one.version, "rids": rids}
        raise Refusal("not-found", field="kid")

    async def _issue(
        self,
        caller: Caller,
        person: PersonId,
        now: datetime,
        wanted: tuple[trust.Use, Algorithm],
        make: Callable[[Connection, _Turn], Awaitable[T]],
    ) -> T:
        """Run `make` in a transaction, with the person, their card and the signer whose turn it is."""
        person = _person(caller, person)
        known = await mpi.identity(self._cx.database, self._cx.vault, person)
        if known is None:
            raise Refusal("card-not-found")
        asking = Asking(caller=caller, now=now, purpose="own-request")

        async def work(c: Connection) -> T:
            card = await healthcode.card_of(c, person)
            if (standing := card.standing(now)) != "active":
                raise Refusal(_STANDING.get(standing, "code-cancelled"))
            signer = await trust.signer(c, self._cx.keys, wanted[1], wanted[0], now, self._cx.signing)
            return await make(c, _Turn(person, asking, known, card, signer))

        return await self._cx.database.retry(work)

    async def _allot(
        self, c: Connection, turn: _Turn, kind: trust.CredentialKind, life: timedelta, detail: Mapping[str, int]
    ) -> tuple[datetime, offline.StatusRef]:
        """A place in the status list, the lines in both logs, and the end of the oldest beyond five."""
        now = turn.asking.now
        hours = min(now + life, turn.signer.not_after) - now
        expires = now + timedelta(hours=hours // timedelta(hours=1))  # a device certificate counts in hours
        ref = await trust.allot(c, turn.person, kind, turn.signer.key_id, expires, _proofing(turn.asking.caller), now)
        live = [one for one in await trust.credentials_of(c, turn.person, now) if one.kind == kind and not one.revoked]
        for one in live[MOST_LIVE:]:
            await trust.revoke_credential(c, turn.person, one.ref, now, "replaced")
        said = {"kind": kind, "expires": civil_day(expires).isoformat(), **detail}
        await audit.append(c, [event_of(turn.asking, turn.person, "credential", "ok", "own-record", said)])
        return expires, offline.StatusRef(ref.uri(self._rules.issuer), ref.index)

    def _text(
        self,
        turn: _Turn,
        holder: offline.Identity,
        said: offline.Emergency | None,
        expires: datetime,
        status: offline.StatusRef,
    ) -> str:
        return offline.credential_text(
            turn.signer, holder, said, issuer=self._rules.issuer, times=(turn.asking.now, expires), status=status,
            sm2_algorithm=self._rules.sm2_algorithm,
        )  # fmt: skip

    async def _resources(self, person: PersonId, types: Sequence[str] | None, now: datetime) -> list[dict[str, Any]]:
        """The person's resources without the sensitive classes and what is closed to everybody; what is taken of them
        is logged with the issuance."""
        whole = await mpi.whole_of(self._cx.database, person)
        withheld = consent.closed_to_all(await consent.standing_of(self._cx.database, sorted(whole.members), now), now)
        sight = records.Sight(closed=frozenset(consent.CLASSES), withheld=withheld, patients=whole.patients)
        rows = await records.everything(self._cx.database, self._cx.vault, whole.homes, sight, types=types)
        return [fhir.parse(row.content) for row in rows]


def _person(caller: Caller, person: PersonId) -> PersonId:
    """Whose credential is asked for: the resident's own; only the command line may name somebody."""
    return person if caller.kind == "system" and person else own(caller)


def _proofing(caller: Caller) -> trust.Proofing:
    if caller.kind == "system":
        return trust.Proofing("command-line", "command-line", "operator", "low")
    return trust.Proofing("resident", "platform", "sign-in", "substantial")
