"""A dynamic code over HTTP: verified, person found, replay refused, use, visit and log line durable."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from bench import lag
from bench.measure import Limit, Line, Run, request
from bench.stage import Stage
from yima import healthcode
from yima.healthcode import ProfileName
from yima.runtime import clock, ids

CONNECTIONS: Final = 64
_MANY: Final = 512
"""Connections of the overload: so many requests at most are under way, whatever is offered."""
_STEPS: Final = 3
"""A code is good from 30 s before its time until 45 s after: of each person the codes of now and the next two steps."""
_STEP_SECONDS: Final = 15
_CARDS_AT_ONCE: Final = 2_000
_PROFILE: Final[ProfileName] = "INTL"
_SHARE: Final = 0.6
_TIMES: Final = 10
_OVERLOAD_SECONDS: Final = 5.0
_MOST_SENT: Final = 25_000
"""Requests per second that a machine of this kind could answer at most, were all of them turned away."""
_PATIENT: Final = 30.0
_MADE_PER_SECOND: Final = 30_000
"""About how many requests are made here in a second."""
_NAMES: Final = ("李秀英", "王建国", "张婷婷", "阿依古丽·买买提江", "陈小明")


async def verify(stage: Stage) -> list[Line]:
    """The greatest rate in a closed loop, for a moment and sustained; the latency at 60 % of it; ten times too much."""
    every = await people(stage, stage.plan.scans // _STEPS + CONNECTIONS)
    warm, every = every[:CONNECTIONS], every[CONNECTIONS:]
    requests = await _scans(stage, warm)
    body = requests[0].partition(b"\r\n\r\n")[2]
    await stage.yima(requests, connections=CONNECTIONS, again=False)
    run = await stage.yima(await _scans(stage, every), connections=CONNECTIONS, again=False)
    bare = await stage.bare("/scan", connections=CONNECTIONS, body=body)
    limit = Limit("bare 200 + batched INSERT of the same rows", bare.rate, bare.micros(bare.ours + bare.postgres))
    what = f"POST /code/verify, closed loop, {CONNECTIONS} connections"
    return [
        Line("verify", what, run.rate, run.cost(), limit, "40 % of the limit", _generator(run)),
        *await _for_long(stage, run.rate),
        await _overload(stage, run.rate),
    ]


async def _for_long(stage: Stage, rate: float) -> list[Line]:
    """A closed loop for `plan.sustained` seconds, then an open loop as long at 60 % of what that gave, then the closed
    loop again for a moment: a machine that became slower is told from a stall of ours."""
    seconds = stage.plan.sustained
    everybody = await people(stage, int(rate * 1.3 * _STEP_SECONDS) + CONNECTIONS)
    run = await _closed(stage, everybody, rate * 1.2, seconds)
    pace = run.rate * _SHARE
    requests = await _in_time(stage, await people(stage, len(everybody)), pace, seconds)
    began = time.time()
    calm = await stage.yima(
        requests, connections=CONNECTIONS * 4, again=False, rate=pace, seconds=seconds * 0.98, patience=_PATIENT
    )
    late = lag.said(stage.spec.data, began, time.time())
    after = await _closed(stage, await people(stage, len(everybody)), run.rate * 1.2, min(seconds, stage.plan.seconds))
    away = f"; {calm.result.shed + calm.result.unsent} turned away or not sent" * bool(calm.result.shed)
    then = f"the machine gave {run.rate:,.0f}/s before and {after.rate:,.0f}/s after"
    note = f"greatest {calm.result.most:.0f} ms, counted from the due time{away}; {then}. Loop and batches late: {late}"
    what = f"the same, {run.result.seconds:.0f} s on end"
    paced = f"the same, open loop at {_SHARE:.0%} of that rate"
    return [
        Line("verify-sustained", what, run.rate, run.cost(), None, "8,000/s", _generator(run)),
        Line("verify-paced", paced, calm.rate, calm.cost(), None, "p99 < 50 ms", note),
    ]


async def _closed(stage: Stage, persons: list[int], rate: float, seconds: float) -> Run:
    """As many as it can do; codes for at most `rate` a second."""
    requests = await _in_time(stage, persons, rate, seconds)
    return await stage.yima(requests, connections=CONNECTIONS, again=False, seconds=seconds)


async def _overload(stage: Stage, rate: float) -> Line:
    """Ten times what it can do is offered. To turn one away costs something too."""
    seconds = min(_OVERLOAD_SECONDS, stage.plan.seconds)
    count = int(min(rate * _TIMES, _MOST_SENT) * seconds)
    requests = await _scans(stage, await people(stage, count // _STEPS + 1))
    offered = rate * _TIMES
    run = await stage.yima(requests, connections=_MANY, again=False, rate=offered, seconds=seconds, patience=0.5)
    result = run.result
    kept = f"{run.rate / rate:.0%} of the rate of `verify`"
    away = f"{result.shed / result.seconds:,.0f}/s turned away, {result.unsent / result.seconds:,.0f}/s not even sent"
    what = f"offered {_TIMES} times that rate, {_MANY} connections"
    return Line("verify-overload", what, run.rate, run.cost(), None, "90 % of the rate", f"{kept}; {away}")


def _generator(run: Run) -> str:
    return f"load generator {run.micros(run.result.cpu):.0f} us each"


async def people(stage: Stage, count: int) -> list[int]:
    """So many new persons with a card each: identities by COPY, cards as the platform issues them."""
    now = clock.now()
    persons = [ids.new_person_id() for _ in range(count)]
    born = [datetime(1950, 1, 1, tzinfo=UTC) + timedelta(days=7919 * n % 25_000) for n in range(count)]
    rows = [
        (person, now, now, _NAMES[n % len(_NAMES)], "", ("female", "male")[n % 2], f"{born[n]:%Y-%m-%d}", False)
        for n, person in enumerate(persons)
    ]
    columns = ["person_id", "created", "updated", "name", "latin_name", "sex", "birth_date", "deceased"]
    async with stage.owner() as connection:
        await connection.copy_records_to_table("person", schema_name="mpi", records=rows, columns=columns)
        await connection.execute("analyze mpi.person")
    for at in range(0, count, _CARDS_AT_ONCE):
        async with stage.access.database.transaction() as c:
            await healthcode.issue_many(c, stage.keys, persons[at : at + _CARDS_AT_ONCE], now, _PROFILE)
    return persons


async def _scans(stage: Stage, persons: list[int]) -> list[bytes]:
    """One request for each person and step, the persons of one step after the other; to be sent at once."""
    now = clock.now()
    moments = [now + timedelta(seconds=_STEP_SECONDS * step) for step in range(_STEPS)]
    return await _requests(stage, [(person, moment) for moment in moments for person in persons])


async def _in_time(stage: Stage, persons: list[int], rate: float, seconds: float) -> list[bytes]:
    """Requests for so many seconds at that rate, each with the code of the time at which it will be sent, or nearly.

    A code is good for 30 s before and 45 s after, which is the slack for making them and for another rate. The persons
    take turns; there are more of them than are sent in one step of 15 s, so no code comes twice.
    """
    start = clock.now() + timedelta(seconds=rate * seconds / _MADE_PER_SECOND)
    shown = [(persons[n % len(persons)], start + timedelta(seconds=n / rate)) for n in range(int(rate * seconds))]
    return await _requests(stage, shown)


async def _requests(stage: Stage, shown: list[tuple[int, datetime]]) -> list[bytes]:
    place = stage.institutions[0]
    token = await stage.token(place["id"])
    said = {"terminal": place["terminal"], "step": "010102", "purpose": "treatment"}
    codes = [healthcode.dynamic_text(stage.keys, _PROFILE, person, moment) for person, moment in shown]
    bodies = [msgspec.json.encode({"code": code, **said}) for code in codes]
    return [request("POST", "/code/verify", token=token, kind="application/json", body=body) for body in bodies]
