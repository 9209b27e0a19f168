"""What the scanner's modules are made of, against other implementations and by table: CBOR, base45, SM2, points."""

from __future__ import annotations

import random
import zlib
from typing import Any

import cbor2
import gmalg
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from yima.healthcode import base45

TRY = (
    "const tried = async (work) => { try { return await work(); }"
    " catch (e) { if (e.code) return e.code; throw e; } };\n"
)
HEX = (
    'const hex = (b) => Buffer.from(b).toString("hex");\nconst bytes = (t) => Uint8Array.from(Buffer.from(t, "hex"));\n'
)


def test_base45_is_strict(run) -> None:
    rng = random.Random(45)
    good = [rng.randbytes(n) for n in range(64)]
    bad = ["A", "AAAA", ":::", "GGX", "::", "aaa", "AB\n", "：AB", "A B=", "ÀBC"]
    out = run(
        f'import {{ fromBase45 }} from "./offline/bytes.js";\n{TRY}{HEX}'
        "const out = [];\nfor (const t of input) out.push(await tried(() => hex(fromBase45(t))));\n"
        "console.log(JSON.stringify(out));",
        [*map(base45.encode, good), *bad],
    )
    assert out == [*(one.hex() for one in good), *["code-unreadable"] * len(bad)]


@pytest.mark.parametrize(
    ("what", "encoded"),
    [
        ("indefinite array", "9f01ff"),
        ("indefinite bytes", "5f4101ff"),
        ("integer longer than needed", "1801"),
        ("16-bit integer that fits 8", "190001"),
        ("length beyond 2^53", "5bffffffffffffffff"),
        ("double key", "a201020103"),
        ("map as key", "a1a00101"),
        ("float", "f93c00"),
        ("undefined", "f7"),
        ("reserved", "1c"),
        ("cut short", "58ff00"),
        ("array that promises too much", "9b0000000100000000"),
        ("after the end", "0000"),
        ("nothing", ""),
        ("not UTF-8", "61ff"),
        ("deep", "81" * 9 + "00"),
        ("deep tags", "c1" * 5000 + "00"),
        ("too many items", "991001" + "00" * 4097),
    ],
)
def test_cbor_refuses(run, what: str, encoded: str) -> None:
    out = run(
        f'import {{ fromCbor }} from "./offline/cbor.js";\n{TRY}{HEX}'
        "console.log(JSON.stringify(await tried(() => String(fromCbor(bytes(input))))));",
        encoded,
    )
    assert out == "code-unreadable", what


def test_cbor_reads_what_cbor2_writes(run) -> None:
    rng = random.Random(8949)
    edges = [0, 1, 23, 24, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**53 - 2, 2**53 - 1, 9876543210123456, 2**64 - 1]
    values: list[Any] = [*edges, *(-1 - n for n in edges), "", "名字", b"", rng.randbytes(300), True, False, None]
    values += [[1, [2, ["三"]]], {1: "a", -70002: {"n": "张"}, "k": b"x"}, list(range(200))]
    written = [cbor2.dumps(value, canonical=True).hex() for value in values]
    show = (
        "const plain = (v) => v instanceof Map ? { map: [...v].map(([k, w]) => [k, plain(w)]) }"
        " : typeof v === 'bigint' ? { big: String(v) } :"
        " v instanceof Uint8Array ? { hex: hex(v) } : Array.isArray(v) ? v.map(plain) : v;\n"
    )
    out = run(
        f'import {{ fromCbor }} from "./offline/cbor.js";\n{HEX}{show}'
        "console.log(JSON.stringify(input.map((t) => plain(fromCbor(bytes(t))))));",
        written,
    )
    assert out == [_plain(cbor2.loads(bytes.fromhex(one))) for one in written]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {"map": [[key, _plain(held)] for key, held in value.items()]}
    if type(value) is int and not -(2**53) < value < 2**53 - 1:
        return {"big": str(value)}
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def test_whatever_comes_is_read_or_refused(run) -> None:
    rng = random.Random(7049)
    whole = cbor2.dumps({1: "a", 2: [b"xy", {3: "名"}], -70002: {"n": "张"}}, canonical=True)
    samples = [rng.randbytes(rng.randrange(40)) for _ in range(1000)]
    for _ in range(1000):
        changed = bytearray(whole)
        changed[rng.randrange(len(whole))] = rng.randrange(256)
        samples.append(bytes(changed))
    out = run(
        f'import {{ fromCbor }} from "./offline/cbor.js";\n{TRY}{HEX}'
        'const out = [];\nfor (const t of input) out.push(await tried(() => { fromCbor(bytes(t)); return "read"; }));\n'
        "console.log(JSON.stringify([...new Set(out)].sort()));",
        [one.hex() for one in samples],
    )
    assert out == ["code-unreadable", "read"]


