"""Measured in this process, without HTTP: the parts of which the requests are made."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import orjson
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from bench.limits import openssl_speed
from bench.measure import Cost, Limit, Line
from bench.stage import Stage, visits
from yima import audit, fhir, healthcode, mpi, records
from yima.healthcode.codec import DynamicCode, check_time, open_dynamic, read
from yima.healthcode.keyring import keyring
from yima.healthcode.profiles import PROFILE_NAMES
from yima.runtime import clock, ids
from yima.runtime.keys import Vault

_CODES: Final = 2_000
_WAVE: Final = 500
_CLIENTS: Final = 8
_OVERVIEW: Final = 2_000

_COLUMNS: Final = (
    "person_id", "event_id", "recorded", "action", "outcome", "purpose", "basis", "agent", "institution",
    "institution_name", "agent_id", "agent_name", "department", "terminal", "visit", "submission", "detail",
    "request_id",
)  # fmt: skip
"""As the table has them."""


async def codec(stage: Stage) -> list[Line]:
    """Steps 1 to 4 of a verification per core, beside its bare primitives: one AES block, two HMAC-SHA-256."""
    now = clock.now()
    lines = []
    for profile in PROFILE_NAMES:
        codes = [healthcode.dynamic_text(stage.keys, profile, ids.new_person_id(), now) for _ in range(_CODES)]

        unix = int(now.timestamp())
        began = time.process_time()
        for text in codes:
            code = cast(DynamicCode, read(text))
            check_time(code, open_dynamic(code, keyring(stage.keys), PROFILE_NAMES, unix), unix)
        spent = time.process_time() - began
        limit, aim, note = None, "", "SM4, HMAC-SM3"
        if profile == "INTL":
            limit, aim = Limit("AES block + 2 HMAC by `cryptography`", _primitives(_CODES)), "90 % of the primitives"
            note = await _openssl()
        what, cost = f"read, open and check a dynamic code ({profile}), one core", Cost(spent / _CODES * 1e6)
        lines.append(Line(f"codec-{profile.lower()}", what, _CODES / spent, cost, limit, aim, note, "codes"))
    return lines


async def _openssl() -> str:
    mac = await openssl_speed("-hmac", "sha256")
    block = await openssl_speed("-evp", "aes-128-ecb")
    return f"openssl speed: {1 / (2 / mac + 1 / block):,.0f}/s" if mac and block else "no openssl"


def _primitives(count: int) -> float:
    """The cryptography of one code, and nothing else, per CPU second."""
    cipher = Cipher(algorithms.AES(b"k" * 16), modes.ECB()).decryptor()  # noqa: S305  one block, as in healthcode.profiles
    prepared = HMAC(b"k" * 32, SHA256())
    began = time.process_time()
    for _ in range(count):
        cipher.update(b"p" * 16)
        derive = prepared.copy()
        derive.update(b"p" * 19)
        mac = HMAC(derive.finalize(), SHA256())
        mac.update(b"s" * 22)
        mac.finalize()
    return count / (time.process_time() - began)


async def inside(stage: Stage) -> list[Line]:
    """Parsing and indexing, resolving, logging, the overview."""
    return [_language(stage), _validate(stage), await _resolve(stage), await _append(stage), await _overview(stage)]


def _language(stage: Stage) -> Line:
    half = stage.plan.residents
    bodies = [orjson.dumps(e["resource"]) for v in visits(stage.made, half, half * 2) for e in v.bundle["entry"]]

    def whole(body: bytes) -> None:
        tree = fhir.parse(body)
        fhir.validate(tree)
        fhir.index(tree, key=b"k" * 32)

    spent, least = _cpu(whole, bodies), _cpu(orjson.loads, bodies)
    limit, note = Limit("orjson.loads alone", len(bodies) / least), f"{sum(map(len, bodies)) // len(bodies)} bytes each"
    what, cost = "parse, validate and index a resource, one core", Cost(spent / len(bodies) * 1e6)
    return Line("language", what, len(bodies) / spent, cost, limit, "", note, "resources")


def _validate(stage: Stage) -> Line:
    """Checking alone, with the rules of R4, of resources that are parsed already."""
    half = stage.plan.residents
    bodies = [orjson.dumps(e["resource"]) for v in visits(stage.made, half, half * 2) for e in v.bundle["entry"]]
    trees = iter([fhir.parse(body) for body in bodies])
    spent, least = _cpu(lambda _: fhir.validate(next(trees)), bodies), _cpu(orjson.loads, bodies)
    what, cost = "validate a resource with R4's rules, one core", Cost(spent / len(bodies) * 1e6)
    limit = Limit("orjson.loads of it", len(bodies) / least)
    return Line("validate", what, len(bodies) / spent, cost, limit, "50,000/s", "", "resources")


def _cpu(work: Callable[[bytes], object], bodies: Sequence[bytes]) -> float:
    began = time.process_time()
    for body in bodies:
        work(body)
    return time.process_time() - began


async def _resolve(stage: Stage) -> Line:
    """Registrations of persons who are known already, each in its own transaction, eight at a time."""
    vault, database = Vault(stage.keys), stage.access.database
    said = [
        (mpi.registration(e["resource"]), mpi.Source(stage.numbers[v.institution]))
        for v in visits(stage.made, 0, stage.plan.residents)
        for e in v.bundle["entry"]
        if e["resource"]["resourceType"] == "Patient"
    ]
    # Who was "her son" at first has a name by now; the old word of it is refused.
    said = [(registration, source) for registration, source in said if not mpi.is_placeholder(registration.name)]
    waiting = list(said)

    async def client() -> None:
        while waiting:
            registration, source = waiting.pop()

            async def work(c: Any, registration: Any = registration, source: Any = source) -> None:
                await mpi.resolve(c, vault, registration, source, now=clock.now())

            await database.retry(work)

    began, spent = time.perf_counter(), time.process_time()
    await asyncio.gather(*(client() for _ in range(_CLIENTS)))
    seconds, spent = time.perf_counter() - began, time.process_time() - spent
    one = await stage.pgbench([_TOUCH], clients=_CLIENTS)
    limit = Limit("pgbench: one indexed UPDATE, durable", one.rate)
    what, cost = f"mpi.resolve of known persons, {_CLIENTS} at once, one process", Cost(spent / len(said) * 1e6)
    return Line("resolve", what, len(said) / seconds, cost, limit, "", f"{len(said)} in all", "registrations")


_TOUCH: Final = """
update mpi.person set updated = updated where person_id =
  (select person_id from mpi.person where person_id >= (random() * 140737488355327)::bigint order by person_id limit 1);
