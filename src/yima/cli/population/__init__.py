"""`yima population`: the population register from files, what it says of a person, and coverage.

Face: `population_app`; `load` (the whole load) and `Report` (what it did). See docs/population.md.
"""

from yima.cli.population.commands import population_app
from yima.cli.population.run import Report, load

__all__ = ["Report", "load", "population_app"]
