"""Who is this? `$match`, PIXm, PDQm, PMIR and the change feed, over HTTP; who is told what of whom."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from support import Institution, Platform, assert_refused, code_of, patient, resident_number
from yima import access, mpi
from yima.directory import Caller
from yima.runtime import clock, ids
from yima.runtime.civil import civil_day

NATIONAL = "urn:oid:2.16.156.10011.1.3"
GRADE = "http://hl7.org/fhir/StructureDefinition/match-grade"
STEWARD = Caller(kind="system", agent_id="cli")


@pytest.fixture(scope="module")
async def home(platform: Platform) -> Institution:
    """Where everybody of these tests is registered."""
    return await platform.institution("A")


@pytest.fixture(scope="module")
async def plain(platform: Platform) -> Institution:
    """An institution without the right."""
    return await platform.institution("B")


@pytest.fixture(scope="module")
async def desk(platform: Platform) -> Institution:
    """An institution whose app may ask about people it has not registered."""
    return await platform.institution("C", rights=("demographics",))


async def somebody(at: Institution, **said: Any) -> dict[str, Any]:
    return await at.create(patient(at.code, **said))


def like(known: dict[str, Any], *, numbers: bool = True, **also: Any) -> dict[str, Any]:
    """What another window would say of the same person."""
    kept = {k: known[k] for k in ("name", "gender", "birthDate", "telecom") if k in known}
    national = [one for one in known["identifier"] if one["system"] == NATIONAL]
    return {"resourceType": "Patient", **kept, **({"identifier": national} if numbers and national else {}), **also}


async def match(at: Institution, resource: dict[str, Any] | None, **parameters: Any) -> Any:
    rows: list[dict[str, Any]] = [] if resource is None else [{"name": "resource", "resource": resource}]
    rows += [
        {"name": name, "valueBoolean" if isinstance(value, bool) else "valueInteger": value}
        for name, value in parameters.items()
    ]
    return await at.call("POST", "/fhir/Patient/$match", {"resourceType": "Parameters", "parameter": rows})


def entries(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return answer.json().get("entry", [])


# --- $match ----------------------------------------------------------------------------------------------------------


@pytest.mark.capability("operation $match")
async def test_ones_own_patient_comes_whole_with_grade_and_score(home: Institution) -> None:
    known = await somebody(home, national=resident_number())
    (found,) = entries(await match(home, like(known)))
    assert found["resource"]["id"] == known["id"]
    assert found["resource"]["telecom"] == known["telecom"]
    assert found["search"]["extension"] == [{"url": GRADE, "valueCode": "certain"}]
    assert 0.99 <= found["search"]["score"] <= 1


@pytest.mark.capability("operation $match")
async def test_a_stranger_is_told_with_the_right_only_and_hardly_anything(
    platform: Platform, home: Institution, plain: Institution, desk: Institution
) -> None:
    known = await somebody(home, national=resident_number())
    person = Platform.person_of(f"Patient/{known['id']}")
    assert entries(await match(plain, like(known))) == []
    (found,) = entries(await match(desk, like(known)))
    told = found["resource"]
    assert set(told) == {"resourceType", "id", "meta", "identifier", "name", "gender", "birthDate"}
    assert told["identifier"] == [{"system": "urn:yima:person", "value": ids.person_text(person)}]
    assert told["meta"]["tag"][0]["code"] == "SUBSETTED"
    log = [
        (line["institution"], line["outcome"])
        for line in await platform.log_of(person)
        if line["basis"] == "demographics"
    ]
    assert log == [(plain.number, "denied"), (desk.number, "ok")]


async def test_what_is_only_likely_is_told_of_ones_own_alone(home: Institution, desk: Institution) -> None:
    known = await somebody(home)
    unsure = {key: value for key, value in like(known).items() if key != "telecom"}  # nothing besides name, date, sex
    (own,) = entries(await match(home, unsure))
    assert own["search"]["extension"][0]["valueCode"] in ("probable", "possible")
    assert entries(await match(desk, unsure)) == []
    assert entries(await match(home, unsure, onlyCertainMatches=True)) == []


async def test_a_number_with_another_name_tells_a_stranger_nothing(home: Institution, desk: Institution) -> None:
    known = await somebody(home, national=resident_number())
    other = like(
        known, name=[{"text": "司徒完全"}], gender="male", telecom=[{"system": "phone", "value": "13700001111"}]
    )
    assert entries(await match(desk, other)) == []
    assert len(entries(await match(home, other))) <= 1


async def test_a_number_in_dispute_names_nobody(platform: Platform, home: Institution, desk: Institution) -> None:
    number = resident_number()
    known = await somebody(home, national=number)
    await platform.access.stewards.freeze(STEWARD, NATIONAL, number, reason="两人共用", now=clock.now())
    assert entries(await search(desk, {"identifier": f"{NATIONAL}|{number}"})) == []
    assert entries(await match(desk, like(known))) == [], "nor beside a name and a birth date: it may be the thief's"
    told = entries(await match(home, like(known)))
    assert [one["search"]["extension"][0]["valueCode"] for one in told] == ["probable"], "one's own, but not certain"


def asked(*rows: dict[str, Any], **said: Any) -> dict[str, Any]:
    """Parameters with a Patient of these words, and further rows."""
    who = {"name": "resource", "resource": patient(**said)}
    return {"resourceType": "Parameters", "parameter": [who, *rows]}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"resourceType": "Parameters"}, 422),
        ({"resourceType": "Patient"}, 400),
        (
            {
                "resourceType": "Parameters",
                "parameter": [{"name": "resource", "resource": {"resourceType": "Basic", "code": {}}}],
            },
            422,
        ),
        (asked({"name": "resource", "resource": patient()}), 422),
        (asked({"name": "count", "valueInteger": 0}), 422),
        (asked({"name": "onlyCertainMatches", "valueString": "yes"}), 422),
        (asked(national="110101199001010000"), 422),
        (asked(name=[{"text": "张伟、李娜"}]), 422),
        (asked(name=[{"text": "张" * 20000}]), 422),
    ],
)
async def test_bad_questions(desk: Institution, body: dict[str, Any], status: int) -> None:
    answer = await desk.call("POST", "/fhir/Patient/$match", body)
    assert answer.status_code == status, answer.text
    assert answer.json()["resourceType"] == "OperationOutcome"


@pytest.mark.capability("operation $match")
async def test_a_match_registers_nobody(platform: Platform, desk: Institution) -> None:
    before = await platform.counts()
    assert entries(await match(desk, patient(national=resident_number()))) == []
    assert await platform.counts() == before


async def test_strangers_are_limited_by_the_day(platform: Platform, home: Institution) -> None:
    asker = await platform.institution("L", rights=("demographics",))
    known = await somebody(home, national=resident_number())
    async with platform.database.transaction() as c:
        assert await mpi.tell_strangers(c, asker.number, civil_day(clock.now()), 500, 500)
    refused = await match(asker, like(known))
    assert_refused(refused, 429, "strangers-limit")
    assert refused.headers["retry-after"]


async def by_number(at: Institution, number: str) -> list[Any]:
    """A number asked for in every way there is."""
    body = {
        "resourceType": "Parameters",
        "parameter": [{"name": "sourceIdentifier", "valueString": f"{NATIONAL}|{number}"}],
    }
    form = {"content_type": "application/x-www-form-urlencoded"}
    said = f"identifier={quote(f'{NATIONAL}|{number}')}".encode()
    return [
        await match(at, patient(national=number)),
        await at.call("POST", "/fhir/Patient/$ihe-pix", body),
        await at.call("POST", "/fhir/Patient/_search", said, **form),
    ]


async def test_numbers_are_not_tried_out(platform: Platform) -> None:
    """Those of one place and birth date soon, any at all after a day's misses; a house that finds whom it asks for asks
    on; the privacy officer hears of it."""
    guesser, house, day = *[await platform.institution("G") for _ in "12"], civil_day(clock.now())
    known = [await somebody(at, national=resident_number("1961-05-06")) for at in (guesser, house)]
    guesses = [resident_number("1961-05-06") for _ in range(10)]
    for guess in guesses[:9]:
        assert (await match(guesser, patient(national=guess))).status_code == 200
    for answer in await by_number(guesser, guesses[9]):
        assert_refused(answer, 429, "guesses-limit")
        assert 0 < int(answer.headers["retry-after"]) <= 86_401
    number = next(row["value"] for row in known[0]["identifier"] if row["system"] == NATIONAL)
    for answer in await by_number(guesser, number):
        assert_refused(answer, 429, "guesses-limit")  # a right guess is answered like a wrong one
    assert (await match(guesser, patient(national=resident_number("1972-08-09")))).status_code == 200, "another's"
    async with platform.database.transaction() as c:
        for n in range(130):
            for at, found in ((guesser, 5), (house, 1000 + n)):  # the same person again and again counts once
                for hit in (None, found):
                    asked = mpi.Identifier.of(NATIONAL, resident_number(f"19{20 + n % 60}-01-01"))
                    await mpi.count_number(c, platform.access.vault, at.number, day, asked, hit)
    fresh = resident_number("1983-10-11")
    assert_refused(await match(guesser, patient(national=fresh)), 429, "guesses-limit")
    assert (await match(house, patient(national=fresh))).status_code == 200
    assert (await match(guesser, patient())).status_code == 200, "without a number nothing is guessed"
    officer = Caller(kind="operator", agent_id="po", rights=frozenset({"privacy"}))
    board = await platform.access.privacy.board(officer, clock.now())
    assert [one.reader for one in board.alarms if one.kind == "guesses"] == [f"institution/{guesser.number}"]


# --- PIXm, as the profile's own client asks --------------------------------------------------------------------------


async def pix(at: Institution, source: str, *targets: str) -> Any:
    query = "&".join([f"sourceIdentifier={source}", *(f"targetSystem={one}" for one in targets)])
    return await at.call("GET", f"/fhir/Patient/$ihe-pix?{query}")


def mrn(of: dict[str, Any]) -> str:
    return f"{of['identifier'][0]['system']}|{of['identifier'][0]['value']}"


@pytest.mark.capability("operation $ihe-pix")
async def test_pixm_gives_the_other_numbers_and_the_patients(home: Institution, desk: Institution) -> None:
    number = resident_number()
    known = await somebody(home, national=number)
    here = await desk.create(
        like(known, identifier=[{"system": "urn:desk", "value": "D-1"}, {"system": NATIONAL, "value": number}])
    )
    answer = await pix(desk, "urn:desk|D-1")
    assert answer.status_code == 200
    rows = answer.json()["parameter"]
    numbers = {
        (r["valueIdentifier"]["system"], r["valueIdentifier"]["value"]) for r in rows if r["name"] == "targetIdentifier"
    }
    assert numbers == {(NATIONAL, number), tuple(mrn(known).split("|"))}
    assert [r["valueReference"]["reference"] for r in rows if r["name"] == "targetId"] == [f"Patient/{here['id']}"]
    one = await pix(desk, "urn:desk|D-1", known["identifier"][0]["system"])
    assert [r["valueIdentifier"]["value"] for r in one.json()["parameter"]] == [known["identifier"][0]["value"]]
    assert [
        r["name"] for r in (await pix(desk, f"http://127.0.0.1:8420/fhir|Patient/{here['id']}")).json()["parameter"]
    ].count("targetId") == 0


@pytest.mark.capability("operation $ihe-pix")
async def test_pixm_answers_its_own_numbers_alone_without_the_right(home: Institution, plain: Institution) -> None:
    number = resident_number()
    known = await somebody(home, national=number)
    await plain.create(
        like(known, identifier=[{"system": "urn:plain", "value": "P-1"}, {"system": NATIONAL, "value": number}])
    )
    rows = (await pix(plain, "urn:plain|P-1")).json()["parameter"]
    assert {r["valueIdentifier"]["system"] for r in rows if r["name"] == "targetIdentifier"} == {NATIONAL}
    assert (await pix(plain, "urn:plain|P-1", known["identifier"][0]["system"])).status_code == 403


@pytest.mark.parametrize(
    ("source", "targets", "status", "code", "diagnostics"),
    [
        ("urn:pixm|NOBODY", (), 404, "not-found", "sourceIdentifier Patient Identifier not found"),
        ("urn:nowhere|1", (), 400, "code-invalid", "sourceIdentifier Assigning Authority not found"),
        ("urn:pixm|X-1", ("urn:nowhere",), 403, "code-invalid", "targetSystem not found"),
    ],
)
async def test_pixm_failures_have_the_profiles_words(
    home: Institution, source: str, targets: tuple[str, ...], status: int, code: str, diagnostics: str
) -> None:
    known = [one async for one in _known(home, "urn:pixm|X-1")]
    assert known
    answer = await pix(home, source, *targets)
    (issue,) = answer.json()["issue"]
    assert (answer.status_code, issue["severity"], issue["code"], issue["diagnostics"]) == (
        status,
        "error",
        code,
        diagnostics,
    )


async def _known(home: Institution, token: str) -> Any:
    """A Patient with that number, made once."""
    system, value = token.split("|")
    made = patient(home.code, name=[{"text": "赵一一"}], telecom=[{"system": "phone", "value": "13612340000"}])
    made["identifier"] = [{"system": system, "value": value}]
    yield await home.call("PUT", f"/fhir/Patient?identifier={token}", made)


async def test_pixm_without_a_number_to_give_is_an_empty_answer(home: Institution) -> None:
    assert [one async for one in _known(home, "urn:pixm|X-1")]
    answer = await pix(home, "urn:pixm|X-1", NATIONAL)
    assert (answer.status_code, answer.json()) == (200, {"resourceType": "Parameters"})


@pytest.mark.parametrize(
    "query",
    [
        "",
        "sourceIdentifier=x",
        "sourceIdentifier=a|b&sourceIdentifier=c|d",
        "sourceIdentifier=|x",
        "sourceIdentifier=x|",
        "sourceIdentifier=http://127.0.0.1:8420/fhir|x&targetSystem=%00",
        "sourceIdentifier=http://127.0.0.1:8420/fhir|x&targetSystem=,a%00",
    ],
)
async def test_pixm_bad_questions(home: Institution, query: str) -> None:
    assert_refused(await home.call("GET", f"/fhir/Patient/$ihe-pix?{query}"), 400, "search-value-invalid")


async def test_a_national_number_is_asked_for_in_a_body(home: Institution) -> None:
    number = resident_number()
    known = await somebody(home, national=number)
    assert_refused(await pix(home, f"{NATIONAL}|{number}"), 400, "identity-number-in-url")
    body = {
        "resourceType": "Parameters",
        "parameter": [{"name": "sourceIdentifier", "valueIdentifier": {"system": NATIONAL, "value": number}}],
    }
    rows = (await home.call("POST", "/fhir/Patient/$ihe-pix", body)).json()["parameter"]
    assert [r["valueReference"]["reference"] for r in rows if r["name"] == "targetId"] == [f"Patient/{known['id']}"]


# --- PDQm ------------------------------------------------------------------------------------------------------------


async def search(at: Institution, asked: dict[str, str], *, post: bool = True) -> Any:
    if not post:
        query = "&".join(f"{name}={value}" for name, value in asked.items())
        return await at.call("GET", f"/fhir/Patient?{query}")
    body = "&".join(f"{name}={value}" for name, value in asked.items()).encode()
    return await at.call("POST", "/fhir/Patient/_search", body, content_type="application/x-www-form-urlencoded")


@pytest.mark.parametrize(
    "asked",
    [
        {"family": "诸葛", "given": "明月", "birthdate": "1969-04-05"},
        {"name": "诸葛明月", "birthdate": "1969-04-05", "gender": "female"},
        {"family:exact": "诸葛", "given:exact": "明月", "birthdate": "eq1969-04-05"},
        {"telecom": "13598760001", "family": "诸"},
        {"phone": "13598760001"},
        {"telecom": "phone|13598760001", "active": "true"},
    ],
)
@pytest.mark.parametrize("post", [True, False])
async def test_pdqm_finds_by_demographics(
    home: Institution, desk: Institution, asked: dict[str, str], post: bool
) -> None:
    made = patient(home.code, name=[{"text": "诸葛明月", "family": "诸葛", "given": ["明月"]}], birthDate="1969-04-05")
    made["identifier"] = [{"system": "urn:pdqm", "value": "Q-1"}]
    made["telecom"] = [{"system": "phone", "value": "13598760001"}]
    assert (await home.call("PUT", "/fhir/Patient?identifier=urn:pdqm|Q-1", made)).status_code in (200, 201)
    bundle = (await search(desk, asked, post=post)).json()
    assert (bundle["type"], bundle["total"]) == ("searchset", 1), bundle
    assert bundle["entry"][0]["resource"]["name"] == [{"text": "诸葛明月"}]
    assert bundle["entry"][0]["search"] == {"mode": "match"}


@pytest.mark.parametrize(
    "asked",
    [
        {"name": "诸葛明月", "birthdate": "1969-04-06"},
        {"telecom": "13598760001", "family": "王"},
        {"phone": "13500000012"},
        {"name": "诸葛明月", "birthdate": "1969-04-05", "gender": "male"},
        {"identifier": "urn:desk|nobody"},
        {"phone": "13598760001", "address-city": "某市"},
        {"identifier": "urn:desk|nobody", "phone": "13598760001"},
    ],
)
async def test_pdqm_finds_nobody_else(desk: Institution, asked: dict[str, str]) -> None:
    bundle = (await search(desk, asked)).json()
    assert (bundle["total"], "entry" in bundle) == (0, False)


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"family": "王"}, 400, "people-too-many"),
        ({"family": "王", "gender": "female"}, 400, "people-too-many"),
        ({"birthdate": "1969-04-05", "family": "诸葛"}, 400, "people-too-many"),
        ({"gender": "female"}, 400, "people-too-many"),
        ({"address-city": "北京"}, 400, "people-too-many"),
        ({"name:contains": "明"}, 400, "search-value-invalid"),
        ({"birthdate": "yesterday", "phone": "13598760001"}, 400, "search-value-invalid"),
        ({"identifier": "4711"}, 400, "search-value-invalid"),
        ({"phone": "1,2"}, 400, "search-value-invalid"),
        ({"name": "", "birthdate": "1969"}, 400, "search-value-invalid"),
    ],
)
async def test_pdqm_refuses_what_names_thousands(
    desk: Institution, asked: dict[str, str], status: int, code: str
) -> None:
    assert_refused(await search(desk, asked), status, code)


async def test_pdqm_is_for_those_with_the_right(home: Institution) -> None:
    assert code_of(await search(home, {"phone": "13598760001"})) in ("person-not-named", "search-parameter-unknown")


async def test_pdqm_knows_more_of_ones_own(desk: Institution) -> None:
    mother = {"url": "http://hl7.org/fhir/StructureDefinition/patient-mothersMaidenName", "valueString": "尉迟兰"}
    own = await desk.create(patient("desk", address=[{"city": "某市", "state": "某省"}], extension=[mother]))
    phone = own["telecom"][0]["value"]
    for also in ({"address-city": "某"}, {"address": "某省"}, {"mothersMaidenName": "尉迟"}, {"_id": own["id"]}):
        (found,) = entries(await search(desk, {"phone": phone} | also))
        assert found["resource"]["id"] == own["id"]
    assert entries(await search(desk, {"phone": phone, "address-city:exact": "某"})) == []


# --- PMIR, and the change feed ---------------------------------------------------------------------------------------


def message(*patients: dict[str, Any], **header: Any) -> dict[str, Any]:
    said = {
        "resourceType": "MessageHeader",
        "id": "m-1",
        "eventUri": "urn:ihe:iti:pmir:2019:patient-feed",
        "source": {"endpoint": "http://his.example"},
    } | header
    rows = [
        {
            "fullUrl": f"urn:uuid:{n:036d}",
            "resource": one,
            "request": {"method": "PUT", "url": f"Patient/{one['id']}"},
        }
        for n, one in enumerate(patients)
    ]
    history = {"resourceType": "Bundle", "type": "history", "entry": rows}
    return {"resourceType": "Bundle", "type": "message", "entry": [{"resource": said}, {"resource": history}]}


def replaced(gone: dict[str, Any], by: str) -> dict[str, Any]:
    kept = {key: value for key, value in gone.items() if key != "meta"}
    return kept | {"active": False, "link": [{"other": {"reference": f"Patient/{by}"}, "type": "replaced-by"}]}


async def feed(at: Institution, body: dict[str, Any]) -> Any:
    return await at.call("POST", "/fhir/$process-message", body)


async def changes(at: Institution, since: str = "") -> Any:
    answer = await at.call("GET", f"/person-changes{f'?since={since}' if since else ''}")
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_an_institution_merges_its_own_and_others_hear_of_a_stewards_merge(platform: Platform) -> None:
    his, lis = await platform.institution("P"), await platform.institution("R")
    words = {
        "name": [{"text": "公孙不同"}],
        "birthDate": "1966-06-06",
        "telecom": [{"system": "phone", "value": "13511110001"}],
    }
    stays = await his.create(patient("p", **words))
    gone = await his.create(patient("q", **(words | {"telecom": [{"system": "phone", "value": "13511110002"}]})))
    persons = [await mpi.person_of_patient(platform.database, one["id"]) for one in (gone, stays)]
    assert persons[0] != persons[1]
    start = (await changes(his))["since"]
    answer = await feed(his, message(replaced(gone, stays["id"])))
    assert answer.status_code == 200, answer.text
    header, outcome = [entry["resource"] for entry in answer.json()["entry"]]
    assert (header["response"]["identifier"], header["response"]["code"]) == ("m-1", "ok")
    assert outcome["issue"][0]["details"]["coding"][0]["code"] == "merged"
    assert await mpi.person_of_patient(platform.database, gone["id"]) == persons[1]
    said = await changes(his, start)
    assert [(row["patient"], row["person"]) for row in said["changes"]] == [
        (f"Patient/{gone['id']}", ids.person_text(persons[1] or 0))
    ]
    assert (await changes(his, said["since"]))["changes"] == []
    assert (await changes(lis))["changes"] == []
    assert (await lis.call("GET", f"/person-changes?since={start}")).status_code == 404
    again = await feed(his, message(replaced(gone, stays["id"])))
    assert again.json()["entry"][1]["resource"]["issue"][0]["details"]["coding"][0]["code"] == "same"


async def test_a_condition_of_two_numbers_means_who_has_both(platform: Platform) -> None:
    his = await platform.institution("P")
    one, other = [await his.create(patient("p")) for _ in range(2)]
    numbers = [f"identifier={p['identifier'][0]['system']}|{p['identifier'][0]['value']}" for p in (one, other)]
    said = {"resourceType": "Patient", "name": one["name"], "gender": "female", "birthDate": "1985-03-14"}
    for asked_for in ("&".join(numbers), "&".join(reversed(numbers))):
        done = await his.call("PUT", f"/fhir/Patient?{asked_for}", said)
        assert done.status_code == 201, done.text
        assert done.json()["id"] not in (one["id"], other["id"])


async def test_a_merge_that_concerns_others_is_asked_about(platform: Platform) -> None:
    his, lis = await platform.institution("P"), await platform.institution("R")
    number = resident_number("1955-05-05")
    gone = await his.create(patient("p", national=number, birthDate="1955-05-05"))
    await lis.create(like(gone))
    stays = await his.create(patient("p", birthDate="1955-05-06"))
    answer = await feed(his, message(replaced(gone, stays["id"])))
    assert answer.json()["entry"][1]["resource"]["issue"][0]["details"]["coding"][0]["code"] == "asked"
    persons = [await mpi.person_of_patient(platform.database, one["id"]) for one in (gone, stays)]
    assert persons[0] != persons[1]
    waiting = await mpi.queue(platform.database, platform.access.vault, mpi.Wanted(reason=mpi.SOURCE_SAYS), clock.now())
    assert [(case.person, case.candidate, case.risk) for case in waiting] == [(*persons, 3)]
    stolen = await feed(lis, message(replaced(gone, stays["id"])))
    assert stolen.status_code in (403, 404)


async def test_a_number_in_dispute_merges_nobody(platform: Platform) -> None:
    his, number = await platform.institution("P"), resident_number("1956-05-05")
    stays = await his.create(patient("p", national=number, birthDate="1956-05-05"))
    await platform.access.stewards.freeze(STEWARD, NATIONAL, number, reason="两人共用", now=clock.now())
    gone = await his.create(like(stays))
    persons = [await mpi.person_of_patient(platform.database, one["id"]) for one in (gone, stays)]
    assert persons[0] != persons[1]
    answer = await feed(his, message(replaced(gone, stays["id"])))
    assert answer.json()["entry"][1]["resource"]["issue"][0]["details"]["coding"][0]["code"] == "asked"
    assert await mpi.person_of_patient(platform.database, gone["id"]) == persons[0]


@pytest.mark.parametrize(
    "body",
    [
        {"resourceType": "Bundle", "type": "message"},
        {"resourceType": "Bundle", "type": "transaction", "entry": []},
        message() | {"entry": []},
        message(eventUri="urn:other"),
        message({"resourceType": "Basic", "id": "x", "code": {}}),
        message(replaced({"resourceType": "Patient", "id": "x"}, "../Practitioner/1")),
        message({"resourceType": "Patient", "id": "x", "link": [{"type": "replaced-by"}]}),
    ],
)
async def test_messages_that_are_none(home: Institution, body: dict[str, Any]) -> None:
    answer = await feed(home, body)
    assert answer.status_code in (400, 404, 405, 422), answer.text
    assert answer.json()["resourceType"] == "OperationOutcome"


@pytest.mark.parametrize("cursor", ["x", "AAAA", "%00", "a" * 400])
async def test_a_cursor_of_somebody_else_is_none(home: Institution, cursor: str) -> None:
    assert (await home.call("GET", f"/person-changes?since={cursor}")).status_code == 404


async def test_who_was_loaded_without_a_card_is_registered_like_anybody(platform: Platform, home: Institution) -> None:
    base = Caller(kind="system", agent_id="base", institution=home.number)
    said = patient("x", birthDate="1933-03-03") | {"identifier": []}
    arrival = access.Arrival(key="r-1", content="r-1", said=mpi.registration(said))
    await platform.access.population.admit(base, [arrival], issue_cards=False, now=clock.now())
    known = patient(home.code, national=resident_number("1933-03-03"), birthDate="1933-03-03")
    made = await home.create(known | {"name": said["name"], "telecom": said["telecom"]})
    person = await mpi.person_of_patient(platform.database, made["id"])
    assert [
        row["rule"] for row in await platform.database.fetch("select rule from mpi.link where person_id = $1", person)
    ] == ["score"]
    assert (await home.call("PUT", f"/fhir/Patient/{made['id']}", made | {"deceasedBoolean": True})).status_code == 200
