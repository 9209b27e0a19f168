"""A whole record at once: the patient summary (FHIR operation), and the overview and timeline as plain JSON."""

from __future__ import annotations

from functools import partial
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from yima.access import Overview, RecordView, Summary
from yima.api.answers import access_of, fhir_answer, language_of
from yima.api.asking import asking_of
from yima.api.bodies import JSON_TYPES, XML_TYPES, body_of, check_acceptable, form_of, is_xml, tree_in
from yima.runtime.beside import beside
from yima.runtime.errors import Refusal

_PROFILE: Final = "http://hl7.org/fhir/uv/ips/StructureDefinition/Composition-uv-ips"
_VERSION: Final = "2.0.0"
_LISTS: Final = ("problems", "allergies", "medicines", "immunisations", "procedures", "devices")


# --- $summary --------------------------------------------------------------------------------------------------------
async def summary(request: Request) -> Response:
    """GET or POST Patient/[id]/$summary: the International Patient Summary as a document Bundle.

    `profile` may name Composition-uv-ips (with |2.0.0); another profile is refused. The language of the titles and of
    the narrative is that of Accept-Language.
    """
    check_acceptable(request)
    asking, params = await asking_of(request), await _params(request)
    _check_profile(params)
    made = await access_of(request).summaries.of_patient(asking, request.path_params["id"], language_of(request))
    return _answer(request, made)


async def summary_by_identifier(request: Request) -> Response:
    """GET or POST Patient/$summary?identifier=[system]|[value]: the same of whom the institution calls so."""
    check_acceptable(request)
    asking, params = await asking_of(request), await _params(request)
    _check_profile(params)
    system, bar, value = params.get("identifier", "").rpartition("|")
    if not bar or not value:
        raise Refusal("search-value-invalid", field="identifier", expected="[system]|[value]")
    made = await access_of(request).summaries.of_identifier(asking, system, value, language_of(request))
    return _answer(request, made)


def _check_profile(params: dict[str, str]) -> None:
    asked, _, version = params.get("profile", _PROFILE).partition("|")
    if asked != _PROFILE or version not in ("", _VERSION):
        raise Refusal("search-value-invalid", field="profile", expected=f"{_PROFILE}|{_VERSION}")


def _answer(request: Request, made: Summary) -> Response:
    response = fhir_answer(request, made.bundle)
    response.headers["cache-control"] = "no-store"
    return response


async def _params(request: Request) -> dict[str, str]:
    """The parameters of an operation: of the address, of a form, or of a Parameters resource."""
    named = dict(request.query_params)
    if request.method != "POST":
        return named
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in (*JSON_TYPES, *XML_TYPES):
        body = await body_of(request)
        if not body:
            return named
        tree = await beside(len(body), partial(tree_in, body, is_xml(request)))
        rows = [row for row in tree.get("parameter") or () if isinstance(row, dict)]
        return named | {str(row.get("name")): value for row in rows if (value := _value(row))}
    return named | dict(await form_of(request))


def _value(row: dict[str, object]) -> str:
    return next((value for key, value in row.items() if key.startswith("value") and isinstance(value, str)), "")


# --- the overview as plain JSON --------------------------------------------------------------------------------------
async def home(request: Request) -> Response:
    """GET /record/[Patient id]: the home page of the record: tags with rule and sources, basics, services, what is due,
    and the clinician's lists."""
    opened, o = await _opened(request)
    lists = {name: getattr(o, name) for name in _LISTS}
    said = {"tags": o.tags, "basics": o.basics, "services": o.activities, "suggestions": o.suggestions, **lists}
    return _json(opened, said)


async def timeline(request: Request) -> Response:
    """GET /record/[Patient id]/timeline: the episodes, newest first; `kind`, `year`, `institution` choose among them,
    `_count` (100, at most 1000) and `_offset` page."""
    query = request.query_params
    known = {"kind", "year", "institution", "_count", "_offset"}
    for name in query:
        if name not in known:
            raise Refusal("search-parameter-unknown", field=name[:64], type="timeline")
    kinds, year, place = query.getlist("kind"), query.get("year", ""), query.get("institution", "")
    count, offset = _number(query.get("_count", "100"), "_count", 1000), _number(query.get("_offset", "0"), "_offset")
    opened, o = await _opened(request)
    found = [
        one
        for one in o.episodes
        if (not kinds or one.kind in kinds)
        and (not year or (one.start and f"{one.start.year:04d}" == year))
        and (not place or one.institution == place)
    ]
    return _json(opened, {"total": len(found), "episodes": found[offset : offset + count]})


async def stages(request: Request) -> Response:
    """GET /record/[Patient id]/stages: the views for a stage of life, with the trends they name."""
    opened, o = await _opened(request)
    named = {code for stage in o.stages for code in stage.trends}
    trends = [one for one in o.trends if one.code in named or one.group in named]
    return _json(opened, {"stages": o.stages, "trends": trends})


async def quality(request: Request) -> Response:
    """GET /record/[Patient id]/quality: what the record should hold and does, and what in it cannot be right."""
    opened, o = await _opened(request)
    return _json(opened, {"parts": o.parts, "contradictions": o.contradictions})


async def _opened(request: Request) -> tuple[RecordView, Overview]:
    asking = await asking_of(request)
    opened = await access_of(request).open_patient(asking, request.path_params["id"])
    return opened, opened.overview


def _number(text: str, field: str, most: int = 1_000_000) -> int:
    if not (text.isascii() and text.isdecimal() and int(text[:9]) <= most):
        raise Refusal("search-value-invalid", field=field, expected=f"a whole number up to {most}")
    return int(text)


def _json(opened: RecordView, said: dict[str, object]) -> Response:
    withheld = [{"class": one.code, "zh": one.zh, "en": one.en} for one in opened.withheld]
    body = msgspec.json.encode(said | {"withheld": withheld})
    return Response(body, media_type="application/json", headers={"cache-control": "no-store"})


def plain_routes() -> list[Route]:
    """The addresses that do not speak FHIR."""
    return [
        Route("/record/{id}", home),
        Route("/record/{id}/timeline", timeline),
        Route("/record/{id}/stages", stages),
        Route("/record/{id}/quality", quality),
    ]


def routes(base: str) -> list[Route]:
    """The addresses of this file; `base` is where FHIR begins."""
    both = ["GET", "POST"]
    return [
        Route(f"{base}/Patient/$summary", summary_by_identifier, methods=both),
        Route(f"{base}/Patient/{{id}}/$summary", summary, methods=both),
    ]
