"""Every way of reading a record, as a table; and what of two people each way shows.

Two people's Patients lie in one home: `Side` ONE and OTHER. Each resource of a side carries its own mark in its words,
and its own id: whatever a way answers is searched for both.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple

import httpx

from support import BASE, Institution, Platform, observation, patient, resident_number
from yima import api, audit, portals
from yima.directory import Caller
from yima.runtime import clock, ids

Name = Literal["ONE", "OTHER"]
NAMES: Final[tuple[Name, Name]] = ("ONE", "OTHER")
_LOINC: Final = "http://loinc.org"
_HL7: Final = "http://terminology.hl7.org/CodeSystem/"


@dataclass(frozen=True, slots=True)
class Way:
    """A way of reading, by the address it has and who goes it: an app in a visit (`visit`), the app of the institution
    that wrote (`own`), its own phone (`resident`), a doctor's page in a visit (`doctor`)."""

    route: str
    address: str
    who: Literal["visit", "own", "resident", "doctor"] = "visit"
    shows: Literal["record", "row", "figures"] = "record"
    """What is in the answer: much of a record, one resource, or neither."""
    form: bool = False
    """Sent as the form of a POST."""


WAYS: Final[Sequence[Way]] = (
    Way("/fhir/Patient/{id}/$everything", "/fhir/Patient/{patient}/$everything"),
    Way("/fhir/Patient/{id}/$everything", "/fhir/Patient/{person}/$everything"),
    Way("/fhir/Patient/{id}/$everything", "/fhir/Patient/{patient}/$everything?_type=Condition&_since=2020-01-01"),
    Way("/fhir/Patient/{id}/$everything", "/fhir/Patient/{patient}/$everything", "own"),
    Way("/fhir/Patient/{id}/$summary", "/fhir/Patient/{patient}/$summary"),
    Way("/fhir/Patient/{id}/$summary", "/fhir/Patient/{patient}/$summary", "own"),
    Way("/fhir/Patient/$summary", "/fhir/Patient/$summary?identifier=urn:hospital:a:mrn|{number}", "own"),
    Way("/fhir/Patient/{id}/{type}", "/fhir/Patient/{patient}/Condition"),
    Way("/fhir/Patient/{id}/{type}", "/fhir/Patient/{patient}/*"),
    Way("/fhir/Observation/$lastn", "/fhir/Observation/$lastn?patient={patient}&max=9"),
    Way("/fhir/DocumentReference/$docref", "/fhir/DocumentReference/$docref?patient={patient}"),
    Way("/fhir/{type}", "/fhir/Patient?_id={patient}", shows="row"),
    Way("/fhir/{type}", "/fhir/Condition?patient={patient}"),
    Way("/fhir/{type}", "/fhir/Condition?patient={patient}", "own"),
    Way("/fhir/{type}", "/fhir/Condition?patient={patient}&_count=1"),  # page by page
    Way("/fhir/{type}", "/fhir/Condition?patient={patient}&_summary=count", shows="figures"),
    Way("/fhir/{type}", "/fhir/Condition?patient={patient}&_include=Condition:subject"),
    Way(
        "/fhir/{type}",
        "/fhir/Patient?_id={patient}&_revinclude=Condition:subject&_revinclude=Observation:subject",
        shows="row",
    ),
    Way(
        "/fhir/{type}",
        "/fhir/Patient?_id={patient}&_has:Condition:subject:code=I10&_revinclude=Condition:subject",
        shows="row",
    ),
    Way("/fhir/{type}", "/fhir/Condition?patient={patient}&subject:Patient.birthdate=1985-03-14"),
    Way("/fhir/{type}", "/fhir/Observation?patient={patient}&value-quantity=gt1"),
    Way("/fhir/{type}", "/fhir/Observation?patient={patient}&_sort=code", "own"),
    Way("/fhir/{type}", "/fhir/AuditEvent?patient={patient}", "own"),
    Way("/fhir/{type}", "/fhir/AuditEvent?patient={patient}&_count=12", "own"),
    Way("/fhir/{type}/_search", "/fhir/Condition/_search?patient={patient}", form=True),
    Way("/fhir/_search", "/fhir/_search?_type=Condition,Observation&patient={patient}", form=True),
    Way("/fhir", "/fhir?_type=Condition,AllergyIntolerance&patient={patient}"),
    Way("/fhir", "/fhir?patient={patient}", "own"),
    Way("/fhir/{type}/{id}", "/fhir/Condition/{condition}", shows="row"),
    Way("/fhir/{type}/{id}", "/fhir/Patient/{patient}", shows="row"),
    Way("/fhir/{type}/{id}/_history", "/fhir/Condition/{condition}/_history", shows="row"),
    Way("/fhir/{type}/{id}/_history/{version}", "/fhir/Condition/{condition}/_history/1", shows="row"),
    Way("/fhir/{type}", "/fhir/Provenance?target=Condition/{condition}", shows="row"),
    Way("/record/{id}", "/record/{patient}"),
    Way("/record/{id}", "/record/{patient}", "own"),
    Way("/record/{id}/timeline", "/record/{patient}/timeline"),
    Way("/record/{id}/stages", "/record/{patient}/stages", shows="figures"),
    Way("/record/{id}/quality", "/record/{patient}/quality", shows="figures"),
    Way("/resident/record", "/resident/record", "resident"),
    Way("/resident/record.json", "/resident/record.json", "resident"),
    Way("/resident/life", "/resident/life", "resident", "figures"),
    Way("/resident/timeline", "/resident/timeline", "resident"),
    Way("/resident/summary", "/resident/summary", "resident"),
    Way("/resident/summary.json", "/resident/summary.json", "resident"),
    Way("/resident/log", "/resident/log", "resident", "figures"),
    Way("/resident/papers", "/resident/papers", "resident", "figures"),
    Way("/clinician/visit/{handle}", "/clinician/visit/{handle}", "doctor"),
    Way("/clinician/visit/{handle}/life", "/clinician/visit/{handle}/life", "doctor", "figures"),
    Way("/clinician/visit/{handle}/timeline", "/clinician/visit/{handle}/timeline", "doctor"),
    Way("/clinician/visit/{handle}/summary", "/clinician/visit/{handle}/summary", "doctor"),
    Way("/clinician/visit/{handle}/summary.json", "/clinician/visit/{handle}/summary.json", "doctor"),
    Way("/clinician/emergency/{handle}", "/clinician/emergency/{glass}", "doctor"),
    Way("/clinician/counter/visit/{handle}", "/clinician/counter/visit/{handle}", "doctor", "figures"),
)
NOT_A_RECORD: Final = frozenset(
    {
        # What the platform is.
        "/fhir/", "/fhir/metadata", "/fhir/.well-known/smart-configuration",
        # A sandbox's, where nobody's record is.
        "/fhir/_history", "/fhir/{type}/_history",
        # Who is who, and one resource by `decide_on` as in a read.
        "/fhir/Patient/$ihe-pix", "/fhir/{type}/{id}/$validate", "/fhir/{type}/{id}/$meta",
        # Exports have tests of their own: `test_an_export_tells_them_apart`.
        "/fhir/$export", "/fhir/Patient/$export", "/fhir/$export-status/{id}", "/fhir/$export-files/{id}/{name}",
        # The code, the card and the person's decisions; no resource is shown.
        "/resident", "/resident/", "/resident/code/batch", "/resident/code/now.svg", "/resident/code/used",
        "/resident/card", "/resident/card.svg", "/resident/card.pdf", "/resident/choices", "/resident/help",
        "/resident/credentials", "/resident/decisions", "/resident/decisions/text/{version}", "/resident/family",
        "/resident/lost", "/resident/offline", "/resident/manifest.webmanifest", "/resident/worker.js",
        "/resident/passkey",
        "/resident/apps", "/resident/apps/ask", "/resident/scan", "/resident/tickets/{id}", "/resident/uses",
        "/resident/objections",
        # One line or one item by its id: `test_single_lines_and_items`.
        "/resident/log/{line}", "/resident/log/{line}/line.json", "/resident/decisions/item",
        # Before a visit, or beside it.
        "/clinician", "/clinician/", "/clinician/stops", "/clinician/emergency", "/clinician/emergency/questions",
        "/clinician/counter", "/clinician/visit/{handle}/apps", "/clinician/apps/answer",
    }
)  # fmt: skip
"""Addresses under which no record is read, with the reason."""


