"""Who asks, for what, in which visit: the first thing every FHIR address does."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Final
from urllib.parse import unquote_plus

from starlette.requests import Request

from yima import consent, fhir, mpi
from yima.access import Asking
from yima.api.answers import access_of, bearer_of
from yima.api.cross_origin import check_origin
from yima.directory import Caller
from yima.runtime import clock
from yima.runtime.errors import Refusal

_NUMBER: Final = re.compile(r"(?<![0-9A-Za-z])\d{6}(?:18|19|20)\d{9}[\dXx](?![0-9A-Za-z])")
_SEALED: Final = re.compile(r"(?:^|&)_cursor=[^&]*")


async def asking_of(request: Request) -> Asking:
    """Who asks, with the visit handle of the Yima-Visit header and the purpose of Yima-Purpose. Without that header it
    is what the code of the visit was scanned for, and without a visit treatment, or what the app was registered for.

    Refusals: those of `caller_of`, `identity-number-in-url`, `purpose-not-allowed`.
    """
    now = clock.now()
    caller = await access_of(request).sign_in.caller(bearer_of(request.headers.get("authorization", "")), now=now)
    if caller.kind == "terminal":  # a device at a counter knows codes and counters, never a record
        raise Refusal("scope-insufficient", field="Authorization", expected="an institution's app")
    scope = request.scope
    if caller.app:
        await check_origin(request.app.state.origins, request.headers.get("origin"), caller.app)
        _check_app_request(request, caller)
    refuse_identity_numbers(scope["path"], scope["query_string"].decode("latin-1"))
    visit = caller.visit if caller.app else request.headers.get("yima-visit", "")  # a resident needs none
    if caller.visit:
        await _check_still_open(request, caller, now)
    purpose = request.headers.get("yima-purpose")
    if purpose is None:
        return Asking(caller=caller, now=now, purpose="" if visit else _usual_purpose(caller), visit=visit)
    if caller.kind == "resident" and purpose != "own-request":
        raise Refusal("purpose-not-allowed", field="Yima-Purpose", purpose=purpose[:40], expected="own-request")
    if purpose not in consent.PURPOSES:
        raise Refusal(
            "purpose-not-allowed", field="Yima-Purpose", purpose=purpose[:40], expected=", ".join(consent.PURPOSES)
        )
    return Asking(caller=caller, now=now, purpose=purpose, visit=visit)


def _usual_purpose(caller: Caller) -> str:
    if caller.kind == "resident":
        return "own-request"
    return "treatment" if "treatment" in caller.purposes else min(caller.purposes, default="treatment")


async def _check_still_open(request: Request, caller: Caller, now: datetime) -> None:
    """With the visit in which staff opened an app its token is dead, for every address. Refusal `token-invalid`."""
    try:
        await access_of(request).person_of_visit(caller, caller.visit, now)
    except Refusal as refusal:
        raise Refusal("token-invalid") from refusal


_APP_READS: Final = re.compile(
    r"/fhir(/|/Observation/\$lastn|/DocumentReference/\$docref|/Patient/[^/$]+/(\$everything|\$summary|[A-Z*][A-Za-z]*)"
    r"|/[A-Z][A-Za-z]+(/[^/$]+(/_history(/\d+)?)?)?)?"
).fullmatch
_APP_SEARCHES: Final = re.compile(
    r"/fhir/(_search|[A-Z][A-Za-z]+/_search|Patient/[^/$]+/[A-Z][A-Za-z]+/_search|Observation/\$lastn"
    r"|DocumentReference/\$docref)"
).fullmatch


def _check_app_request(request: Request, caller: Caller) -> None:
    """What an app of residents, or one that staff opened, may do: read and search. A closed list, so that a new address
    is not on it.

    Refusal `scope-insufficient`.
    """
    path: str = request.scope["path"]
    if path.startswith("/fhir/AuditEvent") and (caller.visit or not caller.app_sees_sensitive):
        # Staff see no log in a visit, so an app of theirs does not either. To residents' apps: the log names the places
        # where somebody was treated, psychiatric ones among them.
        raise Refusal("scope-insufficient", field="AuditEvent", expected="a grant that opens sensitive parts")
    reads = request.method in ("GET", "HEAD") and _APP_READS(path)
    if not reads and not (request.method == "POST" and _APP_SEARCHES(path)):
        raise Refusal("scope-insufficient", field="Authorization", expected="an institution's app")


def refuse_identity_numbers(path: str, query: str) -> None:
    """Refusal `identity-number-in-url` for a document's number in an address: addresses are kept in logs along the way.

    Found by the system that stands with it, or by being a resident number with its right check digit.
    """
    if not query and not _NUMBER.search(path) and "%" not in path and "+" not in path:
        return
    text = unquote_plus(f"{path}?{_SEALED.sub('', query)}")
    if any(mpi.is_national(system) for system in re.findall(r"[=,]([^=,|&]+)\|", text)):
        raise Refusal("identity-number-in-url", field="query")
    if any(mpi.resident_number_is_valid(number.upper()) for number in _NUMBER.findall(text)):
        raise Refusal("identity-number-in-url", field="query" if _NUMBER.search(unquote_plus(query)) else "path")


def type_of(request: Request) -> str:
    """The resource type of the path. Refusal `resource-type-unknown`."""
    named: str = request.path_params["type"]
    if named not in fhir.TYPES:
        raise Refusal("resource-type-unknown", type=named[:64])
    return named
