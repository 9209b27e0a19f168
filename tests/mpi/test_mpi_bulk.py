"""Bulk linkage: the same levels, bits and rules as the core, nobody merged who is two, and inputs as they come."""

from __future__ import annotations

import codecs
import csv
import itertools
import json
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest
from bench.population import records
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from yima.cli.commands import app
from yima.mpi import bulk
from yima.mpi.bulk import columns, engine, linking, normalising, sql
from yima.mpi.bulk.rows import day_of
from yima.mpi.compare import LEVELS
from yima.mpi.decide import Known, assess
from yima.mpi.fields import Fields
from yima.mpi.keys import keys
from yima.mpi.look_alike import shape_of
from yima.mpi.lunar import solar_of
from yima.mpi.model import model_named, read_model
from yima.mpi.places import latin_site, site_pieces
from yima.mpi.score import scorer
from yima.runtime.errors import Refusal
from yima.runtime.ids import PersonId
from yima.synth.numbers import resident_number

duckdb = pytest.importorskip("duckdb")
pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

ONE, OTHER, THIRD = (resident_number("600101", date(1990, 1, 2), sequence) for sequence in (1, 3, 5))
WRONG = ONE[:-1] + str(("0123456789X".index(ONE[-1]) + 1) % 10)
HARD = [
    {"name": "王未"},
    {"name": "王末"},
    {"name": "Ana Garsia Lopez"},
    {"name": "Ana Schmidt"},
    {"name": "Ana Garcia"},
    {"name": "王静雯"},
    {"name": "王晶文"},
    {"name": "欧阳娜", "family_name": "欧阳"},
    {"name": "歐陽娜娜"},
    {"name": "歐陽娜"},
    {"name": "Ouyang Na"},
    {"name": "Na Ouyang"},
    {"name": "张伟"},
    {"name": "章伟"},
    {"name": "张 伟"},
    {"name": "张伟明"},
    {"name": "张卫明"},
    {"name": "吕绿"},
    {"name": "Lü Lü"},
    {"name": "LYU LYU"},
    {"name": "买买提·阿不都拉"},
    {"name": "买买提"},
    {"name": "阿不都拉•买买提"},
    {"name": "买买提阿不都拉"},
    {"name": "Maria Anna Garcia"},
    {"name": "Garcia Maria"},
    {"name": "María Ana García"},
    {"name": "MARIA ANNA GARSIA"},
    {"name": "王芳之子"},
    {"name": "王芳之女"},
    {"name": "无名氏"},
    {"name": ""},
    {"name": "Иван Петров"},
    {"name": "김민준"},
    {"name": "𠮷田太郎"},
    {"name": "吉田太郎"},
    {"name": "O'Neil-Smith, Anne"},
    {"name": "Anne ONeil Smith"},
    {"name": "é"},
    {"name": "·"},
    {"name": "张伟" * 60},
]
BORN = [
    "1990-01-15",
    "1990-02-10",  # that day of the lunar year
    "2020-04-01",
    "2020-05-23",  # and of its leap month
    "1990-01-02",
    "1990-02-01",
    "1990-01-12",
    "1990-02-20",
    "1990-01",
    "1990",
    "1991-01-01",
    "1990-02-30",
    "",
    "0000-00-00",
]
SEX = ["male", "female", ""]
NUMBER = [
    ("resident-number", ONE),
    ("resident-number", OTHER),
    ("resident-number", WRONG),
    ("resident-number", ONE[:-2]),
    ("passport", "E12345678"),
    ("passport", "E87654321"),
    ("taiwan-permit", "12345678"),
    ("", ""),
    ("library card", "1"),
]
PHONE = ["12900000001", "12900000002", "12900000001,12900000003", "", "13800138000"]
PLACE = [
    ("600101", "和平路1号2号楼3单元401室"),
    ("600101", "和平路1号2-3-401"),
    ("600102", "和平路1号2-3-401"),
    ("", "和平路1号2-3-401"),
    ("600101", "和平路1号9号楼1单元1室"),
    ("600101", ""),
    ("", ""),
    ("600103", "12 Main Street"),
    ("600103", "12 Mian Street"),
    ("600104", "12 Murray Crescent, Rosebery Hill, Granya"),
    ("600104", "12 Rosebery Hlil, Murray Cresent, Granya"),
    ("", "Murray Crescent, Rosebery Hill"),
    ("600103", "13 Main Street"),
]


