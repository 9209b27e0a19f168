"""DuckDB, where the extra `link` is installed: one connection with bounded memory. Imported lazily."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from yima.runtime.errors import Refusal


def needed(module: str, extra: str = "link") -> Any:
    """A module of an optional extra. Refusal `extra-missing` says how to install it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise Refusal("extra-missing", module=module.partition(".")[0], extra=extra) from error


def connect(scratch: Path, memory: str, threads: int) -> Any:
    """A DuckDB connection whose tables spill to `scratch`, with at most `memory` (such as `2GB`) held by it."""
    duckdb = needed("duckdb")
    scratch.mkdir(parents=True, exist_ok=True)
    try:
        return duckdb.connect(
            str(scratch / "work.duckdb"),
            config={
                "memory_limit": memory,
                "threads": threads,
                "temp_directory": str(scratch / "spill"),
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
            },
        )
    except duckdb.Error as error:
        raise Refusal("linkage-stopped", field="--memory or --out", reason=str(error).splitlines()[0]) from error


@contextlib.contextmanager
def told(field: str) -> Iterator[None]:
    """What the files or the engine stumble over, in words. Refusal `linkage-stopped`; of the engine's message only the
    kind, since it may quote a row."""
    try:
        yield
    except OSError as error:
        raise Refusal("linkage-stopped", field=field, reason=error.strerror or type(error).__name__) from error
    except Exception as error:
        duckdb = sys.modules.get("duckdb")
        if duckdb is None or not isinstance(error, duckdb.Error):
            raise
        raise Refusal("linkage-stopped", field=field, reason=str(error).partition(":")[0][:80]) from error


def rows(connection: Any, query: str, parameters: list[Any] | None = None) -> list[tuple[Any, ...]]:
    """All rows of a query: results are always read to the end."""
    return list(connection.execute(query, parameters or []).fetchall())


def one(connection: Any, query: str, parameters: list[Any] | None = None) -> Any:
    """The first value of the first row."""
    return rows(connection, query, parameters)[0][0]


def keep(connection: Any, query: str, path: Path) -> None:
    """Write a query's rows as Parquet, all or nothing: a file with its final name is whole."""
    part = path.with_suffix(".part")
    connection.execute(f"COPY ({query}) TO {quoted(part)} (FORMAT parquet, COMPRESSION zstd)").fetchall()
    part.replace(path)


def quoted(path: Path | str) -> str:
    """A path as SQL text."""
    return "'" + str(path).replace("'", "''") + "'"
