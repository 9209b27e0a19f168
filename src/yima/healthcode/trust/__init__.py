"""Trust: the keys that sign credentials, the list that says which they are, the lists of what was revoked."""

from yima.healthcode.trust.certificate import USES, Certificate, Use, check_chain, read_certificate
from yima.healthcode.trust.issuance import (
    Credential,
    CredentialKind,
    Proofing,
    ProofLevel,
    StatusRef,
    allot,
    credentials_of,
    revoke_credential,
    revoke_of,
    status_uri,
)
from yima.healthcode.trust.rules import DEFAULT_FRESHNESS, DEFAULT_RULES, Freshness, Rules
from yima.healthcode.trust.signers import Signer, revoke_signer, rotate, signer

__all__ = [
    "DEFAULT_FRESHNESS",
    "DEFAULT_RULES",
    "USES",
    "Certificate",
    "Credential",
    "CredentialKind",
    "Freshness",
    "ProofLevel",
    "Proofing",
    "Rules",
    "Signer",
    "StatusRef",
    "Use",
    "allot",
    "check_chain",
    "credentials_of",
    "read_certificate",
    "revoke_credential",
    "revoke_of",
    "revoke_signer",
    "rotate",
    "signer",
    "status_uri",
]
