"""What another model decides otherwise: `python -m bench.flips --train usual:901,usual:902 --on usual:903 --out OUT`.

Trains a model on each population, decides one other population by each of them and by the one of the wheel, and lists
every decision that came out otherwise than by the first: in bulk pair by pair (`OUT/flips-<model>.csv`); as
registrations, one after the other at alternating institutions, in an index of their own for each model, and by
`yima mpi try-model`'s way from the evidence the first kept. One JSON value; shares are of 1.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from bench.linkage import write_rows
from bench.population import MIXES, Record, records
from bench.resolve import said
from bench.stage import database
from yima import mpi
from yima.mpi import bulk
from yima.mpi.bulk import engine
from yima.runtime import clock, logs, migrate
from yima.runtime.database import Database
from yima.runtime.errors import Refusal
from yima.runtime.keys import FileKeyStore, Vault

_TOGETHER: Final = 200
"""Registrations in a transaction."""
_INSTITUTIONS: Final = 20
_PAIRS: Final = """
SELECT record_id_l, record_id_r, coalesce(x.decision, 'none') AS before, coalesce(y.decision, 'none') AS after,
  x.score AS score_before, y.score AS score_after, coalesce(x.name_level, y.name_level) AS name,
  coalesce(x.birth_level, y.birth_level) AS birth, coalesce(x.number_level, y.number_level) AS number,
  coalesce(x.household_level, y.household_level) AS household
FROM read_parquet('{0}') x FULL JOIN read_parquet('{1}') y USING (record_id_l, record_id_r)
"""


def trained(source: Path, out: Path, version: str) -> Path:
    """A model trained on a population; what is there is not made again."""
    path = out / f"model-{version}.json"
    if not path.exists():
        bulk.train(bulk.Task(source, out), version, datetime.now(UTC).date())
    return path


def population(text: str, people: int, folder: Path) -> tuple[Path, list[Record]]:
    """The population `mix:seed`, as a file and as records."""
    mix, _, seed = text.partition(":")
    found = list(records(people, int(seed), mix=MIXES[mix]))
    path = folder / f"population-{mix}-{seed}.csv"
    if not path.exists():
        write_rows(path, [record.row for record in found])
    return path, found


def in_bulk(source: Path, count: int, models: dict[str, Path | None], folder: Path) -> dict[str, Any]:
    """Each model's decisions on a population against those of the first."""
    for name, model in models.items():
        bulk.run(bulk.Task(source, folder / f"run-{name}", model=model))
    first, *others = models
    told = {}
    for name in others:
        files = [folder / f"run-{one}" / "pairs.parquet" for one in (first, name)]
        table = engine.needed("duckdb").connect().sql(_PAIRS.format(*files)).to_arrow_table().to_pylist()
        flips = [row for row in table if row["before"] != row["after"]]
        with (folder / f"flips-{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(table[0]))
            writer.writeheader()
            writer.writerows(flips)
        kinds = Counter(f"{row['before']} -> {row['after']}" for row in flips)
        told[name] = {
            "records": count, "decided_pairs": len(table), "flips": len(flips), "of": dict(kinds),
            "share_of_records": len(flips) / count, "share_of_pairs": len(flips) / len(table),
        }  # fmt: skip
    return told


async def registered(found: Sequence[Record], url: str, keys: Path, model: Path | None) -> tuple[list[str], Database]:
    """What became of each registration under a model: `automatic`, `review` or `new`."""
    mpi.use_model(model)
    db, vault, kinds = await Database.connect(url, size=4), Vault(FileKeyStore(keys)), list[str]()
    for start in range(0, len(found), _TOGETHER):
        source, chunk = mpi.Source(1 + start // _TOGETHER % _INSTITUTIONS), found[start : start + _TOGETHER]
        asked = [mpi.Asked(_plausible(record, start + k)) for k, record in enumerate(chunk)]
        async with db.transaction() as c:
            now = clock.now()
            resolved = await mpi.resolve_many(c, vault, asked, source, now=now)
            links = [
                mpi.Link(one, ask.said, source, f"p{start + k}", one.side)
                for k, (one, ask) in enumerate(zip(resolved, asked, strict=True))
                if not isinstance(one, Refusal)
            ]
            await mpi.link_many(c, vault, links, now=now)
        kinds += ["refused" if isinstance(one, Refusal) else _kind(one) for one in resolved]
    return kinds, db


def _kind(one: mpi.Resolution) -> str:
    return "review" if one.review and one.created else "new" if one.created else "automatic"


def _plausible(record: Record, nr: int) -> mpi.Registration:
    """As an institution's Patient; a mistyped number is refused at the door, and comes without it."""
    row = record.row
    bad = row["id_type"] == "resident-number" and not mpi.resident_number_is_valid(row["id_no"])
    return said(record, f"m{nr}", number=not bad)


async def at_registration(found: Sequence[Record], models: dict[str, Path | None]) -> dict[str, Any]:
    """The same as registrations: every model in an index of its own, and tried on the evidence of the first."""
    told, kinds, tries = {}, dict[str, list[str]](), dict[str, mpi.Trial]()
    for at, (name, model) in enumerate(models.items()):
        with database(None) as server:
            await migrate.migrate(server.url())
            kinds[name], db = await registered(found, server.url(), server.log.parent / "keys.json", model)
            if not at:
                old = mpi.model_named()
                for other, file in list(models.items())[1:]:
                    mpi.use_model(file)
                    tries[other] = await mpi.try_model(db, old, mpi.model_named())
            await db.close()
    first, *others = models
    for name in others:
        pairs = [(a, b) for a, b in zip(kinds[first], kinds[name], strict=True) if a != b]
        one = tries[name]
        told[name] = {
            "registrations": len(found), "flips": len(pairs), "of": dict(Counter(map(" -> ".join, pairs))),
            "share": len(pairs) / len(found), "try_model": {
                "scored": one.decisions, "flips": len(one.flips), "counts": one.counts,
                "share_of_scored": len(one.flips) / max(one.decisions, 1),
                "share_of_registrations": len(one.flips) / len(found),
            },
        }  # fmt: skip
    return told


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print one JSON value."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=110_000, help="of each population")
    parser.add_argument("--train", default="usual:901,usual:902", help=f"mix:seed with commas; of {', '.join(MIXES)}")
    parser.add_argument("--on", default="usual:903", help="whom the models decide on")
    parser.add_argument("--registrations", type=int, default=40_000, help="registered with each model; 0: in bulk only")
    parser.add_argument("--out", type=Path, required=True)
    asked = parser.parse_args(arguments)
    logs.configure("console", "error")
    asked.out.mkdir(parents=True, exist_ok=True)
    source, found = population(asked.on, asked.people, asked.out)
    models: dict[str, Path | None] = {}
    for text in asked.train.split(","):
        path, _ = population(text, asked.people, asked.out)
        name = text.replace(":", "-")
        models[name] = trained(path, asked.out / f"trained-{name}", f"trained.{name.replace('-', '.')}")
    models["wheel"] = None
    told: dict[str, Any] = {"first": next(iter(models)), "bulk": in_bulk(source, len(found), models, asked.out)}
    if asked.registrations:
        some = found[: asked.registrations]
        told["registered"] = asyncio.run(at_registration(some, models))
    print(json.dumps(told, ensure_ascii=False, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
