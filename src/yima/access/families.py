"""Family and help: who may act for whom, how that is given and ended, and showing somebody else's code."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from yima import audit, consent, healthcode, mpi
from yima.access.acting import Done, acting, for_person, of_agent, showers, stopped, tell_both
from yima.access.cards import Paper, actor_of, visits_told
from yima.access.context import Context
from yima.access.decision import Asking, event_of, open_visit
from yima.access.giving import check_stands, hold_person
from yima.access.residents import CardView, card_view, own
from yima.consent import Mandate
from yima.directory import Caller
from yima.runtime.database import Connection
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId, home_of

_AT_COUNTER: Final = frozenset(consent.EVIDENCE) - {"own-session"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AtCounter:
    """A mandate as it is given in person, at a counter."""

    visit: str
    """The handle of the scan of the code of whom it is for."""
    paper: Paper | None
    """Their document; not needed with a code from a phone, nor for a child."""
    agent: Paper
    """The document of who will act."""
    guardian: bool
    scopes: Collection[str] = ()
    ends: datetime | None = None
    evidence: str


@dataclass(frozen=True, slots=True)
class Relative:
    """One mandate with the name of the other side, and what it covers today."""

    mandate: Mandate
    person: PersonId
    """The other side: whom one acts for, or who acts for oneself."""
    name: str
    latin_name: str
    birth_date: str
    running: bool
    show_code: bool
    see_record: bool
    basics_only: bool
    decide: bool
    until: datetime | None
    """When it ends by itself: the end of the period, or the child's 18th birthday."""


@dataclass(frozen=True, slots=True)
class FamilyView:
    """Both sides of a resident's mandates, running ones first."""

    for_others: tuple[Relative, ...]
    for_me: tuple[Relative, ...]

    @property
    def codes(self) -> tuple[Relative, ...]:
        """Whose codes one may show."""
        return tuple(relative for relative in self.for_others if relative.show_code)


