"""Facts into FHIR R4: one transaction bundle per consultation."""

from .bundle import bundle

__all__ = ["bundle"]
