"""Registrations against a person index of many people: `python -m bench.resolve --persons 1000000`.

Fills a database of its own (PostgreSQL with fsync) with synthetic persons by COPY, then registers known and new people
in the ways of `bench.registering`, durable, and prints rates, waiting times, CPU time and sizes as JSON. Many at a time
show what two cores can do; one at a time shows how long one takes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import asyncpg
import uvloop

from bench.population import Record, records
from bench.registering import Runs, Way
from bench.stage import database
from yima import mpi
from yima.mpi.heard import heard
from yima.mpi.normalise import RESIDENT_NUMBER, VERSION
from yima.mpi.resolve import digest
from yima.mpi.sealed import UNKNOWN, renewed, seal_number, seal_profile, sealed_row
from yima.runtime import clock, ids, logs, migrate
from yima.runtime.database import Database
from yima.runtime.keys import FileKeyStore, Vault
from yima.runtime.postgres import Postgres

_CHUNK: Final = 20_000
_SYSTEMS: Final = {"resident-number": RESIDENT_NUMBER, "passport": "urn:yima:id:passport"}
_PERSON: Final = ("person_id", "created", "updated", "sex", "wrap", "said", "no_name", "birth_digits", "phone_key")
_FILLER: Final = 1
"""The institution that registered everybody."""
_INDEXES: Final = {
    "candidate_key": ("candidate_key_pkey", "primary key (key, person_id)", "candidate_key_person", "(person_id)"),
    "identifier": ("identifier_pkey", "primary key (digest)", "identifier_person", "(person_id)"),
}
"""Made after the rows: table -> constraint and index."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A chunk of the fill: where it goes and who is in it."""

    url: str
    keys: Path
    seed: int
    count: int


def said(record: Record, local: str = "", *, number: bool = True) -> mpi.Registration:
    """A row of the population as an institution's Patient; `local` is its own patient number."""
    row = record.row
    numbers = [mpi.Identifier.of("urn:bench:mrn", local)] if local else []
    if number and row["id_no"]:
        numbers.append(mpi.Identifier.of(_SYSTEMS[row["id_type"]], row["id_no"]))
    return mpi.Registration(
        name=row["name"], sex=row["sex"], birth_date=row["birth_date"], identifiers=tuple(numbers),
        phones=(row["phone"],), area=row["area_code"], address=row["address"],
    )  # fmt: skip


def people(seed: int, count: int) -> list[Record]:
    """About `count` different persons, one row each."""
    return [record for record in records(count, seed, repeats=0.0) if record.kind == "plain"]


def fill(chunk: Filled) -> int:
    """Write a chunk of persons by COPY, as registrations would have left them; how many. For a process of its own."""
    return asyncio.run(_fill(chunk))


async def _fill(chunk: Filled) -> int:
    vault, now = Vault(FileKeyStore(chunk.keys)), clock.now()
    tables: dict[str, list[tuple[Any, ...]]] = {
        name: [] for name in ("person", "identifier", "candidate_key", "profile", "link")
    }
    for record in people(chunk.seed, chunk.count):
        registration = said(record)
        words, person, wrap = heard(vault, registration), ids.new_person_id(), vault.new_wrap()
        sealed = sealed_row(vault, wrap, person, renewed(UNKNOWN, registration, name=registration.name))
        tables["person"].append((person, now, now, registration.sex, wrap, *sealed))
        tables["identifier"] += [
            (key, person, "national", n.system, 0, None, seal_number(vault, wrap, key, n.value), now)
            for n in registration.identifiers
            for key in [digest(vault, n, _FILLER)]
        ]
        tables["candidate_key"] += [(key, person) for key in words.keys]
        stored = seal_profile(vault, wrap, person, words.digest, words.stored)
        tables["profile"].append((person, words.digest, VERSION, stored))
        patient = ids.new_resource_id(person)
        tables["link"].append((person, patient, person, _FILLER, "new", now))
    connection = await asyncpg.connect(chunk.url)
    try:
        await connection.execute("set synchronous_commit = off")
        # Numbers that the generator gave to two people are left to the first.
        known = {row[0]: row for row in tables["identifier"]}
        tables["identifier"] = list(known.values())
        for table, rows in tables.items():
            columns = _PERSON if table == "person" else None
            await connection.copy_records_to_table(table, schema_name="mpi", records=rows, columns=columns)
    finally:
        await connection.close()
    return len(tables["person"])


