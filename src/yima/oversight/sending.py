"""How a notice leaves the house. A deployment brings its own sender; this one writes a file, for development.

A notice has no content: that somebody used or opened the record, and where to look. Never what, never who.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Final, Protocol

import orjson

NOTICE: Final = (
    "一码：有人查看或使用了您的健康码或档案。请登录一码，在“谁看过”里查看。"
    " Yima: your code or record was used. Sign in and see “Who looked”."
)


class Sender(Protocol):
    """What a gateway for messages must offer."""

    async def send(self, phone: str, text: str) -> None:
        """Hand a message over. May raise `OSError`: it is then tried again never: what matters is in the log."""


class FileSender:
    """Appends each notice to a file that only its owner can read, one JSON object a line. For development."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def send(self, phone: str, text: str) -> None:
        """Write it down."""
        await asyncio.to_thread(self._write, orjson.dumps({"to": phone, "text": text}) + b"\n")

    def _write(self, line: bytes) -> None:
        with os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as file:
            file.write(line)


def sender_named(name: str, data: Path) -> Sender | None:
    """The sender of the setting `notice_sender`: `file` (`notices.jsonl` in the data directory); `none` is None."""
    return FileSender(data / "notices.jsonl") if name == "file" else None
