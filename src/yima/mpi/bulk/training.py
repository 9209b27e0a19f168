"""A model from the deployment's own data: m by Splink's EM on DuckDB, u from random pairs and from pair counts.

Splink leaves the u of number, phone and address untrained on large data and only warns; here every u is set before it
starts, and what it then could not train is kept from the present model and named, or refused.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from yima.mpi.bulk import sql
from yima.mpi.bulk.engine import needed, one, rows
from yima.mpi.compare import LEVELS
from yima.mpi.model import Model, Names, Weight
from yima.runtime.errors import Refusal

_SAMPLE: Final = 1_500
"""Records drawn on each side: two million random pairs."""
_TRUSTED: Final = {"name": 1e6, "birth": 1e6, "sex": 1e4, "number": 1e9, "household": 1e9}
"""For how many pairs the present model's u counts: a level that a sample never shows is rare, not impossible."""
_M_TRUSTED: Final = 200.0
_LEAST: Final = 1e-13
_NAMES_KEPT: Final = 5_000
_NAME_SEEN: Final = 20
_PAIRS_PER_SESSION: Final = 2e6
_SESSIONS: Final = (
    ("number", "l.number = r.number AND l.number <> ''"),
    ("name and birth date", "l.name_ordered = r.name_ordered AND l.birth = r.birth AND l.name_ordered <> ''"),
    ("document", "l.documents = r.documents AND len(l.documents) > 0"),
    ("phone", "l.phones = r.phones AND len(l.phones) > 0"),
)
_UNKNOWN: Final = {
    "number": "NOT (l.number <> '' AND r.number <> '') AND NOT list_has_any(l.kinds, r.kinds)",
    "household": "NOT (len(l.phones) > 0 AND len(r.phones) > 0) AND NOT (l.area <> '' AND r.area <> '') "
    "AND NOT (l.address <> '' AND l.address = r.address) AND NOT (l.site <> '' AND l.site = r.site)",
}
_SURELY_TWO: Final = """(number_level = 'other' OR (name_level IN ('surname', 'different')
  AND birth_level IN ('year', 'different') AND number_level <> 'same'))"""


class Trained(NamedTuple):
    """A model and how it came to be."""

    model: Model
    kept: list[str]
    """`comparison.level` whose m the data did not show: the present model's."""
    sessions: dict[str, int]
    """EM session -> pairs it saw."""


def train(
    connection: Any, records: int, present: Model, version: str, made: str, progress: Callable[[str, float], None]
) -> Trained:
    """A model trained on the table `people`. `version` and `made` (date) name it.

    Refusal `training-too-little` when the data has no pairs from which agreement could be learnt.
    """
    us, said = _u(connection, records, present)
    progress("training", 0.4)
    sessions = {
        name: int(one(connection, f"SELECT count(*) FROM people l JOIN people r ON {rule} AND l.n < r.n"))
        for name, rule in _SESSIONS
    }
    usable = [rule for name, rule in _SESSIONS if sessions[name] >= 100]
    if len(usable) < 2:
        raise Refusal("training-too-little", field="--input")
    seen = _m(connection, usable, us, present)
    progress("training", 0.9)
    kept, comparisons = [], {}
    for name, levels in LEVELS.items():
        trained = {level: seen[name].get(level) for level in levels}
        if trained[levels[0]] is None and name in said:
            raise Refusal("training-too-little", field=name)
        kept += [f"{name}.{level}" for level, m in trained.items() if m is None]
        # A level that is rare in the data is drawn towards the present model, as if that had seen some pairs.
        pairs = float(max(sessions.values()))
        old = present.comparisons[name]
        raw = {
            level: old[level].m * _M_TRUSTED / (pairs + _M_TRUSTED)
            if m is None
            else (m * pairs + old[level].m * _M_TRUSTED) / (pairs + _M_TRUSTED)
            for level, m in trained.items()
        }
        total = sum(raw.values())
        comparisons[name] = {level: Weight(m=max(raw[level] / total, 1e-6), u=us[name][level]) for level in levels}
    model = Model(
        version=version, normaliser=present.normaliser, made=made, by=f"splink {needed('splink').__version__}, duckdb",
        note=f"Trained on {records} records. Kept from {present.version}: {', '.join(kept) or 'nothing'}.",
        prior=_prior(connection, records), comparisons=comparisons,
        names=_names(connection, records, us["name"]["exact"]),
        thresholds=present.thresholds,
    )  # fmt: skip
    progress("training", 1.0)
    return Trained(model, kept, sessions)


