"""Acting for somebody else, through the door: how it is given, what it opens, what both sides see, how it ends."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from test_cards_at_the_door import SYSTEM, Someone, code_of, doctor, somebody

from support import Institution, Platform, patient, visit_bundle
from support import code_of as refused_as
from yima import consent, healthcode
from yima.access import AtCounter, Paper
from yima.runtime import clock, ids

ALL = ("show-code", "see-record", "decide")
CODES = "http://terminology.hl7.org/CodeSystem/"
SCAN = {"step": "010101", "purpose": "treatment"}


@pytest.fixture(scope="module")
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("A")


async def give(platform: Platform, who: Someone, agent: Someone, *scopes: str, **also: Any) -> str:
    """A mandate given by who is signed in."""
    card = await healthcode.card_of(platform.database, agent.person)
    said = {"card_number": card.shown_number, "name": agent.name, "ends": clock.now() + timedelta(days=30)} | also
    return await platform.access.families.give(who.caller, scopes=scopes, now=clock.now(), **said)


async def child(platform: Platform, at: Institution, guardian: Someone, born: str) -> Someone:
    made = await somebody(at, born)
    await platform.access.families.register(made.person, guardian.person, clock.now())
    return made


async def told(platform: Platform, person: int, *actions: str) -> list[tuple[str, str, str, dict[str, Any]]]:
    return [
        (row["action"], row["agent_id"], row["basis"], json.loads(row["detail"]))
        for row in await platform.log_of(person)
        if row["action"] in actions
    ]


async def test_both_sides_see_who_showed_the_code_and_read_the_record(
    platform: Platform,
    hospital: Institution,
) -> None:
    access, mother, daughter = platform.access, await somebody(hospital, "1950-01-05"), await somebody(hospital)
    assert await code_of(access.families.card(daughter.caller, mother.person, clock.now())) == "mandate-needed"
    await give(platform, mother, daughter, *ALL)
    shown = await access.families.card(daughter.caller, mother.person, clock.now())
    assert (shown.person, shown.name) == (mother.person, mother.name)
    opened = await access.open_record(
        daughter.caller, mother.person, purpose="own-request", visit=None, now=clock.now()
    )
    assert (opened.person, opened.decision.basis) == (mother.person, "mandate")
    assert await access.cards.report_lost(daughter.caller, mother.person, clock.now())
    hers = await told(platform, mother.person, "card", "read")
    assert [(action, by, basis) for action, by, basis, _ in hers] == [
        ("card", daughter.caller.agent_id, "mandate"),
        ("read", daughter.caller.agent_id, "mandate"),
        ("card", daughter.caller.agent_id, "mandate"),
    ]
    assert [detail.get("event", "") for *_, detail in hers] == ["show", "", "report-lost"]
    own = await told(platform, daughter.person, "card", "read")
    assert [detail["for_name"] for *_, detail in own] == [mother.name] * 3
    assert [detail["for"] for *_, detail in own] == [mother.caller.agent_id] * 3
    given = await told(platform, daughter.person, "mandate")
    assert (given[0][3]["side"], given[0][3]["other"]) == ("agent", mother.name)


@pytest.mark.parametrize(
    ("scopes", "expected"),
    [
        (("show-code",), ("ok", "mandate-needed", "mandate-needed")),
        (("see-record",), ("mandate-needed", "ok", "mandate-needed")),
        (("decide",), ("mandate-needed", "mandate-needed", "ok")),
    ],
)
async def test_a_scope_opens_what_it_names(
    platform: Platform,
    hospital: Institution,
    scopes: tuple[str, ...],
    expected: tuple[str, ...],
) -> None:
    access, one, other = platform.access, await somebody(hospital), await somebody(hospital)
    await give(platform, one, other, *scopes)
    got = (
        await code_of(access.families.card(other.caller, one.person, clock.now())),
        await code_of(access.open_record(other.caller, one.person, purpose="own-request", visit=None, now=clock.now())),
        await code_of(access.cards.reissue(other.caller, one.person, clock.now())),
    )
    assert got == expected
    back = access.open_record(one.caller, other.person, purpose="own-request", visit=None, now=clock.now())
    assert await code_of(back) == "not-found", "a mandate has one direction"


@pytest.mark.parametrize("ends", ["person", "agent", "stranger"])
async def test_either_side_ends_it_at_once(platform: Platform, hospital: Institution, ends: str) -> None:
    access, one, other, third = platform.access, *[await somebody(hospital) for _ in range(3)]
    made = await give(platform, one, other, "show-code")
    who = {"person": one, "agent": other, "stranger": third}[ends]
    assert await code_of(access.families.end(who.caller, made, clock.now())) == (
        "not-found" if ends == "stranger" else "ok"
    )
    shown = await code_of(access.families.card(other.caller, one.person, clock.now()))
    assert shown == ("ok" if ends == "stranger" else "mandate-needed")
    for side in (one, other):
        events = [detail["event"] for *_, detail in await told(platform, side.person, "mandate")]
        assert events == (["give"] if ends == "stranger" else ["give", "end"])


async def test_codes_on_a_phone_end_with_the_mandate(platform: Platform, hospital: Institution) -> None:
    """Those that the agent's phone keeps, at once; nobody else's, the holder's own and another agent's stand."""
    access, (one, other, third) = platform.access, [await somebody(hospital) for _ in range(3)]
    made = await give(platform, one, other, "show-code")
    await give(platform, one, third, "show-code", ends=clock.now() + timedelta(minutes=40))
    now = clock.now()
    shown = [await access.families.card(who.caller, one.person, now) for who in (one, other, third)]
    assert len({view.dynamic_text for view in shown}) == 3
    assert [len(view.batch["slots"]) > 4 for view in shown] == [True, True, False], "none for after the mandate"
    await access.families.end(one.caller, made, now)
    answers = [await hospital.scan(view.dynamic_text) for view in shown]
    assert [answer.status_code == 200 for answer in answers] == [True, False, True]
    assert refused_as(answers[1]) == "code-cancelled"
    # Given again, it is another mandate, with codes of its own.
    await give(platform, one, other, "show-code")
    again = await access.families.card(other.caller, one.person, clock.now())
    assert (await hospital.scan(again.dynamic_text)).status_code == 200


ENDS = ("person", "agent", "by itself", "lost card", "dead", "in the moment of the scan")


@pytest.mark.parametrize("how", ENDS)
async def test_a_visit_opened_with_a_helpers_phone_ends_with_the_mandate(
    platform: Platform, hospital: Institution, how: str
) -> None:
    """At its next request, for every way in; a visit that the holder's own phone opened goes on."""
    access, (one, other) = platform.access, [await somebody(hospital) for _ in range(2)]
    made = await give(platform, one, other, *ALL, ends=clock.now() + timedelta(minutes=5))
    shown = await access.families.card(other.caller, one.person, clock.now())
    visit, own = [
        await at_counter(platform, hospital, text) for text in (shown.dynamic_text, platform.dynamic(one.person))
    ]
    later = clock.now() + timedelta(minutes=6) if how == "by itself" else None

    async def reads(handle: str) -> str:
        asked = {"purpose": "treatment", "visit": handle, "now": later or clock.now()}
        return await code_of(access.open_record(doctor(hospital), one.person, **asked))

    assert later or await reads(visit) == "ok"
    if how in ("person", "agent", "in the moment of the scan"):
        await access.families.end((other if how == "agent" else one).caller, made, clock.now())
        (told_of,) = [d for *_, d in await told(platform, one.person, "mandate") if d["event"] == "end"]
        assert told_of["visits_ended"] == 1
    elif how != "by itself":
        act = {"lost card": "report-lost", "dead": "report-death"}[how]
        await access.cards.change(SYSTEM, other.person, act, now=clock.now())  # type: ignore[arg-type]
        refused = await code_of(access.families.card(other.caller, one.person, clock.now()))
        assert refused == {"lost card": "own-card-stopped", "dead": "mandate-needed"}[how]
    if how == "in the moment of the scan":  # the scan's row was not there yet, and came after
        await platform.database.execute("update healthcode.visit set expires = $1", clock.now() + timedelta(hours=1))
    assert await reads(visit) == ("ok" if how == "dead" else "visit-expired")
    assert await reads(own) == "ok"
    if how == "dead":
        return
    patient = f"Patient/{one.caller.agent_id}"
    if later is None:
        for method, path, body in (
            ("GET", f"/fhir/{patient}/$everything", None),
            ("POST", "/fhir", visit_bundle("a")),  # a submission asks on the connection of its transaction
        ):
            answer = await hospital.call(method, path, body, visit=visit)
            assert (answer.status_code, refused_as(answer)) == (403, "visit-expired")