"""


async def _append(stage: Stage) -> Line:
    """Log lines of many requests at once, beside the same INSERT with its columns ready."""
    count, appender = stage.plan.lines, audit.Appender(stage.access.database)
    events = [log_event(n) for n in range(count)]
    began, spent = time.perf_counter(), time.process_time()
    for at in range(0, count, _WAVE):
        await asyncio.gather(*(appender.append(event) for event in events[at : at + _WAVE]))
    seconds, spent = time.perf_counter() - began, time.process_time() - spent
    batches = [[_row(event) for event in events[at : at + _WAVE]] for at in range(0, count, _WAVE)]
    async with stage.owner() as c:
        began = time.perf_counter()
        for rows in batches:
            await c.copy_records_to_table("event", schema_name="audit", records=rows, columns=_COLUMNS)
        bare = time.perf_counter() - began
    limit = Limit(f"the same COPY, {_WAVE} rows ready", count / bare)
    what, cost = f"audit lines of {_WAVE} requests at once", Cost(spent / count * 1e6)
    return Line("append", what, count / seconds, cost, limit, "20,000/s; 50 %", "", "lines")


def log_event(number: int) -> audit.Event:
    """A line as a read writes it."""
    return audit.Event(
        person=ids.new_person_id(),
        recorded=clock.now(),
        action="read",
        outcome="ok",
        purpose="treatment",
        basis="own-submission",
        agent="app",
        institution=1,
        institution_name="一码市第一人民医院",
        agent_id="6001A0001-his",
        agent_name="一码市第一人民医院 HIS",
        detail={"types": {"Observation": 1}, "id": str(number)},
        request_id="0123456789abcdef",
    )


def _row(event: audit.Event) -> tuple[Any, ...]:
    values = {name: getattr(event, name, None) for name in _COLUMNS}
    values |= {"person_id": event.person, "event_id": audit.new_event_id(event.person)}
    return tuple((values | {"detail": orjson.dumps(event.detail).decode()}).values())


async def _overview(stage: Stage) -> Line:
    async with stage.owner() as c:
        rows = await c.fetch(_LARGE_RECORDS, _OVERVIEW)
    bodies = [row["content"].encode() for row in rows]
    trees = [fhir.parse(body) for body in bodies]
    began = time.process_time()
    records.overview(trees, clock.now().date())
    spent = time.process_time() - began
    least = _cpu(orjson.loads, bodies)
    limit, note = Limit("orjson.loads of the same bytes", 1 / least), f"{spent * 1000:.1f} ms CPU"
    what, cost = f"overview of {len(bodies)} resources, already parsed", Cost(spent * 1e6)
    return Line("overview", what, 1 / spent, cost, limit, "p50 < 20 ms with the read", note, "records")


_LARGE_RECORDS: Final = """
select content from bench.content where home <> 0
order by count(*) over (partition by home) desc, home, id limit $1"""
