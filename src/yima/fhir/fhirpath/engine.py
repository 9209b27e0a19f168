"""A FHIRPath tree to closures: each part becomes a function from a context and a list of items to a list of items."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from yima.fhir.fhirpath import functions, operators, syntax
from yima.fhir.fhirpath.context import Context, Eval, Items, truth
from yima.fhir.fhirpath.nodes import Node, is_kind, is_known, root
from yima.fhir.fhirpath.syntax import Binary, Call, Index, Literal, Member, Minus, Name, OfType, Tree, Variable
from yima.runtime.errors import Refusal

_ENVIRONMENT: Final = {
    "%sct": "http://snomed.info/sct",
    "%loinc": "http://loinc.org",
    "%ucum": "http://unitsofmeasure.org",
}
_EXTENSION: Final = "http://hl7.org/fhir/StructureDefinition/"
_VALUE_SET: Final = "http://hl7.org/fhir/ValueSet/"


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression."""

    text: str
    tree: Tree
    run: Eval

    def evaluate(self, node: Node, context: Context | None = None) -> Items:
        """The items it yields for a node. Refusals `expression-failed`, `too-costly`."""
        it = context or Context(resource=node, container=node)
        it.this = it.origin = [node]
        try:
            return self.run(it, [node])
        except RecursionError:
            raise Refusal("too-costly", limit="the depth of one FHIRPath expression") from None

    def holds(self, node: Node, context: Context | None = None) -> bool | None:
        """The expression as a rule: true, false, or None for nothing (R4 fhirpath.html#invariants)."""
        return truth(self.evaluate(node, context))


@lru_cache(maxsize=4096)
def compile_expression(text: str) -> Expression:
    """Compile an expression once. Refusal `expression-invalid`."""
    try:
        tree = syntax.parse_expression(text)
        return Expression(text, tree, compiled(tree))
    except RecursionError:
        raise Refusal("expression-invalid", reason="nested too deeply", at="") from None


def evaluate(resource: dict[str, Any], text: str) -> Items:
    """What an expression yields for a resource."""
    return compile_expression(text).evaluate(root(resource))


def compiled(tree: Tree) -> Eval:
    """The function of a tree."""
    match tree:
        case Literal(values):
            constant: Items = list(values)
            return lambda _, __: constant
        case Name(name, first):
            return _name(name, first)
        case Variable(name):
            return _variable(name)
        case Member(left, right):
            before, after = compiled(left), compiled(right)
            return lambda it, items: after(it, before(it, items))
        case Index(left, at):
            return operators.index(compiled(left), compiled(at))
        case Minus(operand):
            return operators.minus(compiled(operand))
        case OfType(operator, operand, type_name):
            return operators.of_type(operator, compiled(operand), type_name)
        case Binary(operator, left, right):
            return operators.binary(operator, compiled(left), compiled(right))
        case Call(name, arguments):
            return functions.function(name, tuple(_argument(name, each) for each in arguments))


def _name(name: str, first: bool) -> Eval:
    def steps(it: Context, items: Items) -> Items:
        found: Items = []
        for item in items:
            if isinstance(item, Node):
                found += item.child(name)
        it.spend(len(items) + len(found))
        return found

    if not (first and name[:1].isupper()):
        return steps

    def start(it: Context, items: Items) -> Items:
        own: Items = [item for item in items if isinstance(item, Node) and is_kind(item.type, name)]
        return own or steps(it, items)

    return start


def _variable(name: str) -> Eval:
    if name in _ENVIRONMENT:
        text = _ENVIRONMENT[name]
        return lambda _, __: [text]
    for prefix, address in (("%ext-", _EXTENSION), ("%vs-", _VALUE_SET)):
        if name.startswith(prefix):
            url = address + name[len(prefix) :]
            return lambda _, __: [url]
    known: dict[str, Eval] = {
        "$this": lambda it, _: it.this,
        "$index": lambda it, _: [it.index],
        "$total": lambda it, _: it.total,
        "%resource": lambda it, _: [it.resource],
        "%rootResource": lambda it, _: [it.container],
        "%context": lambda it, _: it.origin,
    }
    if name not in known:
        raise Refusal("expression-invalid", reason="unknown variable", at=name[:64])
    return known[name]


def _argument(name: str, tree: Tree) -> Eval:
    if name in ("is", "as", "ofType") and isinstance(tree, Name):
        if not is_known(tree.name):
            raise Refusal("expression-invalid", reason="unknown type", at=tree.name[:64])
        type_name: Items = [tree.name]
        return lambda _, __: type_name
    return compiled(tree)
