"""The table of addresses."""

from __future__ import annotations

from starlette.routing import BaseRoute, Route

from yima.api import capability, code, fhir_read, fhir_write, gateway, health, sign_in, trust

FHIR = "/fhir"


def routes() -> list[BaseRoute]:
    """Every address for machines, the hottest first."""
    return [
        Route("/code/verify", code.verify, methods=["POST"]),
        Route("/oauth/token", sign_in.token, methods=["POST"]),
        *_fhir(),
        *gateway.routes(),
        Route("/.well-known/smart-configuration", sign_in.smart_configuration),
        Route("/.well-known/jwks.json", sign_in.jwks),
        Route("/.well-known/trust-list", trust.trust_list),
        Route("/.well-known/trust-roots", trust.trust_roots),
        Route("/.well-known/status-lists", trust.status_lists),
        Route("/.well-known/status-lists/{number}", trust.status_list),
        Route("/openapi.json", health.openapi),
        Route("/health/live", health.live),
        Route("/health/ready", health.ready),
        Route("/metrics", health.prometheus),
    ]


def _fhir() -> list[BaseRoute]:
    return [
        Route(f"{FHIR}/metadata", capability.metadata),
        Route(f"{FHIR}/.well-known/smart-configuration", sign_in.smart_configuration),
        Route(f"{FHIR}/Patient/{{id}}/$everything", fhir_read.everything),
        Route(f"{FHIR}/{{type}}/_search", fhir_read.search, methods=["POST"]),
        Route(f"{FHIR}/{{type}}/{{id}}/_history/{{version}}", fhir_read.vread),
        Route(f"{FHIR}/{{type}}/{{id}}/_history", fhir_read.history),
        Route(f"{FHIR}/Patient/{{id}}/{{type}}", fhir_read.compartment, methods=["GET"]),
        Route(f"{FHIR}/{{type}}/{{id}}", fhir_read.read, methods=["GET"]),
        Route(f"{FHIR}/{{type}}/{{id}}", fhir_write.update, methods=["PUT"]),
        Route(f"{FHIR}/{{type}}/{{id}}", fhir_write.delete, methods=["DELETE"]),
        Route(f"{FHIR}/{{type}}/{{id}}", fhir_write.patch, methods=["PATCH"]),
        Route(f"{FHIR}/{{type}}", fhir_read.search, methods=["GET"]),
        Route(f"{FHIR}/{{type}}", fhir_write.create, methods=["POST"]),
        Route(f"{FHIR}/{{type}}", fhir_write.conditional_update, methods=["PUT"]),
        Route(f"{FHIR}/{{type}}", fhir_write.delete, methods=["DELETE"]),
        Route(FHIR, fhir_write.bundle, methods=["POST"]),
        Route(f"{FHIR}/", fhir_write.bundle, methods=["POST"]),
    ]
