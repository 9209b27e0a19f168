"""The master person index: which registrations are the same human being.

Face: `Registration` (what a Patient says), `resolve` (who that is), `Identity` (what is shown of a person), look-ups.
"""

from yima.mpi.normalise import (
    document_is_plausible,
    is_national,
    is_placeholder,
    name_key,
    number_key,
    resident_number_is_valid,
)
from yima.mpi.person import (
    Identity,
    Review,
    documents_of,
    find_patients,
    homes,
    identities,
    identity,
    masked_number,
    not_deceased,
    open_reviews,
    patients_of,
    person_of_document,
    person_of_patient,
    phone_of,
    registered_by,
    totals,
)
from yima.mpi.registration import Identifier, Registration, registration
from yima.mpi.resolve import Resolution, Source, link, resolve

__all__ = [
    "Identifier",
    "Identity",
    "Registration",
    "Resolution",
    "Review",
    "Source",
    "document_is_plausible",
    "documents_of",
    "find_patients",
    "homes",
    "identities",
    "identity",
    "is_national",
    "is_placeholder",
    "link",
    "masked_number",
    "not_deceased",
    "name_key",
    "number_key",
    "open_reviews",
    "patients_of",
    "person_of_document",
    "person_of_patient",
    "phone_of",
    "registered_by",
    "registration",
    "resident_number_is_valid",
    "resolve",
    "totals",
]
