"""Who holds a browser session: residents, staff, operators and kiosks, as they are at this moment."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from yima import authentication, directory, mpi
from yima.access import cards
from yima.access.context import Context
from yima.access.signing_in import KINDS
from yima.directory import Assurance, Caller
from yima.runtime import ids
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.settings import Settings


class _Held(NamedTuple):
    """Whose session a cookie is."""

    subject: str
    session: str
    proved: datetime
    sure: Assurance


class Callers:
    """Turns cookies into callers; asked anew at each request, so that who was stopped a second ago is nobody."""

    def __init__(self, cx: Context, means: authentication.Means, settings: Settings) -> None:
        self._cx = cx
        self._means = means
        self.development = settings.development
        self._assurance = settings.resident_assurance

    def open_ticket(self, ticket: str) -> tuple[str, str]:
        """Role and subject of a development ticket; Refusal `sign-in-needed` unless this is a development server."""
        if not self.development:
            raise Refusal("sign-in-needed")
        return self._cx.sessions.open_ticket(ticket)

    def ticket(self, role: str, subject: str) -> str:
        """A development ticket, for the addresses that the demonstration prints."""
        return self._cx.sessions.ticket(role, subject)

    def session(self, role: str, subject: str, now: datetime) -> str:
        """The cookie of a development session; worth nothing on a server that is none."""
        return self._cx.sessions.session(role, subject, now)

    def csrf(self, cookie: str) -> str:
        """The token for forms of this session."""
        return self._cx.sessions.csrf(cookie)

    def check_csrf(self, cookie: str, token: str) -> None:
        """Refusal `csrf` unless the token belongs to the session."""
        self._cx.sessions.check_csrf(cookie, token)

    async def caller(self, role: str, cookie: str, now: datetime) -> Caller:
        """Who holds this browser session. Refusals `sign-in-needed`, `institution-suspended`."""
        held = await self._held(role, cookie, now)
        return replace(
            await self.who(role, held.subject), session=held.session, proved=held.proved, assurance=held.sure
        )

    async def who(self, role: str, subject: str) -> Caller:
        """Who somebody is now. Refusals `sign-in-needed` for nobody, `institution-suspended`."""
        if role == "operator":
            return await cards.operator_caller(self._cx, subject)
        if role == "resident":
            return await self.resident(ids.person_from_text(subject) or 0)
        if role == "kiosk":
            return await directory.demo_terminal(self._cx.database, subject)
        return await directory.staff_caller(self._cx.database, subject)

    async def _held(self, role: str, cookie: str, now: datetime) -> _Held:
        """Whose session a cookie is, when they last proved it, and how surely. A development session counts on
        development servers only, and there as proved now: nobody proves anything to it."""
        if self.development:
            with suppress(Refusal):
                return _Held(self._cx.sessions.subject(role, cookie, now), "", now, "substantial")
        if role not in KINDS:
            raise Refusal("sign-in-needed")
        found = await self._means.browsers.find(KINDS[role], cookie, now)
        sure: Assurance = "low" if found.method == "phone" else "substantial"
        if sure == "low" and self._assurance == "substantial":  # it was opened before that was asked
            raise Refusal("assurance-too-low")
        return _Held(found.subject, found.session_id, found.proved, sure)

    async def resident(self, person: PersonId) -> Caller:
        """A resident as the person index has them today. Refusal `sign-in-needed` for nobody, and for somebody whose
        death was reported: what they had open, and their apps, rest until a counter undoes a wrong report."""
        db, vault = self._cx.database, self._cx.vault
        identity = await mpi.identity(db, vault, await mpi.root_of(db, person)) if person else None
        if identity is None or identity.deceased:
            raise Refusal("sign-in-needed")
        name = identity.name
        return Caller(
            kind="resident", agent_id=ids.person_text(identity.person), name_zh=name,
            name_en=identity.latin_name or name, person=identity.person,
        )  # fmt: skip
