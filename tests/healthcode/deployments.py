"""Deployments for tests of the codes: a key store in memory whose secrets follow from a seed."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

NOW = datetime(2026, 3, 2, 9, 7, 3, tzinfo=UTC)
PROFILES = ("INTL", "SM")
ALL = frozenset(PROFILES)


class SeededKeys:
    """A key store whose secrets are a hash of seed and name: another seed is another deployment."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def secret(self, name: str) -> bytes:
        return hashlib.sha256(f"{self._seed}/{name}".encode()).digest()
