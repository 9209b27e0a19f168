"""The phone's script makes the same bytes as the platform. Needs node; skipped without it."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.hashes import SM3, Hash
from deployments import NOW, PROFILES, SeededKeys

from yima.healthcode import base45, batch, dynamic_text
from yima.healthcode.offline import device
from yima.healthcode.profiles import profile_named

KEYS = SeededKeys(1)
PERSON = 0x7FFF_FFFF_FFFF


@pytest.mark.parametrize("profile", PROFILES)
def test_phone_and_platform_make_equal_codes(run, profile: str) -> None:
    rng = random.Random(20260302)
    start = NOW.timestamp()
    end = (int(start) // 900 + 96) * 900
    moments = [start, end - 1, *(rng.uniform(start, end) for _ in range(198))]
    made = run(
        'import { codeAt } from "./code.js";\n'
        "const out = [];\nfor (const ms of input.moments) out.push(await codeAt(input.batch, ms));\n"
        "console.log(JSON.stringify(out));",
        {"batch": batch(KEYS, profile, PERSON, NOW).as_json(), "moments": [moment * 1000 for moment in moments]},
    )
    assert made == [dynamic_text(KEYS, profile, PERSON, NOW + timedelta(seconds=m - start)) for m in moments]


def test_the_phone_knows_how_long_a_code_and_a_batch_last(run) -> None:
    given = batch(KEYS, "INTL", PERSON, NOW, slots=2)
    out = run(
        'import { secondsLeft, batchSecondsLeft, clockOffset, codeAt } from "./code.js";\n'
        "const { batch, now } = input;\n"
        "const fails = (ms) => codeAt(batch, ms).then(() => false, (e) => e instanceof RangeError);\n"
        "const end = (batch.slots[1].slot + 1) * 900000;\n"
        "const left = [now, now + 11999, now + 12000].map((ms) => secondsLeft(batch, ms));\n"
        "console.log(JSON.stringify([...left,\n"
        "  batchSecondsLeft(batch, now), clockOffset(batch, now - 5000),\n"
        "  await fails(end + 29999), await fails(end + 30000), await fails(now - 3600000)]));",
        {"batch": given.as_json(), "now": int(NOW.timestamp()) * 1000},
    )
    assert out == [12, 1, 15, 2 * 900 - (7 * 60 + 3), 5000, False, True, True]


def test_base45_agrees(run) -> None:
    rng = random.Random(45)
    samples = [rng.randbytes(n) for n in range(40)]
    out = run(
        'import { base45 } from "./code.js";\nconsole.log(JSON.stringify(input.map((b) => base45(b))));',
        [list(sample) for sample in samples],
    )
    assert out == [base45.encode(sample) for sample in samples]


def test_sm3_agrees_with_the_standards_vectors(run) -> None:
    rng = random.Random(32905)
    samples = [b"abc", b"abcd" * 16, *(rng.randbytes(n) for n in (0, 1, 55, 56, 63, 64, 65, 119, 120, 1000))]
    out = run(
        'import { sm3 } from "./sm3.js";\n'
        'console.log(JSON.stringify(input.map((b) => Buffer.from(sm3(Uint8Array.from(b))).toString("hex"))));',
        [list(sample) for sample in samples],
    )
    assert isinstance(out, list)
    # GB/T 32905-2016, appendix A.1 and A.2
    assert out[0] == "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert out[1] == "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
    assert out == [_sm3(sample) for sample in samples]


def test_hmac_sm3_agrees(run) -> None:
    pairs = [(bytes(range(n)), bytes(m)) for n in (1, 32, 64, 65, 130) for m in (0, 22, 64, 200)]
    out = run(
        'import { hmacSm3 } from "./sm3.js";\nconsole.log(JSON.stringify(input.map(([k, m]) =>\n'
        '  Buffer.from(hmacSm3(Uint8Array.from(k), Uint8Array.from(m))).toString("hex"))));',
        [[list(key), list(message)] for key, message in pairs],
    )
    assert out == [profile_named("SM").mac(key, message).hex() for key, message in pairs]


def _sm3(message: bytes) -> str:
    digest = Hash(SM3())
    digest.update(message)
    return digest.finalize().hex()


def test_the_phones_network_down_code_is_what_the_platform_reads(run) -> None:
    certificate = (
        bytes([0x11]) + bytes(118) + bytes(64)
    )  # as long as one without a name; its content is not the phone's
    made = run(
        'import { deviceCodeAt, newDeviceKey, publicPoint, certificateTimes } from "./device.js";\n'
        "const pair = await newDeviceKey();\n"
        "const kept = await crypto.subtle.exportKey('pkcs8', pair.privateKey).then(() => false, () => true);\n"
        "const certificate = Uint8Array.from(input.certificate);\n"
        "certificate.set(await publicPoint(pair).then((p) => [2 + (p[64] & 1), ...p.subarray(1, 33)]), 20);\n"
        "certificate.set([0, 0, 16, 0, 0, 168], 9);\n"
        "const text = await deviceCodeAt(certificate, pair.privateKey, input.millis);\n"
        "console.log(JSON.stringify({ text, kept, times: certificateTimes(certificate) }));",
        {"certificate": list(certificate[:119]), "millis": NOW.timestamp() * 1000},
    )
    code = device.read(made["text"])
    assert made["kept"], "the private key can be exported"
    assert device.phone_signed(code)
    assert code.time == NOW
    assert made["times"] == {"issued": 4096, "expires": 4096 + 168 * 3600}
