"""Who acts: the one value by which every room knows a caller."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, Literal

from yima.directory.roles import DEFAULT_ROLE, USUAL_PURPOSES
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

FRESH: Final = timedelta(minutes=5)
"""How long somebody who proved who they are need not do so again for an act that asks for it."""
_STEPS_UP: Final = frozenset({"practitioner", "operator", "resident"})

Assurance = Literal["low", "substantial"]
Kind = Literal["app", "practitioner", "resident", "operator", "system", "terminal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody or something that was signed in. Built only by sign-in code; rooms below never guess one."""

    kind: Kind
    agent_id: str
    """client_id, terminal id, practitioner id or person text; what the log names."""
    name_zh: str = ""
    name_en: str = ""
    institution: int = 0
    institution_code: str = ""
    institution_zh: str = ""
    institution_en: str = ""
    department: str = ""
    """Department code of a practitioner."""
    role: str = DEFAULT_ROLE
    """Of a practitioner: one of `STAFF_ROLES`. Says nothing of anybody else."""
    purposes: frozenset[str] = USUAL_PURPOSES
    """Of an app: for what it was registered to act. Says nothing of anybody else."""
    person: PersonId = 0
    """Whose own record a resident may see; 0 for everybody else."""
    terminal: str = ""
    """The one terminal for which a terminal's token is good; empty for everybody else."""
    rights: frozenset[str] = frozenset()
    """What somebody of the operator (`directory.OPERATOR_RIGHTS`) or an app (`APP_RIGHTS`) may do besides."""
    scopes: frozenset[str] = frozenset()
    matching: Literal["full", "identifier", "off"] = "full"
    """How submissions of this app find their person."""
    app: str = ""
    """client_id of the app through which a resident or a member of the staff acts; empty for their own pages."""
    app_name: str = ""
    """What that app is called, Chinese."""
    app_sees_sensitive: bool = False
    """Whether the resident opened sensitive classes to that app."""
    visit: str = ""
    """Of an app that a member of the staff opened: the one visit for which its token is good."""
    assurance: Assurance = "substantial"
    """Of a resident: how sure it is that it is them. `low`: a phone that nobody confirmed."""
    session: str = ""
    """The id of the browser session that asks; empty without one."""
    proved: datetime | None = None
    """When this person last proved who they are, in the session that asks; None for programs."""

    @property
    def sandbox(self) -> bool:
        """An app for trying things out: its patients are nobody, so it may search across them, and across no others."""
        return self.kind == "app" and self.matching == "off"

    def may(self, scope_type: str, verb: str) -> bool:
        """Whether the SMART v2 scopes cover `verb` (one of c, r, u, d, s) on a type. A terminal's cover no FHIR; a
        resident's own pages need none, nor those of staff."""
        if self.kind == "app":
            return _allowed(self.scopes, "system", scope_type, verb)
        if self.kind == "terminal":
            return False
        if not self.app:
            return True
        # In a visit both contexts mean its person: what a user may see besides was not asked of anybody.
        return _allowed(self.scopes, "patient", scope_type, verb) or (
            bool(self.visit) and _allowed(self.scopes, "user", scope_type, verb)
        )

    def check_fresh(self, now: datetime) -> None:
        """For acts that nobody may do at a machine left open. Refusal `step-up-needed` for people who did not prove who
        they are within `FRESH`; the page of the refusal asks for it and carries the act on. Everybody else passes:
        programs prove themselves by key or token, the command line by being there."""
        if self.kind in _STEPS_UP and not self.app and (self.proved is None or not now - FRESH <= self.proved):
            raise Refusal("step-up-needed")

    def check_assured(self) -> None:
        """Refusal `assurance-too-low` for a resident who is not surely the one."""
        if self.kind == "resident" and self.assurance == "low":
            raise Refusal("assurance-too-low")

    def check_giving(self, now: datetime) -> None:
        """For acts that give others access, or the own record away. Refusals of a resident `assurance-too-low`,
        `step-up-needed`. What takes access away asks for neither."""
        self.check_assured()
        if self.kind == "resident":
            self.check_fresh(now)

    def holds(self, scope: str) -> bool:
        """Whether a terminal's token covers this use of it (`TERMINAL_SCOPES`); nobody else has such scopes."""
        return self.kind == "terminal" and scope in self.scopes


@lru_cache(8192)
def _allowed(scopes: frozenset[str], context: str, scope_type: str, verb: str) -> bool:
    return any(_covers(scope, context, scope_type, verb) for scope in scopes)


_V1 = {"read": "rs", "write": "cud", "*": "cruds"}


def _covers(scope: str, context: str, scope_type: str, verb: str) -> bool:
    # SMART App Launch 2.2, section 3: <context>/<type>.<cruds>; the v1 words read, write and * are accepted too.
    said, _, rest = scope.partition("/")
    kind, _, verbs = rest.partition(".")
    # Letters one by one: "" is in every text, and a scope narrowed by a query (?category=..) covers nothing here.
    return said == context and kind in ("*", scope_type) and "?" not in verbs and verb in set(_V1.get(verbs, verbs))
