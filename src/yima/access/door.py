"""The door itself: one object per worker that holds what outlives a request and names everything that may be done."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from yima import audit, authentication, directory, fhir, healthcode, mpi, records
from yima.access import cards, decision, disclose, persons, place, residents, scan, search, standing, submit, together
from yima.access.accounts import Accounts
from yima.access.apps import Apps
from yima.access.assembly import context_of, publisher_of
from yima.access.callers import Callers
from yima.access.choices import Choices
from yima.access.clearing import Clearing
from yima.access.consents import Consents
from yima.access.counter import Counters
from yima.access.credentials import Credentials
from yima.access.erasing import Erasures
from yima.access.exporting import Exporting
from yima.access.external import External, asking_with
from yima.access.families import Families
from yima.access.feeding import Feeds
from yima.access.gateway import Gateway
from yima.access.glass import Glass, glass_rules
from yima.access.glass_desk import GlassDesk
from yima.access.keeping import Keeping
from yima.access.kiosk import Kiosks
from yima.access.launching import Launches
from yima.access.lines import Lines
from yima.access.linkage import Linkage
from yima.access.matching import Matching
from yima.access.overviews import RecordView, open_patient, open_record
from yima.access.phones import Phones
from yima.access.population import Population
from yima.access.printing import Printing
from yima.access.privacy import Privacy
from yima.access.proofs import proven_line
from yima.access.providers import ProviderRegister
from yima.access.public_log import PublicLog
from yima.access.reindexing import Reindexing
from yima.access.removals import Removals
from yima.access.reviewing import Reviews
from yima.access.search import Found
from yima.access.signing_in import SigningIn
from yima.access.staffed import staff_resource
from yima.access.stewarding import Stewards
from yima.access.summaries import Summaries
from yima.access.turning import Turning
from yima.access.upkeep import Upkeep
from yima.access.uses import Uses
from yima.audit.proof import LineProof, Log
from yima.directory import Caller
from yima.runtime import logs
from yima.runtime.database import Connection, Database
from yima.runtime.fingerprint import check_fingerprint
from yima.runtime.ids import PersonId
from yima.runtime.jobs import Handler
from yima.runtime.keys import FileKeyStore, KeyStore, Vault
from yima.runtime.settings import Settings


class Access:
    """Everything that may be done with person data, and nothing else. Methods raise `Refusal`; reads are logged
    before they return."""

    def __init__(self, database: Database, keys: KeyStore, settings: Settings, base_url: str) -> None:
        self.database = database
        self.settings = settings
        self.base_url = base_url
        self.language = settings.language
        # What residents are now, the callers say, who are made after this.
        self._cx = context_of(database, keys, settings, lambda person: self.callers.resident(person))  # noqa: PLW0108
        self.means = authentication.Means(database, self._cx.vault, settings, base_url)
        self.callers = Callers(self._cx, self.means, settings)
        self.signing_in = SigningIn(self._cx, self.means, self.callers.who)
        asking = asking_with(keys, directory.KeySets(development=settings.development), settings.development)
        self.external = External(self._cx, self.means, self.signing_in, self.callers.who, asking)
        self.provider_register = ProviderRegister(self._cx, self.means, asking)
        self.phones = Phones(self._cx, self.means, settings, self.callers.who)
        self.accounts = Accounts(self._cx, self.means, self.callers.who)
        self._publisher = publisher_of(self._cx, settings, base_url)
        self._gateway = Gateway(self._cx)
        self.cards, self.families = cards.Cards(self._cx), Families(self._cx)
        self.removals = Removals(self._cx, self.means)
        self.reindexing = Reindexing(self._cx)
        self.keeping, self.turning = Keeping(self._cx), Turning(self._cx)
        self.clearing = Clearing(self._cx)
        self.stewards, self.reviews, self.linkage = Stewards(self._cx), Reviews(self._cx), Linkage(self._cx)
        self.matching, self.feeds = Matching(self._cx, base_url, settings.strangers_a_day), Feeds(self._cx)
        self.population = Population(self._cx, settings.public_least)
        self.printing = Printing(self._cx, settings.card_font)
        self._upkeep: asyncio.Task[None] | None = None
        self.uses, self.erasures = Uses(self._cx), Erasures(self._cx)
        self.exporting, self.apps = Exporting(self._cx), Apps(self._cx, base_url)
        self.launches = Launches(self._cx, self.apps, base_url)
        self.credentials = Credentials(self._cx, settings, base_url)
        self.summaries = Summaries(self._cx, base_url)
        self.log, self.privacy = Log(database, keys), Privacy(self._cx, settings)
        self.public_log = PublicLog(self._cx, self.log, settings.public_least)
        self.choices, rules = Choices(self._cx), glass_rules(settings)
        self.glass, self.glass_desk = Glass(self._cx, rules), GlassDesk(self._cx, rules)
        self.consents = Consents(self._cx, self.choices, base_url)
        self.lines = Lines(self._cx)
        self.kiosks = Kiosks(self._cx, settings.visit_seconds)
        self.counters = Counters(self._cx, settings.visit_seconds)

    @property
    def publisher(self) -> healthcode.trust.Publisher:
        """The public lists of keys and of revoked credentials."""
        return self._publisher

    @classmethod
    async def open(cls, url: str, settings: Settings, base_url: str) -> Access:
        """Connect to the database and open the key store of the data directory."""
        keys = FileKeyStore(settings.data / "keys.json")
        mpi.use_model(settings.matching_model)
        database = await Database.connect(url, size=settings.pool_size)
        access = cls(database, keys, settings, base_url)
        await check_fingerprint(database, access.vault)
        await access.turning.check()
        return access

    def start_upkeep(self, now: Callable[[], datetime], more: Mapping[str, Handler], hourly: Sequence[str]) -> None:
        """Let this worker take its part in the periodic jobs until `close`: see `access.upkeep`. `more`: those of rooms
        above, by kind; `hourly`: which of these are due each hour."""
        self._upkeep = asyncio.create_task(Upkeep(self.database, self.log, now, more, hourly, self.privacy).run())

    async def close(self) -> None:
        """Give back what was opened."""
        if self._upkeep is not None:
            self._upkeep.cancel()
            await asyncio.gather(self._upkeep, return_exceptions=True)
            with suppress(Exception):  # the database may be gone first; the lines are there all the same
                await self._cx.answered.write(self.database)
        self.means.passwords.close()
        await self.database.close()

    # --- who is calling ----------------------------------------------------------------------------------------------

    @property
    def sign_in(self) -> directory.SignIn:
        """Sign-in of apps."""
        return self._cx.sign_in

    @property
    def gateway(self) -> Gateway:
        """What hospitals' existing card calls may do: see `access.gateway`."""
        return self._gateway

    @property
    def vault(self) -> Vault:
        """Blind index and envelope encryption of this deployment."""
        return self._cx.vault

    @property
    def answered(self) -> audit.Answered:
        """Where the edge of this worker notes what it answered."""
        return self._cx.answered

    def may_choose_ids(self, caller: Caller) -> bool:
        """Whether a PUT of an id that does not exist creates it, for this caller (setting `update_create`)."""
        return self.settings.update_create == "all" or (self.settings.update_create == "sandbox" and caller.sandbox)

    # --- submit ------------------------------------------------------------------------------------------------------

    async def submit(
        self,
        c: Connection,
        caller: Caller,
        entries: Sequence[place.Entry],
        submission: str,
        *,
        now: datetime,
        visit: str = "",
        conditional: bool = True,
    ) -> list[submit.Outcome]:
        """Carry out writes in the caller's transaction: see `access.submit`. `conditional`: see `place.Submitting`.

        `visit` is the handle of a scan: a Patient that the submission registers is then the person who was scanned,
        unless it says otherwise.
        """
        cx = self._cx
        scanned = await scan.scanned_person_within(cx, c, caller, visit, now) if visit else None
        submitting = place.Submitting(
            c, cx.vault, cx.keys, caller, submission, cx.index_key, cx.profile, now, logs.request_id.get(), scanned,
            self.may_choose_ids(caller), conditional, None if caller.sandbox else cx.ceiling,
        )  # fmt: skip
        return await submit.submit(submitting, entries)

    async def create_together(self, c: Connection, singles: Sequence[together.Single]) -> list[together.Together]:
        """Carry out plain creates of many requests in the caller's transaction: see `access.together`."""
        return await together.create_together(self._cx, c, singles)

    async def register_together(self, c: Connection, singles: Sequence[together.Single]) -> list[together.Together]:
        """The same for plain creates of Patients."""
        return await together.register_together(self._cx, c, singles)

    # --- scan --------------------------------------------------------------------------------------------------------

    async def scan(  # noqa: PLR0913  the words of a scan, each said by its name
        self, caller: Caller, text: str, *, terminal: str, step: str, purpose: str, now: datetime,
        channel: str | None = None, scene: str | None = None,
    ) -> scan.Scan:  # fmt: skip
        """Verify a scanned code: see `access.scan`."""
        return await scan.scan(
            self._cx, caller, text, terminal=terminal, step=step, purpose=purpose, now=now, channel=channel, scene=scene
        )

    async def my_terminals(self, caller: Caller) -> Sequence[directory.Terminal]:
        """The terminals of the caller's institution."""
        return await directory.terminals(self.database, caller.institution)

    async def find_person(self, caller: Caller, *, system: str, value: str, now: datetime) -> mpi.Identity:
        """Who holds this document, in an emergency: see `access.scan.find_person`."""
        return await scan.find_person(self._cx, caller, system=system, value=value, now=now)

    async def person_of_visit(self, caller: Caller, visit: str, now: datetime) -> PersonId:
        """The person of a visit at the caller's institution."""
        return await scan.person_of_visit(self._cx, caller, visit, now)

    # --- disclose ----------------------------------------------------------------------------------------------------

    async def read(self, asking: decision.Asking, resource_type: str, resource_id: str) -> records.Stored:
        """One resource: see `access.disclose.read`."""
        return await disclose.read(self._cx, asking, resource_type, resource_id)

    async def version(
        self, asking: decision.Asking, resource_type: str, resource_id: str, number: int
    ) -> records.Stored:
        """One version of one resource: see `access.disclose.version`."""
        return await disclose.version(self._cx, asking, resource_type, resource_id, number)

    async def versions(
        self, asking: decision.Asking, resource_type: str, resource_id: str, limit: int
    ) -> list[records.Stored]:
        """All versions of one resource."""
        return await disclose.versions(self._cx, asking, resource_type, resource_id, limit)

    async def sandbox_versions(
        self, asking: decision.Asking, resource_type: str | None, times: records.Times, wanted: records.Wanted
    ) -> records.Page:
        """A page of the versions of all that a sandbox wrote: see `access.disclose.sandbox_versions`."""
        return await disclose.sandbox_versions(self._cx, asking, resource_type, times, wanted)

    def query(
        self, asking: decision.Asking, resource_type: str, params: Sequence[tuple[str, str]], *, lenient: bool
    ) -> fhir.Query:
        """A search compiled with this deployment's index key: see `fhir.compile_query`."""
        return fhir.compile_query(
            resource_type,
            params,
            lenient=lenient,
            key=self._cx.vault.hashes.asked_tokens,
            now=asking.now,
            across=asking.caller.sandbox,
        )

    async def search(
        self, asking: decision.Asking, resource_type: str, query: fhir.Query, wanted: records.Wanted
    ) -> Found:
        """Search in one record, the shared directory or a sandbox: see `access.search`."""
        return await search.search(self._cx, asking, resource_type, query, wanted)

    async def staff_resource(self, asking: decision.Asking, text: str) -> dict[str, Any]:
        """A member of the staff as a Practitioner: see `access.staffed`."""
        return await staff_resource(self._cx, asking, text)

    async def person_resource(self, asking: decision.Asking, text: str, *, of_patient: bool = False) -> dict[str, Any]:
        """The Person resource of the person index: see `access.persons`."""
        return await persons.person_resource(self._cx, asking, text, of_patient=of_patient)

    def query_types(
        self, asking: decision.Asking, types: Sequence[str], params: Sequence[tuple[str, str]], *, lenient: bool
    ) -> list[records.Part]:
        """A search over several types, compiled: see `access.search.parts_of`."""
        return search.parts_of(self._cx, asking, types, params, lenient=lenient)

    async def search_types(
        self, asking: decision.Asking, parts: Sequence[records.Part], wanted: records.Wanted
    ) -> Found:
        """Search over several types: see `access.search.search_types`."""
        return await search.search_types(self._cx, asking, parts, wanted)

    async def everything(
        self, asking: decision.Asking, patient: str, *, types: Sequence[str] | None, since: datetime | None, limit: int
    ) -> list[records.Content]:
        """A whole record as resources: see `access.disclose.everything`."""
        return await disclose.everything(self._cx, asking, patient, types=types, since=since, limit=limit)

    async def open_record(
        self, caller: Caller, person: PersonId, *, purpose: str, visit: str | None, now: datetime
    ) -> RecordView:
        """A whole record as a page shows it: see `access.overviews`."""
        asking = decision.Asking(caller=caller, now=now, purpose=purpose, visit=visit or "")
        return await open_record(self._cx, asking, person)

    async def open_patient(self, asking: decision.Asking, patient: str) -> RecordView:
        """The same for a program, which names a Patient: see `access.overviews`."""
        return await open_patient(self._cx, asking, patient)

    # --- the resident's own ------------------------------------------------------------------------------------------

    async def my_card(self, caller: Caller, now: datetime) -> residents.CardView:
        """The resident's card and codes."""
        return await residents.my_card(self._cx, caller, now)

    async def my_resources(self, caller: Caller, now: datetime) -> list[records.Stored]:
        """Everything of the resident who asks, for download; the download is on the log. Refusals `assurance-too-low`,
        `step-up-needed`."""
        caller.check_giving(now)
        asking = decision.Asking(caller=caller, now=now, purpose="own-request")
        return await disclose.own_resources(self._cx, asking)

    async def proven_line(self, event_id: str, now: datetime, caller: Caller | None = None) -> LineProof:
        """A line of the log with its proof: a resident's own, or any for who runs the platform (`caller` None)."""
        return await proven_line(self._cx, self.log, event_id, now, caller)

    async def access_log(
        self, caller: Caller, *, now: datetime, before: datetime | None = None, limit: int = 100
    ) -> list[audit.Event]:
        """Who did what to the resident's own record."""
        return await residents.access_log(self._cx, caller, before=before or now + timedelta(seconds=1), limit=limit)

    async def notices(self, caller: Caller, now: datetime) -> list[audit.Event]:
        """What the holder must hear about."""
        return await residents.notices(self._cx, caller, now)

    async def my_credentials(self, caller: Caller, now: datetime) -> Sequence[healthcode.trust.Credential]:
        """The resident's offline credentials that have not expired."""
        return await standing.credentials(self._cx, caller, now)

    async def revoke_my_credential(self, caller: Caller, ref: healthcode.trust.StatusRef, now: datetime) -> None:
        """End one of them for good."""
        await standing.revoke(self._cx, caller, ref, now)

    async def sharing(self, caller: Caller, now: datetime) -> list[residents.SharingChoice]:
        """The resident's switches."""
        return await residents.sharing(self._cx, caller, now)

    async def set_sharing(self, caller: Caller, cls: str, *, institution: int = 0, permit: bool, now: datetime) -> None:
        """Decide what is shared."""
        await residents.set_sharing(self._cx, caller, cls, institution=institution, permit=permit, now=now)
