"""The demo's kiosk with its key, and its counter with a printed code: what demo.json says of them."""

from __future__ import annotations

from typing import Any

from joserfc import jwk

from yima import directory
from yima.access import Access
from yima.cli import registering
from yima.directory import Terminal
from yima.healthcode import Counter
from yima.runtime.keys import KeyStore, signing_key


async def demo_devices(access: Access, keys: KeyStore, institution: str) -> dict[str, Any]:
    """Register a kiosk and a counter at the institution; again, it changes nothing.

    `kiosk`: terminal id, private key and page. `counter`: the text of its code, its names.
    """
    private = jwk.ECKey.import_key(signing_key(keys, f"demo/terminal/{institution}"))
    kid = private.thumbprint()
    public = private.as_dict(private=False) | {"kid": kid, "use": "sig", "alg": "ES256"}
    name = f"{institution}-K1"
    where = Terminal(name, "kiosk", "0300", "门诊大厅一层", "010101", "0101012")
    await registering.terminal(access, institution, where, None)
    async with access.database.transaction() as c:
        await directory.add_terminal_key(c, name, public)
    made = Counter("", 0, "0300", "N", "内科门诊", "Internal medicine", "门诊楼二层东侧")
    text, _ = await registering.counter(access, institution, made, "")
    return {
        "kiosk": {
            "institution_id": institution,
            "terminal": name,
            "private_key_jwk": private.as_dict(private=True) | {"kid": kid, "alg": "ES256"},
            "page": f"{access.base_url}/dev/sign-in/{access.callers.ticket('kiosk', name)}",
        },
        "counter": {"institution_id": institution, "text": text, "name": made.name_zh, "prefix": made.prefix},
    }
