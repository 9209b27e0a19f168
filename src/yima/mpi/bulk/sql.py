"""The pure core as SQL over a table with the columns of `Fields`: keys, levels, score, vetoes, strict rule. Pure.

The definitions are those of the contract in `mpi/README.md`; a test scores 10,000 pairs both ways. `l` and `r` are the
two rows. Beside the columns of `Fields` a row has `n` (its place in the input), `day` (birth date as a number of days,
NULL when there is no such day), `lunar` (the days it means in the lunar calendar), `shape` (of its name), `latin_site`,
`kinds` (of its documents) and `exact_bits` (weight of its name when it is equal).
"""

from __future__ import annotations

import re
from typing import Final

from yima.mpi.compare import LEVELS
from yima.mpi.model import Model

_SWAPPED: Final = (
    "substring(l.birth, 1, 4) = substring(r.birth, 1, 4) AND substring(l.birth, 6, 2) = substring(r.birth, 9, 2) "
    "AND substring(l.birth, 9, 2) = substring(r.birth, 6, 2)"
)
_DIGITS_OFF: Final = " + ".join(
    f"(substring(l.birth, {at}, 1) <> substring(r.birth, {at}, 1))::INT" for at in range(1, 11)
)
_FULL: Final = "length(l.birth) = 10 AND length(r.birth) = 10"
_HAN_OFF: Final = (
    "len(list_filter(range(1, length(l.name) + 1), lambda i: substring(l.name, i, 1) <> substring(r.name, i, 1)))"
)
_CUT: Final = "(CASE WHEN l.script = 'latin' THEN 4 ELSE 2 END)"
_SHORTER: Final = "least(length(l.name), length(r.name))"
_BEGINS: Final = (
    "(l.script = r.script AND CASE WHEN length(l.name) <= length(r.name) "
    "THEN starts_with(r.name, l.name) OR (l.script = 'latin' AND ends_with(r.name, l.name)) "
    "ELSE starts_with(l.name, r.name) OR (l.script = 'latin' AND ends_with(l.name, r.name)) END)"
)
_SOUND: Final = "least(length(l.sound), length(r.sound))"
_NUMBERS: Final = "regexp_replace({0}.site, '[^0-9]', '', 'g')"
_LETTERS: Final = "regexp_replace({0}.site, '[0-9]', '', 'g')"
_PIECES: Final = "least(len(l.pieces), len(r.pieces))"
_ALIKE: Final = (
    "CASE WHEN l.latin_site AND r.latin_site "
    f"AND least(length({_LETTERS.format('l')}), length({_LETTERS.format('r')})) >= 8 "
    f"THEN levenshtein({_LETTERS.format('l')}, {_LETTERS.format('r')}) <= 2 "
    f"OR ({_PIECES} >= 10 AND 4 * len(list_intersect(l.pieces, r.pieces)) >= 3 * {_PIECES}) ELSE FALSE END"
)
_BOTH_NUMBERS: Final = "l.number <> '' AND r.number <> ''"
_PHONE: Final = "list_has_any(l.phones, r.phones)"
_HERE: Final = "(l.area = '' OR r.area = '' OR l.area = r.area)"
_ADDRESS: Final = f"{_HERE} AND l.address <> '' AND l.address = r.address"

