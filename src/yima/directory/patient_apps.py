"""The register of apps that residents use: who answers for each, where it may be sent back to, what it may ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from yima.directory.addresses import is_origin, is_redirect_uri
from yima.directory.register import FREE_ID, is_public_key
from yima.directory.scopes import registrable
from yima.runtime.database import Connection, Database, Queries
from yima.runtime.errors import Refusal

SQL = Queries(__package__, "grants.sql")
PATIENT_SCOPES: Final = ("openid", "fhirUser", "launch/patient", "patient/*.rs", "offline_access", "online_access")
"""What an app is registered for unless it is said otherwise: the most there is."""
STAFF_SCOPES: Final = ("launch", "openid", "fhirUser", "patient/*.rs", "user/*.rs", "online_access")
"""The same of an app that staff open in a visit."""
_REDIRECT: Final = "https://.., http:// on a loopback address, or a private scheme with a dot such as org.example.app:/"
_ORIGIN: Final = "https://host, with its port unless it is 443, and nothing more; http:// on a loopback address"
_ID_CHARS: Final = 64
_MOST_URIS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PatientApp:
    """An app in residents' hands, or one that staff open in a visit (`launch_url`). `jwks` (public keys) makes it
    confidential: it signs in with private_key_jwt."""

    client_id: str
    institution_id: int
    """The institution that answers for it."""
    name_zh: str
    name_en: str
    redirect_uris: tuple[str, ...]
    """Compared character by character."""
    scopes: tuple[str, ...] = PATIENT_SCOPES
    jwks: dict[str, Any] | None = None
    origins: tuple[str, ...] = ()
    """Web origins of an app that runs in a browser: its scripts may read the answers (CORS)."""
    launch_url: str = ""
    """Where staff open it, with `iss` and `launch`; empty for an app of residents."""
    active: bool = True
    place_zh: str = ""
    place_en: str = ""

    @property
    def public(self) -> bool:
        """Whether it cannot keep a secret, and so has none."""
        return self.jwks is None


async def register_patient_app(c: Connection, app: PatientApp) -> None:
    """Put an app on the register, or change its words. Refusal `field-invalid` names what is wrong."""
    if not (0 < len(app.client_id) <= _ID_CHARS and app.client_id.isascii() and app.client_id.isprintable()):
        raise Refusal("field-invalid", field="client_id", expected=f"1 to {_ID_CHARS} printable ASCII characters")
    if not 0 < len(app.redirect_uris) <= _MOST_URIS or not all(map(is_redirect_uri, app.redirect_uris)):
        raise Refusal("field-invalid", field="redirect_uri", expected=f"1 to {_MOST_URIS} of {_REDIRECT}")
    if len(app.origins) > _MOST_URIS or not all(map(is_origin, app.origins)):
        raise Refusal("field-invalid", field="origin", expected=f"at most {_MOST_URIS} of {_ORIGIN}")
    if app.launch_url and not (app.launch_url.startswith("http") and is_redirect_uri(app.launch_url)):
        raise Refusal("field-invalid", field="launch_url", expected="https://.., or http:// on a loopback address")
    if not app.scopes or not all(registrable(scope, launched=bool(app.launch_url)) for scope in app.scopes):
        expected = STAFF_SCOPES if app.launch_url else PATIENT_SCOPES
        raise Refusal("field-invalid", field="scopes", expected=" ".join(expected))
    keys = None if app.jwks is None else app.jwks.get("keys")
    if app.jwks is not None and (not isinstance(keys, list) or not keys or not all(map(is_public_key, keys))):
        raise Refusal("field-invalid", field="jwks", expected="a JSON Web Key Set with public keys only (RFC 7517)")
    text = None if app.jwks is None else orjson.dumps(app.jwks).decode()
    row = (
        app.client_id, app.institution_id, app.name_zh, app.name_en, list(app.redirect_uris), list(app.scopes), text,
        list(app.origins), app.launch_url,
    )  # fmt: skip
    if not await c.fetchrow(SQL.put_patient_app, *row):
        raise Refusal("field-invalid", field="client_id", expected=FREE_ID)


async def set_patient_app_status(db: Database, client_id: str, status: Literal["active", "suspended"]) -> None:
    """Suspend an app or let it work again: its tokens follow on every worker within a second. Refusal `not-found`."""
    if not await db.fetchrow(SQL.set_patient_app_status, client_id, status):
        raise Refusal("not-found", field="client_id")


async def patient_app(db: Database | Connection, client_id: str) -> PatientApp | None:
    """One app, or None."""
    row = await db.fetchrow(SQL.patient_app, client_id) if "\x00" not in client_id else None
    if row is None:
        return None
    return PatientApp(
        client_id=row["client_id"],
        institution_id=row["institution_id"],
        name_zh=row["name_zh"],
        name_en=row["name_en"],
        redirect_uris=tuple(row["redirect_uris"]),
        scopes=tuple(row["scopes"]),
        jwks=orjson.loads(row["jwks"]) if row["jwks"] else None,
        origins=tuple(row["origins"]),
        launch_url=row["launch_url"],
        active=row["active"],
        place_zh=row["place_zh"],
        place_en=row["place_en"],
    )
