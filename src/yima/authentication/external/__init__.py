"""Sign-in by an OpenID provider of somebody else's (OpenID Connect Core 1.0, the authorization code flow).

Face: `Providers` (the register, and whom their subjects are), `Trips` (browsers that were sent away), `Asking` (what is
asked of a provider), `checked_id_token`, `checked_logout_token`, `wrong`.
"""

from yima.authentication.external.asking import Asked, Asking, KeySource, address_of
from yima.authentication.external.discovery import Endpoints, is_issuer
from yima.authentication.external.providers import Bound, Provider, Providers, bind, forget_trips, is_provider_id
from yima.authentication.external.tokens import Ended, Expected, Vouching, checked_id_token, checked_logout_token, wrong
from yima.authentication.external.trips import Purpose, Trip, Trips, page_mark, session_mark

__all__ = [
    "Asked",
    "Asking",
    "Bound",
    "Ended",
    "Endpoints",
    "Expected",
    "KeySource",
    "Provider",
    "Providers",
    "Purpose",
    "Trip",
    "Trips",
    "Vouching",
    "address_of",
    "bind",
    "checked_id_token",
    "checked_logout_token",
    "forget_trips",
    "is_issuer",
    "is_provider_id",
    "page_mark",
    "session_mark",
    "wrong",
]  # fmt: skip
