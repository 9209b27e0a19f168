"""Who may open which page: the first row that fits counts, and what fits none is for nobody; which pages show a record.

`anybody`: nothing of it knows a person. `resident`, `clinician`, `kiosk`, `operator`: who is signed in at that door.
`operator/<right>`: somebody of the operator who holds that right (`directory.OPERATOR_RIGHTS`). `clinician/<role>`:
staff in that role (`directory.STAFF_ROLES`). What they then see is decided by `access`.
`tests/portals/test_page_policies.py` calls every page with every kind of session.

The pages cannot be put together with one that has no row. For those that are in neither `TELLS` nor `MAY_TELL` the door
to person data is shut (`access.tells_nobody`), so that a new page which tells cannot be forgotten there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from starlette.routing import Route

from yima.access import tells_nobody

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
    ("/resident/sign-in/again", "resident"),
    ("/resident/sign-in*", "anybody"),
    ("/resident/*", "resident"),
    ("/clinician", "anybody"),
    ("/clinician/sign-in/again", "clinician"),
    ("/clinician/sign-in*", "anybody"),
    ("/clinician/stops", "clinician/protection-officer"),
    ("/clinician/*", "clinician"),
    ("/operator", "anybody"),
    ("/operator/sign-in/again", "operator"),
    ("/operator/sign-in*", "anybody"),
    ("/operator/accounts", "operator/accounts"),
    ("/operator/break-glass*", "operator/privacy"),
    ("/operator/suspensions*", "operator/suspend"),
    ("/operator/removals*", "operator/suspend"),
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

TELLS: Final = frozenset({
    "GET /resident/record", "GET /resident/record.json", "GET /resident/life", "GET /resident/timeline",
    "GET /resident/summary", "GET /resident/summary.json", "GET /clinician/visit/{handle}",
    "GET /clinician/visit/{handle}/life", "GET /clinician/visit/{handle}/timeline",
    "GET /clinician/visit/{handle}/summary", "GET /clinician/visit/{handle}/summary.json",
    "GET /clinician/counter/visit/{handle}", "GET /clinician/emergency/{handle}",
    "GET /resident/decisions/item",
})  # fmt: skip
"""Pages that show a record: each good answer has its line in the log, and the two are compared."""
MAY_TELL: Final = frozenset({
    "POST /clinician/scan", "POST /clinician/emergency", "GET /clinician/visit/{handle}/apps",
    "POST /clinician/apps/open", "GET /clinician/apps/answer", "POST /clinician/emergency/{handle}",
    "GET /resident/decisions", "GET /kiosk/screen/state/{id}",
})  # fmt: skip
"""Pages some of whose good answers tell about a person."""


def who_may(path: str) -> str | None:
    """Who may open the page of this route; None for nobody."""
    for named, who in POLICY:
        if path == named or (named.endswith("*") and path.startswith(named[:-1])):
            return who
    return None


def without_policy(routes: Iterable[Route]) -> list[str]:
    """The pages for which no row says who may open them."""
    return [route.path for route in routes if who_may(route.path) is None]


def under_policy(routes: Iterable[Route]) -> list[Route]:
    """These pages, each under its row. `LookupError` for one that has none: nothing starts with it."""
    found = list(routes)
    if missing := without_policy(found):
        raise LookupError(f"no row of portals/policy.py says who may open: {', '.join(missing)}")
    return [route if _rows_of(route) & (TELLS | MAY_TELL) else _shut(route) for route in found]


def disclosing(routes: Iterable[Route]) -> frozenset[str]:
    """Module and name of each page whose every good answer is about a person, as in `api.DISCLOSING`."""
    return frozenset(
        f"{route.endpoint.__module__}.{route.endpoint.__name__}" for route in routes if _rows_of(route) & TELLS
    )


def _rows_of(route: Route) -> set[str]:
    return {f"{method} {route.path}" for method in route.methods or ()}


def _shut(route: Route) -> Route:
    return Route(route.path, tells_nobody(route.endpoint), methods=sorted(route.methods or ()))
