"""The load itself: scan, Patients, ids, everything else; with progress, and going on after what is refused."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import secrets
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from yima import directory
from yima.access import Access
from yima.cli.bulk import worker
from yima.cli.bulk.lines import Line, files, lines
from yima.cli.bulk.parts import CHUNK, Resource, Submission, chunks, part_of, windows
from yima.cli.bulk.rejects import Rejects, mistakes
from yima.cli.bulk.state import State
from yima.cli.bulk.worker import Answer, Sending, Worker
from yima.cli.loading import Item
from yima.runtime import clock, ids
from yima.runtime.database import is_unavailable
from yima.runtime.errors import Refusal

_PATIENTS: Final = 50  # in one transaction: each locks the numbers by which it may be known
_TOGETHER: Final = 24  # submissions handed over at a time
_SMALL: Final = 5_000  # lines: below, starting processes costs more than they save
_NOTED: Final = 5_000


@dataclass(slots=True)
class Report:
    """What a load did. Repeats are counted as stored: the platform said that it has them."""

    submissions: int = 0
    resources: int = 0
    skipped: int = 0
    """Lines that the state file says are stored (`--resume`), and identical lines."""
    refused: int = 0
    seconds: float = 0.0
    codes: dict[str, int] = field(default_factory=dict)
    rejects: Path | None = None


@dataclass(slots=True)
class _Lanes:
    """Where parts are sent: to this process's worker, or to processes."""

    send: Callable[[str, Sequence[Sending], str], Awaitable[list[Answer]]]
    submit: Callable[[Sequence[Item]], Awaitable[list[Answer]]]
    width: int
    close: Callable[[], None]


async def load(
    access: Access,
    url: str,
    paths: Sequence[Path],
    *,
    institution: str | None,
    resume: bool,
    processes: int | None = None,
) -> Report:
    """Load files and directories. Refusal `field-invalid` for a path that is nothing to load."""
    began, chosen = time.perf_counter(), files(paths)
    known = {place.code for place in await directory.institutions(access.database)}
    if institution is not None and institution not in known:
        raise Refusal("field-invalid", field="--institution", expected="the code of a registered institution")
    state = State(access.settings.data / "load.sqlite")
    rejects = Rejects(access.settings.data / f"load-rejects-{clock.now():%Y%m%dT%H%M%S}-{secrets.token_hex(2)}.ndjson")
    try:
        with Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn()
        ) as progress:
            one = _Load(access, state, rejects, chosen, institution, resume, progress)
            await one.run(url, processes)
    except Exception as error:
        if is_unavailable(error):
            # What was acknowledged is noted: the same command with --resume goes on from here.
            raise Refusal("postgres-unavailable", reason=type(error).__name__, source="the log") from error
        raise
    finally:
        state.close()
        rejects.close()
    one.report.seconds = time.perf_counter() - began
    one.report.codes = dict(rejects.codes)
    one.report.rejects = rejects.path if rejects.codes else None
    return one.report


class _Rate(ProgressColumn):
    """Lines a second."""

    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


