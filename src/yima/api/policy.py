"""Who may call which address: a row for every route of `routes`, and none without one. Pure data.

`anybody`: nothing of it knows a person. `proof`: who calls proves it in the form itself (client assertion, signed
body). `app`: an institution's program, by its token. `reader`: the same, or a program that a resident lets read, as far
as was granted. `scanner`: a program or a terminal with `yima/code.verify`. `kiosk`: a terminal with `yima/kiosk`.
`counter`: a program or a terminal with `yima/counter`. What such a caller may then see is the table of
`consent.permissions`, scopes and the decision. `tests/api/test_policies.py` calls every one of them with every kind of
credential.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from starlette.routing import BaseRoute, Route

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
        POST /erhc/ehealthcard/business.do
        POST /rest/auth/HealthCard/HealthOpenPlatform/ISVOpenObj/{method}
        POST /rest/auth/HealthCard/HealthOpenAuth/AuthObj/getAppToken
        POST /rest/auth/TXHealthCard/EHealthCardServer/ISVOpenObj/getHealthCardByHealthCardId
    """,
    "scanner": """
        POST /code/verify
    """,
    "kiosk": """
        POST /kiosk/authorisations
        GET /kiosk/authorisations/{id}
    """,
    "counter": """
        GET /facility/counters
        GET /facility/shares
        POST /facility/shares/{id}
    """,
    "reader": """
        GET /fhir
        GET /fhir/
        POST /fhir/_search
        GET /fhir/{type}
        POST /fhir/{type}/_search
        GET /fhir/{type}/{id}
        GET /fhir/{type}/_history
        GET /fhir/{type}/{id}/_history
        GET /fhir/{type}/{id}/_history/{version}
        GET /fhir/Patient/{id}/{type}
        POST /fhir/Patient/{id}/{type}/_search
        GET /fhir/Patient/{id}/$everything
        GET /fhir/Patient/{id}/$summary
        GET /fhir/Observation/$lastn
        POST /fhir/Observation/$lastn
        GET /fhir/DocumentReference/$docref
        POST /fhir/DocumentReference/$docref
        GET /fhir/CodeSystem
        GET /fhir/CodeSystem/{id}
        POST /fhir/CodeSystem/_search
        GET /fhir/ValueSet
        GET /fhir/ValueSet/{id}
        POST /fhir/ValueSet/_search
        GET /fhir/ConceptMap
        GET /fhir/ConceptMap/{id}
        POST /fhir/ConceptMap/_search
    """,
    "app": """
        POST /fhir
        POST /fhir/
        POST /fhir/{type}
        PUT /fhir/{type}
        PATCH /fhir/{type}
        DELETE /fhir/{type}
        PUT /fhir/{type}/{id}
        PATCH /fhir/{type}/{id}
        DELETE /fhir/{type}/{id}
        GET /fhir/_history
        GET /fhir/$export
        GET /fhir/Patient/$export
        GET /fhir/$export-status/{id}
        DELETE /fhir/$export-status/{id}
        GET /fhir/$export-files/{id}/{name}
        POST /fhir/$process-message
        POST /fhir/Patient/$match
        GET /fhir/Patient/$ihe-pix
        POST /fhir/Patient/$ihe-pix
        GET /fhir/Patient/$summary
        POST /fhir/Patient/$summary
        POST /fhir/Patient/{id}/$summary
        POST /fhir/{type}/$validate
        GET /fhir/{type}/{id}/$validate
        POST /fhir/{type}/{id}/$validate
        GET /fhir/{type}/{id}/$meta
        POST /fhir/{type}/{id}/$meta-add
        POST /fhir/{type}/{id}/$meta-delete
        GET /fhir/ValueSet/$expand
        POST /fhir/ValueSet/$expand
        GET /fhir/ValueSet/$validate-code
        POST /fhir/ValueSet/$validate-code
        GET /fhir/ValueSet/{id}/$expand
        POST /fhir/ValueSet/{id}/$expand
        GET /fhir/ValueSet/{id}/$validate-code
        POST /fhir/ValueSet/{id}/$validate-code
        GET /fhir/CodeSystem/$lookup
        POST /fhir/CodeSystem/$lookup
        GET /fhir/CodeSystem/$validate-code
        POST /fhir/CodeSystem/$validate-code
        GET /fhir/CodeSystem/$subsumes
        POST /fhir/CodeSystem/$subsumes
        GET /fhir/CodeSystem/{id}/$validate-code
        POST /fhir/CodeSystem/{id}/$validate-code
        GET /fhir/CodeSystem/{id}/$subsumes
        POST /fhir/CodeSystem/{id}/$subsumes
        GET /fhir/ConceptMap/$translate
        POST /fhir/ConceptMap/$translate
        GET /fhir/ConceptMap/{id}/$translate
        POST /fhir/ConceptMap/{id}/$translate
        GET /person-changes
        POST /card-use
        GET /card-use/missing
        GET /card-use/statistics
        GET /oversight/stops
        GET /record/{id}
        GET /record/{id}/timeline
        GET /record/{id}/stages
        GET /record/{id}/quality
    """,
}

POLICY: Final = {row.strip(): who for who, rows in _ROWS.items() for row in rows.strip().splitlines()}
"""`METHOD /address` -> who may call it (`WHO`)."""


def without_policy(routes: Iterable[BaseRoute], policy: dict[str, str]) -> list[str]:
    """The routes for which no row says who may call them."""
    named = [
        f"{method} {route.path}"
        for route in routes
        if isinstance(route, Route)
        for method in sorted((route.methods or set()) - {"HEAD"})
    ]
    return [one for one in named if one not in policy]
