"""Health, metrics and the description of what is not FHIR."""

from __future__ import annotations

import asyncio
from importlib.resources import files
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from yima import __version__
from yima.api.answers import access_of
from yima.runtime import metrics
from yima.runtime.database import Database
from yima.runtime.errors import Refusal

_PATIENCE = 2.0  # seconds; a load balancer asks again soon


async def live(_request: Request) -> Response:
    """GET /health/live: the process answers."""
    return Response(b'{"status":"live"}', media_type="application/json")


async def ready(request: Request) -> Response:
    """GET /health/ready: the database answers and has its schema. 503 `not-ready` otherwise, within two seconds."""
    # Never cancelled: ending a query of a database that hangs would wait for that database. One question at a time,
    # so that a long silence does not use up the pool.
    state = request.app.state
    asked: asyncio.Task[Any] | None = getattr(state, "readiness", None)
    if asked is None or asked.done():
        asked = state.readiness = asyncio.create_task(_ask(access_of(request).database))
    answered, _ = await asyncio.wait({asked}, timeout=_PATIENCE)
    if not answered or not asked.result():
        raise Refusal("not-ready", reason="the database does not answer", retry_after=1)
    return Response(orjson.dumps({"status": "ready", "version": __version__}), media_type="application/json")


async def _ask(database: Database) -> bool:
    try:
        return bool(await database.fetchrow("select 1 from runtime.migration limit 1"))
    except Exception:  # whatever it is, it is not ready
        return False


async def prometheus(_request: Request) -> Response:
    """GET /metrics: Prometheus text format. No label names a person."""
    page, kind = metrics.render()
    return Response(page, headers={"Content-Type": kind})


async def openapi(request: Request) -> Response:
    """GET /openapi.json: OpenAPI 3.1 for everything that is not FHIR."""
    document = orjson.loads(files("yima.api").joinpath("openapi.json").read_bytes())
    document["info"]["version"] = __version__
    document["servers"] = [{"url": access_of(request).base_url}]
    return Response(orjson.dumps(document), media_type="application/json")
