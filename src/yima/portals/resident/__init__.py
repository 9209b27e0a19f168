"""The resident's pages: show a code, read the record, see who looked, decide, get help.

Face: `routes`.
"""

from yima.portals.resident.pages import routes

__all__ = ["routes"]
