"""The application: assembles the rooms behind one ASGI callable.

A request goes: `Application` (request id, host, time) -> router -> api or portals -> exchange or access -> rooms below.
"""

from __future__ import annotations

import re
import secrets
import time
from typing import Any, Final
from urllib.parse import urlsplit

from joserfc import jwk
from starlette.datastructures import Headers, MutableHeaders, State
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from yima import api, crypto, portals
from yima.access import Access
from yima.api import Pager
from yima.runtime import clock, logs, metrics
from yima.runtime.database import is_unavailable
from yima.runtime.errors import Refusal
from yima.runtime.keys import FileKeyStore, signing_key
from yima.runtime.settings import Settings

_log = logs.get("app")
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._\-]{8,64}")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PAGES: Final = ("/resident", "/clinician", "/operator", "/public", "/kiosk/screen", "/dev", "/static")


class Application:
    """One worker's ASGI application. `database_url` and `base_url` are those of the running deployment."""

    def __init__(self, settings: Settings, database_url: str, base_url: str) -> None:
        self.state = State()
        self._settings = settings
        self._database_url = database_url
        self._base_url = base_url
        self._hosts = _hosts(settings, base_url)
        router = Router([*api.routes(), *portals.routes()], redirect_slashes=False)
        handlers: dict[Any, Any] = {Refusal: _refused, HTTPException: _unrouted}
        self._pages: ASGIApp = portals.SecurityHeaders(ExceptionMiddleware(router, handlers=handlers))
        self._machines: ASGIApp = ExceptionMiddleware(router, handlers=handlers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI 3."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._http(scope, receive, send)

    async def start(self) -> None:
        """Open database and keys. Refusals `crypto-self-test-failed`, `postgres-unavailable`, `key-store-invalid`."""
        crypto.self_test()
        access = await Access.open(self._database_url, self._settings, self._base_url)
        self.state.access = access
        access.start_upkeep(clock.now)
        keys = FileKeyStore(self._settings.data / "keys.json")
        self.state.pager = Pager(keys)
        public = jwk.ECKey.import_key(signing_key(keys, "platform/signing/1").public_key())
        self.state.jwks = {
            "keys": [public.as_dict(private=False) | {"kid": public.thumbprint(), "use": "sig", "alg": "ES256"}]
        }

    async def stop(self) -> None:
        """Close it again."""
        await self.state.access.close()

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                try:
                    await self.start()
                except Refusal as refusal:
                    _log.error("start-up refused", code=refusal.code, reason=refusal.text("en"))
                    await send({"type": "lifespan.startup.failed", "message": str(refusal)})
                    return
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self.stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        scope["app"] = self
        rid = _request_id(Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = rid
        token = logs.request_id.set(rid)
        status = 500

        async def framed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["x-request-id"] = rid
                headers.setdefault("x-content-type-options", "nosniff")
                if api.is_fhir(scope["path"]):
                    headers.setdefault("cache-control", "no-store")
            await send(message)

        try:
            await self._answer(scope, receive, framed)
        finally:
            _account(scope, status, time.perf_counter() - began)
            logs.request_id.reset(token)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        if _host(scope) not in self._hosts and scope["path"] != "/health/live":  # a load balancer asks by address
            await api.answer_refusal(request, Refusal("host-unknown", field="Host"))(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        page = scope["path"] == "/" or scope["path"].startswith(_PAGES)
        try:
            await (self._pages if page else self._machines)(scope, receive, watched)
        except ClientDisconnect:
            return  # nobody is left to answer
        except Exception as error:  # the last line of defence: logged by type, answered without detail
            refusal = _unexpected(error, _route(scope))
            if not started:
                await (await _refused(request, refusal))(scope, receive, send)


def _unexpected(error: Exception, route: str) -> Refusal:
    if is_unavailable(error):
        _log.error("database unavailable", error=type(error).__name__, path=route)
        return Refusal("not-ready", reason="the database does not answer", retry_after=1)
    _log.error("unexpected", error=type(error).__name__, line=_where(error), path=route)
    return Refusal("internal")


async def _refused(request: Request, error: Exception) -> Response:
    refusal = error if isinstance(error, Refusal) else Refusal("internal")
    path = request.url.path
    if path == "/" or path.startswith(_PAGES):
        return portals.refused(request, refusal)
    return api.answer_refusal(request, refusal)


async def _unrouted(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    return await _refused(request, Refusal("method-not-allowed" if status == 405 else "not-found"))


def _hosts(settings: Settings, base_url: str) -> frozenset[str]:
    """The names by which this deployment may be called."""
    published = urlsplit(base_url).hostname or ""
    names = {"127.0.0.1", "localhost", "::1", settings.host, published, *settings.allowed_hosts}
    return frozenset(name.lower().strip("[]") for name in names)


def _host(scope: Scope) -> str:
    """The name in the Host header, without port and without the brackets of an IPv6 address."""
    named = Headers(scope=scope).get("host", "").lower()
    return named[1:].partition("]")[0] if named.startswith("[") else named.partition(":")[0]


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _route(scope: Scope) -> str:
    """The route's name, never its path: paths hold ids."""
    endpoint = scope.get("endpoint")
    return f"{endpoint.__module__.rpartition('.')[2]}.{endpoint.__name__}" if callable(endpoint) else "none"


def _account(scope: Scope, status: int, seconds: float) -> None:
    route = _route(scope)
    method = scope["method"] if scope["method"] in _METHODS else "other"  # a client must not be able to make labels
    metrics.answered(route, method, status, seconds)
    _log.info("request", method=method, route=route, status=status, ms=round(seconds * 1000, 2))


def _where(error: Exception) -> str:
    """File and line of the innermost frame: enough to find it, nothing of what it held."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return f"{frame.tb_frame.f_code.co_filename.rpartition('/yima/')[2]}:{frame.tb_lineno}" if frame else ""
