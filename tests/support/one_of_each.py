"""One resource of every type of R4, filled wherever a search parameter looks, every value telling whose it is.

Made from the structure tables of the product (R4's own definitions): what is required, and what is searched for. An
element that breaks a rule of R4 in this company is left out again. No data of anybody; the values are words and numbers
of one owner, so that a word of one in an answer to another is a leak.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from yima import fhir
from yima.runtime.errors import Refusal

Tree = dict[str, Any]
_STRUCTURE: Final[Tree] = json.loads(files("yima.fhir").joinpath("data/structure.json").read_bytes())
_TYPES: Final[Tree] = _STRUCTURE["types"]
_VALUE_SETS: Final[Tree] = _STRUCTURE["valuesets"]
_SEARCH: Final[Tree] = json.loads(files("yima.fhir").joinpath("data/search.json").read_bytes())["search"]
_DEPTH: Final = 4
_SKIPPED: Final = frozenset({"id", "meta", "text", "contained", "extension", "modifierExtension", "language"})


@cache
def _elements(type_name: str) -> dict[str, str]:
    """Element -> its cardinality and types, those of base types included."""
    found = _TYPES.get(type_name, {})
    base = _elements(found["base"]) if found.get("base") else {}
    return base | found.get("elements", {})


class Owner:
    """Whose data it is: the word that stands in every value, and a number that differs for everybody."""

    def __init__(self, word: str, number: int) -> None:
        self.word, self.number = word, number

    def value(self, kind: str, binding: str, name: str) -> Any:
        """A value of a primitive type; of a bound code one of the value set."""
        if kind == "code" and binding in _VALUE_SETS:
            codes = [code for listed in _VALUE_SETS[binding].values() for code in listed]
            return codes[self.number % len(codes)] if codes else self.word
        made: Tree = {
            "boolean": self.number % 2 == 0, "integer": self.number, "positiveInt": self.number,
            "unsignedInt": self.number, "decimal": self.number, "date": f"{2000 + self.number}-02-03",
            "dateTime": f"{2000 + self.number}-02-03T04:05:06+08:00", "time": "04:05:06",
            "instant": f"{2000 + self.number}-02-03T04:05:06+08:00", "base64Binary": "eGE=",
            "uri": f"urn:{self.word}:{name}", "url": f"http://{self.word}.example/{name}",
            "canonical": f"http://{self.word}.example/{name}", "oid": f"urn:oid:1.2.{self.number}",
            "uuid": f"urn:uuid:00000000-0000-4000-8000-{self.number:012}", "id": self.word,
            "xhtml": f'<div xmlns="http://www.w3.org/1999/xhtml">{self.word}</div>',
        }  # fmt: skip
        return made.get(kind, f"{self.word}-{name}")


class Maker:
    """Makes resources of one owner. `addresses`: type -> what a reference to one of that type says."""

    def __init__(self, owner: Owner, addresses: Mapping[str, str]) -> None:
        self.owner, self._addresses = owner, addresses

    def resource(self, type_name: str) -> Tree:
        """A resource that keeps R4's rules, with all it can have of what is searched for."""
        made: Tree = {"resourceType": type_name, **self._required(type_name, 0), **_seed(type_name, self.owner.word)}
        for name, kind, path in _searched(type_name):
            trial = json.loads(json.dumps(made))
            self._put(trial, type_name, name, kind, path)
            made = trial if is_valid(trial) else made
        return made

    def _required(self, type_name: str, depth: int) -> Tree:
        made: Tree = {}
        for name, said in _elements(type_name).items():
            if said.startswith("1") and name not in _SKIPPED:
                key, value = self._element(name, said, "", depth)
                made[key] = value
        return made

    def _put(self, tree: Tree, type_name: str, name: str, kind: str, path: str) -> None:
        """Fill an element named by a search path, making what lies between."""
        here, rest = name, path.partition(".")[2]
        said, choice = _elements(type_name).get(here), ""
        if said is None:
            stem = next((e for e in _elements(type_name) if e.endswith("[x]") and here.startswith(e[:-3])), None)
            if stem is None:
                return
            said, choice = _elements(type_name)[stem], here.removeprefix(stem[:-3])
            if any(key.startswith(stem[:-3]) and key != here for key in tree):
                return
            here = stem
        inner = said.split(" ")[1].partition("|")[0] if not choice else ""
        if rest and not choice and inner in _TYPES:
            key = here
            many = _is_many(said)
            node = tree.get(key) or ([{}] if many else {})
            target = node[0] if isinstance(node, list) else node
            target |= {k: v for k, v in self._required(inner, 1).items() if k not in target}
            following = rest.partition(".")[0].partition("[")[0]
            self._put(target, inner, following, kind, rest)
            tree[key] = node
            return
        key, value = self._element(here, said, choice, 0, tuple(_targets(kind)))
        tree.setdefault(key, value)

    def _element(self, name: str, said: str, choice: str, depth: int, targets: tuple[str, ...] = ()) -> tuple[str, Any]:
        kinds = said.split(" ")[1].split("|")
        binding = said.split(" ")[2] if said.count(" ") > 1 else ""
        kind = next((k for k in kinds if k[:1].upper() + k[1:] == choice), kinds[0])
        key = name[:-3] + kind[:1].upper() + kind[1:] if name.endswith("[x]") else name
        value = self._of(kind, binding, key, depth, targets)
        return key, [value] if _is_many(said) else value

    def _of(self, kind: str, binding: str, name: str, depth: int, targets: tuple[str, ...]) -> Any:
        word, number = self.owner.word, self.owner.number
        if kind == "Reference":
            return {"reference": self._reference(targets)}
        ready: Tree = {
            "CodeableConcept": {"coding": [self._coding(binding, name)], "text": f"{word}-{name}"},
            "Coding": self._coding(binding, name),
            "Identifier": {"system": f"urn:{word}:number", "value": f"{word}-{name}"},
            "HumanName": {"family": f"{word}-family", "given": [f"{word}-given"], "text": f"{word}-{name}"},
            "Address": {"city": f"{word}-city", "country": word, "text": f"{word}-{name}"},
            "ContactPoint": {"system": "email", "value": f"{word}@example.org"},
            "Period": {"start": f"{2000 + number}-02-03", "end": f"{2000 + number}-02-04"},
            "Quantity": {"value": number, "unit": word, "system": "http://unitsofmeasure.org", "code": "mg"},
            "Annotation": {"text": f"{word}-{name}"},
            "Attachment": {"contentType": "text/plain", "title": f"{word}-{name}", "url": f"urn:{word}:{name}"},
            "Timing": {"event": [f"{2000 + number}-02-03"]},
            "Range": {"low": {"value": number}},
            "Meta": {},
            "Narrative": {"status": "generated", "div": self.owner.value("xhtml", "", name)},
            "Signature": {"when": self.owner.value("instant", "", name), "who": {"display": word},
                          "type": [{"code": word}]},
        }  # fmt: skip
        if kind in ("Age", "Count", "Distance", "Duration", "Money", "SimpleQuantity", "MoneyQuantity"):
            return {"value": number} | ({"currency": "CNY"} if kind == "Money" else {})
        if kind in ready:
            return ready[kind]
        if kind == "Resource":
            return {"resourceType": "Basic", "code": {"text": word}}
        if kind in _TYPES and depth < _DEPTH:
            return self._required(kind, depth + 1) or {"id": word}
        return self.owner.value(kind, binding, name)

    def _coding(self, binding: str, name: str) -> Tree:
        if binding in _VALUE_SETS:
            system, codes = next(iter(_VALUE_SETS[binding].items()))
            return {"system": system, "code": codes[self.owner.number % len(codes)]}
        return {"system": f"urn:{self.owner.word}:codes", "code": f"{self.owner.word}-{name}"}

    def _reference(self, targets: tuple[str, ...]) -> str:
        for target in ("Patient", *targets):
            if (not targets or target in targets or "*" in targets) and target in self._addresses:
                return self._addresses[target]
        return self._addresses["Patient"]


