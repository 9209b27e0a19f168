"""Rows -> the columns of `Fields`, in many processes; a shard of Parquet for each batch, kept for the next try."""

from __future__ import annotations

import multiprocessing
import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec

from yima.mpi.bulk.engine import needed
from yima.mpi.bulk.reading import Row
from yima.mpi.documents import NATIONAL, RESIDENT_NUMBER, resident_number_is_valid, resident_number_key
from yima.mpi.fields import Fields, fields
from yima.mpi.look_alike import shape_of
from yima.mpi.lunar import solar_of
from yima.mpi.places import latin_site, latin_street, site_pieces
from yima.runtime.errors import Refusal

Issue = tuple[str, str, str]
"""record_id, column, what is wrong."""

_SEXES: Final = {
    "male": "male", "m": "male", "1": "male", "男": "male", "男性": "male",
    "female": "female", "f": "female", "2": "female", "女": "female", "女性": "female",
}  # fmt: skip
_TYPES: Final = {
    **{word: system for system, word in NATIONAL.items()},
    **{system: system for system in NATIONAL},
    # WS 364.3 CV02.01.101, the codes that hospitals export.
    "01": RESIDENT_NUMBER, "1": RESIDENT_NUMBER, "居民身份证": RESIDENT_NUMBER, "身份证": RESIDENT_NUMBER,
    "03": "urn:yima:id:passport", "护照": "urn:yima:id:passport",
    "06": "urn:yima:id:permit-hk-mo", "07": "urn:yima:id:permit-tw",
}  # fmt: skip
_PARTS: Final = (
    ("passport", "urn:yima:id:passport"), ("护照", "urn:yima:id:passport"),
    ("taiwan", "urn:yima:id:permit-tw"), ("台湾", "urn:yima:id:permit-tw"), ("台胞", "urn:yima:id:permit-tw"),
    ("macau", "urn:yima:id:permit-hk-mo"), ("macao", "urn:yima:id:permit-hk-mo"),
    ("hong-kong", "urn:yima:id:permit-hk-mo"), ("港澳", "urn:yima:id:permit-hk-mo"),
    ("permanent", "urn:yima:id:foreign-permanent-residence"), ("永久", "urn:yima:id:foreign-permanent-residence"),
    ("birth", "urn:yima:id:birth-certificate"), ("出生", "urn:yima:id:birth-certificate"),
    ("resident", RESIDENT_NUMBER), ("身份证", RESIDENT_NUMBER), ("id-card", RESIDENT_NUMBER),
    ("identity", RESIDENT_NUMBER), ("national-id", RESIDENT_NUMBER),
)  # fmt: skip
"""What the name of a kind of document may hold; the first that fits."""
_DATE: Final = re.compile(r"([0-9]{4})(?:[-/.年]?([0-9]{1,2})(?:[-/.月]?([0-9]{1,2}))?)?(?:月|日)?(?:[ T].*)?")
_DAY_FIRST: Final = re.compile(r"([0-9]{1,2})[-/.]([0-9]{1,2})[-/.]([0-9]{4})")
_JOINTS: Final = re.compile(r"[\s_-]+")
_BETWEEN: Final = re.compile(r"[,，;；/、\s]+")
_TWO: Final = re.compile(r"[,，、;；/&]|(?<=[㐀-鿿])[和与及](?=[㐀-鿿])")
_LONGEST: Final = 4_000
_SEX_AT: Final = 16
_TEXT: Final = (
    "name", "name_ordered", "sound", "sound_other", "latin", "surname", "surname_sound", "given_sound", "script",
    "placeholder", "sex", "birth", "number", "number_class", "area", "address", "site", "birth_time",
)  # fmt: skip
DERIVED: Final = "day kinds birth_order shape lunar latin_site pieces"
"""What a row has beside the columns of `Fields`: shards made without it are made again."""
_LISTS: Final = ("words", "documents", "phones", "mother")


