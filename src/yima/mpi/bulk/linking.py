"""The steps of a bulk linkage: keys, candidate pairs, levels and bits in SQL, then the decision. The scored pairs are
kept as Parquet in the output folder; what is there is not made again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

from yima.mpi.bulk import sql
from yima.mpi.bulk.asking import HOME, OWN_NAME, asked
from yima.mpi.bulk.clusters import Edge, Member, Rivals, components, sensible, unrivalled
from yima.mpi.bulk.engine import keep, needed, one, quoted, rows
from yima.mpi.model import Model
from yima.mpi.score import probability
from yima.runtime.errors import Refusal

MOST_PER_KEY: Final = 200
"""Records under one key that are compared with each other; a larger key says nothing and is reported."""
RECORDS_PER_STEP: Final = 1_250_000
"""Each step reads all people twice (who is on either side), so that small ones would cost the square of a population;
the pairs of one of this size with what is compared of them take less than a gigabyte, or spill."""
_DOUBTFUL: Final = "(twinlike OR (number_level IN ('same', 'document') AND birth_level IN ('year', 'different')))"
_ALIKE: Final = "number_level IN ('same', 'document') AND name_level IN ('sound', 'shape')"
_SISTER: Final = f"number_level = 'other' AND sex_level = 'same' AND {HOME}"
_KEY: Final = "xor(hash(value || '|{rule}'), hash(reverse(value)))"
"""DuckDB's hash alone gives one in a thousand values of one pattern (a date, a county) the hash of another."""
_NOT_TWO: Final = """SELECT a, b FROM drafted JOIN told l ON l.n = a JOIN told r ON r.n = b
  WHERE coalesce(l.number = r.number OR l.birth = r.birth, TRUE)"""
"""Most pairs of a large population have two valid numbers and two birth dates: vetoed, and nobody's of one name and
day (`OWN_NAME`), so that `kept` would leave them out after all had been compared."""
RULES: Final = f"{OWN_NAME} {_KEY} {MOST_PER_KEY} {RECORDS_PER_STEP} {sql.KEYS} {sql.WIDER}"
"""All that the scored pairs depend on beside the model and the columns."""
Progress = Callable[[str, float], None]
"""Called with the name of a step and the share of it that is done."""


class Linked(NamedTuple):
    """Counts of a linkage."""

    records: int
    candidates: int
    automatic: int
    review: int
    clusters: int
    """Clusters of at least two records."""
    clear: int
    """Pairs that met the strict rule, before rivals and contradictions were looked at."""
    large_keys: dict[str, int]
    """Rule -> keys with more than `MOST_PER_KEY` records."""


def load(connection: Any, folder: Path, model: Model) -> int:
    """Make the table `people` of the shards, with the weight of each name. The number of records."""
    connection.execute("CREATE OR REPLACE TABLE known_names (name VARCHAR, bits DOUBLE)")
    arrow = needed("pyarrow")
    common = arrow.table(
        {
            "name": arrow.array(list(model.names.frequency), arrow.string()),
            "bits": arrow.array([model.bits("name", "exact", name) for name in model.names.frequency], arrow.float64()),
        }
    )
    connection.register("common_names", common)
    connection.execute(f"""CREATE OR REPLACE TABLE people AS SELECT p.*,
      coalesce(c.bits, {sql.literal(model.bits("name", "exact"))}) AS exact_bits
      FROM read_parquet({quoted(folder / "people-*.parquet")}) p LEFT JOIN common_names c USING (name)""").fetchall()
    connection.unregister("common_names")
    total = int(one(connection, "SELECT count(*) FROM people"))
    if total != one(connection, "SELECT count(DISTINCT record_id) FROM people"):
        raise Refusal("field-invalid", field="record_id", expected="each id once")
    return total


def block(connection: Any, progress: Progress) -> dict[str, int]:
    """Make the table `keys` of the keys that at least two records share; large ones per rule."""
    connection.execute("CREATE OR REPLACE TABLE keys (key UBIGINT, n INTEGER)").fetchall()
    large = {}
    rules = {**sql.KEYS, **sql.WIDER}
    for done, (rule, query) in enumerate(rules.items(), start=1):
        connection.execute(f"""CREATE OR REPLACE TEMP TABLE drafted AS
          SELECT {_KEY.format(rule=rule)} AS key, n::INTEGER AS n FROM ({query}) AS q(n, value)""").fetchall()
        connection.execute("""CREATE OR REPLACE TEMP TABLE together AS
          SELECT key, count(*) AS many FROM drafted GROUP BY key HAVING count(*) > 1""").fetchall()
        large[rule] = one(connection, f"SELECT count(*) FROM together WHERE many > {MOST_PER_KEY}")
        connection.execute(f"""INSERT INTO keys SELECT key, n FROM drafted SEMI JOIN
          (SELECT key FROM together WHERE many <= {MOST_PER_KEY}) USING (key)""").fetchall()
        progress("keys", done / len(rules))
    connection.execute("DROP TABLE drafted").fetchall()
    connection.execute("DROP TABLE together").fetchall()
    return {rule: count for rule, count in large.items() if count}


