"""The pages people use: residents, clinicians, operators. No rule of medicine, consent or identity is here.

Face: `routes` (all pages and static files), `SecurityHeaders` (middleware), `refused` (a refusal as a page),
`DISCLOSING` (pages whose answers are about a person).
"""

from yima.portals.front import DISCLOSING, routes
from yima.portals.layout import SecurityHeaders, refused

__all__ = ["DISCLOSING", "SecurityHeaders", "refused", "routes"]
