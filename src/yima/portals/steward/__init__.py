"""The data stewards' desk: the queue of doubtful pairs, decisions, reports, and the quality of what comes in.

Face: `routes`.
"""

from yima.portals.steward.addresses import routes

__all__ = ["routes"]
