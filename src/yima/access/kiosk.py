"""Scan-to-authorise at the door: a kiosk asks, the resident answers on the phone, the kiosk learns the answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from yima import audit, directory, healthcode
from yima.access.context import Context
from yima.access.decision import Asking, event_of
from yima.access.residents import own
from yima.access.scan import Scan
from yima.access.telling import check_telling
from yima.directory import KIOSK_SCOPE, Caller
from yima.healthcode import Authorisation
from yima.runtime.errors import Refusal

_DEFAULT_STEP = "010101"


@dataclass(frozen=True, slots=True)
class Question:
    """A kiosk's question, as the resident sees it before answering."""

    asked: Authorisation
    institution: directory.Institution
    location: str
    kind: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a kiosk hears: a state, and with a yes who it is and the visit."""

    asked: Authorisation
    state: str
    scan: Scan | None


class Kiosks:
    """What may be done with kiosks' questions. One per `Access`."""

    def __init__(self, cx: Context, visit_seconds: int) -> None:
        self._cx = cx
        self._visit_seconds = visit_seconds

    async def ask(
        self, caller: Caller, *, now: datetime, step: str = "", scene: str = "", purpose: str = "treatment"
    ) -> tuple[Authorisation, str]:
        """A new question of the terminal that is signed in, and the text of its QR code.

        Step and scene are the terminal's own where none is said. Refusals `scope-insufficient` for anything but a
        kiosk's token, `purpose-not-allowed`, `field-invalid`.
        """
        _check_kiosk(caller)
        known = await directory.terminal(self._cx.database, caller.terminal)
        if known is None:
            raise Refusal("terminal-unknown", field="terminal")
        async with self._cx.database.transaction() as c:
            asked = await healthcode.kiosk.ask(
                c,
                institution=caller.institution,
                terminal=caller.terminal,
                step=step or known.terminal.step or _DEFAULT_STEP,
                scene=scene or ("" if step else known.terminal.scene),
                purpose=purpose,
                now=now,
            )
        return asked, healthcode.kiosk.authorisation_text(self._cx.keys, self._cx.profile, asked.session)

    async def answer(self, caller: Caller, session: str, now: datetime) -> Answer:
        """What became of a question of this very terminal. Refusals `scope-insufficient`, `not-found`."""
        check_telling()
        _check_kiosk(caller)
        asked = await healthcode.kiosk.authorisation(self._cx.database, session)
        if (asked.institution, asked.terminal) != (caller.institution, caller.terminal):
            raise Refusal("not-found", field="id")
        state = asked.standing(now)
        if state != "approved":
            return Answer(asked, state, None)
        visit = await healthcode.open_visit(self._cx.database, asked.visit, now)
        identity = await self._cx.identities.submit(visit.person)
        if identity is None:
            raise Refusal("code-cancelled")
        return Answer(asked, state, Scan(visit.visit, visit.person, identity, visit.assurance, visit.expires))

    async def question(self, caller: Caller, text: str, now: datetime) -> Question:
        """The question whose QR code a resident scanned. Nothing is told to the kiosk yet.

        Refusals: `sign-in-needed`, `code-unreadable`, `code-signature-invalid`, `code-expired`, `code-already-used`,
        `institution-suspended`, `terminal-suspended`.
        """
        own(caller)
        return await self._shown(
            await healthcode.kiosk.scanned_authorisation(self._cx.database, self._cx.keys, text, now)
        )

    async def approve(self, caller: Caller, text: str, now: datetime) -> Question:
        """The resident's yes: a visit for the kiosk's institution, on the resident's log in the same transaction.

        Refusals: those of `question`, and of a card that does not stand (`code-suspended`, `code-cancelled`, ..).
        """
        person, found = own(caller), await self.question(caller, text, now)
        async with self._cx.database.transaction() as c:
            visit = await healthcode.kiosk.approve(c, found.asked, person, now, visit_seconds=self._visit_seconds)
            detail = _detail(found) | {"assurance": visit.assurance, "way": "kiosk"}
            asking = Asking(caller=_as_terminal(found), now=now, purpose=found.asked.purpose, visit=visit.visit)
            await audit.append(c, [event_of(asking, person, "scan", "ok", "authorised-by-resident", detail)])
        return found

    async def refuse(self, caller: Caller, text: str, now: datetime) -> Question:
        """The resident's no; the kiosk hears `refused` and nothing about who said it. Refusals as `question`."""
        person, found = own(caller), await self.question(caller, text, now)
        async with self._cx.database.transaction() as c:
            await healthcode.kiosk.refuse(c, found.asked, now)
            asking = Asking(caller=_as_terminal(found), now=now, purpose=found.asked.purpose)
            event = event_of(asking, person, "scan", "failed", "refused-by-resident", _detail(found))
            await audit.append(c, [event])
        return found

    async def _shown(self, asked: Authorisation) -> Question:
        place = await directory.institution(self._cx.database, asked.institution)
        known = await directory.terminal(self._cx.database, asked.terminal)
        if place is None or place.status != "active":
            raise Refusal("institution-suspended")
        if known is None or known.status != "active":
            raise Refusal("terminal-suspended")
        return Question(asked, place, known.terminal.location, known.terminal.kind)


def _check_kiosk(caller: Caller) -> None:
    if not caller.holds(KIOSK_SCOPE):
        raise Refusal("scope-insufficient", expected=f"a kiosk's token with {KIOSK_SCOPE}")


def _as_terminal(found: Question) -> Caller:
    place = found.institution
    return Caller(
        kind="terminal",
        agent_id=found.asked.terminal,
        terminal=found.asked.terminal,
        institution=place.institution_id,
        institution_code=place.code,
        institution_zh=place.name_zh,
        institution_en=place.name_en,
    )


def _detail(found: Question) -> dict[str, str]:
    return {"terminal": found.asked.terminal, "step": found.asked.step}
