"""Static files with the hash of their content in the address: `/static/<hash>/css/base.css`, kept by browsers for ever.

One hash stands for the whole tree, so that ES modules may import each other by relative paths.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from yima import healthcode

_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
}
_FOREVER: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Assets:
    """All static files in memory."""

    version: str
    """12 hex digits of SHA-256 over names and bytes."""
    bodies: dict[str, bytes]
    zipped: dict[str, bytes]

    def url(self, name: str) -> str:
        """The address of a file; KeyError when there is none, so that a wrong name fails in the first test."""
        if name not in self.bodies:
            raise KeyError(name)
        return f"/static/{self.version}/{name}"


@cache
def assets() -> Assets:
    """Read the tree once: our own files, and under `healthcode/` the modules with which a phone makes codes."""
    bodies = dict(_walk(files("yima.portals").joinpath("static"), ""))
    bodies |= {f"healthcode/{name}": body for name, body in healthcode.phone_scripts().items()}
    digest = hashlib.sha256()
    for name, body in sorted(bodies.items()):
        digest.update(name.encode() + b"\0" + hashlib.sha256(body).digest())
    zipped = {name: gzip.compress(body, 9, mtime=0) for name, body in bodies.items() if not name.endswith(".png")}
    return Assets(digest.hexdigest()[:12], bodies, zipped)


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _walk(entry, f"{prefix}{entry.name}/")
        elif PurePosixPath(entry.name).suffix in _TYPES:
            yield f"{prefix}{entry.name}", entry.read_bytes()


async def _serve(request: Request) -> Response:
    tree, name = assets(), request.path_params["name"]
    body = tree.bodies.get(name)
    if body is None:
        return PlainTextResponse("not found\n", 404)
    # A page of an older version asks with the old hash while the platform is being updated: serve, but do not keep.
    current = request.path_params["version"] == tree.version
    headers = {"cache-control": _FOREVER if current else "no-cache", "vary": "accept-encoding"}
    if name in tree.zipped and "gzip" in request.headers.get("accept-encoding", ""):
        body, headers["content-encoding"] = tree.zipped[name], "gzip"
    return Response(body, headers=headers, media_type=_TYPES[PurePosixPath(name).suffix])


def static_routes() -> list[Route]:
    """The routes that serve the tree."""
    return [Route("/static/{version}/{name:path}", _serve, methods=["GET"])]
