"""Regular expressions that clients may send: matched in time linear in the text, whatever the expression.

The usual subset: alternation, groups, classes, `\\d \\w \\s`, `.`, and the quantifiers `* + ? {m,n}`. No backward
references, no look-around: with those no engine can promise an end. An expression matches the whole text (R4
valueset-filter-operator, `regex`). The states of all ways through the expression are followed at once (Thompson 1968).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from yima.runtime.errors import Refusal

_LONGEST: Final = 200
_MOST_STATES: Final = 1_000
_LONGEST_TEXT: Final = 1_000
_DEEPEST: Final = 20
_CLASSES: Final[dict[str, Callable[[str], bool]]] = {
    "d": str.isdigit,
    "D": lambda c: not c.isdigit(),
    "w": lambda c: c.isalnum() or c == "_",
    "W": lambda c: not (c.isalnum() or c == "_"),
    "s": str.isspace,
    "S": lambda c: not c.isspace(),
}
_LITERAL_ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r"}
_ANY: Final[Callable[[str], bool]] = lambda c: c != "\n"  # noqa: E731  one of the tests below, by its name


@dataclass(slots=True)
class _State:
    """A place in the expression: `test` leads to `out[0]`; without a test all of `out` are reached at once."""

    test: Callable[[str], bool] | None
    out: list[int]


class Pattern:
    """A compiled expression. Refusal `field-invalid` for one that is not in the subset or too large."""

    def __init__(self, text: str) -> None:
        self._states, self._start, self._end = _compiled(text)

    def matches(self, text: str) -> bool:
        """Whether the whole text matches; one of more than a thousand characters does not."""
        here = self._closure({self._start}) if len(text) <= _LONGEST_TEXT else set()
        for char in text if here else "":
            moved = {s.out[0] for s in (self._states[n] for n in here) if s.test is not None and s.test(char)}
            if not moved:
                return False
            here = self._closure(moved)
        return self._end in here

    def _closure(self, states: set[int]) -> set[int]:
        found, waiting = set(states), list(states)
        while waiting:
            state = self._states[waiting.pop()]
            if state.test is None:
                fresh = [n for n in state.out if n not in found]
                found.update(fresh)
                waiting.extend(fresh)
        return found


def _wrong(expected: str = "a regular expression without references or look-around") -> Refusal:
    return Refusal("field-invalid", field="filter.value", expected=expected)


@lru_cache(64)
def _compiled(text: str) -> tuple[list[_State], int, int]:
    if len(text) > _LONGEST:
        raise _wrong(f"a regular expression of at most {_LONGEST} characters")
    inner = text.removeprefix("^")
    reader = _Reader(inner[:-1] if inner.endswith("$") and not inner.endswith("\\$") else inner)
    start, end = reader.alternatives()
    if reader.at != len(reader.text):
        raise _wrong()
    return reader.states, start, end


class _Reader:
    """Recursive descent; each part becomes (first state, last state), joined by empty moves."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.states: list[_State] = []

    def _new(self, test: Callable[[str], bool] | None = None, *out: int) -> int:
        if len(self.states) >= _MOST_STATES:
            raise _wrong("a smaller regular expression")
        self.states.append(_State(test, list(out)))
        return len(self.states) - 1

    def _peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def _next(self) -> str:
        if self.at >= len(self.text):
            raise _wrong()
        self.at += 1
        return self.text[self.at - 1]

    def alternatives(self) -> tuple[int, int]:
        """`a|b|c`."""
        start, end = self._new(), self._new()
        while True:
            first, last = self._sequence()
            self.states[start].out.append(first)
            self.states[last].out.append(end)
            if self._peek() != "|":
                return start, end
            self.at += 1

    def _sequence(self) -> tuple[int, int]:
        start = end = self._new()
        while self._peek() not in ("", "|", ")"):
            began = self.at
            first, last = self._repeated(began)
            self.states[end].out.append(first)
            end = last
        return start, end

    def _repeated(self, began: int) -> tuple[int, int]:
        first, last = self._one()
        ended = self.at
        low, high = self._quantifier()
        if (low, high) == (1, 1):
            return first, last
        # Written out: the part `low` times, then as often again as may be, each of them left out or not.
        start = end = self._new()
        after = self.at
        for count in range(max(low, high or low) or 1):
            if count:
                self.at = began
                first, last = self._one()
                if self.at != ended:
                    raise _wrong()
            if count >= low:
                skip = self._new()
                self.states[end].out.append(skip)
                self.states[last].out.append(skip)
                self.states[end].out.append(first)
                end = skip
            else:
                self.states[end].out.append(first)
                end = last
        if high is None:
            self.states[last].out.append(first) if low else self.states[end].out.append(first)
        self.at = after
        return start, end

    def _quantifier(self) -> tuple[int, int | None]:
        """(least, most) times; most None = without end."""
        match self._peek():
            case "*":
                low, high = 0, None
            case "+":
                low, high = 1, None
            case "?":
                low, high = 0, 1
            case "{":
                return self._counted()
            case _:
                return 1, 1
        self.at += 1
        if self._peek() in ("*", "+", "?", "{"):
            raise _wrong()
        return low, high

    def _counted(self) -> tuple[int, int | None]:
        end = self.text.find("}", self.at)
        low, comma, high = self.text[self.at + 1 : end if end > 0 else self.at + 1].partition(",")
        if not low.isdecimal() or not (high.isdecimal() or not high) or len(low + high) > 5:
            raise _wrong()
        self.at = end + 1
        if self._peek() in ("*", "+", "?", "{"):
            raise _wrong()
        most = (int(high) if high else None) if comma else int(low)
        if most is not None and (most < int(low) or most == 0):
            raise _wrong()
        return int(low), most

    def _one(self) -> tuple[int, int]:
        char = self._next()
        if char == "(":
            return self._group()
        test = self._test(char)
        end = self._new()
        return self._new(test, end), end

    def _group(self) -> tuple[int, int]:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise _wrong()
        if self._peek() == "?":
            if not self.text.startswith("?:", self.at):
                raise _wrong()
            self.at += 2
        found = self.alternatives()
        if self._next() != ")":
            raise _wrong()
        self.depth -= 1
        return found

    def _test(self, char: str) -> Callable[[str], bool]:
        if char == ".":
            return _ANY
        if char == "[":
            return self._class()
        if char == "\\":
            return self._escape()
        if char in "*+?{}^$)]":
            raise _wrong()
        return lambda c: c == char

    def _escape(self) -> Callable[[str], bool]:
        char = self._next()
        if char in _CLASSES:
            return _CLASSES[char]
        wanted = _LITERAL_ESCAPES.get(char, char)
        if char.isalnum() and char not in _LITERAL_ESCAPES:
            raise _wrong()
        return lambda c: c == wanted

    def _class(self) -> Callable[[str], bool]:
        negated = self._peek() == "^"
        self.at += negated
        tests: list[Callable[[str], bool]] = []
        while (char := self._next()) != "]" or not tests:
            tests.append(self._range(char))
        return lambda c: any(test(c) for test in tests) is not negated

    def _range(self, char: str) -> Callable[[str], bool]:
        if char == "\\":
            if self._peek() in _CLASSES:
                return _CLASSES[self._next()]
            char = self._next()
            char = _LITERAL_ESCAPES.get(char, char)
        if self._peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
            self.at += 1
            high = self._next()
            high = self._next() if high == "\\" else high
            if high < char:
                raise _wrong()
            return lambda c: char <= c <= high
        return lambda c: c == char
