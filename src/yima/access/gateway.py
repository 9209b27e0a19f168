"""What the national gateway may do: existing card calls of hospitals, over the same door as everybody else.

An app sees a person whom its institution registered or has just scanned, and nobody else: every other card id, and
every document number, gets the answer that a card which does not exist gets.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from yima import fhir, healthcode, mpi
from yima.access import register, scan
from yima.access.acting import still_shown
from yima.access.context import Context
from yima.access.decision import Asking, event_of
from yima.directory import GatewayApp, Gateways
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

_LONGEST_VISIT: Final = timedelta(days=7)
_CLOCKS: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Shown:
    """A person as a gateway answer shows them."""

    identity: mpi.Identity
    card: healthcode.Card
    national: healthcode.national.NationalCard
    document_type: str
    number: str
    """In the clear only to who sent it, or has just read a code of one showing; else all but five hidden."""
    clear: bool
    """The number is in the clear: this institution sent it, or has read a code of one showing."""
    assurance: str = ""
    visit: str = ""
    """The handle of the visit that a scan opened; empty when nothing was scanned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanning:
    """A code at a terminal."""

    text: str
    terminal: str
    step: str = "000000"
    channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UseReport:
    """A step done with a code that was scanned before, as an institution's system reports it."""

    text: str
    key: str
    """The institution's own key of the report: the same again changes nothing."""
    step: str
    channel: str
    at: datetime
    department: str = ""
    cost_types: tuple[str, ...] = ()


