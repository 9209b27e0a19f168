"""A thief has a dump of the whole database and no key file. A town that was loaded and used: no identity is in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import blake2b, md5, sha1, sha256

import pytest
from typed import Typist, officer, resident

from support import Platform, as_owner, observation, patient, resident_number, visit_bundle
from yima import exchange, mpi, synth
from yima.access import Arrival
from yima.audit import Event, proof
from yima.cli import city as cities
from yima.cli import loading
from yima.directory import Caller
from yima.runtime import clock
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.keys import FileKeyStore, Vault
from yima.runtime.words import GONE

RESIDENTS, SEED = 5, 4
NARRATIVE = "弥漫性轴索损伤后遗症"
AREA = {"text": "某街道1号", "extension": [{"url": "urn:yima:area", "valueCode": "609987"}]}
SYSTEM = "urn:oid:2.16.156.10011.1.3"
_HEX = re.compile(r"(?<![0-9a-f])[0-9a-f]{16,}")
_INTEGER = re.compile(r"-?[0-9]{15,19}")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK = "10X98765432"


@dataclass(frozen=True, slots=True)
class Dump:
    """Every row of every table as text, as `copy` writes it: by the name of the table."""

    tables: dict[str, str]

    @classmethod
    async def of(cls, db: Database) -> Dump:
        """All tables of all schemas that are not PostgreSQL's own, as their owner sees them."""
        async with db.transaction() as c:
            await c.execute("reset role")
            names = await c.fetch(
                "select schemaname || '.' || tablename as name from pg_catalog.pg_tables "
                "where schemaname not in ('pg_catalog', 'information_schema')"
            )
            found = {}
            for row in names:
                rows = await c.fetch(f"select t::text from {row['name']} as t")
                found[row["name"]] = "\n".join(one[0] for one in rows)
            return cls(found)

    def holding(self, word: str) -> list[str]:
        """The tables in which a word stands, as text or as the hexadecimal form of its bytes. A few digits count only
        as a value of their own: somewhere in a random id or a fraction of a second they stand by chance."""
        alone = rf"(?<![0-9a-f.]){word}(?![0-9a-f])" if word.isdigit() and len(word) < 8 else re.escape(word)
        forms = [alone, *(word.encode(coding).hex() for coding in ("utf-8", "gb18030", "utf-16-le"))]
        found = re.compile("|".join(forms))
        return sorted(name for name, text in self.tables.items() if found.search(text))


def named(made: synth.City) -> Iterator[tuple[str, str]]:
    """What identifies the residents: kind and value."""
    for one in made.residents:
        yield "name", one.name.text
        yield "latin name", one.name.latin
        yield from (("birth date", form) for form in (one.born.isoformat(), f"{one.born:%Y%m%d}"))
        yield from (("number", document.value) for document in one.documents)
        yield "phone", one.phone
        yield "address", one.address.text
        yield "address", one.address.line


def numbers(county: str, year: int) -> Iterator[str]:
    """Every resident number of a county and a year of birth: 365,000."""
    day, orders = date(year, 1, 1), [(f"{order:03d}", _weight(f"{order:03d}", 14)) for order in range(1000)]
    while day.year == year:
        begins = f"{county}{day:%Y%m%d}"
        weight = _weight(begins, 0)
        yield from (begins + order + _CHECK[(weight + more) % 11] for order, more in orders)
        day += timedelta(days=1)


def _weight(digits: str, at: int) -> int:
    return sum(int(digit) * _WEIGHTS[at + place] for place, digit in enumerate(digits))


def hashed(number: str) -> tuple[bytes, ...]:
    """What a careless platform would store of a number."""
    bare, named = number.encode(), f"{SYSTEM}|{number}".encode()
    return (
        sha256(bare).digest(), sha256(named).digest(), sha1(bare, usedforsecurity=False).digest(),
        md5(bare, usedforsecurity=False).digest(), blake2b(bare, digest_size=8).digest(),
    )  # fmt: skip


def found_by_trying(dump: Dump, tried: Iterable[str]) -> tuple[int, int]:
    """How many numbers were tried, and how many hashes of them stand anywhere in the dump, whole or cut to 8 bytes."""
    text = "\n".join(dump.tables.values())
    there = {bytes.fromhex(held[:16]) for held in _HEX.findall(text)}
    there |= {int(held).to_bytes(8, "big", signed=True) for held in _INTEGER.findall(text) if abs(int(held)) < 1 << 63}
    count = found = 0
    for number in tried:
        count += 1
        found += sum(digest[:8] in there for digest in hashed(number))
    return count, found