def addresses() -> Iterator[str]:
    """Every address that answers GET where records are read."""
    for route in [*api.routes(), *portals.routes()]:
        path = str(getattr(route, "path", ""))
        room, kind = [*path.split("/")[1:3], ""][:2]
        reads = room in ("fhir", "record", "resident", "clinician") and "GET" in (getattr(route, "methods", None) or ())
        if reads and "sign-in" not in path and kind not in ("ValueSet", "CodeSystem", "ConceptMap"):
            yield path


@dataclass(slots=True)
class Side:
    """One of the two people: a Patient with one resource of each kind."""

    name: Name
    patient: str
    number: str
    """The institution's own number of the Patient."""
    phone: str
    rows: dict[str, str] = field(default_factory=dict)
    """Type -> id."""
    later: list[str] = field(default_factory=list)
    """Ids of what came afterwards."""

    @property
    def marks(self) -> tuple[str, ...]:
        """What gives this side away in an answer."""
        return (f"{self.name}-", self.patient, *self.rows.values(), *self.later)


def resources(about: str, name: str) -> list[dict[str, Any]]:
    """One resource of each kind that a record shows, with the side's mark in its words."""
    who, day = {"reference": about}, "2026-03-01"

    def words(what: str, **coding: str) -> dict[str, Any]:
        return {"text": f"{name}-{what}"} | ({"coding": [coding]} if coding else {})

    return [
        {"resourceType": "Condition", "subject": who, "onsetDateTime": day,
         "code": words("pressure", system="http://hl7.org/fhir/sid/icd-10", code="I10")},
        {"resourceType": "Condition", "subject": who, "onsetDateTime": day, "code": words("sugar")},
        {"resourceType": "AllergyIntolerance", "patient": who, "code": words("penicillin"), "clinicalStatus": {
            "coding": [{"system": f"{_HL7}allergyintolerance-clinical", "code": "active"}]}},
        observation(about) | {"code": words("glucose", system=_LOINC, code="1558-6")},
        {"resourceType": "MedicationStatement", "subject": who, "status": "active",
         "medicationCodeableConcept": words("pill"), "effectiveDateTime": day},
        {"resourceType": "Procedure", "subject": who, "status": "completed", "code": words("stent"),
         "performedDateTime": day},
        {"resourceType": "Immunization", "patient": who, "status": "completed", "vaccineCode": words("vaccine"),
         "occurrenceDateTime": day},
        {"resourceType": "DocumentReference", "subject": who, "status": "current", "type": words("report"),
         "content": [{"attachment": {"contentType": "text/plain", "data": "eA=="}}]},
    ]  # fmt: skip


