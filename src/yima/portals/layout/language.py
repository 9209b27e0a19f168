"""Which language, text size and theme a reader has chosen. Preferences are cookies, never part of a session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, cast

from starlette.requests import Request
from starlette.responses import Response

Language = Literal["zh", "en"]
Theme = Literal["auto", "light", "dark"]

_YEAR: Final = 365 * 24 * 3600
_CHOICES: Final = {"lang": ("zh", "en"), "ease": ("on", "off"), "theme": ("auto", "light", "dark")}
"""Query parameter -> allowed values; the cookie is `yima_<parameter>`."""


@dataclass(frozen=True, slots=True)
class Preferences:
    """How this reader wants pages to look."""

    lang: Language
    ease: bool
    """Elderly mode: 24 px text, 60 px targets, fewer things on a page."""
    theme: Theme


def _chosen(request: Request, name: str) -> str | None:
    for value in (request.query_params.get(name), request.cookies.get(f"yima_{name}")):
        if value in _CHOICES[name]:
            return value
    return None


def language_of(request: Request) -> Language:
    """The language of an answer: query, cookie, Accept-Language, then the deployment's own."""
    if chosen := _chosen(request, "lang"):
        return cast(Language, chosen)
    for part in request.headers.get("accept-language", "").split(","):
        tag = part.split(";")[0].strip().lower()[:2]
        if tag in _CHOICES["lang"]:
            return cast(Language, tag)
    access = getattr(request.app.state, "access", None)
    return "en" if getattr(access, "language", "zh") == "en" else "zh"


def preferences(request: Request) -> Preferences:
    """All preferences of a request."""
    theme = cast(Theme, _chosen(request, "theme") or "auto")
    return Preferences(language_of(request), _chosen(request, "ease") == "on", theme)


def remember(request: Request, response: Response) -> None:
    """Keep what the query chose in cookies that last a year."""
    for name, allowed in _CHOICES.items():
        value = request.query_params.get(name)
        if value in allowed:
            response.set_cookie(
                f"yima_{name}",
                value,
                max_age=_YEAR,
                path="/",
                httponly=True,
                samesite="lax",
                secure=request.url.scheme == "https",
            )
