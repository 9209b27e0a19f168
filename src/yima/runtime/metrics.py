"""Prometheus metrics of the process; `/metrics` shows them (text format 0.0.4). Labels never carry a person."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, Counter, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

submissions = Counter("yima_submissions_total", "Submissions by outcome", ["outcome"])
resources = Counter("yima_resources_written_total", "Resources written")
verifications = Counter("yima_code_verifications_total", "Health-code verifications by outcome", ["outcome"])
gateway_calls = Counter("yima_gateway_calls_total", "Calls of the national gateway", ["family", "outcome"])
turned_away = Counter("yima_http_turned_away_total", "Requests answered 503 unread, by class", ["class"])
security_events = Counter("yima_security_events_total", "Refusals that may be attacks, by code", ["code"])
gateway_strangers = Counter("yima_gateway_strangers_total", "Documents that the gateway was sent with another name")
notices = Counter(
    "yima_notices_total", "Notices to residents: queued, sent, dropped (queue full), given up", ["outcome"]
)
reconciled = Counter("yima_log_reconciled_answers_total", "Answers about persons that were compared with the log")
holes = Counter(
    "yima_log_holes_total", "Answers without a line (no-line), lines without a request (no-answer)", ["kind"]
)
persons = Counter("yima_persons_created_total", "Persons created by resolution")

for _kind in ("no-line", "no-answer"):
    holes.labels(_kind)  # shown as 0 from the start: an alarm on a series that is not there yet stays silent


class _Hot(Collector):
    """What every request counts, in plain numbers until somebody asks: one thread counts, so no lock is needed, and a
    tenth of the time that locked counters found by their labels take."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str, int], int] = {}
        self.times: dict[str, list[float]] = {}
        """By route: how many took no longer than each bucket and longer than the one before, then the sum."""
        self.decisions: dict[tuple[str, str], int] = {}

    def collect(self) -> Iterator[CounterMetricFamily | HistogramMetricFamily]:
        """The numbers in Prometheus' words."""
        answered = CounterMetricFamily("yima_http_requests", "Answered requests", labels=["route", "method", "status"])
        for (route, method, status), count in self.answers.items():
            answered.add_metric([route, method, str(status)], count)
        yield answered
        latency = HistogramMetricFamily("yima_http_request_seconds", "Time to answer", labels=["route"])
        for route, (*counts, total) in self.times.items():
            latency.add_metric([route], _cumulated(counts), sum_value=total)
        yield latency
        decided = CounterMetricFamily("yima_disclosures", "Disclosure decisions", labels=["outcome", "basis"])
        for labels, count in self.decisions.items():
            decided.add_metric(labels, count)
        yield decided


def _cumulated(counts: list[float]) -> list[tuple[str, float]]:
    bounds = [*map(str, _BUCKETS), "+Inf"]
    return [(bound, sum(counts[: place + 1])) for place, bound in enumerate(bounds)]


_hot: Final = _Hot()
REGISTRY.register(_hot)


def answered(route: str, method: str, status: int, seconds: float) -> None:
    """Count an answered request. `route` and `method` are from closed lists: clients must not make labels."""
    key = (route, method, status)
    _hot.answers[key] = _hot.answers.get(key, 0) + 1
    times = _hot.times.get(route)
    if times is None:
        times = _hot.times[route] = [0.0] * (len(_BUCKETS) + 2)
    times[bisect_left(_BUCKETS, seconds)] += 1
    times[-1] += seconds


def decided(outcome: str, basis: str) -> None:
    """Count a disclosure decision; `outcome` is `ok` or `denied`."""
    key = (outcome, basis)
    _hot.decisions[key] = _hot.decisions.get(key, 0) + 1


def render() -> tuple[bytes, str]:
    """The metrics page and its content type."""
    return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
