"""Scripts of other origins (Fetch standard, CORS): apps that residents use in a browser, from the origins registered.

A preflight says nothing of the app, so any origin that some active app registered passes it. The request itself carries
the app's token or client_id, and is refused (`origin-not-allowed`) where that app did not register the origin: before
anything is read or logged. Cookies are never accepted from elsewhere, so there is no Allow-Credentials.
"""

from __future__ import annotations

import re
from typing import Final

from starlette.datastructures import Headers

from yima.api.answers import is_fhir
from yima.directory import Origins
from yima.runtime.errors import Refusal

_PUBLIC: Final = re.compile(
    r"(/fhir)?/\.well-known/(smart-configuration|openid-configuration)|/fhir/metadata"
).fullmatch
"""Said to everybody, so every script may read it. (Keys and lists of `/.well-known/` say so themselves.)"""
_FOR_APPS: Final = ("/oauth/token", "/oauth/revoke")
_METHODS: Final = "GET, HEAD, POST"
_MAY_SEND: Final = (
    "Accept, Accept-Language, Authorization, Content-Type, If-Modified-Since, If-None-Match, Prefer, X-Request-Id, "
    "Yima-Purpose"
)
_MAY_READ: Final = "ETag, Last-Modified, Location, Retry-After, WWW-Authenticate, X-Request-Id"
_SECONDS: Final = "600"
Answer = list[tuple[bytes, bytes]]


def is_for_scripts(path: str) -> bool:
    """Whether scripts of other origins may be let in at this address at all."""
    return is_fhir(path) or path in _FOR_APPS or _PUBLIC(path) is not None


async def preflight(origins: Origins, path: str, headers: Headers) -> Answer | None:
    """Headers of the answer 204 to a CORS preflight; None where this is none, or the origin is nobody's."""
    origin, method = headers.get("origin"), headers.get("access-control-request-method")
    if origin is None or method is None or not is_for_scripts(path):
        return None
    if _PUBLIC(path) is None and not await origins.apps_of(origin):
        return None
    said = {"allow-methods": _METHODS, "allow-headers": _MAY_SEND, "max-age": _SECONDS}
    return _readable(path, origin) + [(f"access-control-{n}".encode(), v.encode()) for n, v in said.items()]


async def readable_by(origins: Origins, path: str, origin: str | None) -> Answer:
    """Headers of the answer to a request with this Origin (None without). Refusals are readable too, so that an app can
    say what is wrong."""
    if origin is None or not is_for_scripts(path):
        return [VARY] if is_for_scripts(path) else []
    if _PUBLIC(path) is None and not await origins.apps_of(origin):
        return [VARY]
    return [*_readable(path, origin), (b"access-control-expose-headers", _MAY_READ.encode())]


async def check_origin(origins: Origins, origin: str | None, client_id: str) -> None:
    """Refusal `origin-not-allowed` for a request of an app from a web page of which it knows nothing."""
    if origin is not None and client_id not in await origins.apps_of(origin):
        raise Refusal("origin-not-allowed", field="Origin")


VARY: Final = (b"vary", b"Origin")


def _readable(path: str, origin: str) -> Answer:
    allowed = b"*" if _PUBLIC(path) else origin.encode("latin-1")
    return [VARY, (b"access-control-allow-origin", allowed)]
