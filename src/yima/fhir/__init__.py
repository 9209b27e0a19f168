"""The language of the record: FHIR R4 (4.0.1) shapes, references, searching and outcomes. Pure; see README.md."""

from yima.fhir.capability import capability
from yima.fhir.chains import Chain, Has
from yima.fhir.coded import Coded, forms_among, not_among
from yima.fhir.compartment import COMPARTMENT_TYPES, patient_references, subject_reference
from yima.fhir.dates import BEGINNING, END, date_range, matches_dated
from yima.fhir.deidentify import Veil, deidentified
from yima.fhir.fhirpath_patch import fhirpath_patch, patched
from yima.fhir.forms import reference_forms
from yima.fhir.found import Found, find, relink
from yima.fhir.index import Indexed, index, primary_date, tokens
from yima.fhir.outcome import ERROR_SYSTEM, findings_outcome, operation_outcome
from yima.fhir.parameters import PRIMARY_DATE, SEARCH, SearchParam
from yima.fhir.patch import json_patch
from yima.fhir.provenance import provenance, version_meant
from yima.fhir.query import Query, compile_query
from yima.fhir.references import conditional_references, references, rewrite
from yima.fhir.subset import elements, summary
from yima.fhir.tables import TYPES
from yima.fhir.ucum import SYSTEM as UCUM
from yima.fhir.ucum import VERSION as UCUM_VERSION
from yima.fhir.ucum import name_of as ucum_name
from yima.fhir.ucum import unit as ucum_unit
from yima.fhir.validation import validate, warnings_of
from yima.fhir.values import fold
from yima.fhir.wire import encode, parse, parse_value
from yima.fhir.xml import parse_xml, to_xml

__all__ = [
    "BEGINNING",
    "COMPARTMENT_TYPES",
    "END",
    "ERROR_SYSTEM",
    "PRIMARY_DATE",
    "SEARCH",
    "TYPES",
    "UCUM",
    "UCUM_VERSION",
    "Chain",
    "Coded",
    "Found",
    "Has",
    "Indexed",
    "Query",
    "SearchParam",
    "Veil",
    "capability",
    "compile_query",
    "conditional_references",
    "date_range",
    "deidentified",
    "elements",
    "encode",
    "fhirpath_patch",
    "find",
    "findings_outcome",
    "fold",
    "forms_among",
    "index",
    "json_patch",
    "matches_dated",
    "not_among",
    "operation_outcome",
    "parse",
    "parse_value",
    "parse_xml",
    "patched",
    "patient_references",
    "primary_date",
    "provenance",
    "reference_forms",
    "references",
    "relink",
    "rewrite",
    "subject_reference",
    "summary",
    "to_xml",
    "tokens",
    "ucum_name",
    "ucum_unit",
    "validate",
    "version_meant",
    "warnings_of",
]
