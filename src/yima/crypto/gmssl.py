"""SM2 by PyPI `gmssl_pyx` (GmSSL): where the system's libcrypto has none. Only its calls over digests are used.

Its signer is as fast as libcrypto's, its verifier about half as fast, and it writes two lines to stderr for every
signature that does not verify. It has no call that gives the public half of a private key, so that is multiplied here.
"""

from __future__ import annotations

from collections.abc import Callable

import gmssl_pyx

from yima.crypto import der
from yima.crypto.curve import SM2


class Gmssl:
    """SM2 over digests, by gmssl_pyx."""

    name = f"gmssl_pyx: {gmssl_pyx.version}"

    def signer(self, d: bytes) -> tuple[bytes, Callable[[bytes], bytes]]:
        """x||y of the private key's public half, and what makes r||s of 64 bytes over a 32-byte digest."""
        x, y = SM2.multiply(int.from_bytes(d, "big"))

        def sign(digest: bytes) -> bytes:
            return der.signature_raw(gmssl_pyx.sm2_sign_sm3_digest(d, digest))

        return x.to_bytes(32, "big") + y.to_bytes(32, "big"), sign

    def verifier(self, point: bytes) -> Callable[[bytes, bytes], bool]:
        """What checks r||s (64 bytes, both in [1, n - 1]) over a 32-byte digest, by the public key x||y."""

        def verify(digest: bytes, signature: bytes) -> bool:
            try:
                return bool(gmssl_pyx.sm2_verify_sm3_digest(point, digest, der.signature_der(signature)))
            except gmssl_pyx.GmsslInnerError:  # what it says of some signatures that are merely wrong
                return False

        return verify
