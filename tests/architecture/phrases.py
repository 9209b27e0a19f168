"""The English words that refusals are given, as the source shows them: what `runtime/phrases.toml` must translate.

From each `Refusal(.., expected=E)` the words are followed backwards: through names, constants, rows of tables,
functions that pass a parameter on, and fields of classes that carry it. Of an f-string `{}` stands for each hole.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache, cached_property
from itertools import chain

from house import Module, modules

from yima.runtime.errors import KINDS, WORDS

_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


class Place:
    """One module with the look-ups that following words needs."""

    def __init__(self, module: Module) -> None:
        self.name, self.tree = module.name, module.tree
        self.nodes: list[ast.AST] = [module.tree]
        self.above: dict[ast.AST, ast.AST] = {}
        for node in self.nodes:  # it grows meanwhile
            for child in ast.iter_child_nodes(node):
                self.above[child] = node
                self.nodes.append(child)
        self.calls = [node for node in self.nodes if isinstance(node, ast.Call)]

    @cached_property
    def functions(self) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
        """All functions, methods and inner functions."""
        return [node for node in self.nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]

    def around(self, node: ast.AST) -> Iterator[ast.AST]:
        """The functions that a node stands in, from the inside, then the module."""
        while node in self.above:
            node = self.above[node]
            if isinstance(node, (*_FUNCTION, ast.Module)):
                yield node


class Words:
    """All that is followed, to the end."""

    def __init__(self) -> None:
        self.places = [Place(module) for module in modules().values()]
        self.calls: dict[str, list[tuple[Place, ast.Call]]] = {}
        for place in self.places:
            for call in place.calls:
                self.calls.setdefault(_name(call.func), []).append((place, call))
        self.found: dict[str, str] = {}
        """Phrase -> where it stands first."""
        self._seen: set[tuple[object, ...]] = set()
        for place in self.places:
            for call in place.calls:
                if _name(call.func) == "Refusal":
                    self._follow_all(place, [word.value for word in call.keywords if word.arg in WORDS])
            self._rows(place)
            self._checks(place)

    def _rows(self, place: Place) -> None:
        """Rows (where, code, words) as checks give them."""
        for node in place.nodes:
            if isinstance(node, ast.Tuple) and len(node.elts) == 3 and _text(node.elts[1]) in KINDS:
                self._follow(place, node.elts[2])

    def _checks(self, place: Place) -> None:
        """What the functions of a type `Check` give back, where a module has one: what was expected of a value."""
        if _assigned(place.tree, "Check"):
            for function in place.functions:
                if function.returns and ast.unparse(function.returns) in ("Found", "str | None"):
                    self._returned(place, function)

    def _returned(self, place: Place, function: ast.AST) -> None:
        self._follow_all(place, [n.value for n in ast.walk(function) if isinstance(n, ast.Return) and n.value])

    def _follow_all(self, place: Place, given: list[ast.expr]) -> None:
        for one in given:
            self._follow(place, one)

    def _follow(self, place: Place, given: ast.expr) -> None:
        """What an expression may say; of what is only known at run time nothing is found."""
        if (place.name, given) in self._seen:
            return
        self._seen.add((place.name, given))
        match given:
            case ast.Constant(str(text)):
                self.found.setdefault(text, f"{place.name}:{given.lineno}")
            case ast.JoinedStr(parts):
                self.found.setdefault(_template(given), f"{place.name}:{given.lineno}")
                holes = [part.value for part in parts if isinstance(part, ast.FormattedValue)]
                self._follow_all(place, [hole for hole in holes if isinstance(hole, ast.Name)])
            case ast.IfExp(_, yes, no):
                self._follow_all(place, [yes, no])
            case ast.BoolOp(_, values):
                self._follow_all(place, values)
            case ast.BinOp(_, ast.Add()):
                self.found.setdefault(_template(given), f"{place.name}:{given.lineno}")
            case ast.Name(name):
                self._name(place, given, name)
            case ast.Attribute(_, name):
                self._field(name) if name in WORDS else self._constant(name)
            case ast.Call(func, arguments):
                self._answer(place, _name(func), arguments)

    def _answer(self, place: Place, name: str, arguments: list[ast.expr]) -> None:
        """What a function of this module gives back; the words of an exception that was caught."""
        for function in place.functions:
            if function.name == name:
                self._returned(place, function)
        if any(isinstance(one, ast.Name) and one.id == "error" for one in arguments):
            self._raised(place.name.rpartition(".")[0])

    def _raised(self, folder: str) -> None:
        """The words of every ValueError that the files of a folder raise."""
        for place in self.places:
            if place.name.rpartition(".")[0] == folder:
                errors = [call for call in place.calls if _name(call.func) == "ValueError"]
                self._follow_all(place, [error.args[0] for error in errors if error.args])

    def _name(self, place: Place, given: ast.expr, name: str) -> None:
        for scope in place.around(given):
            if isinstance(scope, _FUNCTION) and name in _parameters(scope):
                self._callers(place, scope, name)
                return
            assigned = list(_assigned(scope, name))
            if assigned:
                self._follow_all(place, [one for value in assigned for one in _rows_of(place, scope, value)])
                return
        self._constant(name)

    def _constant(self, name: str) -> None:
        """A constant of another module, by its name."""
        if not name.isupper() or ("constant", name) in self._seen:
            return
        self._seen.add(("constant", name))
        for place in self.places:
            self._follow_all(place, [value for value, index in _assigned(place.tree, name) if index is None])

    def _callers(self, place: Place, function: ast.AST, name: str) -> None:
        """What is given for a parameter, wherever the function is called."""
        if isinstance(function, ast.Lambda) or (place.name, function, name) in self._seen:
            return
        self._seen.add((place.name, function, name))
        spec = function.args  # type: ignore[attr-defined]
        named = [one.arg for one in [*spec.posonlyargs, *spec.args]]
        at = named.index(name) - (named[0] in ("self", "cls")) if name in named else None
        if name in named and (rest := named.index(name) - len(named) + len(spec.defaults)) >= 0:
            self._follow(place, spec.defaults[rest])
        public = not function.name.startswith("_")  # type: ignore[attr-defined]
        self._given(function.name, at, name, None if public else place)  # type: ignore[attr-defined]

    def _field(self, name: str) -> None:
        """What is given for a field of that name in whatever class has one."""
        if ("field", name) in self._seen:
            return
        self._seen.add(("field", name))
        for place in self.places:
            for node in place.nodes:
                if isinstance(node, ast.ClassDef):
                    fields = [row.target.id for row in node.body
                              if isinstance(row, ast.AnnAssign) and isinstance(row.target, ast.Name)]  # fmt: skip
                    if name in fields:
                        self._given(node.name, fields.index(name), name)

    def _given(self, function: str, at: int | None, name: str, only: Place | None = None) -> None:
        for place, call in self.calls.get(function, ()):
            if only is None or place is only:
                self._follow_all(place, [word.value for word in call.keywords if word.arg == name])
                self._follow_all(place, call.args[at : at + 1] if at is not None else [])


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _text(node: ast.AST) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _template(node: ast.AST) -> str:
    match node:
        case ast.JoinedStr(parts):
            return "".join(map(_template, parts))
        case ast.BinOp(left, ast.Add(), right):
            return _template(left) + _template(right)
        case _:
            return _text(node) or "{}"


def _parameters(function: ast.AST) -> list[str]:
    spec = function.args  # type: ignore[attr-defined]
    return [one.arg for one in [*spec.posonlyargs, *spec.args, *spec.kwonlyargs]]


def _own(scope: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function or module, without those of the functions in it."""
    for node in ast.iter_child_nodes(scope):
        yield node
        if not isinstance(node, (*_FUNCTION, ast.ClassDef)):
            yield from _own(node)


