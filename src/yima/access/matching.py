"""Who is this likely to be? Answers for institutions: `$match`, demographics search, cross-reference of numbers.

An institution hears everything about its own Patients. Of anybody else it hears only with the right `demographics`,
only who is certain, only a name, a sex and a birth date, never a document's number; each such person gets a line on
their log, and there is a limit a day. Without that these questions would be a way to find out who exists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from yima import audit, fhir, mpi
from yima.access import disclose
from yima.access.context import Context
from yima.access.decision import Asking, check_allowed, event_of
from yima.access.guessing import check_guess
from yima.records import Stored
from yima.runtime import ids
from yima.runtime.civil import civil_day
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId

RIGHT: Final = "demographics"
PERSON_SYSTEM: Final = "urn:yima:person"
"""System of person ids, as identifiers of people whom the asking institution has not registered."""
MOST_MATCHES: Final = 50
_MOST_STRANGERS: Final = 5
"""More strangers than this in one answer are none: whoever means one person can say more about them."""
_PROBABLE: Final = 0.99
Grade = Literal["certain", "probable", "possible"]
"""Of http://terminology.hl7.org/CodeSystem/match-grade."""
_SUBSETTED: Final = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "code": "SUBSETTED",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Identified:
    """One person: the caller's own Patients as stored, or as little as a stranger's Patient may be."""

    person: PersonId
    own: tuple[Stored, ...]
    stranger: Mapping[str, Any] | None
    """A FHIR Patient with name, sex and birth date, tagged SUBSETTED."""
    grade: Grade = "certain"
    score: float = 1.0
    """0 to 1, comparable within one answer."""


@dataclass(frozen=True, slots=True)
class Crossed:
    """What else names one person: (system, value, institution or 0), and the caller's own Patients."""

    identifiers: tuple[tuple[str, str, int], ...]
    patients: tuple[str, ...]


