"""The table of addresses."""

from __future__ import annotations

from typing import Final

from starlette.routing import BaseRoute, Route

from yima.api import (
    audit,
    capability,
    card_use,
    code,
    export,
    facility,
    fhir_read,
    fhir_write,
    gateway,
    health,
    histories,
    identity,
    identity_feed,
    kiosk,
    oauth,
    operations,
    oversight,
    patching,
    policy,
    provider_logout,
    record,
    searching,
    sign_in,
    terminology,
    trust,
    validating,
)

FHIR = "/fhir"


def routes() -> list[BaseRoute]:
    """Every address for machines, the hottest first, each under its policy."""
    return policy.under_policy(_addresses())


def _addresses() -> list[BaseRoute]:
    return [
        Route("/code/verify", code.verify, methods=["POST"]),
        Route("/oauth/token", sign_in.token, methods=["POST"]),
        Route("/oauth/introspect", oauth.introspect, methods=["POST"]),
        Route("/oauth/revoke", oauth.revoke, methods=["POST"]),
        Route("/oauth/providers/{id}/logout", provider_logout.logged_out, methods=["POST"]),
        *_fhir(),
        *gateway.routes(),
        *_use(),
        *record.plain_routes(),
        Route("/.well-known/smart-configuration", sign_in.smart_configuration),
        Route("/.well-known/openid-configuration", sign_in.openid_configuration),
        Route("/.well-known/jwks.json", sign_in.jwks),
        Route("/.well-known/crl/{kid}.json", sign_in.card_revocations),
        Route("/.well-known/trust-list", trust.trust_list),
        Route("/.well-known/trust-roots", trust.trust_roots),
        Route("/.well-known/status-lists", trust.status_lists),
        Route("/.well-known/status-lists/{number}", trust.status_list),
        *_audit(),
        Route("/openapi.json", health.openapi),
        Route("/health/live", health.live),
        Route("/health/ready", health.ready),
        Route("/metrics", health.prometheus),
    ]


def _audit() -> list[BaseRoute]:
    return [
        Route("/audit/key", audit.key),
        Route("/audit/checkpoint", audit.checkpoint),
        Route("/audit/heads", audit.heads),
        Route("/audit/cosignatures", audit.cosignatures, methods=["POST"]),
        Route("/audit/consistency", audit.consistency),
        Route("/audit/proof/{line}", audit.proof),
    ]


def _use() -> list[BaseRoute]:
    return [
        Route("/person-changes", identity_feed.person_changes),
        Route("/card-use", card_use.report, methods=["POST"]),
        Route("/card-use/missing", card_use.missing),
        Route("/card-use/statistics", card_use.statistics),
        Route("/kiosk/authorisations", kiosk.ask, methods=["POST"]),
        Route("/kiosk/authorisations/{id}", kiosk.answer),
        Route("/oversight/stops", oversight.stops),
        Route("/facility/counters", facility.counters),
        Route("/facility/shares", facility.shares),
        Route("/facility/shares/{id}", facility.mark, methods=["POST"]),
    ]


def _fhir() -> list[BaseRoute]:
    return [
        Route(f"{FHIR}/metadata", capability.metadata),
        Route(f"{FHIR}/.well-known/smart-configuration", sign_in.smart_configuration),
        Route(f"{FHIR}/$export", export.ask),
        Route(f"{FHIR}/Patient/$export", export.ask),
        Route(f"{FHIR}/$export-status/{{id}}", export.status, methods=["GET"]),
        Route(f"{FHIR}/$export-status/{{id}}", export.delete, methods=["DELETE"]),
        Route(f"{FHIR}/$export-files/{{id}}/{{name}}", export.file),
        Route(f"{FHIR}/Patient/{{id}}/$everything", fhir_read.everything),
        Route(f"{FHIR}/Observation/$lastn", operations.lastn, methods=["GET", "POST"]),
        Route(f"{FHIR}/DocumentReference/$docref", operations.docref, methods=["GET", "POST"]),
        *terminology.routes(FHIR),
        *record.routes(FHIR),
        *identity.routes(FHIR),
        Route(f"{FHIR}/$process-message", identity_feed.feed, methods=["POST"]),
        Route(f"{FHIR}/{{type}}/$validate", validating.validate, methods=["POST"]),
        Route(f"{FHIR}/{{type}}/{{id}}/$validate", validating.validate, methods=["GET", "POST"]),
        Route(f"{FHIR}/{{type}}/{{id}}/$meta", operations.meta),
        Route(f"{FHIR}/{{type}}/{{id}}/$meta-add", operations.meta_add, methods=["POST"]),
        Route(f"{FHIR}/{{type}}/{{id}}/$meta-delete", operations.meta_delete, methods=["POST"]),
        Route(f"{FHIR}/_search", searching.everywhere, methods=["POST"]),
        Route(f"{FHIR}/{{type}}/_search", searching.search, methods=["POST"]),
        Route(f"{FHIR}/_history", histories.sandbox_history),
        Route(f"{FHIR}/{{type}}/_history", histories.sandbox_history),
        Route(f"{FHIR}/{{type}}/{{id}}/_history/{{version}}", fhir_read.vread),
        Route(f"{FHIR}/{{type}}/{{id}}/_history", histories.history),
        Route(f"{FHIR}/Patient/{{id}}/{{type}}", searching.compartment, methods=["GET"]),
        Route(f"{FHIR}/Patient/{{id}}/{{type}}/_search", searching.compartment, methods=["POST"]),
        Route(f"{FHIR}/{{type}}/{{id}}", fhir_read.read, methods=["GET"]),
        Route(f"{FHIR}/{{type}}/{{id}}", fhir_write.update, methods=["PUT"]),
        Route(f"{FHIR}/{{type}}/{{id}}", fhir_write.delete, methods=["DELETE"]),
        Route(f"{FHIR}/{{type}}/{{id}}", patching.patch, methods=["PATCH"]),
        Route(f"{FHIR}/{{type}}", searching.search, methods=["GET"]),
        Route(f"{FHIR}/{{type}}", fhir_write.create, methods=["POST"]),
        Route(f"{FHIR}/{{type}}", fhir_write.conditional_update, methods=["PUT"]),
        Route(f"{FHIR}/{{type}}", fhir_write.delete, methods=["DELETE"]),
        Route(f"{FHIR}/{{type}}", patching.patch, methods=["PATCH"]),
        Route(FHIR, fhir_write.bundle, methods=["POST"]),
        Route(f"{FHIR}/", fhir_write.bundle, methods=["POST"]),
        Route(FHIR, searching.everywhere, methods=["GET"]),
        Route(f"{FHIR}/", searching.everywhere, methods=["GET"]),
    ]


DISCLOSING: Final = policy.disclosing(_addresses())
"""Module and name of each handler whose every good answer is about a person."""
