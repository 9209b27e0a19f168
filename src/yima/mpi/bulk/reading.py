"""The input: Parquet, or CSV in UTF-8 or GBK, read in batches of text. What is missing is refused."""

from __future__ import annotations

import codecs
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
BATCH: Final = 20_000
_CHUNK: Final = 1 << 22
_PARQUET: Final = b"PAR1"

Row = dict[str, str]


def batches(path: Path, size: int = BATCH) -> Iterator[list[Row]]:
    """The rows in order, `size` at a time; every value is text, '' where there is none.

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
    csv, arrow = needed("pyarrow.csv"), needed("pyarrow")
    text = arrow.string()
    reader = csv.open_csv(
        path,
        read_options=csv.ReadOptions(encoding=encoding_of(path), block_size=_CHUNK * 2),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys((*COLUMNS, *OPTIONAL), text), strings_can_be_null=False
        ),
    )
    columns = _columns(reader.schema.names)
    for batch in reader:
        yield batch.select(columns)


def _parquet(path: Path, size: int) -> Iterator[Any]:
    file = needed("pyarrow.parquet").ParquetFile(path)
    yield from file.iter_batches(batch_size=size, columns=_columns(file.schema_arrow.names))


def _columns(names: list[str]) -> list[str]:
    for column in COLUMNS:
        if column not in names:
            raise Refusal("field-missing", field=column)
    return [name for name in (*COLUMNS, *OPTIONAL) if name in names]


def _regrouped(found: Iterator[Any], size: int) -> Iterator[list[Row]]:
    """Row batches of equal size, whatever the file's own were, so that a step that was cut short can go on."""
    held: list[Row] = []
    for batch in found:
        columns = {name: [_text(value) for value in batch.column(name).to_pylist()] for name in batch.schema.names}
        held += (dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True))
        while len(held) >= size:
            yield held[:size]
            held = held[size:]
    if held:
        yield held


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value.strip() if isinstance(value, str) else str(value)


def _first_line(error: Exception) -> str:
    # Readers quote the row they stumble over; only what comes before it is said.
    return str(error).splitlines()[0].partition(": ")[0][:160]
