"""Residents come in by a code sent to their phone; staff confirm at a counter whose phone it is.

A number that some institution wrote into a registration proves little: it may be a clerk's mistake, or have gone to
somebody else since. Such a session has the assurance *low*. A number that staff confirmed with the person's document in
hand gives *substantial*. The setting `resident_assurance` says which of them opens anything at all.

The answer to "send me a code" is the same, after the same work, whether anybody is known by the number: who is, and the
message, come afterwards.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from yima import audit, authentication, consent, mpi
from yima.access.cards import Cards, Paper
from yima.access.context import Context
from yima.access.decision import Asking, event_of
from yima.access.giving import hold_giver, hold_person, take_sign_ins
from yima.access.residents import own
from yima.access.signing_in import Visitor, Who, line
from yima.authentication import Means, Method, PassedCode
from yima.directory import Caller
from yima.runtime import ids, logs
from yima.runtime.database import Connection, Database
from yima.runtime.errors import Refusal
from yima.runtime.messages import Message, sender_of
from yima.runtime.settings import Settings

_log = logs.get("access")
LAST_DIGITS: Final = 4
"""Characters of the identity number by which one of several persons says who it is."""
_BY_PHONE: Final = "phone/confirmed"
_TEXT: Final = (
    "一码：登录验证码 {code}，5 分钟内有效，请勿告诉任何人。 Yima: your sign-in code is {code}, good for five minutes. "
    "Tell it to nobody."
)


@dataclass(frozen=True, slots=True)
class CameIn:
    """A session just opened, as the value of its cookie."""

    cookie: str


@dataclass(frozen=True, slots=True)
class Choose:
    """The code was right, and several persons have the number: which of them it is must be said."""

    challenge: str


@dataclass(frozen=True, slots=True)
class PasskeyOffer:
    """A passkey that could be made: the invitation's code, and the browser's options."""

    code: str
    options: Mapping[str, Any]


class Phones:
    """The door's part for phones; `Access.phones`."""

    def __init__(self, cx: Context, means: Means, settings: Settings, who: Who) -> None:
        self._cx = cx
        self._means = means
        self._sender = sender_of(settings)
        self._least: Literal["low", "substantial"] = settings.resident_assurance
        self._who = who
        self._sending = set[asyncio.Task[None]]()

    @property
    def offered(self) -> bool:
        """Whether messages leave this deployment at all."""
        return self._sender is not None

    async def ask(self, visitor: Visitor, phone: str, now: datetime) -> str:
        """Have a code sent, if somebody is known by the number; the challenge for the form in which it is typed.

        Refusals: `field-invalid` for what is no number, `too-many-attempts`, `too-many-requests`, `not-ready` where no
        messages are sent.
        """
        if self._sender is None:
            raise Refusal("not-ready", reason="no messages are sent from here (setting notice_sender)")
        number = mpi.phone_key(phone[:40])
        if not number:
            raise Refusal("field-invalid", field="phone", expected="a phone number")
        asked = await self._means.codes.ask(number, visitor.token, visitor.network, now)
        task = asyncio.create_task(self._send(asked, number))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return asked.challenge

    async def sent(self) -> None:
        """Wait until all that is under way has left."""
        await asyncio.gather(*self._sending)

    async def _send(self, asked: authentication.AskedCode, number: str) -> None:
        try:
            found = await self._known_by(asked.phone, number)
            if not found or self._sender is None:
                return
            await self._means.codes.address(asked.challenge, found)
            text = _TEXT.format(code=asked.digits)
            await self._sender.send(Message(id=asked.challenge, kind="code", to=number, text=text))
        except Exception as error:  # nobody waits for it; that no code came is seen by who asked
            _log.error("code not sent", error=type(error).__name__)

    async def _known_by(self, phone: bytes, number: str) -> list[str]:
        """Who may come in by a number: living persons, by the number they are read under now; confirmed ones alone,
        where only these may."""
        db = self._cx.database
        confirmed = await self._confirmed(db, phone)
        named = list(confirmed)
        if self._least == "low" or not named:  # who is not confirmed yet hears so, once the code was right
            named += await mpi.persons_of_phone(db, self._cx.vault, number)
        roots = dict.fromkeys([await mpi.root_of(db, person) for person in named])
        known = await mpi.identities(db, self._cx.vault, set(roots))
        living = [person for person in roots if person in known and not known[person].deceased]
        return [
            ids.person_text(person)
            for person in living
            if person in confirmed or not await _is_taken_from(db, person, living)
        ]

    async def _confirmed(self, source: Database | Connection, phone: bytes) -> list[ids.PersonId]:
        found = [ids.person_from_text(subject) for subject in await self._means.codes.confirmed(source, phone)]
        return [await mpi.root_of(source, person) for person in found if person]

    async def enter(self, visitor: Visitor, challenge: str, code: str, now: datetime) -> CameIn | Choose:
        """The code as it was typed. Refusals `code-wrong`, `too-many-attempts`, `assurance-too-low` for a number that
        no counter has confirmed, where one must."""
        try:
            passed = await self._means.codes.prove(challenge, visitor.token, visitor.network, code.strip(), now)
        except Refusal as refusal:
            await self._denied("", refusal, now)
            raise
        if len(passed.subjects) > 1:
            return Choose(challenge)
        return await self._come_in(visitor, passed, passed.subjects[0], now)

    async def choose(self, visitor: Visitor, challenge: str, digits: str, now: datetime) -> CameIn:
        """One of several persons with one phone, by the last digits of the identity number. Refusals `choice-wrong`,
        `code-wrong` when the tries are used up, `assurance-too-low`."""
        passed = await self._means.codes.choosing(challenge, visitor.token, now)
        wanted = digits.strip().upper()
        fitting = [one for one in passed.subjects if await self._ends_with(one, wanted)] if wanted else []
        if len(wanted) != LAST_DIGITS or len(fitting) != 1:
            refusal = Refusal("choice-wrong", field="digits")
            await self._denied("", refusal, now)
            raise refusal
        return await self._come_in(visitor, passed, fitting[0], now)

    async def _ends_with(self, subject: str, wanted: str) -> bool:
        documents = await mpi.documents_of(self._cx.database, self._cx.vault, ids.person_from_text(subject) or 0)
        return any(document.value.upper().endswith(wanted) for document in documents)

    async def _come_in(self, visitor: Visitor, passed: PassedCode, subject: str, now: datetime) -> CameIn:
        caller = await self._who("resident", subject)
        try:
            async with self._cx.database.transaction() as c:
                await hold_person(c, caller.person)
                method = await self._still(c, passed, caller.person)
                await self._means.codes.used(c, passed)
                cookie = await self._means.browsers.open(
                    c, "resident", subject, method=method, device=visitor.device, now=now
                )
                await authentication.happened(c, "resident", subject, "signed-in", visitor.device, now)
                detail = {"event": "signed-in", "device": visitor.device}
                await audit.append(c, [line(caller, "ok", method, detail, now)])
        except Refusal as refusal:
            await self._denied(subject, refusal, now)
            raise
        return CameIn(cookie)

    async def _still(self, c: Connection, passed: PassedCode, person: ids.PersonId) -> Method:
        """How surely this person comes in by a code that was sent some minutes ago. Refusals `assurance-too-low`,
        `code-wrong` when an order has taken the number from them meanwhile."""
        if person in await self._confirmed(c, passed.phone):
            return "proofed-phone"
        if self._least == "substantial":
            raise Refusal("assurance-too-low")
        others = [one for text in passed.subjects if (one := ids.person_from_text(text))]
        if await _is_taken_from(c, person, others):
            raise Refusal("code-wrong", field="code")
        return "phone"

    async def prove_again(self, visitor: Visitor, cookie: str, challenge: str, code: str, now: datetime) -> str:
        """Who holds this session proves it anew by a code to their phone: the cookie from now on. A session that began
        by a confirmed number, or by a passkey, is not renewed by one that nobody confirmed.

        Refusals `sign-in-needed`, `code-wrong`, `too-many-attempts`, `assurance-too-low`.
        """
        session = await self._means.browsers.find("resident", cookie, now)
        try:
            passed = await self._means.codes.prove(challenge, visitor.token, visitor.network, code.strip(), now)
            method = await self._method(passed, session.subject)
            if method == "phone" and session.method != "phone":
                raise Refusal("assurance-too-low")
        except Refusal as refusal:
            await self._denied(session.subject, refusal, now, "proved-again")
            raise
        caller = await self._who("resident", session.subject)
        async with self._cx.database.transaction() as c:
            await self._means.codes.used(c, passed)
            renewed = await self._means.browsers.prove_again(c, session, method=method, now=now)
            await audit.append(c, [line(caller, "ok", method, {"event": "proved-again"}, now)])
        return renewed

    async def _method(self, passed: PassedCode, subject: str) -> Method:
        """How well a passed code proves that it is this person. Refusal `code-wrong` for a code to somebody else."""
        person = await mpi.root_of(self._cx.database, ids.person_from_text(subject) or 0)
        if ids.person_text(person) not in passed.subjects:
            raise Refusal("code-wrong", field="code")
        return "proofed-phone" if person in await self._confirmed(self._cx.database, passed.phone) else "phone"

    async def _denied(self, subject: str, refusal: Refusal, now: datetime, event: str = "signed-in") -> None:
        nobody = Caller(kind="resident", agent_id=subject)
        await self._cx.appender.append(line(nobody, "denied", refusal.code, {"event": event}, now))

    # --- a passkey instead --------------------------------------------------------------------------------------------

    async def passkey_offer(self, caller: Caller, token: str, now: datetime) -> PasskeyOffer:
        """What a resident's browser is asked to make a passkey, and the code with which `Accounts.set_up_passkey` keeps
        it, for the page with this token. It takes the place of one there was.

        Refusals: `assurance-too-low`, `step-up-needed`.
        """
        own(caller)
        caller.check_giving(now)
        async with self._cx.database.transaction() as c:
            await hold_giver(c, caller)
            code = await self._means.enrolment.invite(c, "resident", caller.agent_id, "", inviter=_BY_PHONE, now=now)
        found = await self._means.enrolment.invitation("resident", code, now)
        challenge = self._means.challenges.new("enrol/resident", token, now)
        return PasskeyOffer(code, self._means.passkeys.creation(challenge, found.account_id, caller.name_zh))

    # --- at the counter ----------------------------------------------------------------------------------------------

    async def confirm(
        self, caller: Caller, cards: Cards, paper: Paper, phone: str, now: datetime, *, stolen: bool = False
    ) -> mpi.Identity:
        """Staff saw the person and the document, and this is the person's phone: from now on its codes give
        *substantial* assurance, and no other number's do. Where another number was confirmed before, the sessions there
        are end: who has that number now may have opened them. `stolen`: somebody else may have had the phone in hand,
        so that passkeys, providers and apps, which may be that one's, end as well. On the person's log.

        Refusals `step-up-needed`, `right-needed`, `not-found`, `field-invalid`.
        """
        caller.check_fresh(now)
        number = mpi.phone_key(phone[:40])
        if not number:
            raise Refusal("field-invalid", field="phone", expected="a phone number")
        identity = await cards.person_by_paper(caller, paper, now)
        detail: dict[str, Any] = {"event": "phone-confirmed"}
        async with self._cx.database.transaction() as c:
            await hold_person(c, identity.person)
            members = (await mpi.whole_of(c, identity.person)).members
            staff = f"{caller.kind}/{caller.agent_id}"
            changed = await self._means.codes.confirm(c, ids.person_text(identity.person), number, staff, now)
            if stolen:
                taken, apps = await take_sign_ins(self._cx, c, members, "resident", now)
                detail |= ({"ways_ended": True} if taken else {}) | apps
            elif changed:
                ended = [await authentication.end_sessions(c, "resident", ids.person_text(one)) for one in members]
                detail |= {"sessions_ended": sum(ended)} if any(ended) else {}
            asking = Asking(caller=caller, now=now)
            await audit.append(c, [event_of(asking, identity.person, "card", "ok", "counter", detail)])
        return identity


async def _is_taken_from(c: Database | Connection, person: ids.PersonId, others: Sequence[ids.PersonId]) -> bool:
    """Whether an order has taken one of the others, who are known by the same number, away from this person: then a
    registration that names the number proves nothing any more, until a counter confirms it."""
    kept = await consent.kept_from(c, (await mpi.whole_of(c, person)).members)
    return not {await mpi.root_of(c, agent) for agent in kept}.isdisjoint(others)