def kept(model: Model) -> str:
    """The query that keeps of `{judged}` what is clear, worth asking about, a rival, or somebody of the same name."""
    bounds = sql.literal(model.thresholds.review)
    return f"""SELECT a, b, bits, probability, name_level, birth_level, number_level, sex_level, household_level,
      clear, twinlike, FALSE AS doubted, mother, relative,
      mother OR (NOT relative AND probability >= {bounds}) AS asking, {OWN_NAME} AS own_name,
      NOT veto AND (clear OR mother OR probability >= {bounds}) AS counts
      FROM ({{judged}}) WHERE (NOT veto AND (clear OR mother OR probability >= {bounds})) OR ({OWN_NAME})"""


def score(connection: Any, folder: Path, records: int, model: Model, progress: Progress) -> None:
    """`scored-<k>.parquet` with every pair that is clear, worth asking about, or a rival; `counted-<k>.parquet`."""
    folder.mkdir(parents=True, exist_ok=True)
    connection.execute("""CREATE OR REPLACE TEMP TABLE told AS SELECT n, hash(birth) AS birth,
      CASE WHEN number_class = 'valid' THEN hash(number) END AS number FROM people""").fetchall()
    starts = range(0, records, RECORDS_PER_STEP)
    for k, start in enumerate(starts):
        path = folder / f"scored-{k:05d}.parquet"
        if not path.exists():
            pairs = f"""(SELECT DISTINCT x.n AS a, y.n AS b FROM keys x JOIN keys y ON x.key = y.key AND x.n < y.n
              WHERE x.n >= {start} AND x.n < {start + RECORDS_PER_STEP})"""
            connection.execute(f"CREATE OR REPLACE TEMP TABLE drafted AS SELECT * FROM {pairs}").fetchall()
            keep(connection, "SELECT count(*) AS pairs FROM drafted", folder / f"counted-{k:05d}.parquet")
            connection.execute(f"CREATE OR REPLACE TEMP TABLE candidates AS {_NOT_TWO}").fetchall()
            judged = sql.judged(sql.scored(sql.levels("candidates"), model), model)
            keep(
                connection,
                kept(model).format(judged=judged),
                path,
            )
        progress("pairs", (k + 1) / len(starts))


def decide(connection: Any, folder: Path, model: Model, progress: Progress) -> None:
    """Leaves the tables `scored`, `automatic` (a, b: the pairs that stay automatic) and `linked` (n, cluster)."""
    connection.execute(
        f"CREATE OR REPLACE VIEW judged AS SELECT * FROM read_parquet({quoted(folder / 'scored-*.parquet')})"
    ).fetchall()
    connection.execute("CREATE OR REPLACE TABLE scored AS SELECT * FROM judged WHERE counts").fetchall()
    # A number with a name only like its holder's, or with another birth date: where that name and birthday are also
    # somebody's without the number, it may be a twin who was given the sister's, or a namesake of that home.
    named = "(SELECT unnest([a, b]) FROM judged WHERE own_name)"
    doubted = f"(clear AND {_DOUBTFUL} AND (a IN {named} OR b IN {named}))"
    # A name that only sounds or looks like the holder's is the holder's, but where a sister of that home and birthday,
    # who has another number, is called so.
    sisters = f"(SELECT unnest([a, b]) FROM judged WHERE own_name AND {_SISTER})"
    doubted += f" OR (clear AND {_ALIKE} AND (a IN {sisters} OR b IN {sisters}))"
    connection.execute(f"UPDATE scored SET clear = FALSE, doubted = TRUE WHERE {doubted}").fetchall()
    # Two records that share nothing with a third have no rival and cannot contradict one: most pairs, never in memory.
    connection.execute("""CREATE OR REPLACE TEMP TABLE tangled AS
      SELECT n FROM (SELECT unnest([a, b]) AS n FROM scored) GROUP BY n HAVING count(*) > 1""").fetchall()
    connection.execute("""CREATE OR REPLACE TABLE alone AS SELECT a, b FROM scored WHERE clear
      AND a NOT IN (FROM tangled) AND b NOT IN (FROM tangled)""").fetchall()
    progress("decision", 0.3)
    kept = _untangled(connection, model)
    _clustered(connection, components(kept))
    connection.execute("INSERT INTO linked SELECT unnest([a, b]), a FROM alone").fetchall()
    table = {"a": [edge.a for edge in kept], "b": [edge.b for edge in kept]}
    _made(connection, "automatic", table)
    connection.execute("INSERT INTO automatic SELECT a, b FROM alone").fetchall()
    progress("decision", 1.0)


