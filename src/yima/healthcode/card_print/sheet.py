"""A page on which texts fit: fpdf2 with millimetres, fonts for every character, and codes drawn as one path."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from pathlib import Path
from typing import Final

from fpdf import FPDF
from fpdf.enums import PathPaintRule

from yima.healthcode.card_print.fonts import Font, characters, fonts_for
from yima.healthcode.qr import modules

_POINT_MM: Final = 25.4 / 72
_LEADING: Final = 1.22
_STEP: Final = 0.25
_MEASURED: Final = 100
_LEAST: Final = 4.0
"""Points. Below this nobody reads; a text that is still too long then ends with an ellipsis."""
_BREAK_AFTER: Final = frozenset(" ·•・-‧，。；、,;")
_NEVER_FIRST: Final = frozenset("，。；、：！？）」》,.;:!?)·•・‧")
_FIRST_CHINESE: Final = 0x2E80

Breaks = Callable[[str, int], bool]
Grey = int
"""0 black to 255 white."""


@dataclass(frozen=True, slots=True)
class Box:
    """A place on the page, millimetres from its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Said:
    """A text as it was set: lines, and the size in points at which they fit."""

    lines: tuple[str, ...]
    size: float

    @property
    def height(self) -> float:
        """Millimetres."""
        return len(self.lines) * self.size * _POINT_MM * _LEADING


class Sheet:
    """A document of equal pages. Fonts are chosen at the start for every text that will be set."""

    def __init__(self, size: tuple[float, float], texts: Sequence[str], font: Path | None, now: datetime) -> None:
        self._fonts = fonts_for([*texts, "…"], font)
        self._advances: dict[str, float] = {}
        self._names: dict[Font, str] = {one: f"f{number}" for number, one in enumerate(self._fonts)}
        width, height = size
        self.pdf = pdf = FPDF(orientation="L" if width > height else "P", unit="mm", format=(min(size), max(size)))
        pdf.set_creation_date(now)
        pdf.set_margin(0)
        pdf.set_auto_page_break(False)
        pdf.set_lang("zh-CN")
        pdf.set_creator("Yima")
        for one, name in self._names.items():
            pdf.add_font(name, "", one.path, collection_font_number=one.face)

    def page(self) -> None:
        """Begin a page."""
        self.pdf.add_page()

    def text(self, box: Box, text: str, size: float, *, lines: int = 1, grey: Grey = 0) -> Said:
        """Set a text into a box: at `size` points, smaller and on up to `lines` lines where it needs to.

        A longer text takes more lines at the least size, and ends with an ellipsis when even those are too few.
        """
        said = self._fitted(box, text, size, lines, _anywhere)
        self._set(box, said, grey)
        return said

    def name(self, box: Box, text: str, size: float, *, lines: int) -> Said:
        """Set a name as `text` does, but broken between its parts unless that makes it a quarter smaller or more."""
        between, anywhere = (self._fitted(box, text, size, lines, rule) for rule in (_between_parts, _anywhere))
        said = between if between.size >= 0.75 * anywhere.size else anywhere
        self._set(box, said, 0)
        return said

    def _set(self, box: Box, said: Said, grey: Grey) -> None:
        self.pdf.set_text_color(grey)
        for number, line in enumerate(said.lines):
            self._line(box.x, box.y + said.size * _POINT_MM * (0.92 + number * _LEADING), line, said.size)

    def _fitted(self, box: Box, text: str, size: float, lines: int, may_break: Breaks) -> Said:
        while True:
            said = Said(tuple(self._wrapped(text, size, box.width, may_break)), size)
            if len(said.lines) <= lines and said.height <= box.height + 0.01:
                return said
            if size - _STEP < _LEAST:
                break
            size -= _STEP
        room = max(1, int(box.height / (size * _POINT_MM * _LEADING)))
        if len(said.lines) <= room:
            return said
        last = said.lines[room - 1]
        while self._width(last + "…", size) > box.width:
            last = last[:-1]
        return Said((*said.lines[: room - 1], last + "…"), size)

    def _wrapped(self, text: str, size: float, width: float, may_break: Breaks) -> Iterator[str]:
        """Lines no wider than the width: broken where one may in their second half, else where they are full."""
        rest = " ".join(text.split())
        while rest and self._width(rest, size) > width:
            ends = accumulate(self._advance(sign) * size for sign in rest)
            end = max(1, next(number for number, reached in enumerate(ends) if reached > width))
            while end > 1 and rest[end] in _NEVER_FIRST:
                end -= 1
            at = next((n for n in range(end, end // 2, -1) if may_break(rest, n)), end)
            yield rest[:at].rstrip()
            rest = rest[at:].lstrip()
        if rest:
            yield rest

    def _width(self, text: str, size: float) -> float:
        return sum(map(self._advance, text)) * size

    def _advance(self, sign: str) -> float:
        """Millimetres of a character at one point. Nothing is kerned, so a text is as wide as its characters."""
        known = self._advances.get(sign)
        if known is None:
            self.pdf.set_font(self._names[self._font_of(sign)], size=_MEASURED)
            known = self._advances[sign] = self.pdf.get_string_width(sign) / _MEASURED
        return known

    def _line(self, x: float, baseline: float, text: str, size: float) -> None:
        for font, run in self._runs(text):
            self.pdf.set_font(self._names[font], size=size)
            self.pdf.text(x, baseline, run)
            x += self.pdf.get_string_width(run)

    def _runs(self, text: str) -> Iterator[tuple[Font, str]]:
        """The text in pieces that one font draws each: every character by the first font that has it."""
        run, of = "", self._fonts[0]
        for sign in text:
            font = self._font_of(sign)
            if font is not of and run:
                yield of, run
                run = ""
            run, of = run + sign, font
        if run:
            yield of, run

    def _font_of(self, sign: str) -> Font:
        return next((one for one in self._fonts if ord(sign) in characters(one)), self._fonts[0])

    def code(self, box: Box, text: str) -> None:
        """A QR code at level Q, quiet zone of four modules within the box, as one path of vectors."""
        rows = modules(text, "Q")
        unit = min(box.width, box.height) / len(rows)
        with self.pdf.new_path() as path:
            path.style.fill_color, path.style.stroke_color = "#000", None
            path.style.paint_rule = PathPaintRule.FILL_NONZERO
            for y, row in enumerate(rows):
                for x, length in _runs_of(row):
                    path.rectangle(box.x + x * unit, box.y + y * unit, length * unit, unit)

    def rule(self, box: Box, grey: Grey = 170) -> None:
        """A thin line along the upper edge of a box."""
        self.pdf.set_draw_color(grey)
        self.pdf.set_line_width(0.2)
        self.pdf.line(box.x, box.y, box.x + box.width, box.y)

    def bytes(self) -> bytes:
        """The finished PDF."""
        return bytes(self.pdf.output())


def _between_parts(text: str, at: int) -> bool:
    """Whether a line may end before the character at `at`: after a space, point or comma."""
    return text[at - 1] in _BREAK_AFTER or text[at] == " "


def _anywhere(text: str, at: int) -> bool:
    """The same, or beside a Chinese character."""
    return _between_parts(text, at) or ord(text[at - 1]) >= _FIRST_CHINESE or ord(text[at]) >= _FIRST_CHINESE


def _runs_of(row: Sequence[bool]) -> Iterator[tuple[int, int]]:
    start = None
    for x, dark in enumerate([*row, False]):
        if dark and start is None:
            start = x
        elif not dark and start is not None:
            yield start, x - start
            start = None
