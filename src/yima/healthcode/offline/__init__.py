"""Offline credentials: signed documents that any scanner checks with no network. Pure.

Face: `verify` (one function for all forms), `credential_text`, `card_text`, `device_certificate` (making them),
`trust_of`, `foreign_trust`, `lists_of` (what is trusted, as `verify` takes it).
"""

from yima.healthcode.offline.claims import Emergency, Identity
from yima.healthcode.offline.credential import credential_text
from yima.healthcode.offline.device import compressed_point, device_certificate
from yima.healthcode.offline.parties import Lists, Policy, StatusRef, Trust
from yima.healthcode.offline.shc import IMMUNIZATION, card_text, jwk_of, room_for
from yima.healthcode.offline.trustfile import foreign_trust, lists_of, trust_of
from yima.healthcode.offline.verify import Verified, verify

__all__ = [
    "IMMUNIZATION",
    "Emergency",
    "Identity",
    "Lists",
    "Policy",
    "StatusRef",
    "Trust",
    "Verified",
    "card_text",
    "compressed_point",
    "credential_text",
    "device_certificate",
    "foreign_trust",
    "jwk_of",
    "lists_of",
    "room_for",
    "trust_of",
    "verify",
]