async def prepared(url: str, keys: Path, persons: int, workers: int) -> int:
    """The tables filled with about `persons` people, indexed and counted by PostgreSQL. How many."""
    if not persons:
        return 0
    owner = await asyncpg.connect(url)
    for table, (constraint, _, index, _) in _INDEXES.items():
        await owner.execute(f"alter table mpi.{table} drop constraint {constraint}; drop index mpi.{index}")
    chunks = [Filled(url, keys, 1_000 + k, min(_CHUNK, persons - k * _CHUNK)) for k in range(-(-persons // _CHUNK))]
    loop, done = asyncio.get_running_loop(), 0
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for one in asyncio.as_completed([loop.run_in_executor(pool, fill, chunk) for chunk in chunks]):
            done += await one
            print(f"\r{done} persons", end="", file=sys.stderr, flush=True)
    await owner.execute("set maintenance_work_mem = '1GB'")
    await owner.execute(
        "delete from mpi.identifier a using mpi.identifier b where a.digest = b.digest and a.ctid > b.ctid"
    )
    for table, (constraint, definition, index, columns) in _INDEXES.items():
        await owner.execute(f"alter table mpi.{table} add constraint {constraint} {definition}")
        await owner.execute(f"create index {index} on mpi.{table} {columns}")
    await owner.execute("vacuum analyze")
    await owner.execute("checkpoint")
    await owner.close()
    return done


async def sizes(url: str, persons: int) -> dict[str, Any]:
    """Bytes of each table with its indexes, and of all of them a person."""
    owner = await asyncpg.connect(url)
    rows = await owner.fetch(
        """select relname, pg_table_size(oid) as heap, pg_indexes_size(oid) as indexes from pg_class
           where relnamespace = 'mpi'::regnamespace and relkind = 'r' order by 2 desc limit 6"""
    )
    await owner.close()
    total = sum(row["heap"] + row["indexes"] for row in rows)
    return {
        "tables_mb": {row["relname"]: [row["heap"] >> 20, row["indexes"] >> 20] for row in rows},
        "bytes_a_person": round(total / max(persons, 1)),
    }


def plan(count: int) -> Iterator[tuple[str, Way, Callable[[], list[mpi.Registration]], int, int]]:
    """What is registered: name, way, who, at which institution, how many at once."""
    known, new = people(1_000, _CHUNK)[:count], people(7, count)
    unnumbered = [said(r, f"c{k}", number=False) for k, r in enumerate(known)]
    few = known[: max(count // 4, 1)]
    warming = people(8, 600)
    yield "warming", "singly", lambda: [said(r, f"w{k}") for k, r in enumerate(warming[:300])], 2, 16
    yield "warming", "patients", lambda: [said(r, f"x{k}") for k, r in enumerate(warming[300:])], 2, 16
    yield "new persons", "singly", lambda: [said(r, f"a{k}") for k, r in enumerate(new)], 3, 16
    yield "known, with number", "singly", lambda: [said(r, f"b{k}") for k, r in enumerate(known)], 4, 16
    yield "known, without number", "singly", lambda: unnumbered, 5, 16
    yield "new persons", "together", lambda: [said(r, f"f{k}") for k, r in enumerate(people(9, count))], 8, 4
    yield "known, with number", "together", lambda: [said(r, f"g{k}") for k, r in enumerate(known)], 9, 4
    yield "new persons", "patients", lambda: [said(r, f"h{k}") for k, r in enumerate(people(10, count))], 10, 16
    carded = people(11, count)  # those of the fill have no cards
    yield "new persons", "patients", lambda: [said(r, f"i{k}") for k, r in enumerate(carded)], 11, 200
    yield "known, with number", "patients", lambda: [said(r, f"j{k}") for k, r in enumerate(carded)], 12, 200
    yield "known, with number, one at a time", "singly", lambda: [said(r, f"d{k}") for k, r in enumerate(few)], 6, 1
    yield (
        "known, without number, one at a time", "singly",
        (lambda: [said(r, f"e{k}", number=False) for k, r in enumerate(few)]), 7, 1,
    )  # fmt: skip


async def measured(server: Postgres, keys: Path, persons: int, count: int, workers: int) -> dict[str, Any]:
    """Fill, register, tell."""
    url = server.url()
    await migrate.migrate(url)
    began = time.perf_counter()
    held = await prepared(url, keys, persons, workers)
    print(f" in {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    told: dict[str, Any] = {"persons": held, "fill_seconds": round(time.perf_counter() - began, 1)}
    told |= await sizes(url, held)
    db = await Database.connect(url, size=16)
    try:
        runs = Runs(db, keys, server.pid)
        told["runs"] = [
            await runs.run(what, way, who(), where, at_once) for what, way, who, where, at_once in plan(count)
        ]
    finally:
        await db.close()
    told["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return told


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print one JSON value."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=0, help="already in the index (0: an empty one)")
    parser.add_argument("--registrations", type=int, default=4_000, help="of each run")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes that fill")
    parser.add_argument("--folder", type=Path, help="where to put the database (default the temporary directory)")
    asked = parser.parse_args(arguments)
    logs.configure("console", "error")
    with database(asked.folder) as server:
        keys = server.log.parent / "keys.json"
        Vault(FileKeyStore(keys)).store.secret("mpi/candidate-keys/1")  # made once, before several read it
        told = uvloop.run(measured(server, keys, asked.persons, asked.registrations, asked.workers))
    print(json.dumps(told, ensure_ascii=False, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
