"""Reading CBOR (RFC 8949) from strangers: strict, bounded, and plain values only.

`cbor2` writes our credentials; it does not read foreign ones, because it takes the last of two equal keys, follows
shared references and gives tags a meaning. Here a map with a key twice, anything nested deeper than 16, text that is
not UTF-8, an unknown simple value and trailing bytes are all refused. Tags are read and dropped: no claim of ours or of
the EU certificate changes its meaning by one. Every item takes a byte at least, so the size of the input bounds the
work.
"""

from __future__ import annotations

import struct
from typing import Any, Final

from yima.runtime.errors import Refusal

MAX_DEPTH: Final = 16

_FLOATS: Final = {25: struct.Struct(">e"), 26: struct.Struct(">f"), 27: struct.Struct(">d")}
_SIMPLE: Final = {20: False, 21: True, 22: None, 23: None}
_BREAK: Final = object()


def loads(data: bytes) -> Any:
    """The one item that `data` is, to its last byte. Refusal `code-unreadable` for anything else.

    Integers, `bytes`, `str`, `list`, `dict`, floats, booleans and None; keys of maps are integers, text or bytes.
    """
    value, end = first_item(data)
    if end != len(data):
        raise Refusal("code-unreadable")
    return value


def first_item(data: bytes) -> tuple[Any, int]:
    """The first item of `data` and where it ends, for a caller that reads on by itself."""
    try:
        value, end = _item(data, 0, MAX_DEPTH)
    except (IndexError, struct.error, UnicodeDecodeError):
        raise Refusal("code-unreadable") from None
    if value is _BREAK or end > len(data):  # slices end early without an error; this sees it
        raise Refusal("code-unreadable")
    return value, end


def _item(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    """One item and where it ends; where it ends beyond the data, the caller at the top refuses."""
    head = data[at]
    major, argument = head >> 5, head & 31
    at += 1
    if argument > 23 and major != 7:
        if argument > 27:
            return _indefinite(data, at, head, depth)
        end = at + (1 << argument - 24)
        argument = int.from_bytes(data[at:end], "big")
        at = end
    if major == 3:
        end = at + argument
        return data[at:end].decode(), end
    if major == 0:
        return argument, at
    if major == 5:
        return _map(data, at, argument, depth - 1)
    if major == 1:
        return -1 - argument, at
    if major == 2:
        end = at + argument
        return data[at:end], end
    return _rarer(data, at, major, argument, depth - 1)


def _map(data: bytes, at: int, count: int, depth: int) -> tuple[dict[Any, Any], int]:
    if depth < 0:
        raise Refusal("code-unreadable")
    held: dict[Any, Any] = {}
    for _ in range(count):
        # The small heads in place: most items are small integers and short texts, and a call costs more than either.
        head = data[at]
        if head < 24:
            key, at = head, at + 1
        else:
            key, at = _item(data, at, depth)
            # `1 in {True: ..}` holds in Python, and 1.0 hashes as 1 does: only plain kinds of key are safe.
            if type(key) not in _KEYS:
                raise Refusal("code-unreadable")
        head = data[at]
        if 0x60 <= head < 0x78:
            end = at + head - 0x5F
            value, at = data[at + 1 : end].decode(), end
        else:
            value, at = _item(data, at, depth)
        if key in held or value is _BREAK:
            raise Refusal("code-unreadable")
        held[key] = value
    return held, at


_KEYS: Final = frozenset({int, str, bytes})


def _rarer(data: bytes, at: int, major: int, argument: int, depth: int) -> tuple[Any, int]:
    """An array, a tagged item, a float or a simple value."""
    if major == 7:
        return _simple(data, at, argument)
    if depth < 0:
        raise Refusal("code-unreadable")
    if major == 4:
        items = []
        for _ in range(argument):
            value, at = _item(data, at, depth)
            if value is _BREAK:
                raise Refusal("code-unreadable")
            items.append(value)
        return items, at
    value, at = _item(data, at, depth)
    if value is _BREAK:
        raise Refusal("code-unreadable")
    return value, at


def _simple(data: bytes, at: int, argument: int) -> tuple[Any, int]:
    if argument in _SIMPLE:
        return _SIMPLE[argument], at
    if argument == 31:
        return _BREAK, at
    if argument not in _FLOATS:
        raise Refusal("code-unreadable")
    form = _FLOATS[argument]
    return form.unpack_from(data, at)[0], at + form.size


def _indefinite(data: bytes, at: int, head: int, depth: int) -> tuple[Any, int]:
    """An item of indefinite length (RFC 8949 section 3.2): its parts up to the break."""
    major = head >> 5
    if head & 31 != 31 or major not in (2, 3, 4, 5) or not depth:
        raise Refusal("code-unreadable")
    parts: list[Any] = []
    while True:
        # Chunks of a string are definite strings of the same kind (section 3.2.3).
        chunk = data[at]
        value, at = _item(data, at, depth - 1)
        if value is _BREAK:
            return _joined(major, parts), at
        if major < 4 and (chunk >> 5 != major or chunk & 31 == 31):
            raise Refusal("code-unreadable")
        parts.append(value)


def _joined(major: int, parts: list[Any]) -> Any:
    if major == 4:
        return parts
    if major < 4:
        return (b"" if major == 2 else "").join(parts)
    if len(parts) % 2:
        raise Refusal("code-unreadable")
    held: dict[Any, Any] = {}
    for key, value in zip(parts[::2], parts[1::2], strict=True):
        if type(key) not in _KEYS or key in held:
            raise Refusal("code-unreadable")
        held[key] = value
    return held
