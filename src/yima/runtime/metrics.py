"""Prometheus metrics of the process; `/metrics` shows them (text format 0.0.4). Labels never carry a person."""

from __future__ import annotations

from functools import lru_cache

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, Histogram, generate_latest

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

requests = Counter("yima_http_requests_total", "Answered requests", ["route", "method", "status"])
latency = Histogram("yima_http_request_seconds", "Time to answer", ["route"], buckets=_BUCKETS)
submissions = Counter("yima_submissions_total", "Submissions by outcome", ["outcome"])
resources = Counter("yima_resources_written_total", "Resources written")
verifications = Counter("yima_code_verifications_total", "Health-code verifications by outcome", ["outcome"])
disclosures = Counter("yima_disclosures_total", "Disclosure decisions", ["outcome", "basis"])
gateway_calls = Counter("yima_gateway_calls_total", "Calls of the national gateway", ["family", "outcome"])
turned_away = Counter("yima_http_turned_away_total", "Requests answered 503 unread, by class", ["class"])
gateway_strangers = Counter("yima_gateway_strangers_total", "Documents that the gateway was sent with another name")
persons = Counter("yima_persons_created_total", "Persons created by resolution")


@lru_cache(4096)  # finding a labelled child by its labels costs more than counting
def _children(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    return requests.labels(route, method, str(status)), latency.labels(route)


def answered(route: str, method: str, status: int, seconds: float) -> None:
    """Count an answered request. `route` and `method` are from closed lists: clients must not make labels."""
    count, time = _children(route, method, status)
    count.inc()
    time.observe(seconds)


def render() -> tuple[bytes, str]:
    """The metrics page and its content type."""
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
