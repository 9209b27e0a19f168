"""The log as it may be read: by the person whom it concerns, by institutions what they did themselves, by auditors.

And the chain of reasons behind a line: the decision is pure and its grounds are kept for ever, so it is made again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from yima import audit, consent, directory, healthcode, mpi
from yima.access.context import Context
from yima.access.decision import Asking, check_allowed, decide, event_of
from yima.access.naming import person_meant
from yima.access.residents import everybody, lines_of, own_line
from yima.access.words import opened_lines
from yima.audit import Event, LinesAsked
from yima.directory import Caller
from yima.runtime import ids
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

AUDITOR: Final = "audit"
"""The right of an app (`directory.APP_RIGHTS`) to read every line about a person it names."""
_TYPE: Final = "AuditEvent"
_DECIDED: Final = ("read", "search", "break-glass")


@dataclass(frozen=True, slots=True)
class Explained:
    """A line, and why it was so. `decided` False: the reasons are those that the line itself gives."""

    event: Event
    reasons: tuple[consent.Step, ...]
    decided: bool


class Lines:
    """The door to lines of the log."""

    def __init__(self, cx: Context) -> None:
        self._cx = cx

    async def search(self, asking: Asking, patient: str, asked: LinesAsked) -> tuple[list[Event], int]:
        """A page of the lines about one person, and how many there are; the search is a line itself.

        Nothing of whom the caller may not name. Refusals: `scope-insufficient`, those of a visit.
        """
        check_allowed(asking, _TYPE, "log", "s")
        person = await self._named(asking, patient)
        if person is None:
            return [], 0
        only, found, total = self._only(asking.caller), list[Event](), 0
        # An institution sees what it was answered. Whether something it asked for in vain exists is not its to know.
        if only is None or asked.outcome in ("", "ok"):
            wanted = replace(asked, institution=only, outcome=asked.outcome if only is None else "ok")
            found, total = await audit.search(self._cx.database, await lines_of(self._cx, person), wanted)
            found = await opened_lines(self._cx.database, self._cx.vault, found)
        await self._tell(asking, person, "search", len(found))
        return found, total

    async def read(self, asking: Asking, event_id: str) -> Event | None:
        """One line; None when there is none that the caller may see."""
        check_allowed(asking, _TYPE, "log")
        if asking.caller.kind == "resident":
            found = await own_line(self._cx, asking.caller, event_id)
        else:
            home = ids.home_of(event_id)
            found = await audit.one_line(self._cx.database, home, event_id) if home is not None else None
        only = self._only(asking.caller)
        if found is None or (only is not None and (found.institution, found.outcome) != (only, "ok")):
            return None
        await self._tell(asking, found.person, "read", 1, found.detail.get("patient"))
        return (await opened_lines(self._cx.database, self._cx.vault, [found]))[0]

    async def explain(self, caller: Caller, event_id: str) -> Explained:
        """Why a line of the resident's own log was so. Refusal `not-found`."""
        event = await own_line(self._cx, caller, event_id)
        if event is None:
            raise Refusal("not-found", field="line")
        decision = await self._again(event, await everybody(self._cx, caller))
        if decision is None or (decision.permit, decision.basis) != (event.outcome == "ok", event.basis):
            return Explained(event, (consent.Step(event.basis),) if event.basis else (), decided=False)
        return Explained(event, decision.reasons, decided=True)

    async def _again(self, event: Event, members: list[PersonId]) -> consent.Decision | None:
        """The decision behind a look, from what stood at that moment."""
        if event.action not in _DECIDED or event.agent not in ("app", "practitioner"):
            return None
        standing = [
            said for one in members for said in await consent.standing_of(self._cx.database, [one], event.recorded)
        ]
        then = Caller(
            kind="app" if event.agent == "app" else "practitioner", agent_id=event.agent_id,
            institution=event.institution, institution_code=event.institution_name,
            role=str(event.detail.get("role", directory.DEFAULT_ROLE)), purposes=frozenset(consent.PURPOSES),
        )  # fmt: skip
        ask = consent.Ask(
            then, event.person, event.purpose, await self._visit(event), emergency_set=bool(event.detail.get("set"))
        )
        return consent.decide(ask, standing, event.recorded)

    async def _visit(self, event: Event) -> consent.Visit | None:
        if not event.visit:
            return None
        if emergency := await consent.emergency_visit(self._cx.database, event.visit):
            return replace(emergency, person=event.person)
        found = (await healthcode.visits_behind(self._cx.database, [event.visit])).get(event.visit)
        if found is None:
            return None
        return consent.Visit(event.person, found.institution, found.assurance, found.expires, found.purpose)

    async def _named(self, asking: Asking, patient: str) -> PersonId | None:
        name = patient.removeprefix("Patient/")
        if AUDITOR in asking.caller.rights and "\x00" not in name:
            return ids.person_from_text(name) or await mpi.person_of_patient(self._cx.database, name)
        person = await person_meant(self._cx, asking, name)
        if person is None:
            return None
        decision = await decide(self._cx, asking, await self._cx.lookups.whole(person), _TYPE, "log")
        if asking.caller.kind == "resident":
            return person if decision.basis == "own-record" else None
        links = await mpi.links_of(self._cx.database, person) if decision.permit else []
        known = any(decision.only_institution in (None, link.institution) for link in links)
        return person if known else None

    def _only(self, caller: Caller) -> int | None:
        """The institution whose doings the caller may see; None for all."""
        return None if caller.kind == "resident" or AUDITOR in caller.rights else caller.institution

    async def _tell(
        self, asking: Asking, person: PersonId, action: str, number: int, patient: str | None = None
    ) -> None:
        caller = asking.caller
        basis = "own-record" if caller.kind == "resident" else "audit" if AUDITOR in caller.rights else "own-submission"
        detail: dict[str, Any] = {"types": {_TYPE: number}} | ({"patient": patient} if patient else {})
        line = event_of(asking, person, action, "ok", basis, detail)
        await self._cx.appender.append(line)
