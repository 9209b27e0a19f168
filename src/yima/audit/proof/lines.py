"""The leaf hashes of many lines at once, as they stand in the table: what nearly every line of a check needs.

Lines are sealed nearly in the order in which they were written, so those of neighbouring positions stand on
neighbouring pages. These are read one after the other and joined by hash, where looking up each line by its key costs
twice as much. They come as COPY's text, whose escapes are those of JSON, so that a line is put into its canonical form
without making its values: a third of what decoding and encoding them takes.

This proves lines and never condemns one. A line that stands elsewhere, or holds what COPY writes and RFC 8785 does not
(control characters, years of five digits), gets no hash here or one that is nobody's; it is then looked at by its key.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any, Final

from yima.audit.proof.hashes import SQL
from yima.audit.proof.leaf import Leaf, content
from yima.runtime.database import Connection

SESSION: Final = "set local timezone = 'UTC'; set local datestyle = 'ISO'"
"""Of the transaction that asks: how times are written."""
_STEP: Final = 256
"""Of so many lines one is asked where it stands."""
_STRAY: Final = 16
"""One in so many of these may stand far from the others at either end."""
_SPARSE: Final = 4
"""Lines of a page, at least; where they stand sparser, they are not neighbours."""
_WHOLE_CLOCK: Final = len("09:00:00.000000")
_WHOLE_SECOND: Final = len("09:00:00")


def _form() -> bytes:
    """A leaf with places for its values, behind the zero byte of RFC 9162, 2.1.1; a time is a day and a clock."""
    places: list[Any] = ["%b"] * len(Leaf.__struct_fields__)
    form = content(Leaf(*places))
    number, moment = b'"institution":"%b"', b'"recorded":"%b"'
    return b"\x00" + form.replace(number, number.replace(b'"%b"', b"%b")).replace(moment, b'"recorded":"%bT%bZ"')


_FORM: Final = _form()
_CLOCK: Final = Leaf.__struct_fields__.index("recorded") + 1


async def hashes_at(c: Connection, begin: int, end: int) -> list[bytes]:
    """The hash of the line at each position from `begin` to `end` (not included); empty where it was not found.

    In a transaction with the settings of `SESSION`.
    """
    hashes = [b""] * (end - begin)
    if pages := await _pages(c, begin, end):
        rest = b""

        async def take(data: bytes) -> None:
            nonlocal rest
            whole, _, rest = (rest + data).rpartition(b"\n")
            _hash(whole, begin, hashes)

        await c.copy_from_query(SQL.neighbours, begin, end, *pages, output=take)
    return hashes


async def _pages(c: Connection, begin: int, end: int) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Between which places of the table (page, line) these lines stand, or nearly all of them; None if all over it."""
    rows = await c.fetch(SQL.places, list(range(begin, end, _STEP)))
    if not rows:
        return None
    pages = sorted(row["ctid"][0] for row in rows)
    stray = len(pages) // _STRAY
    low, high = pages[stray], pages[-1 - stray]
    if high - low > (end - begin) // _SPARSE:
        return None
    more = (high - low) // (_STRAY - 4) + _STEP // _SPARSE
    return (max(0, low - more), 0), (high + more, 0)


def _hash(data: bytes, begin: int, hashes: list[bytes]) -> None:
    """Hash the lines of a COPY, each with its position as its last field, into their places."""
    for line in data.replace(b'"', b'\\"').splitlines():
        values = line.split(b"\t")
        place = int(values.pop()) - begin
        if len(values[_CLOCK]) not in {_WHOLE_CLOCK, _WHOLE_SECOND}:  # PostgreSQL leaves the last zeros out
            values[_CLOCK] = values[_CLOCK].ljust(_WHOLE_CLOCK, b"0")
        hashes[place] = sha256(_FORM % tuple(values)).digest()
