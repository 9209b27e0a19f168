"""AuditEvent: the lines of the log about a person, computed when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from yima import audit, fhir
from yima.access import Access, Asking, Spot
from yima.api import paging
from yima.api.answers import access_of, fhir_answer
from yima.runtime.errors import Refusal

_NAME: Final = "AuditEvent"
_COUNT: Final = 100
_MOST: Final = 500
_OUTCOMES: Final = {"0": "ok", "4": "denied", "8": "failed"}
_KNOWN: Final = ("patient", "date", "agent", "agent:identifier", "outcome", "_count", "_total")


async def line(request: Request, asking: Asking, wanted: str) -> Response | None:
    """GET AuditEvent/[id] of a line of the log; None where it is none that the caller may see."""
    access = access_of(request)
    found = await access.lines.read(asking, wanted)
    if found is None:
        return None
    return fhir_answer(request, fhir.encode(_said(access, found)), ETag='W/"1"')


async def lines(request: Request, asking: Asking, params: Sequence[tuple[str, str]]) -> Response:
    """GET AuditEvent?patient=..: `date`, `agent`, `outcome`, `_count`; newest first, in pages.

    Refusals: `person-not-named`, `search-parameter-unknown`, `search-value-invalid`, `scope-insufficient`.
    """
    access, pager = access_of(request), paging.pager_of(request)
    cursor = next((value for name, value in params if name == "_cursor"), "")
    place = pager.open(cursor, asking.caller, _NAME, asking.visit) if cursor else paging.Place(tuple(params))
    said = [pair for pair in place.params if pair[0] not in ("_format", "_pretty", "_cursor")]
    patients = [value for name, value in said if name == "patient"]
    if len(patients) != 1:
        raise Refusal("person-not-named", field=_NAME)
    if unknown := [name for name, _ in said if name not in _KNOWN]:
        raise Refusal("search-parameter-unknown", field=unknown[0][:64], type=_NAME)
    asked = _asked(access, asking, said, place.spot)
    found, total = await access.lines.search(asking, patients[0], asked)
    base = f"{access.base_url}/fhir"
    links = [("self", f"{base}/{_NAME}" + (f"?{urlencode(said)}" if request.method == "GET" and not cursor else ""))]
    if asked.limit and len(found) == asked.limit and place.spot.seen + len(found) < total:
        edge = (found[-1].recorded.isoformat(), found[-1].event_id)
        following = paging.Place(tuple(said), Spot(edge, False, place.spot.seen + len(found), 0))
        links.append(("next", f"{base}/{_NAME}?_cursor={pager.seal(following, asking.caller, _NAME, asking.visit)}"))
    entries = [paging.entry(base, _NAME, one.event_id, fhir.encode(_said(access, one))) for one in found]
    return fhir_answer(request, paging.bundle(entries, total=total, links=links))


def _asked(access: Access, asking: Asking, said: Sequence[tuple[str, str]], spot: Spot) -> audit.LinesAsked:
    values = dict(said)
    outcome = values.get("outcome", "")
    if outcome and outcome not in _OUTCOMES:
        raise Refusal("search-value-invalid", field="outcome", expected=", ".join(_OUTCOMES))
    count = values.get("_count", str(_COUNT))
    if not (count.isascii() and count.isdigit() and len(count) < 10):
        raise Refusal("search-value-invalid", field="_count", expected="a whole number")
    since, until = audit.EARLIEST, audit.LATEST
    dates = [("date", value) for name, value in said if name == "date"]
    for prefix, low, high in access.query(asking, _NAME, dates, lenient=False).dated:
        low_bound, high_bound = _bounds(prefix, low, high)
        since, until = max(since, low_bound), min(until, high_bound)
    agent = values.get("agent:identifier", values.get("agent", "")).rpartition("|")[2].rpartition("/")[2]
    after = (datetime.fromisoformat(str(spot.edge[0])), str(spot.edge[1])) if spot.edge else None
    return audit.LinesAsked(
        since=since, until=until, agent=agent, outcome=_OUTCOMES.get(outcome, ""), after=after,
        limit=min(int(count), _MOST),
    )  # fmt: skip


def _bounds(prefix: str, low: datetime, high: datetime) -> tuple[datetime, datetime]:
    """The moments that a date with its prefix covers (R4 search.html#date); both inclusive."""
    earliest, latest, tick = audit.EARLIEST, audit.LATEST, timedelta(microseconds=1)
    known = {
        "eq": (low, high), "ap": (low, high), "ge": (low, latest), "le": (earliest, high), "gt": (high + tick, latest),
        "sa": (high + tick, latest), "lt": (earliest, low - tick), "eb": (earliest, low - tick),
    }  # fmt: skip
    if prefix not in known:
        raise Refusal("search-value-invalid", field="date", expected="eq, ge, gt, le, lt, sa, eb or ap")
    return known[prefix]


def _said(access: Access, event: audit.Event) -> dict[str, Any]:
    """The resource, with where its proof is to be had."""
    made = audit.to_fhir(event)
    url = f"{access.base_url}/fhir/StructureDefinition/audit-proof"
    made["extension"] = [{"url": url, "valueUrl": f"{access.base_url}/audit/proof/{event.event_id}"}]
    return made
