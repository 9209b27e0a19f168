"""Trust: the keys that sign credentials, the list that says which they are, the lists of what was revoked."""

from yima.healthcode.trust.certificate import USES, Certificate, Use, check_chain, read_certificate
from yima.healthcode.trust.healthcards import HealthCardKey, health_card_keys, revoked_cards
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
from yima.healthcode.trust.publish import Published, Publisher
from yima.healthcode.trust.rules import DEFAULT_FRESHNESS, DEFAULT_RULES, Freshness, Rules
from yima.healthcode.trust.signers import (
    Authority,
    Signer,
    SigningStore,
    Standing,
    authorities,
    revoke_signer,
    rotate,
    signer,
    signers,
)
from yima.healthcode.trust.statuslist import CWT, DELTA, JWT, StatusList, read_status_delta, read_status_list
from yima.healthcode.trust.trustlist import Trust, TrustedSigner, read_roots, read_trust_list
from yima.healthcode.trust.unpinned import read_unpinned

__all__ = [
    "CWT",
    "DEFAULT_FRESHNESS",
    "DEFAULT_RULES",
    "DELTA",
    "JWT",
    "USES",
    "Authority",
    "Certificate",
    "Credential",
    "CredentialKind",
    "Freshness",
    "HealthCardKey",
    "ProofLevel",
    "Proofing",
    "Published",
    "Publisher",
    "Rules",
    "Signer",
    "SigningStore",
    "Standing",
    "StatusList",
    "StatusRef",
    "Trust",
    "TrustedSigner",
    "Use",
    "allot",
    "authorities",
    "check_chain",
    "credentials_of",
    "health_card_keys",
    "read_certificate",
    "read_roots",
    "read_status_delta",
    "read_status_list",
    "read_trust_list",
    "read_unpinned",
    "revoke_credential",
    "revoke_of",
    "revoke_signer",
    "revoked_cards",
    "rotate",
    "signer",
    "signers",
    "status_uri",
]
