"""The printable card as PDF: the size of a bank card with two sides, or A6 in large type.

`card_pdf` takes a second of CPU, most of it for cutting the Chinese font down to the characters on the card; callers in
an event loop run it in a thread. fpdf2 and fontTools are loaded at the first card: most processes never print one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Final

from yima.healthcode.card_print.card import CARD_SIZES, CardSize, PrintedCard
from yima.runtime.errors import Refusal

__all__ = ["CARD_SIZES", "CardSize", "PrintedCard", "card_pdf"]

_ONE_AT_A_TIME: Final = Lock()  # a page of a hundred impatient clicks must not take every core


def card_pdf(cards: Sequence[PrintedCard], size: str, *, now: datetime, font: Path | None = None) -> bytes:
    """The cards as one PDF, two pages each for `id1`, one for `a6`; glyphs embedded, codes as vectors at level Q.

    `font` is preferred to what is found on the machine. Refusals `field-invalid` (size), `font-missing`.
    """
    if size not in CARD_SIZES:
        raise Refusal("field-invalid", field="size", expected=" or ".join(CARD_SIZES))
    from yima.healthcode.card_print import layout  # noqa: PLC0415  a second of imports, see the module's text
    from yima.healthcode.card_print.sheet import Sheet  # noqa: PLC0415  as above

    with _ONE_AT_A_TIME:
        texts = [text for card in cards for text in layout.texts(card)]
        sheet = Sheet(layout.ID1 if size == "id1" else layout.A6, texts, font, now)
        draw = layout.id1 if size == "id1" else layout.a6
        for card in cards:
            draw(sheet, card)
        return sheet.bytes()
