"""The application: assembles the rooms behind one ASGI callable.

A request goes: `Application` (gate, request id, host, time) -> table or router -> api or portals -> exchange or access
-> rooms below. Machines' addresses stand in a table (`Application._machine`); pages, and what the table does not hold,
go through Starlette's router (`Application._http`). A scan, the hottest request, leaves out the objects of requests as
well: `Application._scan`.
"""

from __future__ import annotations

import random
import re
import time
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

from joserfc import jwk
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from yima import api, crypto, directory, exchange, portals
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
_SCAN: Final = "code.verify"
_SCAN_HEADERS: Final = (
    (b"content-type", b"application/json"),
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
)
_NO_SNIFF: Final = (b"x-content-type-options", b"nosniff")
_NO_STORE: Final = (b"cache-control", b"no-store")
_TOLD: Final = frozenset({200, 304})
"""Answers that give what was asked for, or say that it has not changed."""
_LENGTH_DIGITS: Final = 5
_LIVE: Final = "/health/live"
"""A load balancer asks for it by address, so it is answered whatever the host is called."""
_PAGES: Final = (
    "/resident", "/clinician", "/operator", "/public", "/regulator", "/kiosk/screen", "/dev", "/static",
    "/oauth/authorize",
)  # fmt: skip


class Application:
    """One worker's ASGI application. `database_url` and `base_url` are those of the running deployment."""

    def __init__(self, settings: Settings, database_url: str, base_url: str) -> None:
        self.state = SimpleNamespace()
        self._settings = settings
        self._database_url = database_url
        self._base_url = base_url
        self._hosts = _hosts(settings, base_url)
        machines = api.routes()
        self._table = api.Table(machines)
        self._gates = api.Gates(settings.language)
        self._doors = api.Doors(settings)
        router = Router([*machines, *portals.routes()], redirect_slashes=False)
        handlers: dict[Any, Any] = {Refusal: _refused, HTTPException: _unrouted}
        self._pages: ASGIApp = portals.SecurityHeaders(ExceptionMiddleware(router, handlers=handlers))
        self._machines: ASGIApp = ExceptionMiddleware(router, handlers=handlers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI 3."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self._enter(scope, receive, send)

    async def start(self) -> None:
        """Open database and keys. Refusals `crypto-self-test-failed`, `postgres-unavailable`, `key-store-invalid`."""
        crypto.self_test()
        access = await Access.open(self._database_url, self._settings, self._base_url)
        self.state.access = access
        exporter = exchange.Exporter(access, clock.now)
        access.start_upkeep(clock.now, exporter.handlers, [exchange.FORGET_EXPORTS])
        keys = FileKeyStore(self._settings.data / "keys.json")
        self.state.pager = Pager(keys)
        self.state.origins = directory.Origins(access.database)
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

    async def _enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the request on, or turn it away before anything of it is read."""
        gate, receive = self._gates.of(scope["method"], scope["path"]), api.patiently(receive)
        if gate is None:
            await self._found(scope, receive, send)
            return
        if not gate.enter():
            await self._gates.turn_away(gate, scope["path"], _request_id(_given_id(scope)), send)
            return
        began = time.perf_counter()
        try:
            if scope["path"] == "/code/verify" and scope["method"] == "POST":
                await self._scan(scope, receive, send)
            else:
                await self._found(scope, receive, send)
        finally:
            gate.leave(time.perf_counter() - began)

    async def _found(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._table.find(scope["method"], scope["path"])
        if found is None:
            if scope["method"] != "OPTIONS" or not await self._preflight(scope, send):
                await self._http(scope, receive, send)
            return
        scope["app"], scope["endpoint"], scope["path_params"] = self, *found
        await self._machine(found[0], api.LeanRequest(scope, receive), send)

    async def _preflight(self, scope: Scope, send: Send) -> bool:
        """Answer a browser that asks whether a script of another origin may ask; whether it was such a question."""
        said = await api.preflight(self.state.origins, scope["path"], Headers(scope=scope))
        if said is None:
            return False
        await send({"type": "http.response.start", "status": 204, "headers": said})
        await send({"type": "http.response.body", "body": b""})
        metrics.answered("cross_origin.preflight", "OPTIONS", 204, 0.0)
        return True

    async def _machine(self, endpoint: api.Endpoint, request: Request, send: Send) -> None:
        """A request of a machine: the handler's answer, or a refusal, and what belongs around it."""
        began, status = time.perf_counter(), 500
        rid = _request_id(request.headers.get("x-request-id", ""))
        token = logs.request_id.set(rid)
        try:
            response = await self._answered(endpoint, request)
            status = response.status_code
            headers = [*response.raw_headers, (b"x-request-id", rid.encode())]
            named = {name for name, _ in headers}
            if b"x-content-type-options" not in named:
                headers.append(_NO_SNIFF)
            if b"cache-control" not in named and api.is_fhir(request.scope["path"]):
                headers.append(_NO_STORE)
            headers += await api.readable_by(self.state.origins, request.scope["path"], request.headers.get("origin"))
            if isinstance(response, StreamingResponse):  # too large to be held
                response.raw_headers[:] = headers
                await response(request.scope, request.receive, send)
                return
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": response.body})
        except ClientDisconnect:
            return  # nobody is left to answer
        finally:
            self._doors.left(request.scope, request.scope.get("refusal"))
            _note(_route_name(endpoint), request.method, status, time.perf_counter() - began)
            self._answered_one(rid, endpoint, status)
            logs.request_id.reset(token)

    async def _answered(self, endpoint: api.Endpoint, request: Request) -> Response:
        path = request.scope["path"]
        try:
            if _host(request.headers.get("host", "")) not in self._hosts and path != _LIVE:
                raise Refusal("host-unknown", field="Host")
            self._doors.knock(request.scope)
            response = await endpoint(request)
            return await response.made() if isinstance(response, api.InXml) else response
        except Refusal as refusal:
            return api.answer_refusal(request, refusal)
        except ClientDisconnect:
            raise
        except Exception as error:  # the last line of defence: logged by type, answered without detail
            return api.answer_refusal(request, _unexpected(error, _route_name(endpoint)))

    def _answered_one(self, rid: str, endpoint: Any, status: int) -> None:
        """Note for the comparison with the log that a request ended, and whether what it was answered is about a
        person: known by the address alone, so that what is forgotten behind it shows."""
        told = status in _TOLD and _discloses(endpoint)
        self.state.access.answered.note(rid, _route_name(endpoint) if told else "")

    async def _scan(self, scope: Scope, receive: Receive, send: Send) -> None:
        """POST /code/verify, top to bottom: 60 us of ours where router, middleware and request objects took 200.

        An accepted scan is counted (metrics) and on its holder's log with its request id; only a refused one has a line
        in the process's log as well. What is not plain (packed, of another type or length, for another host) goes the
        way of all requests, and is refused or read there.
        """
        began = time.perf_counter()
        headers = dict(scope["headers"])
        if not self._is_plain(headers):
            await self._http(scope, receive, send)
            return
        rid = _request_id(headers.get(b"x-request-id", b"").decode("latin-1"))
        token = logs.request_id.set(rid)
        try:
            body = await _whole(receive)
            answer = await api.verify_plainly(self.state.access, headers.get(b"authorization", b""), body)
        except ClientDisconnect:
            return  # nobody is left to answer
        except Exception as error:  # a Refusal is answered as everywhere; of anything else only the type is told
            refusal = error if isinstance(error, Refusal) else _unexpected(error, _SCAN)
            response = api.answer_refusal(Request({**scope, "app": self}), refusal)
            response.headers["x-request-id"] = rid
            response.headers["x-content-type-options"] = "nosniff"
            await response(scope, receive, send)
            self._doors.left(scope, refusal)
            _note(_SCAN, "POST", refusal.status, time.perf_counter() - began)
            self.state.access.answered.note(rid, "")
            return
        finally:
            logs.request_id.reset(token)
        length = b"%d" % len(answer)
        sent = [*_SCAN_HEADERS, (b"content-length", length), (b"x-request-id", rid.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": sent})
        await send({"type": "http.response.body", "body": answer})
        metrics.answered(_SCAN, "POST", 200, time.perf_counter() - began)
        self.state.access.answered.note(rid, _SCAN)

    def _is_plain(self, headers: dict[bytes, bytes]) -> bool:
        """JSON of a declared, small length, not packed, for this host."""
        length = headers.get(b"content-length", b"")
        return (
            headers.get(b"content-type") == b"application/json"
            and length.isdigit()
            and len(length) <= _LENGTH_DIGITS
            and int(length) <= api.LONGEST_SCAN
            and b"content-encoding" not in headers
            and _host(headers.get(b"host", b"").decode("latin-1")) in self._hosts
        )

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        scope["app"] = self
        rid = _request_id(Headers(scope=scope).get("x-request-id", ""))
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
            self._doors.left(scope, scope.get("refusal"))
            _account(scope, status, time.perf_counter() - began)
            self._answered_one(rid, scope.get("endpoint"), status)
            logs.request_id.reset(token)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        named = Headers(scope=scope).get("host", "")
        if _host(named) not in self._hosts and scope["path"] != _LIVE:
            await api.answer_refusal(request, Refusal("host-unknown", field="Host"))(scope, receive, send)
            return
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        page = scope["path"] == "/" or scope["path"].startswith(_PAGES)
        try:
            self._doors.knock(scope)
            await (self._pages if page else self._machines)(scope, receive, watched)
        except ClientDisconnect:
            return  # nobody is left to answer
        except Exception as error:  # a Refusal at the door; of anything else only the type is told
            refusal = error if isinstance(error, Refusal) else _unexpected(error, _route(scope))
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
    answer = await _refused(request, Refusal("method-not-allowed" if status == 405 else "not-found"))
    if status == 405:
        answer.headers["Allow"] = _allowed(request)
    return answer


def _allowed(request: Request) -> str:
    """The methods that an address has (RFC 9110, section 10.2.1), by all its routes."""
    routes = [route for route in request.scope["router"].routes if isinstance(route, Route)]
    found = {m for route in routes if route.path_regex.match(request.url.path) for m in route.methods or ()}
    return ", ".join(sorted(found))


def _hosts(settings: Settings, base_url: str) -> frozenset[str]:
    """The names by which this deployment may be called."""
    published = urlsplit(base_url).hostname or ""
    names = {"127.0.0.1", "localhost", "::1", settings.host, published, *settings.allowed_hosts}
    return frozenset(name.lower().strip("[]") for name in names)


@lru_cache(256)
def _host(named: str) -> str:
    """The name in a Host header, without port and without the brackets of an IPv6 address."""
    named = named.lower()
    return named[1:].partition("]")[0] if named.startswith("[") else named.partition(":")[0]


async def _whole(receive: Receive) -> bytes:
    """The body of a request that declared its length."""
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise ClientDisconnect
    return body


def _given_id(scope: Scope) -> str:
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), "")


def _request_id(given: str) -> str:
    return given if given and _REQUEST_ID.fullmatch(given) else f"{random.getrandbits(64):016x}"  # no secret


def _route(scope: Scope) -> str:
    """The route's name, never its path: paths hold ids."""
    endpoint = scope.get("endpoint")
    return _route_name(endpoint) if callable(endpoint) else "none"


@lru_cache(1024)
def _route_name(endpoint: Any) -> str:
    return f"{endpoint.__module__.rpartition('.')[2]}.{endpoint.__name__}"


@lru_cache(1024)
def _discloses(endpoint: Any) -> bool:
    named = f"{getattr(endpoint, '__module__', '')}.{getattr(endpoint, '__name__', '')}"
    return named in api.DISCLOSING or named in portals.DISCLOSING


def _account(scope: Scope, status: int, seconds: float) -> None:
    route = _route(scope)
    method = scope["method"] if scope["method"] in _METHODS else "other"  # a client must not be able to make labels
    _note(route, method, status, seconds)


def _note(route: str, method: str, status: int, seconds: float) -> None:
    metrics.answered(route, method, status, seconds)
    logs.answered(method, route, status, round(seconds * 1000, 2))


def _where(error: Exception) -> str:
    """File and line of the innermost frame: enough to find it, nothing of what it held."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    return f"{frame.tb_frame.f_code.co_filename.rpartition('/yima/')[2]}:{frame.tb_lineno}" if frame else ""