@pytest.mark.parametrize("who", ["person", "agent"])
async def test_a_death_ends_a_mandate_and_its_undoing_brings_it_back(
    platform: Platform, hospital: Institution, who: str
) -> None:
    access, (one, other) = platform.access, [await somebody(hospital) for _ in range(2)]
    await give(platform, one, other, *ALL)
    dead = one if who == "person" else other

    async def may() -> tuple[str, str, str]:
        asked = {"purpose": "own-request", "visit": None, "now": clock.now()}
        return (
            await code_of(access.open_record(other.caller, one.person, **asked)),
            await code_of(access.families.may(other.caller, one.person, "decide", clock.now())),
            await code_of(access.families.card(other.caller, one.person, clock.now())),
        )

    assert await may() == ("ok",) * 3
    said = {"national": dead.number, "birthDate": "1985-03-14", "name": [{"text": dead.name}]}
    await hospital.create(patient(**said) | {"deceasedBoolean": True})
    assert await may() == ("mandate-needed",) * 3
    shown = await access.families.family(other.caller, clock.now())
    assert [relative.running for relative in shown.for_others] == [False]
    await access.cards.change(SYSTEM, dead.person, "undo-death", now=clock.now())
    assert await may() == ("ok",) * 3


async def test_a_name_and_a_number_must_be_of_one_person(platform: Platform, hospital: Institution) -> None:
    one, other = await somebody(hospital), await somebody(hospital)
    for also in ({"name": one.name}, {"name": ""}, {"name": "张"}):
        assert await code_of(give(platform, one, other, "show-code", **also)) == "not-found"
    assert await code_of(give(platform, one, other, "show-code", card_number="1000000000000096")) in (
        "field-invalid",
        "not-found",
    )
    assert await code_of(give(platform, one, one, "show-code")) == "field-invalid"
    assert await code_of(give(platform, one, other, "show-code", name=f" {other.name[0]} {other.name[1:]} ")) == "ok"


