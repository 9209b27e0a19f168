"""The gateway's addresses, as the two families have them."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from yima.api.gateway.card_system import business
from yima.api.gateway.open_platform import BASE, ELSEWHERE, call


def routes() -> list[BaseRoute]:
    """Every address of the gateway."""
    return [
        Route("/erhc/ehealthcard/business.do", business, methods=["POST"]),
        Route(f"{BASE}/{{method}}", call, methods=["POST"]),
        *(Route(path, call, methods=["POST"]) for path in ELSEWHERE),
    ]
