"""The input: Parquet, or CSV in UTF-8 or GBK, read in batches of text. A file without ids or names is refused; any
other column that is missing counts as unknown in every row."""

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
_NOTHING: Final = frozenset({"nan", "none", "null", "<na>", "nat", "\\n"})
"""How programs write an empty cell."""
_LONGEST_NOTHING: Final = max(map(len, _NOTHING))
BATCH: Final = 20_000
_CHUNK: Final = 1 << 22
_PARQUET: Final = b"PAR1"

Row = dict[str, str]


def tables(path: Path, size: int = BATCH) -> Iterator[Any]:
    """The input in order, `size` rows at a time, as Arrow record batches.

    Every column is text, '' where there is none, by its different values (a dictionary of Arrow); no column of
    `COLUMNS` is missing. Refusals: `input-unreadable` (no such file, neither UTF-8 nor GBK, not a table),
    `field-missing` (a column).
    """
    if not path.is_file():
        raise Refusal("input-unreadable", field=path.name, reason="there is no such file")
    arrow = needed("pyarrow")
    with path.open("rb") as file:
        parquet = file.read(4) == _PARQUET
    try:
        for batch in _regrouped(_parquet(path, size) if parquet else _csv(path), size):
            columns = {name: _texts(batch.column(name)) for name in batch.schema.names}
            nothing = arrow.repeat("", batch.num_rows).dictionary_encode()
            columns |= {name: nothing for name in COLUMNS if name not in columns}
            yield arrow.RecordBatch.from_pydict(columns)
    # Beside its own: a time zone nobody knows, a moment finer or further than Python's.
    except (arrow.ArrowException, UnicodeError, KeyError, ValueError, OverflowError) as error:
        raise Refusal("input-unreadable", field=path.name, reason=_first_line(error)) from error


def batches(path: Path, size: int = BATCH) -> Iterator[list[Row]]:
    """The same as rows."""
    for batch in tables(path, size):
        yield batch.to_pylist()


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
    table, text = needed("pyarrow.csv"), needed("pyarrow").string()
    encoding = encoding_of(path)

    def opened(names: list[str]) -> Any:
        return table.open_csv(
            path,
            read_options=table.ReadOptions(encoding=encoding, block_size=_CHUNK * 2),
            parse_options=table.ParseOptions(newlines_in_values=True),
            convert_options=table.ConvertOptions(column_types=dict.fromkeys(names, text), strings_can_be_null=False),
        )

    # Opened twice: all columns are read as text, under the names as this reader has them (without the mark of UTF-8),
    # so that nothing is guessed from values. An id of 007 is not 7.
    with opened([]) as first:
        names = first.schema.names
    reader, columns = opened(names), _columns(names)
    for batch in reader:
        yield _renamed(batch, columns)


def _parquet(path: Path, size: int) -> Iterator[Any]:
    file = needed("pyarrow.parquet").ParquetFile(path)
    columns = _columns(file.schema_arrow.names)
    for batch in file.iter_batches(batch_size=size, columns=list(columns.values())):
        yield _renamed(batch, columns)


def _columns(names: list[str]) -> dict[str, str]:
    """Our name of each column -> the file's, which may differ in case and blanks."""
    known = dict[str, str]()
    for name in names:
        ours = name.strip().lstrip("\ufeff").lower()
        if ours in known and ours in (*COLUMNS, *OPTIONAL):
            raise Refusal("field-invalid", field=ours, expected="one column of this name")
        known[ours] = name
    if "record_id" not in known:
        raise Refusal("field-missing", field="record_id")
    if not {"name", "given_name", "family_name"} & set(known):
        raise Refusal("field-missing", field="name")
    return {name: known[name] for name in (*COLUMNS, *OPTIONAL) if name in known}


def _renamed(batch: Any, columns: dict[str, str]) -> Any:
    return batch.select(list(columns.values())).rename_columns(list(columns))


def _regrouped(found: Iterator[Any], size: int) -> Iterator[Any]:
    """Batches of equal size, whatever the file's own were, so that a step that was cut short can go on."""
    arrow = needed("pyarrow")
    held: list[Any] = []
    for batch in found:
        held.append(batch)
        whole = arrow.Table.from_batches(held)
        while whole.num_rows >= size:
            yield whole.slice(0, size).combine_chunks().to_batches()[0]
            whole = whole.slice(size)
        held = whole.to_batches()
    if held:
        yield from arrow.Table.from_batches(held).combine_chunks().to_batches()


def _texts(column: Any) -> Any:
    """A column as text by its different values."""
    arrow = needed("pyarrow")
    if arrow.types.is_nested(column.type):
        raise arrow.ArrowInvalid(f"a column of {str(column.type)[:40]}, which is no text")
    if arrow.types.is_binary(column.type) or arrow.types.is_large_binary(column.type):
        column = column.cast(arrow.string())  # text of programs that do not say so; other bytes are an error
    if arrow.types.is_string(column.type):
        column = column.fill_null("")
    else:  # numbers and dates, of Parquet
        column = arrow.array([_text(value) for value in column.to_pylist()], arrow.string())
    found = column.dictionary_encode()
    values = arrow.array([_text(value) for value in found.dictionary.to_pylist()], arrow.string())
    return arrow.DictionaryArray.from_arrays(found.indices, values)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # a number column with gaps
    text = str(value).strip()
    return "" if len(text) <= _LONGEST_NOTHING and text.lower() in _NOTHING else text


def _first_line(error: Exception) -> str:
    # Readers quote the row they stumble over; only what comes before it is said.
    return (str(error).splitlines() or [type(error).__name__])[0].partition(": ")[0][:160]
