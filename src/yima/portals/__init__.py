"""The pages people use: residents, clinicians, operators. No rule of medicine, consent or identity is here.

Face: `routes` (all pages and static files), `SecurityHeaders` (middleware), `refused` (a refusal as a page).
"""

from yima.portals.front import routes
from yima.portals.layout import SecurityHeaders, refused

__all__ = ["SecurityHeaders", "refused", "routes"]
