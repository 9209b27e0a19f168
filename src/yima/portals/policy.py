"""Who may open which page: the first row that fits counts, and what fits none is for nobody. Pure data.

`anybody`: nothing of it knows a person. `resident`, `clinician`, `kiosk`, `operator`: who is signed in at that door.
`operator/<right>`: somebody of the operator who holds that right (`directory.OPERATOR_RIGHTS`). What they then see is
decided by `access`. `tests/portals/test_page_policies.py` calls every page with every kind of session.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from starlette.routing import Route

POLICY: Final = (
    ("/", "anybody"),
    ("/public/*", "anybody"),
    ("/regulator*", "anybody"),
    ("/static/*", "anybody"),
    ("/scanner*", "anybody"),
    ("/dev/sign-in/{ticket}", "anybody"),
    ("/oauth/authorize", "anybody"),
    ("/resident", "anybody"),
    ("/resident/offline", "anybody"),
    ("/resident/manifest.webmanifest", "anybody"),
    ("/resident/worker.js", "anybody"),
    ("/resident/decisions/text/{version}", "anybody"),
    ("/resident/sign-in*", "anybody"),
    ("/resident/*", "resident"),
    ("/clinician", "anybody"),
    ("/clinician/sign-in/again", "clinician"),
    ("/clinician/sign-in*", "anybody"),
    ("/clinician/*", "clinician"),
    ("/operator", "anybody"),
    ("/operator/sign-in/again", "operator"),
    ("/operator/sign-in*", "anybody"),
    ("/operator/accounts", "operator/accounts"),
    ("/operator/break-glass*", "operator/privacy"),
    ("/operator/suspensions*", "operator/suspend"),
    ("/operator/steward/*", "operator/steward"),
    ("/operator/erasures*", "operator/erase"),
    ("/operator/exports/*", "operator/export"),
    ("/operator/privacy*", "operator/privacy"),
    ("/operator/*", "operator"),
    ("/kiosk", "anybody"),
    ("/kiosk/", "anybody"),
    ("/kiosk/screen", "anybody"),
    ("/kiosk/screen/*", "kiosk"),
)
"""Address, or its beginning with a star -> who may open it; the narrower rows of a door stand before the wide one."""


def who_may(path: str) -> str | None:
    """Who may open the page of this route; None for nobody."""
    for named, who in POLICY:
        if path == named or (named.endswith("*") and path.startswith(named[:-1])):
            return who
    return None


def without_policy(routes: Iterable[Route]) -> list[str]:
    """The pages for which no row says who may open them."""
    return [route.path for route in routes if who_may(route.path) is None]
