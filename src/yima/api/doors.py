"""The doors where nobody has been signed in yet: how often one network may knock, and what is noted of refusals.

Before anything of a request is read, its network pays one unit at a door; a refusal there costs nine more. So who signs
in rightly has ten times the room of who guesses, and a flood is answered 429 at the cost of a look-up. Counted by each
worker for itself. Wherever a request was refused, a refusal that may be an attack (`security` in the catalogue) is
counted and written down; a flood of them leaves a line a second for each network and code.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final

from starlette.types import Scope

from yima.directory import Pace, network_of, sender_of
from yima.runtime import logs, metrics
from yima.runtime.errors import Refusal
from yima.runtime.settings import Settings

_log = logs.get("api")
DOORS: Final = (
    "/oauth/", "/dev/sign-in", "/resident/sign-in", "/clinician/sign-in", "/operator/sign-in", "/steward/sign-in",
)  # fmt: skip
"""Addresses, by their beginnings, that answer callers who have proved nothing yet."""
_WRONG: Final = 9
"""What a refused request costs besides its own unit."""
_NOT_THEIRS: Final = frozenset({429, 503})
"""Refusals that say nothing about who asks."""
_LINES: Final = 1.0
"""Lines of the log a second, of one network and one code."""


class Doors:
    """Counts who knocks; one per worker."""

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        self._proxies = frozenset(settings.trusted_proxies)
        self._networks = Pace(settings.sign_in_rate / 60, settings.sign_in_rate)
        self._lines = Pace(_LINES, 1)
        self._clock = clock

    def knock(self, scope: Scope) -> None:
        """A request comes. Refusal `too-many-requests` at a door, when its network has knocked too often."""
        if scope["path"].startswith(DOORS):
            self._networks.check(self.network(scope), self._clock())

    def left(self, scope: Scope, refusal: Refusal | None) -> None:
        """It was answered, with this refusal or none."""
        if refusal is None:
            return
        network, now = self.network(scope), self._clock()
        if scope["path"].startswith(DOORS) and refusal.status not in _NOT_THEIRS:
            self._networks.charge(network, now, _WRONG)
        if refusal.kind.security:
            metrics.security_events.labels(refusal.code).inc()
            if not self._lines.wait(f"{refusal.code} {network}", now):
                _log.warning("security", code=refusal.code, host=network)

    def network(self, scope: Scope) -> str:
        """The network a request comes from, as far as one's own proxies say."""
        peer = (scope.get("client") or ("", 0))[0]
        forwarded = ""
        if peer in self._proxies:
            said: list[Any] = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
            forwarded = b",".join(said).decode("latin-1")
        return network_of(sender_of(peer, forwarded, self._proxies))
