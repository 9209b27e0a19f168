"""What lets the code page be installed and work without network: manifest, service worker, and the shell it keeps."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from yima.portals.layout import Words, assets, language_of, page, render

_KEPT = (
    "css/base.css",
    "css/resident.css",
    "js/code-page.js",
    "js/page.js",
    "js/kept.js",
    "js/device-code.js",
    "vendor/uqr-0.1.3.mjs",
    "healthcode/code.js",
    "healthcode/device.js",
    "healthcode/sm3.js",
    "img/icon.svg",
)
"""Files the shell needs; the page itself holds nothing about a person."""


async def shell(request: Request) -> Response:
    """The code page without a person: what the phone shows when the network is away."""
    response = render(request, "offline.html", portal="resident", tab="code")
    response.headers["cache-control"] = "no-cache"
    return response


async def manifest(request: Request) -> Response:
    """The web app manifest (W3C Application Manifest)."""
    words = Words("resident", language_of(request))
    body = {
        "name": words("app.name"),
        "short_name": words("app.short"),
        "lang": words.lang,
        "id": "/resident/",
        "start_url": "/resident/",
        "scope": "/resident/",
        "display": "standalone",
        "background_color": "#f5f3ee",
        "theme_color": "#0b5a5c",
        "icons": [
            {"src": assets().url("img/icon.svg"), "sizes": "any", "type": "image/svg+xml", "purpose": "any"},
            {
                "src": assets().url("img/icon-maskable.svg"),
                "sizes": "any",
                "type": "image/svg+xml",
                "purpose": "maskable",
            },
        ],
    }
    return Response(orjson.dumps(body), media_type="application/manifest+json", headers={"cache-control": "no-cache"})


@cache
def _worker() -> bytes:
    source = files("yima.portals.resident").joinpath("worker.js").read_text(encoding="utf-8")
    kept = orjson.dumps([assets().url(name) for name in _KEPT]).decode()
    return source.replace("__VERSION__", assets().version).replace("__KEPT__", kept).encode()


async def worker(_request: Request) -> Response:
    """The service worker; it stands under /resident/ because that is its scope."""
    return Response(_worker(), media_type="text/javascript", headers={"cache-control": "no-cache"})


def routes() -> list[Route]:
    """Routes that need no session."""
    return [
        Route("/resident/offline", page(shell), methods=["GET"]),
        Route("/resident/manifest.webmanifest", page(manifest), methods=["GET"]),
        Route("/resident/worker.js", page(worker), methods=["GET"]),
    ]
