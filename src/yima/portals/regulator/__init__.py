"""The regulator's page: what anybody may know of the log, and how to check it without believing the platform.

Face: `routes`.
"""

from yima.portals.regulator.pages import routes

__all__ = ["routes"]