CONDITIONS: Final[dict[str, tuple[tuple[str, str], ...]]] = {
    "name": (
        ("unknown", "l.name = '' OR r.name = ''"),
        ("exact", "l.name = r.name"),
        ("order", "l.name_ordered = r.name_ordered"),
        (
            "sound",
            "(l.latin <> '' AND l.latin = r.latin) OR (l.sound <> '' AND r.sound <> '' AND "
            "(l.sound = r.sound OR l.sound = r.sound_other OR r.sound = l.sound_other))",
        ),
        ("shape", "l.script = 'han' AND r.script = 'han' AND l.shape = r.shape"),
        (
            "cut",
            f"CASE WHEN {_BEGINS} THEN {_SHORTER} >= {_CUT} ELSE len(l.words) > 0 AND len(r.words) > 0 "
            "AND (list_has_all(l.words, r.words) OR list_has_all(r.words, l.words)) END",
        ),
        (
            "character",
            f"CASE WHEN l.script = 'latin' AND r.script = 'latin' THEN {_SHORTER} >= 6 "
            "AND levenshtein(l.name, r.name) <= 1 WHEN l.script = 'han' AND r.script = 'han' "
            f"AND length(l.name) = length(r.name) AND length(l.name) >= 3 THEN {_HAN_OFF} = 1 ELSE FALSE END",
        ),
        (
            "close",
            f"CASE WHEN {_SOUND} < 8 THEN FALSE WHEN l.script = 'latin' AND r.script = 'latin' "
            "THEN levenshtein(l.sound, r.sound) <= 2 OR levenshtein(l.sound, r.given_sound || r.surname_sound) <= 2 "
            "OR levenshtein(r.sound, l.given_sound || l.surname_sound) <= 2 "
            f"WHEN {_SOUND} >= 12 THEN levenshtein(l.sound, r.sound) <= 2 ELSE levenshtein(l.sound, r.sound) <= 1 END",
        ),
        ("surname", "l.surname_sound <> '' AND l.surname_sound = r.surname_sound"),
        (
            "given",
            "l.script = 'latin' AND r.script = 'latin' AND l.given_sound <> '' AND l.given_sound = r.given_sound",
        ),
    ),
    "birth": (
        ("unknown", "l.birth = '' OR r.birth = ''"),
        ("exact", f"{_FULL} AND l.birth = r.birth"),
        ("swapped", f"{_FULL} AND {_SWAPPED}"),
        ("lunar", f"{_FULL} AND (list_contains(l.lunar, r.birth) OR list_contains(r.lunar, l.birth))"),
        ("digit", f"CASE WHEN {_FULL} THEN {_DIGITS_OFF} = 1 ELSE FALSE END"),
        ("near", f"{_FULL} AND l.day IS NOT NULL AND r.day IS NOT NULL AND abs(l.day - r.day) <= 60"),
        (
            "month",
            f"NOT ({_FULL}) AND length(l.birth) >= 7 AND length(r.birth) >= 7 "
            "AND substring(l.birth, 1, 7) = substring(r.birth, 1, 7)",
        ),
        ("year", "substring(l.birth, 1, 4) = substring(r.birth, 1, 4)"),
    ),
    "number": (
        ("same", "l.number <> '' AND l.number = r.number"),
        ("other", f"{_BOTH_NUMBERS} AND l.number_class = 'valid' AND r.number_class = 'valid'"),
        ("document", "list_has_any(l.documents, r.documents)"),
        ("mistyped", f"CASE WHEN {_BOTH_NUMBERS} THEN levenshtein(l.number, r.number) <= 2 ELSE FALSE END"),
        ("different", _BOTH_NUMBERS),
        ("renewed", "list_has_any(l.kinds, r.kinds)"),
        ("unknown", "TRUE"),
    ),
    "sex": (("unknown", "l.sex = '' OR r.sex = ''"), ("same", "l.sex = r.sex")),
    "household": (
        ("both", f"({_ADDRESS}) AND {_PHONE}"),
        ("address", _ADDRESS),
        ("phone", _PHONE),
        (
            "site",
            f"{_HERE} AND l.site <> '' AND r.site <> '' AND (l.site = r.site "
            f"OR ({_NUMBERS.format('l')} = {_NUMBERS.format('r')} AND {_ALIKE}))",
        ),
        ("elsewhere", f"(l.address <> '' AND l.address = r.address) OR {_ALIKE}"),
        ("county", "l.area <> '' AND l.area = r.area"),
        ("different", "(len(l.phones) > 0 AND len(r.phones) > 0) OR (l.area <> '' AND r.area <> '')"),
        ("unknown", "TRUE"),
    ),
}
"""Of each comparison its levels in the order in which they are asked; a comparison's last level is what is left."""

_LEFT_OVER: Final = {"name": "different", "birth": "different", "number": "unknown", "sex": "different"}

