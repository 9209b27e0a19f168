"""Loading submissions made in this process through the exchange's inbox; files are `bulk`'s."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from yima import directory, exchange, fhir
from yima.access import Access
from yima.directory import Caller
from yima.runtime import clock
from yima.runtime.errors import Refusal

_AT_ONCE = 6


@dataclass(frozen=True, slots=True)
class Item:
    """One submission to load: the institution's code, its key (empty = by content), and the Bundle's bytes."""

    institution: str
    key: str
    body: bytes


@dataclass(slots=True)
class Loaded:
    """What a load did."""

    submissions: int = 0
    resources: int = 0
    refused: int = 0
    seconds: float = 0.0


async def load(access: Access, items: Iterable[Item], *, total: int | None = None) -> Loaded:
    """Submit everything, a few at a time, in order; refusals are counted and shown, and stop nothing."""
    callers = {i.code: loader(i) for i in await directory.institutions(access.database)}
    done, began = Loaded(), time.perf_counter()
    total = total if total is not None else len(items) if isinstance(items, Sequence) else None
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, transient=False) as progress:
        task = progress.add_task("loading submissions", total=total)

        async def submit(item: Item) -> None:
            try:
                stored = await _submit(access, callers, item)
                done.resources += stored
                done.submissions += 1
            except Refusal as refusal:
                done.refused += 1
                progress.console.print(f"refused: {item.institution}: {refusal}")
            progress.advance(task)

        async for batch in _batches(items):
            await asyncio.gather(*(submit(item) for item in batch))
    done.seconds = time.perf_counter() - began
    return done


async def _batches(items: Iterable[Item]) -> AsyncIterator[list[Item]]:
    batch: list[Item] = []
    for item in items:
        batch.append(item)
        if len(batch) == _AT_ONCE:
            yield batch
            batch = []
    if batch:
        yield batch


async def _submit(access: Access, callers: dict[str, Caller], item: Item) -> int:
    caller = callers.get(item.institution)
    if caller is None:
        raise Refusal("field-invalid", field="institution", expected="the code of a registered institution")
    tree: dict[str, Any] = fhir.parse(item.body)
    plan = exchange.plan(tree, max_entries=access.settings.max_bundle_entries)
    message = exchange.Message(caller=caller, body=item.body, key=item.key, received=clock.now(), request_id="load")
    answer = await exchange.receive_bundle(access, message, plan)
    return len(answer["entry"])


def loader(place: directory.Institution) -> Caller:
    """The institution itself as a caller: what its own app would be."""
    return Caller(
        kind="app", agent_id="yima-load", name_zh="批量导入", name_en="Bulk load", institution=place.institution_id,
        institution_code=place.code, institution_zh=place.name_zh, institution_en=place.name_en,
        scopes=frozenset({"system/*.cruds"}),
    )  # fmt: skip
