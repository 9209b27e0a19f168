"""A synthetic city: people, institutions and years of clinical records, from one seed.

Pure and deterministic: no clock, no network, no global randomness. `city` makes the
people, `visits` the submissions of the institutions (FHIR R4 transaction bundles),
`write` puts both on disk. See README.md of this room.
"""

from .city import City, city
from .days import AS_OF, RECORDS_FROM
from .institutions import Department, Institution, Practitioner, Terminal
from .names import Name
from .numbers import PROVINCE, resident_number
from .people import Document, Resident
from .render.patient import DOCUMENT_SYSTEMS
from .visits import Visit, visits
from .write import Counts, write

__all__ = [
    "AS_OF",
    "DOCUMENT_SYSTEMS",
    "PROVINCE",
    "RECORDS_FROM",
    "City",
    "Counts",
    "Department",
    "Document",
    "Institution",
    "Name",
    "Practitioner",
    "Resident",
    "Terminal",
    "Visit",
    "city",
    "resident_number",
    "visits",
    "write",
]
