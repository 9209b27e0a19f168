"""`report.json` and `report.md`: what a linkage or a training found, for people and for programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from yima.mpi.bulk.engine import quoted, rows

_TOLD: Final = 20


def issues(connection: Any, files: Path) -> list[tuple[str, str, int]]:
    """Column, problem, number of records; the most frequent first."""
    found = rows(
        connection,
        f"""SELECT "column", problem, count(*) FROM read_parquet({quoted(files)})
          GROUP BY ALL ORDER BY 3 DESC, 1, 2""",
    )
    return [(str(column), str(problem), int(count)) for column, problem, count in found]


def levels(connection: Any, pairs: Path) -> list[tuple[str, str, str, int]]:
    """Comparison, level, decision, number of pairs."""
    names = ("name", "birth", "number", "sex", "household")
    query = " UNION ALL ".join(
        f"SELECT {at}, '{name}', {name}_level, decision, count(*) FROM read_parquet({quoted(pairs)}) GROUP BY ALL"
        for at, name in enumerate(names)
    )
    return [tuple(row[1:]) for row in rows(connection, f"SELECT * FROM ({query}) ORDER BY 1, 4, 5 DESC")]


def write(out: Path, told: dict[str, Any]) -> None:
    """Both files. `told` holds no names, numbers or phones: only counts, weights and file names."""
    (out / "report.json").write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    (out / "report.md").write_text("\n".join(_page(told)) + "\n", encoding="utf-8")


def _page(told: dict[str, Any]) -> list[str]:
    lines = [f"# Linkage of {told['input']}", "", f"Model {told['model']}, {told['seconds']} s.", ""]
    lines += _table(("what", "count"), [(name, f"{count:,}") for name, count in told["counts"].items()])
    if told.get("large_keys"):
        lines += ["", "## Keys of too many records (not compared by this key alone)", ""]
        lines += _table(("rule", "keys"), list(told["large_keys"].items()))
    if told.get("issues"):
        lines += ["", "## What is wrong with the input (issues.parquet names the records)", ""]
        lines += _table(("column", "problem", "records"), told["issues"][:_TOLD])
    if told.get("levels"):
        lines += ["", "## At which levels the pairs agree", ""]
        lines += _table(("comparison", "level", "decision", "pairs"), told["levels"])
    if told.get("differences"):
        lines += ["", "## The trained model against the present one (bits a level)", ""]
        rows_ = [(name, f"{old:.3f}", f"{new:.3f}") for name, (old, new) in told["differences"].items()]
        lines += _table(("level", "present", "trained"), rows_)
        lines += ["", f"Kept from the present model, not seen in the data: {', '.join(told['kept']) or 'nothing'}."]
    lines += ["", *told.get("notes", ())]
    return lines


def _table(head: tuple[str, ...], body: list[Any]) -> list[str]:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in body]