def _untangled(connection: Any, model: Model) -> list[Edge]:
    edges = [
        Edge(*row)
        for row in rows(
            connection,
            """SELECT a, b, bits, number_level IN ('same', 'document'), mother FROM scored
              ANTI JOIN alone USING (a, b) WHERE clear ORDER BY a, b""",
        )
    ]
    members = {
        row[0]: Member(*row[1:])
        for row in rows(
            connection,
            """SELECT n, CASE WHEN number_class = 'valid' THEN number ELSE '' END, birth_order,
              CASE WHEN birth_time <> '' THEN birth || ' ' || birth_time ELSE '' END FROM people
              SEMI JOIN (SELECT unnest([a, b]) AS n FROM scored ANTI JOIN alone USING (a, b) WHERE clear) USING (n)""",
        )
    }

    def led(kept: list[Edge]) -> list[Edge]:
        return unrivalled(kept, model.thresholds.margin, lambda clusters: _rivals(connection, clusters))

    return led(sensible(led(edges), members.__getitem__))  # what was taken apart may rival what is left


def _rivals(connection: Any, clusters: dict[int, int]) -> dict[int, Rivals]:
    _clustered(connection, clusters)
    found = rows(
        connection,
        """WITH sides AS (SELECT a AS n, b AS other, bits, mother FROM scored
             UNION ALL SELECT b, a, bits, mother FROM scored)
           SELECT s.n, max(s.bits), bool_or(s.mother) FROM sides s JOIN linked x ON x.n = s.n
           LEFT JOIN linked y ON y.n = s.other WHERE y.cluster IS NULL OR y.cluster <> x.cluster GROUP BY s.n""",
    )
    return {n: Rivals(bits, mother) for n, bits, mother in found}


def _clustered(connection: Any, clusters: dict[int, int]) -> None:
    _made(connection, "linked", {"n": list(clusters), "cluster": list(clusters.values())})


def _made(connection: Any, name: str, columns: dict[str, list[int]]) -> None:
    arrow = needed("pyarrow")
    table = arrow.table({column: arrow.array(values, arrow.int64()) for column, values in columns.items()})
    connection.register("given", table)
    connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM given").fetchall()
    connection.unregister("given")


def write(connection: Any, out: Path) -> None:
    """`pairs.parquet` and `clusters.parquet` (every record has a cluster; its id is the id of its first record)."""
    asked(connection)
    keep(
        connection,
        """SELECT l.record_id AS record_id_l, r.record_id AS record_id_r, s.bits AS score, s.probability, s.decision,
             name_level, birth_level, number_level, sex_level, household_level
           FROM (SELECT j.*, 'auto' AS decision FROM judged j SEMI JOIN automatic USING (a, b)
             UNION ALL SELECT j.*, 'review' FROM judged j SEMI JOIN asked USING (a, b)) s
           JOIN people l ON l.n = s.a JOIN people r ON r.n = s.b ORDER BY s.a, s.b""",
        out / "pairs.parquet",
    )
    keep(
        connection,
        """SELECT p.record_id, f.record_id AS cluster_id FROM people p LEFT JOIN linked c ON c.n = p.n
           JOIN people f ON f.n = coalesce(c.cluster, p.n) ORDER BY p.n""",
        out / "clusters.parquet",
    )


def counts(connection: Any, folder: Path, out: Path, records: int, large: dict[str, int]) -> Linked:
    """What was found."""
    decided = dict(
        rows(connection, f"SELECT decision, count(*) FROM read_parquet({quoted(out / 'pairs.parquet')}) GROUP BY 1")
    )
    candidates = one(connection, f"SELECT sum(pairs) FROM read_parquet({quoted(folder / 'counted-*.parquet')})")
    return Linked(
        records=records,
        candidates=int(candidates or 0),
        automatic=decided.get("auto", 0),
        review=decided.get("review", 0),
        clusters=one(connection, "SELECT count(DISTINCT cluster) FROM linked"),
        clear=one(connection, "SELECT count(*) FROM scored WHERE clear"),
        large_keys=large,
    )


def scores(connection: Any, pairs: str, model: Model) -> Iterator[tuple[int, int, tuple[str, ...], float]]:
    """Of a table of pairs (a, b): the levels and bits of each, as SQL gives them; for the proof against the core."""
    named = ", ".join(f"{name}_level" for name in sql.CONDITIONS)
    for a, b, bits, *found in rows(
        connection, f"SELECT a, b, bits, {named} FROM ({sql.scored(sql.levels(pairs), model)}) ORDER BY a, b"
    ):
        yield a, b, tuple(found), bits


__all__ = ["Linked", "Progress", "block", "counts", "decide", "load", "probability", "score", "scores", "write"]
