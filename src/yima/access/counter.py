"""Facility codes at the door: residents share a profile with a counter and take a number, its institution reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from yima import audit, directory, healthcode, mpi
from yima.access.context import Context
from yima.access.decision import Asking, event_of
from yima.access.residents import own
from yima.access.telling import check_telling
from yima.directory import COUNTER_SCOPE, Caller
from yima.healthcode import Counter, Share
from yima.runtime.civil import civil_day
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

_LONGEST_BACK = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Offer:
    """A counter as the resident sees it, with all that could be shared there."""

    counter: Counter
    institution: directory.Institution
    identity: mpi.Identity
    phone: str
    """In full; empty when none is known."""
    document: str
    """Masked; empty when none is known."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A number that was taken."""

    share: Share
    counter: Counter
    institution: directory.Institution
    ahead: int
    """How many with a smaller number still wait."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What an institution reads of a share: what the resident chose, and nothing else."""

    share: Share
    identity: mpi.Identity
    phone: str
    """Empty unless the resident chose to show it."""
    document: str
    """Masked; empty unless the resident chose to show it."""


class Counters:
    """What may be done at counters. One per `Access`."""

    def __init__(self, cx: Context, visit_seconds: int) -> None:
        self._cx = cx
        self._visit_seconds = visit_seconds

    async def register(self, made: Counter, now: datetime) -> tuple[Counter, str]:
        """Put a counter on the register; it, and the text of its printed code. Refusal `field-invalid`."""
        async with self._cx.database.transaction() as c:
            known = await healthcode.counter.register_counter(c, made, now)
        return known, healthcode.counter.counter_text(self._cx.keys, self._cx.profile, known.counter_id)

    async def mine_to_serve(self, caller: Caller) -> Sequence[tuple[Counter, str]]:
        """The counters of the caller's institution, each with its code's text. Refusal `scope-insufficient`."""
        _check_institution(caller)
        found = await healthcode.counter.counters(self._cx.database, caller.institution)
        return [
            (one, healthcode.counter.counter_text(self._cx.keys, self._cx.profile, one.counter_id)) for one in found
        ]

    async def offer(self, caller: Caller, text: str) -> Offer:
        """The counter whose code a resident scanned, and what could be shared. Nothing is told to the institution yet.

        Refusals: `sign-in-needed`, `code-unreadable`, `code-signature-invalid`, `counter-closed`.
        """
        person = own(caller)
        found = await healthcode.counter.scanned_counter(self._cx.database, self._cx.keys, text)
        identity = await self._cx.identities.submit(person)
        if identity is None:
            raise Refusal("sign-in-needed")
        return Offer(found, await self._place(found), identity, *await self._contact(person))

    async def share(self, caller: Caller, text: str, *, phone: bool, document: bool, now: datetime) -> Ticket:
        """Share a profile and take a number; on the resident's log in the same transaction.

        Name, sex and birth date are always shared. Who still waits there keeps the number, and what was chosen first.
        Refusals: those of `offer`, and of a card that does not stand.
        """
        person, found = own(caller), await healthcode.counter.scanned_counter(self._cx.database, self._cx.keys, text)
        place = await self._place(found)
        async with self._cx.database.transaction() as c:
            made, new = await healthcode.counter.share(
                c, found, person, now, phone=phone, document=document, visit_seconds=self._visit_seconds
            )
            if new:
                asking = Asking(caller=caller, now=now, purpose="own-request", visit=made.visit)
                detail = {"counter": found.prefix, "ticket": made.ticket, "place": place.code, "fields": _fields(made)}
                event = event_of(asking, person, "share", "ok", "own-record", detail)
                await audit.append(c, [event])
        return Ticket(made, found, place, await healthcode.counter.ahead(self._cx.database, made))

    async def ticket(self, caller: Caller, share_id: str) -> Ticket:
        """One of the resident's own numbers, with its place in the queue. Refusals `sign-in-needed`, `not-found`."""
        made = await healthcode.counter.share_of(self._cx.database, own(caller), share_id)
        found = next(
            k
            for k in await healthcode.counter.counters(self._cx.database, made.institution)
            if k.counter_id == made.counter_id
        )
        return Ticket(made, found, await self._place(found), await healthcode.counter.ahead(self._cx.database, made))

    async def tickets(self, caller: Caller, now: datetime) -> Sequence[Share]:
        """The numbers the resident took today, newest first."""
        return await healthcode.counter.shares_of(self._cx.database, own(caller), civil_day(now))

    async def waiting(self, caller: Caller, since: datetime | None, now: datetime) -> Sequence[Profile]:
        """What residents shared with the caller's institution and nobody acknowledged yet, oldest first.

        The first time a share is read goes on its resident's log before anything is given back. A terminal reads those
        of its own department. Refusal `scope-insufficient`.
        """
        check_telling()
        _check_institution(caller)
        begins = max(since, now - _LONGEST_BACK) if since else now - _LONGEST_BACK
        database = self._cx.database
        shares = await healthcode.counter.waiting_shares(
            database, caller.institution, begins, department=_department(caller)
        )
        async with database.transaction() as c:
            first = await healthcode.counter.deliver(c, shares, now)
            await audit.append(c, [_read(caller, share, now) for share in shares if share.share_id in first])
        return [await self._profile(share) for share in shares]

    async def mark(self, caller: Caller, share_id: str, state: str, now: datetime) -> Share:
        """Acknowledge a share, call its number, or end it.

        Refusals: `scope-insufficient`, `field-invalid`, `not-found`.
        """
        _check_institution(caller)

        async def work(c: Connection) -> Share:
            return await healthcode.counter.mark(c, caller.institution, share_id, state, now)

        return await self._cx.database.retry(work)

    async def _profile(self, share: Share) -> Profile:
        identity = await self._cx.identities.submit(share.person)
        if identity is None:
            raise Refusal("not-found", field="id")
        phone, document = await self._contact(share.person) if share.phone or share.document else ("", "")
        return Profile(share, identity, phone if share.phone else "", document if share.document else "")

    async def _contact(self, person: PersonId) -> tuple[str, str]:
        phone = await mpi.phone_of(self._cx.database, self._cx.vault, person)
        return phone, await mpi.masked_number(self._cx.database, self._cx.vault, person)

    async def _place(self, found: Counter) -> directory.Institution:
        place = await directory.institution(self._cx.database, found.institution)
        if place is None or place.status != "active":
            raise Refusal("institution-suspended")
        return place


def _check_institution(caller: Caller) -> None:
    if not (caller.kind == "app" or caller.holds(COUNTER_SCOPE)) or not caller.institution:
        raise Refusal("scope-insufficient", expected=f"an institution's app, or a terminal with {COUNTER_SCOPE}")


def _department(caller: Caller) -> str:
    return caller.department if caller.kind == "terminal" else ""


def _fields(share: Share) -> list[str]:
    """What was chosen, as words of the log: never the values."""
    chosen = (("phone", share.phone), ("document", share.document))
    return ["name", "sex", "birth-date", *(name for name, shown in chosen if shown)]


def _read(caller: Caller, share: Share, now: datetime) -> audit.Event:
    asking = Asking(caller=caller, now=now, purpose="treatment", visit=share.visit)
    detail = {"ticket": share.ticket, "fields": _fields(share)}
    return event_of(asking, share.person, "read", "ok", "shared-by-resident", detail)
