"""The end of a purpose, in sentences: proposed, seconded, gone everywhere, told, certified."""

from __future__ import annotations

import json

import asyncpg
import httpx
import pytest
from joserfc import jwk, jws

from support import BASE, Institution, Platform, assert_refused, be_humans, observation, patient
from yima import directory, healthcode
from yima.directory import Caller
from yima.exchange.receipts import answer_of
from yima.records.content import content_of
from yima.runtime import clock, ids


@pytest.fixture
async def hospital(platform: Platform) -> Institution:
    return await platform.institution("E")


async def everywhere(platform: Platform) -> list[bytes]:
    """All content and all kept answers, opened."""
    vault = platform.access.vault
    rows = await platform.database.fetch(
        "select k.wrap, s.* from (select home, type, id, version, deleted, content from records.resource union all "
        "select home, type, id, version, deleted, content from records.history) as s "
        "left join records.key k using (home)"
    )
    kept = await platform.database.fetch("select institution_id, key, answer from exchange.submission")
    return [content_of(vault, row) for row in rows] + [answer_of(vault, *row) for row in kept]


async def operator(platform: Platform, code: str, *rights: str) -> httpx.AsyncClient:
    async with platform.database.transaction() as c:
        await directory.register_operator(c, directory.Operator(code, code, code, frozenset(rights)))
    await be_humans(platform.database, platform.access.vault, code)
    browser = httpx.AsyncClient(
        transport=httpx.ASGITransport(app=platform.app), base_url=BASE, cookies={"yima_lang": "en"}
    )
    answer = await browser.get(f"/dev/sign-in/{platform.access.callers.ticket('operator', code)}")
    assert answer.status_code == 303
    return browser


def token_of(page: str) -> str:
    return page.split('name="csrf" value="')[1].split('"', maxsplit=1)[0]


async def send(browser: httpx.AsyncClient, address: str, **fields: str) -> httpx.Response:
    page = await browser.get("/operator/erasures")
    assert page.status_code == 200, page.text[:300]
    answer = await browser.post(address, data={"csrf": token_of(page.text), **fields})
    return answer if answer.status_code != 303 else await browser.get(answer.headers["location"])


async def waiting(platform: Platform) -> str:
    row = await platform.database.fetchrow("select erasure from records.erasure where approved is null")
    return str(row["erasure"])


async def test_what_two_people_erase_is_gone_everywhere_and_nothing_else(
    platform: Platform, hospital: Institution, database_url: str
) -> None:
    made = await hospital.create(patient())
    reference = f"Patient/{made['id']}"
    wrong = await hospital.create(observation(reference) | {"note": [{"text": "belongs to a neighbour"}]})
    address = f"/fhir/Observation/{wrong['id']}"
    await hospital.call("PUT", address, wrong | {"note": [{"text": "still a neighbour"}]})
    kept = await hospital.create(observation(reference))
    person = ids.home_of(made["id"]) or 0
    card = await healthcode.card_of(platform.database, person)

    first, second = await operator(platform, "first", "erase"), await operator(platform, "second", "erase")
    what = {"number": card.shown_number, "resource": f"Observation/{wrong['id']}", "basis": "wrong-record"}
    for field, value in (("reason", "short"), ("basis", "because"), ("resource", "Observation/none"), ("number", "1")):
        refused = await send(
            first, "/operator/erasures", **(what | {"reason": "filed with the wrong person"} | {field: value})
        )
        assert refused.status_code in (404, 422), (field, refused.status_code)
    proposed = await send(first, "/operator/erasures", **what, reason="filed with the wrong person")
    assert "A second person must approve it" in proposed.text
    erasure = await waiting(platform)
    assert [1 for text in await everywhere(platform) if b"neighbour" in text]
    assert (await hospital.call("GET", address)).status_code == 200, "nothing goes before the second person"
    assert "second-person-needed" in (await send(first, "/operator/erasures/approve", erasure=erasure)).text
    done = await send(second, "/operator/erasures/approve", erasure=erasure)
    assert "The content is erased" in done.text

    assert_refused(await hospital.call("GET", address), 410, "erased")
    assert_refused(await hospital.call("GET", f"{address}/_history/1"), 410, "erased")
    history = (await hospital.call("GET", f"{address}/_history")).json()
    assert [entry.get("resource") for entry in history["entry"]] == [None, None]
    found = (await hospital.call("GET", f"/fhir/Observation?patient={made['id']}")).json()
    assert [entry["resource"]["id"] for entry in found["entry"]] == [kept["id"]]
    assert not [1 for text in await everywhere(platform) if b"neighbour" in text]

    row = await platform.database.fetchrow("select reason, certificate from records.erasure")
    assert all(said.startswith("sealed:1:0:") for said in row), "who erased and why outlives the record's key"
    who = Caller(kind="operator", agent_id="first", rights=frozenset({"erase"}))
    (told,) = await platform.access.erasures.proposals(who, clock.now())
    keys = jwk.KeySet.import_key_set((await platform.client.get("/.well-known/jwks.json")).json())
    said = json.loads(jws.deserialize_compact(told.certificate, keys, algorithms=["ES256"]).payload)
    assert (said["resources"], said["versions"], said["types"]) == (1, 2, {"Observation": 1})
    assert (said["proposed_by"], said["approved_by"]) == ("operator/first", "operator/second")
    events = await platform.database.fetch("select detail from audit.event where action = 'erase' order by recorded")
    assert [json.loads(e["detail"])["event"] for e in events] == ["propose-erasure", "erase"]
    assert_refused(await hospital.call("PUT", address, wrong), 410, "erased")