KEYS: Final = {
    "number": "SELECT n, number FROM people WHERE number <> ''",
    "document": "SELECT n, unnest(documents) FROM people",
    "number-without-birth": "SELECT n, number[1:6] || number[15:18] FROM people WHERE length(number) = 18",
    "number-without-region": "SELECT n, number[7:18] FROM people WHERE length(number) = 18",
    "number-without-sequence": "SELECT n, number[1:14] FROM people WHERE length(number) = 18",
    "phone": "SELECT n, unnest(phones) FROM people",
    "name-birth": "SELECT n, name_ordered || '|' || birth FROM people WHERE length(birth) = 10 AND name_ordered <> ''",
    "name-month": "SELECT n, name_ordered || '|' || birth[1:7] FROM people "
    "WHERE length(birth) >= 7 AND name_ordered <> ''",
    "name-year-day": "SELECT n, name_ordered || '|' || birth[1:4] || '|' || birth[9:10] FROM people "
    "WHERE length(birth) = 10 AND name_ordered <> ''",
    "birth-county-sex": "SELECT n, birth || '|' || area || '|' || sex FROM people "
    "WHERE length(birth) = 10 AND area <> '' AND sex <> ''",
    "surname-birth-province": "SELECT n, surname_sound || '|' || birth || '|' || sex || '|' || area[1:2] FROM people "
    "WHERE length(birth) = 10 AND area <> '' AND sex <> '' AND surname_sound <> ''",
    "mother-birth": "SELECT n, unnest(mother) || '|' || birth FROM people WHERE length(birth) = 10 AND len(mother) > 0",
    "sound-county": "SELECT n, sound || '|' || area FROM people WHERE area <> '' AND sound <> '' "
    "UNION ALL SELECT n, sound_other || '|' || area FROM people WHERE area <> '' AND sound <> '' AND sound_other <> ''",
}
"""The candidate keys of `mpi/keys.py`, a query a rule; `document` is the rule `number` of other documents."""

WIDER: Final = {
    "address": "SELECT n, area[1:2] || '|' || address FROM people WHERE address <> ''",
    "house-birth": "SELECT n, regexp_replace(address, '[^0-9]', '', 'g') || '|' || birth || '|' || sex FROM people "
    "WHERE length(birth) = 10 AND address <> ''",
    "surname-birth": "SELECT n, surname_sound || '|' || birth || '|' || sex FROM people "
    "WHERE length(birth) = 10 AND surname_sound <> ''",
    "given-birth": "SELECT n, given_sound || '|' || birth || '|' || sex FROM people "
    "WHERE length(birth) = 10 AND given_sound <> ''",
    "latin": "SELECT n, name_ordered FROM people WHERE script = 'latin' "
    "UNION ALL SELECT n, area || '|' || given_sound FROM people WHERE script = 'latin' AND area <> '' "
    "UNION ALL SELECT n, area || '|' || surname_sound FROM people WHERE script = 'latin' AND area <> '' "
    "UNION ALL SELECT n, birth || '|' || sex FROM people WHERE script = 'latin' AND length(birth) = 10 "
    "UNION ALL SELECT n, area || '|' || regexp_replace(site, '[^0-9]', '', 'g') FROM people "
    "WHERE latin_site AND area <> '' "
    "UNION ALL SELECT n, substring(surname_sound, 1, 1) || '|' || "
    "substring(regexp_replace(site, '[0-9]', '', 'g'), 1, 6) FROM people WHERE latin_site AND script = 'latin'",
}
"""Keys of bulk alone, where time is not short: for records without a number whose name or county was mistyped too.
Nationwide they are too wide, and the cap of records a key leaves them out where they are."""


_HOME: Final = "household_level IN ('both', 'phone', 'address')"
_LIKE_BIRTH: Final = "('exact', 'swapped', 'lunar', 'digit', 'near', 'month')"


_SISTERS: Final = (
    "(l.script = 'han' AND l.number = '' AND r.number = '' AND len(l.documents) = 0 AND len(r.documents) = 0 "
    "AND levenshtein(l.sound, r.sound) > 1)"
)

_ONE_OF_TWO: Final = (
    "(l.script = 'han' AND r.script = 'han' AND length(l.name) = 2 AND length(r.name) = 2 "
    "AND l.surname <> '' AND l.surname = r.surname)"
)
"""Two names of two characters, of which the surname is the same: too little for a level of their own."""


def level(comparison: str) -> str:
    """The expression that is the level of a comparison."""
    rows = "".join(f" WHEN {condition} THEN '{name}'" for name, condition in CONDITIONS[comparison])
    return f"CASE{rows} ELSE '{_LEFT_OVER.get(comparison, 'unknown')}' END"


def weight(comparison: str, model: Model) -> str:
    """The weight in bits of the level in the column of that name, as the core looks it up."""
    rows = "".join(
        f" WHEN '{name}' THEN {literal(model.bits(comparison, name))}"
        for name in LEVELS[comparison]
        if (comparison, name) != ("name", "exact")
    )
    exact = " WHEN 'exact' THEN exact_bits" if comparison == "name" else ""
    return f"CASE {comparison}_level{exact}{rows} ELSE {literal(0.0)} END"


def literal(number: float) -> str:
    """A double as DuckDB reads it back bit for bit."""
    return f"'{number!r}'::DOUBLE"


