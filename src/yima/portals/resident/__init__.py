"""The resident's pages: show a code, read the record, see who looked, decide, get help.

Face: `routes`, `objecting_routes` ("this looks wrong", notices),
`scanning_routes` (what the phone scans: kiosks and counters).
"""

from yima.portals.resident.objecting import routes as objecting_routes
from yima.portals.resident.pages import routes
from yima.portals.resident.scanning import routes as scanning_routes

__all__ = ["objecting_routes", "routes", "scanning_routes"]
