"""Our verifier on the public test data of the EU certificate, the SMART Health Card and the COSE working group.

The data is not part of the repository: YIMA_TESTDATA names a folder with `dgc-testdata`, `health-cards-dev-tools` and
`cose-examples`, each the content of the public repository of that name (docs/healthcode/offline.md says which).
"""

from __future__ import annotations

import hashlib
import json
import os
from base64 import b64decode, urlsafe_b64encode
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509 import load_der_x509_certificate

from support import report
from yima.healthcode import offline
from yima.healthcode.offline import claims, cose, hc1, shc
from yima.healthcode.offline.trustfile import signer_of, signer_of_certificate
from yima.runtime.errors import Refusal

FOLDER = Path(os.environ.get("YIMA_TESTDATA", "/nowhere"))


def folder(name: str) -> Path:
    if not (FOLDER / name).is_dir():
        pytest.skip(f"*** PUBLIC TEST DATA NOT TRIED: YIMA_TESTDATA has no {name} ***")
    return FOLDER / name


def judged(text: str, trust: Any, now: datetime) -> str:
    try:
        return offline.verify(text, trust, None, now).form
    except Refusal as refusal:
        return refusal.code


# --- EU Digital COVID Certificate -------------------------------------------------------------------------------------
STEPS = ("UNPREFIX", "B45DECODE", "COMPRESSION", "VERIFY", "EXPIRATIONCHECK", "KEYUSAGE", "DECODE")
"""Steps of the data that the verifier judges; with none of them said to fail, it must accept."""


