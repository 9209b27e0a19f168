"""The operator's page: what came in, from whom, how fast, what failed. No person appears in it.

Face: `routes`, `card_use_routes` (用卡监测), `coverage_routes` (who has no card, no record), `suspension_routes` and
`removal_routes` (two people, and the public count), `erasure_routes` (two people), `export_routes` (two organisations,
and the public list).
"""

from yima.portals.operator.card_use import routes as card_use_routes
from yima.portals.operator.coverage import routes as coverage_routes
from yima.portals.operator.erasures import routes as erasure_routes
from yima.portals.operator.exports import routes as export_routes
from yima.portals.operator.glass import routes as glass_routes
from yima.portals.operator.pages import routes
from yima.portals.operator.privacy import routes as privacy_routes
from yima.portals.operator.removals import routes as removal_routes
from yima.portals.operator.suspensions import routes as suspension_routes

__all__ = [
    "card_use_routes", "coverage_routes", "erasure_routes", "export_routes", "glass_routes", "privacy_routes",
    "removal_routes", "routes", "suspension_routes",
]  # fmt: skip
