"""What the parts of an expression share while they run: its surroundings, its budget, lists of items.

Every step is counted: an expression that would go on for long is stopped with `too-costly`, whatever it and its input
are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from yima.fhir.fhirpath.nodes import Node
from yima.fhir.fhirpath.values import Item, key_of, plain
from yima.runtime.errors import Refusal

MAX_STEPS: Final = 100_000
"""Items looked at by one expression: about a sixth of a second."""
MAX_TEXT: Final = 1_048_576
"""Characters of a text that an expression makes."""
TEMPORAL_STEPS: Final = 20
"""What making a date or time counts: it takes that many times as long as a look at an item."""

Items = list[Item]
Eval = Callable[["Context", Items], Items]
Function = Callable[["Context", Items, tuple[Eval, ...]], Items]


@dataclass(slots=True)
class Context:
    """What an expression may look at besides its input."""

    resource: Node
    """%resource: the resource the input stands in."""
    container: Node
    """%rootResource: the resource that contains it."""
    origin: Items = field(default_factory=list)
    """%context: where the expression started."""
    now: datetime | None = None
    """now(), today(), timeOfDay(); without it they are refused."""
    in_value_set: Callable[[str, str, str], bool | None] | None = None
    """(value set url, system, code) -> whether it is in it; None when not known."""
    conforms: Callable[[Node, str], bool] | None = None
    """(node, profile) -> whether it meets it."""
    find: Callable[[str], dict[str, Any] | None] | None = None
    """The resource at a reference, for resolve(), besides the contained ones."""
    steps: int = MAX_STEPS
    this: Items = field(default_factory=list)
    index: int = 0
    total: Items = field(default_factory=list)

    def spend(self, steps: int) -> None:
        """Count work. Refusal `too-costly` when there was too much of it."""
        self.steps -= steps
        if self.steps < 0:
            raise Refusal("too-costly", limit="the steps of one FHIRPath expression")


def weight(items: Items) -> int:
    """The work of looking at all of each item once, as comparing them does: an element counts with all inside it."""
    return sum(_weight(item.value if isinstance(item, Node) else item) for item in items)


def _weight(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(map(_weight, value.values()))
    if isinstance(value, list):
        return 1 + sum(map(_weight, value))
    return 1 + len(value) // 64 if isinstance(value, str) else 1


def truth(items: Items) -> bool | None:
    """A list where a boolean is meant: nothing, the one boolean, or true for any one other thing (N1, 4.5)."""
    if not items:
        return None
    if len(items) > 1:
        raise Refusal("expression-failed", reason="several values where one true or false was expected")
    value = plain(items[0])
    return value if type(value) is bool else True


def single(items: Items) -> Item | None:
    """The one item of a list, None of an empty one. Refusal `expression-failed` for several."""
    if len(items) > 1:
        raise Refusal("expression-failed", reason="several values where one was expected")
    return items[0] if items else None


def distinct(it: Context, items: Items) -> Items:
    """The items without those that are equal to an earlier one."""
    it.spend(weight(items))
    seen: set[Any] = set()
    found: Items = []
    for item in items:
        key = key_of(item)
        if key not in seen:
            seen.add(key)
            found.append(item)
    return found
