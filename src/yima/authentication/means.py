"""Everything that signs people in, put together once per worker."""

from __future__ import annotations

from datetime import timedelta

from yima.authentication.attempts import Attempts
from yima.authentication.enrolment import Enrolment
from yima.authentication.external.providers import Providers
from yima.authentication.external.trips import Trips
from yima.authentication.passkeys import Challenges, Passkeys
from yima.authentication.passwords import Passwords
from yima.authentication.phone_codes import PhoneCodes
from yima.authentication.proving import Proofs
from yima.authentication.sessions import BrowserSessions
from yima.runtime.database import Database
from yima.runtime.keys import Vault
from yima.runtime.settings import Settings

_NAME = "Yima"


class Means:
    """The parts by name; what each does stands with its class. `base_url`: the one origin of passkeys."""

    def __init__(self, db: Database, vault: Vault, settings: Settings, base_url: str) -> None:
        self.base_url = base_url
        self.passwords = Passwords(settings.password_memory_kib)
        self.passkeys = Passkeys(base_url, _NAME)
        self.challenges = Challenges(vault.store)
        self.attempts = Attempts(db, vault)
        self.codes = PhoneCodes(db, vault, self.attempts, settings.codes_an_hour)
        self.proofs = Proofs(db, vault, self.passwords, self.passkeys, self.challenges)
        self.enrolment = Enrolment(db, vault, self.passwords, self.passkeys)
        self.providers, self.trips = Providers(db, vault), Trips(db, vault)
        self.browsers = BrowserSessions(
            db, idle=timedelta(minutes=settings.session_idle_minutes), longest=timedelta(hours=settings.session_hours)
        )
