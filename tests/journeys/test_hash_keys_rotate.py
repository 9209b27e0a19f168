"""The key of hashes changes while the platform works: the same answers before, during and after; nobody twice; nothing
of the old key is left in a dump, and an interrupted rotation goes on."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest

from support import Institution, Platform, observation, patient, resident_number, visit_bundle
from support.makers import RESIDENT_NUMBER
from yima import exchange, fhir, mpi
from yima.authentication import ACCOUNT, Try
from yima.cli.keeping import turned
from yima.directory import Caller
from yima.mpi.keys import hashed, keys
from yima.mpi.sealed import number_of, seal_number
from yima.runtime import clock
from yima.runtime.errors import Refusal
from yima.runtime.keys import Vault
from yima.runtime.layers import Layer

SYSTEM = Caller(kind="system", agent_id="test")
MANY = 4
SPREAD = 0.1
_HEX = re.compile(r"(?<![0-9a-f])[0-9a-f]{16,}")
_INTEGER = re.compile(r"-?[0-9]{10,19}")


@dataclass(slots=True)
class Town:
    """Persons of a hospital, and everything by which they are found."""

    platform: Platform
    one: Institution
    other: Institution
    bundle: dict[str, Any]
    people: list[dict[str, Any]] = field(default_factory=list)
    patients: list[str] = field(default_factory=list)

    @classmethod
    async def founded(cls, platform: Platform) -> Town:
        """Its persons, registered at the first hospital, each with two observations; a phone is confirmed."""
        town = cls(platform, await platform.institution("A"), await platform.institution("B"), visit_bundle("v"))
        for _ in range(MANY):
            await town.register()
        subject = f"person/{town.persons[0]}"
        async with platform.database.transaction() as c:
            await platform.access.means.codes.confirm(c, subject, town.phones[0], "staff/1", clock.now())
        entry = mpi.entry_of(town.vault, town.one.number, "row-1", "what it says")
        async with platform.database.transaction() as c:
            home = mpi.household_key(town.vault, town.one.number, "house-1")
            kept = mpi.Kept(entry, town.persons[0], "999999", "alive", None, home, "", None, "")
            await mpi.keep_entries(c, town.vault, town.one.number, [kept], clock.now())
        return town

    async def register(self) -> None:
        """Somebody new."""
        body = patient(self.one.code, national=resident_number())
        made = await self.one.create(body)
        self.people.append(body)
        self.patients.append(made["id"])
        for day in ("01", "02"):
            await self.one.create(observation(f"Patient/{made['id']}", date=f"2026-03-{day}T08:00:00+08:00"))

    @property
    def vault(self) -> Vault:
        """The keys of this worker."""
        return self.platform.access.vault

    @property
    def persons(self) -> list[int]:
        """Whom they are."""
        return [Platform.person_of(f"Patient/{one}") for one in self.patients]

    @property
    def phones(self) -> list[str]:
        """Theirs."""
        return [mpi.phone_key(body["telecom"][0]["value"]) for body in self.people]

    @property
    def numbers(self) -> list[str]:
        """Their resident numbers."""
        return [body["identifier"][1]["value"] for body in self.people]

    async def asked(self) -> list[Any]:
        """Everything of the first persons that is found by a hash."""
        access, at, db, vault = self.platform.access, self.one, self.platform.database, self.vault
        found: list[Any] = []
        for n, body in enumerate(self.people[:MANY]):
            mobile = self.phones[n]
            found.append(await self._pages(f"Observation?patient={self.patients[n]}&code=1558-6&_count=1"))
            found.append(await self._pages(f"Patient?identifier=|{body['identifier'][0]['value']}"))
            found.append(await mpi.find_patients(db, vault, RESIDENT_NUMBER, self.numbers[n], at.number))
            found.append(await mpi.person_of_document(db, vault, RESIDENT_NUMBER, self.numbers[n]))
            found.append(await mpi.persons_of_phone(db, vault, mobile))
            words = mpi.fields(
                name=body["name"][0]["text"], birth_date=body["birthDate"], sex="female", phones=[mobile]
            )
            found.append((await mpi.likely(db, vault, words, at.number)).person)
        found.append((await at.scan(await self.platform.static(self.persons[0]))).status_code)
        found.append(await at.submit(self.bundle, idempotency_key="rotation-of-hashes"))
        codes = access.means.codes
        found.append(await codes.confirmed(db, codes.phone_key(self.phones[0])))
        keyed = await mpi.phone_keys(db, vault, self.persons[:MANY])
        said = dict(zip(self.persons, self.phones, strict=True))
        found.append([keyed[one] == vault.blind("phone", said[one]) for one in self.persons[:MANY]])
        async with db.transaction() as c:
            entry = mpi.entry_of(vault, at.number, "row-1", "what it says")
            held = (await mpi.held_entries(c, vault, [entry]))[entry.entry]
        found.append((held.person, held.content == entry.content, len(await mpi.households_of(db, vault, held.person))))
        return found

    async def _pages(self, address: str) -> list[Any]:
        found: list[Any] = []
        address = f"/fhir/{address}"
        while address:
            body = (await self.one.call("GET", address)).json()
            found.append((body.get("total"), sorted(entry["resource"]["id"] for entry in body.get("entry", ()))))
            address = next((link["url"] for link in body["link"] if link["relation"] == "next"), "")
        return found

    async def live(self) -> None:
        """What goes on meanwhile: known persons come to the other hospital, a new one to the first; one guesses."""
        for number, body in zip(self.numbers, self.people, strict=True):
            again = patient(self.other.code, national=number) | {k: body[k] for k in ("name", "telecom", "birthDate")}
            made = await self.other.create(again)
            whose = await mpi.person_of_patient(self.platform.database, made["id"])
            assert whose == await mpi.person_of_document(self.platform.database, self.vault, RESIDENT_NUMBER, number)
        await self.register()
        guessed = Try("account", f"somebody {len(self.people) // ACCOUNT.free}", ACCOUNT)  # never more than may be
        await self.platform.access.means.attempts.enter([guessed], clock.now())

    def hashes(self, layer: Layer) -> set[bytes]:
        """What a database holds of these people under a key: numbers, phones, candidate keys, search tokens; each cut
        to 8 bytes."""
        steady, secret = self.vault.steady, self.vault.store.secret("mpi/candidate-keys/1")
        found = set[bytes]()
        for number, mobile, body in zip(self.numbers, self.phones, self.people, strict=True):
            long = [steady(f"identifier/national/{RESIDENT_NUMBER}", number), steady("phone", mobile)]
            long += [steady(f"identifier/local/{self.one.number}/{one['system']}", one["value"])
                     for one in body["identifier"][:1]]  # fmt: skip
            found |= {layer.long(one)[:8] for one in long}
            words = mpi.fields(
                name=body["name"][0]["text"], birth_date=body["birthDate"], phones=[mobile],
                documents=[(RESIDENT_NUMBER, number)], sex="female",
            )  # fmt: skip
            shorts = layer.shorts([hashed(key, secret) for key in keys(words)])
            found |= {one.to_bytes(8, signed=True) for one in shorts}
            tokens = fhir.index(body, key=layer.tokens).tokens
            found |= {one.to_bytes(8, signed=True) for one in tokens}
        found.add(layer.long(steady("authentication/phone", self.phones[0]))[:8])
        found.add(layer.long(steady("authentication/account", "somebody"))[:8])
        found.add(layer.long(steady("exchange/key", "rotation-of-hashes"))[:8])
        found.add(layer.long(steady(f"population/entry/{self.one.number}", "row-1"))[:8])
        return found

    async def in_a_dump(self) -> set[bytes]:
        """The first 8 bytes of everything in a dump that looks like a hash."""
        async with self.platform.database.transaction() as c:
            await c.execute("set local role none")
            names = await c.fetch(
                "select schemaname || '.' || tablename as name from pg_catalog.pg_tables "
                "where schemaname not in ('pg_catalog', 'information_schema')"
            )
            rows = [row[0] for one in names for row in await c.fetch(f"select t::text from {one['name']} as t")]
        text = "\n".join(rows)
        there = {bytes.fromhex(held[:16]) for held in _HEX.findall(text)}
        small = (int(held) for held in _INTEGER.findall(text))
        return there | {one.to_bytes(8, signed=True) for one in small if -(1 << 63) <= one < 1 << 63}


@pytest.fixture(scope="module")
async def town(platform: Platform) -> Town:
    return await Town.founded(platform)


async def test_hashes_go_over_to_a_new_key_while_the_platform_works(town: Town) -> None:
    access, old = town.platform.access, town.vault.hashes.turn_from(1).old
    turning, more = access.turning, partial(exchange.unturned_receipts, access)
    before = await town.asked()
    await town.live()
    under_old = town.hashes(old)
    assert len(under_old & await town.in_a_dump()) > 15 * MANY, "what is looked for below is there now"
    with pytest.raises(Refusal, match="in use"):
        await turning.forget(1, more)
    # Interrupted in many small steps, while everything is asked and written.
    (turn,) = await turning.begin(SPREAD)
    async for step in turning.turn(turn, 2):
        if step:
            break
    assert await town.asked() == before, "while hardly anything is under the new key"
    with pytest.raises(Refusal, match="in use"):
        await turning.forget(1, more)
    with pytest.raises(Refusal, match="are left"):
        await turning.settle([turn], more, SPREAD)
    await town.live()
    job = asyncio.create_task(turned(access, resume=True, spread=SPREAD, step=2))
    while not job.done():
        assert await town.asked() == before
        await town.live()
    await job
    assert (turning.written, turning.asked, turning.held) == (2, [2], [1, 2])
    assert await town.asked() == before
    await _whole(town)
    await turning.forget(1, more)
    assert turning.held == [2]
    left = (under_old | town.hashes(old)) & await town.in_a_dump()
    assert left == set()
    assert town.hashes(town.vault.hashes.turn_from(2).old) & await town.in_a_dump()
    await town.live()


async def _whole(town: Town) -> None:
    """Nobody was made twice, and nothing is there twice."""
    db = town.platform.database
    assert len(set(town.persons)) == len(town.people)
    for number in town.numbers:
        person = await mpi.person_of_document(db, town.vault, RESIDENT_NUMBER, number)
        assert len(await mpi.documents_of(db, town.vault, person or 0)) == 1
    # The visitor of the bundle is one person more.
    visits = (await db.fetchrow("select count(*) from mpi.person"))[0]
    assert visits == len(town.people) + 1
    doubled = "select person_id from mpi.profile group by person_id, normaliser having count(*) > 2"
    assert not await db.fetch(doubled), "two hospitals said it in two ways at most"


async def test_a_row_of_the_old_key_is_found_out_before_the_key_goes(town: Town) -> None:
    access, more = town.platform.access, partial(exchange.unturned_receipts, town.platform.access)
    turning, db = access.turning, town.platform.database
    await turned(access, resume=False, spread=SPREAD)
    turn = town.vault.hashes.turn_from(2)
    digest = mpi.entry_of(town.vault, town.one.number, "row-1", "").entry
    late = turn.old.long(turn.new.inner(digest))
    await db.execute("update mpi.population_entry set entry = $2 where entry = $1", digest, late)
    with pytest.raises(Refusal, match="population_entry 1"):
        await turning.forget(2, more)
    assert turning.asked == [2, 3], "it is asked for again"
    await turned(access, resume=True, spread=SPREAD)
    await turning.forget(2, more)
    assert turning.held == [3]


async def test_a_backup_of_before_is_asked_under_its_own_key(town: Town) -> None:
    access = town.platform.access
    more = partial(exchange.unturned_receipts, access)
    before = await town.asked()
    await turned(access, resume=False, spread=SPREAD)
    turn, db = town.vault.hashes.turn_from(3), town.platform.database
    new = town.vault.blind(f"identifier/national/{RESIDENT_NUMBER}", town.numbers[0])
    joined = "select i.number, p.wrap from mpi.identifier i join mpi.person p using (person_id) where digest = $1"
    row, of_then = await db.fetchrow(joined, new), turn.old.long(turn.new.inner(new))
    sealed = seal_number(town.vault, row["wrap"], of_then, number_of(town.vault, row["wrap"], new, row["number"]))
    await db.execute("update mpi.identifier set digest = $2, number = $3 where digest = $1", new, of_then, sealed)
    restarted = await Platform.start(town.platform.database_url, town.platform.data, development=True)
    try:
        assert restarted.access.turning.asked == [3, 4]
        there = replace(town, platform=restarted, one=replace(town.one, platform=restarted))
        found = await mpi.person_of_document(there.platform.database, there.vault, RESIDENT_NUMBER, town.numbers[0])
        assert found == town.persons[0]
        await turned(restarted.access, resume=True, spread=SPREAD)
        await restarted.access.turning.forget(3, more)
        assert await there.asked() == before
    finally:
        await restarted.stop()


async def test_an_answer_that_opens_no_more_stops_no_rotation(town: Town) -> None:
    """Of a receipt that was damaged the answer stays as it is; its key goes over like every other."""
    access, db = town.platform.access, town.platform.database
    await town.one.submit(visit_bundle("damaged"), idempotency_key="damaged")
    key = town.vault.blind("exchange/key", "damaged")
    await db.execute("update exchange.submission set answer = substr(answer, 1, 40) where key = $1", key)
    number = access.turning.written
    await turned(access, resume=False, spread=SPREAD)
    assert access.turning.asked == [number + 1]
    await access.turning.forget(number, partial(exchange.unturned_receipts, access))
