"""How people come in: sign-in of staff and operators, invitations, proving it once more, the own sign-in; residents by
a code sent to their phone.

Face: `routes`.
"""

from yima.portals.entry.pages import routes

__all__ = ["routes"]