class Matching:
    """The door's part for questions about identity; `Access.matching`."""

    def __init__(self, cx: Context, base: str, strangers_a_day: int) -> None:
        self._cx = cx
        self._base = f"{base}/fhir"
        self._strangers_a_day = strangers_a_day

    async def match(
        self, asking: Asking, patient: Mapping[str, Any], *, certain_only: bool, count: int
    ) -> list[Identified]:
        """Who a Patient is likely to be, the likeliest first (R4 patient-operation-match.html, IHE ITI-119).

        Refusals: `scope-insufficient`, `field-invalid` of a number or name that cannot be one, `strangers-limit`,
        `guesses-limit`.
        """
        check_allowed(asking, "Patient", "identify")
        said = mpi.registration(patient)
        persons = await self._by_numbers(asking, said.identifiers)
        decided = await mpi.likely(self._cx.database, self._cx.vault, said.fields, asking.caller.institution)
        graded: dict[PersonId, tuple[Grade, float]] = {}
        in_dispute = await mpi.disputed(self._cx.database, self._cx.vault, said.identifiers)
        for one in decided.found:
            certain = one.person == decided.person and not in_dispute
            if not one.vetoes and (certain or one.person in decided.review or one.person in persons):
                graded[one.person] = _grade(certain, one.score.probability)
        for person in persons:  # its own number or a document: known, whatever the other words say
            graded.setdefault(person, ("possible", 0.5))
        ranked = sorted(graded.items(), key=lambda item: (item[1][0] != "certain", -item[1][1]))
        wanted = [(p, g, s) for p, (g, s) in ranked if g == "certain" or not certain_only]
        found = await self._told(
            asking, [p for p, _, _ in wanted], {p for p, g, _ in wanted if g == "certain"}, "match"
        )
        return [replace(found[p], grade=g, score=s) for p, g, s in wanted if p in found][: min(count, MOST_MATCHES)]

    async def search(
        self, asking: Asking, said: mpi.Described, identifiers: Sequence[tuple[str, str]], patient_id: str
    ) -> list[Identified]:
        """Everybody of whom all of this was said (IHE PDQm ITI-78).

        Refusals: `right-needed`, `scope-insufficient`, `people-too-many` for what does not name one person,
        `strangers-limit`, `guesses-limit`.
        """
        check_allowed(asking, "Patient", "identify")
        _right(asking)
        groups: list[set[PersonId]] = []
        for system, value in identifiers:
            groups.append(set(await self._by_numbers(asking, [mpi.Identifier.of(system, value)])))
        if patient_id:
            groups.append(await self._by_id(asking, patient_id))
        if said != mpi.Described():
            if not groups and not said.findable:
                raise Refusal("people-too-many", field="Patient")
            if said.findable:
                found = await mpi.described(self._cx.database, self._cx.vault, said, asking.caller.institution)
                groups.append(set(found))
            else:
                groups.append(
                    await mpi.described_among(self._cx.database, self._cx.vault, said, set.intersection(*groups))
                )
        if not groups:
            raise Refusal("people-too-many", field="Patient")
        persons = sorted(set.intersection(*groups))[:MOST_MATCHES]
        told = await self._told(asking, persons, set(persons), "demographics")
        return [told[person] for person in persons if person in told]

    async def crossed(self, asking: Asking, system: str, value: str, targets: Sequence[str]) -> Crossed:
        """Other numbers of whom one number names (IHE PIXm ITI-83), without the number asked with.

        Refusals: `pix-identifier-unknown`, `pix-domain-unknown`, `pix-target-unknown`, `scope-insufficient`,
        `strangers-limit`, `guesses-limit`.
        """
        check_allowed(asking, "Patient", "identify")
        caller, cx = asking.caller, self._cx
        allowed = RIGHT in caller.rights
        if system != self._base and not await mpi.domain_known(cx.database, system, caller.institution):
            raise Refusal("pix-domain-unknown", field="sourceIdentifier")
        for target in targets:
            known = target == self._base or await mpi.domain_known(
                cx.database, target, 0 if allowed else caller.institution
            )
            if not known:
                raise Refusal("pix-target-unknown", field="targetSystem")
        if system == self._base:
            persons = sorted(await self._by_id(asking, value.removeprefix("Patient/")))
        else:
            persons = await self._by_numbers(asking, [mpi.Identifier.of(system, value)])
        told = await self._told(asking, persons[:1], set(persons[:1]), "cross-reference")
        if not told:
            raise Refusal("pix-identifier-unknown", field="sourceIdentifier")
        (found,) = told.values()
        asked = mpi.Identifier.of(system, value)
        numbers = [
            row
            for row in await self._numbers(asking, found)
            if (not targets or row[0] in targets) and (row[0], row[1]) != (asked.system, asked.value)
        ]
        patients = [row.id for row in found.own if not targets or self._base in targets]
        return Crossed(
            tuple(dict.fromkeys(numbers)),
            tuple(p for p in patients if not (system == self._base and p == value.removeprefix("Patient/"))),
        )

    # --- who is meant, and what may be said --------------------------------------------------------------------------

    async def _by_numbers(self, asking: Asking, numbers: Sequence[mpi.Identifier]) -> list[PersonId]:
        """Persons by the institution's own numbers, and by documents that are in nobody's dispute."""
        cx, found = self._cx, dict[PersonId, None]()
        for number in numbers:
            row = await mpi.find_patients(cx.database, cx.vault, number.system, number.value, asking.caller.institution)
            own = dict.fromkeys(person for _, person in row)
            if number.national:
                holder = await mpi.undisputed_holder(cx.database, cx.vault, number)
                heard = holder if RIGHT in asking.caller.rights else None
                await check_guess(cx, asking, number, next(iter(own), heard))
                own |= {} if holder is None else {holder: None}
            found |= own
        return list(found)

    async def _by_id(self, asking: Asking, text: str) -> set[PersonId]:
        """The person of the caller's own Patient, or a person id it was told before."""
        db, person = self._cx.database, ids.person_from_text(text)
        if person is not None and RIGHT in asking.caller.rights:
            return {await mpi.root_of(db, person)} if await mpi.identity(db, self._cx.vault, person) else set()
        if person is None and await mpi.registered_by(db, text, asking.caller.institution):
            held = await mpi.person_of_patient(db, text)
            return set() if held is None else {held}
        return set()

    async def _told(
        self, asking: Asking, persons: Sequence[PersonId], certain: set[PersonId], event: str
    ) -> dict[PersonId, Identified]:
        """What may be said of each; strangers are counted and logged before anything is said."""
        cx, caller = self._cx, asking.caller
        found: dict[PersonId, Identified] = {}
        strangers = []
        for person in persons:
            own = await self._own(asking, person)
            if own:
                found[person] = Identified(person, own, None)
            elif person in certain:
                strangers.append(person)
        if not strangers:
            return found
        allowed = RIGHT in caller.rights and len(strangers) <= _MOST_STRANGERS
        async with cx.database.transaction() as c:
            day = civil_day(asking.now)
            if allowed and not await mpi.tell_strangers(
                c, caller.institution, day, len(strangers), self._strangers_a_day
            ):
                raise Refusal("strangers-limit", retry_after=3600)
            outcome = "ok" if allowed else "denied"
            lines = [event_of(asking, p, "resolve", outcome, RIGHT, {"event": event}) for p in sorted(strangers)]
            await audit.append(c, lines)
        if allowed:
            known = await mpi.identities(cx.database, cx.vault, strangers)
            found |= {p: Identified(p, (), _little(one)) for p, one in known.items()}
        return found

    async def _own(self, asking: Asking, person: PersonId) -> tuple[Stored, ...]:
        """The caller's own Patients of a person, read (and logged) as any of its own resources."""
        rows = []
        for patient_id, institution in await mpi.patients_of(self._cx.database, person):
            if institution != asking.caller.institution:
                continue
            try:
                rows.append(await disclose.read(self._cx, asking, "Patient", patient_id))
            except Refusal as refusal:
                if refusal.code not in ("gone", "not-found"):
                    raise
        return tuple(rows)

    async def _numbers(self, asking: Asking, found: Identified) -> list[tuple[str, str, int]]:
        """Numbers the caller may hear: what it sent itself; with the right, what other institutions call the person."""
        own = [
            (str(row["system"]), mpi.Identifier.of(str(row["system"]), str(row["value"])).value, 0)
            for stored in found.own
            for row in fhir.parse(stored.content).get("identifier") or ()
            if row.get("system") and row.get("value")
        ]
        if RIGHT not in asking.caller.rights:
            return own
        local = await mpi.local_numbers(self._cx.database, self._cx.vault, found.person)
        mine = asking.caller.institution
        others = [(one.number.system, one.number.value, one.institution) for one in local if one.institution != mine]
        return [*own, *others]


def _right(asking: Asking) -> None:
    if RIGHT not in asking.caller.rights:
        raise Refusal("right-needed", expected=RIGHT)


def _grade(certain: bool, probability: float) -> tuple[Grade, float]:
    if certain:
        return "certain", round(max(probability, _PROBABLE), 4)
    return ("probable" if probability >= _PROBABLE else "possible"), round(min(probability, 0.9999), 4)


def _little(known: mpi.Identity) -> dict[str, Any]:
    """A stranger as a Patient: enough to say "that is who stands here", and no more."""
    text = ids.person_text(known.person)
    made: dict[str, Any] = {
        "resourceType": "Patient",
        "id": text,
        "meta": {"tag": [_SUBSETTED]},
        "identifier": [{"system": PERSON_SYSTEM, "value": text}],
        "name": [{"text": known.name or known.latin_name}],
        "gender": known.sex,
    }
    if known.birth_date:
        made["birthDate"] = known.birth_date
    return made | ({"deceasedBoolean": True} if known.deceased else {})
