"""Apps of an institution that its staff open in a visit (SMART App Launch 2.2, EHR launch).

What such an app may do is what the member of the staff who opened it may do in that visit, as far as its scopes go, and
no longer than the visit: no grant of the resident is needed, because nobody sees more than before. That it was opened,
and each thing it reads, is on the person's log under the name of who opened it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from yima import consent, directory
from yima.access.apps import AppRequest, Apps
from yima.access.context import Context
from yima.access.decision import Asking, decide, open_visit, refusal_of
from yima.directory import Caller, LaunchableApp
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId


@dataclass(frozen=True, slots=True)
class Launching:
    """What a page needs to let an app be opened: the apps, and whose record it is about."""

    apps: Sequence[LaunchableApp]
    person: PersonId


class Launches:
    """Opens apps for staff. One per worker."""

    def __init__(self, cx: Context, apps: Apps, base_url: str) -> None:
        self._cx = cx
        self._apps = apps
        self._base = base_url

    async def offered(self, caller: Caller, visit: str, now: datetime) -> Launching:
        """The apps that may be opened in this visit. Refusals as `open`."""
        opened = await self._visit(caller, visit, now)
        return Launching(await directory.launchable_apps(self._cx.database, caller.institution), opened.person)

    async def open(self, caller: Caller, client_id: str, visit: str, now: datetime) -> str:
        """Where the browser goes to open the app: its own address with `iss` and a launch token.

        Refusals: `not-found` for an app that is not offered, those of a visit, `visit-needed` in an emergency, and what
        the caller would hear on opening the record.
        """
        await self._visit(caller, visit, now)
        offered = await directory.launchable_apps(self._cx.database, caller.institution)
        app = next((one for one in offered if one.client_id == client_id), None)
        if app is None:
            raise Refusal("not-found", field="app")
        token = await directory.open_launch(self._cx.database, client_id, int(caller.agent_id), visit, now)
        parts = urlsplit(app.addresses[0])
        query = [*parse_qsl(parts.query, keep_blank_values=True), ("iss", f"{self._base}/fhir"), ("launch", token)]
        return urlunsplit(parts._replace(query=urlencode(query)))

    async def answer(self, caller: Caller, request: AppRequest, now: datetime) -> str:
        """The app asks, in the browser of the member of the staff who opened it: where that goes, with a code or with
        `access_denied`. Nobody is asked: opening it was the answer, and the launch token says that it was opened."""
        practitioner = int(caller.agent_id)
        visit = await directory.take_launch(self._cx.database, request.launch, request.client_id, practitioner, now)
        if not visit:
            return self._apps.refuse(request, "The launch is unknown, over, or somebody else's: open the app again.")
        try:
            opened = await self._visit(caller, visit, now)
        except Refusal as refusal:
            return self._apps.refuse(request, refusal.text("en"))
        if not await self._apps.patient_of(opened.person):
            return self._apps.refuse(request, "Nothing has been recorded of this person yet.")
        asking = Asking(caller=caller, now=now, purpose=opened.purpose, visit=visit)
        by = directory.Opened(practitioner, visit, opened.expires)
        return await self._apps.granted(asking, opened.person, request, request.scopes, True, by)

    async def _visit(self, caller: Caller, visit: str, now: datetime) -> consent.Visit:
        """A visit that opened the record to this caller: by the person's own code, and at the caller's place."""
        if caller.kind != "practitioner":
            raise Refusal("visit-needed")
        opened = await open_visit(self._cx, visit, now)
        if opened.institution != caller.institution or opened.assurance != "dynamic":
            raise Refusal("visit-needed")  # in an emergency too: what opens then is a small set, shown by our own page
        asking = Asking(caller=caller, now=now, purpose="", visit=visit)
        decision = await decide(self._cx, asking, await self._cx.lookups.whole(opened.person), "Patient")
        if not decision.permit:
            raise refusal_of(decision, asking)
        return opened
