"""What a rule says when only the names of an object's elements are known.

Most rules of R4 ask for presence: `type.exists() or actor.exists()`. For them the names decide, once for all objects
with the same names; only what stays open is computed on the values (`validation.py`).
"""

from __future__ import annotations

from typing import Final, Literal

from yima.fhir.fhirpath.syntax import Binary, Call, Member, Name, Tree, parse_expression
from yima.fhir.fhirpath.syntax import Literal as Written

Known = bool | None | Literal["open"]
"""True, false, nothing, or not decided by names."""
_ABSENT: Final = "absent"
_PRESENT: Final = "present"


def decide(expression: str, present: frozenset[str]) -> Known:
    """What an expression yields for every object that has exactly these elements (choices without their type)."""
    return _known(parse_expression(expression), present)


def _known(tree: Tree, present: frozenset[str]) -> Known:
    match tree:
        case Written(values) if values in ((True,), (False,)):
            return bool(values[0])
        case Binary("and" | "or" | "xor" | "implies" as operator, left, right):
            return _logic(operator, _known(left, present), _known(right, present))
        case Binary("=" | "!=" as sign, left, right):
            return _equality(sign, left, right, present)
        case Member(left, Call(name, arguments)):
            return _called(left, name, arguments, present)
        case Call("exists" | "empty" | "all", _):
            return "open"
    return None if _place(tree, present) == _ABSENT else "open"


def _called(left: Tree, name: str, arguments: tuple[Tree, ...], present: frozenset[str]) -> Known:
    if name == "not" and (inner := _known(left, present)) != "open":
        return None if inner is None else not inner
    place = _place(left, present)
    if place == _ABSENT:
        nothing: dict[str, Known] = {
            "exists": False, "empty": True, "hasValue": False, "all": True, "isDistinct": True, "allFalse": True,
            "allTrue": True,
        }  # fmt: skip
        return nothing.get(name) if name in nothing or name in _PASSING else "open"
    if place == _PRESENT and not arguments and name in ("exists", "empty"):
        return name == "exists"
    return "open"


_PASSING: Final = frozenset(
    ("where", "select", "startsWith", "contains", "matches", "first", "is", "as", "ofType", "toInteger")
)
"""Functions of nothing that yield nothing."""


def _place(tree: Tree, present: frozenset[str]) -> str:
    """Whether an element that a path leads to is certainly absent, certainly present, or neither."""
    match tree:
        case Name(name):
            return _PRESENT if name in present else _ABSENT if name[:1].islower() else ""
        case Member(left, Name(_)):
            return _ABSENT if _place(left, present) == _ABSENT else ""
        case Member(left, Call(name, _)) if name in _PASSING:
            return _ABSENT if _place(left, present) == _ABSENT else ""
        case Binary("|", left, right):
            both = (_place(left, present), _place(right, present))
            return _PRESENT if _PRESENT in both else _ABSENT if both == (_ABSENT, _ABSENT) else ""
    return ""


def _equality(sign: str, left: Tree, right: Tree, present: frozenset[str]) -> Known:
    if _place(left, present) == _ABSENT or _place(right, present) == _ABSENT:
        return None
    one, other = _known(left, present), _known(right, present)
    if isinstance(one, bool) and isinstance(other, bool):
        return (one == other) is (sign == "=")
    return "open"


def _logic(operator: str, one: Known, other: Known) -> Known:
    if operator == "implies":
        one, operator = (one if one in (None, "open") else not one), "or"
    if operator == "xor":
        if isinstance(one, bool) and isinstance(other, bool):
            return one != other
        return None if one is None or other is None else "open"
    decided = operator == "or"
    if one is decided or other is decided:
        return decided
    if "open" in (one, other):
        return "open"
    return None if one is None or other is None else not decided
