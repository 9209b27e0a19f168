"""What carries the parts of a load through the inbox: in this process, or in several of its own."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import uvloop

from yima import directory, exchange, fhir
from yima.access import Access, Entry
from yima.cli.bulk.parts import address
from yima.cli.bulk.rejects import Mistake, mistakes
from yima.cli.bulk.state import State
from yima.cli.loading import Item, loader
from yima.directory import Caller
from yima.runtime import clock, logs
from yima.runtime.database import UniqueViolation
from yima.runtime.errors import Refusal
from yima.runtime.settings import load as load_settings

_AT_ONCE: Final = 6
_ENTRY: Final = re.compile(r"entry\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Sending:
    """One resource on its way: the line, its id here (a new Patient has none yet), whether it is stored already."""

    body: bytes
    digest: bytes
    ours: str
    stored: bool
    changed: bool = False
    """Whether it is stored with another content: its key must then not be that of an earlier load."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a part: the id here of a resource, how many entries a submission had; and what was wrong."""

    ours: str = ""
    entries: int = 0
    mistakes: tuple[Mistake, ...] = ()


class _Ours(dict[str, str]):
    """References of the source -> references here, looked up in the state of the load."""

    def __init__(self, state: State, institution: str) -> None:
        super().__init__({"": ""})  # never empty: `fhir.relink` has nothing to do for an empty one
        self._state = state
        self._institution = institution

    def get(self, reference: str, default: Any = None) -> Any:
        """The reference here, or `default` for what is no reference to a resource of the load."""
        kind = address(reference)
        if kind is None:
            return default
        try:
            return f"{kind}/{self._state.id_of(f'{self._institution} {reference}')}"
        except KeyError:
            return default


class Worker:
    """Submits as the institutions themselves would; refusals are answers, and stop nothing."""

    def __init__(self, access: Access, callers: dict[str, Caller], state: State) -> None:
        self._access = access
        self._callers = callers
        self._state = state

    @classmethod
    async def open(cls, access: Access, state: State) -> Worker:
        """A worker that may speak for every institution on the register."""
        return cls(access, {i.code: loader(i) for i in await directory.institutions(access.database)}, state)

    async def submit(self, items: Sequence[Item]) -> list[Answer]:
        """Submissions, a few at a time, in order."""
        answers: list[Answer] = []
        for start in range(0, len(items), _AT_ONCE):
            answers += await asyncio.gather(*(self._submit(item) for item in items[start : start + _AT_ONCE]))
        return answers

    async def _submit(self, item: Item) -> Answer:
        try:
            tree = fhir.parse(item.body)
            plan = exchange.plan(tree, max_entries=self._access.settings.max_bundle_entries)
            answer = await exchange.receive_bundle(
                self._access, self._message(item.institution, item.body, item.key), plan
            )
        except Refusal as refusal:
            return Answer(mistakes=mistakes(refusal))
        entries = answer.get("entry", [])
        return Answer(entries=len(entries), mistakes=tuple(_refused_entries(entries)))

    async def send(self, institution: str, rows: Sequence[Sending], run: str) -> list[Answer]:
        """Resources, in one transaction; those that are refused are taken out, and the others tried again."""
        answers: dict[int, Answer] = {}
        ours = _Ours(self._state, institution)
        ready: dict[int, Entry] = {}
        for number, row in enumerate(rows):
            try:
                ready[number] = _entry(number, row, ours)
            except Refusal as refusal:
                answers[number] = Answer(mistakes=mistakes(refusal))
        parts = [{number: row for number, row in enumerate(rows) if number not in answers}]
        while parts:
            part = parts.pop()
            try:
                answers |= await self._transact(institution, part, ready, ours, run) if part else {}
            except UniqueViolation:
                parts += _stored_before(part)
            except Refusal as refusal:
                parts += _without(part, refusal, answers)
        return [answers[number] for number in range(len(rows))]

    async def _transact(
        self, institution: str, part: dict[int, Sending], ready: dict[int, Entry], ours: _Ours, run: str
    ) -> dict[int, Answer]:
        """One try. `ready` holds entries that no try has used yet; what is taken from it has to be read again."""
        digests = b"".join(row.digest + (run.encode() if row.changed else b"") for row in part.values())
        key = f"load/{hashlib.sha256(digests).hexdigest()}"
        body = b"\n".join(row.body for row in part.values())
        made = await exchange.receive_entries(
            self._access,
            self._message(institution, body, key),
            lambda: [ready.pop(n) if n in ready else _entry(n, row, ours) for n, row in part.items()],
        )
        ids = (text.partition("/")[2] for text in made)
        return {number: Answer(ours=i) for number, i in zip(part, ids, strict=True)}

    def _message(self, institution: str, body: bytes, key: str) -> exchange.Message:
        caller = self._callers.get(institution)
        if caller is None:
            raise Refusal("field-invalid", field="institution", expected="the code of a registered institution")
        return exchange.Message(caller=caller, body=body, key=key, received=clock.now(), request_id="load")


