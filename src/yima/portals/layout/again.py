"""Proving once more who one is: the page between an act and its being carried out.

The form that was refused is not lost. Its fields go along, hidden; when the code or the passkey is right, the browser
is told to send the same form to the same address again (307, RFC 9110, section 15.4.8).
"""

from __future__ import annotations

from typing import Final, cast

import orjson
from starlette.requests import Request
from starlette.responses import Response

from yima.authentication import CODE_DIGITS, CODE_SECONDS
from yima.portals.layout.render import render
from yima.portals.layout.session import Role, access_of, cookie_name, is_within
from yima.runtime import clock
from yima.runtime.errors import Refusal

OWN: Final = "again-"
"""How the names of this page's own fields begin."""


async def ask_again(request: Request, role: str, wrong: Refusal | None = None, challenge: str = "") -> Response:
    """The page. `wrong`: what was not right at the last try; `challenge`: of the code that was sent to a resident's
    phone. Refusal `sign-in-needed` when the session has ended."""
    access = access_of(request)
    cookie = request.cookies.get(cookie_name(cast(Role, role)), "")
    fields: dict[str, str] = getattr(request.state, "fields", {})
    sent = {name: value for name, value in fields.items() if not name.startswith(OWN)}
    asked_for = f"{request.url.path}?{request.url.query}" if request.method == "GET" and request.url.query else ""
    path = fields.get(f"{OWN}next") or asked_for or request.url.path
    providers = await access.external.bound_here(role, cookie, clock.now())
    asked, by_code = await access.signing_in.again_request(role, cookie, clock.now())
    return render(
        request,
        "again.html",
        portal="layout",
        status=wrong.status if wrong else 403,
        role=role,
        fields=sent,
        next=path if is_within(path, cast(Role, role)) else f"/{role}/",
        method=fields.get(f"{OWN}method") or request.method,
        csrf=access.callers.csrf(cookie),
        options=orjson.dumps(asked).decode() if asked else "",
        by_code=by_code,
        providers=providers,
        by_phone=role == "resident" and access.phones.offered,
        challenge=challenge,
        digits=CODE_DIGITS,
        minutes=CODE_SECONDS // 60,
        origin=access.means.passkeys.origin,
        wrong=wrong,
    )
