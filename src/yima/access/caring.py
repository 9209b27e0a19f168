"""What connected persons with institutions, for who asks whether a look was care: lines of the log, registrations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Final

from yima import audit, mpi, oversight
from yima.runtime.database import Connection
from yima.runtime.ids import PersonId

STAFF: Final = "practitioner/"
"""How readers of the staff are called: this and their number."""
_KINDS: Final[dict[str, oversight.CareKind]] = {"scan": "scan", "submit": "submission"}


async def cares(
    c: Connection, persons: Collection[PersonId], since: datetime
) -> dict[tuple[PersonId, int], list[oversight.Care]]:
    """What connects these persons with each institution, by both."""
    found: dict[tuple[PersonId, int], list[oversight.Care]] = defaultdict(list)
    for line in await audit.care_of(c, persons, since):
        care = oversight.Care(_KINDS.get(line.action, "counter"), line.at, line.department, line.reader, line.visit)
        found[line.person, line.institution].append(care)
    for one in await mpi.registered_at(c, persons):
        moments = {one.first, one.latest}
        found[one.person, one.institution] += [oversight.Care("registration", at) for at in moments]
    return found
