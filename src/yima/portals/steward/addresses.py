"""The addresses of this portal, all below `/operator/steward`."""

from __future__ import annotations

from starlette.routing import Route

from yima.portals.layout import page
from yima.portals.steward import acts, pages

_ADDRESS = "/operator/steward"


def routes() -> list[Route]:
    """All routes of this portal."""
    looked = {
        "/": pages.queue, "/cases/{case}": pages.case, "/pair": pages.pair, "/person/{person}": pages.person,
        "/second": pages.second, "/history": pages.history, "/reports": pages.reports, "/quality": pages.figures,
    }  # fmt: skip
    done = {
        "/decide": acts.decide, "/second": acts.second, "/undo": acts.undo, "/person/{person}": acts.person,
        "/reports": acts.report, "/find": acts.find,
    }  # fmt: skip
    return [
        *(Route(_ADDRESS + path, page(handler), methods=["GET"]) for path, handler in looked.items()),
        *(Route(_ADDRESS + path, page(handler), methods=["POST"]) for path, handler in done.items()),
    ]
