"""The FHIRPath subset in which the R4 search parameters are written, resolved against the element tables.

An expression becomes concrete, typed JSON paths once, here; the platform itself never parses FHIRPath. A path is
written `key.key[filter].key Type [valueset]`, where a filter is `is:Patient` (the reference points to that type),
`name=value` (a child equals) or a list index; the key `^` goes back
to the resource, `@deceased` is Patient's one computed value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

Elements = dict[str, dict[str, str]]
"""Type name -> element name -> row `min..max type|type [valueset]`, as in structure.json, base elements included."""

Step = tuple[str, str]
"""(verb, argument): name, as, is, where, index."""


@dataclass(frozen=True)
class Place:
    """Where a partial expression stands: the JSON keys walked so far, the type found there, its bound value set."""

    keys: tuple[str, ...]
    type: str
    valueset: str = ""

    def row(self) -> str:
        """The text form used in search.json."""
        return " ".join(filter(None, (".".join(self.keys), self.type, self.valueset)))


def split_top(text: str, separator: str) -> list[str]:
    """Split at a separator that stands outside parentheses."""
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == separator and depth == 0:
            parts.append(text[start:at].strip())
            start = at + 1
    return [*parts, text[start:].strip()]


def steps_of(term: str) -> list[Step]:
    """One term of a union as a list of steps."""
    cast = re.fullmatch(r"(.+) as (\w+)", term)
    if cast and not term.startswith("("):
        return [*steps_of(cast[1]), ("as", cast[2])]
    steps: list[Step] = []
    for piece in split_top(term, "."):
        steps.extend(_piece(piece))
    return steps


def _piece(piece: str) -> list[Step]:
    if piece.startswith("(") and piece.endswith(")"):
        return steps_of(piece[1:-1])
    if match := re.fullmatch(r"(?:as|ofType)\((\w+)\)", piece):
        return [("as", match[1])]
    if match := re.fullmatch(r"where\(resolve\(\) is (\w+)\)", piece):
        return [("is", match[1])]
    if match := re.fullmatch(r"where\((\w+)='([^']*)'\)", piece):
        return [("where", f"{match[1]}={match[2]}")]
    if match := re.fullmatch(r"(\w+)\[(\d+)\]", piece):
        return [("name", match[1]), ("index", match[2])]
    if piece == "%resource":
        return [("root", "")]
    if re.fullmatch(r"\w+", piece):
        return [("name", piece)]
    raise ValueError(f"not in the subset: {piece}")


def resolve(steps: list[Step], start: Place, elements: Elements, root: str = "") -> list[Place]:
    """All concrete places a list of steps reaches from a place; `root` is the type that `%resource` stands for."""
    places = [start]
    for verb, argument in steps:
        if verb == "name":
            places = [found for place in places for found in _child(place, argument, elements)]
        elif verb == "root":
            places = [Place(("^",), root)]
        elif verb == "as":
            places = [place for place in places if place.type == argument]
        else:
            mark = f"is:{argument}" if verb == "is" else argument
            places = [Place((*p.keys[:-1], f"{p.keys[-1]}[{mark}]"), p.type, p.valueset) for p in places]
    return places


def _child(place: Place, name: str, elements: Elements) -> list[Place]:
    rows = elements.get(place.type, {})
    if name in rows:
        _, types, *valueset = rows[name].split()
        return [Place((*place.keys, name), types, "".join(valueset))]
    if f"{name}[x]" in rows:
        _, types, *valueset = rows[f"{name}[x]"].split()
        return [
            Place((*place.keys, name + kind[0].upper() + kind[1:]), kind, "".join(valueset) if kind == "code" else "")
            for kind in types.split("|")
        ]
    return []


def places(expression: str, base: str, elements: Elements) -> list[Place]:
    """The places an expression names in resources of one type; terms for other types are left out."""
    found: list[Place] = []
    if expression == "Patient.deceased.exists() and Patient.deceased != false":
        return [Place(("@deceased",), "boolean")]
    for term in split_top(expression, "|"):
        steps = steps_of(term)
        if steps and steps[0] == ("name", base):
            found.extend(resolve(steps[1:], Place((), base), elements))
        elif steps[0][1][0].islower():  # InsurancePlan-name is written without its type
            found.extend(resolve(steps, Place((), base), elements))
    return list(dict.fromkeys(found))
