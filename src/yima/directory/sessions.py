"""Development sessions and tickets, form tokens and seals: signed values, no server state.

A development session says which role and subject a browser holds and until when; it counts on development servers only.
Sessions of people who proved who they are, are rows: `authentication.BrowserSessions`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime
from typing import Final

from yima.runtime.errors import Refusal
from yima.runtime.keys import KeyStore

ROLES: Final = ("resident", "clinician", "operator", "kiosk")
_HOURS: Final = 12


class Sessions:
    """Makes and checks signed sessions, tickets and form tokens."""

    def __init__(self, store: KeyStore) -> None:
        self._key = store.secret("directory/session/1")

    def session(self, role: str, subject: str, now: datetime) -> str:
        """A cookie value for `subject` in `role`, good for twelve hours."""
        return self._sign("session", f"{role}|{int(now.timestamp()) + _HOURS * 3600}|{subject}")

    def subject(self, role: str, cookie: str, now: datetime) -> str:
        """Whose session it is. Refusal `sign-in-needed` when it is missing, forged, ended or of another role."""
        held, _, rest = self._read("session", cookie).partition("|")
        ends, _, subject = rest.partition("|")  # last, so that nothing in it is taken for an end
        if held != role or not ends or int(ends) <= now.timestamp():
            raise Refusal("sign-in-needed")
        return subject

    def ticket(self, role: str, subject: str) -> str:
        """A development ticket: a link that opens a session without proof of who one is."""
        return self._sign("ticket", f"{role}|{subject}")

    def open_ticket(self, ticket: str) -> tuple[str, str]:
        """Role and subject of a ticket. Refusal `sign-in-needed` when it is not one of ours."""
        role, _, subject = self._read("ticket", ticket).partition("|")
        if role not in ROLES:
            raise Refusal("sign-in-needed")
        return role, subject

    def seal(self, use: str, text: str) -> str:
        """A text that comes back by way of a browser, under a MAC for this use; it can be read, not changed."""
        return self._sign(f"seal/{use}", text)

    def unseal(self, use: str, sealed: str) -> str:
        """The text again, or "" when it is not one of ours, for this use."""
        return self._read(f"seal/{use}", sealed)

    def csrf(self, cookie: str) -> str:
        """The token that forms of this session must carry. Made of the cookie's first part, which stays when its secret
        is renewed: a form that waited while somebody proved once more who they are still counts."""
        return self._mac("csrf", cookie.partition(".")[0])[:32]

    def check_csrf(self, cookie: str, token: str) -> None:
        """Refusal `csrf` unless the token belongs to the session."""
        if not hmac.compare_digest(self.csrf(cookie).encode(), token.encode(errors="replace")):
            raise Refusal("csrf")

    def _mac(self, use: str, text: str) -> str:
        return hmac.new(self._key, f"{use}\x1f{text}".encode(errors="replace"), hashlib.sha256).hexdigest()

    def _sign(self, use: str, text: str) -> str:
        body = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
        return f"{body}.{self._mac(use, body)[:40]}"

    def _read(self, use: str, signed: str) -> str:
        body, _, mac = signed.partition(".")
        if not hmac.compare_digest(mac.encode(errors="replace"), self._mac(use, body)[:40].encode()):
            return ""
        return base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)).decode()