def _entry(number: int, row: Sending, ours: _Ours) -> Entry:
    resource = fhir.parse(row.body)
    fhir.validate(resource)
    found = fhir.find(resource)
    fhir.relink(resource, ours, found)
    kind, path = resource["resourceType"], f"entry[{number}]"
    if row.stored:
        return Entry(method="PUT", type=kind, id=row.ours, resource=resource, path=path, found=found)
    return Entry(method="POST", type=kind, given=row.ours, resource=resource, path=path, found=found)


def _without(part: dict[int, Sending], refusal: Refusal, answers: dict[int, Answer]) -> list[dict[int, Sending]]:
    """What is left to try after a refusal: all but the entry that it names, or the two halves when it names none."""
    named = _ENTRY.match(refusal.field or "")
    guilty = int(named[1]) if named else next(iter(part)) if len(part) == 1 else None
    found = mistakes(refusal)
    if refusal.code == "overloaded":  # nobody's fault: they stand among the rejects, and --resume sends them again
        answers |= dict.fromkeys(part, Answer(mistakes=found))
        return []
    if guilty is None or guilty not in part:
        return _halves(part)
    kind = fhir.parse(part[guilty].body)["resourceType"]  # the sender knows no entries
    answers[guilty] = Answer(mistakes=tuple(replace(m, field=_ENTRY.sub(kind, m.field)) for m in found))
    return [{number: row for number, row in part.items() if number != guilty}]


def _stored_before(part: dict[int, Sending]) -> list[dict[int, Sending]]:
    """An id is taken: the row was stored, and the load ended before it was noted. It is said again as an update."""
    if len(part) > 1:
        return _halves(part)
    return [{number: replace(row, stored=True) for number, row in part.items()}]


def _halves(part: dict[int, Sending]) -> list[dict[int, Sending]]:
    rows = list(part.items())
    middle = len(rows) // 2
    return [dict(rows[middle:]), dict(rows[:middle])]


def _refused_entries(entries: Sequence[dict[str, Any] | None]) -> Iterator[Mistake]:
    """The entries of a batch that were refused, while the others were stored."""
    for number, entry in enumerate(entries):
        said = (entry or {}).get("response", {})
        if said.get("status", "2")[:1] != "2":
            issue = said["outcome"]["issue"][0]
            code = next((c["code"] for c in issue.get("details", {}).get("coding", ())), said["status"])
            reason = issue.get("details", {}).get("text", "")
            yield Mistake(code, f"Bundle.entry[{number}]", reason, issue.get("diagnostics", ""))


# --- in a process of its own -----------------------------------------------------------------------------------------


class Process:
    """The worker of one process, with its event loop."""

    held: Process | None = None

    def __init__(self, url: str, data: Path, state: Path) -> None:
        logs.configure("console", "error")
        tune()
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._worker = self._runner.run(_open(url, data, state))

    def send(self, institution: str, rows: Sequence[Sending], run: str) -> list[Answer]:
        """See `Worker.send`."""
        return self._runner.run(self._worker.send(institution, rows, run))

    def submit(self, items: Sequence[Item]) -> list[Answer]:
        """See `Worker.submit`."""
        return self._runner.run(self._worker.submit(items))


async def _open(url: str, data: Path, state: Path) -> Worker:
    settings = load_settings({"data": data, "development": True})
    return await Worker.open(await Access.open(url, settings, settings.public_url), State(state))


def start(url: str, data: Path, state: Path) -> None:
    """Start the worker of this process."""
    Process.held = Process(url, data, state)


def send(institution: str, rows: Sequence[Sending], run: str) -> list[Answer]:
    """`Worker.send` in this process."""
    assert Process.held  # noqa: S101  `start` ran before
    return Process.held.send(institution, rows, run)


def submit(items: Sequence[Item]) -> list[Answer]:
    """`Worker.submit` in this process."""
    assert Process.held  # noqa: S101  `start` ran before
    return Process.held.submit(items)


def tune() -> None:
    """Collect garbage seldom: a load makes many trees and no cycles."""
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)
