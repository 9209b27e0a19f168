"""The national gateway over HTTP: card calls as hospitals make them already, in two families of envelopes.

`card_system` (`/erhc/ehealthcard/business.do`) and `open_platform` (`/rest/auth/HealthCard/..`) read envelopes and
write answers; `card_methods` and `open_methods` say what each method means; `forms` reads their fields.
"""

from yima.api.gateway.table import routes

__all__ = ["routes"]
