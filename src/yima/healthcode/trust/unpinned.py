"""Reading a trust list without a pinned root: for a file that somebody chose to trust by naming it on the command line.

What holds the list together is checked all the same: its signature, and that its issuers signed every key in it. Who
the issuers are is taken from the file itself, so whoever wrote the file decides. A scanner pins roots (`trustlist`).
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

import orjson

from yima.healthcode.trust import jws
from yima.healthcode.trust.certificate import Certificate, read_certificate
from yima.healthcode.trust.trustlist import TYPE, Trust, TrustedSigner
from yima.runtime.errors import Refusal


def read_unpinned(text: str) -> Trust:
    """The trust list in `text`, whoever signed it. Refusal `trust-list-invalid`."""
    try:
        token = jws.read(text.strip())
        said = orjson.loads(token.payload)
        issuers = [read_certificate(jws.decode(one)) for one in said["issuers"]]
        signers = [_signer(one, issuers) for one in said["signers"]]
        head = read_certificate(base64.b64decode(token.header["x5c"][0], validate=True))
        own = next(one for one in signers if one.certificate == head.der and one.use == "trust-list")
        if token.header.get("typ") != TYPE or not token.verified_by(own.key) or own.revoked is not None:
            raise ValueError("the signature is wrong")
        issued, following = (datetime.fromtimestamp(said[name], UTC) for name in ("iat", "next_update"))
        return Trust(said["version"], issued, following, MappingProxyType({one.key_id: one for one in signers}))
    except (ValueError, KeyError, IndexError, TypeError, StopIteration, OverflowError, AttributeError):
        raise Refusal("trust-list-invalid", reason="it is not well-formed, or not signed by a key in it") from None


def _signer(one: Mapping[str, Any], issuers: list[Certificate]) -> TrustedSigner:
    found = read_certificate(jws.decode(one["certificate"]))
    above = next(issuer for issuer in issuers if issuer.subject == found.issuer and issuer.is_ca)
    if found.use is None or found.is_ca or not above.key.verify(found.tbs, found.signature):
        raise ValueError("a signer that its issuer did not sign")
    revoked = one.get("revoked")
    return TrustedSigner(
        found.key_id, found.key, found.key.algorithm, found.use, found.not_before, found.not_after,
        str(one["status_list"]), found.der, None if revoked is None else datetime.fromtimestamp(revoked, UTC),
    )  # fmt: skip
