"""What stewards are asked after a linkage: one question for any two persons, none that the linkage has answered.

A pair alone cannot tell what the whole population does: that two records belong to persons of two numbers, that a
person was asked about by another record already, or that a number in common is a clerk's slip.
"""

from __future__ import annotations

from typing import Any, Final

OWN_NAME: Final = (
    "name_level IN ('exact', 'order', 'sound') AND birth_level = 'exact' AND number_level NOT IN ('same', 'document')"
)
"""Somebody has this name and birthday without this number."""
_ANOTHERS: Final = (
    "number_level IN ('same', 'document') AND name_level IN ('surname', 'different') "
    "AND birth_level IN ('year', 'different')"
)
"""A number in common and neither name nor birth date: a number that was written for somebody else."""
HOME: Final = "household_level IN ('both', 'phone', 'address')"
"""One home, or one phone."""


def asked(connection: Any) -> None:
    """Make the table `asked` (a, b) of the pairs to review, and `anothers` (n) of records with somebody else's number.

    Needs `judged`, `scored` and `linked` as `linking.decide` leaves them.
    """
    for query in (
        f"""CREATE OR REPLACE TEMP TABLE anothers AS
          SELECT DISTINCT unnest([a, b]) AS n FROM scored WHERE {_ANOTHERS}""",
        # Whose number it is may be wrong: then two valid numbers are no veto for a namesake of one home and birthday,
        # and that is the better question.
        f"""CREATE OR REPLACE TEMP TABLE drafted AS
          SELECT a, b, bits, FALSE AS doubted, FALSE AS disputed FROM scored
            WHERE (asking OR clear) AND NOT doubted AND NOT ({_ANOTHERS})
          UNION ALL SELECT a, b, bits, TRUE, FALSE FROM scored WHERE doubted
          UNION ALL SELECT a, b, bits, FALSE, TRUE FROM judged WHERE {OWN_NAME} AND number_level = 'other'
            AND sex_level = 'same' AND {HOME} AND EXISTS (FROM
              (SELECT n FROM anothers UNION SELECT unnest([s.a, s.b]) FROM scored s WHERE s.doubted) d
              WHERE d.n IN (a, b))""",
        """CREATE OR REPLACE TEMP TABLE placed AS
          SELECT n, coalesce(cluster, n) AS cluster FROM (SELECT DISTINCT unnest([a, b]) AS n FROM drafted)
          LEFT JOIN linked USING (n)""",
        """CREATE OR REPLACE TEMP TABLE whole AS
          SELECT cluster, max(CASE WHEN number_class = 'valid' THEN number ELSE '' END) AS number,
            max(CASE WHEN birth_order = '0' THEN '' ELSE birth_order END) AS birth_order
          FROM (SELECT cluster, n FROM placed UNION SELECT cluster, n FROM linked SEMI JOIN placed USING (cluster))
          JOIN people USING (n) GROUP BY cluster""",
        """CREATE OR REPLACE TEMP TABLE questions AS
          SELECT d.*, least(x.cluster, y.cluster) AS one, greatest(x.cluster, y.cluster) AS other,
            NOT disputed AND ((x.number <> '' AND y.number <> '' AND x.number <> y.number) OR
              (x.birth_order <> '' AND y.birth_order <> '' AND x.birth_order <> y.birth_order)) AS contradicted
          FROM drafted d JOIN placed p ON p.n = d.a JOIN placed q ON q.n = d.b
          JOIN whole x ON x.cluster = p.cluster JOIN whole y ON y.cluster = q.cluster WHERE x.cluster <> y.cluster""",
        f"""CREATE OR REPLACE TABLE asked AS SELECT a, b FROM questions WHERE NOT contradicted
          AND NOT (doubted AND EXISTS (FROM questions o JOIN judged j USING (a, b) WHERE {OWN_NAME}
            AND NOT o.contradicted AND (j.a IN (questions.a, questions.b) OR j.b IN (questions.a, questions.b))))
          QUALIFY row_number() OVER (PARTITION BY one, other ORDER BY bits DESC, a, b) = 1""",
    ):
        connection.execute(query).fetchall()
