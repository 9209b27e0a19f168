"""Rows of `records.resource` in PostgreSQL's binary COPY format (PostgreSQL manual, COPY, "Binary Format").

The driver's own encoder looks at every number of the tokens twice, to find arrays inside arrays; this one knows the
table. Stored is the same, to the last bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from struct import Struct, pack
from typing import Any, Final

COLUMNS: Final = (
    "home", "type", "id", "version", "updated", "institution_id", "submission", "class", "low", "high", "tokens",
    "content", "sandbox", "patient",
)  # fmt: skip
"""The columns of a row, in order."""

_SIGNATURE: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_END: Final = b"\xff\xff"
_NULL: Final = b"\xff\xff\xff\xff"
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_HEAD: Final = Struct(">hiq")  # how many columns; home
_NUMBER: Final = Struct(">ii")
_TIME: Final = Struct(">iq")
_LENGTH: Final = Struct(">i")
_ARRAY: Final = Struct(">iiiIii")  # bytes, dimensions, no nulls, int8's oid, items, lower bound
_INT8: Final = 20
_FAR: Final = 700_000  # days
_ENDS: Final = {
    datetime.max.replace(tzinfo=UTC): _TIME.pack(8, 2**63 - 1),
    datetime.min.replace(tzinfo=UTC): _TIME.pack(8, -(2**63)),
}
"""The ends of time are `infinity`, as the driver has them."""


def encoded(rows: Iterable[Sequence[Any]]) -> bytes:
    """The stream for rows with the values of `COLUMNS`."""
    return b"".join([_SIGNATURE, *(part for row in rows for part in _row(row)), _END])


def _row(row: Sequence[Any]) -> Iterator[bytes]:
    home, kind, name, version, updated, institution, submission, cls, low, high, tokens, content, sandbox, patient = row
    yield _HEAD.pack(len(COLUMNS), 8, home)
    yield from _text(kind)
    yield from _text(name)
    yield _NUMBER.pack(4, version)
    yield _time(updated)
    yield _NUMBER.pack(4, institution)
    yield from _text(submission)
    yield from _text(cls)
    yield _time(low)
    yield _time(high)
    yield _numbers(tokens)
    yield _LENGTH.pack(len(content))
    yield content
    yield b"\0\0\0\1\1" if sandbox else b"\0\0\0\1\0"
    yield from _text(patient)


def _text(value: str) -> tuple[bytes, bytes]:
    data = value.encode()
    return _LENGTH.pack(len(data)), data


def _time(value: datetime | None) -> bytes:
    if value is None:
        return _NULL
    since = value - _EPOCH
    if abs(since.days) > _FAR and value in _ENDS:
        return _ENDS[value]
    return _TIME.pack(8, (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)


def _numbers(values: Sequence[int]) -> bytes:
    count = len(values)
    if not count:
        return pack(">iiiI", 12, 0, 0, _INT8)
    items = [8] * (2 * count)
    items[1::2] = values
    return _ARRAY.pack(20 + 12 * count, 1, 0, _INT8, count, 1) + pack(">" + "iq" * count, *items)
