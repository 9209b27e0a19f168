"""Writing resources: every write is a version, and an earlier version is never lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from io import BytesIO
from typing import Any, Final, Literal

from yima import fhir
from yima.records.content import SQL as SHARED
from yima.records.content import content_of, sealed, wraps_of
from yima.records.copying import COLUMNS, encoded
from yima.records.shares import Ceiling
from yima.runtime.beside import beside
from yima.runtime.database import Connection, Queries
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.runtime.keys import Vault

SQL = Queries(__package__)


@dataclass(frozen=True, slots=True)
class Write:
    """One resource to write, its references already resolved. `home` is its shard key, 0 for the shelf."""

    method: Literal["create", "update", "delete"]
    home: PersonId
    type: str
    id: str
    resource: dict[str, Any]
    cls: str = ""
    """Sensitive class, empty for ordinary."""
    if_match: int | None = None
    """The version the writer started from, if it said."""
    patient: str = ""
    """The Patient it is about, a Patient itself; the same for all versions of a resource, empty on the shelf."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of a write."""

    type: str
    id: str
    version: int
    created: bool
    content: bytes
    patient: str
    """The Patient it is about."""


@dataclass(frozen=True, slots=True)
class _Present:
    """The version that a write starts from."""

    version: int
    updated: datetime
    deleted: bool
    cls: str
    content: bytes
    patient: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where writes come from: one submission."""

    institution: int
    source: str
    """Becomes meta.source (FHIR Meta.source)."""
    submission: str
    now: datetime
    sandbox: bool = False
    """Nobody's record, so that the writer may search all it has (`search` with homes None)."""


_Key = tuple[PersonId, str, str]
_COPIED: Final = 4
"""Rows from which COPY, one round trip more, is cheaper than INSERT (docs/performance.md)."""
_ROW: Final = 256
"""Bytes whose reading takes as long as making one row (`beside`)."""
_ID: Final = COLUMNS.index("id")
_CONTENT: Final = COLUMNS.index("content")
_AUTHOR: Final = COLUMNS.index("institution_id")
_KEPT: Final = COLUMNS.index("sandbox")
"""From here on the columns of a row never change."""


@dataclass(slots=True)
class _Changes:
    """What a transaction does to the tables: keys and rows, as the statements take them."""

    kept: list[_Key] = field(default_factory=list)
    deleted: list[tuple[Any, ...]] = field(default_factory=list)
    replaced: list[tuple[Any, ...]] = field(default_factory=list)
    inserted: list[tuple[Any, ...]] = field(default_factory=list)


async def transact(
    c: Connection, vault: Vault, writes: Sequence[Write], origin: Origin, *, index_key: bytes,
    ceiling: Ceiling | None = None,
) -> list[Written]:  # fmt: skip
    """Write all, in the caller's transaction, in order.

    `index_key` keys the hashes by which resources are searched: identifiers are among them, and a plain hash gives
    them away.

    Refusals: `not-found` (update or delete of what does not exist or another institution wrote), `erased`,
    `precondition-failed` (If-Match names another version), `field-invalid` (one resource twice: R4 http.html,
    3.1.0.11.2 transaction rules; another patient than before), `record-full` (beyond `ceiling`).
    """
    _refuse_doubled(writes)
    current = await _current(c, vault, [w for w in writes if w.method != "create"], origin)
    made = partial(_changes, writes, current, origin, index_key)
    changes, written = await beside(len(writes) * _ROW, made)
    await _admit(c, vault, [*changes.replaced, *changes.inserted], ceiling)
    await _carry_out(c, vault, changes)
    return written


async def _admit(c: Connection, vault: Vault, rows: Sequence[tuple[Any, ...]], ceiling: Ceiling | None) -> None:
    """Refusal `record-full` where an institution has stored, with these, more of a person's than it may."""
    asked: dict[tuple[PersonId, int], tuple[int, int]] = {}
    for row in rows:
        versions, size = asked.get((row[0], row[_AUTHOR]), (0, 0))
        asked[row[0], row[_AUTHOR]] = versions + 1, size + len(row[_CONTENT])
    if ceiling is None or not asked:
        return
    known = wraps_of(vault)
    await known.of(c, vault, {home for home, _ in asked}, counted=True)
    for (home, author), sizes in sorted(asked.items()):
        if not known.shares.take(home, author, sizes, ceiling):
            await c.execute(SHARED.lock_share, home, author)
            known.shares.forget(home)
            await known.of(c, vault, [home], counted=True)
            if not known.shares.take(home, author, sizes, ceiling, counted=True):
                limit = f"{ceiling.versions} versions, {ceiling.size >> 20} MiB"
                raise Refusal("record-full", limit=limit)


