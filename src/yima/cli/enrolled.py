"""Accounts of the demonstration: two doctors and the operators with password and authenticator app, residents with a
confirmed phone, to try sign-in.

What they sign in with stands in demo.json, which only its owner reads.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from yima import authentication, mpi
from yima.access import Access
from yima.directory import Caller
from yima.runtime import clock, ids

_CALLER: Final = Caller(kind="system", agent_id="demo", name_zh="演示", name_en="Demo")
_PAGE: Final = secrets.token_hex(16)
"""Stands for the browser page in which people set up their sign-in."""


async def enrol(access: Access, role: str, subjects: Sequence[str], rows: Sequence[dict[str, Any]]) -> None:
    """Give each subject an account, and its row what is needed to sign in; who has both keeps them."""
    kind = "operator" if role == "operator" else "practitioner"
    known = await authentication.enrolled(access.database, kind)
    for subject, row in zip(subjects, rows, strict=False):
        if subject not in known or "sign_in" not in row:
            row["sign_in"] = await _account(access, role, kind, subject)


async def _account(access: Access, role: str, kind: str, subject: str) -> dict[str, Any]:
    now = clock.now()
    invited = await access.accounts.invite(_CALLER, kind, subject, now)
    page, _, code = invited.address.partition("#")
    offer = await access.accounts.offer(role, code, _PAGE, now)
    password = secrets.token_urlsafe(12)
    # The code of the step before: the one of now is left for the first sign-in.
    app_code = authentication.code_at(offer.invitation.secret, now - timedelta(seconds=30))
    recovery = await access.accounts.set_up_password(role, code, password, app_code, now)
    return {
        "page": page.removesuffix("/enrol"),
        "name": invited.name,
        "password": password,
        "totp_secret": offer.app_secret.replace(" ", ""),
        "recovery_codes": recovery,
    }


async def confirm_phones(access: Access, rows: Sequence[dict[str, Any]]) -> None:
    """Confirm the phones that these residents registered, as a counter does, and write them beside their names."""
    for row in rows:
        person = ids.person_from_text(row["person"]) or 0
        phone = await mpi.phone_of(access.database, access.vault, person)
        if phone and row.get("phone") != phone:
            async with access.database.transaction() as c:
                await access.means.codes.confirm(c, row["person"], phone, "system/demo", clock.now())
            row["phone"] = phone
