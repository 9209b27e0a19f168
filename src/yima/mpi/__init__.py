"""The master person index: which registrations are the same human being.

Face: `Registration` (what a Patient says), `resolve` (who that is), `Identity` (what is shown of a person), look-ups;
and the pure core: `fields`, `keys`, `compare`, `scorer`, `decide`, `explained`, `Model`.
"""

from yima.mpi.between import between, rekey
from yima.mpi.compare import LEVELS, Levels, compare
from yima.mpi.decide import Assessed, Decision, Known, assess, decide
from yima.mpi.explain import WHY, explained
from yima.mpi.fields import Fields, fields, veiled
from yima.mpi.keys import Key, keys
from yima.mpi.merge import (
    Event,
    Word,
    event,
    events_of,
    freeze,
    keep_apart,
    merge,
    move_patient,
    root_of,
    split,
    undo,
    unmerge,
)
from yima.mpi.model import Model, differences, model_named, read_model
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
from yima.mpi.score import Score, probability, scorer

__all__ = [
    "LEVELS",
    "WHY",
    "Assessed",
    "Decision",
    "Event",
    "Fields",
    "Identifier",
    "Identity",
    "Key",
    "Known",
    "Levels",
    "Model",
    "Registration",
    "Resolution",
    "Review",
    "Score",
    "Source",
    "Word",
    "assess",
    "between",
    "compare",
    "decide",
    "differences",
    "document_is_plausible",
    "documents_of",
    "event",
    "events_of",
    "explained",
    "fields",
    "find_patients",
    "freeze",
    "homes",
    "identities",
    "identity",
    "is_national",
    "is_placeholder",
    "keep_apart",
    "keys",
    "link",
    "masked_number",
    "merge",
    "model_named",
    "move_patient",
    "name_key",
    "not_deceased",
    "number_key",
    "open_reviews",
    "patients_of",
    "person_of_document",
    "person_of_patient",
    "phone_of",
    "probability",
    "read_model",
    "registered_by",
    "registration",
    "rekey",
    "resident_number_is_valid",
    "resolve",
    "root_of",
    "scorer",
    "split",
    "totals",
    "undo",
    "unmerge",
    "veiled",
]
