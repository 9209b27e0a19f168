"""A body has to arrive: whoever sends none of what was announced holds a place of those who do.

What is under way is bounded by class (`shedding`), before anybody has said who they are. Without a limit of time a few
hundred connections that send one byte each would keep all scans out for as long as they like.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

from starlette.types import Message, Receive

from yima.runtime.errors import Refusal

SECONDS: Final = 20.0
"""For a body of any length, in seconds."""
_RATE: Final = 16 * 1024
"""Bytes for which a further second is given: 16 MiB may take a quarter of an hour."""


def patiently(receive: Receive) -> Receive:
    """`receive` of a request (ASGI) that raises Refusal `body-too-slow` once its body has taken too long.

    What comes after the body, a client's leaving, is waited for as long as anybody likes.
    """
    began, received, whole = time.monotonic(), 0, False

    async def in_time() -> Message:
        nonlocal received, whole
        if whole:
            return await receive()
        try:
            async with asyncio.timeout(began + SECONDS + received / _RATE - time.monotonic()):
                message = await receive()
        except TimeoutError:
            raise Refusal("body-too-slow") from None
        received += len(message.get("body", b""))
        whole = not message.get("more_body", False)
        return message

    return in_time
