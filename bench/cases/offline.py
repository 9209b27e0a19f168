"""Offline credentials judged by one core, beside the signature check alone: what reading them strictly costs."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bench.measure import Cost, Limit, Line
from bench.stage import Stage
from yima.crypto import ALGORITHMS, SigningKey, VerifyKey, signing_key
from yima.healthcode import offline
from yima.runtime import clock

_MANY: Final = 200
_ISSUER: Final = "https://yima.example"


@dataclass(frozen=True, slots=True)
class _Signer:
    """A signer and what a scanner knows of it."""

    key_id: bytes
    key: SigningKey
    algorithm: str
    not_before: datetime
    not_after: datetime
    use: str = "identity"
    revoked: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    """The scanner's side of it."""

    key: VerifyKey
    not_before: datetime
    not_after: datetime
    use: str = "identity"
    revoked: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Fresh:
    """A status list in which nothing is revoked."""

    issued: datetime

    def is_revoked(self, index: int) -> bool:
        """Never."""
        return index < 0


async def offline_credentials(stage: Stage) -> list[Line]:
    """Identity credentials of both profiles, each another one, all seven steps."""
    rounds = max(1, int(stage.plan.seconds * 2))
    return [line for algorithm in ALGORITHMS for line in _lines(algorithm, rounds)]


def _lines(algorithm: str, rounds: int) -> list[Line]:
    now = clock.now()
    key = signing_key(algorithm, secrets.token_bytes(32))
    until = now + timedelta(days=400)
    signer = _Signer(secrets.token_bytes(8), key, algorithm, now - timedelta(days=1), until)
    place = f"{_ISSUER}/.well-known/status-lists/7"
    texts = [
        offline.credential_text(
            signer, offline.Identity("张小梅", None, "female", f"{number:016d}"), None, issuer=_ISSUER,
            times=(now, now + timedelta(days=365)), status=offline.StatusRef(place, number),
        )
        for number in range(_MANY)
    ]  # fmt: skip
    trust = {signer.key_id: _Known(key.public, signer.not_before, until)}.get
    lists = {place: _Fresh(now)}.get
    message = secrets.token_bytes(200)
    signature, public, policy = key.sign(message), key.public, offline.Policy()
    whole = bare = 0.0
    for _ in range(rounds):  # in turns, so that both meet the same machine
        bare += _spent(lambda _: public.verify(message, signature), texts)
        whole += _spent(lambda text: offline.verify(text, trust, lists, now, policy), texts)
    count = rounds * _MANY
    limit = Limit("the signature check alone", count / bare)
    what = f"HC1 identity credential judged offline ({algorithm}), one core"
    return [
        Line(f"hc1-{algorithm.lower()}", what, count / whole, Cost(whole / count * 1e6), limit, "90 % of the check")
    ]


def _spent(judge: Callable[[str], object], texts: list[str]) -> float:
    began = time.process_time()
    for text in texts:
        judge(text)
    return time.process_time() - began
