"""DER (ITU-T X.690), as much of it as a certificate needs: definite lengths, shortest forms, nothing else is read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from yima.crypto import signature_der

INTEGER: Final = 0x02
BIT_STRING: Final = 0x03
OCTET_STRING: Final = 0x04
OBJECT_ID: Final = 0x06
UTF8_STRING: Final = 0x0C
SEQUENCE: Final = 0x30
_SET: Final = 0x31
_UTC_TIME_ENDS: Final = 2050  # RFC 5280, section 4.1.2.5: UTCTime through 2049, GeneralizedTime after


def tlv(tag: int, *parts: bytes) -> bytes:
    """One element: tag, length in its shortest form, the parts joined."""
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    size = (len(body).bit_length() + 7) // 8
    return bytes((tag, 0x80 | size)) + len(body).to_bytes(size, "big") + body


def sequence(*parts: bytes) -> bytes:
    """A SEQUENCE."""
    return tlv(SEQUENCE, *parts)


def set_of(part: bytes) -> bytes:
    """A SET of one."""
    return tlv(_SET, part)


def integer(value: int) -> bytes:
    """An INTEGER that is not negative."""
    return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def boolean_true() -> bytes:
    """TRUE."""
    return b"\x01\x01\xff"


def bits(content: bytes, unused: int = 0) -> bytes:
    """A BIT STRING whose last `unused` bits do not count."""
    return tlv(BIT_STRING, bytes((unused,)), content)


def oid(dotted: str) -> bytes:
    """An OBJECT IDENTIFIER."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    return tlv(OBJECT_ID, *(_base128(arc) for arc in (first * 40 + second, *rest)))


def _base128(arc: int) -> bytes:
    out = [arc & 0x7F]
    while arc := arc >> 7:
        out.append(0x80 | arc & 0x7F)
    return bytes(reversed(out))


def time(moment: datetime) -> bytes:
    """A Time of RFC 5280: to the second, UTC. `moment` is aware and in UTC."""
    if moment.year < _UTC_TIME_ENDS:
        return tlv(0x17, moment.strftime("%y%m%d%H%M%SZ").encode())
    return tlv(0x18, moment.strftime("%Y%m%d%H%M%SZ").encode())


def read(data: bytes, tag: int) -> bytes:
    """The content of the one element that `data` is. ValueError when it is another, not in DER, or has a tail."""
    elements = list(children(data))
    if len(elements) != 1 or elements[0][0] != tag:
        raise ValueError("not the element that was expected")
    return elements[0][1]


def children(body: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """The elements of a body as (tag, content, whole element). ValueError when it is not DER."""
    at = 0
    while at < len(body):
        if len(body) < at + 2:
            raise ValueError("cut short")
        tag, size, start = body[at], body[at + 1], at + 2
        if size >= 0x80:
            width = size & 0x7F
            size, start = int.from_bytes(body[start : start + width], "big"), start + width
            if not 1 <= width <= 4 or size < 0x80 or size.bit_length() <= 8 * (width - 1):
                raise ValueError("a length that is not in its shortest form")
        end = start + size
        if end > len(body):
            raise ValueError("cut short")
        yield tag, body[start:end], body[at:end]
        at = end


def signature_from_der(encoded: bytes) -> bytes:
    """r||s of 64 bytes. ValueError unless it is exactly what `crypto.signature_der` writes."""
    found = [int.from_bytes(content, "big") for tag, content, _ in children(read(encoded, SEQUENCE)) if tag == INTEGER]
    if len(found) != 2 or max(found) >> 256:
        raise ValueError("not two numbers of 32 bytes")
    raw = found[0].to_bytes(32, "big") + found[1].to_bytes(32, "big")
    if signature_der(raw) != encoded:
        raise ValueError("not in DER")
    return raw
