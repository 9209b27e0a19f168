"""One small city and one of some size, made once for all tests of the room."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from yima.synth import City, Visit, city, visits

Json = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """A city with all its visits."""

    city: City
    visits: list[Visit]

    def resources(self, *kinds: str) -> Iterator[tuple[Visit, Json]]:
        """Every resource of some types, with its visit."""
        for visit in self.visits:
            for entry in visit.bundle["entry"]:
                if entry["resource"]["resourceType"] in kinds:
                    yield visit, entry["resource"]

    def started(self, visit: Visit) -> datetime:
        """When the contact began."""
        return datetime.fromisoformat(visit.bundle["entry"][1]["resource"]["period"]["start"])


@pytest.fixture(scope="session")
def sixty() -> Told:
    """The city of the demonstration: 60 people."""
    made = city(60, 1)
    return Told(made, list(visits(made)))


@pytest.fixture(scope="session")
def town() -> Told:
    """Enough people for statistics."""
    made = city(400, 2)
    return Told(made, list(visits(made)))
