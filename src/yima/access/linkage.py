"""Bulk linkage of the platform's own persons: what goes out to be linked, and what a linkage would change, or changes.

A pair from a file never decides by itself: the two are compared again with what the index holds now, under the same
rule as a registration. Only then are they merged; a risky merge waits for a second steward, anything less sure is a
case in the stewards' queue, and who was said never to be one, or cannot be, is left alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from yima import mpi
from yima.access.context import Context
from yima.access.rights import check_right
from yima.access.stewarding import card_holders, merge_now, proposal_word, tell
from yima.directory import Caller
from yima.runtime.database import Connection
from yima.runtime.ids import PersonId, person_text

Kind = Literal["merge", "propose", "review", "keep"]
Row = dict[str, str]
_REASON = "possible-duplicate"


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a pair."""

    kind: Kind
    why: str = ""
    """Of what is not merged: `one-already`, `unknown`, `never-same`, `asked-already`, or keys of `mpi.WHY` and
    `mpi.SECOND`."""
    number: int | None = None
    """Once it is done: of the act (undo it by that), the proposal, or the case."""


class Linkage:
    """The door's part for `yima link export` and `apply`; `Access.linkage`. The command line only."""

    def __init__(self, cx: Context) -> None:
        self._cx = cx

    async def export(self, caller: Caller, after: PersonId, limit: int, now: datetime) -> tuple[list[Row], PersonId]:
        """Persons after this one, as `yima link` reads them, each with a line on their log; and where to go on (0: that
        was all). Addresses are not among it: the index holds them hashed. Refusal `right-needed`.
        """
        check_right(caller, "bulk")
        found = await mpi.to_link(self._cx.database, self._cx.vault, after, limit)
        async with self._cx.database.transaction() as c:
            await tell(c, caller, [person for person, _ in found], {"event": "link-export"}, now)
        rows = [{"record_id": person_text(person), **said} for person, said in found]
        return rows, found[-1][0] if len(found) == limit else 0

    async def weigh(self, caller: Caller, one: PersonId, other: PersonId, *, link: bool) -> Change:
        """What `apply` would do now; nothing is changed. `link`: whether the linkage would link them, not only ask."""
        check_right(caller, "bulk")
        async with self._cx.database.connection() as c:
            return (await self._weighed(c, one, other, link))[0]

    async def apply(
        self, caller: Caller, one: PersonId, other: PersonId, *, link: bool, reason: str, now: datetime
    ) -> Change:
        """Do it: a merge (undone by its number), a proposal, a case, or nothing. Again, it does nothing new.

        Refusals: `right-needed`, those of the cards' life cycle.
        """
        check_right(caller, "bulk")
        async with self._cx.database.transaction() as c:
            await mpi.hold(c, one, other)
            found, person, survivor = await self._weighed(c, one, other, link)
            number: int | None = None
            if found.kind == "merge":
                number = await merge_now(c, self._cx.vault, caller, person, survivor, reason, now)
            elif found.kind == "propose":
                word = await proposal_word(c, self._cx.vault, caller, person, reason, now)
                number = await mpi.propose(c, person, survivor, found.why.split(), word)
                await tell(c, caller, (person, survivor), {"event": "propose-merge", "number": number}, now)
            elif found.kind == "review":
                number = await mpi.ask(c, person, survivor, 0, _REASON, now)
                await tell(c, caller, (person, survivor), {"event": "ask", "number": number}, now)
        return Change(found.kind, found.why, number)

    async def _weighed(
        self, c: Connection, one: PersonId, other: PersonId, link: bool
    ) -> tuple[Change, PersonId, PersonId]:
        """What to do, whom to merge, and into whom: who has a card stays, then who has more Patients."""
        wholes = await mpi.wholes_of(c, [one, other])
        roots = sorted({wholes[one].person, wholes[other].person})
        if len(roots) < 2:
            return Change("keep", "one-already"), one, other
        patients = {root: len(await mpi.patients_of(c, root)) for root in roots}
        cards = await card_holders(c, roots)
        survivor, person = sorted(roots, key=lambda root: (root not in cards, -patients[root], root))
        return await self._rule(c, person, survivor, link), person, survivor

    async def _rule(self, c: Connection, person: PersonId, survivor: PersonId, link: bool) -> Change:
        if len(await mpi.identities(c, self._cx.vault, [person, survivor])) < 2:
            return Change("keep", "unknown")
        if await mpi.kept_apart(c, person, survivor):
            return Change("keep", "never-same")
        found = await mpi.compared(c, self._cx.vault, person, survivor)
        if found and found.vetoes:
            return Change("keep", " ".join(found.vetoes))
        if link and found and not found.hindrances:
            why = await mpi.why_second(c, self._cx.vault, person, survivor)
            return Change("propose", " ".join(why)) if why else Change("merge")
        if await mpi.case_of(c, person, survivor) is not None:
            return Change("keep", "asked-already")
        return Change("review", " ".join(found.hindrances) if found else "")