async def test_no_identity_is_in_a_dump(platform: Platform) -> None:
    made = synth.city(RESIDENTS, SEED)
    await cities.register(platform.access, platform.access.vault.store, made)
    loaded = await loading.load(platform.access, list(cities.items(made, {})))
    assert loaded.refused == 0
    hospital = await platform.institution("D")
    whose = await hospital.create(patient("d"))
    await hospital.create(observation(f"Patient/{whose['id']}", note=[{"text": NARRATIVE}]))
    dump = await Dump.of(platform.database)
    assert dump.holding(hospital.client_id), "it does show what is in the clear"
    tried, found = 0, list[tuple[str, list[str]]]()
    born_here = {str(day) for one in made.residents if (day := one.born) >= synth.RECORDS_FROM}
    for kind, value in [*named(made), ("narrative", NARRATIVE), ("code", "718-7"), ("code", "loinc.org")]:
        tried += 1
        places = dump.holding(value)
        if value in born_here:  # the clinical date of a birth is one, and stays readable
            places = [place for place in places if place != "records.resource"]
        found += [(kind, places)] if places else []
    assert (tried > 40, found) == (True, [])
    someone = made.residents[0]
    county, year = someone.documents[0].value[:6], someone.born.year
    control = Dump(dump.tables | {"control": sha256(someone.documents[0].value.encode()).hexdigest()})
    assert someone.documents[0].value in set(numbers(county, year))
    assert found_by_trying(control, [someone.documents[0].value]) == (1, 1), "the attack finds what is there"
    assert found_by_trying(dump, numbers(county, year)) == (365_000, 0)


async def test_no_words_that_somebody_typed_are_in_a_dump(platform: Platform) -> None:
    typist = Typist(platform, await platform.institution("W"))
    done = await typist.everywhere()
    dump = await Dump.of(platform.database)
    assert len(typist.typed) >= 30
    assert {place: found for place, words in typist.typed.items() if (found := dump.holding(words))} == {}
    assert dump.holding("王铁柱") == []
    told = str([line.detail for line in await _log(platform, done["glass"])])
    read = {place for place, words in typist.typed.items() if words in told}
    assert read >= {"glass.open", "glass.widen", "glass.verdict", "objection.answer", "finding"}
    lines = await typist.hospital.call("GET", f"/fhir/AuditEvent?patient={typist.patients[done['glass']]}")
    assert (typist.typed["glass.open"] in lines.text, "sealed:1:" in lines.text) == (True, False)
    before = await platform.access.erasures.proposals(officer("first", "erase"), clock.now())
    assert typist.typed["erasure"] in [one.reason for one in before], "why is told when the record is gone"


async def test_words_about_a_person_go_with_the_record(platform: Platform) -> None:
    hospital = await platform.institution("X")
    typist = Typist(platform, hospital)
    person = await typist.break_glass()
    words = typist.typed["glass.open"]
    assert words in str([line.detail for line in await _log(platform, person)])
    await typist.erase_record(person)
    details = [line.detail for line in await _log(platform, person)]
    assert words not in str(details)
    assert [one["reason"] for one in details if one.get("ground") == "unconscious"] == [GONE]
    assert typist.typed["erasure"] in str(details), "why it was erased stays"
    (stored,) = [row for row in await platform.log_of(person) if '"unconscious"' in row["detail"]]
    assert words not in stored["detail"]
    await platform.access.log.seal(clock.now())
    found = await proof.check(platform.database, platform.access.log.verifier)
    assert (found.whole, found.lines > 0) == (True, True), "the log is checked without keys, whatever opens no more"


async def test_what_a_population_base_says_of_a_life_is_not_in_a_dump(platform: Platform) -> None:
    access, hospital = platform.access, await platform.institution("Y")
    caller = Caller(kind="system", agent_id="cli", institution=hospital.number)
    said = mpi.registration(patient("y", national=resident_number()) | {"address": [AREA]})
    rows = [
        Arrival(
            key="row-1", content=str(change), said=said, as_of=day, household="H-1", relation="外孙女婿",
            since=day, change=change,
        )
        for change, day in (("moved-in", date(1987, 11, 3)), ("death", date(1988, 12, 4)))
    ]  # fmt: skip
    for row in rows:
        (admitted,) = await access.population.admit(caller, [row], issue_cards=False, now=clock.now())
        assert admitted.fate in ("new", "found")
    person = await mpi.person_of_document(platform.database, access.vault, *_national(said))
    assert person is not None
    homes, changes = await access.population.of_person(caller, person, clock.now())
    assert [(one.kind, one.happened) for one in changes] == [(row.change, row.as_of) for row in rows]
    assert [(one.relation, one.since) for one in homes] == [("外孙女婿", date(1988, 12, 4))]
    (living,) = await mpi.living(platform.database, access.vault, person - 1, 1)
    assert (living.person, living.area) == (person, "609987")
    dump = await Dump.of(platform.database)
    for value in ("1987-11-03", "1988-12-04", "外孙女婿", "609987", "moved-in"):
        assert dump.holding(value) == [], value


def _national(said: mpi.Registration) -> tuple[str, str]:
    return next((one.system, one.value) for one in said.identifiers if one.national)