def _seed(type_name: str, word: str) -> Tree:
    """What some types need besides what their tables require, by R4's rules."""
    made: Tree = {
        "Appointment": {"status": "proposed", "participant": [{"status": "accepted", "type": [{"text": word}]}]},
        "Bundle": {"type": "collection"},
        "CapabilityStatement": {"rest": [{"mode": "server"}], "kind": "requirements", "description": word},
        "Consent": {"policyRule": {"text": word}},
        "EventDefinition": {"trigger": [{"type": "named-event", "name": word}]},
        "Linkage": {"item": [{"type": kind, "resource": {"display": word}} for kind in ("source", "alternate")]},
        "StructureDefinition": {
            "abstract": True, "kind": "logical", "type": f"http://{word}.example/t",
            "differential": {"element": [{"id": "t", "path": "t"}]},
        },
        "MolecularSequence": {"coordinateSystem": 0},
        "TerminologyCapabilities": {"description": word, "kind": "requirements"},
    }  # fmt: skip
    return dict(made.get(type_name, {}))


def _is_many(said: str) -> bool:
    return said.partition("..")[2][:1] == "*"


def _targets(kind: str) -> list[str]:
    return kind.partition(" ")[2].split("|") if " " in kind else []


def _searched(type_name: str) -> Iterator[tuple[str, str, str]]:
    """First element, kind (of references with their targets) and whole path of all that is searched for."""
    for param in _SEARCH.get(type_name, {}).values():
        rows = [(row, param.get("target", ())) for row in param.get("paths", ())]
        for part in param.get("parts", ()):
            prefix = f"{part['at']}." if part["at"] else ""
            rows += [(prefix + row, ()) for _, found in part["of"] for row in found]
        for row, targets in rows:
            path, _, kind = row.partition(" ")
            first = path.partition(".")[0].partition("[")[0]
            if first not in _SKIPPED and "(" not in path:
                wanted = f"Reference {'|'.join(sorted(targets))}" if targets else kind.partition(" ")[0]
                yield first, wanted, path.partition("[")[0] if path.endswith("]") else path


def is_valid(resource: Tree) -> bool:
    """Whether the platform takes it."""
    try:
        fhir.validate(resource)
    except Refusal:
        return False
    return True


def searched_values(type_name: str, param: str, resource: Tree) -> list[str]:
    """What to search for to find this resource by a parameter; [] where it has nothing of it."""
    rows = _SEARCH[type_name][param].get("paths", ())
    found = [leaf for row in rows for node in _at(resource, row.partition(" ")[0]) for leaf in _leaves(node)]
    return list(dict.fromkeys(found))


def _at(tree: Any, path: str) -> list[Any]:
    nodes = [tree]
    for step in path.split("."):
        name = step.partition("[")[0].partition("(")[0]
        nodes = [one[name] for one in nodes if isinstance(one, dict) and name in one]
        nodes = [each for one in nodes for each in (one if isinstance(one, list) else [one])]
    return nodes


def _leaves(node: Any) -> list[str]:
    if isinstance(node, dict):
        if "coding" in node:
            return [one["code"] for one in node["coding"] if "code" in one]
        for name in ("reference", "code", "value", "start", "event", "text"):
            if name in node and not isinstance(node[name], dict):
                inner = node[name][0] if isinstance(node[name], list) else node[name]
                return [str(inner)]
        return []
    return [str(node).lower() if isinstance(node, bool) else str(node)]
