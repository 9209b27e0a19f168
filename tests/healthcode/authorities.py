"""A deployment's keys and lists without a database: for tests of those who read them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from deployments import NOW, SeededKeys

from yima.crypto import Algorithm, SigningKey, signing_key
from yima.healthcode import trust
from yima.healthcode.trust import jws, statuslist, trustlist
from yima.healthcode.trust.certificate import Subject, Use, certify, key_id_of

BASE = "https://health.example"
YEAR = timedelta(days=366)


@dataclass
class House:
    """A root, an issuer, and as many signers as are asked for; another seed is another deployment."""

    algorithm: Algorithm = "ES256"
    seed: int = 7
    made: dict[str, tuple[SigningKey, bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        root = self.key("root")
        self.root = certify(Subject("root", root.public, NOW, NOW + 20 * YEAR, depth=1), "root", root, 1)
        issuer = self.key("issuer")
        self.issuer = certify(Subject("issuer", issuer.public, NOW, NOW + 10 * YEAR, depth=0), "root", root, 2)

    @property
    def roots(self) -> list[trust.Certificate]:
        """What a reader pins."""
        return [trust.read_certificate(self.root)]

    def key(self, name: str) -> SigningKey:
        """The key of that name."""
        return signing_key(self.algorithm, SeededKeys(self.seed).secret(name))

    def signer(
        self, use: Use, name: str = "", begins: datetime = NOW, ends: datetime = NOW + YEAR
    ) -> tuple[SigningKey, bytes]:
        """A signer's key and certificate; the same again for the same name."""
        name = name or use
        if name not in self.made:
            subject = Subject(name, self.key(name).public, begins, ends, use=use)
            self.made[name] = (self.key(name), certify(subject, "issuer", self.key("issuer"), 3))
        return self.made[name]

    def row(self, use: Use, name: str = "", revoked: datetime | None = None) -> dict[str, Any]:
        """A signer as its row in the database."""
        certificate = self.signer(use, name)[1]
        return {
            "key_id": key_id_of(certificate), "algorithm": self.algorithm, "use": use, "certificate": certificate,
            "issuer": key_id_of(self.issuer), "ends": NOW + YEAR, "revoked": revoked,
        }  # fmt: skip

    def claims(self, rows: list[dict[str, Any]] | None = None, version: int = 5, now: datetime = NOW) -> dict[str, Any]:
        """What a list of these signers says; without `rows`, one of each use."""
        rows = [self.row(use) for use in trust.USES] if rows is None else rows
        entries = [trustlist.entry(row, f"{BASE}/.well-known/status-lists/1") for row in rows]
        said = trustlist.content([self.issuer], entries)
        return trustlist.claims(said, f"{BASE}/.well-known/trust-list", version, now)

    def trust_list(self, claims: dict[str, Any] | None = None, use: Use = "trust-list", **header: Any) -> str:
        """The signed list; claims and parts of the header may be others than the right ones."""
        key, certificate = self.signer(use)
        right = trustlist.header(key_id_of(certificate), [certificate, self.issuer])
        return jws.sign(key, right | header, self.claims() if claims is None else claims)

    def known(self) -> trust.Trust:
        """The list, read."""
        return trust.read_trust_list(self.trust_list(), self.roots, NOW)

    def status_list(
        self, revoked: list[int], *, form: str = trust.JWT, use: Use = "status-list", **changed: Any
    ) -> bytes:
        """A signed status list of 64 places in either form; `changed` claims of the JWT are others."""
        key, certificate = self.signer(use)
        times = statuslist.Times(NOW, NOW + timedelta(days=7), timedelta(hours=1))
        make = statuslist.cwt_claims if form == trust.CWT else statuslist.jwt_claims
        lst = statuslist.compress(statuslist.pack(64, revoked))
        said = make(f"{BASE}/.well-known/status-lists/1", 3, times, lst, f"{BASE}/.well-known/status-lists")
        if isinstance(said, bytes):
            return statuslist.sign_cwt(key, key_id_of(certificate), said)
        return statuslist.sign_jwt(key, key_id_of(certificate), form, said | changed)
