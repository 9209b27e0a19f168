"""The platform's own persons out to `yima link`, and what it proposes back: weighed, then, when wanted, done."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from yima.directory import Caller
from yima.mpi.bulk import COLUMNS, OPTIONAL, needed, told
from yima.runtime import clock, ids

if TYPE_CHECKING:
    from yima.access import Access

_CALLER: Final = Caller(kind="system", agent_id="link-apply", name_zh="批量关联", name_en="Bulk linkage")
_BATCH: Final = 2000
_Pair: TypeAlias = tuple[str, ...]
"""The two, and what is proposed."""
_HEAD: Final = ("person", "other", "proposal", "kind", "why", "number")


def file_of(*, yes: bool) -> str:
    """Where what was done stands, or what would be."""
    return "applied.csv" if yes else "changes.csv"


async def export(access: Access, out: Path) -> int:
    """Every person as a row of Parquet that only its owner can read; how many. All or nothing: what was begun before
    and what fails is removed, since names and numbers are in it. Refusal `linkage-stopped`."""
    part = out.with_suffix(".part")
    with told("--out"):
        try:
            part.unlink(missing_ok=True)  # of a try that was killed, or of somebody who may read it
            part.touch(mode=0o600, exist_ok=False)
            count = await _exported(access, part)
            part.replace(out)
        finally:
            part.unlink(missing_ok=True)
    return count


async def _exported(access: Access, part: Path) -> int:
    arrow, parquet = needed("pyarrow"), needed("pyarrow.parquet")
    schema = arrow.schema([(name, arrow.string()) for name in (*COLUMNS, *OPTIONAL)])
    count, after = 0, 0
    with parquet.ParquetWriter(part, schema) as writer:
        while True:
            rows, after = await access.linkage.export(_CALLER, after, _BATCH, clock.now())
            full = [{name: row.get(name, "") for name in schema.names} for row in rows]
            writer.write_table(arrow.Table.from_pylist(full, schema))
            count += len(rows)
            if not after:
                break
    return count


async def apply(
    access: Access, out: Path, *, yes: bool, reason: str, progress: Callable[[str, float], None]
) -> Counter[str]:
    """Weigh each proposal in OUT/proposals.parquet, or do it (`yes`); counts by kind. One line a pair is in the file
    as soon as it is decided, so that a second try goes on where the first ended."""
    path, rows = out / file_of(yes=yes), _proposals(out)
    done = _done(path) if yes else set[_Pair]()
    counts = Counter[str]()
    with told("--out"), path.open("a" if yes else "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        if not file.tell():
            writer.writerow(_HEAD)
        for at, (one, other, wish) in enumerate(rows, start=1):
            progress("apply" if yes else "weigh", at / len(rows))
            if (one, other, wish) in done:
                counts["done before"] += 1
                continue
            found = await _one(access, one, other, wish == "link", reason if yes else None)
            counts[found[0]] += 1
            writer.writerow((one, other, wish, *found))
            file.flush()
    return counts


async def _one(access: Access, one: str, other: str, link: bool, reason: str | None) -> tuple[str, str, Any]:
    pair = ids.person_from_text(one), ids.person_from_text(other)
    if pair[0] is None or pair[1] is None:
        return "keep", "unknown", None
    if reason is None:
        found = await access.linkage.weigh(_CALLER, pair[0], pair[1], link=link)
    else:
        found = await access.linkage.apply(_CALLER, pair[0], pair[1], link=link, reason=reason, now=clock.now())
    return found.kind, found.why, found.number


def _proposals(out: Path) -> list[tuple[str, str, str]]:
    table = needed("pyarrow.parquet").read_table(
        out / "proposals.parquet", columns=["record_id_l", "record_id_r", "proposal"]
    )
    rows = [(row["record_id_l"], row["record_id_r"], row["proposal"]) for row in table.to_pylist()]
    return sorted(rows, key=lambda row: row[2] != "link")  # merges first: they answer questions of others


def _done(path: Path) -> set[_Pair]:
    """What an earlier try has decided; another model's other proposal of a pair is another decision."""
    if not path.is_file():
        return set()
    with path.open(encoding="utf-8", newline="") as file:
        return {tuple(row[:3]) for row in csv.reader(file) if len(row) == len(_HEAD)}
