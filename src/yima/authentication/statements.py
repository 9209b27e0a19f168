"""The SQL of this room (`queries.sql`)."""

from typing import Final

from yima.runtime.database import Queries

SQL: Final = Queries(__package__)
