"""Bulk linkage of a population with the same model as in real time. Needs the extra `link`.

Face: `Task` (what to link), `run` (link it), `train` (a model from it), `apply` (a dry run: proposals). `batches`
and `row_fields` are for those who prove that both engines agree; `needed` imports a module of an extra, `told` says in
words what files and the engine stumble over.
"""

from yima.mpi.bulk.engine import needed, told
from yima.mpi.bulk.linking import Linked
from yima.mpi.bulk.reading import COLUMNS, OPTIONAL, batches
from yima.mpi.bulk.rows import row_fields
from yima.mpi.bulk.steps import Task, apply, run, train

__all__ = ["COLUMNS", "OPTIONAL", "Linked", "Task", "apply", "batches", "needed", "row_fields", "run", "told", "train"]
