"""The least a Python server can do: the limit beside which Yima is measured. It stands in for nginx.

`GET /bytes/N` answers N bytes. `POST /scan` reads the body, inserts the rows that a verified scan leaves behind
(its use, its visit, its log line; one statement and one commit for all that came meanwhile), and answers 300 bytes.
Nothing is parsed, checked or decided.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from yima.runtime.database import Batcher, Database
from yima.runtime.ids import base32

_SCAN_BYTES: Final = 300
_INSERT: Final = """
with scan as materialized (
  select * from unnest($1::bigint[], $2::bytea[], $3::text[], $4::text[]) as s (person_id, p, visit, event_id)
), used as (
  insert into healthcode.redemption (person_id, p, t, institution, terminal, visit, at)
  select person_id, p, 118000000, 1, 'T-6001A0001-001', visit, $5::timestamptz from scan
), opened as (
  insert into healthcode.visit
    (person_id, visit, institution, terminal, practitioner, step, purpose, assurance, started, expires)
  select person_id, visit, 1, 'T-6001A0001-001', null, '010102', 'treatment', 'dynamic', $5, $6::timestamptz from scan
)
insert into audit.event
  (person_id, event_id, recorded, action, outcome, purpose, basis, agent, institution, institution_name, agent_id,
  agent_name, department, terminal, visit, submission, detail, request_id)
select person_id, event_id, $5, 'scan', 'ok', 'treatment', 'dynamic', 'app', 1, '一码市第一人民医院', '6001A0001-his',
  '一码市第一人民医院 HIS', '', '', visit, '', '{"terminal":"T-6001A0001-001","step":"010102","assurance":"dynamic"}',
  '0123456789abcdef' from scan
"""


class Bare:
    """An ASGI application of its own."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        self._database: Database
        self._scans: Batcher[tuple[int, bytes, str, str], None] = Batcher(self._insert, limit=500, lanes=2)
        self._answers: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {"/scan": _answer(_SCAN_BYTES)}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """ASGI 3."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        while (await receive()).get("more_body"):
            pass
        path = scope["path"]
        answer = self._answers.get(path)
        if answer is None:
            answer = self._answers[path] = _answer(int(path.rpartition("/")[2]))
        if path == "/scan":
            await self._scans.submit(_row())
        await send(answer[0])
        await send(answer[1])

    async def _lifespan(self, receive: Any, send: Any) -> None:
        await receive()
        self._database = await Database.connect(self._url, size=4)
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._database.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _insert(self, rows: list[tuple[int, bytes, str, str]]) -> Sequence[None]:
        now = datetime.now(UTC)
        columns = map(list, zip(*rows, strict=True))
        await self._database.execute(_INSERT, *columns, now, now + timedelta(hours=8))
        return [None] * len(rows)


def _row() -> tuple[int, bytes, str, str]:
    person = secrets.randbits(47)
    shard = base32(person, 10)
    return person, secrets.token_bytes(16), f"{shard}-{secrets.token_hex(10)}", f"{shard}-{secrets.token_hex(7)[:13]}"


def _answer(length: int) -> tuple[dict[str, Any], dict[str, Any]]:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(length).encode())]
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    return start, {"type": "http.response.body", "body": b"x" * length}