class Gateway:
    """The gateway's calls for one worker. `apps` knows who calls."""

    def __init__(self, cx: Context) -> None:
        self._cx = cx
        self.apps: Gateways = cx.gateways

    async def register(self, app: GatewayApp, application: register.Application, now: datetime) -> register.Registered:
        """Apply for a card: see `access.register`."""
        return await register.register(self._cx, app.caller, application, now)

    async def close(self, app: GatewayApp, card_id: str, reason: str, now: datetime) -> None:
        """Cancel the card of somebody this institution registered.

        Refusals `card-not-found`, and those of the life cycle (`card-suspended`, `card-deceased`).
        """
        held = await self._own(app, card_id)
        person = (await self._cx.lookups.whole(held.person)).person
        await register.close(self._cx, app.caller, person, reason, now)

    async def code(self, app: GatewayApp, card_id: str, *, dynamic: bool, now: datetime, number: str = "") -> str:
        """The text of a code of somebody this institution registered: static, or for one showing.

        A visit is not enough: who has a copy of a print must not make a fresh code of it. `number`, where it is given,
        must be the card's document.

        Refusals: `card-not-found`, and `code-cancelled`, `code-suspended`, `code-not-active` by the card's standing.
        """
        held = await self._own(app, card_id)
        if number and self._cx.national.document(held)[1] != number.strip().upper():
            raise Refusal("card-not-found")
        card = await healthcode.card_of(self._cx.database, held.person)
        _check_standing(card, now)
        asking = Asking(caller=app.caller, now=now)
        await self._cx.appender.append(
            event_of(asking, held.person, "card", "ok", "own-submission", {"event": "show", "dynamic": dynamic})
        )
        if not dynamic:
            return self._cx.national.static_text(held, app.caller.institution_code)
        return self._cx.national.dynamic_text(
            held, app.caller.institution_code, now, generation=card.generation, in_person="in-person" in app.rights
        )

    async def scan(self, app: GatewayApp, said: Scanning, now: datetime) -> Shown:
        """Verify a code, national or Yima's own, at a terminal of the app's institution: see `access.scan`.

        The document number is shown in full only for a code of one showing, or to who has sent it.
        """
        found = await scan.scan(
            self._cx, app.caller, said.text, terminal=said.terminal, step=said.step,
            purpose=healthcode.national.purpose_of(said.step), now=now, channel=said.channel,
        )  # fmt: skip
        shown = await self._shown(app, found.person, fresh=_is_fresh(said.text, found.assurance), now=now)
        return replace(shown, assurance=found.assurance, visit=found.visit)

    async def card(self, app: GatewayApp, card_id: str, now: datetime) -> Shown:
        """A card by its id. Refusal `card-not-found` also for those of others."""
        held = await self._cx.national.find(self._cx.database, card_id.strip().upper())
        registered = await self._registered(app, held.person)
        visits = [] if registered else await self._visits(app, held.person, now)
        if not registered and not visits:
            raise Refusal("card-not-found")
        fresh = any(visit.assurance == "dynamic" for visit in visits)
        return await self._told(app, await self._shown(app, held.person, fresh=fresh, now=now), now)

    async def by_document(self, app: GatewayApp, system: str, number: str, now: datetime) -> Shown:
        """A card by a document number that this institution registered. Refusal `card-not-found` for all others."""
        document = self._cx.vault.hashes.forms(register.document_key(self._cx.vault, system, number))
        person = await self._cx.national.applicant(self._cx.database, app.caller.institution, document)
        if person is None or not await self._registered(app, person):
            raise Refusal("card-not-found")
        return await self._told(app, await self._shown(app, person, fresh=False, now=now), now)

    async def holder(self, app: GatewayApp, said: Scanning, now: datetime) -> Shown:
        """Whose code this is, for a second call with the same text: somebody known needs no second redemption."""
        person, fresh = await self._holder_of(said.text, now)
        if person is not None and (await self._registered(app, person) or await self._visits(app, person, now)):
            return await self._told(app, await self._shown(app, person, fresh=fresh, now=now), now)
        return await self.scan(app, said, now)

    async def bind(self, app: GatewayApp, shown: Shown, patient_number: str, now: datetime) -> None:
        """Bind the institution's patient number to a person it was shown: see `access.register.bind`.

        Refusal `code-assurance-too-low` for who is known by a printed code only: it may be anybody's copy.
        """
        if not shown.clear:
            raise Refusal("code-assurance-too-low", field="qrCodeText")
        await register.bind(self._cx, app.caller, shown.identity.person, patient_number, now)

    async def report(self, app: GatewayApp, said: UseReport, now: datetime) -> None:
        """Keep a use of a code: see `healthcode.report`. A national code is meant by the visit that it opened here.

        Refusals: those of `healthcode.report`; `visit-unknown` for a national code that opened no visit here.
        """
        visit = await self._visit_of(app, said) if healthcode.national.looks_national(said.text) else ""
        report = healthcode.Report(
            institution=app.caller.institution, key=said.key, step=said.step, channel=said.channel, at=said.at,
            visit=visit, code="" if visit else said.text, department=said.department, cost_types=said.cost_types,
        )  # fmt: skip
        async with self._cx.database.transaction() as c:
            await healthcode.report(c, self._cx.keys, report, now)

    async def _visit_of(self, app: GatewayApp, said: UseReport) -> str:
        opened = await self._cx.national.open(self._cx.database, said.text)
        visits = await self._visits_since(opened.card.person, said.at - _LONGEST_VISIT)
        here = (v for v in visits if v.institution == app.caller.institution and v.started <= said.at + _CLOCKS)
        found = next(here, None)
        if found is None:
            raise Refusal("visit-unknown", field="qrCodeText")
        return found.visit

    # --- who may be seen ---------------------------------------------------------------------------------------------

    async def _own(self, app: GatewayApp, card_id: str) -> healthcode.national.NationalCard:
        held = await self._cx.national.find(self._cx.database, card_id.strip().upper())
        if not await self._registered(app, held.person):
            raise Refusal("card-not-found")
        return held

    async def _registered(self, app: GatewayApp, person: PersonId) -> bool:
        """Whether the institution has a Patient of this person, or of whom a merge made one with them."""
        whole = await self._cx.lookups.whole(person)
        patients = await mpi.patients_of(self._cx.database, whole.person)
        return any(institution == app.caller.institution for _, institution in patients)

    async def _holds(self, app: GatewayApp, person: PersonId, number: str) -> bool:
        """Whether this institution itself has sent that number of this person, by whichever address."""
        for patient, institution in await mpi.patients_of(self._cx.database, person):
            row = await self._cx.reader.read("Patient", patient) if institution == app.caller.institution else None
            sent = fhir.parse(row.content).get("identifier", ()) if row and not row.deleted else ()
            if any(mpi.number_key(str(held.get("value", ""))) == number for held in sent):
                return True
        return False

    async def _visits(self, app: GatewayApp, person: PersonId, now: datetime) -> list[healthcode.Visit]:
        visits = await self._visits_since(person, now - _LONGEST_VISIT)
        here = [visit for visit in visits if visit.institution == app.caller.institution and visit.expires > now]
        return [visit for visit in here if await still_shown(self._cx.database, self._cx.vault, visit, now)]

    async def _visits_since(self, person: PersonId, since: datetime) -> list[healthcode.Visit]:
        members = sorted((await self._cx.lookups.whole(person)).members)
        return [visit for one in members for visit in await healthcode.visits_of(self._cx.database, one, since)]

    async def _told(self, app: GatewayApp, shown: Shown, now: datetime) -> Shown:
        """The look-up is on the person's log before the answer leaves, as every read is."""
        asking = Asking(caller=app.caller, now=now)
        await self._cx.appender.append(event_of(asking, shown.identity.person, "resolve", "ok", "own-submission", {}))
        return shown

    async def _holder_of(self, text: str, now: datetime) -> tuple[PersonId | None, bool]:
        """Whose code it is, used or not, and whether it is one of one showing; None where only a scan can say: also of
        a code that is dead, or of a card that does not stand, which a scan refuses and the holder hears of."""
        db = self._cx.database
        try:
            if healthcode.national.looks_national(text):
                opened = await self._cx.national.open(db, text)
                opened.check_time(now)
                person, fresh = opened.card.person, opened.until is not None
            else:
                person, assurance = await healthcode.check(text, db, self._cx.keys, now)
                fresh = assurance == "dynamic"
            whole = await self._cx.lookups.whole(person)
            _check_standing(await healthcode.card_of(db, whole.person), now)
        except Refusal:
            return None, False
        return person, fresh

    async def _shown(self, app: GatewayApp, person: PersonId, *, fresh: bool, now: datetime) -> Shown:
        whole = await self._cx.lookups.whole(person)  # who was merged is shown as whom they became
        person, identity = whole.person, await mpi.identity(self._cx.database, self._cx.vault, whole.person)
        if identity is None:
            raise Refusal("card-not-found")
        card = await healthcode.card_of(self._cx.database, person)
        held = await self._card_of(app, whole, identity, now)
        document_type, number = self._cx.national.document(held)
        sent = self._registered(app, person) if held.temporary else self._holds(app, person, number)
        clear = await sent or fresh
        return Shown(identity, card, held, document_type, number if clear else _masked(number), clear=clear)

    async def _card_of(
        self, app: GatewayApp, whole: mpi.Whole, identity: mpi.Identity, now: datetime
    ) -> healthcode.national.NationalCard:
        """The person's national card; made of the first document, or a temporary one, for who came another way."""
        for one in (whole.person, *sorted(whole.members - {whole.person})):
            if cards := await self._cx.national.of_person(self._cx.database, one):
                return cards[0]
        documents = await mpi.documents_of(self._cx.database, self._cx.vault, identity.person)

        async def work(c: Connection) -> healthcode.national.NationalCard:
            if not documents:
                return await self._cx.national.temporary(c, identity.person, name=identity.name, now=now)
            first = documents[0]
            return await self._cx.national.give(
                c, identity.person, document_type=healthcode.national.dialect(app.dialect).document_type(first.system),
                system=first.system, number=first.value, name=identity.name, now=now,
            )  # fmt: skip

        return await self._cx.database.retry(work)


def _check_standing(card: healthcode.Card, now: datetime) -> None:
    """Refusals `code-cancelled`, `code-suspended`, `code-not-active`."""
    standing = card.standing(now)
    if standing == "suspended":
        raise Refusal("code-suspended")
    if standing in ("applied", "pre-issued"):
        raise Refusal("code-not-active")
    if standing not in ("active", "merged"):
        raise Refusal("code-cancelled")


def _is_fresh(text: str, assurance: str) -> bool:
    """Whether a text that was accepted is a code of one showing, and not a print."""
    return assurance == "dynamic" or (
        healthcode.national.looks_national(text) and healthcode.national.read(text).dynamic
    )


def _masked(number: str) -> str:
    shown = 3 if len(number) >= 10 else 0
    return f"{number[:shown]}{'*' * (len(number) - shown - 2)}{number[-2:]}"
