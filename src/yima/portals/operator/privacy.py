"""The privacy officer's desk: residents' objections by deadline, odd looks by score, alarms; each is decided here.

No record is shown: lines of the log, scores and their reasons, who looked. Persons are opaque ids.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima import directory
from yima.access import FOLLOWS, Alarm, Board, Finding, Objection
from yima.audit import Event
from yima.portals.layout import SignedIn, Words, checked_form, language_of, page, render, signed_in
from yima.runtime import ids
from yima.runtime.errors import Refusal

_PORTAL: Final = "operator"
_ADDRESS: Final = "/operator/privacy"
_STAFF: Final = "practitioner/"

Act = Callable[[SignedIn, Mapping[str, str]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Row:
    """One thing to decide on, with the words that go with it."""

    thing: Objection | Finding | Alarm
    reader: str
    """Name and title, institution; or kind and id of who is no member of staff."""
    person: str
    """Opaque; empty for an alarm."""
    line: Event | None = None
    late: bool = False

    @property
    def decided(self) -> bool:
        """Whether somebody has decided already."""
        return self.thing.decided is not None


async def privacy_page(request: Request) -> Response:
    """What waits, and what was decided lately."""
    return await _shown(request, await signed_in(request, "operator"), {}, None)


async def _shown(request: Request, who: SignedIn, typed: Mapping[str, str], refusal: Refusal | None) -> Response:
    board = await who.access.privacy.board(who.caller, who.now)
    places = {i.institution_id: i for i in await directory.institutions(who.access.database)}
    names = _Names(board, places, Words(_PORTAL, language_of(request)))
    objections = [
        Row(one, names.of_line(board.lines.get(one.line)), ids.person_text(one.person), board.lines.get(one.line),
            one.is_overdue(who.now)) for one in board.objections
    ]  # fmt: skip
    findings = [Row(one, names.of(one.reader, one.institution), ids.person_text(one.person)) for one in board.findings]
    alarms = [Row(one, names.of(one.reader, one.institution), "") for one in board.alarms]
    rows = [*objections, *findings, *alarms]
    return render(
        request, "privacy.html", portal=_PORTAL, status=refusal.status if refusal else 200, caller=who.caller,
        objections=[r for r in objections if not r.decided], findings=[r for r in findings if not r.decided],
        alarms=[r for r in alarms if not r.decided], past=[r for r in rows if r.decided], follows=FOLLOWS, typed=typed,
        refusal=refusal, done=request.query_params.get("done", ""), csrf=who.csrf,
    )  # fmt: skip


_SAID: Final = {"database": "privacy.owner", "institution": "privacy.whole"}
"""Readers who are neither staff nor a program, in words."""


@dataclass(frozen=True, slots=True)
class _Names:
    board: Board
    places: Mapping[int, directory.Institution]
    words: Words

    def of(self, reader: str, institution: int) -> str:
        """`王芳 医师, 一码县医院`."""
        zh, place = self.words.lang == "zh", self.places.get(institution)
        staff = self.board.staff.get(reader)
        where = (place.name_zh if zh else place.name_en) if place else ""
        if staff is None:
            kind = self.words(said) if (said := _SAID.get(reader.partition("/")[0])) else reader
            return ", ".join(part for part in (kind, where) if part)
        name = f"{staff.name_zh} {staff.title_zh}" if zh else f"{staff.name_en}, {staff.title_en}"
        return ", ".join(part for part in (name.strip(" ,"), where) if part)

    def of_line(self, line: Event | None) -> str:
        """Who did what an objection is about."""
        if line is None:
            return ""
        if line.agent != "practitioner":
            return line.agent_name or line.institution_name or line.agent
        return self.of(f"{line.agent}/{line.agent_id}", line.institution)


async def _answer(who: SignedIn, form: Mapping[str, str]) -> None:
    await who.access.privacy.answer(who.caller, form.get("what", ""), form, who.now)


async def _finding(who: SignedIn, form: Mapping[str, str]) -> None:
    person, _, rest = form.get("what", "").partition(" ")
    day, _, reader = rest.partition(" ")
    number = ids.person_from_text(person)
    try:
        on = date.fromisoformat(day)
    except ValueError:
        number = None
    if number is None:
        raise Refusal("not-found", field="finding")
    await who.access.privacy.decide_finding(who.caller, number, reader, on, form, who.now)


async def _alarm(who: SignedIn, form: Mapping[str, str]) -> None:
    number = form.get("what", "")
    if not (number.isascii() and number.isdigit() and len(number) < 18):
        raise Refusal("not-found", field="alarm")
    await who.access.privacy.decide_alarm(who.caller, int(number), form, who.now)


def _deciding(act: Act) -> Callable[[Request], Awaitable[Response]]:
    async def decide(request: Request) -> Response:
        who = await signed_in(request, "operator")
        form = await checked_form(request, who)
        try:
            await act(who, form)
        except Refusal as refusal:
            if refusal.code == "right-needed":
                raise
            return await _shown(request, who, form, refusal)
        return RedirectResponse(f"{_ADDRESS}?done=decided", 303)

    return decide


def routes() -> list[Route]:
    """The routes of the privacy officer."""
    acts: dict[str, Act] = {"objection": _answer, "finding": _finding, "alarm": _alarm}
    return [
        Route(_ADDRESS, page(privacy_page), methods=["GET"]),
        *(Route(f"{_ADDRESS}/{name}", page(_deciding(act)), methods=["POST"]) for name, act in acts.items()),
    ]