def _row(k: int, **said: str) -> dict[str, str]:
    return dict.fromkeys(bulk.COLUMNS, "") | {"record_id": f"h{k}"} | said


def _hard_rows(rng: Random, count: int) -> list[dict[str, str]]:
    rows = []
    for k in range(count):
        kind, number = rng.choice(NUMBER)
        area, address = rng.choice(PLACE)
        extra = rng.choice(
            [{}, {}, {"birth_order": rng.choice("012"), "birth_time": rng.choice(["", "08:00", "08:05"])}]
        )
        rows.append(
            _row(
                k,
                birth_date=rng.choice(BORN),
                sex=rng.choice(SEX),
                id_type=kind,
                id_no=number,
                phone=rng.choice(PHONE),
                area_code=area,
                address=address,
                **rng.choice(HARD),
                **extra,
            )
        )
    return rows


def _batch(rows: list[dict[str, str]]) -> Any:
    """Rows as the engine is given them."""
    names = list(dict.fromkeys(itertools.chain.from_iterable(rows)))
    return engine.needed("pyarrow").RecordBatch.from_pydict(
        {name: [row.get(name, "") for row in rows] for name in names}
    )


def _loaded(rows: list[dict[str, str]], folder: Path) -> Any:
    list(normalising.normalise([_batch(rows)], folder, len(rows), 1))
    connection = engine.connect(folder / "work", "500MB", 1)
    linking.load(connection, folder, model_named())
    return connection


def _write(path: Path, rows: list[dict[str, str]], encoding: str = "utf-8") -> Path:
    names = list(dict.fromkeys(itertools.chain.from_iterable(rows)))
    with path.open("w", newline="", encoding=encoding) as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_ten_thousand_pairs_score_the_same_in_sql(tmp_path: Path) -> None:
    """Levels, bits to the last bit, vetoes and the strict rule, over names and dates chosen to be awkward."""
    rng = Random(7)
    people = [found.row for found in records(250, 11)][:300]
    rows = _hard_rows(rng, 900) + people
    fields = [bulk.row_fields(row)[0] for row in rows]
    near: set[tuple[int, ...]] = {(k, k + step) for step in (1, 2, 3) for k in range(900, len(rows) - step)}
    while len(near) < 10_000:
        near.add(tuple(sorted(rng.sample(range(len(rows)), 2))))
    pairs = sorted(near)
    connection = _loaded(rows, tmp_path)
    connection.execute("CREATE TABLE asked (a BIGINT, b BIGINT)")
    connection.execute("INSERT INTO asked SELECT unnest(?), unnest(?)", [[a for a, _ in pairs], [b for _, b in pairs]])
    model = model_named()
    judged = sql.judged(sql.scored(sql.levels("asked"), model), model)
    levels = ", ".join(f"{name}_level" for name in LEVELS)
    found = connection.execute(
        f"SELECT a, b, bits, veto, clear AND NOT twinlike, mother, relative, {levels} FROM ({judged})"
    ).fetchall()
    score, seen = scorer(model), {name: set[str]() for name in LEVELS}
    assert len(found) == len(pairs) >= 10_000
    for a, b, bits, veto, clear, mother, relative, *said in found:
        core = score(fields[a], fields[b])
        assert tuple(said) == tuple(core.levels), (rows[a], rows[b])
        assert bits == core.bits
        whole = assess(fields[a], Known(PersonId(1), (fields[b],)), model)
        assert (veto, clear, mother, relative) == (
            bool(whole.vetoes), not whole.hindrances, whole.mother, whole.relative
        ), (rows[a], rows[b])  # fmt: skip
        for name, one in zip(LEVELS, said, strict=True):
            seen[name].add(one)
    missing = {name: set(LEVELS[name]) - seen[name] for name in LEVELS}
    assert not any(missing.values()), missing


