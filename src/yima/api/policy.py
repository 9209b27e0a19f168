"""Who may call which address, and whether its answers tell about a person: a row for every route of `routes`. The
table of addresses cannot be built with a route that has none.

`anybody`: nothing of it knows a person. `proof`: who calls proves it in the form itself (client assertion, signed
body). `app`: an institution's program, by its token. `reader`: the same, or a program that a resident lets read, as far
as was granted. `scanner`: a program or a terminal with `yima/code.verify`. `kiosk`: a terminal with `yima/kiosk`.
`counter`: a program or a terminal with `yima/counter`. What such a caller may then see is the table of
`consent.permissions`, scopes and the decision. `tests/api/test_policies.py` calls every one of them with every kind of
credential.

Behind a row: `tells`, each good answer is about a person and has its line in the log (the two are compared);
`may tell`, some are. Nothing: none is, and the door to person data is shut for its handler (`access.tells_nobody`), so
that a new address which tells cannot be forgotten here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from starlette.routing import BaseRoute, Route

from yima.access import tells_nobody

WHO: Final = {
    "anybody": "Anybody: nothing here knows a person",
    "proof": "Who proves it in the request itself: a client assertion, a signed body",
    "app": "An institution's program (access token)",
    "reader": "An institution's program, or a resident's app as far as was granted",
    "scanner": "An institution's program, or a terminal that may verify codes",
    "kiosk": "A kiosk's own token",
    "counter": "An institution's program, or a terminal that serves a counter",
}

_ROWS: Final = {
    "anybody": """
        GET /fhir/metadata
        GET /fhir/.well-known/smart-configuration
        GET /.well-known/smart-configuration
        GET /.well-known/openid-configuration
        GET /.well-known/jwks.json
        GET /.well-known/crl/{kid}.json
        GET /.well-known/trust-list
        GET /.well-known/trust-roots
        GET /.well-known/status-lists
        GET /.well-known/status-lists/{number}
        GET /audit/key
        GET /audit/checkpoint
        GET /audit/heads
        GET /audit/consistency
        GET /audit/proof/{line}
        GET /openapi.json
        GET /health/live
        GET /health/ready
        GET /metrics
    """,
    "proof": """
        POST /audit/cosignatures
        POST /oauth/token
        POST /oauth/introspect
        POST /oauth/revoke
        POST /oauth/providers/{id}/logout
        POST /erhc/ehealthcard/business.do : may tell
        POST /rest/auth/HealthCard/HealthOpenPlatform/ISVOpenObj/{method} : may tell
        POST /rest/auth/HealthCard/HealthOpenAuth/AuthObj/getAppToken
        POST /rest/auth/TXHealthCard/EHealthCardServer/ISVOpenObj/getHealthCardByHealthCardId : may tell
    """,
    "scanner": """
        POST /code/verify : tells
    """,
    "kiosk": """
        POST /kiosk/authorisations
        GET /kiosk/authorisations/{id} : may tell
    """,
    "counter": """
        GET /facility/counters
        GET /facility/shares : may tell
        POST /facility/shares/{id}
    """,
    "reader": """
        GET /fhir : tells
        GET /fhir/ : tells
        POST /fhir/_search : tells
        GET /fhir/{type} : tells
        POST /fhir/{type}/_search : tells
        GET /fhir/{type}/{id} : tells
        GET /fhir/{type}/_history : tells
        GET /fhir/{type}/{id}/_history : tells
        GET /fhir/{type}/{id}/_history/{version} : tells
        GET /fhir/Patient/{id}/{type} : tells
        POST /fhir/Patient/{id}/{type}/_search : tells
        GET /fhir/Patient/{id}/$everything : tells
        GET /fhir/Patient/{id}/$summary : tells
        GET /fhir/Observation/$lastn : tells
        POST /fhir/Observation/$lastn : tells
        GET /fhir/DocumentReference/$docref : tells
        POST /fhir/DocumentReference/$docref : tells
        GET /fhir/CodeSystem : may tell
        GET /fhir/CodeSystem/{id} : may tell
        POST /fhir/CodeSystem/_search : may tell
        GET /fhir/ValueSet : may tell
        GET /fhir/ValueSet/{id} : may tell
        POST /fhir/ValueSet/_search : may tell
        GET /fhir/ConceptMap : may tell
        GET /fhir/ConceptMap/{id} : may tell
        POST /fhir/ConceptMap/_search : may tell
    """,
    "app": """
        POST /fhir : may tell
        POST /fhir/ : may tell
        POST /fhir/{type} : may tell
        PUT /fhir/{type} : may tell
        PATCH /fhir/{type} : may tell
        DELETE /fhir/{type} : may tell
        PUT /fhir/{type}/{id} : may tell
        PATCH /fhir/{type}/{id} : may tell
        DELETE /fhir/{type}/{id} : may tell
        GET /fhir/_history : tells
        GET /fhir/$export
        GET /fhir/Patient/$export
        GET /fhir/$export-status/{id}
        DELETE /fhir/$export-status/{id}
        GET /fhir/$export-files/{id}/{name} : may tell
        POST /fhir/$process-message : may tell
        POST /fhir/Patient/$match : tells
        GET /fhir/Patient/$ihe-pix : tells
        POST /fhir/Patient/$ihe-pix : tells
        GET /fhir/Patient/$summary : tells
        POST /fhir/Patient/$summary : tells
        POST /fhir/Patient/{id}/$summary : tells
        POST /fhir/{type}/$validate : may tell
        GET /fhir/{type}/{id}/$validate : may tell
        POST /fhir/{type}/{id}/$validate : may tell
        GET /fhir/{type}/{id}/$meta : tells
        POST /fhir/{type}/{id}/$meta-add : may tell
        POST /fhir/{type}/{id}/$meta-delete : may tell
        GET /fhir/ValueSet/$expand : may tell
        POST /fhir/ValueSet/$expand : may tell
        GET /fhir/ValueSet/$validate-code : may tell
        POST /fhir/ValueSet/$validate-code : may tell
        GET /fhir/ValueSet/{id}/$expand : may tell
        POST /fhir/ValueSet/{id}/$expand : may tell
        GET /fhir/ValueSet/{id}/$validate-code : may tell
        POST /fhir/ValueSet/{id}/$validate-code : may tell
        GET /fhir/CodeSystem/$lookup : may tell
        POST /fhir/CodeSystem/$lookup : may tell
        GET /fhir/CodeSystem/$validate-code : may tell
        POST /fhir/CodeSystem/$validate-code : may tell
        GET /fhir/CodeSystem/$subsumes : may tell
        POST /fhir/CodeSystem/$subsumes : may tell
        GET /fhir/CodeSystem/{id}/$validate-code : may tell
        POST /fhir/CodeSystem/{id}/$validate-code : may tell
        GET /fhir/CodeSystem/{id}/$subsumes : may tell
        POST /fhir/CodeSystem/{id}/$subsumes : may tell
        GET /fhir/ConceptMap/$translate : may tell
        POST /fhir/ConceptMap/$translate : may tell
        GET /fhir/ConceptMap/{id}/$translate : may tell
        POST /fhir/ConceptMap/{id}/$translate : may tell
        GET /person-changes : may tell
        POST /card-use
        GET /card-use/missing
        GET /card-use/statistics
        GET /oversight/stops
        GET /record/{id} : tells
        GET /record/{id}/timeline : tells
        GET /record/{id}/stages : tells
        GET /record/{id}/quality : tells
    """,
}

_SAID: Final = {
    row.strip().partition(" : ")[::2]: who for who, rows in _ROWS.items() for row in rows.strip().splitlines()
}
POLICY: Final = {row: who for (row, _), who in _SAID.items()}
"""`METHOD /address` -> who may call it (`WHO`)."""
TELLS: Final = {row: tells for row, tells in _SAID if tells}
"""`METHOD /address` -> `tells` or `may tell`."""


def under_policy(routes: Iterable[BaseRoute]) -> list[BaseRoute]:
    """These routes, each under its row. `LookupError` for one that has none: nothing starts with it."""
    found = list(routes)
    if missing := without_policy(found, POLICY):
        raise LookupError(f"no row of api/policy.py says who may call: {', '.join(missing)}")
    return [_shut(route) if isinstance(route, Route) and not _told(route) else route for route in found]


def disclosing(routes: Iterable[BaseRoute]) -> frozenset[str]:
    """Module and name of each handler whose every good answer is about a person: for the comparison with the log."""
    return frozenset(
        f"{route.endpoint.__module__}.{route.endpoint.__name__}"
        for route in routes
        if isinstance(route, Route) and _told(route) == {"tells"}
    )


def without_policy(routes: Iterable[BaseRoute], policy: dict[str, str]) -> list[str]:
    """The routes for which no row says who may call them."""
    return [row for route in routes for row in _rows_of(route) if row not in policy]


def _rows_of(route: BaseRoute) -> list[str]:
    """The rows a route must have; what no row can name (mounted, a socket, no method said) has one that is never
    there."""
    if not isinstance(route, Route) or not route.methods:
        return [f"anything at {getattr(route, 'path', route)}"]
    return [f"{method} {route.path}" for method in sorted((route.methods or set()) - {"HEAD"})]


def _told(route: Route) -> set[str]:
    return {tells for row in _rows_of(route) if (tells := TELLS.get(row))}


def _shut(route: Route) -> Route:
    return Route(route.path, tells_nobody(route.endpoint), methods=sorted(route.methods or ()))
