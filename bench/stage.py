"""Everything that is measured, started: PostgreSQL with fsync, the city, Yima and the bare server; and ended again."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import asyncpg
import msgspec
import orjson
from joserfc import jwk, jwt

from bench import limits, measure
from bench.measure import BenchError, Limit, Run, Target
from bench.serving import LogLevel, Spec, settings_of
from yima import directory, synth
from yima.access import Access
from yima.cli import city as cities
from yima.cli import loading
from yima.records.content import content_of
from yima.runtime import clock, ids, migrate, postgres
from yima.runtime.keys import FileKeyStore, Vault

_START_SECONDS: Final = 30.0
SEED: Final = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is done. `full` gives the figures that count, `quick` shows that everything runs."""

    residents: int = 40
    """Loaded beforehand; as many again are submitted when bundles are measured."""
    seconds: float = 5.0
    """Of each measured run; limits take three fifths of it."""
    scans: int = 30_000
    """Codes made for the run of verifications."""
    sustained: float = 10.0
    """Seconds of the sustained run of verifications; 60 with --long."""
    lines: int = 20_000
    """Log lines of the in-process run."""
    sealed: int = 100_000
    """Log lines that are sealed and verified; a million with --long."""
    status_lists: int = 1_336
    """Status lists that are built: those of 1.4 billion credentials."""
    synthea: bool = True
    """Also submit ../shared/data/synthea-r4, where it is."""
    workers: int = 1
    log_level: LogLevel = "info"

    @property
    def limit_seconds(self) -> float:
        """Of each run of a limit."""
        return self.seconds * 0.6


@dataclass(slots=True)
class Stage:
    """What a case works with."""

    plan: Plan
    url: str
    """The database, as its owner."""
    access: Access
    """A door of our own, for preparing and for what is measured in process."""
    keys: FileKeyStore
    institutions: list[dict[str, Any]]
    """As in demo.json: id, client_id, private_key_jwk, terminal."""
    made: synth.City
    """The city that is loaded, and as many residents again who are not."""
    spec: Spec
    """How Yima is served."""
    server: Target
    bare_server: Target
    numbers: dict[str, int] = field(default_factory=dict)
    """Institution codes as the database numbers them."""
    runner: Callable[..., Awaitable[Run]] = measure.run
    """How Yima is measured; the profiler puts itself here."""
    _tokens: dict[str, str] = field(default_factory=dict)

    async def yima(
        self,
        requests: list[bytes],
        *,
        connections: int,
        seconds: float | None = None,
        again: bool = True,
        rate: float = 0.0,
        patience: float = 0.0,
    ) -> Run:
        """Measure Yima: see `measure.run`."""
        seconds = self.plan.seconds if seconds is None else seconds
        return await self.runner(
            self.server, requests, connections=connections, seconds=seconds, again=again, rate=rate, patience=patience
        )

    async def bare(self, path: str, *, connections: int, body: bytes = b"") -> Run:
        """Measure the bare server."""
        asked = measure.request("POST" if body else "GET", path, body=body)
        return await measure.run(self.bare_server, [asked], connections=connections, seconds=self.plan.limit_seconds)

    async def pgbench(self, scripts: list[str], *, clients: int) -> Limit:
        """Measure PostgreSQL."""
        seconds = self.plan.limit_seconds
        return await limits.pgbench(self.url, scripts, clients=clients, seconds=seconds, server=self.server.postgres)

    @contextlib.asynccontextmanager
    async def owner(self) -> AsyncIterator[Any]:
        """A connection as the owner of the database."""
        connection = await asyncpg.connect(self.url)
        try:
            yield connection
        finally:
            await connection.close()

    async def token(self, institution: str) -> str:
        """An access token of the institution's app, by SMART Backend Services sign-in; kept, as a client would."""
        if institution not in self._tokens:
            described = next(place for place in self.institutions if place["id"] == institution)
            self._tokens[institution] = await asyncio.to_thread(
                _sign_in, f"http://127.0.0.1:{self.server.port}", described
            )
        return self._tokens[institution]

    def code_of(self, number: int) -> str:
        """The institution's code, by its number in the database."""
        return next(code for code, known in self.numbers.items() if known == number)


@contextlib.contextmanager
def database(folder: Path | None) -> Iterator[postgres.Postgres]:
    """A PostgreSQL of our own with fsync, in a directory that is removed afterwards."""
    data = Path(tempfile.mkdtemp(prefix="yima-bench-", dir=folder))
    data.chmod(0o711)  # as root PostgreSQL runs under another account, which must get through to its own files
    try:
        with postgres.start(data) as server:
            yield server
        postgres.remove(data)
    finally:
        shutil.rmtree(data, ignore_errors=True)