def _changes(
    writes: Sequence[Write], current: Mapping[_Key, _Present], origin: Origin, index_key: bytes
) -> tuple[_Changes, list[Written]]:
    """What writes come to, where this is what stands; pure."""
    changes = _Changes()
    written: list[Written] = []
    for write in writes:
        present = current.get((write.home, write.type, write.id))
        if present and (repeated := _repeats(write, present)):
            written.append(repeated)
            continue
        number = present.version + 1 if present else 1
        # Who waited for the lock came with an older time; versions never go back in time.
        at = max(origin.now, present.updated) if present else origin.now
        if present:
            changes.kept.append((write.home, write.type, write.id))
        if write.method == "delete":
            changes.deleted.append((write.home, write.type, write.id, at, origin.submission))
            written.append(Written(write.type, write.id, number, False, b"", present.patient if present else ""))
            continue
        row = _row(write, origin, number, at, index_key)
        (changes.replaced if present else changes.inserted).append(row)
        written.append(Written(write.type, write.id, number, not present, row[_CONTENT], write.patient))
    return changes, written


async def create(
    c: Connection, vault: Vault, writes: Sequence[tuple[Write, Origin]], *, index_key: bytes,
    ceiling: Ceiling | None, wait: bool,
) -> list[Written | None]:  # fmt: skip
    """Write new resources of many submissions, in the caller's transaction; their ids are fresh.

    Without `wait` those have None, and are not written, whose home an erasure holds, or for which there may be no room.
    With it all are written. Refusal `record-full`.
    """
    rows = [_row(write, origin, 1, origin.now, index_key) for write, origin in writes]
    if wait:
        await _admit(c, vault, rows, ceiling)
        await _insert(c, vault, rows)
    done = {row[_ID] for row in rows} if wait else await _insert_free(c, vault, rows, ceiling)
    return [
        Written(write.type, write.id, 1, True, row[_CONTENT], write.patient) if write.id in done else None
        for (write, _), row in zip(writes, rows, strict=True)
    ]


def _row(write: Write, origin: Origin, number: int, at: datetime, index_key: bytes) -> tuple[Any, ...]:
    """A row in the order of `COLUMNS`."""
    stamped = _stamped(write.resource, write.id, number, origin.source, at)
    found = fhir.index(stamped, key=index_key)
    low, high = found.dated or (None, None)
    return (
        write.home, write.type, write.id, number, at, origin.institution, origin.submission, write.cls, low, high,
        found.tokens, fhir.encode(stamped), origin.sandbox, write.patient,
    )  # fmt: skip


async def _carry_out(c: Connection, vault: Vault, changes: _Changes) -> None:
    """The statements of a transaction, each once for all its resources. No resource is in two of the lists but `kept`,
    which goes first."""
    if changes.kept:
        await c.execute(SQL.keep_history, *map(list, zip(*changes.kept, strict=True)))
    if changes.deleted:
        await c.executemany(SQL.mark_deleted, changes.deleted)
    if changes.replaced:
        # Who holds the rows of a home holds its key: there is something left that it opens.
        wraps = await wraps_of(vault).of(c, vault, {row[0] for row in changes.replaced})
        await c.executemany(SQL.replace, [_sealed(vault, wraps, row)[:_KEPT] for row in changes.replaced])
    await _insert(c, vault, changes.inserted)


async def _insert(c: Connection, vault: Vault, rows: Sequence[tuple[Any, ...]]) -> None:
    """Seal and insert, under keys that no erasure takes away meanwhile."""
    if not rows or await _insert_one(c, vault, rows):
        return
    known, homes = wraps_of(vault), {row[0] for row in rows}
    while await known.held(c, wraps := await known.of(c, vault, homes)) < homes:
        pass
    await _insert_sealed(c, vault, wraps, rows)


async def _insert_free(
    c: Connection, vault: Vault, rows: Sequence[tuple[Any, ...]], ceiling: Ceiling | None
) -> set[str]:
    """Seal and insert what fits and lies in homes whose key nobody holds; the ids."""
    known = wraps_of(vault)
    await known.of(c, vault, {row[0] for row in rows}, counted=ceiling is not None)
    fitting = [r for r in rows if known.shares.take(r[0], r[_AUTHOR], (1, len(r[_CONTENT])), ceiling)]
    if await _insert_one(c, vault, fitting):
        return {fitting[0][_ID]}
    wraps = await known.of(c, vault, {row[0] for row in fitting})
    free = await known.held(c, wraps, wait=False)
    done = [row for row in fitting if row[0] in free]
    await _insert_sealed(c, vault, wraps, done)
    return {row[_ID] for row in done}


