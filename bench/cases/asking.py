"""What every request of a person's data costs besides the data: who asks, may they, and the line that says so."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from statistics import median
from typing import Any, Final

import msgspec

from bench.cases.reading import CONNECTIONS, own_reads, reads_in_visits
from bench.measure import Cost, Limit, Line, Run, Target
from bench.stage import Stage, free_port, serving
from yima import consent, directory
from yima.directory import Caller
from yima.runtime import clock, ids
from yima.runtime.errors import Refusal

_TIMES: Final = 20_000
_ROUNDS: Final = 10
"""So many times it is measured; the median counts."""
_UNLIMITED: Final = 1e9


async def asking(stage: Stage) -> list[Line]:
    """The token, the decision, the line."""
    return [await _token(stage), _decision(), *await _audited(stage)]


async def _token(stage: Stage) -> Line:
    """A token that this worker has seen within the second, of a caller whose requests are counted."""
    token, now = await stage.token(stage.institutions[0]["id"]), clock.now()
    sign_in = directory.SignIn(
        stage.access.database, token_seconds=300, residents=_nobody, rates=directory.Rates(600, _UNLIMITED)
    )
    await sign_in.caller(token, now=now)
    took = []
    for _ in range(_ROUNDS):
        began = time.process_time()
        for _ in range(_TIMES):
            await sign_in.caller(token, now=now)
        took.append(time.process_time() - began)
    spent, said = median(took), token.encode()
    limit = Limit("SHA-256 of it", _TIMES / _cpu(lambda: sha256(said).digest()))
    what, cost = "who holds this token, known for less than a second, one core", Cost(spent / _TIMES * 1e6)
    return Line("token", what, _TIMES / spent, cost, limit, "< 2 us", "", "tokens")


async def _nobody(_person: int) -> Caller:
    raise Refusal("sign-in-needed")


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
        return [
            _compared(name, what, await _in_turns(stage, requests, unlogged))
            for name, what, requests in (
                ("audited", f"GET Observation, own system, {CONNECTIONS} connections, with its line in the log", own),
                ("audited-visit", "the same by another institution in a visit", visits),
            )
        ]


def _compared(name: str, what: str, pairs: list[tuple[Run, Run]]) -> Line:
    """What the line adds: the median over the rounds, each compared with itself, so that a machine that changes its
    speed in between, or a checkpoint within one of them, decides nothing."""
    logged, bare = [with_line for with_line, _ in pairs], [without for _, without in pairs]
    more = sorted(_micros(with_line) / _micros(without) - 1 for with_line, without in pairs)
    low, high = more[len(more) // 4], more[-1 - len(more) // 4]
    limit = Limit("the same read, its line left out", median(run.rate for run in bare), median(map(_micros, bare)))
    usual = sorted(logged, key=_micros)[len(logged) // 2]
    rounds = f"median of {len(more)} rounds, half of them {low:.0%} to {high:.0%}"
    note = f"{median(more):.0%} more CPU time (server and PostgreSQL), {rounds}"
    return Line(name, what, median(run.rate for run in logged), usual.cost(), limit, "at most 30 % more", note)


async def _in_turns(stage: Stage, requests: list[bytes], unlogged: Target) -> list[tuple[Run, Run]]:
    """Short runs by both servers, who begins taking turns: with the line, and without."""
    for server in (stage.server, unlogged):
        await stage.runner(server, requests[:CONNECTIONS], connections=CONNECTIONS, seconds=1.0, again=False)
    pairs, seconds = [], stage.plan.seconds / _ROUNDS * 2
    for turn in range(_ROUNDS):
        found = {}
        for server in (stage.server, unlogged) if turn % 2 else (unlogged, stage.server):
            found[server] = await stage.runner(server, requests, connections=CONNECTIONS, seconds=seconds)
        pairs.append((found[stage.server], found[unlogged]))
    return pairs


def _micros(run: Run) -> float:
    """CPU time of a request, server and PostgreSQL."""
    return run.micros(run.ours + run.postgres)