def _u(connection: Any, records: int, present: Model) -> tuple[dict[str, dict[str, float]], set[str]]:
    """The u of every level, and the comparisons of which the data says anything at all."""
    connection.execute(f"""CREATE OR REPLACE TEMP TABLE drawn AS
      SELECT n, row_number() OVER (ORDER BY hash(n + 7919)) AS at FROM people
      ORDER BY hash(n + 7919) LIMIT {2 * _SAMPLE}""").fetchall()
    connection.execute("""CREATE OR REPLACE TEMP TABLE random_pairs AS SELECT least(x.n, y.n) AS a,
      greatest(x.n, y.n) AS b FROM drawn x JOIN drawn y ON x.at <= (SELECT count(*) FROM drawn) // 2
      AND y.at > (SELECT count(*) FROM drawn) // 2""").fetchall()
    found: dict[str, dict[str, float]] = {}
    grouped = ", ".join(f"{name}_level" for name in LEVELS)
    table = rows(connection, f"SELECT {grouped}, count(*) FROM ({sql.levels('random_pairs')}) GROUP BY ALL")
    for at, (name, levels) in enumerate(LEVELS.items()):
        counted = {level: float(sum(row[-1] for row in table if row[at] == level)) for level in levels}
        found[name] = counted
    known = {name: sum(levels.values()) for name, levels in found.items()}
    drawn = sum(row[-1] for row in table)
    every = records * (records - 1) / 2
    # Rare levels among all pairs, counted where they must show: under one number, phone, address or house.
    shared = _shared(connection)
    for name, rare in (
        ("number", ("same", "document")),
        ("household", ("both", "phone", "address", "site", "elsewhere")),
    ):
        pairs = every * known[name] / max(drawn, 1)
        scale = pairs / max(known[name], 1.0)
        found[name] = {level: count * scale for level, count in found[name].items()}
        found[name].update({level: float(shared.get((name, level), 0)) for level in rare})
    smoothed = {name: _smoothed(levels, present.comparisons[name], _TRUSTED[name]) for name, levels in found.items()}
    return smoothed, {name for name, pairs in known.items() if pairs}


def _smoothed(counts: dict[str, float], old: dict[str, Weight], trusted: float) -> dict[str, float]:
    total = sum(counts.values()) + trusted
    return {level: max((count + old[level].u * trusted) / total, _LEAST) for level, count in counts.items()}


def _shared(connection: Any) -> dict[tuple[str, str], int]:
    """How many pairs of surely two people share a number, document, phone, address or house."""
    groups = (
        "SELECT n, number AS v FROM people WHERE number <> ''",
        "SELECT n, unnest(documents) FROM people",
        "SELECT n, unnest(phones) FROM people",
        "SELECT n, area || address FROM people WHERE address <> ''",
        "SELECT n, address FROM people WHERE address <> ''",
        "SELECT n, area || site FROM people WHERE site <> ''",
    )
    pairs = " UNION ".join(
        f"""SELECT x.n, y.n FROM (SELECT * FROM ({group}) g(n, v)
          QUALIFY count(*) OVER (PARTITION BY v) BETWEEN 2 AND 60) x
          JOIN ({group}) y(n, v) ON x.v = y.v AND x.n < y.n"""
        for group in groups
    )
    connection.execute(f"CREATE OR REPLACE TEMP TABLE sharing AS SELECT * FROM ({pairs}) q(a, b)").fetchall()
    table = rows(
        connection,
        f"""SELECT number_level, household_level, count(*) FROM ({sql.levels("sharing")})
          WHERE {_SURELY_TWO} OR (number_level = 'same' AND name_level IN ('surname', 'different')
            AND birth_level IN ('year', 'different')) GROUP BY ALL""",
    )
    found: dict[tuple[str, str], int] = {}
    for number, household, count in table:
        for key in (("number", number), ("household", household)):
            found[key] = found.get(key, 0) + count
    return found


