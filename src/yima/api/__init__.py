"""The HTTP surface for machines: FHIR REST, code scanning, sign-in, health. It parses and answers, nothing else.

Face: `routes` (everything but the pages), `answer_refusal` (a refusal in the protocol of the path), `is_fhir`.
"""

from yima.api.answers import answer_refusal, is_fhir
from yima.api.routes import routes

__all__ = ["answer_refusal", "is_fhir", "routes"]
