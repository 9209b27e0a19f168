"""The keys, pairs, levels and bits of a linkage on Apache Spark instead of DuckDB: for what one machine cannot hold.

The SQL is the same text (`bulk.sql`), put into Spark's dialect. What is kept of the pairs is small, so that the
decision is made by DuckDB as always. Needs the extra `spark` and Java 17 or newer.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from yima.mpi.bulk import sql
from yima.mpi.bulk.engine import needed
from yima.mpi.model import Model
from yima.runtime.errors import Refusal

_DIALECT: Final = (
    (
        r"len\(list_filter\(range\(1, (length\([lr]\.\w+\)) \+ 1\), lambda i: (.*?)\)\) = 1",
        r"size(filter(sequence(1, \1), i -> \2)) = 1",
    ),
    (r"list_has_any\(", "arrays_overlap("),
    (r"list_has_all\(([\w.]+), ([\w.]+)\)", r"(size(array_except(\2, \1)) = 0)"),
    (r"list_intersect\(", "array_intersect("),
    (r"list_contains\(", "array_contains("),
    (r"starts_with\(", "startswith("),
    (r"ends_with\(", "endswith("),
    (r"\blen\(", "size("),
    (r"\(([^()]*(?:\([^()]*\)[^()]*)*)\)::INT", r"int(\1)"),
    (r"('[^']*'|[0-9.]+)::DOUBLE", r"double(\1)"),
    (r"(\w+)\[(\d+):(\d+)\]", lambda found: f"substring({found[1]}, {found[2]}, {int(found[3]) - int(found[2]) + 1})"),
    (r"unnest\((\w+)\)(.*?) FROM people", r"item\2 FROM people LATERAL VIEW explode(\1) items AS item"),
    (r", 'g'\)", ")"),
)  # fmt: skip
"""DuckDB's way of saying -> Spark's, in order. Only what our own constants use."""
_HUGE: Final = "-XX:-DontCompileHugeMethods"

_PAIRS: Final = """SELECT DISTINCT pair.a, pair.b FROM (
  SELECT explode(flatten(transform(held, a -> transform(filter(held, b -> b > a), b -> struct(a, b))))) AS pair
  FROM (SELECT collect_list(n) AS held FROM drafted GROUP BY rule, key HAVING count(*) BETWEEN 2 AND {most}))"""
"""Every two records of one key: one exchange by key, and one to find each pair once."""


def in_spark(query: str) -> str:
    """A query of `bulk.sql` in Spark's dialect."""
    for pattern, words in _DIALECT:
        query = re.sub(pattern, words, query)
    return query