AWKWARD = [
    "", "王芳之次子", "王芳之女", "王芳、李伟", "Wei Zhang", "male", "F", "男", "1.0", "2", "００1", "1990-02-30",
    "13/2/1990", "1990", "19900102", "1990-01-02", "E12345678", "ID Card", "01", "passport", "图书证", "12900000001",
    "12900000001、13800138000", "600101", "600101001.0", "08:05:30", "和平路1号2号楼3单元401室", "12 Main Street",
    "Murray Crescent", ONE, OTHER, WRONG, ONE + ".0", "张" * 201,
]  # fmt: skip
WORDS = st.sampled_from(AWKWARD) | st.text(max_size=12)
EVERYTHING = st.fixed_dictionaries(dict.fromkeys((*bulk.COLUMNS[1:], *bulk.OPTIONAL), WORDS))


@given(st.lists(EVERYTHING, min_size=1, max_size=12))
def test_columns_are_what_the_rows_say(said: list[dict[str, str]]) -> None:
    """A batch is read by its different values; each row must come out as if it were read alone, with its problems."""
    rows = [{"record_id": f"h{k}"} | row for k, row in enumerate(said)]
    for row, alike in itertools.pairwise(rows):  # so that values meet values of other rows, and are there twice
        row |= {name: alike[name] for name in ("name", "id_no", "birth_date", "phone")[: len(row["sex"]) % 5]}
    people, wrong = columns.columns_of(_batch(rows), 0)
    alone = [bulk.row_fields(row) for row in rows]
    assert wrong == [problem for _, problems in alone for problem in problems]
    for row, (made, _) in zip(people.to_pylist(), alone, strict=True):
        for name in Fields.__struct_fields__:
            value = getattr(made, name)
            if name != "given":  # bulk compares its sound
                assert row["birth_order" if name == "order" else name] == (
                    list(value) if isinstance(value, tuple) else value
                )
        assert (row["shape"], row["lunar"]) == (shape_of(made.name), list(solar_of(made.birth)))
        assert (row["latin_site"], row["pieces"]) == (latin_site(made.site), list(site_pieces(made.site)))
        assert (row["day"], row["kinds"]) == (day_of(made.birth), [one.split("|")[0] for one in made.documents])


def test_keys_are_those_of_the_core(tmp_path: Path) -> None:
    rows = _hard_rows(Random(3), 300) + [found.row for found in records(100, 5)]
    connection = _loaded(rows, tmp_path)
    for rule, query in sql.KEYS.items():
        got = {(n, value) for n, value in connection.execute(query).fetchall()}
        want = set()
        for n, row in enumerate(rows):
            made = bulk.row_fields(row)[0]
            for key in keys(made):
                other = key.value in made.documents
                if (key.rule == rule and not other) or (rule == "document" and key.rule == "number" and other):
                    want.add((n, key.value))
        assert got == want, rule


def test_a_population_is_linked_and_nobody_is_two(tmp_path: Path) -> None:
    found = list(records(500, 42, repeats=0.5))
    source = _write(tmp_path / "in.csv", [record.row for record in found])
    told = bulk.run(bulk.Task(source, tmp_path / "out", workers=1))
    truth = {record.row["record_id"]: record.person for record in found}
    pairs = _read(tmp_path / "out" / "pairs.parquet")
    clusters: dict[str, set[int]] = {}
    for row in _read(tmp_path / "out" / "clusters.parquet"):
        clusters.setdefault(row["cluster_id"], set()).add(truth[row["record_id"]])
    assert all(len(people) == 1 for people in clusters.values())
    assert {row["decision"] for row in pairs} == {"auto", "review"}
    assert told.records == len(found)
    true = sum(1 for record in found if record.kind not in ("plain", "shared number"))
    assert sum(row["decision"] == "auto" for row in pairs) > true * 0.6
    assert json.loads((tmp_path / "out" / "report.json").read_text())["counts"]["records"] == len(found)
    # A second try makes nothing again and gives the same.
    again = bulk.run(bulk.Task(source, tmp_path / "out", workers=1))
    assert again == told
    assert _read(tmp_path / "out" / "pairs.parquet") == pairs


def _read(path: Path) -> list[dict[str, Any]]:
    return [dict(row) for row in engine.needed("pyarrow.parquet").read_table(path).to_pylist()]


