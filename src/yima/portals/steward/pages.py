"""The stewards' pages that are looked at; what is done on them is in `acts`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from yima import directory, mpi
from yima.access import Pair
from yima.portals.layout import SignedIn, Words, language_of, render, signed_in
from yima.portals.steward import quality, view
from yima.portals.steward.asking import SYSTEMS, number_of, person_of, refuse_strangers
from yima.runtime import ids
from yima.runtime.errors import Refusal

PORTAL: Final = "steward"
_LAST: Final = 2**62
_AGES: Final = (0, 1, 7, 30)
"""Days a case has waited at least."""
REASONS: Final = ("possible-duplicate", mpi.SOURCE_SAYS)


async def names_of(request: Request, who: SignedIn) -> view.Names:
    """Words for institutions and stewards."""
    places = {i.institution_id: i for i in await directory.institutions(who.access.database)}
    people = {f"operator/{o.code}": o for o in await directory.operators(who.access.database)}
    return view.Names(Words(PORTAL, language_of(request)), places, people)


async def queue(request: Request) -> Response:
    """What waits, the riskiest first."""
    who = await signed_in(request, "operator")
    wanted, chosen = _wanted(request.query_params, who)
    found = await who.access.reviews.queue(who.caller, wanted, who.now)
    names = await names_of(request, who)
    return shown(
        request, who, "queue.html",
        rows=view.rows(found, names, who.now), chosen=chosen, ages=_AGES, reasons=REASONS,
        total=sum(one.number for one in found.waiting),
        by_risk={risk: sum(w.number for w in found.waiting if w.risk == risk) for risk in (3, 2, 1)},
        oldest=view.age(min(w.oldest for w in found.waiting), names.words, who.now) if found.waiting else "",
        places={w.institution: names.place(w.institution) for w in found.waiting},
        proposals=found.proposals, done=request.query_params.get("done", ""), event=_number(request, "event"),
    )  # fmt: skip


def _wanted(query: Mapping[str, str], who: SignedIn) -> tuple[mpi.Wanted, dict[str, Any]]:
    """The filters of an address; what is no filter is as if it were not there."""
    place = query.get("institution", "")
    institution = int(place) if place.isascii() and place.isdecimal() and len(place) < 10 else 0
    risk = int(query["risk"]) if query.get("risk") in ("1", "2", "3") else 0
    reason = query["reason"] if query.get("reason") in REASONS else ""
    days = int(query["age"]) if query.get("age", "") in {str(n) for n in _AGES} else 0
    older = who.now - timedelta(days=days) if days else None
    return mpi.Wanted(institution, risk, reason, older), {
        "institution": institution, "risk": risk, "reason": reason, "age": days,
    }  # fmt: skip


async def case(request: Request) -> Response:
    """One doubtful pair, opened."""
    who = await signed_in(request, "operator")
    refuse_strangers(who)
    found = await who.access.reviews.case(who.caller, number_of(request.path_params["case"]), who.now)
    return await pair_page(request, who, found)


async def pair(request: Request) -> Response:
    """Any two persons, opened by their ids."""
    who = await signed_in(request, "operator")
    refuse_strangers(who)
    one, other = (person_of(request.query_params.get(name, ""), name) for name in ("one", "other"))
    return await pair_page(request, who, await who.access.reviews.pair(who.caller, one, other, who.now))


async def pair_page(
    request: Request, who: SignedIn, found: Pair, typed: Mapping[str, str] | None = None, refusal: Refusal | None = None
) -> Response:
    """The two side by side; with what was typed, when a decision was refused."""
    names = await names_of(request, who)
    around = await who.access.reviews.queue(who.caller, mpi.Wanted(limit=200), who.now)
    order = [one.review_id for one in around.cases]
    here = order.index(found.case.review_id) if found.case and found.case.review_id in order else -1
    people = {side.identity.person: side.identity for side in (found.one, found.other)}
    return shown(
        request, who, "case.html", status=refusal.status if refusal else 200,
        pair=found, facts=view.facts(found, names), evidence=view.evidence(found, names.words),
        found=view.sentences(found.found, mpi.WHY, names.words.lang),
        second=view.sentences(found.second, mpi.SECOND, names.words.lang), percent=view.percent(found.bits),
        then=view.then(found),
        acts=view.acts(found.events, frozenset(), people, names), names=names, text=ids.person_text,
        next=order[here + 1] if here + 1 < len(order) else 0, before=order[here - 1] if here > 0 else 0,
        place=here + 1, of=len(order), typed=typed or {}, refusal=refusal,
    )  # fmt: skip


async def person(request: Request) -> Response:
    """One person: what is known, their Patients, what was done, what can be."""
    who = await signed_in(request, "operator")
    refuse_strangers(who)
    return await person_page(request, who, person_of(request.path_params["person"], "person"))


async def person_page(
    request: Request, who: SignedIn, person_id: int, *, numbers: list[mpi.Identifier] | None = None,
    refusal: Refusal | None = None,
) -> Response:  # fmt: skip
    """The page of one person; `numbers` are shown in the clear once, after a reveal."""
    side, events = await who.access.reviews.person(who.caller, person_id, who.now)
    names = await names_of(request, who)
    undone = frozenset(event.undoes for event in events if event.undoes)
    return shown(
        request, who, "person.html", status=refusal.status if refusal else 200,
        side=side, acts=view.acts(events[::-1], undone, {}, names), names=names, text=ids.person_text,
        numbers=numbers, systems=SYSTEMS, refusal=refusal, done=request.query_params.get("done", ""),
    )  # fmt: skip


async def second(request: Request) -> Response:
    """Merges that wait for a second steward."""
    return await second_page(request, await signed_in(request, "operator"), None)


async def second_page(request: Request, who: SignedIn, refusal: Refusal | None) -> Response:
    """The page of proposals, with a refusal where one was met."""
    found, people = await who.access.reviews.proposals(who.caller, who.now)
    return shown(
        request, who, "second.html", status=refusal.status if refusal else 200,
        proposals=found, people=people, names=await names_of(request, who), text=ids.person_text,
        mine=f"operator/{who.caller.agent_id}", why=mpi.SECOND, systems=SYSTEMS, refusal=refusal,
        done=request.query_params.get("done", ""),
    )  # fmt: skip


async def history(request: Request) -> Response:
    """What stewards did, newest first."""
    return await history_page(request, await signed_in(request, "operator"), None)


async def history_page(request: Request, who: SignedIn, refusal: Refusal | None) -> Response:
    """The page of acts; `before` pages on, `mine` keeps one's own."""
    mine = request.query_params.get("mine") == "yes"
    before = _number(request, "before") or _LAST
    events, undone, people = await who.access.reviews.history(
        who.caller, before=before, actor=f"operator/{who.caller.agent_id}" if mine else ""
    )
    names = await names_of(request, who)
    return shown(
        request, who, "history.html", status=refusal.status if refusal else 200,
        acts=view.acts(events, undone, people, names), mine=mine, more=events[-1].number if len(events) == 50 else 0,
        refusal=refusal, done=request.query_params.get("done", ""),
    )  # fmt: skip


async def reports(request: Request) -> Response:
    """Forms: a death, a stolen identity, a number that two people use, and finding somebody."""
    return await reports_page(request, await signed_in(request, "operator"), {}, None)


async def reports_page(request: Request, who: SignedIn, typed: Mapping[str, str], refusal: Refusal | None) -> Response:
    """The page of forms; what was typed is kept, except numbers."""
    refuse_strangers(who)
    return shown(
        request, who, "reports.html", status=refusal.status if refusal else 200, typed=typed, refusal=refusal,
        systems=SYSTEMS, done=request.query_params.get("done", ""),
    )  # fmt: skip


async def figures(request: Request) -> Response:
    """Quality by institution and the load of the queue. No person is in it."""
    who = await signed_in(request, "operator")
    names = await names_of(request, who)
    shown_figures = await quality.figures(who, names, request.query_params.get("institution", ""))
    return shown(request, who, "quality.html", q=shown_figures, least=quality.LEAST)


def shown(request: Request, who: SignedIn, template: str, *, status: int = 200, **context: Any) -> Response:
    """A page of this portal."""
    return render(
        request, template, portal=PORTAL, status=status, caller=who.caller, csrf=who.csrf, here=template, **context
    )


def _number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else 0