def levels(pairs: str) -> str:
    """`pairs` (columns a, b: rows of `people`) with the five levels and what the rules ask of the two rows."""
    named = ", ".join(f"{level(name)} AS {name}_level" for name in CONDITIONS)
    return f"""SELECT p.a, p.b, {named}, l.exact_bits,
      (l.birth_order NOT IN ('', '0') AND r.birth_order NOT IN ('', '0') AND l.birth_order <> r.birth_order) AS twins,
      (l.birth_time <> '' AND r.birth_time <> '' AND l.birth_time <> r.birth_time) AS other_time,
      (l.birth_time <> '' AND l.birth_time = r.birth_time) AS same_time,
      l.birth_order <> r.birth_order AS other_order, l.birth_order AS born_as,
      list_has_any(l.mother, r.mother) AS same_mother, (l.placeholder <> '' OR r.placeholder <> '') AS placeholder,
      (l.placeholder <> '' AND r.placeholder <> '') AS placeholders,
      'unidentified' IN (l.placeholder, r.placeholder) AS unidentified, {_SISTERS} AS sisters,
      {_ONE_OF_TWO} AS one_of_two,
      ((l.number_class = 'valid' OR r.number_class = 'valid') AND
        abs(try_cast(substring(l.birth, 1, 4) AS INT) - try_cast(substring(r.birth, 1, 4) AS INT)) < 10) AS vouched
      FROM {pairs} p JOIN people l ON l.n = p.a JOIN people r ON r.n = p.b"""


def scored(source: str, model: Model) -> str:
    """`source` (of `levels`) with `bits`: the sum in the core's order, so that both give the same double."""
    parts = [literal(model.prior_bits), *(weight(name, model) for name in ("name", "birth", "number", "sex"))]
    total = parts[0]
    for part in [*parts[1:], weight("household", model)]:
        total = f"({total} + {part})"
    return f"SELECT *, {total} AS bits FROM ({source})"


def judged(source: str, model: Model) -> str:
    """`source` (of `scored`) with `veto`, `clear` (the strict rule is met), `mother` and `relative`, as `decide.py`.

    `twinlike`: `decide.py` asks, because it could be a twin with the other's number; here the whole population tells.
    """
    automatic = literal(model.thresholds.automatic)
    probability = "(1.0::DOUBLE / (1.0::DOUBLE + pow(2.0::DOUBLE, -greatest(least(bits, 1000.0), -1000.0))))"
    same_number = "number_level IN ('same', 'document')"
    alike = f"""{same_number} AND (name_level IN ('character', 'close')
      OR (one_of_two AND name_level = 'surname' AND birth_level = 'exact' AND household_level = 'both'))"""
    strict = f"""(({same_number} AND (name_level IN ('exact', 'order') OR (birth_level IN {_LIKE_BIRTH}
          AND (name_level IN ('sound', 'shape', 'cut') OR ({alike} AND {_HOME})))))
        OR (name_level IN ('exact', 'order') AND (birth_level IN ('exact', 'swapped', 'lunar')
          OR (vouched AND birth_level IN ('digit', 'near', 'month') AND household_level = 'both'))))
      AND sex_level = 'same'
      AND ({same_number} OR {_HOME} OR (same_mother AND birth_level = 'exact'))
      AND number_level <> 'different' AND (number_level NOT IN ('renewed', 'mistyped') OR birth_level = 'exact')
      AND NOT placeholder AND NOT other_order AND born_as <> '0' AND {probability} >= {automatic}"""
    newborn = """mother AND placeholder AND birth_level = 'exact' AND sex_level = 'same'
      AND NOT other_order AND born_as <> '0' AND NOT unidentified AND number_level NOT IN ('mistyped', 'different')
      AND (NOT placeholders OR born_as NOT IN ('', '0') OR same_time)"""
    return f"""SELECT *, ({strict}) OR ({newborn}) AS clear, ({alike}) AS twinlike,
      (number_level = 'other' OR twins OR (other_time AND birth_level = 'exact')) AS veto,
      ((name_level IN ('surname', 'different') AND birth_level IN ('year', 'different')
        AND number_level NOT IN ('same', 'document', 'mistyped'))
        OR (sisters AND name_level IN ('character', 'surname') AND birth_level IN {_LIKE_BIRTH})) AS relative,
      {probability} AS probability
      FROM (SELECT *, (birth_level = 'exact' AND same_mother) AS mother FROM ({source}))"""


def for_splink(condition: str) -> str:
    """A condition in the way Splink names the columns of the two rows."""
    return re.sub(r"\b([lr])\.(\w+)", r"\2_\1", condition)
