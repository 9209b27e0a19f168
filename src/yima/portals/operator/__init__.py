"""The operator's page: what came in, from whom, how fast, what failed. No person appears in it.

Face: `routes`.
"""

from yima.portals.operator.pages import routes

__all__ = ["routes"]