def certificates(root: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    for path in sorted(root.rglob("*.json")):
        data = json.loads(path.read_text(encoding="utf-8-sig"))
        if isinstance(data, dict) and data.get("PREFIX") and "TESTCTX" in data:
            yield str(path.relative_to(root)), data


def eu_trust(data: dict[str, Any]) -> Any:
    encoded = data["TESTCTX"].get("CERTIFICATE") or ""
    try:
        der = b64decode(encoded)
        return {hashlib.sha256(der).digest()[:8]: signer_of_certificate(der)}.get
    except ValueError:
        return {}.get


def expected(data: dict[str, Any]) -> bool:
    return all(data["EXPECTEDRESULTS"].get(f"EXPECTED{step}", True) for step in STEPS)


def clock(data: dict[str, Any]) -> datetime:
    """The case's clock; where it claims nothing about times, a moment at which the certificate is valid."""
    said = data["TESTCTX"].get("VALIDATIONCLOCK")
    if said and "EXPECTEDEXPIRATIONCHECK" in data["EXPECTEDRESULTS"]:
        moment = datetime.fromisoformat(said.replace("Z", "+00:00"))
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        issued = claims.decode(cose.read(hc1.decode(data["PREFIX"])).payload).issued
        return max(issued, load_der_x509_certificate(b64decode(data["TESTCTX"]["CERTIFICATE"])).not_valid_before_utc)
    except (Refusal, ValueError):
        return datetime(2021, 7, 1, tzinfo=UTC)


# Where we differ, and why; a case that is here and agrees would fail the test as well.
DIFFERING = {
    "DK/": "code-expired",  # the clock stands at `exp` itself: not accepted on or after it (RFC 8392 section 3.1.4)
    "IE/": "code-expired",  # the same
    "ES/2DCode/raw/150": "code-expired",  # the same
    "common/2DCode/raw/CO20": "code-unreadable",  # the algorithm stands in no protected header
    "ES/2DCode/raw/40": "code-issuer-unknown",  # ES256 in the header, a key on P-384
    "LI/2DCode/raw/4": "code-issuer-unknown",  # a test, signed by a key for vaccinations only
    "RO/2DCode/raw/2": "code-unreadable",  # two vaccinations in one, which case DGC2 of the same data forbids
    "SK/2DCode/raw/3": "code-unreadable",  # the same
    "IS/2DCode/raw/3": "eu-certificate",  # no key usage at all, which case CO15 of the same data allows
}


def test_eu_certificates() -> None:
    seen: Counter[str] = Counter()
    unexplained = []
    for name, data in certificates(folder("dgc-testdata")):
        found = judged(data["PREFIX"], eu_trust(data), clock(data))
        if found == "eu-certificate" and data["EXPECTEDRESULTS"].get("EXPECTEDSCHEMAVALIDATION") is False:
            seen["schema not judged"] += 1  # it is what it says it is; its value sets are its reader's to judge
        elif (found == "eu-certificate") == expected(data) or (
            found == "code-unreadable" and data["EXPECTEDRESULTS"].get("EXPECTEDSCHEMAVALIDATION") is False
        ):
            seen["agreed"] += 1
        else:
            seen["explained"] += 1
            if not any(name.startswith(start) and found == why for start, why in DIFFERING.items()):
                unexplained.append((name, found))
    report("eu-dcc", dict(seen))
    assert not unexplained


# --- SMART Health Cards -----------------------------------------------------------------------------------------------
# What the tools' own tests (tests/card.test.ts) say of the files with a JWS or a numeric code; all break some rule.
BROKEN = (
    *(f"f-qr-code-numeric-value-0-{why}" for why in ("odd-count", "number-too-big", "wrong_qr_header")),
    "f-qr-code-numeric-value-0-index-out-of-range",
    *(f"d-jws-{why}" for why in ("no_deflate", "wrong_jws_header_kid", "invalid-signature", "utf8_bom_prefix")),
    *(f"d-jws-no_jws_header_{name}" for name in ("alg", "kid", "zip")),
    *(f"d-jws-der-signature{which}" for which in ("", "-r-neg", "-s-neg", "-rs-neg")),
    "d-jws-trailing_chars",
)
CHUNKS = range(17)
LATER = datetime(2023, 1, 1, tzinfo=UTC)


def shc_trust() -> Any:
    """The public key set of the specification's example issuer, and what its cards are signed with."""
    return offline.foreign_trust((folder("health-cards") / JWKS).read_bytes())


JWKS = "generate-examples/issuer/.well-known/jwks.json"


def health_card(path: Path) -> str:
    """The text of a file; a bare JWS is made into digits as it stands."""
    text = path.read_bytes().decode()
    if text.startswith("shc:"):
        return text
    try:
        return shc.encode(text)
    except KeyError:
        return text


def test_smart_health_cards() -> None:
    root, trust = folder("health-cards-dev-tools") / "testdata", shc_trust()
    found = {name: judged(health_card(root / f"test-example-00-{name}.txt"), trust, LATER) for name in BROKEN}
    found["1195 bytes"] = judged(health_card(root / "test-example-1195-byte-qrnumeric.txt"), trust, LATER)
    pieces = [health_card(root / f"test-example-00-f-qr-code-numeric-value-{n}-qr_chunk_too_small.txt") for n in CHUNKS]
    found["17 chunks"] = judged("\n".join(reversed(pieces)), trust, LATER)
    found["16 of 17 chunks"] = judged("\n".join(pieces[1:]), trust, LATER)
    report("smart-health-cards", found)
    accepted = {name for name, form in found.items() if form == "smart-health-card"}
    assert accepted == {"1195 bytes", "17 chunks"}


# --- COSE working group -----------------------------------------------------------------------------------------------
def cose_cases() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for path in sorted(folder("cose-examples").rglob("*.json")):
        try:
            case = json.loads(path.read_text(encoding="utf-8-sig"))
        except ValueError:
            continue
        signer = case.get("input", {}).get("sign0") if isinstance(case, dict) else None
        if signer and "cbor" in case.get("output", {}):
            yield str(path.relative_to(FOLDER / "cose-examples")), case, signer


def cose_accepts(case: dict[str, Any], signer: dict[str, Any]) -> str:
    key = signer["key"]
    for name in ("x", "y", "n", "e"):  # some keys are in hex in these files
        if f"{name}_hex" in key:
            key[name] = urlsafe_b64encode(bytes.fromhex(key[f"{name}_hex"])).decode().rstrip("=")
    try:
        known = signer_of({**key, "kid": "k"}).key
    except (ValueError, KeyError) as error:
        return f"key not known: {error}"
    try:
        message = cose.read(bytes.fromhex(case["output"]["cbor"]))
    except Refusal:
        return "refused"
    # These examples also carry the algorithm unprotected; our own credentials never do.
    said = cose.algorithm_name({**message.unprotected, **message.header}.get(cose.ALG))
    external = bytes.fromhex(signer.get("external", ""))
    good = said == known.algorithm and known.verify(message.signed(external), message.signature)
    return "accepted" if good else "refused"


COSE_DIFFERING = {
    "ecdsa-examples/ecdsa-sig-04.json",  # ES512 with a key on P-256: we tie each algorithm to its curve, as JOSE does
    "eddsa-examples/eddsa-sig-02.json",  # Ed448, which no form here uses
    "hashsig/hsssig-sig-01.json",  # HSS-LMS, likewise
}


def test_cose_sign1() -> None:
    found, differing = {}, []
    for name, case, signer in cose_cases():
        found[name] = cose_accepts(case, signer)
        if (found[name] == "accepted") == bool(case.get("fail")):
            differing.append((name, found[name]))
    report("cose-sign1", {"judged": len(found), "differing": differing})
    assert found
    assert {name for name, _ in differing} <= COSE_DIFFERING