def test_one_record_of_no_number_does_not_join_two_numbers(tmp_path: Path) -> None:
    """Namesakes of one day, phone and house with two valid numbers, and a third record that fits both."""
    same = {"name": "王小明", "sex": "male", "birth_date": "1990-01-02", "phone": "12900000001", "area_code": "600101",
            "address": "和平路1号101"}  # fmt: skip
    rows = [
        _row(0, id_type="resident-number", id_no=ONE, **same),
        _row(1, id_type="resident-number", id_no=OTHER, **same),
        _row(2, **same),
    ]
    told = bulk.run(bulk.Task(_write(tmp_path / "in.csv", rows), tmp_path, workers=1))
    assert (told.automatic, told.review, told.clusters) == (0, 2, 0)


def test_a_twins_number_does_not_make_two_one(tmp_path: Path) -> None:
    """A clerk wrote the other twin's number; and a son's number for his father, whose name is like his."""
    same = {"sex": "male", "birth_date": "1990-01-02", "phone": "12900000001", "address": "和平路1号101"}
    both = {"id_type": "resident-number", "area_code": "600101"}
    older = {"sex": "female", "birth_date": "1955-04-18", "phone": "12900000009", "address": "和平路9号909"}
    oldest = older | {"birth_date": "1951-03-22"}
    rows = [
        _row(0, name="王小明", id_no=ONE, **same, **both),
        _row(1, name="王小亮", id_no=OTHER, **same, **both),
        _row(2, name="王小明", id_no=OTHER, **same, **both),
        _row(3, name="买买提·阿不都拉", id_no=THIRD, **same, **both),
        _row(4, name="买买提", id_no=THIRD, **{**same, "birth_date": "1960-05-06"}, **both),
        # Two of one name in one home, and a clerk who wrote the one's number for the other.
        _row(5, name="古丽·买买提江", id_no=resident_number("600101", date(1955, 4, 18), 2), **older, **both),
        _row(6, name="古丽·买买提江", id_no=resident_number("600101", date(1951, 3, 22), 2), **oldest, **both),
        _row(7, name="古丽·买买提江", id_no=resident_number("600101", date(1955, 4, 18), 2), **oldest, **both),
    ]
    told = bulk.run(bulk.Task(_write(tmp_path / "in.csv", rows), tmp_path, workers=1))
    pairs = {(row["record_id_l"], row["record_id_r"]): row["decision"] for row in _read(tmp_path / "pairs.parquet")}
    # Asked is whether she is her namesake of that home, not whether she is the one whose number she was given.
    assert pairs == {("h0", "h2"): "review", ("h3", "h4"): "review", ("h6", "h7"): "review"}
    assert told.clusters == 0


@pytest.mark.parametrize(("one", "other"), [("王雨欣", "王雨晨"), ("王欣", "王晨")])
def test_a_twin_who_has_no_number_does_not_become_the_one_whose_number_she_was_given(
    tmp_path: Path, one: str, other: str
) -> None:
    same = {"sex": "female", "birth_date": "2020-03-04", "phone": "12900000001", "address": "和平路1号101"}
    number = {"id_type": "resident-number", "id_no": ONE}
    rows = [
        _row(0, name=one, **same, **number),
        _row(1, name=other, **same),
        _row(2, name=other, **same, **number),
    ]
    bulk.run(bulk.Task(_write(tmp_path / "in.csv", rows), tmp_path, workers=1))
    pairs = {(row["record_id_l"], row["record_id_r"]): row["decision"] for row in _read(tmp_path / "pairs.parquet")}
    assert pairs == {("h0", "h1"): "review", ("h1", "h2"): "review"}


def test_a_twin_whose_name_sounds_like_the_others_is_told_from_the_number_she_was_given(tmp_path: Path) -> None:
    same = {"sex": "male", "birth_date": "1990-01-02", "phone": "12900000001", "address": "和平路1号101"}
    both = {"id_type": "resident-number", "area_code": "600101"}
    rows = [
        _row(0, name="陈诗萱", id_no=ONE, **same, **both),
        _row(1, name="陈诗轩", id_no=OTHER, **same, **both),
        _row(2, name="陈诗萱", id_no=OTHER, **same, **both),
    ]
    for some, expected in ((rows, "review"), (rows[1:], "auto")):  # without her it is a slip of who has the number
        out = tmp_path / expected
        bulk.run(bulk.Task(_write(tmp_path / f"{expected}.csv", some), out, workers=1))
        assert {row["decision"] for row in _read(out / "pairs.parquet")} == {expected}


