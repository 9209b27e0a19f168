"""Which slice an element belongs to (R4 profiling.html#slicing, #discriminator)."""

from __future__ import annotations

import re
from typing import Final, Protocol

from yima.fhir.fhirpath import Node, compile_expression, is_kind
from yima.fhir.profiles.definition import Rule, core_type
from yima.fhir.profiles.values import codings, fits

_STEP: Final = re.compile(r"extension\('([^']*)'\)|ofType\((\w+)\)|resolve\(\)|\$this|[A-Za-z]\w*")
_BY_TYPE: Final = [{"type": "type", "path": "$this"}]
_BY_URL: Final = [{"type": "value", "path": "url"}]


class Judge(Protocol):
    """What a slice has to ask besides its own rules."""

    def meets(self, node: Node, url: str) -> bool:
        """Whether a node meets a profile."""

    def resolve(self, node: Node) -> Node | None:
        """The resource a reference points to."""

    def rule_of(self, url: str) -> Rule | None:
        """The rules of a profile."""

    def in_value_set(self, url: str, system: str, code: str) -> bool | None:
        """Whether a code is in a value set."""


def belongs(judge: Judge, node: Node, slice_rule: Rule, sliced: Rule, *, profiles: bool = True) -> bool:
    """Whether all discriminators say that an element is of a slice; without `profiles`, all that ask for no profile."""
    slicing = sliced.slicing or {}
    default = _BY_URL if sliced.name in ("extension", "modifierExtension") else _BY_TYPE
    discriminators = slicing.get("discriminator") or default
    if not profiles:
        discriminators = [d for d in discriminators if d.get("type") != "profile"]
        if not discriminators:
            return False
    return all(_says(judge, str(d.get("type")), str(d.get("path", "$this")), node, slice_rule) for d in discriminators)


def _says(judge: Judge, kind: str, path: str, node: Node, slice_rule: Rule) -> bool:
    steps = [match[0] for match in _STEP.finditer(path)]
    nodes = _nodes(judge, [node], steps)
    rules = _rules(judge, slice_rule, steps)
    if kind == "exists":
        return any(bool(nodes) is (rule.maximum != 0) for rule in rules if rule.maximum == 0 or rule.minimum)
    if kind == "type":
        codes = {t.code for rule in rules for t in rule.types} or {
            core_type(url) for rule in rules for t in rule.types for url in t.targets
        }
        targets = [url for rule in rules for t in rule.types for url in t.targets]
        if "resolve()" in steps and targets:
            return any(judge.meets(found, url) for found in nodes for url in targets)
        return bool(nodes) and all(any(is_kind(found.type, code) for code in codes) for found in nodes)
    if kind == "profile":
        urls = [u for rule in rules for t in rule.types for u in (t.targets if "resolve()" in steps else t.profiles)]
        return any(judge.meets(found, url) for found in nodes for url in urls)
    return any(_same(judge, found, rule) for rule in rules for found in nodes)


def _nodes(judge: Judge, nodes: list[Node], steps: list[str]) -> list[Node]:
    for step in steps:
        if step == "$this":
            continue
        if step == "resolve()":
            nodes = [found for node in nodes if (found := judge.resolve(node)) is not None]
        else:
            expression = compile_expression(step)
            nodes = [item for node in nodes for item in expression.evaluate(node) if isinstance(item, Node)]
    return nodes


def _rules(judge: Judge, rule: Rule, steps: list[str]) -> list[Rule]:
    """The rules that the slice, or a profile its type names, has at a discriminator's path."""
    rules = [rule]
    for step in steps:
        if step in ("$this", "resolve()") or step.startswith("ofType"):
            continue
        url = _STEP.fullmatch(step)
        wanted = url[1] if url else None
        found: list[Rule] = []
        for each in _with_profiles(judge, rules):
            if wanted is None:
                found += [each.children[step]] if step in each.children else []
            elif "extension" in each.children:
                found += [
                    s for s in each.children["extension"].slices.values() if any(wanted in t.profiles for t in s.types)
                ]
        rules = found
    return [each for rule in rules for each in (rule, *rule.slices.values())]


def _with_profiles(judge: Judge, rules: list[Rule]) -> list[Rule]:
    named = (judge.rule_of(url) for rule in rules for t in rule.types for url in t.profiles)
    return rules + [rule for rule in named if rule is not None]


def _same(judge: Judge, node: Node, rule: Rule) -> bool:
    """Whether an element has the value that a rule fixes, by value, pattern or required value set."""
    if rule.fixed is not None:
        return bool(node.value == rule.fixed)
    if rule.pattern is not None:
        return fits(node.value, rule.pattern)
    if rule.binding and rule.binding[0] == "required":
        return any(judge.in_value_set(rule.binding[1], s, c) for s, c in codings(node))
    inner = [child for child in rule.children.values() if _fixes(child)]
    return bool(inner) and all(any(_same(judge, found, child) for found in node.child(child.name)) for child in inner)


def _fixes(rule: Rule) -> bool:
    return rule.fixed is not None or rule.pattern is not None or any(map(_fixes, rule.children.values()))
