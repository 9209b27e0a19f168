"""How staff and operators come in: sign-in, invitations, proving it once more, and the own sign-in.

Face: `routes`.
"""

from yima.portals.entry.pages import routes

__all__ = ["routes"]