@cache
def _assignments(scope: ast.AST) -> dict[str, list[tuple[ast.expr, int | None]]]:
    """What each name is set to: (value, None); (rows, index) of a loop or an unpacking, index -1 for whole rows."""
    found: dict[str, list[tuple[ast.expr, int | None]]] = {}
    for node in _own(scope):
        loop = isinstance(node, ast.For | ast.AsyncFor | ast.comprehension)
        value = getattr(node, "iter" if loop else "value", None)
        for target in getattr(node, "targets", None) or [getattr(node, "target", None)]:
            if value is not None and isinstance(target, ast.Name):
                found.setdefault(target.id, []).append((value, -1 if loop else None))
            for index, one in enumerate(target.elts if value is not None and isinstance(target, ast.Tuple) else ()):
                found.setdefault(_name(one), []).append((value, index))
    return found


def _assigned(scope: ast.AST, name: str) -> list[tuple[ast.expr, int | None]]:
    return _assignments(scope).get(name, [])


def _rows_of(place: Place, scope: ast.AST, assigned: tuple[ast.expr, int | None]) -> list[ast.expr]:
    value, index = assigned
    if index is None:
        return [value]
    if isinstance(value, ast.Name):
        tables = chain(_assigned(scope, value.id), _assigned(place.tree, value.id))
        return [
            one
            for table, at in tables
            if at is None and not isinstance(table, ast.Name)
            for one in _rows_of(place, scope, (table, index))
        ]
    if isinstance(value, ast.Tuple | ast.List):
        if index < 0:
            return value.elts
        rows = [row for row in value.elts if isinstance(row, ast.Tuple) and len(row.elts) > index]
        return [row.elts[index] for row in rows] or ([value.elts[index]] if len(value.elts) > index else [])
    return []