def _m(
    connection: Any, rules: list[str], us: dict[str, dict[str, float]], present: Model
) -> dict[str, dict[str, float]]:
    splink, backend = needed("splink"), needed("splink.backends.duckdb")
    connection.execute("CREATE OR REPLACE VIEW training_people AS SELECT * FROM people").fetchall()
    settings = {
        "link_type": "dedupe_only",
        "unique_id_column_name": "n",
        # Among the pairs of a session, which agree on much already; Splink cannot tell how much.
        "probability_two_random_records_match": 0.5,
        "blocking_rules_to_generate_predictions": [],
        "comparisons": [_comparison(name, us[name], present) for name in LEVELS],
        "retain_matching_columns": False,
    }
    heard: list[str] = []
    listener = _Listener(heard)
    logger = logging.getLogger("splink")
    logger.addHandler(listener)
    propagate, logger.propagate = logger.propagate, False
    try:
        api = backend.DuckDBAPI(connection=connection)
        linker = splink.Linker(api.register("training_people"), settings, log_level=logging.WARNING)
        for rule in rules:
            linker.training.estimate_parameters_using_expectation_maximisation(
                rule, max_pairs=_PAIRS_PER_SESSION, record_sample_proportion=1.0
            )
        saved = linker.misc.save_model_to_json()
    finally:
        logger.removeHandler(listener)
        logger.propagate = propagate
    if any("u values not fully trained" in text or "u_probability" in text for text in heard):
        raise Refusal("training-too-little", field="u")
    return {
        comparison["output_column_name"]: {
            level["label_for_charts"]: level["m_probability"]
            for level in comparison["comparison_levels"]
            if not level.get("is_null_level") and isinstance(level.get("m_probability"), float)
        }
        for comparison in saved["comparisons"]
    }


class _Listener(logging.Handler):
    def __init__(self, heard: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._heard = heard

    def emit(self, record: logging.LogRecord) -> None:
        self._heard.append(record.getMessage())


def _comparison(name: str, us: dict[str, float], present: Model) -> dict[str, Any]:
    conditions = dict(sql.CONDITIONS[name])
    unknown = sql.for_splink(_UNKNOWN.get(name, conditions.get("unknown", "FALSE")))
    order = [level for level, _ in sql.CONDITIONS[name] if level != "unknown"]
    order += [level for level in LEVELS[name] if level not in order]
    levels: list[dict[str, Any]] = [{"sql_condition": unknown, "label_for_charts": "unknown", "is_null_level": True}]
    for level in order:
        last = level == order[-1]
        levels.append(
            {
                "sql_condition": "ELSE" if last else sql.for_splink(conditions[level]),
                "label_for_charts": level,
                "m_probability": present.comparisons[name][level].m,
                "u_probability": us[level],
                "fix_u_probability": True,
            }
        )
    return {"output_column_name": name, "comparison_levels": levels}


def _names(connection: Any, records: int, same: float) -> Names:
    """Frequencies of the names that many have; of the others the chance that two people share one."""
    common = rows(
        connection,
        f"""SELECT name, count(*) FROM people WHERE name <> '' GROUP BY name HAVING count(*) >= {_NAME_SEEN}
          ORDER BY 2 DESC, 1 LIMIT {_NAMES_KEPT}""",
    )
    frequency = {name: count / records for name, count in common}
    rare = one(
        connection,
        f"""SELECT coalesce(sum(c * c)::DOUBLE / nullif(sum(c), 0), 1) / {records} FROM
          (SELECT count(*) AS c FROM people WHERE name <> '' GROUP BY name HAVING count(*) < {_NAME_SEEN})""",
    )
    if records < 100_000:  # too few to say how common each name is: the share of random pairs with one name, for all
        return Names(rare=same)
    return Names(rare=min(max(float(rare), 1e-9), 0.01), frequency=frequency)


def _prior(connection: Any, records: int) -> float:
    """Pairs of one number, or of one name, birth date, sex and phone, as a share of all pairs."""
    # One equality a join: an OR between them would compare everybody with everybody.
    found = one(
        connection,
        """SELECT count(*) FROM (
          SELECT l.n, r.n FROM people l JOIN people r ON l.number = r.number AND l.n < r.n WHERE l.number <> ''
          UNION SELECT l.n, r.n FROM people l JOIN people r ON l.documents = r.documents AND l.n < r.n
            WHERE len(l.documents) > 0
          UNION SELECT l.n, r.n FROM people l JOIN people r ON l.name_ordered = r.name_ordered AND l.birth = r.birth
            AND l.sex = r.sex AND l.n < r.n AND list_has_any(l.phones, r.phones)
            WHERE l.name_ordered <> '' AND length(l.birth) = 10)""",
    )
    share = max(float(found), 1.0) / 0.95 / max(records * (records - 1) / 2, 1)
    return min(max(share, 1e-12), 0.01)
