"""Finer decisions: one institution, one purpose, a while, one single item. And one line of the log with its reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima import consent, directory, healthcode
from yima.portals.layout import SignedIn, Words, checked_form, language_of, page, render, signed_in
from yima.portals.resident import log
from yima.runtime.errors import Refusal

_PORTAL: Final = "resident"
_PERIODS: Final = {"always": None, "week": 7, "month": 30, "year": 365}
"""How long a decision may be meant to hold, in days."""
_CHOSEN: Final = {"close": ("all", False), "open": ("all", True)} | {
    f"open-{cls}": (cls, True) for cls in consent.CLASSES
}
"""What can be said about an institution."""
_ENTRIES: Final = ("allergies", "problems", "medicines", "procedures", "devices", "immunisations")
_LINES: Final = 300


@dataclass(frozen=True, slots=True)
class Row:
    """One decision on the page."""

    said: consent.Said
    what: str
    whom: str
    mine: bool
    """Said by the resident themself, not at a counter."""


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of the record page: its words, and the resources of several institutions that say it."""

    title: str
    sources: tuple[str, ...]


async def decisions_page(request: Request) -> Response:
    """What stands beside the switches, and a form for one institution."""
    who = await signed_in(request, _PORTAL)
    words = Words(_PORTAL, language_of(request))
    found = [one for one in await who.access.choices.of_mine(who.caller, who.now) if not _is_switch(one.standing)]
    places = await _places(who, words)
    titles = await _titles(who, words) if any(one.standing.resource for one in found) else {}
    rows = [_row(one, places, titles, words) for one in found]
    return render(
        request, "decisions.html", portal=_PORTAL, tab="choices", rows=rows, places=places, periods=list(_PERIODS),
        chosen=list(_CHOSEN), purposes=[p for p in consent.DECIDABLE if p != "public-health"],
        picked=request.query_params.get("institution", ""), done=request.query_params.get("done", ""),
        exports=_exports(found), newest=consent.NEWEST, csrf=who.csrf,
    )  # fmt: skip


async def item_page(request: Request) -> Response:
    """One item of the record: who sees it, and the button to hold it back."""
    who = await signed_in(request, _PORTAL)
    words = Words(_PORTAL, language_of(request))
    resource = request.query_params.get("item", "")
    titles = await _titles(who, words)
    if resource not in titles:
        raise Refusal("not-found", field="item")
    held = any(
        one.standing.resource == resource and not one.standing.permit and not one.standing.institution
        for one in await who.access.choices.of_mine(who.caller, who.now)
    )
    return render(
        request, "item.html", portal=_PORTAL, tab="choices", title=titles[resource].title,
        item=" ".join(titles[resource].sources), held=held, csrf=who.csrf,
    )  # fmt: skip


async def decide(request: Request) -> Response:
    """Keep what was chosen, or take it back; then the page again."""
    who = await signed_in(request, _PORTAL)
    fields = await checked_form(request, who)
    cls, permit = _CHOSEN.get(fields.get("what", ""), (fields.get("class", ""), fields.get("permit") == "yes"))
    institution, days = fields.get("institution", "0"), _PERIODS.get(fields.get("period", "always"), None)
    if not (institution.isascii() and institution.isdigit() and len(institution) < 10):
        raise Refusal("field-invalid", field="institution", expected="one of the list")
    if int(institution) and await directory.institution(who.access.database, int(institution)) is None:
        raise Refusal("field-invalid", field="institution", expected="one of the list")
    if cls not in ("all", consent.ITEM, *consent.CLASSES):
        raise Refusal("field-invalid", field="class", expected="one of the list")
    ends = who.now + timedelta(days=days) if days else None
    said = [
        consent.Standing(cls, int(institution), permit, ends, purpose=fields.get("purpose", ""), resource=resource)
        for resource in fields.get("item", "").split() or [""]
    ]
    withdrawn = fields.get("withdraw") == "yes"
    await who.access.choices.decide(who.caller, said, who.now, withdrawn=withdrawn)
    return RedirectResponse(f"/resident/decisions?done={'back' if withdrawn else 'kept'}", 303)


async def wording_page(request: Request) -> Response:
    """A version of the text that decisions refer to."""
    version = request.path_params["version"]
    if version not in consent.WORDINGS:
        raise Refusal("not-found", field="version")
    await signed_in(request, _PORTAL)
    words = consent.WORDINGS[version]
    said = words.zh if language_of(request) == "zh" else words.en
    return render(
        request, "wording.html", portal=_PORTAL, tab="choices", version=version, said=said,
        newest=version == consent.NEWEST,
    )  # fmt: skip


