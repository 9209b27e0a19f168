"""How much of a person's record each institution has stored. Everybody who reads the record has to get past all of it:
a ceiling keeps one institution from making it slow, or too large to be read, for all.

A worker counts a home once, in the query that fetches its key, and adds what it writes. It counts again when it has
added a sixteenth of the ceiling, and always within the last sixteenth; there one transaction waits for the other. So
nothing is refused that has not been counted, and each further worker may go a sixteenth beyond at most.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from yima.runtime.ids import SHELF, PersonId

_UNSEEN: Final = 16


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most that one institution may store in one person's record."""

    versions: int
    """Of all its resources."""
    size: int
    """Bytes, packed, of all these versions."""


@dataclass(slots=True)
class _Share:
    """What one institution has in a home: as it was counted, and what was written here since."""

    versions: int = 0
    size: int = 0
    more_versions: int = 0
    more_size: int = 0


class Shares:
    """What a worker knows of the homes it writes to."""

    def __init__(self) -> None:
        self._known: dict[PersonId, dict[int, _Share]] = {}

    def __contains__(self, home: PersonId) -> bool:
        return home in self._known

    def learn(self, homes: Iterable[PersonId], rows: Iterable[Any]) -> None:
        """What was counted of these homes; rows with home, institution_id, versions and size."""
        for home in homes:
            self._known[home] = {}
        for row in rows:
            if row["institution_id"] is not None:
                self._known[row["home"]][row["institution_id"]] = _Share(row["versions"], row["size"])

    def forget(self, home: PersonId) -> None:
        """Count it next time."""
        self._known.pop(home, None)

    def clear(self) -> None:
        """Count all of them next time."""
        self._known.clear()

    def take(
        self, home: PersonId, institution: int, sizes: tuple[int, int], most: Ceiling | None, *, counted: bool = False
    ) -> bool:
        """Add (versions, bytes) that are about to be written. The shelf is nobody's record.

        False, and nothing added, where they are too much or, unless all was `counted` just now, might be.
        """
        if most is None or home == SHELF:
            return True
        share = self._known.setdefault(home, {}).setdefault(institution, _Share())
        versions, size = share.more_versions + sizes[0], share.more_size + sizes[1]
        unseen = Ceiling(0, 0) if counted else Ceiling(most.versions // _UNSEEN, most.size // _UNSEEN)
        if not counted and (versions > unseen.versions or size > unseen.size):
            return False
        if share.versions + versions > most.versions - unseen.versions or share.size + size > most.size - unseen.size:
            return False
        share.more_versions, share.more_size = versions, size
        return True
