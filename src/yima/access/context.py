"""What the functions of the door work with; one per worker process."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from yima import audit, healthcode, mpi, records
from yima.access.lookups import Lookups
from yima.directory import Gateways, Sessions, SignIn
from yima.runtime.database import Batcher, Database
from yima.runtime.ids import PersonId
from yima.runtime.keys import KeyStore, Vault

_REMEMBERED: Final = 200_000
"""Patients, some 20 MB."""


class KnownPatients:
    """Patients known to have been registered by an institution: true once it is committed, and then for ever."""

    def __init__(self) -> None:
        self._patients: dict[int, set[str]] = {}

    def of(self, institution: int) -> set[str]:
        """Those of one institution; the caller may add."""
        if sum(map(len, self._patients.values())) > _REMEMBERED:
            self._patients.clear()
        return self._patients.setdefault(institution, set())


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Everything that outlives a request."""

    database: Database
    keys: KeyStore
    vault: Vault
    reader: records.Reader
    overviews: records.Overviews
    appender: audit.Appender
    lookups: Lookups
    identities: Batcher[PersonId, mpi.Identity | None]
    sign_in: SignIn
    sessions: Sessions
    verifier: healthcode.Verifier
    national: healthcode.national.NationalCards
    gateways: Gateways
    """Apps of the national gateway."""
    profile: str
    """Crypto family of new cards and codes: INTL or SM."""
    emergency: timedelta
    """How long a break-glass lasts."""
    longest_suspension: timedelta
    ceiling: records.Ceiling
    """The most that one institution may have in one person's record."""
    misses_a_day: int
    """Questions by document numbers that may find nobody, for an institution that finds few."""
    private_teens: bool
    """Whether a child of 14 to 17 has privacy towards a guardian."""
    signing: healthcode.trust.Rules
    """How long keys sign, and how long credentials live."""
    answered: audit.Answered = field(default_factory=audit.Answered)
    """What left this worker, noted at its edge: see `access.reconciling`."""
    registered: KnownPatients = field(default_factory=KnownPatients)

    @property
    def index_key(self) -> bytes:
        """Keys the hashes by which resources are searched, as they are written now."""
        return self.vault.hashes.tokens
