"""Trust: the keys that sign credentials, the list that says which they are, the lists of what was revoked."""

from yima.healthcode.trust.certificate import ALGORITHMS, USES, Algorithm, Certificate, Use, read_certificate
from yima.healthcode.trust.issuance import (
    Assurance, Credential, CredentialKind, Proofing, StatusRef, allot, credentials_of, revoke_credential, revoke_of,
    status_uri,
)  # fmt: skip
from yima.healthcode.trust.rules import DEFAULT_FRESHNESS, DEFAULT_RULES, Freshness, Rules
from yima.healthcode.trust.signers import Signer, revoke_signer, rotate, signer

__all__ = [
    "ALGORITHMS", "DEFAULT_FRESHNESS", "DEFAULT_RULES", "USES", "Algorithm", "Assurance", "Certificate", "Credential",
    "CredentialKind", "Freshness", "Proofing", "Rules", "Signer", "StatusRef", "Use", "allot", "credentials_of",
    "read_certificate", "revoke_credential", "revoke_of", "revoke_signer", "rotate", "signer", "status_uri",
]  # fmt: skip
