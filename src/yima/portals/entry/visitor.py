"""A browser before anything is proved: the cookie of the sign-in page, its form token, where it calls from."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Final, cast

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from yima.access import Visitor
from yima.directory import network_of, sender_of
from yima.portals.layout import Handler, door, page
from yima.portals.layout.session import Role, access_of, keep_cookie, text_form
from yima.runtime.errors import Refusal

ROLES: Final[tuple[Role, ...]] = ("clinician", "operator")
"""The doors at which people sign in here."""
_VISITOR: Final = "yima_visitor"
_KNOWN: Final = "yima_known"
_VISIT_SECONDS: Final = 3600
_KNOWN_SECONDS: Final = 180 * 24 * 3600
_TOKEN: Final = re.compile(r"[0-9a-f]{32}")
_BROWSERS: Final = (("edg/", "Edge"), ("firefox/", "Firefox"), ("chrome/", "Chrome"), ("safari/", "Safari"))
_SYSTEMS: Final = (
    ("android", "Android"), ("iphone", "iPhone"), ("ipad", "iPad"), ("windows", "Windows"), ("mac os", "macOS"),
    ("linux", "Linux"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request of somebody who has not signed in."""

    role: Role
    visitor: Visitor
    csrf: str


def arrive(request: Request) -> Arrival:
    """Who is before us, with a fresh token when there is none yet."""
    access = access_of(request)
    role = cast(Role, door(request.url.path.strip("/").split("/")[0]).strip("/"))
    held = request.cookies.get(_VISITOR, "")
    token = held if _TOKEN.fullmatch(held) else secrets.token_hex(16)
    visitor = Visitor(token, network(request), device(request), request.cookies.get(_KNOWN, ""))
    return Arrival(role, visitor, access.callers.csrf(f"visitor/{token}"))


async def arrived(request: Request) -> tuple[Arrival, dict[str, str]]:
    """The same with the fields of a form that this very browser was given; Refusal `csrf` for any other."""
    fields, before = await text_form(request), arrive(request)
    if not _TOKEN.fullmatch(request.cookies.get(_VISITOR, "")):
        raise Refusal("csrf")
    access_of(request).callers.check_csrf(f"visitor/{before.visitor.token}", fields.get("csrf", ""))
    return before, fields


def keep_visitor(request: Request, response: Response, arrival: Arrival) -> Response:
    """Let the browser keep the token its forms are bound to."""
    place = (_VISITOR, f"/{arrival.role}/sign-in")
    keep_cookie(request, response, place, arrival.visitor.token, _VISIT_SECONDS)
    return response


def keep_known(request: Request, response: Response, arrival: Arrival, known: str) -> None:
    """Let the browser keep that it was signed in with; and begin anew as a visitor."""
    keep_cookie(request, response, (_KNOWN, f"/{arrival.role}/sign-in"), known, _KNOWN_SECONDS)
    response.delete_cookie(_VISITOR, path=f"/{arrival.role}/sign-in")


def network(request: Request) -> str:
    """Where a request comes from, as far as one's own proxies say."""
    peer = request.client.host if request.client else ""
    forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
    return network_of(sender_of(peer, forwarded, frozenset(access_of(request).settings.trusted_proxies)))


def device(request: Request) -> str:
    """Browser and system in two words, so that people know their own sessions again; never the whole header."""
    said = request.headers.get("user-agent", "").lower()
    browser = next((name for mark, name in _BROWSERS if mark in said), "")
    system = next((name for mark, name in _SYSTEMS if mark in said), "")
    return ", ".join(part for part in (browser, system) if part)


def at_both_doors(method: str, path: str, handler: Handler) -> list[Route]:
    """The same page at each door."""
    return [Route(f"/{role}/{path}", page(handler), methods=[method]) for role in ROLES]
