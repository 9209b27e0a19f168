"""FHIRPath (N1, the version R4 names): expressions compiled to closures, bounded in what they may cost.

Face: `compile_expression` once, then `Expression.evaluate` or `.holds` on a `root(resource)`; `decide` says what the
names of an object's elements alone decide.
"""

from yima.fhir.fhirpath.context import Context
from yima.fhir.fhirpath.engine import Expression, compile_expression, evaluate
from yima.fhir.fhirpath.nodes import Node, is_kind, root
from yima.fhir.fhirpath.presence import decide
from yima.fhir.fhirpath.temporal import Quantity, Temporal
from yima.fhir.fhirpath.values import plain, to_string

__all__ = [
    "Context",
    "Expression",
    "Node",
    "Quantity",
    "Temporal",
    "compile_expression",
    "decide",
    "evaluate",
    "is_kind",
    "plain",
    "root",
    "to_string",
]
