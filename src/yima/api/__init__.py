"""The HTTP surface for machines: FHIR REST, code scanning, sign-in, health. It parses and answers, nothing else.

Face: `routes` (everything but the pages), `answer_refusal` (a refusal in the protocol of the path), `is_fhir`,
`Pager` (seals the links from page to page; one per worker), `Gates` (what a worker takes on), `Doors` (how often
one network may knock), `preflight` and `readable_by` (scripts of other origins), `verify_plainly` and `LONGEST_SCAN`
(the hot path of a scan), `DISCLOSING` (handlers whose answers are about a person), `Table` (finds an address),
`Endpoint` (what it finds) and `LeanRequest` (what that is given), `patiently` (a body has to arrive in time), `InXml`
(an answer whose XML is yet to be made).
"""

from yima.api.answers import InXml, answer_refusal, is_fhir
from yima.api.code import LONGEST as LONGEST_SCAN
from yima.api.code import verify_plainly
from yima.api.cross_origin import preflight, readable_by
from yima.api.doors import Doors
from yima.api.paging import Pager
from yima.api.patience import patiently
from yima.api.routes import DISCLOSING, routes
from yima.api.shedding import Gates
from yima.api.table import Endpoint, LeanRequest, Table

__all__ = [
    "DISCLOSING",
    "LONGEST_SCAN",
    "Doors",
    "Endpoint",
    "Gates",
    "InXml",
    "LeanRequest",
    "Pager",
    "Table",
    "answer_refusal",
    "is_fhir",
    "patiently",
    "preflight",
    "readable_by",
    "routes",
    "verify_plainly",
]
