"""Registers people and measures it: singly, many in a transaction, and as Patients over the inbox."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from bench import cpu
from yima import directory, exchange, fhir, mpi
from yima.access import Access, Entry
from yima.runtime import clock, ids
from yima.runtime.database import Database
from yima.runtime.keys import FileKeyStore, Vault
from yima.runtime.settings import Settings

_TOGETHER: Final = 200
"""Registrations of one transaction, where many are resolved together."""
Way = Literal["singly", "together", "patients"]
"""`singly`: each in a transaction of its own (index alone). `together`: 200 in one, as the population register takes
them (index alone). `patients`: each a POST of a Patient, with record, card, log line and receipt (all but HTTP)."""


class Runs:
    """Registers people and measures it."""

    def __init__(self, db: Database, keys: Path, postgres: int) -> None:
        store = FileKeyStore(keys)
        self._db, self._vault, self._postgres = db, Vault(store), postgres
        self._access = Access(db, store, Settings(data=keys.parent), "https://bench.invalid")

    async def run(
        self, what: str, way: Way, todo: Sequence[mpi.Registration], institution: int, clients: int
    ) -> dict[str, Any]:
        """Everybody in `todo` once, `clients` at a time, durable when answered. `created` are persons, or Patients
        where these are posted."""
        ways: dict[Way, Callable[..., Awaitable[int]]] = {
            "singly": self._singly, "together": self._together, "patients": self._patient,
        }  # fmt: skip
        waiting, taken, created = list(todo), list[float](), 0
        most = _TOGETHER if way == "together" else 1

        async def client() -> None:
            nonlocal created
            while waiting:
                some = [waiting.pop() for _ in range(min(most, len(waiting)))]
                began = time.perf_counter()
                made = await ways[way](some, institution)
                created += made  # not in one line with the waiting: others count meanwhile
                taken.extend([time.perf_counter() - began] * len(some))

        before, spent, began = cpu.seconds([self._postgres]), time.process_time(), time.perf_counter()
        await asyncio.gather(*(client() for _ in range(clients)))
        seconds = time.perf_counter() - began
        ours, theirs = time.process_time() - spent, cpu.seconds([self._postgres])[0] - before[0]
        taken.sort()
        count = len(taken)
        print(f"{what}: {count / seconds:.0f}/s", file=sys.stderr, flush=True)
        return {
            "what": what, "way": way, "clients": clients, "registrations": count, "created": created,
            "per_second": round(count / seconds), "p50_ms": round(taken[count // 2] * 1e3, 2),
            "p99_ms": round(taken[count * 99 // 100] * 1e3, 2), "python_us": round(ours / count * 1e6),
            "postgres_us": round(theirs / count * 1e6),
        }  # fmt: skip

    async def _singly(self, some: Sequence[mpi.Registration], institution: int) -> int:
        (one,), source = some, mpi.Source(institution)

        async def work(c: Any) -> bool:
            found = await mpi.resolve(c, self._vault, one, source, now=clock.now())
            patient = found.patient_id or ids.new_resource_id(found.person)
            await mpi.link(c, self._vault, found, one, source, patient, now=clock.now())
            return found.created

        return await self._db.retry(work)

    async def _together(self, some: Sequence[mpi.Registration], institution: int) -> int:
        """None of them a Patient."""
        asked, source = [mpi.Asked(one) for one in some], mpi.Source(institution)

        async def work(c: Any) -> list[Any]:
            return await mpi.resolve_many(c, self._vault, asked, source, now=clock.now())

        return sum(one.created for one in await self._db.retry(work))

    async def _patient(self, some: Sequence[mpi.Registration], institution: int) -> int:
        """Parsing is counted, HTTP and the token are not."""
        caller = directory.Caller(
            kind="app", agent_id="bench", institution=institution, institution_code=f"B{institution}",
            scopes=frozenset({"system/*.cruds"}),
        )  # fmt: skip
        body = orjson.dumps(patient(some[0]))
        message = exchange.Message(caller=caller, body=body, key="", received=clock.now(), request_id="bench")
        entry = Entry(method="POST", type="Patient", resource=fhir.parse(body))
        await exchange.receive_one(self._access, message, entry)
        return 1


def patient(said: mpi.Registration) -> dict[str, Any]:
    """A registration as the Patient that says it."""
    address: dict[str, Any] = {"use": "home", "text": said.address}
    if said.area:
        address["extension"] = [{"url": "urn:yima:area", "valueCode": said.area}]
    return {
        "resourceType": "Patient",
        "identifier": [{"system": one.system, "value": one.value} for one in said.identifiers],
        "name": [{"use": "official", "text": said.name}],
        "gender": said.sex,
        "birthDate": said.birth_date,
        "telecom": [{"system": "phone", "value": one} for one in said.phones],
        "address": [address],
    }
