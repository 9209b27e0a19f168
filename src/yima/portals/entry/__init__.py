"""How staff and operators come in: sign-in, invitations, proving it once more, and the own sign-in.

Face: `routes`.
"""

from starlette.routing import Route

from yima.portals.entry import enrol, inviting, mine, pages


def _all() -> list[Route]:
    return [*pages.routes(), *enrol.routes(), *mine.routes(), *inviting.routes()]


routes = _all
"""Every page of this portal, at both doors."""

__all__ = ["routes"]