def test_inflating_is_bounded_and_whole(run) -> None:
    bomb = zlib.compress(bytes(10_000_000), 9)
    good = zlib.compress(b"x" * 1000)
    cases = [good, bomb, good[:-1], good + b"\0", b"", good[:-4] + b"\1\2\3\4", b"\x1f\x8b" + good]
    out = run(
        f'import {{ inflated }} from "./offline/bytes.js";\n{TRY}{HEX}'
        "const out = [];\n"
        'const length = async (t) => (await inflated(bytes(t), "deflate", 65536)).length;\n'
        "for (const t of input) out.push(await tried(() => length(t)));\n"
        "console.log(JSON.stringify(out));",
        [one.hex() for one in cases],
    )
    assert out == [1000, *["code-unreadable"] * 6]


# GB/T 32918.5-2017, appendix A.2: key, message, signature
SM2_KEY = (
    "09f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020",
    "ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13",
)
SM2_SIGNATURE = (
    "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3"
    "b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa"
)
ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123


def _sm2(run, cases: list[tuple[str, str, str, str]]) -> Any:
    return run(
        f'import {{ verifySm2 }} from "./offline/sm2.js";\n{HEX}'
        "console.log(JSON.stringify(input.map((c) => verifySm2(...c.map(bytes)))));",
        cases,
    )


def test_sm2_judges_the_standards_vector(run) -> None:
    x, y = SM2_KEY
    message, s = b"message digest".hex(), SM2_SIGNATURE
    half = 64
    wrong = [
        (x, y, b"message Digest".hex(), s),
        (x, y, message, s[half:] + s[:half]),
        (x, y, message, "00" * 32 + s[half:]),
        (x, y, message, s[:half] + "00" * 32),
        (x, y, message, s[:half] + f"{ORDER - int(s[:half], 16):064x}"),  # r + s = n
        (x, y, message, s[:half] + f"{int(s[half:], 16) ^ 1:064x}"),
        (x, y, message, f"{ORDER:064x}" + s[half:]),
        (x, y, message, s[:-2]),
        (x, f"{int(y, 16) ^ 1:064x}", message, s),  # not on the curve
        ("ff" * 32, y, message, s),
        ("00" * 32, "00" * 32, message, s),
    ]
    assert _sm2(run, [(x, y, message, s), *wrong]) == [True, *[False] * len(wrong)]


def test_sm2_agrees_with_another_implementation(run) -> None:
    rng, given, forged = random.Random(32918), [], []
    for size in (0, 1, 55, 64, 200):
        message, secret = rng.randbytes(size), rng.randrange(1, ORDER - 1).to_bytes(32, "big")
        point = gmalg.SM2(secret).generate_pk(secret)[1:]  # after the byte of its form
        r, s = gmalg.SM2(secret, b"1234567812345678", rnd_fn=rng.getrandbits).sign(message)
        case = (point[:32].hex(), point[32:].hex(), message.hex(), (r + s).hex())
        given.append(case)
        forged.append((*case[:2], case[2] + "00", case[3]))
    assert _sm2(run, [*given, *forged]) == [*[True] * len(given), *[False] * len(forged)]


def test_points_are_decompressed(run) -> None:
    keys = [ec.derive_private_key(n, ec.SECP256R1()).public_key() for n in range(1, 20)]
    whole = [key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint) for key in keys]
    short = [key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint) for key in keys]
    none = [b"\x02" + b"\xff" * 32, b"\x04" + short[0][1:], short[0][:-1], b"\x02" + bytes(31) + b"\x01"]
    out = run(
        f'import {{ decompressed }} from "./offline/point.js";\n{HEX}'
        "console.log(JSON.stringify(input.map((t) => { const p = decompressed(bytes(t));"
        ' return p ? hex(p.x) + hex(p.y) : ""; })));',
        [one.hex() for one in [*short, *none]],
    )
    assert out == [*(one[1:].hex() for one in whole), *[""] * len(none)]
