"""Apps: what one asks for, answering it, and what was granted so far. Each handler asks access; nothing is decided
here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from yima import directory
from yima.access import RECORD_TYPES, AppRequest, SentBack
from yima.portals.layout import checked_form, form_pairs, language_of, page, render, signed_in
from yima.portals.layout.headers import POLICY
from yima.portals.layout.session import access_of
from yima.runtime import clock
from yima.runtime.errors import Refusal

_PORTAL: Final = "resident"
_ASK: Final = "/resident/apps/ask"
_NAMED: Final[dict[str, tuple[str, ...]]] = {
    "about": ("Patient", "RelatedPerson", "Coverage"),
    "problems": ("Condition", "AllergyIntolerance", "FamilyMemberHistory", "DetectedIssue"),
    "medicines": ("MedicationRequest", "MedicationStatement", "MedicationDispense", "MedicationAdministration"),
    "results": ("Observation", "DiagnosticReport", "Specimen", "ImagingStudy"),
    "vaccinations": ("Immunization", "ImmunizationRecommendation", "ImmunizationEvaluation"),
    "visits": ("Encounter", "EpisodeOfCare", "Appointment", "Procedure", "ServiceRequest", "CarePlan", "Goal"),
    "documents": ("DocumentReference", "Composition", "DocumentManifest", "QuestionnaireResponse"),
}
"""Parts of a record as people call them; what no part names is `other`."""
PARTS: Final[dict[str, tuple[str, ...]]] = _NAMED | {
    "other": tuple(name for name in RECORD_TYPES if not any(name in types for types in _NAMED.values()))
}
_PICTURES: Final = {
    "about": "person", "problems": "heart", "medicines": "pill", "results": "flask", "vaccinations": "syringe",
    "visits": "care", "documents": "document", "other": "record",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the record that an app asks for or may read."""

    name: str
    picture: str


@dataclass(frozen=True, slots=True)
class Row:
    """A grant as the list shows it."""

    grant: directory.Grant
    name: str
    place: str
    parts: tuple[Part, ...]
    offline: bool


def parts_of(scopes: tuple[str, ...]) -> tuple[Part, ...]:
    """The parts that scopes open, each as a whole or in part."""
    types = set(directory.types_of(scopes))
    return tuple(
        Part(name, _PICTURES[name]) for name, held in PARTS.items() if held and ("*" in types or types & set(held))
    )


async def authorize(request: Request) -> Response:
    """GET and POST /oauth/authorize: an app sends its user here. Checked, then on to the page where residents answer,
    or to staff's own, where the session says whether it is who opened the app.

    Refusal `app-request-invalid`, as a page, while it is not sure whose address is to be sent back to.
    """
    posted = request.method == "POST"
    fields = await form_pairs(request) if posted else list(request.query_params.multi_items())
    found = await access_of(request).apps.asked(fields, clock.now())
    if isinstance(found, SentBack):
        return RedirectResponse(found.address, 303)
    page_of = "/clinician/apps/answer" if found.launched else _ASK
    return RedirectResponse(_with_request(page_of, found.text), 303)


async def ask(request: Request) -> Response:
    """What the app wants, in plain words; everything is the resident's to tick or leave."""
    sealed = request.query_params.get("request", "")
    who = await signed_in(request, "resident")
    asked, app = await who.access.apps.request_of(sealed, who.now)
    # Here and not only with the answer: what the answer's form may lead to is said by this page alone.
    who.caller.check_fresh(who.now)
    response = render(
        request,
        "app-ask.html",
        portal=_PORTAL,
        tab="choices",
        app=app,
        name=_name(request, app.name_zh, app.name_en),
        place=_name(request, app.place_zh, app.place_en),
        to=_destination(asked),
        pieces=parts_of(asked.scopes),
        offline="offline_access" in asked.scopes,
        signs_in="openid" in asked.scopes,
        sealed=sealed,
        who=_name(request, who.caller.name_zh, who.caller.name_en),
        csrf=who.csrf,
    )
    # Browsers hold the redirect that follows a form to form-action as well, so the app's address must be in it.
    response.headers["content-security-policy"] = POLICY.replace(
        "form-action 'self'", f"form-action 'self' {_source(asked)}"
    )
    return response


async def answer(request: Request) -> Response:
    """Grant what was ticked, or refuse; either way back to the app."""
    who = await signed_in(request, "resident")
    fields = await checked_form(request, who)
    asked, _ = await who.access.apps.request_of(fields.get("request", ""), who.now)
    if fields.get("answer") != "grant":
        return RedirectResponse(who.access.apps.refuse(asked), 303)
    ticked = {kind for part in parts_of(asked.scopes) if fields.get(f"part-{part.name}") for kind in PARTS[part.name]}
    scopes = directory.narrowed(asked.scopes, ticked, every=RECORD_TYPES)
    if not fields.get("offline"):
        scopes = tuple(scope for scope in scopes if scope != "offline_access")
    sensitive = fields.get("sensitive") == "yes"
    try:
        address = await who.access.apps.give(who.caller, asked, scopes=scopes, sensitive=sensitive, now=who.now)
    except Refusal as refusal:
        if refusal.code != "step-up-needed":
            raise
        address = _with_request(_ASK, fields.get("request", ""))
    return RedirectResponse(address, 303)


async def listed(request: Request) -> Response:
    """What apps may read, until when, when they last did; and what has ended."""
    who = await signed_in(request, "resident")
    rows = [
        Row(
            grant,
            _name(request, grant.name_zh, grant.name_en),
            _name(request, grant.place_zh, grant.place_en),
            parts_of(grant.scopes),
            "offline_access" in grant.scopes,
        )
        for grant in await who.access.apps.grants(who.caller, who.now)
    ]
    return render(
        request,
        "apps.html",
        portal=_PORTAL,
        tab="choices",
        running=[row for row in rows if row.grant.ended is None],
        past=[row for row in rows if row.grant.ended is not None][:20],
        done=request.query_params.get("done", ""),
        csrf=who.csrf,
    )


async def end(request: Request) -> Response:
    """End a grant. Refusal `not-found`."""
    who = await signed_in(request, "resident")
    fields = await checked_form(request, who)
    await who.access.apps.end(who.caller, fields.get("grant", ""), who.now)
    return RedirectResponse("/resident/apps?done=ended", 303)


def _with_request(page_of: str, sealed: str) -> str:
    return f"{page_of}?request={quote(sealed, safe='')}"


def _name(request: Request, zh: str, en: str) -> str:
    return (zh or en) if language_of(request) == "zh" else (en or zh)


def _destination(asked: AppRequest) -> str:
    """Where the resident will be sent afterwards, as far as people read an address."""
    parts = urlsplit(asked.redirect_uri)
    return parts.netloc or f"{parts.scheme}:"


def _source(asked: AppRequest) -> str:
    """The address as a source of a content policy (CSP 3, section 2.3.1): scheme and host, or a private scheme."""
    parts = urlsplit(asked.redirect_uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else f"{parts.scheme}:"


def routes() -> list[Route]:
    """The routes of these pages, and OAuth's own address."""
    return [
        Route("/oauth/authorize", page(authorize, any_text=True), methods=["GET", "POST"]),
        Route("/resident/apps", page(listed), methods=["GET"]),
        Route(_ASK, page(ask), methods=["GET"]),
        Route(_ASK, page(answer), methods=["POST"]),
        Route("/resident/apps/end", page(end), methods=["POST"]),
    ]
