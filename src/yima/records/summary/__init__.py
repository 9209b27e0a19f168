"""The International Patient Summary of a record (HL7 IPS 2.0.0 on FHIR R4): its sections, and the document Bundle.

Pure: from an overview and the resources it rests on. What is not within sight is not among them.
"""

from yima.records.summary.chapters import COMPOSITION_PROFILE, Section, references, sections
from yima.records.summary.paper import Frame, document

__all__ = ["COMPOSITION_PROFILE", "Frame", "Section", "document", "references", "sections"]
