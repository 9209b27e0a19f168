"""What the platform does by itself: forget what is no longer needed, count the days of card use.

Every worker wakes now and then, puts what is due on the job table (the same hour is one job, whoever says so first) and
takes what nobody else has taken. A job is leased: when its worker is killed, another takes it over a minute later.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final

from yima import authentication, directory, healthcode, mpi
from yima.access.privacy import Privacy
from yima.audit.proof import Log
from yima.authentication.external import forget_trips
from yima.runtime import jobs, logs
from yima.runtime.civil import CIVIL, civil_day
from yima.runtime.database import Database, is_unavailable

_log = logs.get("upkeep")
EVERY_SECONDS: Final = 30
FORGET: Final = "forget"
COUNT: Final = "count-card-use"
_SEALED: Final = timedelta(seconds=45)
END_SUSPENSIONS: Final = "end-suspensions"
QUALITY: Final = "count-quality"
VERIFY_CARDS: Final = "verify-cards"
_REDEMPTIONS: Final = timedelta(days=1)
_BEARERS: Final = timedelta(days=2)
_AUTHORISATIONS: Final = timedelta(hours=1)
_SHARES: Final = timedelta(days=7)
_JOBS: Final = timedelta(days=7)
_FINAL_DAYS: Final = (2, 8)
"""Days after which a day is counted for good: when its reports were due, and once more for those that came late."""


class Upkeep:
    """The periodic jobs of one worker. `now` is the process's clock."""

    def __init__(
        self, database: Database, log: Log, now: Callable[[], datetime], more: Mapping[str, jobs.Handler] | None = None,
        hourly: Sequence[str] = (), privacy: Privacy | None = None,
    ) -> None:  # fmt: skip
        """`more`: handlers of rooms above, by kind; `hourly`: which of them are due each hour; `privacy`: what
        looks at each new line of the log, and each hour at the cards."""
        self._privacy = privacy
        self._more, self._hourly = dict(more or {}), tuple(hourly)
        self._database = database
        self._log = log
        self._now = now
        self._delivery: asyncio.Task[int] | None = None

    async def run(self) -> None:
        """Work until cancelled. A database that is away is waited for."""
        while True:
            # Workers of one deployment start together: chance keeps them from asking together ever after.
            await asyncio.sleep(EVERY_SECONDS * (0.5 + random.random()))  # noqa: S311  spreads load, no secret
            try:
                await self.seal()
                if self._privacy is not None:
                    await self._privacy.watch(self._now())
                    await self._privacy.reconcile(self._now())
                    self._deliver(self._privacy)
                await self.once()
            except Exception as error:
                if not is_unavailable(error):
                    _log.error("upkeep failed", error=type(error).__name__)

    def _deliver(self, privacy: Privacy) -> None:
        """Send notices beside everything else: a slow gateway must not keep the log's head from being signed."""
        if self._delivery is None or self._delivery.done():
            self._delivery = asyncio.create_task(self._sent(privacy))

    async def _sent(self, privacy: Privacy) -> int:
        try:
            return await privacy.deliver(self._now())
        except Exception as error:  # the next round tries again
            if not is_unavailable(error):
                _log.error("delivery failed", error=type(error).__name__)
            return 0

    async def once(self) -> int:
        """Put on the table what is due and do what nobody else does; the number of jobs done."""
        now = self._now()
        await healthcode.end_late_visits(self._database, now)
        async with self._database.transaction() as c:
            hourly: list[tuple[str, str, Mapping[str, str]]] = [
                (kind, now.strftime("%Y-%m-%dT%H"), {}) for kind in self._hourly
            ]
            for kind, key, payload in [*due(now), *hourly]:
                await jobs.enqueue(c, kind, payload, key=key, now=now)
        doing = {
            FORGET: self._forget,
            COUNT: self._count,
            END_SUSPENSIONS: self._end_suspensions,
            QUALITY: self._quality,
            VERIFY_CARDS: self._verify_cards,
            **self._more,
        }
        return await jobs.work(self._database, doing, now=now)

    async def _forget(self, _database: Database, _job: jobs.Job) -> None:
        now = self._now()
        while await healthcode.forget_redemptions(self._database, now - _REDEMPTIONS):
            pass
        await directory.forget_expired(self._database, now)
        async with self._database.transaction() as c:
            await mpi.forget_asked(c, civil_day(now) - timedelta(days=1))
            await healthcode.forget_bearers(c, now - _BEARERS)
            await healthcode.kiosk.forget_authorisations(c, now - _AUTHORISATIONS)
            await healthcode.counter.forget_shares(c, now - _SHARES)
            await authentication.forget_old(c, now)
            await authentication.forget_codes(c, now)
            await forget_trips(c, now)
            await jobs.forget_done(c, now - _JOBS)

    async def _count(self, _database: Database, job: jobs.Job) -> None:
        async with self._database.transaction() as c:
            await healthcode.count_day(c, date.fromisoformat(str(job.payload["day"])), self._now())

    async def _quality(self, _database: Database, job: jobs.Job) -> None:
        """What institutions leave out and how the stewards' queue stands, of the day that ended."""
        day = date.fromisoformat(str(job.payload["day"]))
        begins = datetime.combine(day, time(), CIVIL)
        async with self._database.transaction() as c:
            await mpi.count_quality(c, day, begins, begins + timedelta(days=1))

    async def _end_suspensions(self, database: Database, _job: jobs.Job) -> None:
        await healthcode.end_due(database, self._now())

    async def _verify_cards(self, _database: Database, _job: jobs.Job) -> None:
        if self._privacy is not None and (found := await self._privacy.verify_cards(self._now())):
            _log.error("cards changed outside the platform", count=len(found))
        if self._privacy is not None and (wrong := await self._privacy.verify_glass(self._now())):
            _log.error("emergency accesses changed outside the platform", count=len(wrong))

    async def seal(self) -> None:
        """Sign the log's head when nobody has done so for most of a minute."""
        last, now = await self._log.latest(), self._now()
        if last is None or now - last.sealed >= _SEALED:
            await self._log.seal(now, gently=True)


def due(now: datetime) -> list[tuple[str, str, Mapping[str, str]]]:
    """The jobs of this hour and this day, as (kind, key, payload): the same key is the same job."""
    today, hour = civil_day(now), now.strftime("%Y-%m-%dT%H")
    final = [(today - timedelta(days=back), f"final-{back}") for back in _FINAL_DAYS]
    days = [(today, hour), (today - timedelta(days=1), f"{today}"), *final]
    return [
        (FORGET, hour, {}),
        (END_SUSPENSIONS, hour, {}),
        (VERIFY_CARDS, hour, {}),
        *((COUNT, f"{day}/{at}", {"day": day.isoformat()}) for day, at in days),
        (QUALITY, f"{today}", {"day": (today - timedelta(days=1)).isoformat()}),
    ]
