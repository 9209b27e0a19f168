"""FHIRPath text to a tree (FHIRPath N1/2.0 grammar: http://hl7.org/fhirpath/N1/grammar.html)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NoReturn

from yima.fhir.fhirpath.temporal import Quantity, Temporal, temporal
from yima.runtime.errors import Refusal

MAX_LENGTH: Final = 16_384
MAX_DEPTH: Final = 60
"""Brackets and operands inside each other: more than the longest expressions of R4 and its guides have."""
MAX_CHAIN: Final = 100
"""Steps, or operators, one after the other."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A value written out; `{}` has none."""

    values: tuple[bool | int | Decimal | str | Temporal | Quantity, ...]


@dataclass(frozen=True, slots=True)
class Name:
    """An element by name, or, where an expression starts, the type of what it starts at."""

    name: str
    first: bool = False


@dataclass(frozen=True, slots=True)
class Variable:
    """`$this`, `$index`, `$total`, or `%name`."""

    name: str


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments."""

    name: str
    arguments: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """`left.right`."""

    left: Tree
    right: Tree


@dataclass(frozen=True, slots=True)
class Index:
    """`left[at]`."""

    left: Tree
    at: Tree


@dataclass(frozen=True, slots=True)
class Minus:
    """`-operand`."""

    operand: Tree


@dataclass(frozen=True, slots=True)
class Binary:
    """`left operator right`."""

    operator: str
    left: Tree
    right: Tree


@dataclass(frozen=True, slots=True)
class OfType:
    """`operand is type`, `operand as type`."""

    operator: str
    operand: Tree
    type: str


Tree = Literal | Name | Variable | Call | Member | Index | Minus | Binary | OfType

_TOKEN: Final = re.compile(
    r"""\s+|//[^\n]*|/\*.*?\*/
    |(?P<date>@[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?
        (?:T(?:[0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?(?:Z|[+-][0-9]{2}:[0-9]{2})?)?)?
        |@T[0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]+)?)?)?)
    |(?P<number>[0-9]+(?:\.[0-9]+)?)
    |(?P<string>'(?:[^'\\]|\\.)*')
    |(?P<quoted>`(?:[^`\\]|\\.)*`|"(?:[^"\\]|\\.)*")
    |(?P<variable>\$this|\$index|\$total|%(?:[A-Za-z_][A-Za-z0-9_-]*|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|"[^"]*"))
    |(?P<word>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign><=|>=|!=|!~|[-+*/&|=~<>.,()\[\]{}])""",
    re.X | re.S,
)
_ESCAPE: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.S)
_PLAIN: Final = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}
_LEVELS: Final = (
    ("implies",), ("or", "xor"), ("and",), ("in", "contains"), ("=", "~", "!=", "!~"), ("<", "<=", ">", ">="), ("|",),
    ("is", "as"), ("+", "-", "&"), ("*", "/", "div", "mod"),
)  # fmt: skip
"""Binary operators, the loosest first (grammar, operator precedence)."""
_BINDS: Final = {operator: level for level, operators in enumerate(_LEVELS) for operator in operators}
_UNITS: Final = re.compile(r"(?:year|month|week|day|hour|minute|second|millisecond)s?")


def parse_expression(text: str) -> Tree:
    """The tree of an expression. Refusal `expression-invalid` with the place where reading stopped."""
    if len(text) > MAX_LENGTH:
        raise Refusal("expression-invalid", reason=f"longer than {MAX_LENGTH} characters", at="")
    parser = _Parser(text)
    tree = parser.expression(0)
    if parser.kind:
        parser.fail("an operator or the end")
    return tree


def _unescaped(quoted: str) -> str:
    def one(match: re.Match[str]) -> str:
        mark = match[1]
        return chr(int(mark[1:], 16)) if len(mark) == 5 else _PLAIN.get(mark, mark)

    return _ESCAPE.sub(one, quoted[1:-1])


class _Parser:
    """One mark ahead, operators by precedence."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = self.start = 0
        self.kind = self.mark = ""
        self.depth = 0
        self.next()

    def next(self) -> None:
        self.kind = self.mark = ""
        while self.at < len(self.text) and not self.kind:
            match = _TOKEN.match(self.text, self.at)
            self.start = self.at
            if match is None:
                self.fail("FHIRPath")
            self.at = match.end()
            self.kind, self.mark = match.lastgroup or "", match[0]

    def fail(self, expected: str) -> NoReturn:
        here = self.text[self.start : self.start + 24]
        raise Refusal("expression-invalid", reason=f"expected {expected}", at=f"{self.start}: {here}")

    def take(self, mark: str) -> None:
        if self.mark != mark or self.kind == "string":
            self.fail(f"'{mark}'")
        self.next()

    def expression(self, least: int) -> Tree:
        """As long as operators bind at least so tightly."""
        tree = self.deeper(self.unary)
        chain = 0
        while self.kind in ("word", "sign") and (level := _BINDS.get(self.mark, -1)) >= least:
            operator, chain = self.mark, chain + 1
            if chain > MAX_CHAIN:
                self.fail(f"at most {MAX_CHAIN} operators in a row")
            self.next()
            if operator in ("is", "as"):
                tree = OfType(operator, tree, self.type_name())
            else:
                tree = Binary(operator, tree, self.expression(level + 1))
        return tree

    def deeper(self, read: Callable[[], Tree]) -> Tree:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail(f"at most {MAX_DEPTH} brackets inside each other")
        tree = read()
        self.depth -= 1
        return tree

    def unary(self) -> Tree:
        if self.kind == "sign" and self.mark in "+-":
            sign = self.mark
            self.next()
            operand = self.deeper(self.unary)
            return Minus(operand) if sign == "-" else operand
        return self.invocations()

    def invocations(self) -> Tree:
        tree = self.term()
        links = 0
        while self.kind == "sign" and self.mark in (".", "["):
            links += 1
            if links > MAX_CHAIN:
                self.fail(f"at most {MAX_CHAIN} steps")
            if self.mark == ".":
                self.next()
                tree = Member(tree, self.invocation(first=False))
            else:
                self.next()
                tree = Index(tree, self.expression(0))
                self.take("]")
        return tree

    def term(self) -> Tree:
        kind, mark = self.kind, self.mark
        if kind == "sign" and mark == "(":
            self.next()
            tree = self.expression(0)
            self.take(")")
            return tree
        if kind == "sign" and mark == "{":
            self.next()
            self.take("}")
            return Literal(())
        if kind in ("date", "number", "string"):
            self.next()
            return self.literal(kind, mark)
        if kind == "word" and mark in ("true", "false"):
            self.next()
            return Literal((mark == "true",))
        if kind == "variable" and mark[0] == "%":
            self.next()
            return Variable("%" + (mark[1:] if mark[1] not in "'`\"" else _unescaped(mark[1:])))
        return self.invocation(first=True)

    def literal(self, kind: str, mark: str) -> Tree:
        if kind == "string":
            return Literal((_unescaped(mark),))
        if kind == "date":
            found = temporal(mark[1:])
            if found is None:
                self.fail("a date, date and time, or time after @")
            return Literal((found,))
        if self.kind == "string" or (self.kind == "word" and _UNITS.fullmatch(self.mark)):
            unit = _unescaped(self.mark) if self.kind == "string" else self.mark
            calendar = self.kind == "word"
            self.next()
            return Literal((Quantity(Decimal(mark), unit.removesuffix("s") if calendar else unit, calendar),))
        return Literal((Decimal(mark) if "." in mark else int(mark),))

    def invocation(self, *, first: bool) -> Tree:
        kind, mark = self.kind, self.mark
        if kind == "variable" and mark[0] == "$":
            self.next()
            return Variable(mark)
        if kind not in ("word", "quoted"):
            self.fail("a name, a function or a value")
        self.next()
        if kind == "quoted":
            return Name(_unescaped(mark), first)
        if self.kind == "sign" and self.mark == "(":
            return self.call(mark)
        return Name(mark, first)

    def call(self, name: str) -> Tree:
        self.next()
        arguments: list[Tree] = []
        while not (self.kind == "sign" and self.mark == ")"):
            if arguments:
                self.take(",")
            if name in ("is", "as", "ofType") and not arguments:
                arguments.append(Name(self.type_name()))
            else:
                arguments.append(self.expression(0))
        self.next()
        return Call(name, tuple(arguments))

    def type_name(self) -> str:
        """`Patient`, `FHIR.Patient`, `System.String`."""
        parts = []
        while True:
            if self.kind not in ("word", "quoted"):
                self.fail("the name of a type")
            parts.append(_unescaped(self.mark) if self.kind == "quoted" else self.mark)
            self.next()
            if not (self.kind == "sign" and self.mark == ".") or len(parts) == 2 or parts[0] not in ("FHIR", "System"):
                return ".".join(parts)
            self.next()