async def _log(platform: Platform, person: int) -> list[Event]:
    """The log as its resident reads it."""
    return await platform.access.access_log(resident(person), now=clock.now(), limit=500)


async def test_words_of_before_are_sealed_in_steps_and_read_as_before(platform: Platform) -> None:
    typist, access, db = Typist(platform, await platform.institution("Z")), platform.access, platform.database
    person, now = await typist.break_glass(), clock.now()
    lines = [row["detail"] for row in await platform.log_of(person)]
    said = ("急诊科旧时所写的理由", "二次打开的旧理由", "旧的审核意见一句话")
    await as_owner(db, "update consent.emergency set reason = $2 where person_id = $1", person, said[0])
    await as_owner(db, "update consent.emergency_widened set reason = $2 where person_id = $1", person, said[1])
    await as_owner(db, "update oversight.glass set question = $2, reason = $2 where person_id = $1", person, said[2])
    await as_owner(
        db, "update oversight.stop set proposal = $1 where institution = $2", said[2], typist.hospital.number
    )
    await as_owner(
        db, "insert into mpi.household (person_id, household, relation, since) values ($1, 7, '旧亲属', $2)", person,
        date(1987, 11, 3),
    )  # fmt: skip
    await as_owner(
        db, "insert into mpi.population_change (person_id, kind, institution_id, happened, dated, recorded) "
        "values ($1, 'birth', 1, $2, true, $3)", person, date(1987, 11, 3), now,
    )  # fmt: skip
    assert (await access.keeping.readable())[2:] == (2, 5)
    judge = officer("judge", "privacy")
    shown = await _shown(platform, person)
    assert shown[:2] == said[:2]
    steps = [step async for step in access.keeping.seal(1)]
    assert sum(steps) == 7
    assert await access.keeping.readable() == (0, 0, 0, 0)
    assert await _shown(platform, person) == shown == (said[0], said[1], said[2], said[2])
    assert said[2] in {one.proposal for one in (await access.glass_desk.board(judge, clock.now())).stops}
    homes, changes = await access.population.of_person(Caller(kind="system", agent_id="cli"), person, now)
    assert [(one.relation, str(one.since)) for one in homes] == [("旧亲属", "1987-11-03")]
    assert [(one.kind, str(one.happened)) for one in changes] == [("birth", "1987-11-03")]
    dump = await Dump.of(db)
    assert [word for word in (*said, "旧亲属") if dump.holding(word)] == []
    assert [row["detail"] for row in await platform.log_of(person)][: len(lines)] == lines, "the log stays as it is"


async def _shown(platform: Platform, person: int) -> tuple[str | None, ...]:
    """What the privacy officer reads of somebody's emergency."""
    board = await platform.access.glass_desk.board(officer("judge", "privacy"), clock.now())
    (case,) = [one for one in board.cases if one.review.person == person]
    return case.opened.reason, case.opened.wider_reason, case.review.question, case.review.reason


async def test_keys_rotate_while_the_platform_works_and_the_old_one_opens_nothing(platform: Platform) -> None:
    hospital, keeping = await platform.institution("R"), platform.access.keeping
    whose = await hospital.create(patient("r"))
    body = visit_bundle("r")
    first = await hospital.submit(body, idempotency_key="rotation-1")
    wraps = await _wraps(platform.database)
    number, steps = keeping.rotate(), 0
    during = await hospital.create(observation(f"Patient/{whose['id']}", note=[{"text": NARRATIVE}]))
    async for _ in keeping.rewrap(2):  # many small steps, and work between them
        steps += 1
        if steps % 10 == 1:
            await hospital.create(observation(f"Patient/{whose['id']}"))
    async for _ in exchange.reseal_answers(platform.access, 3):
        pass
    assert await _wraps(platform.database) & wraps == set()
    assert all(wrap[0] == number for wrap in await _wraps(platform.database))
    keeping.forget(number - 1)
    assert keeping.masters == [number]
    with pytest.raises(Refusal, match="key-change-refused"):
        keeping.forget(number)
    another_worker = Vault(FileKeyStore(platform.data / "keys.json"))
    for wrap in wraps:  # of a dump of before
        with pytest.raises(Refusal, match="key-store-invalid"):
            another_worker.rewrapped(wrap)
    second = await Platform.start(platform.database_url, platform.data, development=True)
    try:
        there = replace(hospital, platform=second)
        assert NARRATIVE in (await there.call("GET", f"/fhir/Observation/{during['id']}")).text
        assert await there.submit(body, idempotency_key="rotation-1") == first, "told as before the rotation"
        assert await second.access.keeping.readable() == (0, 0, 0, 0)
    finally:
        await second.stop()


async def _wraps(db: Database) -> set[bytes]:
    rows = await db.fetch("select wrap from mpi.person where wrap is not null union select wrap from records.key")
    return {bytes(row["wrap"]) for row in rows}
