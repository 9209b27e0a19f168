"""Which addresses answer with something about a person when they answer well: for the comparison with the log.

Said by address and by hand, not by what happens behind it: a handler that reads a person past the door to person data
is found because its answers have no line. A test asks each of these and each that is not.
"""

from __future__ import annotations

from typing import Final

from yima.api import code, fhir_read, histories, identity, operations, record, searching

DISCLOSING: Final = frozenset(
    f"{endpoint.__module__}.{endpoint.__name__}"
    for endpoint in (
        code.verify, fhir_read.read, fhir_read.vread, fhir_read.everything, histories.history, searching.search,
        searching.compartment, operations.lastn, operations.docref, operations.meta, identity.match, identity.pix,
        record.summary, record.summary_by_identifier, record.home, record.timeline, record.stages, record.quality,
    )
)  # fmt: skip
"""Module and name of each handler."""
