"""What carries chunks of rows through the door: in this process, or in several of its own."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import uvloop

from yima.access import Access, Arrival
from yima.cli.bulk import tune
from yima.cli.bulk.lines import Line
from yima.cli.bulk.rejects import Mistake, mistakes
from yima.cli.population.rows import Table, arrival_of
from yima.directory import Caller
from yima.runtime import clock, logs
from yima.runtime.errors import Refusal
from yima.runtime.settings import load as load_settings

_TOGETHER: Final = 50
"""Rows in one transaction: each locks what it may be known by until all are stored."""
_LANES: Final = 3


@dataclass(slots=True)
class Answer:
    """What became of a chunk: how many rows met each fate, cards made, and what was refused (place in the chunk)."""

    fates: dict[str, int] = field(default_factory=dict)
    cards: int = 0
    refused: list[tuple[int, tuple[Mistake, ...]]] = field(default_factory=list)


class Worker:
    """Reads rows and brings them to the door; refusals are answers, and stop nothing."""

    def __init__(self, access: Access, caller: Caller, issue_cards: bool) -> None:
        self._access = access
        self._caller = caller
        self._issue_cards = issue_cards

    async def carry(self, lines: Sequence[Line], table: Table) -> Answer:
        """A chunk of one file. Rows of one key stay in their order: lanes are chosen by key."""
        answer = Answer()
        lanes: list[list[tuple[int, Arrival]]] = [[] for _ in range(_LANES)]
        today = (clock.now() + timedelta(days=1)).date()  # days begin earlier further east
        for number, line in enumerate(lines):
            try:
                if line.refusal:
                    raise line.refusal
                arrival = arrival_of(line.body, table, today)
                lanes[zlib.crc32(arrival.key.encode()) % _LANES].append((number, arrival))
            except Refusal as refusal:
                answer.refused.append((number, mistakes(refusal)))
        await asyncio.gather(*(self._lane(lane, answer) for lane in lanes))
        answer.refused.sort()
        return answer

    async def _lane(self, rows: Sequence[tuple[int, Arrival]], answer: Answer) -> None:
        for first in range(0, len(rows), _TOGETHER):
            part = rows[first : first + _TOGETHER]
            done = await self._access.population.admit(
                self._caller, [arrival for _, arrival in part], issue_cards=self._issue_cards, now=clock.now()
            )
            for (number, _), one in zip(part, done, strict=True):
                answer.fates[one.fate] = answer.fates.get(one.fate, 0) + 1
                answer.cards += one.card
                if one.refusal:
                    answer.refused.append((number, mistakes(one.refusal)))


# --- in a process of its own -----------------------------------------------------------------------------------------


class Process:
    """The worker of one process, with its event loop."""

    held: Process | None = None

    def __init__(self, url: str, data: Path, caller: Caller, issue_cards: bool) -> None:
        logs.configure("console", "error")
        tune()
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._worker = self._runner.run(_open(url, data, caller, issue_cards))

    def carry(self, lines: Sequence[Line], table: Table) -> Answer:
        """See `Worker.carry`."""
        return self._runner.run(self._worker.carry(lines, table))


async def _open(url: str, data: Path, caller: Caller, issue_cards: bool) -> Worker:
    settings = load_settings({"data": data, "development": True})
    return Worker(await Access.open(url, settings, settings.public_url), caller, issue_cards)


def start(url: str, data: Path, caller: Caller, issue_cards: bool) -> None:
    """Start the worker of this process."""
    Process.held = Process(url, data, caller, issue_cards)


def carry(lines: Sequence[Line], table: Table) -> Answer:
    """`Worker.carry` in this process."""
    assert Process.held  # noqa: S101  `start` ran before
    return Process.held.carry(lines, table)
