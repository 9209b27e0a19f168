"""The frame around every page: preferences are kept, refusals become pages in the portal's own look."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import wraps
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from yima.portals.layout.again import ask_again
from yima.portals.layout.language import remember
from yima.portals.layout.messages import PORTALS
from yima.portals.layout.render import render
from yima.runtime.errors import Refusal

Handler = Callable[[Request], Awaitable[Response]]


def page(handler: Handler, *, any_text: bool = False) -> Handler:
    """Wrap a handler: its refusals are shown as pages, nothing personal is kept by caches. With `any_text` it judges
    the texts of its query itself, as OAuth has errors of its own for them."""

    @wraps(handler)
    async def framed(request: Request) -> Response:
        try:
            _check_address(request, any_text)
            response = await handler(request)
        except Refusal as refusal:
            once_more = refusal.code == "step-up-needed"
            response = await ask_again(request, portal_of(request)) if once_more else refused(request, refusal)
        response.headers.setdefault("cache-control", "no-store")
        remember(request, response)
        return response

    return framed


def _check_address(request: Request, any_text: bool) -> None:
    """No text of an address has a NUL: the database takes none. Refusals `not-found`, `field-invalid`."""
    if "\x00" in request.scope["path"]:
        raise Refusal("not-found")
    if not any_text and b"%00" in request.scope["query_string"]:
        raise Refusal("field-invalid", field="query", expected="text without NUL")


def portal_of(request: Request) -> str:
    """The portal an address belongs to; `layout` for everything outside the three."""
    first = request.url.path.strip("/").split("/")[0]
    return first if first in PORTALS else "layout"


def _sign_in(request: Request, portal: str) -> str:
    """Where to sign in, and come back from; "" where there is no such page."""
    if portal not in ("clinician", "operator", "resident"):
        return ""
    back = f"?next={quote(request.url.path)}" if request.method == "GET" else ""
    return f"/{portal}/sign-in{back}"


def refused(request: Request, refusal: Refusal) -> Response:
    """A refusal as a page: what happened, what to do, the stable code and the request id."""
    request.scope["refusal"] = refusal  # the doors count it
    portal = portal_of(request)
    response = render(
        request,
        "error.html",
        portal=portal,
        status=refusal.status,
        refusal=refusal,
        request_id=getattr(request.state, "request_id", ""),
        sign_in=_sign_in(request, portal),
    )
    response.headers["cache-control"] = "no-store"
    if refusal.retry_after is not None:
        response.headers["retry-after"] = str(refusal.retry_after)
    remember(request, response)
    return response
