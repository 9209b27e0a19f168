"""The input: Parquet, or CSV in UTF-8 or GBK, read in batches of text. A file without ids or names is refused; any
other column that is missing counts as unknown in every row."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from yima.mpi.bulk.engine import needed
from yima.runtime.errors import Refusal

COLUMNS: Final = (
    "record_id", "name", "sex", "birth_date", "id_type", "id_no", "phone", "area_code", "address",
)  # fmt: skip
OPTIONAL: Final = (
    "given_name", "family_name", "latin_name", "birth_order", "birth_time", "mother_name", "mother_id_no",
    "mother_phone",
)  # fmt: skip
_NOTHING: Final = frozenset({"nan", "none", "null", "<na>", "nat", "\\n"})
"""How programs write an empty cell."""
BATCH: Final = 20_000
_CHUNK: Final = 1 << 22
_PARQUET: Final = b"PAR1"

Row = dict[str, str]


def batches(path: Path, size: int = BATCH) -> Iterator[list[Row]]:
    """The rows in order, `size` at a time; every value is text, '' where there is none, and no column of `COLUMNS` is
    missing.

    Refusals: `input-unreadable` (no such file, neither UTF-8 nor GBK, not a table), `field-missing` (a column).
    """
    if not path.is_file():
        raise Refusal("input-unreadable", field=str(path), reason="there is no such file")
    arrow = needed("pyarrow")
    with path.open("rb") as file:
        parquet = file.read(4) == _PARQUET
    try:
        yield from _regrouped(_parquet(path, size) if parquet else _csv(path), size)
    except (arrow.ArrowException, UnicodeError) as error:
        raise Refusal("input-unreadable", field=path.name, reason=_first_line(error)) from error


def encoding_of(path: Path) -> str:
    """`utf-8` or `gb18030` (GBK and its larger brother). Refusal `input-unreadable` for bytes that are neither."""
    for name in ("utf-8", "gb18030"):
        decoder = codecs.getincrementaldecoder(name)("strict")
        try:
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        return name
    raise Refusal("input-unreadable", field=path.name, reason="its bytes are neither UTF-8 nor GBK")


def _csv(path: Path) -> Iterator[Any]:
    table, arrow = needed("pyarrow.csv"), needed("pyarrow")
    text = arrow.string()
    reader = table.open_csv(
        path,
        read_options=table.ReadOptions(encoding=encoding_of(path), block_size=_CHUNK * 2),
        parse_options=table.ParseOptions(newlines_in_values=True),
        convert_options=table.ConvertOptions(column_types=dict.fromkeys(_heads(path), text), strings_can_be_null=False),
    )
    columns = _columns(reader.schema.names)
    for batch in reader:
        yield _renamed(batch, columns)


def _heads(path: Path) -> list[str]:
    """The names in the first line: all columns are read as text, so that nothing is guessed from their values."""
    with path.open(encoding=encoding_of(path), newline="") as file:
        return next(csv.reader(file), [])


def _parquet(path: Path, size: int) -> Iterator[Any]:
    file = needed("pyarrow.parquet").ParquetFile(path)
    columns = _columns(file.schema_arrow.names)
    for batch in file.iter_batches(batch_size=size, columns=list(columns.values())):
        yield _renamed(batch, columns)


def _columns(names: list[str]) -> dict[str, str]:
    """Our name of each column -> the file's, which may differ in case and blanks."""
    known = {name.strip().lstrip("\ufeff").lower(): name for name in names}
    if "record_id" not in known:
        raise Refusal("field-missing", field="record_id")
    if not {"name", "given_name", "family_name"} & set(known):
        raise Refusal("field-missing", field="name")
    return {name: known[name] for name in (*COLUMNS, *OPTIONAL) if name in known}


def _renamed(batch: Any, columns: dict[str, str]) -> Any:
    return batch.select(list(columns.values())).rename_columns(list(columns))


def _regrouped(found: Iterator[Any], size: int) -> Iterator[list[Row]]:
    """Row batches of equal size, whatever the file's own were, so that a step that was cut short can go on."""
    held: list[Row] = []
    for batch in found:
        columns = {name: [_text(value) for value in batch.column(name).to_pylist()] for name in batch.schema.names}
        columns |= {name: [""] * batch.num_rows for name in COLUMNS if name not in columns}
        held += (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
        while len(held) >= size:
            yield held[:size]
            held = held[size:]
    if held:
        yield held


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # a number column with gaps
    text = str(value).strip()
    return "" if text.lower() in _NOTHING else text


def _first_line(error: Exception) -> str:
    # Readers quote the row they stumble over; only what comes before it is said.
    return str(error).splitlines()[0].partition(": ")[0][:160]