class _Load:
    """One load on its way."""

    def __init__(
        self,
        access: Access,
        state: State,
        rejects: Rejects,
        chosen: Sequence[Path],
        institution: str | None,
        resume: bool,
        progress: Progress,
    ) -> None:
        self.report = Report()
        self._access = access
        self._state = state
        self._rejects = rejects
        self._files = chosen
        self._institution = institution
        self._resume = resume
        self._progress = progress
        self._task = progress.add_task("scanning", total=None)
        self._run = secrets.token_hex(8)
        self._holding: dict[str, set[Path]] = {"patients": set(), "others": set(), "submissions": set()}

    async def run(self, url: str, processes: int | None) -> None:
        """Scan, give ids on the shelf, register Patients, give ids in their records, store the rest."""
        total = self._scan()
        self._progress.update(self._task, description="loading", total=total, completed=self.report.refused)
        lanes = await self._lanes(
            url, processes or (1 if total < _SMALL else min(4, max(1, (os.cpu_count() or 1) // 2)))
        )
        try:
            self._state.give_ids(_on_the_shelf)
            await self._send_resources(lanes, patients=True)
            self._state.give_ids(_in_the_record)
            await self._together(lanes, (self._submit(lanes, parts) for parts in self._submissions()))
            await self._send_resources(lanes, patients=False)
        finally:
            lanes.close()

    async def _lanes(self, url: str, processes: int) -> _Lanes:
        data = self._access.settings.data
        if processes == 1:
            here = await Worker.open(self._access, self._state)
            return _Lanes(here.send, here.submit, 4, lambda: None)
        opened = (url, data, data / "load.sqlite")
        pool = ProcessPoolExecutor(processes, multiprocessing.get_context("spawn"), worker.start, opened)
        loop = asyncio.get_running_loop()

        async def send(institution: str, rows: Sequence[Sending], run: str) -> list[Answer]:
            return await loop.run_in_executor(pool, worker.send, institution, rows, run)

        async def submit(items: Sequence[Item]) -> list[Answer]:
            return await loop.run_in_executor(pool, worker.submit, items)

        return _Lanes(send, submit, processes + 1, partial(pool.shutdown, cancel_futures=True))

    # --- reading -----------------------------------------------------------------------------------------------------

    def _scan(self) -> int:
        """Read everything once: what cannot be read is refused, what can is noted; how many lines there are."""
        total, rows = 0, []
        for path in self._files:
            for line in lines(path, self._access.settings.max_body_bytes):
                total += 1
                try:
                    part = part_of(line, self._institution)
                except Refusal as refusal:
                    if self._institution is None and refusal.field == "--institution":
                        raise
                    self._refuse(line, Answer(mistakes=mistakes(refusal)))
                    continue
                if isinstance(part, Submission):
                    self._holding["submissions"].add(path)
                    continue
                self._holding["patients" if part.type == "Patient" else "others"].add(path)
                rows.append((part.key, part.patient, self._run, line.place, part.digest))
                if len(rows) >= _NOTED:
                    self._state.see(rows)
                    rows.clear()
                    self._progress.update(self._task, completed=total)
        self._state.see(rows)
        return total

    def _parts(self, kind: str) -> Iterator[Submission | Resource]:
        """The parts in the files that hold such ones."""
        for path in (path for path in self._files if path in self._holding[kind]):
            for line in lines(path, self._access.settings.max_body_bytes):
                try:
                    yield part_of(line, self._institution)
                except Refusal:
                    continue  # refused when it was scanned

    def _resources(self, patients: bool) -> Iterator[Resource]:
        found = self._parts("patients" if patients else "others")
        return (p for p in found if isinstance(p, Resource) and (p.type == "Patient") == patients)

    def _submissions(self) -> Iterator[list[Submission]]:
        """In their order, so many at a time as are handed over together."""
        waiting: list[Submission] = []
        for part in self._parts("submissions"):
            if isinstance(part, Submission):
                waiting.append(part)
            if len(waiting) >= _TOGETHER:
                yield waiting
                waiting = []
        if waiting:
            yield waiting

    # --- sending -----------------------------------------------------------------------------------------------------

    async def _send_resources(self, lanes: _Lanes, patients: bool) -> None:
        for window in windows(self._resources(patients)):
            await self._together(
                lanes, (self._send(lanes, c) for c in chunks(window, _PATIENTS if patients else CHUNK))
            )

    async def _together(self, lanes: _Lanes, works: Iterator[Coroutine[None, None, None]]) -> None:
        """Do so many at once as there are lanes; the first that fails ends the load."""
        running: set[asyncio.Task[None]] = set()
        for work in works:
            running.add(asyncio.create_task(work))
            if len(running) >= lanes.width:
                done, running = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
        await asyncio.gather(*running)

    async def _submit(self, lanes: _Lanes, parts: Sequence[Submission]) -> None:
        sent = [p for p in parts if not (self._resume and self._state.was_sent(p.digest))]
        self._skip(len(parts) - len(sent))
        answers = await lanes.submit([p.item for p in sent])
        for part, answer in zip(sent, answers, strict=True):
            if answer.mistakes:
                self._refuse(part.line, answer)
            else:
                self.report.submissions += 1
                self.report.resources += answer.entries
        self._state.mark_sent(p.digest for p, a in zip(sent, answers, strict=True) if not a.mistakes)
        self._progress.advance(self._task, len(sent))

    async def _send(self, lanes: _Lanes, chunk: Sequence[Resource]) -> None:
        chosen = [(part, row) for part in chunk if (row := self._row(part))]
        if not chosen:
            return
        answers = await lanes.send(chosen[0][0].institution, [row for _, row in chosen], self._run)
        stored = []
        for (part, row), answer in zip(chosen, answers, strict=True):
            if answer.mistakes:
                self._refuse(part.line, answer)
            else:
                stored.append((answer.ours, row.digest, part.key))
        self._state.acknowledge(stored)
        self.report.resources += len(stored)
        self._progress.advance(self._task, len(chosen))

    def _row(self, part: Resource) -> Sending | None:
        """How a resource is sent; None when it need not be, or must not."""
        known = self._state.known(part.key)
        if known is None or known.place != part.line.place:
            if known is not None and known.met == part.digest:
                self._skip(1)
            else:
                twice = Refusal("field-invalid", field=f"{part.type}.id", expected="each resource once in a load")
                self._refuse(part.line, Answer(mistakes=mistakes(twice)))
                self._progress.advance(self._task)
            return None
        if self._resume and known.digest == part.digest:
            self._skip(1)
            return None
        stored = known.digest is not None
        return Sending(part.line.body, part.digest, known.ours, stored, stored and known.digest != part.digest)

    def _skip(self, count: int) -> None:
        self.report.skipped += count
        self._progress.advance(self._task, count)

    def _refuse(self, line: Line, answer: Answer) -> None:
        self.report.refused += 1
        self._rejects.add(line, answer.mistakes)


_home_of: Final = lru_cache(1_000)(ids.home_of)  # a patient's resources stand side by side


def _on_the_shelf(patient: str | None, _home: str | None) -> str | None:
    return ids.new_resource_id(ids.SHELF) if patient is None else None


def _in_the_record(patient: str | None, home: str | None) -> str | None:
    """The id of a resource about a Patient of the source, or about one that is named by its id here."""
    person = _home_of(home or (patient or "").rpartition("Patient/")[2])
    return ids.new_resource_id(person) if person else None
