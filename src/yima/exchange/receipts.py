"""Receipts: what makes a resend change nothing, kept in the transaction of what they speak of."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from yima.directory import Caller
from yima.runtime.database import Connection, Queries
from yima.runtime.errors import Language, Refusal
from yima.runtime.keys import Vault

SQL = Queries(__package__)
_ANSWERS: Final = "exchange/answers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What arrived: the body, who sent it, and under which key a resend would come."""

    caller: Caller
    body: bytes
    key: str
    """The idempotency key; empty when the sender gave none."""
    received: datetime
    request_id: str
    language: Language = "en"
    visit: str = ""
    """The handle of the scan that this submission belongs to, if it came with one."""
    target: str = ""
    """Method, address and conditions of a single write; empty for a Bundle, whose body says all."""


NOTHING: Final = Message(
    caller=Caller(kind="system", agent_id=""),
    body=b"",
    key="",
    received=datetime.min.replace(tzinfo=UTC),
    request_id="",
)
"""No message yet."""


@dataclass(slots=True)
class Asked:
    """A message under the key of its receipt, and what that receipt will say."""

    vault: Vault
    message: Message
    key: str
    """The idempotency key, whoever chose it; empty for none."""
    began: float
    """`perf_counter` when it came."""
    submission: str = ""
    resources: int = 0
    answer: bytes = b""

    @property
    def digest(self) -> bytes:
        """Keyed hash of the key. Without a key the receipt is kept all the same, under its own number: operators see
        every submission."""
        return self.vault.blind("exchange/key", self.key or self.submission)

    @property
    def digests(self) -> tuple[bytes, ...]:
        """Under which a receipt may be found: this in every form, or the plain SHA-256 of before."""
        return (*self.vault.hashes.forms(self.digest), sha(self.key.encode()))

    @property
    def body_digest(self) -> bytes:
        """Keyed hash of all that a resend must repeat."""
        return self.vault.blind("exchange/body", self._said().hex())

    def repeats(self, body_digest: bytes) -> bool:
        """Whether a receipt was of the same body; those of before hold its plain SHA-256."""
        return body_digest in (*self.vault.hashes.forms(self.body_digest), self._said())

    @property
    def kept_answer(self) -> bytes:
        """What a resend is told, sealed; nothing where no resend can be recognised."""
        institution = self.message.caller.institution
        return sealed_answer(self.vault, institution, self.digest, self.answer) if self.key else b""

    def _said(self) -> bytes:
        m = self.message
        return sha(f"{m.target}\n".encode() + m.body if m.target else m.body)

    @property
    def lock(self) -> int:
        """The advisory lock for which resends wait."""
        return int.from_bytes(sha(self.key.encode())[:8], "big", signed=True) ^ self.message.caller.institution


async def lock(c: Connection, asked: Sequence[Asked]) -> None:
    """Two resends at once: the second waits here until the first has committed, then finds its answer."""
    await c.execute(SQL.lock_keys, sorted({one.lock for one in asked if one.key}))


async def lock_free(c: Connection, asked: Sequence[Asked]) -> set[int]:
    """The locks of these that nobody else holds, held from now on."""
    return {row["k"] for row in await c.fetch(SQL.try_keys, sorted({one.lock for one in asked if one.key}))}


async def keep(c: Connection, asked: Sequence[Asked]) -> None:
    """Keep the receipts, in the caller's transaction."""
    now = time.perf_counter()
    rows = [
        (
            one.message.caller.institution, one.digest, one.submission, one.body_digest, one.message.received,
            one.message.caller.agent_id, one.resources, len(one.message.body), (now - one.began) * 1000,
            one.message.request_id, one.kept_answer,
        )
        for one in asked
    ]  # fmt: skip
    await c.execute(SQL.keep, *map(list, zip(*rows, strict=True)))


def sealed_answer(vault: Vault, institution: int, key: bytes, answer: bytes) -> bytes:
    """An answer as it is kept, in this receipt only; nothing stays nothing."""
    return vault.seal_house(_ANSWERS, answer, _bound(institution, key)) if answer else b""


def answer_of(vault: Vault, institution: int, key: bytes, held: bytes) -> bytes:
    """A kept answer again; `key` is the receipt's."""
    return vault.open_house(_ANSWERS, held, _bound(institution, key))


def resealed_answer(vault: Vault, institution: int, old: bytes, new: bytes, held: bytes) -> bytes:
    """A kept answer by the newest key, for the receipt as it is called now; what opens no more stays as it is."""
    try:
        return sealed_answer(vault, institution, new, answer_of(vault, institution, old, held))
    except Refusal:
        return held


def _bound(institution: int, key: bytes) -> bytes:
    return b"exchange|%d|%b" % (institution, key)


def sha(data: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(data).digest()