async def _insert_one(c: Connection, vault: Vault, rows: Sequence[tuple[Any, ...]]) -> bool:
    """A single row under its home's key in one statement, where that goes at once."""
    if len(rows) != 1 or not rows[0][0]:
        return False
    [row], known = rows, wraps_of(vault)
    wraps = await known.of(c, vault, {row[0]})
    done: bool = await c.execute(SQL.insert_held, *_sealed(vault, wraps, row), wraps[row[0]]) == "INSERT 0 1"
    if not done:
        known.forget(wraps)
    return done


async def _insert_sealed(
    c: Connection, vault: Vault, wraps: Mapping[PersonId, bytes], rows: Sequence[tuple[Any, ...]]
) -> None:
    sealing = (_sealed(vault, wraps, row) for row in rows)
    if len(rows) >= _COPIED:
        stream = BytesIO(await beside(len(rows) * _ROW, partial(encoded, sealing)))
        await c.copy_to_table("resource", schema_name="records", columns=COLUMNS, source=stream, format="binary")
    else:
        await c.executemany(SQL.insert, list(sealing))


def _sealed(vault: Vault, wraps: Mapping[PersonId, bytes], row: tuple[Any, ...]) -> tuple[Any, ...]:
    content = sealed(vault, wraps[row[0]], row[:4], row[_CONTENT])
    return (*row[:_CONTENT], content, *row[_CONTENT + 1 :])


def _repeats(write: Write, present: _Present) -> Written | None:
    """What a write answers that changes nothing: deleting twice (R4 http.html, 3.1.0.7), or saying the same again."""
    if write.method == "delete":
        content, same = b"", present.deleted
    else:
        content = present.content
        same = not present.deleted and present.cls == write.cls and _says_the_same(content, write)
    return Written(write.type, write.id, present.version, False, content, present.patient) if same else None


def _refuse_doubled(writes: Sequence[Write]) -> None:
    # The second write would overwrite the first under the same version number.
    seen: set[_Key] = set()
    for write in writes:
        key = (write.home, write.type, write.id)
        if key in seen:
            raise Refusal(
                "field-invalid", field=f"{write.type}/{write.id}", expected="each resource only once in a transaction"
            )
        seen.add(key)


async def _current(c: Connection, vault: Vault, writes: Sequence[Write], origin: Origin) -> dict[_Key, _Present]:
    """Lock what will change, and check that the writer may."""
    if not writes:
        return {}
    keys = [(w.home, w.type, w.id) for w in writes]
    rows = await c.fetch(SQL.lock_current, *map(list, zip(*keys, strict=True)))
    found = {(r["home"], r["type"], r["id"]): r for r in rows}
    for write in writes:
        row = found.get((write.home, write.type, write.id))
        if row is None or row["institution_id"] != origin.institution:
            raise Refusal("not-found")
        if row["deleted"] and not row["content"]:
            raise Refusal("erased")
        if write.if_match is not None and write.if_match != row["version"]:
            raise Refusal("precondition-failed")
        if write.method == "update" and write.patient != row["patient"] and not origin.sandbox:
            raise Refusal(
                "field-invalid", field=write.type, expected="the same patient as before: a resource never moves"
            )
    return {
        key: _Present(
            row["version"], row["updated"], row["deleted"], row["class"], content_of(vault, row), row["patient"]
        )
        for key, row in found.items()
    }


_SERVER_META = ("versionId", "lastUpdated", "source")


def _says_the_same(content: bytes, write: Write) -> bool:
    """Whether a write repeats the present version, so that it makes no new one; compared as text: 0.10 is not 0.1."""
    return fhir.encode(_essence(fhir.parse(content))) == fhir.encode(_essence(write.resource))


def _essence(resource: dict[str, Any]) -> dict[str, Any]:
    meta = {key: value for key, value in (resource.get("meta") or {}).items() if key not in _SERVER_META}
    return {"meta": meta} | {key: value for key, value in resource.items() if key not in ("id", "meta", "resourceType")}


def _stamped(resource: dict[str, Any], resource_id: str, number: int, source: str, now: datetime) -> dict[str, Any]:
    """The resource with the id and meta that the server sets; what a client sent for these is not believed."""
    meta = dict(resource.get("meta") or {})
    meta["versionId"] = str(number)
    meta["lastUpdated"] = now.isoformat(timespec="milliseconds")
    meta["source"] = source
    head = {"resourceType": resource["resourceType"], "id": resource_id, "meta": meta}
    return head | {key: value for key, value in resource.items() if key not in head}
