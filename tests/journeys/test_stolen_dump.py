"""A thief has a dump of the whole database and no key file. A town that was loaded and used: no identity is in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import blake2b, md5, sha1, sha256

import pytest

from support import Platform, observation, patient, visit_bundle
from yima import exchange, synth
from yima.cli import city as cities
from yima.cli import loading
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.keys import FileKeyStore, Vault

RESIDENTS, SEED = 5, 4
NARRATIVE = "弥漫性轴索损伤后遗症"
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
        """The tables in which a word stands, as text or as the hexadecimal form of its bytes."""
        forms = [word, *(word.encode(coding).hex() for coding in ("utf-8", "gb18030", "utf-16-le"))]
        return sorted(name for name, text in self.tables.items() if any(form in text for form in forms))


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
    with pytest.raises(Refusal, match="key-store-invalid"):
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
        assert await second.access.keeping.readable() == (0, 0)
    finally:
        await second.stop()


async def _wraps(db: Database) -> set[bytes]:
    rows = await db.fetch("select wrap from mpi.person where wrap is not null union select wrap from records.key")
    return {bytes(row["wrap"]) for row in rows}
