"""Regular expressions whose cost is bounded by the length of pattern and text, whoever wrote them.

`re` tries one way after the other and may take years over a short text (`(a+)+$`). Here all ways are followed at once
(K. Thompson, CACM 11, 1968): one pass over the text, at most as many places at a time as the pattern has. Look-around
and back references cannot be done so and are refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NoReturn

from yima.runtime.errors import Refusal

MAX_STATES: Final = 5_000
MAX_TEXT: Final = 100_000
_MAX_WORK: Final = 20_000_000
_MAX_REMEMBERED: Final = 20_000

Test = Callable[[str], bool]
Flags = tuple[bool, bool, bool, bool]
"""(at the start, at the end, word character before, word character after)."""

_WORD: Final = re.compile(r"\w", re.ASCII).match
_SETS: Final[dict[str, Test]] = {
    "d": lambda c: "0" <= c <= "9",
    "w": lambda c: _WORD(c) is not None,
    "s": lambda c: c in " \t\r\n\f\v\u00a0\u3000",
}
_CONTROLS: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_COUNT: Final = re.compile(r"\{([0-9]{1,4})(,([0-9]{0,4}))?\}")
_NAMED: Final = re.compile(r"\?(?::|<[A-Za-z]\w*>)")
_ASSERTIONS: Final[dict[str, Callable[[Flags], bool]]] = {
    "^": lambda flags: flags[0],
    "$": lambda flags: flags[1],
    "b": lambda flags: flags[2] != flags[3],
    "B": lambda flags: flags[2] == flags[3],
}


@dataclass(slots=True)
class _Program:
    """States of the automaton: a test and where it leads, or where to go without reading."""

    tests: list[Test | None] = field(default_factory=list)
    ways: list[list[tuple[str, int]]] = field(default_factory=list)
    """Moves that read nothing: ('' or an assertion, target)."""
    targets: list[int] = field(default_factory=list)
    unbounded: int = 0
    nested: bool = False

    def state(self) -> int:
        if len(self.ways) >= MAX_STATES:
            raise Refusal("expression-invalid", reason=f"a regular expression of over {MAX_STATES} places", at="")
        self.tests.append(None)
        self.ways.append([])
        self.targets.append(-1)
        return len(self.ways) - 1


class _Reader:
    """A pattern to states. Each method builds from a given state and returns the one it ends in."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.program = _Program()
        self.depth = 0
        self.start = self.program.state()
        self.end = self.alternatives(self.start)
        if self.at < len(text):
            self.fail()

    def fail(self) -> NoReturn:
        raise Refusal(
            "expression-invalid",
            reason="a regular expression that is not understood",
            at=self.text[self.at : self.at + 16],
        )

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def alternatives(self, start: int) -> int:
        self.depth += 1
        if self.depth > 40:
            self.fail()
        end = self.program.state()
        while True:
            first = self.program.state()
            self.program.ways[start].append(("", first))
            self.program.ways[self.sequence(first)].append(("", end))
            if self.peek() != "|":
                self.depth -= 1
                return end
            self.at += 1

    def sequence(self, state: int) -> int:
        while (mark := self.peek()) and mark not in "|)":
            state = self.repeated(state)
        return state

    def repeated(self, state: int) -> int:
        begin, before = self.at, self.program.unbounded
        inside = self.program.state()
        end = self.atom(inside)
        after = self.at
        least, most = self.counts()
        if (least, most) == (1, 1):
            self.program.ways[state].append(("", inside))
            return end
        if most is None or most > 10:
            self.program.nested |= self.program.unbounded > before or "|" in self.text[begin:after]
            self.program.unbounded += 1
        return self.copies(state, (begin, self.at), (least, most), (inside, end))

    def copies(self, state: int, span: tuple[int, int], counts: tuple[int, int | None], first: tuple[int, int]) -> int:
        """The atom as often as its count says: copies in a row, the optional ones with a way around them."""
        least, most = counts
        out = self.program.state()
        total = max(least, 1) if most is None else most
        unbounded = self.program.unbounded
        for number in range(total):
            if number >= least:
                self.program.ways[state].append(("", out))
            inside, end = first if number == 0 else self.again(span[0])
            self.program.ways[state].append(("", inside))
            if most is None and number == total - 1:
                self.program.ways[end].append(("", inside))
            state = end
        self.at, self.program.unbounded = span[1], unbounded
        self.program.ways[state].append(("", out))
        return out

    def again(self, begin: int) -> tuple[int, int]:
        self.at = begin
        inside = self.program.state()
        return inside, self.atom(inside)

    def counts(self) -> tuple[int, int | None]:
        mark = self.peek()
        if mark == "{":
            match = _COUNT.match(self.text, self.at)
            if match is None:
                self.fail()
            self.at = match.end()
            least = int(match[1])
            most = least if match[2] is None else int(match[3]) if match[3] else None
        elif mark and mark in "*+?":
            self.at += 1
            least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}[mark]
        else:
            return 1, 1
        if self.peek() == "?":
            self.at += 1  # lazy: another order of the same ways
        return least, most

    def atom(self, state: int) -> int:
        mark = self.peek()
        self.at += 1
        if mark == "(":
            if self.peek() == "?":
                named = _NAMED.match(self.text, self.at)
                if named is None:
                    self.fail()
                self.at = named.end()
            end = self.alternatives(state)
            if self.peek() != ")":
                self.fail()
            self.at += 1
            return end
        if mark in "^$" or (mark == "\\" and self.peek() in ("b", "B")):
            if mark == "\\":
                mark = self.peek()
                self.at += 1
            end = self.program.state()
            self.program.ways[state].append((mark, end))
            return end
        if mark in "*+?{":
            self.fail()
        return self.reading(state, self.one_of() if mark == "[" else self.escaped() if mark == "\\" else _literal(mark))

    def reading(self, state: int, test: Test) -> int:
        end = self.program.state()
        self.program.tests[state], self.program.targets[state] = test, end
        return end

    def escaped(self) -> Test:
        mark = self.peek()
        self.at += 1
        if mark.lower() in _SETS:
            known = _SETS[mark.lower()]
            return known if mark.islower() else lambda c: not known(c)
        if not mark or (mark.isalnum() and mark not in _CONTROLS and mark not in "ux"):
            self.fail()
        return _exactly(self.character(mark))

    def character(self, mark: str) -> str:
        if mark in ("u", "x"):
            size = 4 if mark == "u" else 2
            digits = self.text[self.at : self.at + size]
            if len(digits) < size or not all(c in "0123456789abcdefABCDEF" for c in digits):
                self.fail()
            self.at += size
            return chr(int(digits, 16))
        return _CONTROLS.get(mark, mark)

    def one_of(self) -> Test:
        negated = self.peek() == "^"
        self.at += negated
        tests: list[Test] = []
        while (mark := self.peek()) != "]" or not tests:
            if not mark:
                self.fail()
            self.at += 1
            if mark == "\\" and self.peek().lower() in _SETS:
                tests.append(self.escaped())
                continue
            low = self.member(mark)
            if self.peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                high = self.text[self.at + 1]
                self.at += 2
                tests.append(_between(low, self.member(high)))
            else:
                tests.append(_exactly(low))
        self.at += 1
        return (lambda c: not any(t(c) for t in tests)) if negated else (lambda c: any(t(c) for t in tests))

    def member(self, mark: str) -> str:
        if mark != "\\":
            return mark
        mark = self.peek()
        self.at += 1
        return self.character(mark)


