"""The switches of the choices page: what stands now, and the words for what changing it would do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from yima.access import SharingChoice


@dataclass(frozen=True, slots=True)
class Switch:
    """One decision that applies to every institution that scans the code."""

    cls: str
    name: SharingChoice
    permit: bool
    whole: bool
    """The switch for the whole record."""
    stopped: bool
    """The whole record is stopped, so this class has no effect."""


def switches(found: Sequence[SharingChoice]) -> list[Switch]:
    """Decisions for every institution, the whole record first."""
    everywhere = [choice for choice in found if choice.institution == 0]
    stopped = any(choice.cls == "all" and not choice.permit for choice in everywhere)
    ordered = sorted(everywhere, key=lambda choice: choice.cls != "all")
    return [Switch(c.cls, c, c.permit, c.cls == "all", stopped and c.cls != "all") for c in ordered]


def changed(shown: Sequence[Switch], cls: str) -> Switch | None:
    """The switch that was just changed, by the class in the address."""
    return next((switch for switch in shown if switch.cls == cls), None)
