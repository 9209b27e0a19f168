"""Who is signed in at which door, and forms that really came from our own pages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, cast
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from yima import directory
from yima.access import Access
from yima.directory import Caller
from yima.runtime import clock
from yima.runtime.errors import Refusal

Role = Literal["resident", "clinician", "operator", "kiosk"]
DOORS: Final[dict[Role, str]] = {
    "resident": "/resident",
    "clinician": "/clinician",
    "operator": "/operator",
    "kiosk": "/kiosk/screen",
}
_LONGEST_FORM: Final = 16 * 1024
_SESSION_SECONDS: Final = 12 * 3600


@dataclass(frozen=True, slots=True)
class SignedIn:
    """One request of somebody signed in."""

    access: Access
    caller: Caller
    cookie: str
    now: datetime

    @property
    def csrf(self) -> str:
        """The token that forms of this session carry."""
        return self.access.csrf(self.cookie)


def cookie_name(role: Role) -> str:
    """The session cookie of a door; one browser may hold all three."""
    return f"yima_{role}"


def door(role: str) -> str:
    """The address of a role's first page. Refusal `not-found` for a role that has none."""
    if role not in DOORS:
        raise Refusal("not-found")
    return DOORS[role] + "/"


def access_of(request: Request) -> Access:
    """The one door to person data."""
    return cast(Access, request.app.state.access)


async def signed_in(request: Request, role: Role) -> SignedIn:
    """Who asks. Refusal `sign-in-needed` without a valid session for this door."""
    access, now = access_of(request), clock.now()
    cookie = request.cookies.get(cookie_name(role), "")
    if not cookie:
        raise Refusal("sign-in-needed")
    return SignedIn(access, await access.caller(role, cookie, now), cookie, now)


def keep_session(request: Request, response: Response, role: Role, cookie: str) -> None:
    """Set the session cookie of a door: 12 hours, for its own pages only, out of reach of scripts."""
    response.set_cookie(
        cookie_name(role),
        cookie,
        max_age=_SESSION_SECONDS,
        path=DOORS[role],
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )


async def english_places(access: Access, lang: str) -> dict[str, str]:
    """English names by the Chinese ones under which records carry institutions; empty where they are not needed."""
    if lang == "zh":
        return {}
    return {row.name_zh: row.name_en for row in await directory.institutions(access.database) if row.name_en}


async def text_form(request: Request) -> dict[str, str]:
    """The fields of a posted form. Refusals: `body-too-large` beyond 16 KB, `unsupported-media-type`."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise Refusal("unsupported-media-type", expected="application/x-www-form-urlencoded")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM:
            raise Refusal("body-too-large", limit="16 KB")
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=50))


async def checked_form(request: Request, who: SignedIn) -> dict[str, str]:
    """The fields of a form of this very session; Refusal `csrf` for any other."""
    fields = await text_form(request)
    who.access.check_csrf(who.cookie, fields.get("csrf", ""))
    return fields