def test_one_of_two_characters_under_a_number_is_a_slip_in_one_home(tmp_path: Path) -> None:
    rows, expected = [], {}
    for k, (change, decision) in enumerate(
        (
            ({"name": "王晨"}, "auto"),  # nobody else of that day is called so
            ({"name": "李欣"}, "review"), ({"name": "王小晨"}, "review"), ({"name": "王晨", "sex": "male"}, "review"),
            ({"name": "王晨", "address": "和平路1号102"}, "review"),
            ({"name": "王晨", "phone": "12900000099"}, "review"),
            ({"name": "王晨", "birth_date": "2020-03-30"}, "review"),
        )
    ):  # fmt: skip
        born = date(2020, 3, 4 + k)
        same = {"sex": "female", "birth_date": f"{born}", "phone": f"1290000001{k}", "address": f"和平路{k}号101"}
        same |= {"id_type": "resident-number", "id_no": resident_number("600101", born, 2), "name": "王欣"}
        rows += [_row(2 * k, **same), _row(2 * k + 1, **same | change)]
        expected[f"h{2 * k}", f"h{2 * k + 1}"] = decision
    bulk.run(bulk.Task(_write(tmp_path / "in.csv", rows), tmp_path, workers=1))
    pairs = {(row["record_id_l"], row["record_id_r"]): row["decision"] for row in _read(tmp_path / "pairs.parquet")}
    assert {pair: pairs.get(pair) for pair in expected} == expected


def test_two_persons_are_asked_about_once_and_not_when_their_numbers_answer(tmp_path: Path) -> None:
    home = {"sex": "female", "birth_date": "2020-03-04", "phone": "12900000001", "address": "和平路1号101"}
    away = {"sex": "female", "birth_date": "2018-01-09", "phone": "12900000002", "address": "和平路9号101"}
    father = home | {"sex": "male", "birth_date": "1990-01-02"}
    one, other, third = ({"id_type": "resident-number", "id_no": number} for number in (ONE, OTHER, THIRD))
    rows = [
        _row(0, name="王雨欣", **home, **one), _row(1, name="王雨欣", **home),
        _row(2, name="王雨晨", **home, **other), _row(3, name="王雨晨", **home),
        _row(4, name="李可", **away), _row(5, name="李可", **away), _row(6, name="李柯", **away),
        # A clerk wrote the daughter's number for her father: it is he who is asked about, and the slip is an issue.
        _row(7, name="王建国", **father, **one), _row(8, name="王建国", **father, **third),
    ]  # fmt: skip
    told = bulk.run(bulk.Task(_write(tmp_path / "in.csv", rows), tmp_path, workers=1))
    pairs = {(row["record_id_l"], row["record_id_r"]): row["decision"] for row in _read(tmp_path / "pairs.parquet")}
    assert {pair for pair, decision in pairs.items() if decision == "auto"} == {
        ("h0", "h1"),
        ("h2", "h3"),
        ("h4", "h5"),
    }
    assert {pair for pair, decision in pairs.items() if decision == "review"} == {("h4", "h6"), ("h7", "h8")}
    assert told.review == 2
    wrong = {row["record_id"] for row in _read(tmp_path / "issues.parquet") if "somebody else" in row["problem"]}
    assert wrong == {"h0", "h7"}


