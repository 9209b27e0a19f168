"""Passwords: which are taken, and how they are kept (NIST SP 800-63B, OWASP ASVS 5.0, V6.2).

Length is what counts: twelve characters or more, any character, no rules of composition, no expiry. Refused is what is
tried first by everybody: lists, rows of the keyboard, repetitions, the account's own name.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import files
from typing import Final, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from yima.runtime.errors import Refusal

T = TypeVar("T")
LEAST: Final = 12
MOST: Final = 128
"""Characters."""
_PASSES: Final = 2
_THREADS: Final = 2
_WAITING: Final = 40
"""Hashes that may wait for a thread: at some 30 ms each, the last is served within a second."""
_UNIT: Final = 4
_ROWS: Final = (
    "abcdefghijklmnopqrstuvwxyz", "1234567890", "qwertyuiopasdfghjklzxcvbnm", "qazwsxedcrfvtgbyhnujmikolp",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "1q2w3e4r5t6y7u8i9o0p",
)  # fmt: skip


class Passwords:
    """Hashes and checks with Argon2id (RFC 9106), in threads of its own: nothing else waits for it. One per worker."""

    def __init__(self, memory_kib: int) -> None:
        self._hasher = PasswordHasher(time_cost=_PASSES, memory_cost=memory_kib, parallelism=1)
        self._threads = ThreadPoolExecutor(_THREADS, "argon2")
        self._waiting = 0
        self._nobodys: str | None = None

    async def hash(self, password: str) -> str:
        """What is kept of a password: a PHC string with its own salt and costs."""
        return await self._apart(lambda: self._hasher.hash(_normal(password)))

    async def matches(self, kept: str | None, password: str) -> bool:
        """Whether this is the password. With nothing kept it takes as long, and is not."""
        if kept is None:
            await self._apart(lambda: self._verify(self._dummy(), password))
            return False
        return await self._apart(lambda: self._verify(kept, password))

    def is_outdated(self, kept: str) -> bool:
        """Whether it was made with other costs than those of today."""
        return self._hasher.check_needs_rehash(kept)

    def close(self) -> None:
        """Give the threads back."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _verify(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, _normal(password))
        except (Argon2Error, InvalidHashError):
            return False

    def _dummy(self) -> str:
        if self._nobodys is None:
            self._nobodys = self._hasher.hash("nobody's password")
        return self._nobodys

    async def _apart(self, work: Callable[[], T]) -> T:
        """Run it in one of our threads. Refusal `overloaded` when too many wait already."""
        if self._waiting >= _WAITING:
            raise Refusal("overloaded", retry_after=2)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1


def check_password(password: str, own: Sequence[str] = ()) -> None:
    """Refusals `password-too-short`, `password-too-long`, `password-too-common`. `own`: names of the account."""
    said = _normal(password)
    if len(said) < LEAST:
        raise Refusal("password-too-short", field="password", limit=LEAST)
    if len(said) > MOST:
        raise Refusal("password-too-long", field="password", limit=MOST)
    if is_common(said, own):
        raise Refusal("password-too-common", field="password")


def is_common(password: str, own: Sequence[str] = ()) -> bool:
    """Whether others would try it early: a word of the list with digits or signs around it, a row, a repetition."""
    low = password.lower()
    core = low.strip("0123456789!@#$%^&*()-_=+.,?/~ ")
    words = _common() | {name.lower() for name in own if len(name) >= _UNIT}
    return _is_repeated(low) or _is_row(low) or low in words or _spells(core, words) or _is_repeated(core, words)


def _spells(core: str, words: set[str] | frozenset[str]) -> bool:
    return core in words or core.translate(_PLAIN) in words


_PLAIN: Final = str.maketrans("013457@$", "oieastas")


def _is_repeated(text: str, words: set[str] | frozenset[str] = frozenset()) -> bool:
    """A unit of up to four signs, or a common word, again and again."""
    for size in range(1, len(text) // 2 + 1):
        unit = text[:size]
        if (unit * (len(text) // size + 1))[: len(text)] == text and (size <= _UNIT or unit in words):
            return True
    return False


def _is_row(text: str) -> bool:
    """A run along the alphabet, the digits or the keyboard, forwards or backwards, also round and round."""
    return any(text in (row * 6) or text in (row[::-1] * 6) for row in _ROWS)


@cache
def _common() -> frozenset[str]:
    lines = files(__package__).joinpath("common-passwords.txt").read_text(encoding="utf-8").split("\n")
    return frozenset(line.strip() for line in lines if line.strip() and not line.startswith("#"))


def _normal(password: str) -> str:
    """The same characters for the same keys on every system (NFKC, as NIST SP 800-63B asks)."""
    return unicodedata.normalize("NFKC", password[: 4 * MOST])