def _literal(mark: str) -> Test:
    return (lambda _: True) if mark == "." else _exactly(mark)


def _exactly(wanted: str) -> Test:
    return lambda c: c == wanted


def _between(low: str, high: str) -> Test:
    return lambda c: low <= c <= high


class _Automaton:
    """The compiled pattern, with the steps it has taken before."""

    def __init__(self, pattern: str) -> None:
        reader = _Reader(pattern)
        self.program, self.start, self.end = reader.program, reader.start, reader.end
        self.known: dict[tuple[frozenset[int], Flags], frozenset[int]] = {}
        self.taken: dict[tuple[frozenset[int], str], frozenset[int]] = {}

    def closure(self, states: frozenset[int], flags: Flags) -> frozenset[int]:
        """All places reachable without reading."""
        found = self.known.get((states, flags))
        if found is None:
            seen, left = set(states), list(states)
            while left:
                for assertion, target in self.program.ways[left.pop()]:
                    if target not in seen and (not assertion or _ASSERTIONS[assertion](flags)):
                        seen.add(target)
                        left.append(target)
            found = frozenset(seen)
            if len(self.known) < _MAX_REMEMBERED:
                self.known[states, flags] = found
        return found

    def step(self, states: frozenset[int], mark: str) -> frozenset[int]:
        found = self.taken.get((states, mark))
        if found is None:
            tests, targets = self.program.tests, self.program.targets
            found = frozenset(targets[s] for s in states if (test := tests[s]) is not None and test(mark))
            if len(self.taken) < _MAX_REMEMBERED:
                self.taken[states, mark] = found
        return found

    def run(self, text: str, *, full: bool) -> bool:
        if len(text) > MAX_TEXT or len(text) * len(self.program.ways) > _MAX_WORK:
            raise Refusal("too-costly", limit=f"{MAX_TEXT} characters for a regular expression")
        first = frozenset((self.start,))
        states, before = first, False
        for at, mark in enumerate(text):
            after = _WORD(mark) is not None
            states = self.closure(states, (at == 0, False, before, after))
            if not full and self.end in states:
                return True
            states = self.step(states, mark)
            if not full:
                states |= first
            elif not states:
                return False
            before = after
        return self.end in self.closure(states, (not text, True, before, False))


@lru_cache(maxsize=1024)
def _automaton(pattern: str) -> _Automaton:
    return _Automaton(pattern)


def matches(text: str, pattern: str) -> bool:
    """Whether the pattern is found in the text (FHIRPath N1, 5.6.9; `.` stands for any character)."""
    return _automaton(pattern).run(text, full=False)


def matches_full(text: str, pattern: str) -> bool:
    """Whether the whole text is of the pattern."""
    return _automaton(pattern).run(text, full=True)


def replace_matches(text: str, pattern: str, by: str) -> str:
    """Every place where the pattern is found replaced, `$1` or `${name}` being its groups.

    Refusal `too-costly` where `re`, which does it, could take long: repetitions inside repetitions, or too many.
    """
    if not pattern:
        return text
    program = _automaton(pattern).program
    if (
        program.nested
        or (len(text) + 1) ** (program.unbounded + 1) > _MAX_WORK
        or len(by) * (len(text) + 1) > _MAX_WORK
    ):
        raise Refusal("too-costly", limit="the repetitions of a regular expression")
    template = re.sub(r"\$(?:\{(\w+)\}|([0-9]))", r"\\g<\1\2>", by.replace("\\", "\\\\"))
    try:
        return re.sub(pattern.replace("?<", "?P<"), template, text, flags=re.S)
    except (re.error, IndexError) as error:
        raise Refusal("expression-failed", reason="a regular expression or its replacement") from error
