"""The Wycheproof vectors (C2SP), where somebody has them: `YIMA_VECTORS` names the folder with its JSON files.

They are not in the repository: fetched data stays out of it. docs/healthcode/crypto.md says how to get them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from support import report
from yima import crypto
from yima.runtime.errors import Refusal


def _groups(name: str) -> list[dict[str, Any]]:
    folder = os.environ.get("YIMA_VECTORS")
    if not folder:
        pytest.skip("*** WYCHEPROOF WAS NOT TRIED: YIMA_VECTORS names no folder ***")
    path = Path(folder) / f"{name}_test.json"
    if not path.exists():
        pytest.skip(f"*** WYCHEPROOF WAS NOT TRIED: {path.name} is not in YIMA_VECTORS ***")
    groups: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["testGroups"]
    return groups


def _agreed(name: str, right: int, wrong: list[str], left_out: int) -> None:
    report(f"wycheproof {name}", {"agreed": right, "differ": len(wrong), "of another shape": left_out})
    assert wrong == []
    assert right > 50, "hardly any case was of our shape"


@pytest.mark.parametrize(("name", "family"), [("hmac_sha256", "INTL"), ("hmac_sm3", "SM")])
def test_macs(name: str, family: str) -> None:
    """Tags cut short are compared as far as they go."""
    it, right, wrong = crypto.family(family), 0, []
    for group in _groups(name):
        for case in group["tests"]:
            key, message, tag = (bytes.fromhex(case[part]) for part in ("key", "msg", "tag"))
            size = group["tagSize"] // 8
            same = it.mac(key, message)[:size] == tag and it.keyed_mac(key)(message)[:size] == tag
            if same == (case["result"] == "valid"):
                right += 1
            else:
                wrong.append(f"{case['tcId']} {case['comment']}")
    _agreed(name, right, wrong, 0)


@pytest.mark.parametrize(("name", "family", "keys"), [("aes_gcm", "INTL", (128, 256)), ("sm4_gcm", "SM", (128,))])
def test_seals(name: str, family: str, keys: tuple[int, ...]) -> None:
    """Nonces of 12 bytes and tags of 16 only: the face has no others."""
    it, right, wrong, left_out = crypto.family(family), 0, [], 0
    for group in _groups(name):
        if group["ivSize"] != 96 or group["tagSize"] != 128 or group["keySize"] not in keys:
            left_out += len(group["tests"])
            continue
        for case in group["tests"]:
            key, nonce, aad, plain = (bytes.fromhex(case[part]) for part in ("key", "iv", "aad", "msg"))
            sealed = bytes.fromhex(case["ct"] + case["tag"])
            try:
                same = it.open(key, nonce, sealed, aad) == plain and it.seal(key, nonce, plain, aad) == sealed
            except Refusal:
                same = False
            if same == (case["result"] == "valid"):
                right += 1
            else:
                wrong.append(f"{case['tcId']} {case['comment']}")
    _agreed(name, right, wrong, left_out)


def test_es256() -> None:
    """IEEE P1363 signatures: r||s."""
    right, wrong = 0, []
    for group in _groups("ecdsa_secp256r1_sha256_p1363"):
        point = bytes.fromhex(group["publicKey"]["uncompressed"])
        key = crypto.verify_key("ES256", point[1:33], point[33:])
        for case in group["tests"]:
            if key.verify(bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])) == (case["result"] == "valid"):
                right += 1
            else:
                wrong.append(f"{case['tcId']} {case['comment']}")
    _agreed("ecdsa_secp256r1_sha256_p1363", right, wrong, 0)
