"""A card for paper: whose it is, what stands on it, and the line on the log that it was printed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from yima.access.acting import Done, acting, tell_both
from yima.access.context import Context
from yima.access.decision import Asking, event_of
from yima.access.residents import card_view, own
from yima.directory import Caller
from yima.healthcode import PrintedCard
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId


class Printing:
    """The door's part for printed cards."""

    def __init__(self, cx: Context, font: Path | None) -> None:
        self._cx = cx
        self.font = font
        """The setting `card_font`."""

    async def printed_card(self, caller: Caller, person: PersonId, now: datetime) -> PrintedCard:
        """What stands on a person's printed card: for themselves, for whom they let show their code, for the command
        line.

        On the holder's log before it is given out. Refusals `sign-in-needed`, `mandate-needed`, `card-not-found`, and
        `card-state` for a card that does not stand: its code would be refused everywhere.
        """
        basis = await self._basis(caller, person, now)
        view = await card_view(self._cx, person, now)
        if view.status != "active":
            raise Refusal("card-state", state=view.status, event="print")
        detail = {"event": "print"}
        if caller.kind == "resident" and caller.person != person:
            await tell_both(self._cx, None, caller, person, Done("card", basis, detail), now)
        else:
            asking = Asking(caller=caller, now=now, purpose="own-request" if caller.kind == "resident" else "")
            await self._cx.appender.append(event_of(asking, person, "card", "ok", basis, detail))
        return PrintedCard(view.name, view.latin_name, view.masked_number, view.number, view.static_text)

    async def _basis(self, caller: Caller, person: PersonId, now: datetime) -> str:
        if caller.kind == "system":
            return "command-line"
        if own(caller) == person:
            return "own-record"
        allowed = await acting(self._cx, own(caller), person, "show-code", now)
        if not allowed.permit:
            raise Refusal("mandate-needed")
        return allowed.basis
