"""The load of a population base: read, hand over chunks, note what is stored; bounded memory, and nothing stops it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import multiprocessing
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from yima import directory
from yima.access import Access
from yima.cli.bulk.lines import Line, lines
from yima.cli.bulk.rejects import Rejects
from yima.cli.population import worker
from yima.cli.population.rows import Table, table_of
from yima.cli.population.state import CHUNK, State, file_key
from yima.cli.population.worker import Answer, Worker
from yima.directory import Caller
from yima.runtime import clock
from yima.runtime.database import is_unavailable
from yima.runtime.errors import Refusal

_LONGEST_LINE: Final = 64 << 10
_SMALL: Final = 5_000
"""Lines: below, starting processes costs more than they save."""
_SOURCE: Final = ("POPULATION", "人口基础信息库", "Population register")
_ENDS: Final = b"\r\n"


@dataclass(slots=True)
class Report:
    """What a load did."""

    rows: int = 0
    fates: dict[str, int] = field(default_factory=dict)
    """new, found, review, unchanged, and refused by the person index."""
    cards: int = 0
    refused: int = 0
    skipped: int = 0
    """Rows that the state file says are stored (`--resume`)."""
    codes: dict[str, int] = field(default_factory=dict)
    rejects: Path | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Chunk:
    """Lines of one file that are handed over together."""

    key: str
    number: int
    lines: Sequence[Line]
    table: Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a load is done."""

    columns: Mapping[str, str] = field(default_factory=dict)
    """Our name of a column -> the header's."""
    institution: str = _SOURCE[0]
    """Whose base it is; `POPULATION` is put on the register when it is not there."""
    resume: bool = False
    processes: int | None = None
    issue_cards: bool = False


async def load(access: Access, url: str, paths: Sequence[Path], options: Options) -> Report:
    """Load the files, in their order. Refusals: `field-invalid`, `field-missing` for a header without what is needed,
    `load-running`, `postgres-unavailable`."""
    with contextlib.closing(State(access.settings.data / "population.json", resume=options.resume)) as state:
        return await _load(access, url, paths, options, state)


async def _load(access: Access, url: str, paths: Sequence[Path], options: Options, state: State) -> Report:
    began, report, data = time.perf_counter(), Report(), access.settings.data
    if not all(path.is_file() for path in paths):  # each is read three times; a pipe is read once
        raise Refusal("field-invalid", field="PATH", expected="files")
    caller = await _source(access, options.institution)
    tables = {path: _table(path, options.columns) for path in paths}  # before anything is stored
    rejects = Rejects(data / f"population-rejects-{clock.now():%Y%m%dT%H%M%S}-{secrets.token_hex(2)}.ndjson")
    bars = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*bars, TimeRemainingColumn()) as progress:
            total = sum(max(sum(1 for _ in lines(path, _LONGEST_LINE, _ENDS)) - 1, 0) for path in paths)
            task = progress.add_task("loading rows", total=total)
            many = options.processes or (1 if total < _SMALL else min(4, max(1, (os.cpu_count() or 1) // 2)))
            carry, width, close = _lanes(access, url, caller, options, many)
            try:
                chunks = _chunks(tables, state, options, report, partial(progress.advance, task))
                await _carried(chunks, carry, width, state, rejects, report, partial(progress.advance, task))
            finally:
                close()
    except Exception as error:
        if is_unavailable(error):  # what was stored is noted: the same command with --resume goes on from here
            raise Refusal("postgres-unavailable", reason=type(error).__name__, source="the log") from error
        raise
    finally:
        rejects.close()
    report.seconds, report.codes = time.perf_counter() - began, dict(rejects.codes)
    report.rejects = rejects.path if rejects.codes else None
    return report


async def _source(access: Access, code: str) -> Caller:
    """The institution whose base it is, as the command line speaks for it. Refusal `field-invalid`."""
    if code == _SOURCE[0]:
        async with access.database.transaction() as c:
            await directory.register_institution(
                c, code=code, name_zh=_SOURCE[1], name_en=_SOURCE[2], kind="A100", area="000000"
            )
    place = next((one for one in await directory.institutions(access.database) if one.code == code), None)
    if place is None:
        raise Refusal("field-invalid", field="--institution", expected="the code of a registered institution")
    return Caller(
        kind="system", agent_id="population-load", name_zh="人口库导入", name_en="Population register",
        institution=place.institution_id, institution_code=place.code, institution_zh=place.name_zh,
        institution_en=place.name_en,
    )  # fmt: skip


def _table(path: Path, given: Mapping[str, str]) -> Table:
    found = lines(path, _LONGEST_LINE, _ENDS)
    header = next(found, None)
    if header is None or header.refusal:
        raise Refusal("field-missing", field=path.name, expected="a table with a header line")
    telling = next((one.body for one in itertools.chain([header], found) if not one.body.isascii()), b"")
    return table_of(header.body, telling, given)


Carry = Callable[[Chunk], Awaitable[Answer]]


def _lanes(
    access: Access, url: str, caller: Caller, options: Options, processes: int
) -> tuple[Carry, int, Callable[[], None]]:
    """What carries chunks, how many at once, and what ends it."""
    if processes == 1:
        here = Worker(access, caller, options.issue_cards)
        return (lambda chunk: here.carry(chunk.lines, chunk.table)), 1, lambda: None
    opened = (url, access.settings.data, caller, options.issue_cards)
    pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), worker.start, opened)
    loop = asyncio.get_running_loop()

    async def carry(chunk: Chunk) -> Answer:
        return await loop.run_in_executor(pool, worker.carry, chunk.lines, chunk.table)

    return carry, processes + 1, partial(pool.shutdown, cancel_futures=True)


def _chunks(
    tables: Mapping[Path, Table], state: State, options: Options, report: Report, advance: Callable[[int], None]
) -> Iterator[Chunk]:
    """The chunks that are not stored yet. The same file gives the same chunks."""
    said = {"map": dict(options.columns), "cards": options.issue_cards, "institution": options.institution}
    for path, table in tables.items():
        key = file_key(path, said)
        state.begin(key)
        rows = itertools.islice(lines(path, _LONGEST_LINE, _ENDS), 1, None)
        for number in itertools.count():
            part = list(itertools.islice(rows, CHUNK))
            if not part:
                break
            if state.is_done(key, number):
                report.skipped += len(part)
                advance(len(part))
            else:
                yield Chunk(key, number, part, table)


async def _carried(
    chunks: Iterator[Chunk], carry: Carry, width: int, state: State, rejects: Rejects, report: Report,
    advance: Callable[[int], None],
) -> None:  # fmt: skip
    """So many at once as there are lanes; the first that fails ends the load."""

    async def one(chunk: Chunk) -> None:
        answer = await carry(chunk)
        for place, found in answer.refused:
            line = chunk.lines[place]
            rejects.add(replace(line, body=_readable(line.body, chunk.table)), found)
        state.done(chunk.key, chunk.number)  # after the rejects: a kill between the two writes them twice, never not
        for fate, count in answer.fates.items():
            report.fates[fate] = report.fates.get(fate, 0) + count
        report.rows += len(chunk.lines)
        report.refused += len(answer.refused)
        report.cards += answer.cards
        advance(len(chunk.lines))

    running: set[asyncio.Task[None]] = set()
    for chunk in chunks:
        running.add(asyncio.create_task(one(chunk)))
        if len(running) >= width:
            done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    await asyncio.gather(*running)


def _readable(body: bytes, table: Table) -> bytes:
    return body.decode(table.encoding, errors="replace").encode()
