"""The phone's key for codes without network: certified by the platform while there is one."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode

import orjson
from starlette.requests import Request
from starlette.responses import Response

from yima.portals.layout import checked_form, signed_in
from yima.runtime.errors import Refusal

_POINT_CHARACTERS = 87
"""Of base64url of the 65 bytes of an uncompressed point."""


async def certify(request: Request) -> Response:
    """A certificate for the public key in the form, as JSON; docs/healthcode/device-code.md.

    Refusals `sign-in-needed`, `csrf`, `field-invalid`, and those of a card that does not stand.
    """
    who = await signed_in(request, "resident")
    point = _point((await checked_form(request, who)).get("public_key", ""))
    given = await who.access.credentials.device_certificate(who.caller, point, who.now)
    body = {"certificate": given.text, "expires": int(given.expires.timestamp()), "server_time": given.server_time}
    return Response(orjson.dumps(body), media_type="application/json", headers={"cache-control": "no-store"})


def _point(text: str) -> bytes:
    try:
        if len(text) > _POINT_CHARACTERS:
            raise ValueError
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (ValueError, binascii.Error):
        raise Refusal("field-invalid", field="public_key", expected="a point of P-256 in base64url") from None