@lru_cache(65_536)
def birth_date(text: str) -> str:
    """A birth date as a FHIR date; '' when it cannot be read. `1990/1/2`, `19900102`, `1990年1月2日`, `1990-01`.

    `13/2/1990` is read where only one order of day and month can be meant.
    """
    text = unicodedata.normalize("NFKC", text).removesuffix(".0")
    if (last := _DAY_FIRST.fullmatch(text)) and (int(last[1]) > 12 or last[1] == last[2]):
        text = f"{last[3]}-{last[2]}-{last[1]}"
    elif last and int(last[2]) > 12:
        text = f"{last[3]}-{last[1]}-{last[2]}"
    found = _DATE.fullmatch(text)
    return "-".join(part.zfill(2) for part in found.groups() if part) if found else ""


def document_system(kind: str, number: str) -> str:
    """The identifier system of a kind of document, in the words of the interface, of WS 364.3 or of daily use; '' when
    it is not known. A valid resident number is one whatever it is called."""
    return _system(kind) or (RESIDENT_NUMBER if resident_number_is_valid(resident_number_key(number)) else "")


@lru_cache(1024)
def _system(kind: str) -> str:
    word = unicodedata.normalize("NFKC", kind).strip().lower().removesuffix(".0")
    plain = _JOINTS.sub("-", word)
    return _TYPES.get(word) or _TYPES.get(plain) or next((s for part, s in _PARTS if part in plain), "")


def row_fields(row: Row) -> tuple[Fields, list[Issue]]:
    """The fields of a row and what is wrong with it. Values that cannot be are left out, never repaired by guess."""
    said = {name: value[:_LONGEST] for name, value in row.items()}
    family, given = said.get("family_name", ""), said.get("given_name", "")
    born, system = birth_date(said["birth_date"]), document_system(said["id_type"], said["id_no"])
    made = fields(
        name=said["name"] or _joined(given, family),
        family=family,
        latin_name=said.get("latin_name", ""),
        sex=_SEXES.get(said["sex"].lower().removesuffix(".0"), ""),
        birth_date=born,
        documents=[(system, said["id_no"].removesuffix(".0"))] if system and said["id_no"] else (),
        phones=[phone.removesuffix(".0") for phone in _BETWEEN.split(said["phone"])],
        area=said["area_code"].removesuffix(".0"),
        address=said["address"],
        order=int(said["birth_order"]) if said.get("birth_order", "").isdecimal() else None,
        birth_time=said.get("birth_time", "")[:5],
        mother_name=said.get("mother_name", ""),
        mother_numbers=filter(None, [said.get("mother_id_no", "")]),
        mother_phones=filter(None, [said.get("mother_phone", "")]),
    )
    if not made.address and (street := latin_street(said["address"])):
        made = msgspec.structs.replace(made, site=street)
    if made.number_class == "valid":  # which tells both (GB 11643), where the row does not
        told = "male" if int(made.number[_SEX_AT]) % 2 else "female"
        day = f"{made.number[6:10]}-{made.number[10:12]}-{made.number[12:14]}"
        made = msgspec.structs.replace(
            made, sex=made.sex or told, birth=made.birth or ("" if row["birth_date"] else day)
        )
    return made, [(row["record_id"], column, problem) for column, problem in _issues(row, made, born, system)]


def _joined(given: str, family: str) -> str:
    return f"{given} {family}".strip() if (given + family).isascii() else family + given


