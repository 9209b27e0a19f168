"""What is printed, and the two sizes it is printed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, get_args

CardSize = Literal["id1", "a6"]
CARD_SIZES: Final[tuple[CardSize, ...]] = get_args(CardSize)


@dataclass(frozen=True, slots=True)
class PrintedCard:
    """One person's card for print. `static_text` is the code itself: for the holder's own paper only."""

    name: str
    latin_name: str
    masked_number: str
    """The document's number with most of it hidden; empty for a person without a document."""
    number: str
    """The card number in four groups of four digits."""
    static_text: str
