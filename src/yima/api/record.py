"""A whole record at once: the patient summary (FHIR operation), and the overview and timeline as plain JSON."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from yima import fhir
from yima.access import Summary
from yima.api.answers import access_of, fhir_answer, language_of
from yima.api.asking import asking_of
from yima.api.bodies import JSON_TYPES, XML_TYPES, body_of, check_acceptable, form_of, is_xml
from yima.runtime.errors import Refusal

_PROFILE: Final = "http://hl7.org/fhir/uv/ips/StructureDefinition/Composition-uv-ips"
_VERSION: Final = "2.0.0"


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
        tree = fhir.parse_xml(body) if is_xml(request) else fhir.parse(body)
        rows = [row for row in tree.get("parameter") or () if isinstance(row, dict)]
        return named | {str(row.get("name")): value for row in rows if (value := _value(row))}
    return named | dict(await form_of(request))


def _value(row: dict[str, object]) -> str:
    return next((value for key, value in row.items() if key.startswith("value") and isinstance(value, str)), "")


def routes(base: str) -> list[Route]:
    """The addresses of this file; `base` is where FHIR begins."""
    both = ["GET", "POST"]
    return [
        Route(f"{base}/Patient/$summary", summary_by_identifier, methods=both),
        Route(f"{base}/Patient/{{id}}/$summary", summary, methods=both),
    ]
