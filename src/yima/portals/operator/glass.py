"""Every emergency access before the privacy officer: what explains it, questions, the verdict; and stopped staff.

No record is shown: who, why, how much was read, and what care there was. Persons are opaque ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima import consent
from yima.access import GlassBoard, GlassCase
from yima.oversight import Stop
from yima.portals.layout import SignedIn, Words, checked_form, language_of, page, render, signed_in
from yima.runtime import ids
from yima.runtime.errors import Refusal

_PORTAL: Final = "operator"
_ADDRESS: Final = "/operator/break-glass"
_DIGITS: Final = 18

Act = Callable[[SignedIn, Mapping[str, str]], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Row:
    """One case with the words that go with it."""

    case: GlassCase
    who: str
    place: str
    person: str
    ground: str
    wider: str
    read: tuple[tuple[str, int], ...]
    """Classes of what was shown, in words, and how many of each."""
    late: bool


@dataclass(frozen=True, slots=True)
class StopRow:
    """One stop with the words that go with it."""

    stop: Stop
    who: str
    place: str
    mine: bool
    """Proposed to be lifted by who looks: somebody else must lift it."""


async def break_glass_page(request: Request) -> Response:
    """What waits, what is stopped, what was decided lately; `show` narrows what waits."""
    return await _shown(request, await signed_in(request, "operator"), {}, None)


async def _shown(request: Request, who: SignedIn, typed: Mapping[str, str], refusal: Refusal | None) -> Response:
    board = await who.access.glass_desk.board(who.caller, who.now)
    words = Words(_PORTAL, language_of(request))
    rows = [_row(case, board, words, who) for case in board.cases]
    waiting = [row for row in rows if row.case.review.decided is None]
    tests: dict[str, Callable[[Row], bool]] = {
        "all": lambda _: True,
        "overdue": lambda row: row.late,
        "unexplained": lambda row: not row.case.care,
        "answered": lambda row: row.case.review.state == "answered",
    }
    show = request.query_params.get("show", "all")
    show = show if show in tests else "all"
    counts = {name: sum(test(row) for row in waiting) for name, test in tests.items()}
    stops = [_stop(one, board, words, who) for one in board.stops]
    return render(
        request, "break-glass.html", portal=_PORTAL, status=refusal.status if refusal else 200, caller=who.caller,
        rows=[row for row in waiting if tests[show](row)], past=[row for row in rows if row.case.review.decided],
        stops=[one for one in stops if one.stop.lifted is None], lifted=[one for one in stops if one.stop.lifted],
        show=show, counts=counts, typed=typed, refusal=refusal, done=request.query_params.get("done", ""),
        csrf=who.csrf,
    )  # fmt: skip


def _row(case: GlassCase, board: GlassBoard, words: Words, who: SignedIn) -> Row:
    zh, opened = words.lang == "zh", case.opened
    wider = consent.WIDENINGS.get(opened.wider_ground or "")
    name, place = _named(board, case.review.practitioner, case.review.institution, zh=zh)
    ground = consent.GROUNDS.get(opened.ground, (opened.ground, opened.ground))
    return Row(
        case, name, place, ids.person_text(case.review.person), ground[0 if zh else 1],
        wider[0 if zh else 1] if wider else "", _read(case, zh=zh), case.review.is_overdue(who.now),
    )  # fmt: skip


def _read(case: GlassCase, *, zh: bool) -> tuple[tuple[str, int], ...]:
    found: Counter[str] = Counter()
    for name, number in case.read.items():
        known = consent.RESOURCE_CLASSES.get(consent.CLASS_OF.get(name, ""))
        found[(known.zh if zh else known.en) if known else name] += number
    return tuple(found.items())


def _stop(one: Stop, board: GlassBoard, words: Words, who: SignedIn) -> StopRow:
    name, place = _named(board, one.practitioner, one.institution, zh=words.lang == "zh")
    return StopRow(one, name, place, one.proposed_by == f"operator/{who.caller.agent_id}")


def _named(board: GlassBoard, practitioner: int, institution: int, *, zh: bool) -> tuple[str, str]:
    """`王芳 医师` and `一码县医院`."""
    staff, place = board.staff.get(practitioner), board.institutions.get(institution)
    where = (place.name_zh if zh else place.name_en) if place else ""
    if staff is None:
        return f"practitioner/{practitioner}", where
    name = f"{staff.name_zh} {staff.title_zh}" if zh else f"{staff.name_en}, {staff.title_en}"
    return name.strip(" ,"), where


async def _ask(who: SignedIn, form: Mapping[str, str]) -> str:
    await who.access.glass_desk.ask(who.caller, form.get("handle", ""), form.get("question", ""), who.now)
    return "asked"


async def _judge(who: SignedIn, form: Mapping[str, str]) -> str:
    ended = await who.access.glass_desk.judge(
        who.caller, form.get("handle", ""), form.get("verdict", ""), form.get("reason", ""), who.now
    )
    return "stopped" if ended else "judged"


async def _propose(who: SignedIn, form: Mapping[str, str]) -> str:
    await who.access.glass_desk.propose_lifting(who.caller, _number(form), form.get("reason", ""), who.now)
    return "proposed"


async def _lift(who: SignedIn, form: Mapping[str, str]) -> str:
    await who.access.glass_desk.lift(who.caller, _number(form), who.now)
    return "lifted"


def _number(form: Mapping[str, str]) -> int:
    text = form.get("stop", "")
    if not (text.isascii() and text.isdigit() and len(text) < _DIGITS):
        raise Refusal("not-found", field="stop")
    return int(text)


def _acting(act: Act) -> Callable[[Request], Awaitable[Response]]:
    async def handler(request: Request) -> Response:
        who = await signed_in(request, "operator")
        form = await checked_form(request, who)
        try:
            done = await act(who, form)
        except Refusal as refusal:
            if refusal.code in ("right-needed", "step-up-needed"):
                raise
            return await _shown(request, who, form, refusal)
        return RedirectResponse(f"{_ADDRESS}?done={done}", 303)

    return handler


def routes() -> list[Route]:
    """The addresses of this file."""
    acts: dict[str, Act] = {"ask": _ask, "judge": _judge, "propose": _propose, "lift": _lift}
    return [
        Route(_ADDRESS, page(break_glass_page), methods=["GET"]),
        *(Route(f"{_ADDRESS}/{name}", page(_acting(act)), methods=["POST"]) for name, act in acts.items()),
    ]
