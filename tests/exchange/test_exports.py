"""$export: nothing without two organisations; identified only an institution's own; de-identified means it."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import BASE, Institution, Platform, assert_refused, be_humans, observation, patient
from yima import consent, directory, exchange, fhir
from yima.directory import Caller
from yima.runtime import clock, ids, jobs

ASK = {"prefer": "respond-async", "accept": "application/fhir+json"}
REASON = "_reason=diabetes%20statistics%202026"


async def operator(platform: Platform, code: str, organisation: str, *rights: str) -> Caller:
    async with platform.database.transaction() as c:
        one = directory.Operator(code, code, code, frozenset(rights), organisation=organisation)
        await directory.register_operator(c, one)
    await be_humans(platform.database, platform.access.vault, code)
    return Caller(kind="operator", agent_id=code, rights=frozenset(rights), proved=clock.now())


@pytest.fixture(scope="module")
async def approvers(platform: Platform) -> list[Caller]:
    return [
        await operator(platform, "one", "Health Commission", "export"),
        await operator(platform, "two", "Data Bureau", "export"),
    ]


async def ask(app: Institution, query: str) -> str:
    answer = await app.call("GET", f"/fhir/$export?{query}", **ASK)
    assert answer.status_code == 202, answer.text
    return str(answer.headers["content-location"].rpartition("/")[2])


async def made(platform: Platform, approvers: list[Caller], export: str) -> None:
    for one in approvers:
        await exchange.approve_export(platform.access, one, export, clock.now())
    exporter = exchange.Exporter(platform.access, clock.now)
    assert await jobs.work(platform.database, exporter.handlers, now=clock.now()) == 1


async def lines(app: Institution, manifest: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for output in manifest["output"]:
        answer = await app.call("GET", output["url"].partition("/fhir/")[1] + output["url"].partition("/fhir/")[2])
        assert answer.headers["content-type"] == "application/fhir+ndjson"
        rows = answer.text.splitlines()
        assert len(rows) == output["count"]
        found += [json.loads(row) for row in rows]
    return found


@pytest.mark.capability("operation $export")
async def test_an_institution_gets_its_own_after_two_organisations_said_yes(
    platform: Platform, approvers: list[Caller]
) -> None:
    here, there = await platform.institution("X"), await platform.institution("Y")
    mine = await here.create(patient())
    theirs = await there.create(patient())
    seen = await here.create(observation(f"Patient/{mine['id']}"))
    export = await ask(here, f"_deidentify=false&_basis=own-data&{REASON}&_type=Patient,Observation")
    state = f"/fhir/$export-status/{export}"
    waiting = await here.call("GET", state)
    assert (waiting.status_code, waiting.headers["x-progress"]) == (202, "waiting for approval")
    assert_refused(await there.call("GET", state), 404, "not-found")
    access = platform.access
    await exchange.approve_export(access, approvers[0], export, clock.now())
    same = await operator(platform, "colleague", "Health Commission", "export")
    typed = await operator(platform, "other-spelling", " health  commission", "export")
    for second in (approvers[0], same, typed):
        with pytest.raises(Exception, match="second-organisation-needed"):
            await exchange.approve_export(access, second, export, clock.now())
    with pytest.raises(Exception, match="right-needed"):
        await exchange.approve_export(access, await operator(platform, "no", "Else", "suspend"), export, clock.now())
    assert not await jobs.work(platform.database, exchange.Exporter(access, clock.now).handlers, now=clock.now()), (
        "nothing is read before"
    )
    await made(platform, approvers[1:], export)
    done = await here.call("GET", state)
    assert done.status_code == 200
    assert {row["id"] for row in await lines(here, done.json())} == {mine["id"], seen["id"]}
    assert theirs["id"] not in done.text
    log = await platform.log_of(ids.home_of(mine["id"]) or 0)
    assert [e["detail"] for e in log if e["action"] == "export"], "the person's log says so"
    assert (await here.call("DELETE", state)).status_code == 202
    assert_refused(await here.call("GET", state), 404, "not-found")
    assert not list(exchange.folder_of(access, export).glob("*"))


@pytest.mark.capability("operation $export")
async def test_everybodys_is_without_anybody(platform: Platform, approvers: list[Caller]) -> None:
    app = await platform.institution("S")
    secret = "不应出现的备注"
    made_here = []
    for n in range(platform.access.settings.public_least + 2):
        one = await app.create(
            patient() | {"birthDate": f"19{20 + n}-05-06", "address": [{"state": "九州省", "city": "一码市"}]}
        )
        await app.create(observation(f"Patient/{one['id']}") | {"note": [{"text": secret}]})
        made_here.append(one)
    closed = ids.home_of(made_here[0]["id"]) or 0
    async with platform.database.transaction() as c:
        await consent.put(c, closed, consent.Standing("all", 0, False), agent="resident", now=clock.now())
    export = await ask(app, f"_basis=statistics&{REASON}&_type=Patient,Observation")
    await made(platform, approvers, export)
    manifest = (await app.call("GET", f"/fhir/$export-status/{export}")).json()
    rows = await lines(app, manifest)
    text = json.dumps(rows, ensure_ascii=False)
    for one in made_here:
        assert one["id"] not in text
        assert one["name"][0]["text"] not in text
        assert one["identifier"][0]["value"] not in text
    assert secret not in text
    assert "一码市" not in text
    people = [row for row in rows if row["resourceType"] == "Patient"]
    known = {person["id"] for person in people}
    glucose = [row for row in rows if row["resourceType"] == "Observation"]
    assert all(row["subject"]["reference"].removeprefix("Patient/") in known for row in glucose)
    assert all(
        set(person) <= {"resourceType", "id", "meta", "gender", "birthDate", "address", "active", "maritalStatus"}
        for person in people
    )
    assert all(len(person["birthDate"]) == 4 for person in people if "birthDate" in person)
    assert all(row["valueQuantity"]["value"] == 5.4 and row["effectiveDateTime"] < "2026-03-01" for row in glucose)
    assert not [e for e in await platform.log_of(closed) if e["action"] == "export"], (
        "who closed the record is left out"
    )


async def test_files_lie_sealed_and_are_opened_as_they_are_fetched(platform: Platform, approvers: list[Caller]) -> None:
    app, access = await platform.institution("F"), platform.access
    mine = await app.create(patient())
    seen = [await app.create(observation(f"Patient/{mine['id']}")) for _ in range(3)]
    export = await ask(app, f"_deidentify=false&_basis=own-data&{REASON}&_type=Patient,Observation")
    await made(platform, approvers, export)
    folder = exchange.folder_of(access, export)
    held = {file.name: file.read_bytes() for file in folder.glob("*")}
    assert set(held) == {"Patient.ndjson", "Observation.ndjson"}
    planted = [mine["name"][0]["text"], mine["id"], mine["identifier"][0]["value"], "Fasting glucose", "resourceType"]
    assert not any(word.encode() in content for word in planted for content in held.values())

    path = f"/fhir/$export-files/{export}/Observation.ndjson"
    whole = await app.call("GET", path)
    text, size = whole.content, len(whole.content)
    assert {json.loads(line)["id"] for line in text.splitlines()} == {one["id"] for one in seen}
    etag = whole.headers["etag"]
    for asked, part in [
        ("bytes=0-9", text[:10]),
        ("bytes=7-", text[7:]),
        ("bytes=-5", text[-5:]),
        ("bytes=3-99999", text[3:]),
    ]:
        answer = await app.call("GET", path, range=asked)
        assert (answer.status_code, answer.content) == (206, part)
        assert answer.headers["content-range"].endswith(f"/{size}")
        assert answer.headers["content-length"] == str(len(part))
    assert (await app.call("GET", path, range=f"bytes={size}-")).status_code == 416
    for odd in ("bytes=9-3", "bytes=-", "bytes=0-1,3-4", "lines=1-2"):
        assert (await app.call("GET", path, range=odd)).content == text
    assert (await app.call("GET", path, **{"range": "bytes=0-9", "if-range": etag})).status_code == 206
    assert (await app.call("GET", path, **{"range": "bytes=0-9", "if-range": '"old"'})).content == text

    number = access.vault.rotate()
    await exchange.rewrap_exports(access)
    row = "select wrap from exchange.export where export_id = $1"
    assert (await platform.database.fetchrow(row, export))["wrap"][0] == number
    assert (await app.call("GET", path)).content == text

    (folder / "Observation.ndjson").write_bytes(held["Observation.ndjson"][:-1])
    assert_refused(await app.call("GET", path), 500, "export-damaged")
    (folder / "Observation.ndjson").write_bytes(held["Patient.ndjson"])
    assert_refused(await app.call("GET", path), 500, "export-damaged")
    assert (await app.call("DELETE", f"/fhir/$export-status/{export}")).status_code == 202
    assert (await platform.database.fetchrow(row, export))["wrap"] is None, "what the disk keeps opens with nothing"


async def test_files_of_before_they_were_sealed_are_thrown_away(platform: Platform, approvers: list[Caller]) -> None:
    app, access = await platform.institution("G"), platform.access
    await app.create(patient())
    export = await ask(app, f"_deidentify=false&_basis=own-data&{REASON}&_type=Patient")
    await made(platform, approvers, export)
    await platform.database.execute("update exchange.export set wrap = null where export_id = $1", export)
    assert_refused(await app.call("GET", f"/fhir/$export-files/{export}/Patient.ndjson"), 404, "not-found")
    await jobs.enqueue(platform.database, exchange.FORGET_EXPORTS, {}, key="now", now=clock.now())
    await jobs.work(platform.database, exchange.Exporter(access, clock.now).handlers, now=clock.now())
    assert not list(exchange.folder_of(access, export).glob("*"))


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("_basis=statistics&_reason=no", 422, "field-invalid"),
        (f"_basis=curiosity&{REASON}", 422, "field-invalid"),
        (f"_basis=statistics&{REASON}&_deidentify=false", 422, "field-invalid"),
        (f"_basis=statistics&{REASON}&_deidentify=maybe", 422, "field-invalid"),
        (f"_basis=statistics&{REASON}&_type=Consent", 422, "field-invalid"),
        (f"_basis=statistics&{REASON}&_type=Nonsense", 422, "field-invalid"),
        (f"_basis=statistics&{REASON}&_since=yesterday", 422, "field-invalid"),
        (f"_basis=statistics&{REASON}&_outputFormat=csv", 422, "field-invalid"),
        (f"_basis=statistics&{REASON}&group=everybody-in-the-square", 422, "field-invalid"),
    ],
)
async def test_what_is_not_asked_rightly_is_not_asked(platform: Platform, query: str, status: int, code: str) -> None:
    app = await platform.institution("B")
    assert_refused(await app.call("GET", f"/fhir/$export?{query}", **ASK), status, code)
    assert_refused(await app.call("GET", f"/fhir/$export?_basis=statistics&{REASON}"), 422, "field-missing")


@pytest.mark.capability("operation $export")
async def test_too_few_to_hide_among(platform: Platform, approvers: list[Caller]) -> None:
    app = await platform.institution("F")
    export = await ask(app, f"_basis=research&{REASON}&_type=Immunization")
    await made(platform, approvers, export)
    assert_refused(await app.call("GET", f"/fhir/$export-status/{export}"), 422, "too-few-persons")
    assert_refused(await app.call("GET", f"/fhir/$export-files/{export}/Patient.ndjson"), 404, "not-found")
    assert_refused(await app.call("GET", f"/fhir/$export-files/{export}/..%2f..%2fkeys.json"), 404, "not-found")


async def test_a_rejected_export(platform: Platform, approvers: list[Caller]) -> None:
    app = await platform.institution("R")
    export = await ask(app, f"_basis=research&{REASON}")
    await exchange.reject_export(platform.access, approvers[0], export, clock.now())
    assert_refused(await app.call("GET", f"/fhir/$export-status/{export}"), 403, "export-rejected")
    with pytest.raises(Exception, match="not-found"):
        await exchange.approve_export(platform.access, approvers[1], export, clock.now())


VEIL = fhir.Veil(b"k" * 32)


@given(st.text(min_size=4, alphabet=st.characters(codec="utf-8", exclude_categories=["C", "Z"])), st.integers(1, 9))
def test_no_word_of_a_person_is_left(word: str, person: int) -> None:
    """A word at every place that takes words comes out nowhere; a code, a number and a unit stay."""
    word = f"«{word}»"
    resource = observation("Patient/x") | {
        "id": "abc", "language": "zh", "text": {"status": "generated", "div": word},
        "contained": [{"resourceType": "Patient", "id": "p"}],
        "identifier": [{"system": "urn:x", "value": word}], "note": [{"text": word, "authorString": word}],
        "extension": [{"url": "urn:x", "valueString": word}],
        "performer": [{"display": word, "reference": "Practitioner/9"}],
        "code": {"text": word, "coding": [{"system": "http://loinc.org", "code": "1558-6", "display": "Glucose"}]},
        "issued": "2026-03-01T08:00:00Z", "component": [{"code": {"text": word}, "valueString": word}],
    }  # fmt: skip
    hidden = fhir.deidentified(resource, VEIL, person, date(2026, 3, 2))
    assert word not in json.dumps(hidden, ensure_ascii=False, default=str)
    assert hidden["code"]["coding"][0]["code"] == "1558-6"
    assert hidden["valueQuantity"] == resource["valueQuantity"]
    assert hidden["performer"] == [{"reference": f"Practitioner/{VEIL.pseudonym('9')}"}]
    shifted = date.fromisoformat(hidden["issued"])
    assert timedelta(days=1) <= date(2026, 3, 1) - shifted <= timedelta(days=365)
    assert (date(2026, 3, 1) - date.fromisoformat(hidden["effectiveDateTime"])) == date(2026, 3, 1) - shifted


async def signed_in(platform: Platform, code: str) -> httpx.AsyncClient:
    browser = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=platform.app), base_url=BASE, cookies={"yima_lang": "en"}
    )
    answer = await browser.get(f"/dev/sign-in/{platform.access.callers.ticket('operator', code)}")
    assert answer.status_code == 303
    return browser


async def test_the_two_approve_on_their_page_and_everybody_reads_of_it(
    platform: Platform, approvers: list[Caller]
) -> None:
    app = await platform.institution("P")
    export = await ask(app, "_basis=research&_reason=asthma%20in%20children%202026")
    assert "asthma in children" not in (await platform.client.get("/public/exports")).text
    for approver, seen in zip(approvers, ("Approved by you", ""), strict=True):
        browser = await signed_in(platform, approver.agent_id)
        page = (await browser.get("/operator/exports")).text
        assert "asthma in children" in page
        token = page.split('name="csrf" value="')[1].split('"')[0]
        done = await browser.post("/operator/exports/approve", data={"csrf": token, "export": export})
        assert done.headers["location"] == "/operator/exports?done=approved"
        after = (await browser.get(done.headers["location"])).text
        assert 'role="status"' in after
        assert seen in after
    public = (await platform.client.get("/public/exports", headers={"accept-language": "en"})).text
    assert "asthma in children" in public
    [said] = [
        one
        for one in (await platform.client.get("/public/exports.json")).json()["exports"]
        if one["reason"] == "asthma in children 2026"
    ]
    assert said["approved_by"] == ["Health Commission", "Data Bureau"]
