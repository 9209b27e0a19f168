"""Work beside the loop: in a thread when it is long, with the caller's context, and never in anybody's way."""

from __future__ import annotations

import asyncio
import sys
import threading
from contextvars import ContextVar

import pytest

from yima.runtime.beside import GREAT, LARGE, beside, in_hand
from yima.runtime.errors import Refusal

_said: ContextVar[str] = ContextVar("said", default="")


def _refuse() -> None:
    raise Refusal("not-found")


@pytest.mark.parametrize(("size", "here"), [(0, True), (LARGE - 1, True), (LARGE, False), (GREAT, False)])
async def test_only_long_work_leaves_the_loop_and_it_takes_the_context_along(size: int, here: bool) -> None:
    token = _said.set("by the caller")
    try:
        thread, said = await beside(size, lambda: (threading.get_ident(), _said.get()))
    finally:
        _said.reset(token)
    assert ((thread == threading.get_ident()), said) == (here, "by the caller")
    with pytest.raises(Refusal, match="not-found"):
        await beside(size, _refuse)


async def test_who_leaves_is_let_go_and_the_next_is_served() -> None:
    usual, go = sys.getswitchinterval(), threading.Event()
    left = asyncio.create_task(beside(LARGE, go.wait))
    never: list[int] = []
    queued = asyncio.create_task(beside(LARGE, lambda: never.append(1)))
    await asyncio.sleep(0.01)
    assert sys.getswitchinterval() < usual
    for task in (left, queued):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    great = await beside(GREAT, lambda: "not behind the other")  # which still waits in its thread
    go.set()
    assert (great, await beside(LARGE, lambda: "next"), never) == ("not behind the other", "next", [])
    assert sys.getswitchinterval() == usual


async def test_few_great_bodies_are_in_hand_at_once() -> None:
    most = now = 0

    async def one(size: int) -> None:
        nonlocal most, now
        async with in_hand(size):
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            now -= 1

    await asyncio.gather(*(one(GREAT) for _ in range(20)))
    assert most == 4
    await asyncio.gather(*(one(GREAT - 1) for _ in range(20)))
    assert most == 20
