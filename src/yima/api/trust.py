"""The public lists: who may sign, and what was revoked. No sign-in, no person; anybody may fetch and cache them."""

from __future__ import annotations

from typing import Final

import orjson
from starlette.requests import Request
from starlette.responses import Response

from yima import healthcode
from yima.api.answers import access_of
from yima.crypto import Algorithm
from yima.runtime import clock
from yima.runtime.errors import Refusal

_PROFILES: Final[dict[str, Algorithm]] = {"es256": "ES256", "sm2": "SM2"}
_CORS: Final = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "ETag"}
_VERSION_DIGITS: Final = 18


async def trust_list(request: Request) -> Response:
    """GET /.well-known/trust-list: the signed trust list; `?profile=sm2` that of the other family.

    Refusal `field-invalid` for another profile.
    """
    profile = request.query_params.get("profile", "es256").lower()
    if profile not in _PROFILES:
        raise Refusal("field-invalid", field="profile", expected=" or ".join(_PROFILES))
    return _answer(request, await access_of(request).publisher.trust_list(_PROFILES[profile], clock.now()))


async def trust_roots(request: Request) -> Response:
    """GET /.well-known/trust-roots: the root certificates in PEM."""
    return _answer(request, await access_of(request).publisher.roots(clock.now()))


async def status_lists(request: Request) -> Response:
    """GET /.well-known/status-lists: the addresses of all status lists (Token Status List, section 9.3)."""
    body = {"status_lists": await access_of(request).publisher.aggregation(clock.now())}
    headers = {"Cache-Control": "public, max-age=300", **_CORS}
    return Response(orjson.dumps(body), media_type="application/json", headers=headers)


async def status_list(request: Request) -> Response:
    """GET /.well-known/status-lists/{number}: one list, as JWT or CWT by Accept; `?since=VERSION` what changed.

    Refusals: `not-found`, `not-acceptable`, `field-invalid`, `not-implemented` for `?time=`.
    """
    publisher, now = access_of(request).publisher, clock.now()
    number = _whole(request.path_params["number"])
    if number is None or number > _LARGEST:
        raise Refusal("not-found", field="status list")
    if "time" in request.query_params:  # draft, section 8.4: 501 where there are no lists of the past
        raise Refusal("not-implemented", field="time")
    if "since" not in request.query_params:
        return _answer(request, await publisher.status_list(number, _wanted(request), now), {"Vary": "Accept"})
    since = _whole(request.query_params["since"])
    if since is None:
        raise Refusal("field-invalid", field="since", expected="the version of a list that was fetched before")
    return _answer(request, await publisher.changes(number, since, now))


_LARGEST: Final = 2**31 - 1


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _VERSION_DIGITS else None


def _wanted(request: Request) -> str:
    """The form asked for (RFC 9110, section 12.5.1): JWT unless CWT is wanted more. Refusal `not-acceptable`."""
    header = request.headers.get("accept", "*/*")
    weights = {form: _weight(header, form) for form in (healthcode.trust.JWT, healthcode.trust.CWT)}
    best = max(weights, key=lambda form: weights[form])  # the first of equals: JWT
    if weights[best] <= 0:
        raise Refusal("not-acceptable", field="Accept", expected=f"{healthcode.trust.JWT}, {healthcode.trust.CWT}")
    return best


def _weight(header: str, form: str) -> float:
    """How much a form is wanted: the weight of the most exact range that covers it."""
    found, exactness = 0.0, -1
    for part in header.split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        rank = {"*/*": 0, "application/*": 1, form: 2}.get(name, -1)
        if rank > exactness:
            given = next((p[2:] for p in parameters if p.startswith("q=")), "1")
            exactness = rank
            found = float(given) if given.replace(".", "", 1).isdigit() and given.isascii() else 0.0
    return found


def _answer(request: Request, published: healthcode.trust.Published, extra: dict[str, str] | None = None) -> Response:
    headers = {
        "ETag": published.etag, "Cache-Control": f"public, max-age={published.max_age}", **_CORS, **(extra or {}),
    }  # fmt: skip
    asked = request.headers.get("if-none-match", "")
    tags = {tag.strip().removeprefix("W/") for tag in asked.split(",")}
    if tags & {published.etag.removeprefix("W/"), "*"}:
        return Response(status_code=304, headers=headers)
    return Response(published.body, media_type=published.media_type, headers=headers)
