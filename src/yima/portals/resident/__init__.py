"""The resident's pages: show a code, read the record, see who looked, decide, get help.

Face: `routes`, `scanning_routes` (what the phone scans: kiosks and counters).
"""

from yima.portals.resident.pages import routes
from yima.portals.resident.scanning import routes as scanning_routes

__all__ = ["routes", "scanning_routes"]