async def line_page(request: Request) -> Response:
    """One line of the log: what happened, why it could, and its place in a log that nobody can change unseen."""
    who = await signed_in(request, _PORTAL)
    words = Words(_PORTAL, language_of(request))
    found = await who.access.lines.explain(who.caller, request.path_params["line"])
    [day] = await log.days(who.access.database, [found.event], words, who.now)
    try:
        proof = await who.access.proven_line(found.event.event_id, who.now, who.caller)
    except Refusal as refusal:
        if refusal.code != "line-not-sealed":
            raise
        proof = None
    return render(
        request, "line.html", portal=_PORTAL, tab="log", day=day.heading, card=day.cards[0], event=found.event,
        reasons=[_reason(step, words) for step in found.reasons], decided=found.decided, proof=proof,
    )  # fmt: skip


async def line_file(request: Request) -> Response:
    """The line with its proof, for `yima audit verify --line` on any machine."""
    who = await signed_in(request, _PORTAL)
    proof = await who.access.proven_line(request.path_params["line"], who.now, who.caller)
    headers = {"content-disposition": 'attachment; filename="line.json"', "cache-control": "no-store"}
    return Response(msgspec.json.encode(proof), media_type="application/json", headers=headers)


def _reason(step: consent.Step, words: Words) -> str:
    """One link of the chain in plain words; what has none is shown as the log has it."""
    key = f"because.{step.code}"
    if not words.has(key):
        return words("because.other", code=step.code)
    about = step.about
    if step.code in ("role", "role-not-permitted"):
        about = consent.ROLES.get(about, (about, about))[words.lang == "zh"]
    elif step.code.startswith("purpose"):
        term = healthcode.PURPOSES.get(about)
        about = about if term is None else term.zh if words.lang == "zh" else term.en
    elif words.has(f"class.{about}"):
        about = words(f"class.{about}")
    return words(key, about=about)


def _is_switch(said: consent.Standing) -> bool:
    """Whether the switches page shows it."""
    return said.cls != consent.ITEM and not said.institution and not said.purpose


def _exports(found: Sequence[consent.Said]) -> bool:
    """Whether the record may go into statistics without names."""
    return not any(
        one.standing.purpose == "public-health" and one.standing.cls == "all" and not one.standing.permit
        for one in found
    )


def _row(said: consent.Said, places: dict[int, str], titles: dict[str, Item], words: Words) -> Row:
    standing = said.standing
    item = titles.get(standing.resource)
    name = item.title if item else standing.resource or words(f"class.{standing.cls}")
    whom = places.get(standing.institution, "") if standing.institution else words("decisions.everybody")
    return Row(said, name, whom, said.agent == "resident")


async def _places(who: SignedIn, words: Words) -> dict[int, str]:
    """The institutions that had to do with this record, by name."""
    events = await who.access.access_log(who.caller, now=who.now, limit=_LINES)
    decided = await who.access.choices.of_mine(who.caller, who.now)
    numbers = {e.institution for e in events} | {one.standing.institution for one in decided}
    found = {n: await directory.institution(who.access.database, n) for n in sorted(numbers - {0})}
    return {n: one.name_zh if words.lang == "zh" else one.name_en for n, one in found.items() if one}


async def _titles(who: SignedIn, words: Words) -> dict[str, Item]:
    """What each resource behind the record page is called, and what says the same."""
    opened = await who.access.open_record(who.caller, who.caller.person, purpose="own-request", visit=None, now=who.now)
    named: dict[str, Item] = {}
    for part in _ENTRIES:
        for entry in getattr(opened.overview, part):
            said = entry.title.zh or entry.title.en if words.lang == "zh" else entry.title.en or entry.title.zh
            sources = tuple(source for source in (entry.source, *entry.others) if source)
            named |= {source: Item(said or source, sources) for source in sources}
    return named


def routes() -> list[Route]:
    """The addresses of this file."""
    shown = {
        "/resident/decisions": decisions_page,
        "/resident/decisions/item": item_page,
        "/resident/decisions/text/{version}": wording_page,
        "/resident/log/{line}": line_page,
        "/resident/log/{line}/line.json": line_file,
    }
    return [
        *(Route(path, page(handler), methods=["GET"]) for path, handler in shown.items()),
        Route("/resident/decisions", page(decide), methods=["POST"]),
    ]
