"""Routes of the scanner: one page, its manifest and its service worker. Nobody signs in; nothing is asked of access but
what every visitor may have: the roots whose lists the page believes."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from yima.portals.layout import Words, assets, language_of, page, render
from yima.portals.scanner import view
from yima.runtime import clock

_PORTAL = "scanner"


async def scanner_page(request: Request) -> Response:
    """The scanner. It holds nothing about a person, so that a browser may keep it."""
    lang = language_of(request)
    other = Words(_PORTAL, "en" if lang == "zh" else "zh")
    roots = await request.app.state.access.publisher.roots(clock.now())
    settings = view.settings(Words(_PORTAL, lang), roots.body.decode(), view.policy(request.app.state.access.settings))
    response = render(
        request,
        "page.html",
        portal=_PORTAL,
        other=other,
        refusals=view.REFUSALS,
        undecided=view.UNDECIDED,
        kinds=view.KINDS,
        # "<" would let a text end the script element; everything else is safe inside a JSON data block
        settings=orjson.dumps(settings).decode().replace("<", "\\u003c"),
    )
    response.headers["cache-control"] = "no-cache"
    return response


async def manifest(request: Request) -> Response:
    """The web app manifest (W3C Application Manifest)."""
    words = Words(_PORTAL, language_of(request))
    icons = (("any", "img/icon.svg"), ("maskable", "img/icon-maskable.svg"))
    body = {
        "name": words("app.name"),
        "short_name": words("app.short"),
        "lang": words.lang,
        "id": "/scanner/",
        "start_url": "/scanner/",
        "scope": "/scanner/",
        "display": "standalone",
        "background_color": "#f5f3ee",
        "theme_color": "#0b5a5c",
        "icons": [
            {"src": assets().url(name), "sizes": "any", "type": "image/svg+xml", "purpose": purpose}
            for purpose, name in icons
        ],
    }
    return Response(orjson.dumps(body), media_type="application/manifest+json", headers={"cache-control": "no-cache"})


@cache
def _worker() -> bytes:
    source = files(__package__).joinpath("worker.js").read_text(encoding="utf-8")
    kept = orjson.dumps([assets().url(name) for name in view.kept_files(assets().bodies)]).decode()
    return source.replace("__VERSION__", assets().version).replace("__KEPT__", kept).encode()


async def worker(_request: Request) -> Response:
    """The service worker; it stands under /scanner/ because that is its scope."""
    return Response(_worker(), media_type="text/javascript", headers={"cache-control": "no-cache"})


def routes() -> list[Route]:
    """All routes of this portal."""
    shown = {"/scanner/": scanner_page, "/scanner/manifest.webmanifest": manifest, "/scanner/worker.js": worker}
    return [Route(path, page(handler), methods=["GET"]) for path, handler in shown.items()]
