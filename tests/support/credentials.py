"""Offline credentials of synthetic people, issued by the platform's real signers, for tests of those who check them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from yima.healthcode import offline, trust
from yima.healthcode.offline import device
from yima.runtime.database import Database
from yima.runtime.keys import KeyStore

PERSON = 4_000_000_001
PROOFING = trust.Proofing("resident", "platform", "sign-in", "low")
HOLDER = offline.Identity("张小梅", date(1990, 5, 7), "female", "9876543210123456", "Zhang Xiaomei")
EMERGENCY = offline.Emergency(
    "A Rh(D) 阳性",
    ("青霉素（过敏性休克）", "花生"),
    ("2 型糖尿病",),
    ("二甲双胍 0.5 g 每日两次",),
    "丈夫 李先生 00000000000",
)


def health_bundle(name: str = "张小梅") -> dict[str, Any]:
    """A small FHIR Bundle for a health card: a Patient and a vaccination."""
    patient = {"resourceType": "Patient", "name": [{"text": name}], "gender": "female", "birthDate": "1990-05-07"}
    vaccination = {
        "resourceType": "Immunization",
        "status": "completed",
        "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "207"}]},
        "patient": {"reference": "resource:0"},
        "occurrenceDateTime": "2025-03-01",
    }
    entries = [{"fullUrl": f"resource:{n}", "resource": one} for n, one in enumerate((patient, vaccination))]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


@dataclass(frozen=True)
class Phone:
    """A phone with its key and the platform's certificate for it."""

    certificate: bytes
    key: ec.EllipticCurvePrivateKey = field(repr=False)
    ref: trust.StatusRef

    def code(self, at: datetime) -> str:
        """What it shows at that moment, without a network."""
        shown, signed = device.fresh_part(self.certificate, at)
        r, s = decode_dss_signature(self.key.sign(signed, ec.ECDSA(SHA256())))
        return device.code_text(self.certificate, shown, r.to_bytes(32, "big") + s.to_bytes(32, "big"))


@dataclass(frozen=True)
class Issuing:
    """A deployment that issues; every credential has its place in a real status list."""

    database: Database
    keys: KeyStore
    base_url: str

    async def signer(self, use: trust.Use, now: datetime, algorithm: Any = "ES256") -> trust.Signer:
        """The signer whose turn it is."""
        async with self.database.transaction() as c:
            return await trust.signer(c, self.keys, algorithm, use, now)

    async def place(
        self, signer: trust.Signer, kind: trust.CredentialKind, expires: datetime, now: datetime
    ) -> trust.StatusRef:
        """A place in the signer's status list."""
        async with self.database.transaction() as c:
            return await trust.allot(c, PERSON, kind, signer.key_id, expires, PROOFING, now)

    def ref(self, place: trust.StatusRef) -> offline.StatusRef:
        """The same place, as it stands in a credential."""
        return offline.StatusRef(place.uri(self.base_url), place.index)

    async def card(
        self,
        now: datetime,
        *,
        algorithm: Any = "ES256",
        emergency: offline.Emergency | None = None,
        life: timedelta = timedelta(days=90),
        holder: offline.Identity = HOLDER,
    ) -> tuple[str, trust.StatusRef]:
        """An identity credential, or with `emergency` an emergency card; its text and its place."""
        now = now.replace(microsecond=0)
        signer = await self.signer("identity", now, algorithm)
        place = await self.place(signer, "emergency" if emergency else "identity", now + life, now)
        times = (now, now + life)
        text = offline.credential_text(
            signer, holder, emergency, issuer=self.base_url, times=times, status=self.ref(place)
        )
        return text, place

    async def health_card(self, now: datetime, life: timedelta = timedelta(days=90)) -> tuple[str, trust.StatusRef]:
        """A SMART Health Card."""
        now = now.replace(microsecond=0)
        signer = await self.signer("shc", now)
        place = await self.place(signer, "shc", now + life, now)
        times = (now, now + life)
        status = self.ref(place)
        return offline.card_text(signer, health_bundle(), issuer=self.base_url, times=times, status=status), place

    async def phone(self, now: datetime, algorithm: Any = "ES256", life: timedelta = timedelta(days=7)) -> Phone:
        """A phone that was online at that moment."""
        now = now.replace(microsecond=0)
        key = ec.generate_private_key(ec.SECP256R1())
        signer = await self.signer("device", now, algorithm)
        place = await self.place(signer, "device", now + life, now)
        certificate = offline.device_certificate(
            signer,
            key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint),
            name="张小梅",
            born=1990,
            sex="female",
            times=(now, now + life),
            status=self.ref(place),
        )
        return Phone(certificate, key, place)

    async def revoke(self, place: trust.StatusRef, now: datetime | None = None) -> None:
        """End a credential."""
        async with self.database.transaction() as c:
            assert await trust.revoke_credential(c, PERSON, place, now or datetime.now(UTC), "test")
