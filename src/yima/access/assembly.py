"""What a worker's door is put together from: the rooms below, opened once with this deployment's settings."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Final

from yima import audit, directory, healthcode, mpi, records
from yima.access import scan
from yima.access.context import Context
from yima.access.lookups import Lookups
from yima.directory import Caller
from yima.healthcode import RefusedScan
from yima.runtime.database import Batcher, Database
from yima.runtime.ids import PersonId
from yima.runtime.keys import KeyStore, Vault
from yima.runtime.settings import Settings

_REMEMBERED: Final = 1.0
"""Seconds."""
_MOST_TERMINALS: Final = 10_000


def context_of(
    database: Database, keys: KeyStore, settings: Settings, resident: Callable[[PersonId], Awaitable[Caller]]
) -> Context:
    """What the functions of the door work with. `resident`: a resident as the person index has them today."""
    vault = Vault(keys)
    national = healthcode.national.NationalCards(keys, settings.national_mindex_recipe, settings.national_code_seconds)

    async def identities(persons: list[PersonId]) -> list[mpi.Identity | Exception | None]:
        found = await mpi.identities(database, vault, set(persons))
        return [found.get(person) for person in persons]

    async def refused(one: RefusedScan) -> None:
        await scan.refused_scan(cx, one)

    cx = Context(
        database=database,
        keys=keys,
        vault=vault,
        reader=records.Reader(database, vault),
        overviews=records.Overviews(database, vault),
        appender=audit.Appender(database),
        lookups=Lookups(database),
        identities=Batcher(identities, limit=200, lanes=2),
        sign_in=directory.SignIn(
            database,
            token_seconds=settings.token_seconds,
            residents=resident,
            rates=directory.Rates(settings.client_rate, settings.caller_rate),
            development=settings.development,
        ),
        sessions=directory.Sessions(keys),
        national=national,
        gateways=directory.Gateways(database, vault),
        verifier=healthcode.Verifier(
            database,
            keys,
            national=national,
            terminal_known=_Terminals(database).known,
            visit_seconds=settings.visit_seconds,
            on_refused=refused,
            together=partial(scan.accepted_scans, vault),
        ),
        profile=settings.profile,
        emergency=timedelta(seconds=settings.break_glass_seconds),
        longest_suspension=timedelta(days=settings.suspension_days),
        ceiling=records.Ceiling(settings.record_versions_ceiling, settings.record_mib_ceiling << 20),
        misses_a_day=settings.misses_a_day,
        private_teens=settings.teen_privacy,
        signing=_signing_rules(settings),
    )
    return cx


def publisher_of(cx: Context, settings: Settings, base_url: str) -> healthcode.trust.Publisher:
    """What publishes the lists of keys and of revoked credentials."""
    warn, refuse = timedelta(hours=settings.list_warn_hours), timedelta(hours=settings.list_refuse_hours)
    freshness = healthcode.trust.Freshness(warn, refuse)
    return healthcode.trust.Publisher(cx.database, cx.keys, base_url, cx.signing, freshness)


def _signing_rules(settings: Settings) -> healthcode.trust.Rules:
    """What this deployment decided about the keys that sign credentials."""
    return healthcode.trust.Rules(
        sign=timedelta(days=settings.signer_days),
        credential=timedelta(days=settings.credential_days),
        sm2_algorithm=settings.offline_sm2_algorithm,
    )


class _Terminals:
    """Whose a terminal is: asked on the hot path of every scan, so remembered for a second. A suspended one is refused
    within one."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: dict[tuple[int, str], tuple[float, bool]] = {}

    async def known(self, institution: int, terminal: str) -> bool:
        """Whether the terminal is that institution's, and stands."""
        held = self._held.get((institution, terminal))
        moment = asyncio.get_running_loop().time()
        if held and moment - held[0] < _REMEMBERED:
            return held[1]
        known = "\x00" not in terminal and await directory.terminal_belongs(self._database, terminal, institution)
        if len(self._held) > _MOST_TERMINALS:
            self._held.clear()
        self._held[institution, terminal] = (moment, known)
        return known
