"""What a load remembers: under which ids the resources of the source are stored here, and what was acknowledged.

One SQLite file, `load.sqlite` in the data directory, mode 0600. It holds no content: type, id, id here, a digest.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

_SCHEMA: Final = """
create table if not exists resource (
  key text primary key,      -- institution, a blank, Type/id of the source
  patient text,              -- key of the Patient it is about; null on the shelf
  ours text,                 -- its id here: chosen before it is sent; a Patient's is known after
  digest blob,               -- of the line that was acknowledged; null before
  run text not null,         -- the last load that met it,
  place text not null,       -- where first in that load,
  met blob not null          -- and the digest of the line there
) without rowid;
create table if not exists sent (digest blob primary key) without rowid;
"""
_SEEN: Final = """
insert into resource (key, patient, run, place, met) values (?, ?, ?, ?, ?)
on conflict (key) do update set run = excluded.run, place = excluded.place, met = excluded.met,
  patient = excluded.patient
where run <> excluded.run"""

_WITHOUT_ID: Final = """
select r.key, r.patient, p.ours from resource r left join resource p on p.key = r.patient
where r.ours is null and r.key not like '% Patient/%' and r.key > ? order by r.key limit 20000"""


@dataclass(frozen=True, slots=True)
class Known:
    """What the state says of one resource of the source."""

    ours: str
    digest: bytes | None
    place: str
    """Where it stands first in the present load."""
    met: bytes
    """The digest of the line there."""


class State:
    """The open file. Writers go one after the other; workers only read."""

    def __init__(self, path: Path) -> None:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
        self._file = sqlite3.connect(path, timeout=60)
        self._file.executescript("pragma journal_mode = wal; pragma synchronous = normal;" + _SCHEMA)
        self.id_of = lru_cache(100_000)(self._id_of)
        """The id here of a resource of the source, by its key. KeyError when it has none yet."""

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def see(self, rows: Iterable[tuple[str, str | None, str, str, bytes]]) -> None:
        """Note what a load has met: key, key of the patient, the load, the place, the digest of the line."""
        with self._file:
            self._file.executemany(_SEEN, rows)

    def known(self, key: str) -> Known | None:
        """What is known of a resource of the source, or None."""
        row = self._file.execute("select ours, digest, place, met from resource where key = ?", (key,)).fetchone()
        return Known(row[0] or "", row[1], row[2], row[3]) if row else None

    def _id_of(self, key: str) -> str:
        # A KeyError is not remembered: the id may be known a moment later.
        row = self._file.execute("select ours from resource where key = ? and ours is not null", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        return str(row[0])

    def give_ids(self, make: Callable[[str | None, str | None], str | None]) -> None:
        """An id for every resource but Patients that has none: `make(key of the patient, that patient's id here)`.

        `make` gives None for those whose home cannot be known yet.
        """
        after = ""
        while rows := self._file.execute(_WITHOUT_ID, (after,)).fetchall():
            after = rows[-1][0]
            chosen = [(ours, key) for key, patient, home in rows if (ours := make(patient, home))]
            with self._file:
                self._file.executemany("update resource set ours = ? where key = ?", chosen)
        # What is sent next speaks of these ids: they must outlive a power cut.
        self._file.execute("pragma wal_checkpoint(full)")

    def acknowledge(self, rows: Sequence[tuple[str, bytes, str]]) -> None:
        """Note that resources are stored: id here, digest of the line, key."""
        with self._file:
            self._file.executemany("update resource set ours = ?, digest = ? where key = ?", rows)

    def was_sent(self, digest: bytes) -> bool:
        """Whether a submission was acknowledged."""
        return self._file.execute("select 1 from sent where digest = ?", (digest,)).fetchone() is not None

    def mark_sent(self, digests: Iterable[bytes]) -> None:
        """Note that submissions were acknowledged."""
        with self._file:
            self._file.executemany("insert or ignore into sent values (?)", [(d,) for d in digests])
