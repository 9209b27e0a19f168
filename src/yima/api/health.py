"""Health, metrics and the description of what is not FHIR."""

from __future__ import annotations

import asyncio
from importlib.resources import files

import orjson
from starlette.requests import Request
from starlette.responses import Response

from yima import __version__
from yima.api.answers import access_of
from yima.runtime import metrics
from yima.runtime.errors import Refusal

_PATIENCE = 2.0  # seconds; a load balancer asks again soon


async def live(_request: Request) -> Response:
    """GET /health/live: the process answers."""
    return Response(b'{"status":"live"}', media_type="application/json")


async def ready(request: Request) -> Response:
    """GET /health/ready: the database answers and its schema is there. 503 `not-ready` otherwise."""
    try:
        async with asyncio.timeout(_PATIENCE):
            await access_of(request).database.fetchrow("select 1 from runtime.migration limit 1")
    except Exception as error:
        raise Refusal("not-ready", reason="the database does not answer", retry_after=1) from error
    return Response(orjson.dumps({"status": "ready", "version": __version__}), media_type="application/json")


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
