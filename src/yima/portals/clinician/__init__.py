"""The clinician's pages: scan, know who this is, see what matters; emergency access with a reason.

Face: `routes`.
"""

from yima.portals.clinician.pages import routes

__all__ = ["routes"]