def test_gbk_is_read(tmp_path: Path) -> None:
    rows = [found.row for found in records(30, 1)]
    one, other = (_write(tmp_path / f"{name}.csv", rows, name) for name in ("utf-8", "gbk"))
    assert list(bulk.batches(one)) == list(bulk.batches(other)) == [rows]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"record_id,sex\n1,male\n", "field-missing"),
        (b"name,sex\na,male\n", "field-missing"),
        (b"\xff\xfe\xff\x81", "input-unreadable"),
        (b"PAR1 and nothing", "input-unreadable"),
        (b"", "input-unreadable"),
        (",".join(bulk.COLUMNS).encode() + b"\n", "input-unreadable"),
        (",".join(bulk.COLUMNS).encode() + b"\n,a,,,,,,,\n", "field-invalid"),
        (",".join(bulk.COLUMNS).encode() + b"\n1,a,,,,,,,\n1,b,,,,,,,\n", "field-invalid"),
        (",".join(bulk.COLUMNS).encode() + b"\n1,a,,\n", "input-unreadable"),
        (b"record_id,name,name\n1,a,b\n", "field-invalid"),
        (b"record_id,Name,name \n1,a,b\n", "field-invalid"),
        (b"record_id,sex," + b"x" * 200_000 + b"\n1,a,b\n", "field-missing"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(content)
    with pytest.raises(Refusal) as refused:
        bulk.run(bulk.Task(path, tmp_path / "out", workers=1))
    assert refused.value.code == code


def test_ids_are_text_behind_the_mark_of_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(codecs.BOM_UTF8 + b"record_id,name\n007,a\n7,b\n")
    (rows,) = bulk.batches(path)
    assert [row["record_id"] for row in rows] == ["007", "7"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (pa.array([b"\xe5\xbc\xa0"]), "张"),
        (pa.array([b"\xd5\xc5"]), None),
        (pa.array([["a"]]), None),
        (pa.array([{"a": "b"}]), None),
        (pa.array([1], pa.timestamp("ns")), None),
        (pa.array([1], pa.timestamp("s", "Mars/Base")), None),
    ],
)
def test_columns_of_parquet_are_text_or_refused(tmp_path: Path, values: Any, said: str | None) -> None:
    path = tmp_path / "in.parquet"
    parquet.write_table(pa.table({"record_id": ["1"], "name": values}), path)
    if said is not None:
        assert next(bulk.batches(path))[0]["name"] == said
        return
    with pytest.raises(Refusal) as refused:
        list(bulk.batches(path))
    assert refused.value.code == "input-unreadable"


@pytest.mark.parametrize(
    "spoil", ["a file", "a file above", "a name too long", "a pattern", "shards", "a loop", "memory"]
)
def test_what_a_run_stumbles_over_is_said(tmp_path: Path, spoil: str) -> None:
    source = _write(tmp_path / "in.csv", [found.row for found in records(5, 1)])
    out = {"a name too long": "x" * 300, "a pattern": "run*", "a file above": "file/out", "a file": "file"}.get(
        spoil, "out"
    )
    task = bulk.Task(source, tmp_path / out, workers=1)
    (tmp_path / "file").write_bytes(b"")
    if spoil == "shards":
        bulk.run(task)
        for shard in tmp_path.glob("out/steps/*/people-*.parquet"):
            shard.write_bytes(b"")
    elif spoil == "a loop":
        (tmp_path / "loop").symlink_to(tmp_path / "loop")
        task = bulk.Task(tmp_path / "loop", tmp_path / out, workers=1)
    elif spoil == "memory":
        task = bulk.Task(source, tmp_path / out, memory="1KB", workers=1)
    with pytest.raises(Refusal) as refused:
        bulk.run(task)
    assert refused.value.code == ("input-unreadable" if spoil == "a loop" else "linkage-stopped")
    assert "张" not in str(refused.value)


HABITS = [
    ({"birth_date": "1990-01-02 00:00:00"}, {"birth_date": "02/01/1990"}, "1990-01-02", ""),
    ({"birth_date": "1990/1/2"}, {}, "1990-01-02", ""),
    ({"birth_date": "13.2.1990"}, {}, "1990-02-13", ""),
    ({"birth_date": "19900102.0"}, {}, "1990-01-02", ""),
    ({"birth_date": "１９９０年１月２日"}, {}, "1990-01-02", ""),
    ({"id_type": "ID Card", "id_no": ONE.lower()}, {}, "1990-01-02", ONE),
    ({"id_type": "", "id_no": ONE}, {}, "1990-01-02", ONE),
    ({"id_type": "resident_id", "id_no": f"{ONE[:6]} {ONE[6:14]} {ONE[14:]}"}, {}, "1990-01-02", ONE),
]


