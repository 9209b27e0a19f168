"""The HTTP surface for machines: FHIR REST, code scanning, sign-in, health. It parses and answers, nothing else.

Face: `routes` (everything but the pages), `answer_refusal` (a refusal in the protocol of the path), `is_fhir`,
`Pager` (seals the links from page to page; one per worker), `Gates` (what a worker takes on), `verify_plainly` and
`LONGEST_SCAN` (the hot path of a scan).
"""

from yima.api.answers import answer_refusal, is_fhir
from yima.api.code import LONGEST as LONGEST_SCAN
from yima.api.code import verify_plainly
from yima.api.paging import Pager
from yima.api.routes import routes
from yima.api.shedding import Gates

__all__ = ["LONGEST_SCAN", "Gates", "Pager", "answer_refusal", "is_fhir", "routes", "verify_plainly"]
