"""The two cryptographic families, `INTL` and `SM`, behind one face.

Face: `family` (hash, MAC, cipher, GCM of a family), `signing_key` and `verify_key` (ES256, SM2), `signature_der` (for
certificates), `sm4_ecb` and `sm4_ecb_open` (for the national card), `self_test` and `backend` (at every start).
Keys come in as arguments; the only thing taken from elsewhere is the operating system's randomness, in signatures.
"""

from yima.crypto.der import signature_der
from yima.crypto.families import FAMILY_NAMES, Family, FamilyName, family
from yima.crypto.keys import ALGORITHMS, Algorithm, SigningKey, VerifyKey, signing_key, verify_key
from yima.crypto.selftest import backend, self_test
from yima.crypto.symmetric import BlockCipher, Function, sm4_ecb, sm4_ecb_open

__all__ = [
    "ALGORITHMS", "FAMILY_NAMES", "Algorithm", "BlockCipher", "Family", "FamilyName", "Function", "SigningKey",
    "VerifyKey", "backend", "family", "self_test", "signature_der", "signing_key", "sm4_ecb", "sm4_ecb_open",
    "verify_key",
]  # fmt: skip
