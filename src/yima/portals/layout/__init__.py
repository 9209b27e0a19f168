"""What the portals share: templates, words, assets, headers, sessions, charts and error pages.

Face: `page` (a guarded handler), `render`, `signed_in`, `form`, `Words`, `SecurityHeaders`, `static_routes`, `refused`.
"""

from yima.portals.layout.assets import Assets, assets, static_routes
from yima.portals.layout.chart import Chart, line_chart, rate_chart
from yima.portals.layout.documents import DOCUMENTS
from yima.portals.layout.handler import Handler, page, refused
from yima.portals.layout.headers import SecurityHeaders
from yima.portals.layout.language import Language, language_of
from yima.portals.layout.messages import Messages, Words
from yima.portals.layout.render import render, render_fragment
from yima.portals.layout.session import (
    SignedIn,
    checked_form,
    cookie_name,
    door,
    form_pairs,
    place_names,
    signed_in,
    text_form,
)

__all__ = [
    "DOCUMENTS",
    "Assets",
    "Chart",
    "Handler",
    "Language",
    "Messages",
    "SecurityHeaders",
    "SignedIn",
    "Words",
    "assets",
    "checked_form",
    "cookie_name",
    "door",
    "form_pairs",
    "language_of",
    "line_chart",
    "page",
    "place_names",
    "rate_chart",
    "refused",
    "render",
    "render_fragment",
    "signed_in",
    "static_routes",
    "text_form",
]