async def test_a_teenagers_guardian_sees_card_and_basics(platform: Platform, hospital: Institution) -> None:
    access, mother = platform.access, await somebody(hospital, "1980-05-05")
    now = clock.now()
    small = await child(platform, hospital, mother, f"{now.year - 6}-01-01")
    teen = await child(platform, hospital, mother, f"{now.year - 15}-01-01")
    grown = await somebody(hospital, f"{now.year - 19}-01-01")
    said = {"national": teen.number, "birthDate": f"{now.year - 15}-01-01", "name": [{"text": teen.name}]}
    bundle = visit_bundle("a", **said)
    await hospital.submit(bundle)
    now = clock.now()
    opened = await access.open_record(mother.caller, teen.person, purpose="own-request", visit=None, now=now)
    assert opened.decision.only_types is not None
    assert not opened.overview.results
    (line,) = [detail for *_, detail in await told(platform, teen.person, "read")]
    assert set(line["types"]) <= {"Patient", "AllergyIntolerance", "Immunization"}
    whole = await access.open_record(teen.caller, teen.person, purpose="own-request", visit=None, now=now)
    assert whole.overview.results
    every = await access.open_record(mother.caller, small.person, purpose="own-request", visit=None, now=now)
    assert every.decision.only_types is None
    assert await code_of(access.families.register(grown.person, mother.person, now)) == "field-invalid"
    family = await access.families.family(mother.caller, now)
    assert [(r.person, r.basics_only, r.decide) for r in sorted(family.for_others, key=lambda r: r.basics_only)] == [
        (small.person, False, True),
        (teen.person, True, False),
    ]
    assert [r.person for r in (await access.families.family(teen.caller, now)).for_me] == [mother.person]


async def at_counter(platform: Platform, at: Institution, text: str) -> str:
    scan = await platform.access.scan(doctor(at), text, terminal=at.terminal, **SCAN, now=clock.now())
    return scan.visit


@pytest.mark.parametrize(
    ("shown", "paper", "expected"),
    [
        ("phone", False, "ok"),
        ("print", True, "ok"),
        ("print", False, "code-assurance-too-low"),
        ("print", "agent's", "not-found"),
    ],
)
async def test_an_elder_gives_a_mandate_in_person(
    platform: Platform,
    hospital: Institution,
    shown: str,
    paper: Any,
    expected: str,
) -> None:
    access, elder, son = platform.access, await somebody(hospital, "1940-02-02"), await somebody(hospital)
    text = platform.dynamic(elder.person) if shown == "phone" else await platform.static(elder.person)
    visit = await at_counter(platform, hospital, text)
    said = AtCounter(
        visit=visit, paper={True: elder.paper, False: None}.get(paper, son.paper), agent=son.paper, guardian=False,
        scopes=["show-code"], ends=clock.now() + timedelta(days=365), evidence="in-person",
    )  # fmt: skip
    assert await code_of(access.families.record(doctor(hospital), said, clock.now())) == expected
    assert await code_of(access.families.card(son.caller, elder.person, clock.now())) == (
        "ok" if expected == "ok" else "mandate-needed"
    )


