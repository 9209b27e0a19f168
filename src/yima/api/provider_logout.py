"""POST /oauth/providers/{id}/logout: an OpenID provider says that somebody left there (Back-Channel Logout 1.0)."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from yima.api.answers import access_of
from yima.api.oauth import once_each
from yima.runtime import clock


async def logged_out(request: Request) -> Response:
    """The sessions it opened for them end; 200 also where there was none (section 2.8)."""
    token = (await once_each(request)).get("logout_token", "")
    await access_of(request).provider_register.logged_out(request.path_params["id"], token, clock.now())
    return Response(status_code=200, headers={"Cache-Control": "no-store"})
