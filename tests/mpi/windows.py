"""Registration windows for the tests: an institution that registers Patients, and synthetic people to register."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from stdnum.cn import ric

from yima import mpi
from yima.runtime import ids
from yima.runtime.database import Database
from yima.runtime.keys import Vault

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RESIDENT = "urn:oid:2.16.156.10011.1.3"
PASSPORT = "urn:yima:id:passport"
LOCAL = "urn:example:mrn"
_sequence = itertools.count(1)
_institutions = itertools.count(1)
_minutes = itertools.count()


def resident_number(born: str = "1990-01-02", order: int | None = None) -> str:
    """A resident number of the fictitious area 999999 with the right check digit."""
    body = f"999999{born.replace('-', '')}{(next(_sequence) if order is None else order) % 1000:03d}"
    return body + str(ric.calc_check_digit(body + "0"))


def phone() -> str:
    """A mobile number nobody else in the tests has."""
    return f"139{next(_sequence):08d}"


def said(name: str = "张伟", **facts: Any) -> mpi.Registration:
    """A registration of a single man born in 1990, with what the test changes."""
    numbers = tuple(mpi.Identifier.of(system, value) for system, value in facts.pop("numbers", ()))
    return mpi.Registration(**({"name": name, "sex": "male", "birth_date": "1990-01-02"} | facts), identifiers=numbers)


class Window:
    """The registration window of one institution."""

    def __init__(self, db: Database, vault: Vault, matching: Any = "full") -> None:
        self.db = db
        self.vault = vault
        self.source = mpi.Source(next(_institutions), matching)
        self._now = NOW

    async def register(self, registration: mpi.Registration, patient_id: str | None = None) -> mpi.Resolution:
        """Register a Patient, as a submission does: resolve, store, link, in one transaction."""
        self._now += timedelta(seconds=1)

        async def work(c: Any) -> mpi.Resolution:
            found = await mpi.resolve(c, self.vault, registration, self.source, now=self._now, patient_id=patient_id)
            patient = found.patient_id or ids.new_resource_id(found.person)
            await mpi.link(c, self.vault, found, registration, self.source, patient, now=self._now)
            return found

        return await self.db.retry(work)

    async def patient(self, person: int) -> str:
        """The id of this institution's oldest Patient of a person."""
        patients = await mpi.patients_of(self.db, person)
        return next(patient for patient, institution in patients if institution == self.source.institution)


_STATE: Final = (
    "person",
    "identifier",
    "link",
    "candidate_key",
    "profile",
    "carried",
    "former",
    "merged",
    "apart",
    "frozen",
    "review",
)


def word() -> mpi.Word:
    """On a steward's word, each a minute after the one before."""
    return mpi.Word("operator/op-1", NOW + timedelta(minutes=next(_minutes)), "测试")


async def state(db: Database) -> dict[str, list[str]]:
    """Every row of the index, without the log of acts; of a number whose it is, since it may be sealed anew."""
    what = dict.fromkeys(_STATE, "t::text") | {"identifier": "(to_jsonb(t) - 'number')::text"}
    return {
        table: [row[0] for row in await db.fetch(f"select {rows} from mpi.{table} as t order by 1")]
        for table, rows in what.items()
    }


async def everything_stored(db: Database) -> str:
    """All columns of all tables of the index as one text."""
    tables = await db.fetch("select tablename from pg_catalog.pg_tables where schemaname = 'mpi' order by tablename")
    rows = [row for t in tables for row in await db.fetch(f"select t::text from mpi.{t['tablename']} as t order by 1")]
    return "\n".join(row[0] for row in rows)
