"""What residents do with their own record: show the code, see who looked, decide what is shared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec.structs import replace

from yima import audit, consent, healthcode, mpi
from yima.access.context import Context
from yima.access.decision import Asking, event_of
from yima.access.words import opened_lines
from yima.directory import Caller
from yima.runtime import ids
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

_NOTICE_DAYS: Final = 30
_TOLD: Final = frozenset(
    {"suspend", "end-suspension", "report-lost", "reissue", "cancel", "report-death", "undo-death", "changed-outside"}
)
"""What somebody else did to one's card, and one must hear of."""


@dataclass(frozen=True, slots=True)
class CardView:
    """What the code page needs. `batch` and `static_text` show the person's codes: for the holder's own device only."""

    person: PersonId
    name: str
    latin_name: str
    sex: str
    birth_date: str
    masked_number: str
    number: str
    status: str
    static_text: str
    dynamic_text: str
    batch: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SharingChoice:
    """One switch of the choices page: a class (`all` or a sensitive one), for every institution (0) or one."""

    cls: str
    zh: str
    en: str
    institution: int
    permit: bool


async def my_card(cx: Context, caller: Caller, now: datetime) -> CardView:
    """The resident's own card and codes. Refusals `sign-in-needed`, `card-not-found`."""
    return await card_view(cx, own(caller), now)


async def card_view(
    cx: Context, person: PersonId, now: datetime, bearer: healthcode.Bearer = healthcode.HOLDER
) -> CardView:
    """A person's card and codes, for the phone of that bearer; whether the asker may have them was decided before.
    Refusals as `my_card`."""
    identity = await mpi.identity(cx.database, cx.vault, person)
    if identity is None:
        raise Refusal("sign-in-needed")
    card = await healthcode.card_of(cx.database, person)
    codes = healthcode.batch(cx.keys, card.profile, person, now, generation=card.generation, bearer=bearer)
    return CardView(
        person, identity.name, identity.latin_name, identity.sex, identity.birth_date,
        await mpi.masked_number(cx.database, cx.vault, person), card.shown_number, card.standing(now),
        healthcode.static_text(card, cx.keys),
        healthcode.dynamic_text(cx.keys, card.profile, person, now, card.generation, bearer),
        codes.as_json(),
    )  # fmt: skip


async def access_log(cx: Context, caller: Caller, *, before: datetime, limit: int) -> list[audit.Event]:
    """Who did what to the resident's own record before a moment, newest first."""
    found = await audit.of_person(cx.database, await lines_of(cx, own(caller)), before=before, limit=limit)
    return [_theirs(line, own(caller)) for line in await opened_lines(cx.database, cx.vault, found)]


async def notices(cx: Context, caller: Caller, now: datetime) -> list[audit.Event]:
    """What the holder must hear about, of the last thirty days: emergency access, refused scans of an own code, what
    others did to the card, a mandate taken away by order."""
    found = await audit.notable(
        cx.database, await lines_of(cx, own(caller)), since=now - timedelta(days=_NOTICE_DAYS),
        until=now + timedelta(seconds=1),
    )  # fmt: skip
    return [
        e
        for e in [_theirs(line, own(caller)) for line in await opened_lines(cx.database, cx.vault, found)]
        if (e.action == "break-glass" and e.detail.get("reason") and not e.detail.get("whole"))
        or (e.action == "scan" and e.outcome == "denied")
        or (e.action == "card" and e.detail.get("event") in _TOLD and e.agent != "resident")
        or e.action == "mandate"
    ]


async def sharing(cx: Context, caller: Caller, now: datetime) -> list[SharingChoice]:
    """The switches as they stand: everything open to whoever scans the code, sensitive classes closed, unless
    decided."""
    decided: dict[tuple[str, int], bool] = {}
    for s in await cx.lookups.standing_of_all(await everybody(cx, caller), now):
        decided[s.cls, s.institution] = s.permit and decided.get((s.cls, s.institution), True)
    switches = [SharingChoice("all", "全部档案", "The whole record", 0, decided.get(("all", 0), True))]
    switches += [
        SharingChoice(row.code, row.zh, row.en, 0, decided.get((row.code, 0), False))
        for row in consent.CLASSES.values()
    ]
    return switches


async def set_sharing(cx: Context, caller: Caller, cls: str, *, institution: int, permit: bool, now: datetime) -> None:
    """Decide; it counts from the next request on. The decision is on the resident's log, in the same transaction."""
    person = own(caller)
    if permit:
        caller.check_giving(now)
    asking = Asking(caller=caller, now=now, purpose="own-request")
    members = await everybody(cx, caller)
    async with cx.database.transaction() as c:
        for member in members:  # of what was decided before a merge, the newest counts in each
            await consent.put(c, member, consent.Standing(cls, institution, permit), agent="resident", now=now)
        await audit.append(
            c, [event_of(asking, person, "consent", "ok", "own-record", {"class": cls, "permit": permit})]
        )


async def lines_of(cx: Context, person: PersonId) -> audit.Whose:
    """Which lines of the log are a person's."""
    whole = await mpi.whole_of(cx.database, person)
    persons = whole.members | await mpi.given_back(cx.database, whole.members)
    return audit.Whose(persons, frozenset(whole.homes), whole.patients)


async def own_line(cx: Context, caller: Caller, event_id: str) -> audit.Event | None:
    """A line of the resident's own log; None for any other. Refusal `sign-in-needed`."""
    whose, home = await lines_of(cx, own(caller)), ids.home_of(event_id)
    found = await audit.one_line(cx.database, home, event_id) if home else None
    if found is None or not whose.covers(found):
        return None
    return _theirs((await opened_lines(cx.database, cx.vault, [found]))[0], own(caller))


def _theirs(line: audit.Event, person: PersonId) -> audit.Event:
    """A line that names a Patient lies where that does; whoever reads it is whom it is about."""
    return replace(line, person=person) if "patient" in line.detail else line


async def everybody(cx: Context, caller: Caller) -> list[PersonId]:
    """The resident and those who were merged into them: their decisions and credentials are one. Refusal
    `sign-in-needed`."""
    return sorted((await mpi.whole_of(cx.database, own(caller))).members)


def own(caller: Caller) -> PersonId:
    """The person a resident's session belongs to; Refusal `sign-in-needed` for anybody else."""
    if caller.kind != "resident" or not caller.person:
        raise Refusal("sign-in-needed")
    return caller.person
