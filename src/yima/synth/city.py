"""The city as a value: who lives there and which institutions serve them."""

from dataclasses import dataclass
from functools import cached_property

from .institutions import Institution, build
from .life import Life
from .people import Resident
from .places import DISTRICTS, District
from .population import populate


@dataclass(frozen=True)
class City:
    """A whole synthetic city. Two cities of one seed share all people the smaller one has."""

    seed: int
    residents: tuple[Resident, ...]
    institutions: tuple[Institution, ...]
    districts: tuple[District, ...] = DISTRICTS

    @cached_property
    def by_key(self) -> dict[str, Resident]:
        """Residents by key."""
        return {resident.key: resident for resident in self.residents}

    @cached_property
    def children(self) -> dict[str, tuple[Resident, ...]]:
        """Children in the city by the key of their mother, oldest first."""
        found: dict[str, list[Resident]] = {}
        for resident in self.residents:
            if resident.mother is not None:
                found.setdefault(resident.mother, []).append(resident)
        return {key: tuple(sorted(c, key=lambda r: (r.born, r.index))) for key, c in found.items()}

    def mother_of(self, resident: Resident) -> Resident | None:
        """The mother, where she lives in the city."""
        return self.by_key.get(resident.mother) if resident.mother else None

    def life(self, resident: Resident) -> Life:
        """What the clinical stories need to know of a resident."""
        children = self.children.get(resident.key, ())
        return Life(self.seed, resident, self.institutions, children, self.mother_of(resident))


def city(residents: int, seed: int) -> City:
    """A city of exactly so many residents; the same seed always gives the same people."""
    return City(seed, tuple(populate(seed, residents)), build(seed))
