"""How much the event loop does at a stretch, counted and not timed: a count is the same on every machine."""

from __future__ import annotations

import asyncio
import sys
from types import CodeType, FrameType, TracebackType
from typing import Any, Final

_STEP: Final[CodeType] = asyncio.Handle._run.__code__  # type: ignore[attr-defined]  # a method written in Python
"""What the loop calls for each piece of work that it has."""


class Stretches:
    """While it is entered: the calls of functions, Python's and C's, that this thread's loop makes in one go."""

    def __init__(self) -> None:
        self.longest = 0
        """Calls in the piece that made most of them."""
        self._now = 0

    def __enter__(self) -> Stretches:
        sys.setprofile(self._seen)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        sys.setprofile(None)

    def _seen(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code is _STEP:
            self._now = 0
        elif event in ("call", "c_call"):
            self._now += 1
            self.longest = max(self.longest, self._now)