@pytest.mark.parametrize("who", ["an agent who may show the code", "a teenager's guardian"])
async def test_who_may_only_show_a_code_does_not_become_the_person_at_a_counter(
    platform: Platform, hospital: Institution, who: str
) -> None:
    """The code on the agent's phone is as fresh as the person's own: it does not say who holds it."""
    access, agent = platform.access, await somebody(hospital, "1980-01-01")
    if who.startswith("an agent"):
        person = await somebody(hospital, "1940-02-02")
        await give(platform, person, agent, "show-code")
    else:
        person = await child(platform, hospital, agent, f"{clock.now().year - 15}-01-01")
    now = clock.now()
    shown = await access.families.card(agent.caller, person.person, now)
    visit = await at_counter(platform, hospital, shown.dynamic_text)
    said = AtCounter(
        visit=visit, paper=None, agent=agent.paper, guardian=False, scopes=["see-record", "decide"],
        ends=now + timedelta(days=1800), evidence="in-person",
    )  # fmt: skip
    assert await code_of(access.families.record(doctor(hospital), said, clock.now())) == "field-missing"
    assert (await access.families.visitor(doctor(hospital), visit, clock.now()))[1] is False
    opening = {
        "resourceType": "Consent", "status": "active", "patient": {"reference": f"Patient/{person.caller.agent_id}"},
        "scope": {"coding": [{"system": f"{CODES}consentscope", "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0"}]}],
        "policyRule": {"coding": [{"system": f"{CODES}v3-ActCode", "code": "OPTOUT"}]},
        "provision": {"type": "permit", "securityLabel": [{"system": f"{CODES}v3-ActCode", "code": "PSY"}]},
    }  # fmt: skip
    answer = await hospital.call("POST", "/fhir/Consent", opening, visit=visit)
    assert (answer.status_code, "mandate-needed" in answer.text) == (403, True), answer.text
    opening["provision"]["type"] = "deny"
    assert (await hospital.call("POST", "/fhir/Consent", opening, visit=visit)).status_code == 201
    with_paper = replace(said, paper=person.paper)
    assert await code_of(access.families.record(doctor(hospital), with_paper, clock.now())) == "ok"
    for mandate in await consent.mandates_for(platform.database, person.person):
        await access.families.end(agent.caller, mandate.mandate, clock.now())
    assert await code_of(access.families.record(doctor(hospital), with_paper, clock.now())) == "visit-expired"
    answer = await hospital.call("POST", "/fhir/Consent", opening, visit=visit)
    assert refused_as(answer) == "visit-expired"


async def test_a_guardian_of_a_newborn_shows_the_temporary_card(platform: Platform, hospital: Institution) -> None:
    access, mother, now = platform.access, await somebody(hospital, "1995-04-04"), clock.now()
    day = (now - timedelta(days=12)).date().isoformat()
    made = await hospital.create(patient(name=[{"text": f"{mother.name}之女"}], birthDate=day))
    baby = Platform.person_of(f"Patient/{made['id']}")
    visit = await at_counter(platform, hospital, await platform.static(baby))
    for evidence, expected in (
        ("in-person", "field-invalid"),
        ("a letter", "field-invalid"),
        ("birth-certificate", "ok"),
    ):
        said = AtCounter(visit=visit, paper=None, agent=mother.paper, guardian=True, evidence=evidence)
        assert await code_of(access.families.record(doctor(hospital), said, now)) == expected
    shown = await access.families.card(mother.caller, baby, clock.now())
    assert shown.status == "active"
    assert (await healthcode.card_of(platform.database, baby)).kind == "temporary"
    (own,) = [detail for *_, detail in await told(platform, mother.person, "card")]
    assert own["for"] == ids.person_text(baby)


async def test_another_institutions_visit_proves_nothing(platform: Platform, hospital: Institution) -> None:
    elsewhere, elder, son = await platform.institution("E"), await somebody(hospital), await somebody(hospital)
    visit = await at_counter(platform, hospital, platform.dynamic(elder.person))
    said = {"paper": elder.paper, "guardian": False, "scopes": ["decide"], "ends": clock.now() + timedelta(days=9)}
    families = platform.access.families
    for at, agent, handle, expected in (
        (elsewhere, son.paper, visit, "visit-needed"),
        (hospital, son.paper, "", "visit-needed"),
        (hospital, Paper("urn:oid:2.16.156.10011.1.3", "999999198501010000"), visit, "not-found"),
    ):
        one = AtCounter(visit=handle, agent=agent, evidence="in-person", **said)
        assert await code_of(families.record(doctor(at), one, clock.now())) == expected
    assert await code_of(families.record(elder.caller, one, clock.now())) == "right-needed"
