"""Making the identity credential and the emergency card: claims, one signature, text."""

from __future__ import annotations

from datetime import datetime

from yima.healthcode.offline import claims, cose, hc1
from yima.healthcode.offline.claims import Emergency, Identity
from yima.healthcode.offline.parties import Signer, StatusRef
from yima.runtime.errors import Refusal

SIGNATURE_BYTES = 64


def credential_text(
    signer: Signer,
    identity: Identity,
    emergency: Emergency | None,
    *,
    issuer: str,
    times: tuple[datetime, datetime],
    status: StatusRef,
    sm2_algorithm: int = cose.SM2_ALGORITHM,
) -> str:
    """The `HC1:` text of an identity credential, or with `emergency` of an emergency card.

    `times` are issued and expires, `issuer` the address of the deployment. Refusal `field-invalid` when it would
    outlive its signer's certificate.
    """
    check_end(signer, times[1])
    protected = cose.header_of(cose.algorithm_number(signer.algorithm, sm2_algorithm), signer.key_id)
    payload = claims.encode(identity, emergency, issuer, times, status)
    message = cose.Sign1(protected, {}, {}, payload, b"")
    return hc1.encode(cose.write(protected, payload, signer.key.sign(message.signed())))


def check_end(signer: Signer, expires: datetime) -> None:
    """Refusal `field-invalid` when a credential of this signer would outlive the signer's certificate."""
    if expires > signer.not_after:
        raise Refusal("field-invalid", field="expires", expected="a time before the end of the signer's certificate")