def session(scratch: Path, memory: str, workers: int, records: int) -> Any:
    """A Spark of this machine, or the cluster that MASTER names. Refusals `extra-missing`, `engine-not-ready`."""
    spark_sql = needed("pyspark.sql", "spark")
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        raise Refusal("engine-not-ready", engine="spark", reason="there is no Java on this machine")
    builder = spark_sql.SparkSession.builder.appName("yima link")
    if "MASTER" not in os.environ:
        builder = builder.master(f"local[{workers}]").config("spark.driver.memory", memory.lower().removesuffix("b"))
        builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
    settings = {
        "spark.ui.enabled": "false", "spark.local.dir": str(scratch / "spark"), "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": str(scratch / "warehouse"), "spark.sql.parquet.compression.codec": "zstd",
        # So many parts that none is large; Spark puts small ones together (adaptive execution).
        "spark.sql.shuffle.partitions": str(max(workers * 4, 1 + records // 20_000)),
        # The levels are one large expression: Java runs methods of that size 20 times slower unless told otherwise.
        "spark.driver.extraJavaOptions": _HUGE, "spark.executor.extraJavaOptions": _HUGE,
    }  # fmt: skip
    for name, value in settings.items():
        builder = builder.config(name, value)
    try:
        return builder.getOrCreate()
    except Exception as error:  # py4j, Java and network each have their own
        raise Refusal("engine-not-ready", engine="spark", reason=type(error).__name__) from error


def score(  # noqa: PLR0913  what the DuckDB engine gets by its connection
    shards: Path, folder: Path, model: Model, kept: str, most: int, *,
    memory: str, workers: int, records: int, progress: Callable[[str, float], None],
) -> dict[str, int]:  # fmt: skip
    """`scored-<k>.parquet` and `counted-00000.parquet` in `folder`, as `linking.score` writes them; large keys by rule.

    `kept` selects what is kept from the judged pairs; `most` records of one key are compared.
    """
    spark = session(shards, memory, workers, records)
    try:
        spark.sparkContext.setLogLevel("ERROR")
        _people(spark, shards, folder, model)
        # Each step is written before the next reads it: Spark would otherwise make the keys again for either side of a
        # join, and put the expression of a level wherever the level is named.
        large = _keys(spark, folder, most)
        progress("keys", 1.0)
        _staged(spark, _PAIRS.format(most=most), folder, "candidates")
        progress("pairs", 0.3)
        _staged(spark, in_spark(sql.levels("candidates")), folder, "levelled")
        progress("pairs", 0.8)
        judged = sql.judged(sql.scored("SELECT * FROM levelled", model), model)
        _write(spark, in_spark(kept.format(judged=judged)), folder, "scored")
        _write(spark, "SELECT count(*) AS pairs FROM candidates", folder, "counted")
        for made in folder.glob("*.spark"):
            shutil.rmtree(made)
        progress("pairs", 1.0)
        return large
    finally:
        spark.stop()


def _people(spark: Any, shards: Path, folder: Path, model: Model) -> None:
    spark.read.parquet(*map(str, sorted(shards.glob("people-*.parquet")))).createOrReplaceTempView("shards")
    names = [(name, model.bits("name", "exact", name)) for name in model.names.frequency]
    spark.createDataFrame(names or [("", 0.0)], "name string, bits double").createOrReplaceTempView("known_names")
    rare = model.bits("name", "exact")
    named = f"""SELECT p.*, coalesce(c.bits, double('{rare!r}')) AS exact_bits
      FROM shards p LEFT JOIN known_names c ON p.name = c.name"""
    _staged(spark, named, folder, "people")


def _keys(spark: Any, folder: Path, most: int) -> dict[str, int]:
    """Make the view `drafted` (rule, key, n) of all keys; the number of large ones by rule."""
    rules = {**sql.KEYS, **sql.WIDER}
    drafted = " UNION ALL ".join(
        f"SELECT '{rule}' AS rule, xxhash64('{rule}', q.value) AS key, q.n FROM ({in_spark(query)}) AS q(n, value)"
        for rule, query in rules.items()
    )
    _staged(spark, drafted, folder, "drafted")
    counted = spark.sql(
        f"""SELECT rule, count(*) FROM (SELECT rule, key FROM drafted GROUP BY rule, key HAVING count(*) > {most})
          GROUP BY rule"""
    ).collect()
    return {row[0]: int(row[1]) for row in counted}


def _staged(spark: Any, query: str, folder: Path, name: str) -> None:
    """The rows of a query in a folder of their own, and a view of that name."""
    made = str(folder / f"{name}.spark")
    spark.sql(query).write.mode("overwrite").parquet(made)
    spark.read.parquet(made).createOrReplaceTempView(name)


def _write(spark: Any, query: str, folder: Path, name: str) -> None:
    """The rows of a query as `<name>-<k>.parquet`; a folder that Spark writes holds other files too."""
    made = folder / f"{name}.spark"
    spark.sql(query).write.mode("overwrite").option("compression", "zstd").parquet(str(made))
    for k, part in enumerate(sorted(made.glob("part-*.parquet"))):
        part.replace(folder / f"{name}-{k:05d}.parquet")
    shutil.rmtree(made)