class Seen(NamedTuple):
    """Of an answer: whose marks are in it, and what of it must come back when the persons are one again."""

    status: int
    whose: frozenset[Name]
    found: tuple[str, ...]


@dataclass(slots=True)
class Town:
    """A hospital that took two people for one, a clinic that treats them, and what each person's phone opens."""

    platform: Platform
    hospital: Institution
    clinic: Institution
    sides: dict[Name, Side]
    person: dict[Name, int]
    """As whom each is read now."""
    _browsers: dict[str, httpx.AsyncClient] = field(default_factory=dict)
    _visits: dict[int, str] = field(default_factory=dict)
    _glasses: dict[int, str] = field(default_factory=dict)

    @classmethod
    async def founded(cls, platform: Platform) -> Town:
        """Two Patients of one institution under one document number: a clerk's mistake, and one person."""
        hospital, clinic = await platform.institution("A"), await platform.institution("B")
        national, name, sides = resident_number(), [{"text": "王明芳"}], dict[Name, Side]()
        for side in NAMES:
            said = patient(national=national, name=name, maritalStatus={"text": f"{side}-patient"})
            made = await hospital.create(said)
            sides[side] = Side(side, made["id"], said["identifier"][0]["value"], said["telecom"][0]["value"])
            for resource in resources(f"Patient/{made['id']}", side):
                stored = await hospital.create(resource)
                sides[side].rows.setdefault(stored["resourceType"], stored["id"])
                sides[side].later.append(stored["id"])
        person = Platform.person_of(f"Patient/{sides['ONE'].patient}")
        town = cls(platform, hospital, clinic, sides, dict.fromkeys(NAMES, person))
        for side in NAMES:  # lines of the log about single resources of each
            await clinic.call("GET", f"/fhir/Condition/{sides[side].rows['Condition']}", visit=await town.visit(side))
        return town

    async def visit(self, name: Name) -> str:
        """The clinic's visit of who this is now."""
        person = self.person[name]
        if person not in self._visits:
            self._visits[person] = await self.clinic.visit(person)
        return self._visits[person]

    async def glass(self, name: Name) -> str:
        """The clinic's emergency access to who this is now."""
        person = self.person[name]
        if person not in self._glasses:
            self._glasses[person] = await self.clinic.break_glass(person)
        return self._glasses[person]

    def resident(self, name: Name) -> Caller:
        """The person as a caller."""
        return Caller(
            kind="resident", agent_id=ids.person_text(self.person[name]), person=self.person[name], proved=clock.now()
        )

    async def _browser(self, role: str, subject: str) -> httpx.AsyncClient:
        if subject not in self._browsers:
            transport = httpx.ASGITransport(app=self.platform.app)
            browser = httpx.AsyncClient(transport=transport, base_url=BASE, cookies={"yima_lang": "en"})
            ticket = self.platform.access.callers.ticket(role, subject)
            assert (await browser.get(f"/dev/sign-in/{ticket}")).status_code == 303
            self._browsers[subject] = browser
        return self._browsers[subject]

    async def answer(self, way: Way, name: Name) -> tuple[int, str]:
        """What a way answers who asks of this side: status and text, of all pages."""
        side, handle = self.sides[name], await self.visit(name)
        address = way.address.format(
            patient=side.patient, person=ids.person_text(self.person[name]), number=side.number, handle=handle,
            condition=side.rows["Condition"], glass=await self.glass(name),
        )  # fmt: skip
        if way.who in ("resident", "doctor"):
            subject = ids.person_text(self.person[name]) if way.who == "resident" else str(self.clinic.practitioner)
            browser = await self._browser("clinician" if way.who == "doctor" else "resident", subject)
            shown = await browser.get(address)
            return shown.status_code, shown.text
        app, visit = (self.hospital, "") if way.who == "own" else (self.clinic, handle)
        status, text = 200, ""
        for _ in range(40):
            if way.form:
                path, _, query = address.partition("?")
                kind = "application/x-www-form-urlencoded"
                found = await app.call("POST", path, query.encode(), visit=visit, content_type=kind)
            else:
                found = await app.call("GET", address, visit=visit)
            status, text = max(status, found.status_code), text + found.text
            links = found.json().get("link", []) if '"Bundle"' in found.text else []
            further = [one["url"] for one in links if one["relation"] == "next"]
            if not further:
                return status, text
            address = further[0].removeprefix(BASE)
        raise AssertionError(f"{way.address}: pages without end")

    async def seen(self, way: Way, name: Name) -> Seen:
        """What a way shows who asks of this side."""
        status, text = await self.answer(way, name)
        whose = frozenset(side for side in NAMES if any(mark in text for mark in self.sides[side].marks))
        marks = sorted(set(re.findall(r"(?:ONE|OTHER)-[a-z]+", text)))
        if "AuditEvent" in way.address or way.address == "/resident/log":
            return Seen(status, whose, tuple(marks))  # each look adds a line
        totals = re.findall(r'"total":(\d+)', text)[:1] if status == 200 else []
        return Seen(status, whose, (*marks, *totals))

    async def all_seen(self, ways: Sequence[Way] = WAYS) -> dict[tuple[Way, Name], Seen]:
        """What these ways show, of both sides."""
        return {(way, name): await self.seen(way, name) for name in NAMES for way in ways}

    async def lines(self, name: Name) -> list[audit.Event]:
        """The person's own log as the phone shows it."""
        return await self.platform.access.access_log(self.resident(name), now=clock.now(), limit=900)

    async def close(self) -> None:
        """Close the browsers."""
        for browser in self._browsers.values():
            await browser.aclose()
