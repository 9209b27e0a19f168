"""The HTTP surface for machines: FHIR REST, code scanning, sign-in, health. It parses and answers, nothing else.

Face: `routes` (everything but the pages), `answer_refusal` (a refusal in the protocol of the path), `is_fhir`,
`Pager` (seals the links from page to page; one per worker).
"""

from yima.api.answers import answer_refusal, is_fhir
from yima.api.paging import Pager
from yima.api.routes import routes

__all__ = ["Pager", "answer_refusal", "is_fhir", "routes"]
