"""Which doubtful pair is looked at first, and which merge needs a second steward. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from yima.mpi.decide import Assessed

URGENT, LIKELY, ORDINARY = 3, 2, 1
LIKELY_BITS: Final = 6.63
"""log2(0.99 / 0.01): from here on a record is very probably split, and an allergy in the other half is not seen."""
_SAME_NUMBER: Final = frozenset({"same", "document"})
_OTHER_NAME: Final = frozenset({"surname", "different"})
_SAME_NAME: Final = frozenset({"exact", "order"})
SOURCE_SAYS: Final = "source-merge"
"""Reason of a review that an institution asked for: it says that two of its Patients are one (IHE PMIR)."""

SECOND: Final[dict[str, tuple[str, str]]] = {
    "veto": ("两个有效号码或其他硬性证据相互矛盾", "Hard evidence says that they are two people."),
    "name": ("姓名不同", "Their names differ."),
    "birth": ("出生日期不同", "Their birth dates differ."),
    "sex": ("性别不同", "Their sexes differ."),
    "multiple-birth": ("其中一人登记为多胞胎", "One of them is of a multiple birth."),
    "deceased": ("其中一人已登记死亡", "One of them is registered as deceased."),
    "disputed": ("其中一人的证件号码有争议", "A document number of one of them is in dispute."),
    "merged-before": ("其中一人此前已合并过", "One of them was merged before."),
    "unscored": ("没有可比较的证据", "There is no evidence to compare."),
    "number": ("证件号码改归另一人", "A document's number goes to another person."),
}
"""Why a merge, or that a number goes over, needs a second steward, in words (zh, en). Any one of these is enough."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a pair's score does not say."""

    deceased: bool = False
    multiple: bool = False
    merged_before: bool = False
    disputed: bool = False


def order_of(bits: float | None, levels: Mapping[str, Any], found: frozenset[str], reason: str, deceased: bool) -> int:
    """`URGENT`, `LIKELY` or `ORDINARY`.

    Urgent is where somebody may be harmed today: one number under two names (a shared or stolen identity), somebody
    dead among the living, hard evidence against each other, or an institution that says they are one.
    """
    shared = levels.get("number") in _SAME_NUMBER and levels.get("name") in _OTHER_NAME
    if deceased or shared or reason == SOURCE_SAYS or ("other-number" in found and (bits or 0) > 0):
        return URGENT
    return LIKELY if bits is not None and bits >= LIKELY_BITS else ORDINARY


def second_needed(found: Assessed | None, at: Circumstances) -> tuple[str, ...]:
    """Why a merge of this pair needs a second steward: keys of `SECOND`, empty when one is enough."""
    why = []
    if found is None:
        why.append("unscored")
    else:
        levels = found.score.levels
        why += ["veto"] if found.vetoes else []
        why += ["name"] if levels.name not in _SAME_NAME else []
        why += ["birth"] if levels.birth != "exact" else []
        why += ["sex"] if levels.sex != "same" else []
    why += ["multiple-birth"] if at.multiple else []
    why += ["deceased"] if at.deceased else []
    why += ["disputed"] if at.disputed else []
    why += ["merged-before"] if at.merged_before else []
    return tuple(why)
