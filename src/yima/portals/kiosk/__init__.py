"""A kiosk's screen: it asks, the resident answers on the phone.

Face: `routes`.
"""

from yima.portals.kiosk.pages import routes

__all__ = ["routes"]
