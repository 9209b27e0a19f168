"""A dynamic code over HTTP: verified, person found, replay refused, use, visit and log line durable."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from bench.measure import Limit, Line, request
from bench.stage import Stage
from yima import healthcode
from yima.healthcode import ProfileName
from yima.runtime import clock, ids

CONNECTIONS: Final = 64
_STEPS: Final = 3
"""A code is good from 30 s before its time on: of each person the codes of now and of the two next steps of 15 s."""
_CARDS_AT_ONCE: Final = 2_000
_PROFILE: Final[ProfileName] = "INTL"
_SHARE: Final = 0.7
_NAMES: Final = ("李秀英", "王建国", "张婷婷", "阿依古丽·买买提江", "陈小明")


async def verify(stage: Stage) -> list[Line]:
    """The greatest rate in a closed loop, then the latency at 70 % of it in an open loop."""
    every = await people(stage, stage.plan.scans // _STEPS * 2 + CONNECTIONS)
    warm, every = every[:CONNECTIONS], every[CONNECTIONS:]
    first, second = every[: len(every) // 2], every[len(every) // 2 :]
    requests = await _scans(stage, warm)
    body = requests[0].partition(b"\r\n\r\n")[2]
    await stage.yima(requests, connections=CONNECTIONS, again=False)
    run = await stage.yima(await _scans(stage, first), connections=CONNECTIONS, again=False)
    rate = run.rate * _SHARE
    seconds = min(stage.plan.seconds, len(second) * _STEPS / rate * 0.95)
    requests = await _scans(stage, second)
    calm = await stage.yima(requests, connections=CONNECTIONS * 2, again=False, rate=rate, seconds=seconds)
    bare = await stage.bare("/scan", connections=CONNECTIONS, body=body)
    limit = Limit("bare 200 + batched INSERT of the same rows", bare.rate, bare.micros(bare.ours + bare.postgres))
    what = f"POST /code/verify, closed loop, {CONNECTIONS} connections"
    late = f"greatest {calm.result.most:.0f} ms, counted from the due time"
    return [
        Line("verify", what, run.rate, run.cost(), limit, "8,000/s; 40 % of the limit"),
        Line("verify-paced", f"the same, open loop at {_SHARE:.0%} of that rate", calm.rate, calm.cost(), note=late),
    ]


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
    place = stage.institutions[0]
    token = await stage.token(place["id"])
    said = {"terminal": place["terminal"], "step": "010102", "purpose": "treatment"}
    now = clock.now()
    moments = [now + timedelta(seconds=15 * step) for step in range(_STEPS)]
    codes = [healthcode.dynamic_text(stage.keys, _PROFILE, person, moment) for moment in moments for person in persons]
    bodies = [msgspec.json.encode({"code": code, **said}) for code in codes]
    return [request("POST", "/code/verify", token=token, kind="application/json", body=body) for body in bodies]
