"""What every request of a person's data costs besides the data: who asks, may they, and the line that says so."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any, Final

import msgspec

from bench.cases.reading import CONNECTIONS, own_reads, reads_in_visits
from bench.measure import Cost, Limit, Line, Run, Target
from bench.stage import Stage, free_port, serving
from yima import consent
from yima.directory import Caller
from yima.runtime import clock, ids

_TIMES: Final = 20_000
_TURNS: Final = 2
"""Runs with and without the line, taking turns: what disturbs one disturbs the other."""


async def asking(stage: Stage) -> list[Line]:
    """The token, the decision, the line."""
    return [await _token(stage), _decision(), *await _audited(stage)]


async def _token(stage: Stage) -> Line:
    """A token that this worker has seen within the second."""
    token, sign_in, now = await stage.token(stage.institutions[0]["id"]), stage.access.sign_in, clock.now()
    await sign_in.caller(token, now=now)
    began = time.process_time()
    for _ in range(_TIMES):
        await sign_in.caller(token, now=now)
    spent = time.process_time() - began
    said = token.encode()
    limit = Limit("SHA-256 of it", _TIMES / _cpu(lambda: sha256(said).digest()))
    what, cost = "who holds this token, known for less than a second, one core", Cost(spent / _TIMES * 1e6)
    return Line("token", what, _TIMES / spent, cost, limit, "< 2 us", "", "tokens")


def _decision() -> Line:
    """In a visit, with ten standing decisions of the resident."""
    now, person = clock.now(), ids.new_person_id()
    caller = Caller(
        kind="app", agent_id="bench", institution=7, institution_code="H7", scopes=frozenset({"system/*.r"})
    )
    visit = consent.Visit(person, 7, "dynamic", now + timedelta(hours=8))
    standing = [consent.Standing(cls, 0, permit=False) for cls in consent.CLASSES]
    standing += [consent.Standing("all", number, permit=number % 2 == 0) for number in range(20, 30 - len(standing))]
    # Asked of another person each time, so that nothing remembered helps.
    asks = [
        consent.Ask(caller, one, "treatment", replace(visit, person=one))
        for one in (ids.new_person_id() for _ in range(_TIMES))
    ]
    began = time.process_time()
    for ask in asks:
        made = consent.decide(ask, standing, now)
    spent = time.process_time() - began
    facts: dict[str, Any] = {name: getattr(made, name) for name in made.__dataclass_fields__}
    limit = Limit("making the answer alone", _TIMES / _cpu(lambda: consent.Decision(**facts)))
    what = f"decide in a visit with {len(standing)} standing decisions, one core"
    return Line("decision", what, _TIMES / spent, Cost(spent / _TIMES * 1e6), limit, "< 50 us", "", "decisions")


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    for _ in range(_TIMES):
        work()
    return time.process_time() - began


async def _audited(stage: Stage) -> list[Line]:
    """Reads beside the same reads by a server that leaves the line out, which only the bench can start."""
    own, visits = await own_reads(stage), await reads_in_visits(stage)
    async with serving(
        msgspec.structs.replace(stage.spec, app="unlogged", port=free_port()), stage.server.postgres
    ) as unlogged:
        lines = []
        for name, what, requests in (
            ("audited", f"GET Observation, own system, {CONNECTIONS} connections, with its line in the log", own),
            ("audited-visit", "the same by another institution in a visit", visits),
        ):
            with_line, without = await _in_turns(stage, requests, unlogged)
            limit = Limit(
                "the same read, its line left out",
                _rate(without),
                _micros(without, "ours") + _micros(without, "postgres"),
            )
            cost = replace(
                with_line[-1].cost(), ours=_micros(with_line, "ours"), postgres=_micros(with_line, "postgres")
            )
            more = (cost.ours + (cost.postgres or 0)) / (limit.cpu or 1) - 1
            note = f"{more:.0%} more CPU time (server and PostgreSQL)"
            lines.append(Line(name, what, _rate(with_line), cost, limit, "at most 30 % more: CPU ratio 77 %", note))
    return lines


async def _in_turns(stage: Stage, requests: list[bytes], unlogged: Target) -> tuple[list[Run], list[Run]]:
    runs: tuple[list[Run], list[Run]] = ([], [])
    for server in (stage.server, unlogged):
        await stage.runner(server, requests[:CONNECTIONS], connections=CONNECTIONS, seconds=1.0, again=False)
    for _ in range(_TURNS):
        for server, found in zip((stage.server, unlogged), runs, strict=True):
            found.append(
                await stage.runner(server, requests, connections=CONNECTIONS, seconds=stage.plan.seconds / _TURNS)
            )
    return runs


def _rate(runs: list[Run]) -> float:
    return sum(run.result.requests for run in runs) / sum(run.result.seconds for run in runs)


def _micros(runs: list[Run], whose: str) -> float:
    return float(sum(getattr(run, whose) for run in runs) / sum(run.result.requests for run in runs) * 1e6)