@pytest.mark.parametrize(("said", "unsure", "born", "number"), HABITS)
def test_habits_of_other_programs_are_read(
    said: dict[str, str], unsure: dict[str, str], born: str, number: str
) -> None:
    made, _ = bulk.row_fields(_row(0, name="王芳", **said))
    assert (made.birth, made.number) == (born, number)
    if unsure:
        assert bulk.row_fields(_row(0, name="王芳", **unsure))[0].birth == "", "two orders are possible"


def test_columns_may_be_missing_or_numbers(tmp_path: Path) -> None:
    arrow, parquet = engine.needed("pyarrow"), engine.needed("pyarrow.parquet")
    table = arrow.table(
        {"Record_ID": [1, 2], "name": ["王芳", None], "birth_date": [date(1990, 1, 2), None],
         "phone": [13900000001.0, float("nan")], "sex": ["F", "nan"]}
    )  # fmt: skip
    parquet.write_table(table, tmp_path / "in.parquet")
    (rows,) = bulk.batches(tmp_path / "in.parquet")
    assert rows[0] | {"phone": "13900000001", "birth_date": "1990-01-02", "record_id": "1"} == rows[0]
    assert set(rows[1].values()) == {"2", ""}
    assert bulk.run(bulk.Task(tmp_path / "in.parquet", tmp_path / "out", workers=1)).records == 2


def test_bad_values_are_said_and_left_out(tmp_path: Path) -> None:
    rows = [
        _row(0, name="张" * 1_000_000, birth_date="1990-02-30"),
        _row(1, name="王芳、李伟", birth_date="someday", id_type="resident-number", id_no=WRONG),
        _row(2, name="王芳", sex="female", birth_date="19900103", id_type="resident-number", id_no=ONE),
        _row(3, name="王芳", id_type="library card", id_no="1", phone="110"),
    ]
    bulk.run(bulk.Task(_write(tmp_path / "in.csv", rows), tmp_path, workers=1))
    found = {(row["record_id"], row["column"], row["problem"]) for row in _read(tmp_path / "issues.parquet")}
    assert found == {
        ("h0", "name", "longer than 200 characters"),
        ("h0", "birth_date", "no such date"),
        ("h1", "name", "two people in one name"),
        ("h1", "birth_date", "no such date"),
        ("h1", "id_no", "wrong form or check digit"),
        ("h2", "birth_date", "not the date in the resident number"),
        ("h2", "sex", "not the sex in the resident number"),
        ("h3", "id_type", "unknown kind of document"),
        ("h3", "phone", "cannot be somebody's number"),
    }
    assert "王芳" not in (tmp_path / "report.json").read_text()


def test_train_writes_a_model_that_links(tmp_path: Path) -> None:
    found = list(records(1_200, 8, repeats=0.9))
    source = _write(tmp_path / "in.csv", [record.row for record in found])
    ran = CliRunner().invoke(app, ["link", "train", "--input", str(source), "--out", str(tmp_path), "--version", "1.1"])
    assert ran.exit_code == 0, ran.output
    model = read_model((tmp_path / "model-1.1.json").read_bytes())
    for name in ("name", "birth", "number", "sex"):
        weights = [model.comparisons[name][level].bits for level in LEVELS[name]]
        assert weights[0] == max(weights) or name == "name", name
    assert "differences" in json.loads((tmp_path / "report.json").read_text())
    command = [
        "link",
        "apply",
        "--input",
        str(source),
        "--out",
        str(tmp_path),
        "--model",
        str(tmp_path / "model-1.1.json"),
    ]
    ran = CliRunner().invoke(app, command)
    assert ran.exit_code == 0, ran.output
    assert {row["proposal"] for row in _read(tmp_path / "proposals.parquet")} == {"link", "review"}


def test_a_missing_extra_is_refused_in_words() -> None:
    with pytest.raises(Refusal) as refused:
        engine.needed("no_such_module.of_anybody")
    assert (refused.value.code, "yima[link]" in refused.value.mend("en")) == ("extra-missing", True)


def test_spark_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(Refusal) as refused:
        bulk.run(bulk.Task(tmp_path / "none.csv", tmp_path, engine="spark"))
    assert refused.value.code in ("extra-missing", "engine-not-ready")