@contextlib.asynccontextmanager
async def stage(plan: Plan, server: postgres.Postgres) -> AsyncIterator[Stage]:
    """Migrate, register, load, serve."""
    url, data = server.url(), server.log.parent
    await migrate.migrate(url)
    spec = Spec(
        app="yima",
        port=free_port(),
        workers=plan.workers,
        data=str(data),
        database_url=url,
        log_level=plan.log_level,
    )
    bare = msgspec.structs.replace(spec, app="bare", port=free_port())
    settings = settings_of(spec)
    access = await Access.open(url, settings, settings.public_url)
    try:
        keys = FileKeyStore(data / "keys.json")
        made = synth.city(plan.residents * 2, SEED)
        institutions = await cities.register(access, keys, made)
        loaded = await loading.load(access, [item_of(visit) for visit in visits(made, 0, plan.residents)])
        if loaded.refused:
            raise BenchError(f"{loaded.refused} submissions of the city were refused")
        numbers = {place.code: place.institution_id for place in await directory.institutions(access.database)}
        await _open_content(url, access.vault)
        async with serving(spec, server.pid) as yima_server, serving(bare, server.pid) as bare_server:
            yield Stage(plan, url, access, keys, institutions, made, spec, yima_server, bare_server, numbers)
    finally:
        await access.close()


async def _open_content(url: str, vault: Vault) -> None:
    """`bench.content`: the record as it was loaded, opened, for cases that make requests of what is stored."""
    owner = await asyncpg.connect(url)
    try:
        await owner.execute(_CONTENT)
        rows = await owner.fetch(_STORED)
        opened = [(row["home"], row["type"], row["id"], content_of(vault, row).decode()) for row in rows]
        await owner.copy_records_to_table("content", schema_name="bench", records=opened)
        await owner.execute("analyze bench.content")
    finally:
        await owner.close()


_CONTENT: Final = """
create schema if not exists bench; drop table if exists bench.content;
create table bench.content (home bigint, type text, id text, content text, primary key (home, type, id))"""
_STORED: Final = """
select r.home, r.type, r.id, r.version, r.deleted, r.content, k.wrap
from records.resource as r left join records.key as k using (home) where not r.deleted"""


def visits(made: synth.City, first: int, last: int) -> list[synth.Visit]:
    """The submissions about the residents `first` to `last - 1`, in the order in which they would be sent."""
    chosen = {resident.key for resident in made.residents[first:last]}
    return [visit for visit in synth.visits(made) if visit.resident in chosen]


def item_of(visit: synth.Visit) -> loading.Item:
    """A visit as an item to load."""
    return loading.Item(visit.institution, visit.key, orjson.dumps(visit.bundle))


@contextlib.asynccontextmanager
async def serving(spec: Spec, postgres: int) -> AsyncIterator[Target]:
    """A server of its own, ended with the block. `postgres`: the process whose CPU time counts with it."""
    log = await asyncio.to_thread(_open_log, Path(spec.data) / f"{spec.app}.log")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.serving", stdin=asyncio.subprocess.PIPE, stdout=log, stderr=log
    )
    try:
        assert process.stdin is not None
        process.stdin.write(msgspec.json.encode(spec) + b"\n")
        await process.stdin.drain()
        await _answering(spec, process)
        yield Target(spec.port, process.pid, postgres)
    finally:
        log.close()
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 15)
        except TimeoutError:
            process.kill()
            await process.wait()


async def _answering(spec: Spec, process: asyncio.subprocess.Process) -> None:
    path = "/bytes/2" if spec.app == "bare" else "/health/ready"
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and process.returncode is None:
        try:
            await asyncio.to_thread(_fetch, urllib.request.Request(f"http://127.0.0.1:{spec.port}{path}"))
            return
        except OSError:
            await asyncio.sleep(0.05)
    log = await asyncio.to_thread((Path(spec.data) / f"{spec.app}.log").read_text)
    raise BenchError(f"the {spec.app} server did not answer: {log[-800:]}")


def _sign_in(base: str, described: dict[str, Any]) -> str:
    now = int(clock.now().timestamp())
    client = described["client_id"]
    key = jwk.ECKey.import_key(described["private_key_jwk"])
    claims = {"iss": client, "sub": client, "aud": f"{base}/oauth/token", "exp": now + 240, "jti": ids.new_handle()}
    form = {
        "grant_type": "client_credentials",
        "client_assertion_type": directory.ASSERTION_TYPE,
        "client_assertion": jwt.encode({"alg": "ES256", "kid": described["private_key_jwk"]["kid"]}, claims, key),
    }
    body = urllib.parse.urlencode(form).encode()
    asked = urllib.request.Request(f"{base}/oauth/token", body, {"content-type": "application/x-www-form-urlencoded"})  # noqa: S310  loopback
    try:
        return str(orjson.loads(_fetch(asked))["access_token"])
    except urllib.error.HTTPError as error:
        raise BenchError(f"sign-in of {client} was refused: {error.read()[:300]!r}") from error


def _fetch(asked: urllib.request.Request) -> bytes:
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310  loopback
        return bytes(answer.read())


def free_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _open_log(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")
