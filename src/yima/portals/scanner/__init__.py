"""The scanner: a page that checks offline credentials in any browser, with the network cut.

Face: `routes`.
"""

from yima.portals.scanner.pages import routes

__all__ = ["routes"]
