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
_MOST_FIELDS: Final = 50
_LONGEST_PATH: Final = 4000
"""The request of an app is sealed in an address (`/resident/apps/ask`)."""


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
        return self.access.callers.csrf(self.cookie)


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
    return SignedIn(access, await access.callers.caller(role, cookie, now), cookie, now)


def keep_session(request: Request, response: Response, role: Role, cookie: str) -> None:
    """Set the session cookie of a door: for its own pages only, out of reach of scripts, as long as a session lasts."""
    hours = access_of(request).settings.session_hours
    keep_cookie(request, response, (cookie_name(role), DOORS[role]), cookie, hours * 3600)


def keep_cookie(request: Request, response: Response, name_and_path: tuple[str, str], value: str, seconds: int) -> None:
    """Set a cookie out of reach of scripts; over https only, where that is how this deployment is reached."""
    name, path = name_and_path
    secure = access_of(request).base_url.startswith("https:")
    response.set_cookie(name, value, max_age=seconds, path=path, httponly=True, samesite="lax", secure=secure)


def is_within(path: str, role: Role) -> bool:
    """Whether an address may be gone to after sign-in: a path of this door's own pages, never another site."""
    plain = path.isascii() and path.isprintable() and "\\" not in path and "//" not in path and " " not in path
    climbs = ".." in path.lower().replace("%2e", ".")  # browsers take both for the same (WHATWG URL, section 4.4)
    return plain and path.startswith(DOORS[role] + "/") and not climbs and len(path) <= _LONGEST_PATH


async def place_names(access: Access, lang: str) -> dict[str, str]:
    """Institutions in the reader's language, by the Chinese names under which records carry them, and by the address
    (`meta.source`) that stands for those of which a record says nothing else."""
    rows = await directory.institutions(access.database)
    by_address = {f"urn:yima:institution:{row.code}": row.name_zh if lang == "zh" else row.name_en for row in rows}
    return by_address if lang == "zh" else by_address | {row.name_zh: row.name_en for row in rows if row.name_en}


async def text_form(request: Request) -> dict[str, str]:
    """The fields of a posted form. Refusals as `form_pairs`, and `field-invalid` for one with a NUL, which the database
    takes in no text."""
    fields = dict(await form_pairs(request))
    if with_nul := next((name for name, value in fields.items() if "\x00" in name + value), None):
        raise Refusal("field-invalid", field=with_nul.replace("\x00", "")[:60], expected="text without NUL")
    request.state.fields = fields  # for the page that asks who it is once more, and then sends them on
    return fields


async def form_pairs(request: Request) -> list[tuple[str, str]]:
    """The names and values of a posted form as they stand, repeated ones too. Refusals: `body-too-large` beyond 16 KB
    or 50 fields, `unsupported-media-type`."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise Refusal("unsupported-media-type", expected="application/x-www-form-urlencoded")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_FORM:
            raise Refusal("body-too-large", limit="16 KB")
    try:
        return parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Refusal("body-too-large", limit=f"{_MOST_FIELDS} fields") from None


async def checked_form(request: Request, who: SignedIn) -> dict[str, str]:
    """The fields of a form of this very session; Refusal `csrf` for any other."""
    fields = await text_form(request)
    who.access.callers.check_csrf(who.cookie, fields.get("csrf", ""))
    return fields
