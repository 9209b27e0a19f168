"""A counter's poster: its code, what it is for in two languages, and the text for who cannot scan. Pure."""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import escape

from yima.healthcode.counter import Counter
from yima.healthcode.qr import modules

_WIDTH: Final = 210
_HEIGHT: Final = 297
_CODE: Final = 130
"""Millimetres: A4 (ISO 216), and a code that a phone reads from two metres (a tenth of the distance, and more)."""
_INK: Final = "#15211f"
_FONT: Final = "'Noto Sans CJK SC','Source Han Sans SC','Microsoft YaHei',sans-serif"


def poster_svg(counter: Counter, place_zh: str, place_en: str, text: str) -> str:
    """An A4 page as SVG: the counter's names, its code at level Q, and the code's text below it."""
    rows = modules(text, "Q")
    side, left, top = len(rows), (_WIDTH - _CODE) / 2, 92
    path = "".join(f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, dark in enumerate(row) if dark)
    lines = (
        (24, 7, 400, place_zh),
        (32, 4.6, 400, place_en),
        (52, 14, 700, counter.name_zh),
        (63, 7, 400, counter.name_en),
        (76, 5.4, 400, counter.location),
        (86, 6, 700, "扫码登记取号 · Scan to register and take a number"),
        (234, 4.2, 400, "打开一码 · 扫一扫 · Open Yima and choose Scan"),
        (242, 4.2, 400, "先看清要分享什么，再确认 · You see what is shared before you confirm"),
        (254, 4.6, 700, text),
        (266, 4, 400, "没有手机？请到人工窗口 · No phone? Please ask at the window"),
    )
    words = "".join(
        f'<text x="{_WIDTH / 2}" y="{y}" font-size="{size}" font-weight="{weight}">{escape(line)}</text>'
        for y, size, weight, line in lines
        if line
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}mm" height="{_HEIGHT}mm" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}"><rect width="{_WIDTH}" height="{_HEIGHT}" fill="#fff"/>'
        f'<g font-family="{_FONT}" fill="{_INK}" text-anchor="middle">{words}</g>'
        f'<svg x="{left}" y="{top}" width="{_CODE}" height="{_CODE}" viewBox="0 0 {side} {side}" '
        f'shape-rendering="crispEdges"><path fill="#000" d="{path}"/></svg></svg>'
    )
