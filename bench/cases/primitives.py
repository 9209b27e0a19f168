"""The primitives of both families beside `openssl speed` in the same run, and codes drawn; one core, CPU seconds.

What `openssl speed` signs and verifies is a digest; ours hash the message too. A call from Python costs 0.3 us, so
small inputs are measured beside large ones: the first show what codes cost, the second what the implementation can do.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable
from typing import Final

from bench.limits import openssl_speed
from bench.measure import BenchError, Cost, Limit, Line, spoken
from bench.stage import Stage
from yima import crypto, healthcode
from yima.runtime import clock, ids

_AIM: Final = "90 % of openssl speed"
_TURNS: Final = 3
_MESSAGE: Final = b"m" * 64
_SMALL: Final = 16
_LARGE: Final = 8192
_SPEED: Final = {"ES256": "ecdsap256", "SM2": "sm2"}


async def primitives(stage: Stage) -> list[Line]:
    """Signatures, hashes and MACs."""
    share = min(1.0, stage.plan.seconds / 5)
    lines = []
    for algorithm in crypto.ALGORITHMS:
        lines += await _signatures(algorithm, share)
    for name in crypto.FAMILY_NAMES:
        it = crypto.family(name)
        sized = (("hash", it.hash), ("mac", it.keyed_mac(b"k" * 32)))
        for what, function in sized:
            for size in (_SMALL, _LARGE):
                lines.append(await _over_bytes(name, what, function, size, share))
        lines.append(await _block(name, it.cipher(b"k" * 16).encrypt, share))
    return lines


async def drawing(stage: Stage) -> list[Line]:
    """PNG, SVG and terminal text of a dynamic code, each another code."""
    count = max(50, stage.plan.scans // 40)
    now = clock.now()
    codes = [healthcode.dynamic_text(stage.keys, "INTL", ids.new_person_id(), now) for _ in range(count)]
    forms: dict[str, Callable[[str], object]] = {
        "png": healthcode.qr_png,
        "svg": healthcode.qr_svg,
        "terminal": healthcode.qr_terminal,
    }
    lines = []
    for name, draw in forms.items():
        began = time.process_time()
        for text in codes:
            draw(text)
        spent = (time.process_time() - began) / count
        what = f"a dynamic code drawn as {name}, one core"
        aim = "1,000/s" if name == "png" else ""
        lines.append(Line(f"draw-{name}", what, 1 / spent, Cost(spent * 1e6), None, aim, "", "drawings"))
    return lines


async def _signatures(algorithm: crypto.Algorithm, share: float) -> list[Line]:
    key = crypto.signing_key(algorithm, b"s" * 32)
    signature = key.sign(_MESSAGE)
    if not key.public.verify(_MESSAGE, signature):
        raise BenchError(f"{algorithm} does not verify what it signed")
    best = [0.0, 0.0]
    limits = [0.0, 0.0]
    for _ in range(_TURNS):  # in turns, so that both meet the same machine
        signed = _rate(lambda: key.sign(_MESSAGE), share)
        verified = _rate(lambda: key.public.verify(_MESSAGE, signature), share)
        said = await _speed_of(_SPEED[algorithm])
        best = [max(best[0], signed), max(best[1], verified)]
        limits = [max(limits[0], said[0]), max(limits[1], said[1])]
    note = crypto.backend() if algorithm == "SM2" else "cryptography"
    return [
        _line(f"{algorithm.lower()}-{what}", f"{what} by {algorithm}", rate, limit, note)
        for what, rate, limit in zip(("sign", "verify"), best, limits, strict=True)
    ]


async def _over_bytes(name: str, what: str, function: Callable[[bytes], bytes], size: int, share: float) -> Line:
    hashed = {"INTL": "sha256", "SM": "sm3"}[name]
    asked = ("-hmac", hashed) if what == "mac" else ("-evp", hashed)
    data, rate, limit = b"d" * size, 0.0, 0.0
    for _ in range(_TURNS):
        rate = max(rate, _rate(lambda: function(data), share))
        limit = max(limit, await openssl_speed(*asked, size=size) or 0.0)
    title = f"{'HMAC-' if what == 'mac' else ''}{hashed.upper()} of {size} bytes"
    return _line(f"{name.lower()}-{what}-{size}", title, rate, limit, "" if size == _LARGE else "the call dominates")


async def _block(name: str, encrypt: Callable[[bytes], bytes], share: float) -> Line:
    cipher = {"INTL": "aes-128-ecb", "SM": "sm4-ecb"}[name]
    rate = max(_rate(lambda: encrypt(b"b" * 16), share) for _ in range(_TURNS))
    limit = await openssl_speed("-evp", cipher) or 0.0
    return _line(f"{name.lower()}-block", f"one block of {cipher[:-4].upper()}", rate, limit, "the call dominates")


def _line(name: str, what: str, rate: float, limit: float, note: str) -> Line:
    beside = Limit("openssl speed", limit) if limit else None
    return Line(name, f"{what}, one core", rate, Cost(1 / rate * 1e6), beside, _AIM, note, "operations")


def _rate(act: Callable[[], object], share: float) -> float:
    """Calls per CPU second, over about a third of a CPU second."""
    count, spent = 8, 0.0
    while spent < 0.3 * share:
        count *= 2
        began = time.process_time()
        for _ in range(count):
            act()
        spent = time.process_time() - began
    return count / spent


async def _speed_of(signature: str) -> tuple[float, float]:
    """Signatures and verifications per second of one core, by `openssl speed`; zeros where there is none."""
    program = shutil.which("openssl")
    if not program:
        return 0.0, 0.0
    try:
        output = (await spoken([program, "speed", "-seconds", "1", "-mr", signature])).decode()
    except BenchError:  # this openssl does not have it
        return 0.0, 0.0
    found = re.search(r"^\+F\d+:.*:([\d.]+):([\d.]+)\s*$", output, re.MULTILINE)
    return (float(found[1]), float(found[2])) if found else (0.0, 0.0)
