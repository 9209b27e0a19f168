"""Card use at the door: institutions report steps and see what is missing, residents see where their code was used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from yima import audit, healthcode
from yima.access.context import Context
from yima.access.decision import Asking, event_of
from yima.access.residents import everybody
from yima.access.rights import check_right
from yima.directory import Caller
from yima.healthcode import Missing, Report, Reported, Statistics, Use
from yima.runtime.errors import Refusal

_USES_DAYS = 90
_LONGEST_DAYS = 366


class Uses:
    """What may be done with card-use events. One per `Access`."""

    def __init__(self, cx: Context) -> None:
        self._cx = cx

    async def report(self, caller: Caller, said: Report, now: datetime) -> Reported:
        """Keep a step that the caller's institution reports; it is on the resident's log in the same transaction.

        Refusals: `scope-insufficient` for anybody but an institution's app, those of `healthcode.report`.
        """
        _check_app(caller)
        if said.institution != caller.institution:
            raise Refusal("visit-elsewhere", field="institution")
        async with self._cx.database.transaction() as c:
            kept = await healthcode.report(c, self._cx.keys, said, now)
            if not kept.repeated:
                asking = Asking(caller=caller, now=now, purpose="treatment", visit=kept.visit)
                detail = {"step": said.step, "channel": said.channel, "at": said.at.isoformat(timespec="seconds")}
                basis = "visit" if kept.visit else "never-verified"
                await audit.append(c, [event_of(asking, kept.person, "use", "ok", basis, detail)])
        return kept

    async def missing(self, caller: Caller, now: datetime) -> Missing:
        """What does not meet at the caller's own institution. Refusal `scope-insufficient`."""
        _check_app(caller)
        return await healthcode.missing(self._cx.database, caller.institution, now)

    async def statistics(self, caller: Caller, since: date, until: date) -> Statistics:
        """The counted days of the caller's own institution. Refusals `scope-insufficient`, `field-invalid`."""
        _check_app(caller)
        _check_days(since, until)
        return await healthcode.statistics(self._cx.database, caller.institution, since, until)

    async def by_institution(self, caller: Caller, since: date, until: date) -> Sequence[Statistics]:
        """The counted days of every institution, for operators. Refusals `scope-insufficient`, `field-invalid`."""
        _check_operator(caller)
        _check_days(since, until)
        return await healthcode.by_institution(self._cx.database, since, until)

    async def missing_at(self, caller: Caller, institution: int, now: datetime) -> Missing:
        """What does not meet at one institution, for operators: terminals and times, no person."""
        _check_operator(caller)
        return await healthcode.missing(self._cx.database, institution, now)

    async def mine(self, caller: Caller, now: datetime) -> Sequence[Use]:
        """Where the resident's own code was used in the last ninety days, newest first. Refusal `sign-in-needed`."""
        since = now - timedelta(days=_USES_DAYS)
        found = [
            use
            for person in await everybody(self._cx, caller)
            for use in await healthcode.uses_of(self._cx.database, person, since)
        ]
        return sorted(found, key=lambda use: use.at, reverse=True)


def _check_app(caller: Caller) -> None:
    if caller.kind != "app" or not caller.institution:
        raise Refusal("scope-insufficient", expected="an institution's app")


def _check_operator(caller: Caller) -> None:
    check_right(caller, "figures")


def _check_days(since: date, until: date) -> None:
    if not 0 <= (until - since).days <= _LONGEST_DAYS:
        raise Refusal("field-invalid", field="until", expected=f"a day from `since` on, at most {_LONGEST_DAYS} later")
