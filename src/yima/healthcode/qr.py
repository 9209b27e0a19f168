"""Drawing codes: PNG, SVG and terminal text, from the modules zxing-cpp lays out (QR code, ISO/IEC 18004)."""

from __future__ import annotations

import struct
import zlib
from typing import Any, Final, Literal

import zxingcpp

from yima.healthcode.codec import STATIC_TEXT
from yima.runtime.errors import Refusal

Level = Literal["L", "M", "Q", "H"]
QUIET: Final = 4
"""Light modules around the symbol (ISO/IEC 18004 section 6.3.8)."""


def modules(text: str, level: Level | None = None) -> list[list[bool]]:
    """Rows of modules, quiet zone included, True = dark.

    Level Q for printed codes (creases, stains), M for codes on a screen, unless one is given. Refusal `field-invalid`
    when the text does not fit a QR code.
    """
    side, raw = _laid_out(text, level)
    blank = [[False] * (side + 2 * QUIET)] * QUIET
    rows = [[value < 128 for value in raw[i : i + side]] for i in range(0, len(raw), side)]
    return [*blank, *([False] * QUIET + row + [False] * QUIET for row in rows), *blank]


def _laid_out(text: str, level: Level | None) -> tuple[int, bytes]:
    """Modules a side, and one byte a module, 0 = dark, row by row, without the quiet zone."""
    chosen = level or ("Q" if len(text) == STATIC_TEXT else "M")
    try:
        image: Any = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level=chosen).to_image(
            scale=1, add_quiet_zones=False
        )
    except ValueError:
        raise Refusal("field-invalid", field="text", expected="a text that fits a QR code") from None
    return image.shape[1], bytes(image)


def qr_png(text: str, scale: int = 6, level: Level | None = None) -> bytes:
    """A black and white PNG (ISO/IEC 15948, one bit a pixel) with `scale` pixels a module."""
    modules_a_side, raw = _laid_out(text, level)
    side = (modules_a_side + 2 * QUIET) * scale
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    lines = zlib.compress(_lines(modules_a_side, raw, scale), 2)  # 2: half the time of 9, and 100 bytes more
    chunks = ((b"IHDR", head), (b"IDAT", lines), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, body) for kind, body in chunks)


def qr_svg(text: str, level: Level | None = None) -> str:
    """A self-contained SVG element, one user unit a module, black on white in any theme; size it by CSS."""
    rows = modules(text, level)
    side = len(rows)
    path = "".join(f"M{start} {y}h{length}v1h-{length}z" for y, row in enumerate(rows) for start, length in _runs(row))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}" shape-rendering="crispEdges">'
        f'<path fill="#fff" d="M0 0h{side}v{side}h-{side}z"/><path fill="#000" d="{path}"/></svg>'
    )


def qr_terminal(text: str, level: Level | None = None) -> str:
    """Half-block characters, two modules a character cell, drawn light on a dark terminal as phones expect it."""
    rows = modules(text, level)
    if len(rows) % 2:
        rows = [*rows, [False] * len(rows)]
    cells = {(False, False): "█", (False, True): "▀", (True, False): "▄", (True, True): " "}
    pairs = zip(rows[::2], rows[1::2], strict=True)
    return "\n".join("".join(cells[pair] for pair in zip(upper, lower, strict=True)) for upper, lower in pairs)


def _lines(modules_a_side: int, raw: bytes, scale: int) -> bytes:
    """The picture's lines, each after its filter byte 0, one bit a pixel, 1 = light."""
    side = (modules_a_side + 2 * QUIET) * scale
    width = (side + 7) // 8
    left = b"1" * (QUIET * scale)
    right = left + b"0" * (-side % 8)
    pixels = raw.translate(_BITS).replace(b"0", b"0" * scale).replace(b"1", b"1" * scale)
    margin = (b"\0" + _packed(b"1" * side + b"0" * (-side % 8), width)) * (QUIET * scale)
    step = modules_a_side * scale
    rows = (_packed(left + pixels[at : at + step] + right, width) for at in range(0, len(pixels), step))
    return b"".join([margin, *((b"\0" + row) * scale for row in rows), margin])


_BITS: Final = bytes(ord("1") if value >= 128 else ord("0") for value in range(256))


def _packed(bits: bytes, width: int) -> bytes:
    return int(bits, 2).to_bytes(width, "big")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _runs(row: list[bool]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    start = None
    for x, dark in enumerate([*row, False]):
        if dark and start is None:
            start = x
        elif not dark and start is not None:
            runs.append((start, x - start))
            start = None
    return runs