def _issues(row: Row, made: Fields, born: str, system: str) -> Iterator[tuple[str, str]]:
    if len(row["name"]) > 200:
        yield "name", "longer than 200 characters"
    if made.script == "han" and _TWO.search(row["name"]):
        yield "name", "two people in one name"
    if row["birth_date"] and (not born or (len(born) == 10 and _day(born) is None)):
        yield "birth_date", "no such date"
    if row["id_no"] and not system:
        yield "id_type", "unknown kind of document"
    elif row["id_no"] and not (made.number or made.documents):
        yield "id_no", "cannot be a number of this document"
    if made.number_class == "bad":
        yield "id_no", "wrong form or check digit"
    elif made.number:
        if len(born) == 10 and made.number[6:14] != born.replace("-", ""):
            yield "birth_date", "not the date in the resident number"
        if made.sex and (int(made.number[_SEX_AT]) % 2 == 1) != (made.sex == "male"):
            yield "sex", "not the sex in the resident number"
    if row["phone"] and not made.phones:
        yield "phone", "cannot be somebody's number"


@lru_cache(65_536)
def _day(born: str) -> int | None:
    try:
        return date.fromisoformat(born).toordinal() if len(born) == 10 else None
    except ValueError:
        return None


def normalise(found: Iterable[list[Row]], folder: Path, size: int, workers: int) -> Iterator[int]:
    """Write `people-<k>.parquet` and `issues-<k>.parquet` for each batch into `folder`; yields the rows done so far.

    Shards that are there are not made again. Refusal `field-invalid` for a row without record_id.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = 0
    jobs = ((k * size, batch, folder / f"people-{k:05d}.parquet") for k, batch in enumerate(found))
    if workers <= 1:
        for job in jobs:
            done += _shard(job)
            yield done
        return
    context = multiprocessing.get_context("spawn")
    with context.Pool(workers) as pool:
        pending: list[Any] = []
        for job in jobs:
            pending.append(pool.apply_async(_shard, (job,)))
            if len(pending) >= workers * 2:  # no more of the input in memory than the processes can eat
                done += pending.pop(0).get()
                yield done
        for one in pending:
            done += one.get()
            yield done


def _shard(job: tuple[int, list[Row], Path]) -> int:
    first, batch, path = job
    if path.exists():
        return len(batch)
    arrow, parquet = needed("pyarrow"), needed("pyarrow.parquet")
    columns: dict[str, list[Any]] = {name: [] for name in _schema(arrow).names}
    issues: list[Issue] = []
    for n, row in enumerate(batch, start=first):
        if not row["record_id"]:
            raise Refusal("field-invalid", field=f"record_id of row {n + 1}", expected="an id that is not empty")
        made, wrong = row_fields(row)
        issues += wrong
        columns["n"].append(n)
        columns["record_id"].append(row["record_id"])
        columns["day"].append(_day(made.birth))
        columns["kinds"].append([document.partition("|")[0] for document in made.documents])
        columns["birth_order"].append(made.order)
        columns["shape"].append(shape_of(made.name))
        columns["lunar"].append(list(solar_of(made.birth)))
        columns["latin_site"].append(latin_site(made.site))
        columns["pieces"].append(list(site_pieces(made.site)))
        for name in (*_TEXT, *_LISTS):
            columns[name].append(getattr(made, name))
    names = ("record_id", "column", "problem")
    rows = {name: arrow.array([issue[k] for issue in issues], arrow.string()) for k, name in enumerate(names)}
    _written(parquet, arrow.table(rows), path.with_name(path.name.replace("people", "issues")))
    # Last, since this is the file by which a later try knows that the batch is done.
    _written(parquet, arrow.table(columns, schema=_schema(arrow)), path)
    return len(batch)


def _written(parquet: Any, table: Any, path: Path) -> None:
    part = path.with_suffix(".part")
    parquet.write_table(table, part, compression="zstd")
    part.replace(path)


def _schema(arrow: Any) -> Any:
    text = arrow.string()
    return arrow.schema(
        [
            ("n", arrow.int64()),
            ("record_id", text),
            ("day", arrow.int32()),
            ("birth_order", text),
            ("shape", text),
            ("latin_site", arrow.bool_()),
        ]
        + [(name, text) for name in _TEXT]
        + [(name, arrow.list_(text)) for name in (*_LISTS, "kinds", "lunar", "pieces")]
    )