class Families:
    """The door's part for mandates; `Access.families`."""

    def __init__(self, cx: Context) -> None:
        self._cx = cx

    async def family(self, caller: Caller, now: datetime) -> FamilyView:
        """For whom the resident may act, and who may act for them."""
        me, cx = own(caller), self._cx
        for_others = await of_agent(cx, me, now)
        for_me = await for_person(cx.database, cx.vault, me, now)
        people = {m.person for m in for_others} | {m.agent for m in for_me}
        names = await mpi.identities(cx.database, cx.vault, people) if people else {}
        return FamilyView(
            self._relatives(for_others, names, now, agent_is_me=True),
            self._relatives(for_me, names, now, agent_is_me=False),
        )

    def _relatives(
        self, mandates: list[Mandate], names: dict[PersonId, mpi.Identity], now: datetime, *, agent_is_me: bool
    ) -> tuple[Relative, ...]:
        made = [self._relative(m, names.get(m.person if agent_is_me else m.agent), now) for m in mandates]
        found = [
            replace(one, person=one.mandate.person if agent_is_me else one.mandate.agent) for one in made if one.name
        ]
        return tuple(sorted(found, key=lambda one: not one.running))

    def _relative(self, m: Mandate, identity: mpi.Identity | None, now: datetime) -> Relative:
        def may(what: consent.What) -> consent.Acting:
            return consent.may_act([m], m.agent, m.person, what, now, private_teens=self._cx.private_teens)

        code, record, decide = may("show-code"), may("see-record"), may("decide")
        name, latin = (identity.name, identity.latin_name) if identity else ("", "")
        return Relative(
            m, 0, name or latin, latin, identity.birth_date if identity else "",
            code.permit or record.permit or decide.permit, code.permit, record.permit, record.only_types is not None,
            decide.permit, _until(m),
        )  # fmt: skip

    async def may(self, caller: Caller, person: PersonId, what: consent.What, now: datetime) -> consent.Acting:
        """May the resident do that for that person now? Refusal `mandate-needed`."""
        found = await acting(self._cx, own(caller), person, what, now)
        if not found.permit:
            raise Refusal("mandate-needed")
        return found

    async def card(self, caller: Caller, person: PersonId, now: datetime) -> CardView:
        """Somebody's card and codes, to be shown by whom they let: on both logs. Refusals `mandate-needed`,
        `own-card-stopped` for who shows no code just now, their own neither."""
        person = (await self._cx.lookups.whole(person)).person
        if own(caller) == person:
            return await card_view(self._cx, person, now)
        allowed = await self.may(caller, person, "show-code", now)
        held = await for_person(self._cx.database, self._cx.vault, person, now)
        under = next((m for m in held if m.mandate == allowed.mandate), None)
        if under is None:  # it ended this moment
            raise Refusal("mandate-needed")
        if state := await stopped(self._cx.database, own(caller), now):
            raise Refusal("own-card-stopped", state=state)
        view = await card_view(self._cx, person, now, healthcode.bearer_of(under.mandate, _until(under)))
        await tell_both(self._cx, None, caller, person, Done("card", allowed.basis, {"event": "show"}), now)
        return view

    # --- giving and ending -------------------------------------------------------------------------------------------

    async def give(
        self, caller: Caller, *, card_number: str, name: str, scopes: Collection[str], ends: datetime, now: datetime
    ) -> str:
        """A resident lets another adult act for them: named by card number and name, which only they can have told.

        Refusals: `not-found` when number and name are not of one person, `field-invalid`.
        """
        cx, me = self._cx, own(caller)
        caller.check_giving(now)
        agent = await self._named(card_number, name)
        people = await mpi.identities(cx.database, cx.vault, [me, agent])
        giving = consent.Giving(
            person=me, born=people[me].birth_date, agent=agent, agent_born=people[agent].birth_date, kind="given",
            scopes=scopes, ends=ends, evidence="own-session", recorded_by=actor_of(caller),
        )  # fmt: skip
        asking = Asking(caller=caller, now=now, purpose="own-request")
        return await self._keep(giving, asking, people[agent], people[me], now)

    async def _named(self, card_number: str, name: str) -> PersonId:
        """Who has this card and this name; one refusal for both mistakes, so that numbers cannot be tried out."""
        wanted = "".join(name.split()).casefold()
        try:
            card = await healthcode.card_by_number(self._cx.database, card_number)
        except Refusal as refusal:
            if refusal.code != "card-not-found":
                raise
            raise Refusal("not-found", field="number") from None
        identity = await mpi.identity(self._cx.database, self._cx.vault, card.person)
        names = (
            {"".join(n.split()).casefold() for n in (identity.name, identity.latin_name) if n} if identity else set()
        )
        if wanted not in names or card.standing(card.issued) == "cancelled":
            raise Refusal("not-found", field="number")
        return card.person

    async def record(self, caller: Caller, said: AtCounter, now: datetime) -> str:
        """Staff record what a person said at the counter: their code was scanned there, both documents were seen.

        A phone's code proves that the person is there, unless somebody else may show it; a printed one may be anybody's
        copy. Then the person's document (or for a child without one the evidence of guardianship) is wanted beside it.
        Refusals: `right-needed`, `visit-needed`, `visit-expired`, `code-assurance-too-low`, `field-missing`,
        `not-found` for a document, `field-invalid`.
        """
        cx, guardian = self._cx, said.guardian
        if caller.kind != "practitioner":
            raise Refusal("right-needed", expected="staff of an institution")
        person = await self._present(caller, said, now)
        held = await mpi.person_of_document(cx.database, cx.vault, said.agent.system, said.agent.value)
        if held is None:
            raise Refusal("not-found", field="agent")
        if said.evidence not in _AT_COUNTER or (guardian and said.evidence == "in-person"):
            raise Refusal("field-invalid", field="evidence", expected=", ".join(sorted(_AT_COUNTER)))
        people = await mpi.identities(cx.database, cx.vault, [person, held])
        giving = consent.Giving(
            person=person, born=people[person].birth_date, agent=held, agent_born=people[held].birth_date,
            kind="guardian" if guardian else "given", scopes=consent.SCOPES if guardian else said.scopes,
            ends=said.ends, evidence=said.evidence, recorded_by=actor_of(caller),
        )  # fmt: skip
        asking = Asking(caller=caller, now=now, visit=said.visit)
        return await self._keep(giving, asking, people[held], people[person], now)

    async def visitor(self, caller: Caller, visit: str, now: datetime) -> tuple[mpi.Identity, bool]:
        """Who was scanned for this visit at the caller's institution, and whether that proves that they are there.

        Refusals: `right-needed`, `visit-needed`, `visit-expired`.
        """
        if caller.kind != "practitioner":
            raise Refusal("right-needed", expected="staff of an institution")
        opened = await open_visit(self._cx, visit, now)
        identity = await mpi.identity(self._cx.database, self._cx.vault, opened.person)
        if opened.institution != caller.institution or opened.assurance in consent.WITHOUT_CODE or identity is None:
            raise Refusal("visit-needed", field="visit")
        asking = Asking(caller=caller, now=now, purpose=opened.purpose, visit=visit)
        seen = event_of(asking, opened.person, "read", "ok", "visit", {"types": {"Person": 1}})
        await self._cx.appender.append(seen)
        return identity, opened.assurance == "dynamic" and not await showers(self._cx, opened.person, now)

    async def _present(self, caller: Caller, said: AtCounter, now: datetime) -> PersonId:
        opened = await open_visit(self._cx, said.visit, now)
        if opened.institution != caller.institution or opened.assurance in consent.WITHOUT_CODE:
            raise Refusal("visit-needed", field="visit")
        alone = opened.assurance == "dynamic" and not await showers(self._cx, opened.person, now)
        if alone or said.guardian:
            return opened.person
        if said.paper is None and opened.assurance == "dynamic":
            raise Refusal("field-missing", field="value", expected="the person's document: others may show this code")
        if said.paper is None:
            raise Refusal("code-assurance-too-low", field="visit")
        held = await mpi.person_of_document(self._cx.database, self._cx.vault, said.paper.system, said.paper.value)
        if held != opened.person:
            raise Refusal("not-found", field="value")
        return opened.person

    async def register(self, person: PersonId, guardian: PersonId, now: datetime) -> str:
        """A guardian as the civil register names one: for the command line and the synthetic city."""
        people = await mpi.identities(self._cx.database, self._cx.vault, [person, guardian])
        caller = Caller(kind="system", agent_id="register")
        giving = consent.Giving(
            person=person, born=people[person].birth_date, agent=guardian, agent_born=people[guardian].birth_date,
            kind="guardian", scopes=consent.SCOPES, ends=None, evidence="household-register",
            recorded_by=actor_of(caller),
        )  # fmt: skip
        return await self._keep(giving, Asking(caller=caller, now=now), people[guardian], people[person], now)

    async def _keep(
        self, giving: consent.Giving, asking: Asking, agent: mpi.Identity, person: mpi.Identity, now: datetime
    ) -> str:
        whose, who = [await self._cx.lookups.whole(one) for one in (giving.person, giving.agent)]
        async with self._cx.database.transaction() as c:
            await hold_person(c, whose.person)
            await check_stands(c, asking.caller)
            if await consent.is_barred(c, whose.members, who.members, now):
                raise Refusal("mandate-barred", field="agent")
            made = await consent.give(c, giving, now)
            detail = {"event": "give", "kind": giving.kind, "scopes": sorted(giving.scopes), "mandate": made}
            await self._tell(c, asking, giving.person, giving.agent, detail, (person.name, agent.name))
        return made

    async def end(self, caller: Caller, mandate: str, now: datetime) -> None:
        """End a mandate at once: either side may. Refusal `not-found` for anybody else's."""
        me, cx = own(caller), self._cx
        person = home_of(mandate)
        found = await consent.mandates_for(cx.database, person) if person else []
        mine = (await cx.lookups.whole(me)).members
        chosen = next((m for m in found if m.mandate == mandate and mine & {m.person, m.agent}), None)
        if chosen is None:
            raise Refusal("not-found", field="mandate")
        names = await mpi.identities(cx.database, cx.vault, [chosen.person, chosen.agent])
        wards = (await cx.lookups.whole(chosen.person)).members
        async with cx.database.transaction() as c:
            if await consent.end_mandate(c, mandate, actor_of(caller), now) is None:
                return
            visits = await healthcode.end_bearer(c, wards, mandate, now)
            detail = {"event": "end", "kind": chosen.kind, "mandate": mandate} | visits_told(visits)
            said = tuple(names[one].name if one in names else "" for one in (chosen.person, chosen.agent))
            asking = Asking(caller=caller, now=now, purpose="own-request")
            await self._tell(c, asking, chosen.person, chosen.agent, detail, (said[0], said[1]))

    async def _tell(
        self, c: Connection, asking: Asking, person: PersonId, agent: PersonId, detail: dict[str, Any],
        names: tuple[str, str],
    ) -> None:  # fmt: skip
        """Both sides see that a mandate was given or ended, by whom, and who the other side is."""
        basis = "own-record" if asking.caller.kind == "resident" else "counter"
        await audit.append(
            c,
            [
                event_of(asking, person, "mandate", "ok", basis, detail | {"side": "person", "other": names[1]}),
                event_of(asking, agent, "mandate", "ok", basis, detail | {"side": "agent", "other": names[0]}),
            ],
        )


def _until(m: Mandate) -> datetime | None:
    """When a mandate ends by itself."""
    return m.ends if m.kind == "given" else consent.age_reached(m.born, consent.OF_AGE)
