"""The language of the record: FHIR R4 (4.0.1) shapes, references, searching and outcomes. Pure; see README.md."""

from yima.fhir.capability import capability
from yima.fhir.compartment import COMPARTMENT_TYPES, patient_references, subject_reference
from yima.fhir.dates import BEGINNING, END, date_range, matches_dated
from yima.fhir.index import Indexed, index, primary_date, token
from yima.fhir.outcome import ERROR_SYSTEM, operation_outcome
from yima.fhir.parameters import PRIMARY_DATE, SEARCH, SearchParam
from yima.fhir.query import Query, compile_query
from yima.fhir.references import conditional_references, references, rewrite
from yima.fhir.tables import TYPES
from yima.fhir.validation import validate
from yima.fhir.wire import encode, parse

__all__ = [
    "BEGINNING",
    "COMPARTMENT_TYPES",
    "END",
    "ERROR_SYSTEM",
    "PRIMARY_DATE",
    "SEARCH",
    "TYPES",
    "Indexed",
    "Query",
    "SearchParam",
    "capability",
    "compile_query",
    "conditional_references",
    "date_range",
    "encode",
    "index",
    "matches_dated",
    "operation_outcome",
    "parse",
    "patient_references",
    "primary_date",
    "references",
    "rewrite",
    "subject_reference",
    "token",
    "validate",
]