async def test_a_resend_of_what_was_erased_brings_nothing_back(platform: Platform, hospital: Institution) -> None:
    made = await hospital.create(patient())
    body = observation(f"Patient/{made['id']}")
    stored = await hospital.call("POST", "/fhir/Observation", body, idempotency_key="once-and-for-all")
    assert stored.status_code == 201
    card = await healthcode.card_of(platform.database, ids.home_of(made["id"]) or 0)
    first, second = await operator(platform, "first", "erase"), await operator(platform, "second", "erase")
    await send(first, "/operator/erasures", number=card.shown_number, basis="purpose-ended", reason="the study is over")
    await send(second, "/operator/erasures/approve", erasure=await waiting(platform))
    before = await platform.database.fetchrow("select count(*) from records.resource")
    assert_refused(
        await hospital.call("POST", "/fhir/Observation", body, idempotency_key="once-and-for-all"), 410, "erased"
    )
    assert await platform.database.fetchrow("select count(*) from records.resource") == before
    whole = (await hospital.call("GET", f"/fhir/Patient/{made['id']}/$everything")).json()
    assert whole.get("entry", []) == []


async def test_nobody_erases_without_the_right_and_the_database_itself_asks_for_two(
    platform: Platform, hospital: Institution, database_url: str
) -> None:
    made = await hospital.create(patient())
    person = ids.home_of(made["id"]) or 0
    someone = await operator(platform, "suspender", "suspend")
    assert (await someone.get("/operator/erasures")).status_code == 403
    app = await asyncpg.connect(database_url)
    await app.execute("set role yima_app")
    name = ids.new_resource_id(person)
    await app.execute(
        "insert into records.erasure (home, erasure, type, id, institution_id, proposed, proposer, reason, "
        "legal_basis, approver) "
        "values ($1, $2, '', '', 0, now(), 'operator/one', 'because', 'unlawful', 'operator/one')",
        person, name,
    )  # fmt: skip
    assert await app.fetchval("select records.erase_content($1, $2, $3, null)", [person], person, name) == 0
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute("update records.history set content = ''")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await app.execute("delete from records.resource")
    await app.close()


async def test_everybody_reads_how_much_was_erased_and_on_what_basis(platform: Platform) -> None:
    rows = await platform.database.fetch("select legal_basis from records.erasure where certificate <> ''")
    said = await platform.access.erasures.public_counts(1)
    assert sum(count or 0 for count in said.values()) == len(rows) > 0
    assert {basis for basis, count in said.items() if count} == {row["legal_basis"] for row in rows}
    public = (await platform.client.get("/public/erasures.json")).json()
    assert public["erased"] == {basis: None if count else 0 for basis, count in said.items()}
    assert public["least"] > len(rows)
    page = (await platform.client.get("/public/erasures", headers={"accept-language": "en"})).text
    assert page.count(f"fewer than {public['least']}") == len({row["legal_basis"] for row in rows})
