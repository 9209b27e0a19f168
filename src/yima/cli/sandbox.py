"""`yima demo --sandbox`: an institution whose app may try everything out on patients who are nobody.

Its app never meets a person of the index (`matching` off), so it may search across what it wrote itself: that is what a
generic FHIR conformance suite needs, and what no other app is given.
"""

from __future__ import annotations

from typing import Any, Final

from joserfc import jwk

from yima import directory
from yima.access import Access
from yima.runtime.keys import KeyStore, signing_key

CODE: Final = "sandbox"
_TERMINAL: Final = "sandbox-T1"


async def register(access: Access, keys: KeyStore) -> dict[str, Any]:
    """Put the sandbox on the register (again changes nothing); what demo.json says of it."""
    private = jwk.ECKey.import_key(signing_key(keys, f"demo/app/{CODE}"))
    kid = private.thumbprint()
    public = private.as_dict(private=False) | {"kid": kid, "use": "sig", "alg": "ES256"}
    client = f"{CODE}-app"
    async with access.database.transaction() as c:
        number = await directory.register_institution(
            c, code=CODE, name_zh="试验沙箱", name_en="Sandbox", kind="A100", area="999999"
        )
        await directory.register_terminal(c, number, directory.Terminal(_TERMINAL, "desk", ""))
        app = directory.App(client, number, "Sandbox", {"keys": [public]}, ("system/*.cruds",), "off")
        await directory.register_app(c, app)
    return {
        "id": CODE,
        "name": "试验沙箱",
        "name_en": "Sandbox",
        "client_id": client,
        "private_key_jwk": private.as_dict(private=True) | {"kid": kid, "alg": "ES256"},
        "terminal": _TERMINAL,
    }
